# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blueprints that use an app or a content file.

Two versions of a blueprint matter: the latest, which can be a draft, and the published one, which devices get. The
filters of /v2/blueprints/ (v2.yaml) match any version, so they only reduce the number of candidates.

Requests: the list of candidates, and one for the published version of each candidate with a newer draft. Each is read
once for a task. A list without settings, which the contract does not have, costs one more request for each candidate.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.errors import EsperError
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..http.client import Query
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.unknowns import KnownAfterApply
from .blueprint_list import BLUEPRINTS

Selector = t.Callable[[Row], bool]
"""Whether settings, in the terms of the API, use an object."""

PUBLISHED = "published version"
DRAFT = "draft"
PLANNED = "planned by this task"


@dataclass(frozen=True)
class User:
    """A blueprint that uses an object once the task is complete, and in which of its versions."""

    id: t.Any
    name: str
    versions: tuple[str, ...]

    def __str__(self) -> str:
        return f"the blueprint '{self.name}' ({' and '.join(self.versions)})"


@dataclass
class Usage:
    """The blueprints that use an object once the task is complete, and the IDs of those that only use it before."""

    users: list[User] = field(default_factory=list)
    former: list[t.Any] = field(default_factory=list)


def usage(view: TenantView, query: Query, selects: Selector) -> Usage:
    """Return the usage of an object. ``query`` finds the blueprints that use it in any version, {} finds all."""
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
            # A task that does not publish leaves the published version as it is.
            after = [PUBLISHED] if PUBLISHED in before and not plan.get("publish") else []
            after += [PLANNED] if selects(_settings(plan)) else []
        if after:
            result.users.append(User(row["id"], BLUEPRINTS.name_of(plan or row), tuple(after)))
        elif before:
            result.former.append(row["id"])
    result.users += [
        User(row["id"], BLUEPRINTS.name_of(row), (PLANNED,))
        for row in planned.values()
        if selects(_settings(row)) and not view.is_deleted(BLUEPRINTS, row["id"])
    ]
    return result


def _all_versions(view: TenantView, rows: list[Row], selects: Selector) -> list[list[str]]:
    """Return in which versions each of some blueprints uses an object."""

    def read(row: Row) -> list[str] | EsperError:
        try:
            return _versions(view, row, selects)
        except EsperError as error:
            # The client would end all other requests of the task.
            return error

    incomplete = [row for row in rows if "settings" not in row or not _is_published(row)]
    if len(incomplete) > 1:
        versions = list(in_parallel(view.client, read, rows, CONCURRENCY))
    else:
        versions = [read(row) for row in rows]
    for each in versions:
        if isinstance(each, EsperError):
            raise each
    return t.cast("list[list[str]]", versions)


def _versions(view: TenantView, row: Row, selects: Selector) -> list[str]:
    """Return in which versions a blueprint uses an object, without regard to the plans of the task."""
    if "settings" not in row:
        purpose = f"Reading the blueprint '{BLUEPRINTS.name_of(row)}'"
        row = {**row, **view.get_at(BLUEPRINTS.routes.object, {"id": str(row["id"])}, purpose=purpose)}
    used = selects(_settings(row))
    if _is_published(row):
        return [PUBLISHED] if used else []
    published = _published_version(view, row)
    return ([PUBLISHED] if published and selects(_settings(published)) else []) + ([DRAFT] if used else [])


def _is_published(row: Row) -> bool:
    """Return whether the latest version of a blueprint is the published one."""
    published = row.get("latest_published_version_id")
    return bool(row.get("publish")) and published in (None, row.get("version_id"))


def _published_version(view: TenantView, row: Row) -> Row | None:
    """Return the published version of a blueprint with a newer draft, None if it was never published."""
    purpose = f"Reading the published version of the blueprint '{BLUEPRINTS.name_of(row)}'"
    path = f"{BLUEPRINTS.routes.object}versions/"
    version_id = row.get("latest_published_version_id")
    if not version_id and "latest_published_version_id" in row:
        return None
    if not version_id:
        # The contract does not have the property. Without it, only the list of versions shows a published version.
        newest_first = {"ordering": "-version_number,-minor_version_number"}
        versions = view.list_at(
            path.format(id=row["id"]), newest_first, page_size=None, key="version_id", purpose=purpose
        )
        found = next((each for each in versions if each.get("publish")), None)
        if found is None or "settings" in found:
            return found
        version_id = found["version_id"]
    ids = {"id": str(row["id"]), "version_id": str(version_id)}
    return view.get_at(f"{path}{{version_id}}/", ids, purpose=purpose)


def _settings(row: Row) -> Row:
    """Return the settings of a blueprint. Raise EsperError if they cannot be read, because it can use an object."""
    settings = row.get("settings") or {}
    platforms = settings.values() if isinstance(settings, dict) else [settings]
    for platform in platforms:
        lists = [platform.get(name) or [] for name in ("apps", "files")] if isinstance(platform, dict) else [platform]
        items = [item for each in lists if each for item in (each if isinstance(each, list) else [each])]
        if not all(isinstance(item, dict) for item in items):
            raise EsperError(
                f"Esper returned settings of an unexpected type for the blueprint '{row.get('name')}', so the module"
                " cannot determine what it uses."
            )
    return settings


def items_in(settings: Row, platforms: t.Iterable[str], kind: str) -> t.Iterator[Row]:
    """Return the items of a list in the settings of some platforms, such as ``apps``."""
    for platform in platforms:
        yield from (settings.get(platform) or {}).get(kind) or []


def is_same_id(value: t.Any, wanted: t.Any) -> bool:
    """Return whether an ID in settings, a text or a number, is that of an object, which can be planned."""
    if isinstance(value, KnownAfterApply) or isinstance(wanted, KnownAfterApply):
        return value is wanted or value == wanted
    return str(value).lower() == str(wanted).lower()
