# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blueprints that use an object, such as an app or a wallpaper, for guards and for _info modules.

Blueprints refer to objects by ID, so the keys of these IDs in the settings are data of each kind. A key is a path from
any level of the settings, without the positions in lists: ``wallpaper_id`` is the key of all wallpapers, and
``ios.apps.app_id`` that of the apps of one platform.

Two versions of a blueprint matter: the latest, which can be a draft, and the published one, which devices get. The
filters of /v2/blueprints/ (v2.yaml) match any version, so they only reduce the number of candidates.

Requests: the list of candidates, and one for the published version of each candidate with a newer draft. Each is read
once for a task. A list without settings, which the contract does not have, costs one more request for each candidate.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.errors import EsperError
from ..base.row import Params, Row
from ..engine.tenant_view import TenantView
from ..http.client import Query
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.field import Field
from ..model.kind import Related, Users
from ..model.module_spec import Option
from ..model.unknowns import KnownAfterApply
from .blueprint_list import BLUEPRINTS, list_versions, read_version

_Selector = t.Callable[[Row], bool]
"""A function that returns whether a version of a blueprint uses an object."""

_Path = tuple[str, ...]

PUBLISHED = "published version"
DRAFT = "draft"
PLANNED = "planned by this task"


@dataclass(frozen=True)
class User:
    """A blueprint that uses an object after the task, and the versions that use it."""

    id: t.Any
    name: str
    versions: tuple[str, ...]

    def __str__(self) -> str:
        return f"the blueprint '{self.name}' ({' and '.join(self.versions)})"


@dataclass
class Usage:
    """The blueprints that use an object after the task, and the IDs of those that use it only before the task."""

    users: list[User] = field(default_factory=list)
    former: list[t.Any] = field(default_factory=list)


def in_blueprints(*keys: str, query: str = "", id_key: str = "id") -> t.Callable[[t.Any, Row], Users]:
    """Return the function of a Guard that reads the blueprints with the ID of the object under one of the keys.

    ``query`` is the parameter of /v2/blueprints/ that finds them by ID, "" if there is none, so that all blueprints are
    read. ``id_key`` is the API's key for the ID of the object.
    """

    def users(view: TenantView, row: Row) -> Users:
        found = usage_of(view, row[id_key], keys, _filter(query, row[id_key]))
        return Users(tuple(map(str, found.users)), tuple((BLUEPRINTS, each) for each in found.former))

    return users


def blueprints_with(title: str, *keys: str, query: str = "", id_key: str = "id", option: str = "usage") -> Related:
    """Return the value ``blueprints`` of an _info module: see in_blueprints(). ``title`` is an object in a sentence."""

    def read(view: TenantView, row: Row, _params: Params) -> list[Row]:
        found = usage_of(view, row[id_key], keys, _filter(query, row[id_key]))
        return [{"id": user.id, "name": user.name, "versions": list(user.versions)} for user in found.users]

    field = Field(
        "blueprints",
        f"Blueprints that use the {title} in their latest or published version. Returned if O({option}=true).",
        type="list",
        elements="dict",
        writable=False,
        fields=(
            Field("id", "ID of the blueprint."),
            Field("name", "Name of the blueprint."),
            Field(
                "versions",
                f"Versions that use the {title}: V({PUBLISHED}), V({DRAFT}) or both.",
                type="list",
                elements="str",
            ),
        ),
        sample=[{"id": "3f0c7c1e-52b7-4a0c-9d5e-0b6a4f8f2d10", "name": "Kiosks", "versions": [PUBLISHED]}],
    )
    doc = f"If V(true), also returns the blueprints that use the {title}. This takes additional requests."
    return Related(field, Option(option, doc, type="bool", default=False), read)


def _filter(query: str, object_id: t.Any) -> Query:
    return {query: object_id} if query else {}


def usage_of(view: TenantView, object_id: t.Any, keys: t.Sequence[str], query: Query) -> Usage:
    """Return the usage of the object with an ID, which blueprints have under one of the keys.

    ``query`` finds the blueprints that use it in any version, {} finds all.
    """
    paths, identifier = tuple(tuple(key.split(".")) for key in keys), _normalized(object_id)

    def selects(blueprint: Row) -> bool:
        return identifier in _ids_at(view, paths, blueprint)

    planned = {row["id"]: row for row in view.planned(BLUEPRINTS)}
    result = Usage()
    rows = view.list_objects(BLUEPRINTS, query)
    for row, before in zip(rows, _all_versions(view, rows, selects), strict=True):
        plan = planned.pop(row["id"], None)
        if view.is_deleted(BLUEPRINTS, row["id"]):
            after: list[str] = []
        elif plan is None:
            after = before
        else:
            # A task that does not publish does not change the published version.
            after = [PUBLISHED] if PUBLISHED in before and not plan.get("publish") else []
            after += [PLANNED] if selects(plan) else []
        if after:
            result.users.append(User(row["id"], BLUEPRINTS.name_of(plan or row), tuple(after)))
        elif before:
            result.former.append(row["id"])
    result.users += [
        User(row["id"], BLUEPRINTS.name_of(row), (PLANNED,))
        for row in planned.values()
        if selects(row) and not view.is_deleted(BLUEPRINTS, row["id"])
    ]
    return result


