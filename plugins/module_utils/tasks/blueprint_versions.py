# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blueprint versions that devices run, and those that they must run.

Based on the blueprints of devices in /v2/devices/ and on /v2/blueprints/ (v2.yaml). The latest published version is
`latest_published_version_id` of the blueprint, which the contract does not document, or else the newest published
version in the list of its versions.
"""

from __future__ import annotations

import typing as t

from ..base.errors import EsperError, NotFound
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..kinds.blueprint import BLUEPRINT
from ..kinds.blueprint_list import list_versions
from ..kinds.blueprint_lookup import BlueprintLookup
from ..model.conform import to_row


class PublishedVersions:
    """The latest published version of each blueprint, read once."""

    def __init__(self, view: TenantView) -> None:
        self.lookup = BlueprintLookup(view, BLUEPRINT)
        self._published: dict[str, str | None] = {}

    def is_outdated(self, device: Row) -> bool:
        """Return whether a device runs another version than the latest published one of its assigned blueprint."""
        return self.desired(device) not in (None, self.current(device))

    def desired(self, device: Row) -> str | None:
        """Return the ID of the version that a device must run, None if the blueprint has no published version."""
        return self.latest(assigned_blueprint(device))

    def current(self, device: Row) -> str | None:
        """Return the ID of the version that a device runs, None if it runs another blueprint."""
        if current_blueprint(device) != assigned_blueprint(device):
            return None
        return current_version(device) or None

    def latest(self, blueprint_id: str) -> str | None:
        """Return the ID of the latest published version of a blueprint, None if it has none. Raise NotFound."""
        if blueprint_id not in self._published:
            self._published[blueprint_id] = self._read_latest(blueprint_id)
        return self._published[blueprint_id]

    def _read_latest(self, blueprint_id: str) -> str | None:
        row = self.lookup.find_by_id(blueprint_id)
        if row is None:
            raise NotFound("blueprint", blueprint_id, note="It is assigned to devices. Assign another one to them.")
        if row.get("latest_published_version_id"):
            return str(row["latest_published_version_id"])
        published = (str(version["version_id"]) for version in self.lookup.versions_of(row) if version.get("publish"))
        return next(published, None)


class VersionLabels:
    """The versions of blueprints for people: the name of the blueprint and the number of the version. Each blueprint
    is read once."""

    def __init__(self, view: TenantView) -> None:
        self._view = view
        self._known: dict[str, tuple[str, dict[str, t.Any]]] = {}

    def of(self, blueprint_id: str, version_id: str | None) -> str | None:
        """Return a version of a blueprint for people, None if there is none. It has IDs if Esper does not return the
        names."""
        if not blueprint_id or not version_id:
            return None
        if blueprint_id not in self._known:
            self._known[blueprint_id] = self._read(blueprint_id)
        name, numbers = self._known[blueprint_id]
        return f"{name}, version {numbers.get(version_id.lower(), version_id)}"

    def _read(self, blueprint_id: str) -> tuple[str, dict[str, t.Any]]:
        try:
            row = BlueprintLookup(self._view, BLUEPRINT).find_by_id(blueprint_id) or {"id": blueprint_id}
            purpose = f"Reading the versions of the {BLUEPRINT.phrase(row)}"
            versions = list_versions(self._view, row, kind=BLUEPRINT, purpose=purpose)
        except EsperError:
            # The diff must not prevent the command.
            return blueprint_id, {}
        numbers = {str(each["version_id"]).lower(): each.get("version_number") for each in versions}
        return BLUEPRINT.name_of(row), {key: number for key, number in numbers.items() if number is not None}


def assigned_blueprint(device: Row) -> str:
    """Return the ID of the blueprint that is assigned to a device, "" if Esper returns none."""
    return _blueprint_value(device, "assigned_blueprint_id")


def current_blueprint(device: Row) -> str:
    """Return the ID of the blueprint that a device runs, "" if Esper returns none."""
    return _blueprint_value(device, "current_blueprint_id")


def current_version(device: Row) -> str:
    """Return the ID of the blueprint version that a device runs, "" if Esper returns none."""
    return _blueprint_value(device, "current_blueprint_version_id")


def _blueprint_value(device: Row, key: str) -> str:
    return str(to_row(device.get("blueprint_info")).get(key) or "").lower()
