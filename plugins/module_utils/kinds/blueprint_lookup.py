# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of blueprints and their versions, and the users of a blueprint.

Choice where the contract is silent: a version number means the version that was published with this number.
"""

from __future__ import annotations

from ..base.errors import NotFound
from ..base.ids import is_uuid, last_uuid
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.lookup import Lookup
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from .blueprint_comparison import is_same
from .blueprint_list import list_versions, read_version
from .device_group import DEVICE_GROUP
from .device_list import count_devices

PREVIOUS = "previous"
"""The text in place of the number of a version, for the one before the latest published version."""


class BlueprintLookup(Lookup):
    """Finds blueprints with their settings, and their versions."""

    def find(self, params: Params) -> Row | None:
        """Return the blueprint that the options of a task address, or None. Raise Ambiguous."""
        row = super().find(params)
        return None if row is None else self._whole(row)

    @property
    def _is_found_by_name(self) -> bool:
        return True

    def list_existing(self) -> list[Row]:
        return self.find_all()

    def find_all(self) -> list[Row]:
        """Return all blueprints of the tenant."""
        rows = in_parallel(self.view.client, self._whole, self.view.list_objects(self.kind), CONCURRENCY)
        return [row for row in rows if row is not None]

    def _whole(self, row: Row) -> Row | None:
        """Return a blueprint of a list with its settings. The contract has them in lists too; if they are missing, the
        blueprint is read."""
        return row if "settings" in row else self.find_by_id(str(row["id"]))

    def versions_of(self, blueprint: Row, query: Row | None = None) -> list[Row]:
        """Return all versions of a blueprint, or those that match a query, newest first."""
        return [self._whole_version(blueprint, row) for row in self._list_versions(blueprint, query)]

    def version_of(self, blueprint: Row, version: str) -> Row:
        """Return a version of a blueprint by ID, or the one that was published with a number. Raise NotFound."""
        rows = self._list_versions(blueprint)
        published = [row for row in rows if row.get("publish")]
        for row in rows if is_uuid(version) else published:
            if version.lower() in (str(row.get("version_id")), str(row.get("version_number"))):
                return self._whole_version(blueprint, row)
        numbers = ", ".join(str(row.get("version_number")) for row in published) or "none"
        raise NotFound("version", version, note=f"Published versions of the {self.kind.phrase(blueprint)}: {numbers}.")

    def previous_version(self, blueprint: Row) -> Row:
        """Return the version to restore if a task rolls a blueprint back: the newest published version whose settings
        differ from those of the latest one. Raise NotFound if there is none.

        A rollback publishes the settings of a version again. If the latest version has the settings of the one before
        the previous one, it is the result of a rollback, so it is returned. A second run then changes nothing.
        """
        published = (row for row in self._list_versions(blueprint) if row.get("publish"))
        distinct: list[Row] = []
        for version in (self._whole_version(blueprint, row) for row in published):
            if not distinct or not is_same(distinct[-1].get("settings") or {}, version.get("settings") or {}):
                distinct.append(version)
            if len(distinct) > 2:
                break
        if len(distinct) < 2:
            note = f"The {self.kind.phrase(blueprint)} has no published version with other settings before the latest."
            raise NotFound("version", PREVIOUS, note=note)
        latest, previous, *before = distinct
        is_rollback = any(is_same(latest.get("settings") or {}, each.get("settings") or {}) for each in before)
        return latest if is_rollback else previous

    def version_between(self, read: Row, saved: Row) -> Row | None:
        """Return the last version of a blueprint that another client saved after a version was read, and before the
        task saved another one. Return None if there is none, or if Esper returns no versions.

        Numbers that follow each other save a request, or at least a long response.
        """
        before, after = _numbers_of(read), _numbers_of(saved)
        own = (read.get("version_id"), saved.get("version_id"))
        if None in own or own[0] == own[1] or after == (before[0], before[1] + 1):
            return None
        rows = self._list_versions(read, {"version_number": str(before[0])}) if after == (before[0] + 1, 0) else []
        if own[0] not in [row["version_id"] for row in rows]:
            rows = self._list_versions(read)
        between = [row for row in rows if row["version_id"] not in own and _age(read) < _age(row) < _age(saved)]
        return self._whole_version(read, max(between, key=_age)) if between else None

    def _list_versions(self, blueprint: Row, query: Row | None = None) -> list[Row]:
        """Return all versions of a blueprint, or those that match a query, as Esper lists them, which can be without
        settings."""
        purpose = f"Reading the versions of the {self.kind.phrase(blueprint)}"
        return list_versions(self.view, blueprint, query, kind=self.kind, purpose=purpose)

    def _whole_version(self, blueprint: Row, version: Row) -> Row:
        """Return a version of the list of versions with its settings."""
        if "settings" in version:
            return version
        purpose = f"Reading version {version['version_id']} of the {self.kind.phrase(blueprint)}"
        return read_version(self.view, blueprint, version["version_id"], kind=self.kind, purpose=purpose)


def _numbers_of(row: Row) -> tuple[int, int]:
    return row.get("version_number") or 0, row.get("minor_version_number") or 0


def _age(version: Row) -> tuple[str, int, int]:
    """Return a key that sorts versions, the newest last."""
    return str(version.get("updated_at") or ""), *_numbers_of(version)


def users_of(view: TenantView, blueprint: Row) -> list[str]:
    """Return the device groups and devices that use a blueprint, each as part of a sentence."""
    blueprint_id = str(blueprint["id"])
    groups = view.all_as_planned(DEVICE_GROUP)
    users = [
        f"the {DEVICE_GROUP.phrase(row)}" for row in groups if last_uuid(row.get("blueprint")) == blueprint_id.lower()
    ]
    for key in ("assigned_blueprint_id", "current_blueprint_id"):
        purpose = "Counting the devices of the blueprint"
        if devices := count_devices(view.client, {key: blueprint_id}, purpose=purpose):
            return [*users, counted(devices)]
    return users