def _all_versions(view: TenantView, rows: list[Row], selects: _Selector) -> list[list[str]]:
    """Return the versions that use an object, for each blueprint."""

    def read_versions(row: Row) -> list[str] | EsperError:
        try:
            return _versions(view, row, selects)
        except EsperError as error:
            # An exception in a thread would cancel the other requests of the task.
            return error

    incomplete = [row for row in rows if "settings" not in row or not _is_published(row)]
    if len(incomplete) > 1:
        versions = list(in_parallel(view.client, read_versions, rows, CONCURRENCY))
    else:
        versions = [read_versions(row) for row in rows]
    for result in versions:
        if isinstance(result, EsperError):
            raise result
    return t.cast("list[list[str]]", versions)


def _versions(view: TenantView, row: Row, selects: _Selector) -> list[str]:
    """Return the versions of a blueprint that use an object, without the plans of the task."""
    if "settings" not in row:
        purpose = f"Reading the blueprint '{BLUEPRINTS.name_of(row)}'"
        row = {**row, **view.get_at(BLUEPRINTS.routes.object, {"id": str(row["id"])}, purpose=purpose)}
        if "settings" not in row:
            raise _unreadable(row)
    used = selects(row)
    if _is_published(row):
        return [PUBLISHED] if used else []
    published = _published_version(view, row)
    return ([PUBLISHED] if published and selects(published) else []) + ([DRAFT] if used else [])


def _is_published(row: Row) -> bool:
    """Return whether the latest version of a blueprint is the published one."""
    published = row.get("latest_published_version_id")
    return bool(row.get("publish")) and published in (None, row.get("version_id"))


def _published_version(view: TenantView, row: Row) -> Row | None:
    """Return the published version of a blueprint with a newer draft, None if it was never published."""
    purpose = f"Reading the published version of the {BLUEPRINTS.phrase(row)}"
    version_id = row.get("latest_published_version_id")
    if not version_id and "latest_published_version_id" in row:
        return None
    if not version_id:
        # The contract does not have the property. Without it, only the list of versions shows a published version.
        versions = list_versions(view, row, purpose=purpose)
        published = next((version for version in versions if version.get("publish")), None)
        if published is None or "settings" in published:
            return published
        version_id = published["version_id"]
    return read_version(view, row, version_id, purpose=purpose)


def _ids_at(view: TenantView, paths: tuple[_Path, ...], blueprint: Row) -> frozenset[t.Any]:
    """Return the IDs at paths in the settings of a blueprint, which are searched once for all objects of a task.

    Raise EsperError if a part of a path has an unexpected type, because the blueprint can use an object then.
    """
    cache, key = view.derived(BLUEPRINTS), (paths, id(blueprint))
    known = cache.get(key)
    if known is None:
        # With the blueprint, so that no other one gets its id() as long as the entry exists.
        known = cache[key] = (blueprint, frozenset(map(_normalized, _values_at(paths, blueprint))))
    ids: frozenset[t.Any] = known[1]
    return ids


def _values_at(paths: tuple[_Path, ...], blueprint: Row) -> t.Iterator[t.Any]:
    settings = blueprint.get("settings") or {}
    if not isinstance(settings, dict) or not all(isinstance(each or {}, dict) for each in settings.values()):
        raise _unreadable(blueprint)
    for path, value in _leaves(settings):
        for wanted in paths if value is not None else ():
            if path[-len(wanted) :] == wanted:
                yield value
            elif any(path[-size:] == wanted[:size] for size in range(1, len(wanted))):
                raise _unreadable(blueprint)


def _leaves(value: t.Any, path: _Path = ()) -> t.Iterator[tuple[_Path, t.Any]]:
    """Yield the values in dicts and lists at any depth, with their paths."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, value


def _unreadable(blueprint: Row) -> EsperError:
    return EsperError(
        f"Esper returned no settings, or settings of an unexpected type, for the blueprint '{blueprint.get('name')}',"
        " so the module cannot determine what it uses."
    )


def is_same_id(value: t.Any, object_id: t.Any) -> bool:
    """Return whether an ID in settings, a text or a number, is that of an object, which can be planned."""
    return bool(_normalized(value) == _normalized(object_id))


def _normalized(identifier: t.Any) -> t.Any:
    return identifier if isinstance(identifier, KnownAfterApply) else str(identifier).lower()
