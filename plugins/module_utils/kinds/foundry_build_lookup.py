# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foundry builds by the version of a device model: /v1/foundry/builds/ of the contract (foundry.yaml)."""

from __future__ import annotations

import collections
import re
import typing as t

from ..base.errors import Ambiguous, InvalidParameter, NotFound
from ..base.ids import is_uuid, normal_id
from ..base.row import Params, Row
from ..engine.lookup import Lookup, lookup_of
from ..engine.tenant_view import TenantView
from ..model.kind import Kind
from .foundry_model_lookup import DEVICE_MODELS

_NUMBERS = ("foundation_major_number", "foundation_minor_number", "foundation_build_number")
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){2,3}")
# Options that distinguish builds of one version, and their keys in the API.
_TYPES = {"build_type": "build_type", "arch": "build_arch"}
_WITHDRAWN_STATES = ("unavailable", "to_be_deprecated")


def with_version(row: Row) -> Row:
    """Return a build with its version, such as 15.2.31, if the response has all of its numbers."""
    numbers = [row.get(key) for key in _NUMBERS]
    is_complete = all(isinstance(each, (int, str)) and str(each).isdecimal() for each in numbers)
    return {**row, "version": ".".join(map(str, numbers)) if is_complete else None}


def is_withdrawn(row: Row) -> bool:
    """Return whether Esper withdraws a build, so that its approval requires force."""
    return row.get("build_state") in _WITHDRAWN_STATES


def check_version(version: str | None) -> None:
    """Raise InvalidParameter if the version in a task is invalid."""
    if version is not None and not _VERSION.fullmatch(version.strip()):
        raise InvalidParameter(f"The option version is '{version}'; a valid value is 15.2.31.")


def builds_of(view: TenantView, kind: Kind, model: Row) -> list[Row]:
    """Return the builds for a device model."""
    model_id = normal_id(model["device_model_id"])
    rows = view.list_objects(kind, {"device_model_id": model["device_model_id"]})
    return [row for row in rows if normal_id(row.get("device_model_id")) == model_id]


def matching(rows: t.Iterable[Row], params: Params) -> list[Row]:
    """Return the builds that have the version, the type and the architecture in the options of a task."""
    version = None if params.get("version") is None else params["version"].strip()
    types = {key: params[name] for name, key in _TYPES.items() if params.get(name) is not None}
    return [
        row
        for row in rows
        if (version is None or version in (row["version"], f"{row.get('android_major_version')}.{row['version']}"))
        and all(row.get(key) == value for key, value in types.items())
    ]


def labels_of(rows: t.Sequence[Row]) -> dict[str, str]:
    """Return the texts by ID that select builds in tasks: the version, or the ID if it is not unique."""
    counts = collections.Counter((row.get("device_model_id"), row["version"]) for row in rows)
    return {
        str(row["build_id"]): str(row["version"] or row["build_id"])
        if counts[row.get("device_model_id"), row["version"]] == 1
        else str(row["build_id"])
        for row in rows
    }


class BuildLookup(Lookup):
    """Finds builds by device model and version, or by ID."""

    def task_key(self, params: Params) -> str:
        if params.get("id") is not None:
            return str(normal_id(params["id"]))
        parts = (params.get(name) for name in ("device_model", "version", *_TYPES))
        return " ".join(part.strip() for part in parts if part is not None)

    def find(self, params: Params) -> Row | None:
        if params.get("id") is not None:
            return self.find_by_id(str(params["id"]))
        check_version(params["version"])
        model = lookup_of(self.view, DEVICE_MODELS).resolve(params["device_model"])
        return self._only(matching(builds_of(self.view, self.kind, model), params), self.task_key(params))

    def not_found_error(self, params: Params) -> NotFound:
        if params.get("id") is not None:
            return NotFound(self.kind.title, self.task_key(params))
        model = lookup_of(self.view, DEVICE_MODELS).resolve(params["device_model"])
        rows = builds_of(self.view, self.kind, model)
        names = [f"{DEVICE_MODELS.name_of(model)} {row['version']}" for row in rows if row["version"]]
        return NotFound(self.kind.title, self.task_key(params), names)

    def resolve_for(self, model: Row, text: str) -> Row:
        """Return the build of a device model with a version or an ID. Raise NotFound or Ambiguous."""
        text, rows = text.strip(), builds_of(self.view, self.kind, model)
        if is_uuid(text):
            found = [row for row in rows if normal_id(row["build_id"]) == normal_id(text)]
        else:
            found = matching(rows, {"version": text})
        build = self._only(found, f"{DEVICE_MODELS.name_of(model)} {text}")
        if build is None:
            raise NotFound(self.kind.title, text, [row["version"] for row in rows if row["version"]])
        return build

    def names_of(self, ids: t.Collection[str]) -> dict[str, str]:
        labels = labels_of(self.view.list_objects(self.kind))
        return {each: labels[each] for each in ids if each in labels}

    def _only(self, rows: list[Row], name: str) -> Row | None:
        if len(rows) > 1:
            candidates = [
                f"{row['version']} {row.get('build_type')} {row.get('build_arch')} (ID {row['build_id']})"
                for row in rows
            ]
            raise Ambiguous(self.kind.title, name, candidates, "Use the ID, or also set build_type and arch.")
        return rows[0] if rows else None
