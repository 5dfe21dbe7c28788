# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How blueprints and their versions are found, and who uses a blueprint.

Choices where the contract is silent: the versions are one list without paging; a version number means the version that
was published with this number.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from ..base.errors import NotFound
from ..base.ids import is_uuid, last_uuid
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.lookup import Lookup
from ..engine.tenant_view import TenantView
from ..model.kind import Kind
from .device_group import DEVICE_GROUP
from .device_list import count_devices

_NEWEST_FIRST = {"ordering": "-version_number,-minor_version_number"}


class BlueprintLookup(Lookup):
    """Finds blueprints with their settings, and their versions."""

    def find(self, params: Params) -> Row | None:
        """Return the blueprint that the options of a task address, or None. Raise Ambiguous."""
        row = super().find(params)
        return None if row is None else self._whole(row)

    def find_all(self) -> list[Row]:
        """Return all blueprints of the tenant."""
        rows = (self._whole(row) for row in self.view.list_objects(self.kind))
        return [row for row in rows if row is not None]

    def _whole(self, row: Row) -> Row | None:
        """Return a blueprint of a list as a whole. The contract has settings in lists; if they are missing, read it."""
        return row if "settings" in row else self.find_by_id(str(row["id"]))

    def versions_of(self, blueprint: Row) -> list[Row]:
        """Return all versions of a blueprint, newest first."""
        return [self._whole_version(blueprint, row) for row in self._list_versions(blueprint)]

    def version_of(self, blueprint: Row, wanted: str) -> Row:
        """Return a version of a blueprint by ID, or the one that was published with a number. Raise NotFound."""
        rows = self._list_versions(blueprint)
        published = [row for row in rows if row.get("publish")]
        for row in rows if is_uuid(wanted) else published:
            if wanted.lower() in (str(row.get("version_id")), str(row.get("version_number"))):
                return self._whole_version(blueprint, row)
        numbers = ", ".join(str(row.get("version_number")) for row in published) or "none"
        raise NotFound("version", wanted, note=f"Published versions of the {self.kind.phrase(blueprint)}: {numbers}.")

    def _list_versions(self, blueprint: Row) -> list[Row]:
        """Return all versions of a blueprint as the API lists them, which can be without settings."""
        path = f"{self.kind.routes.object.format(id=blueprint['id'])}versions/"
        purpose = f"Reading the versions of the {self.kind.phrase(blueprint)}"
        return self.view.list_at(
            path, _NEWEST_FIRST, kind=version_kind(self.kind), page_size=None, key="version_id", purpose=purpose
        )

    def _whole_version(self, blueprint: Row, version: Row) -> Row:
        """Return a version of the list of versions as a whole, like a blueprint of a list."""
        if "settings" in version:
            return version
        purpose = f"Reading the version {version['version_id']} of the {self.kind.phrase(blueprint)}"
        ids = {"id": str(blueprint["id"]), "version_id": str(version["version_id"])}
        path = f"{self.kind.routes.object}versions/{{version_id}}/"
        return self.view.get_at(path, ids, kind=version_kind(self.kind), purpose=purpose)


@functools.cache
def version_kind(kind: Kind) -> Kind:
    """Return the kind of the versions of blueprints. Their ID is ``version_id``; ``id`` is that of the blueprint."""
    return replace(kind, title="blueprint version", id_key="version_id", view_key="blueprint_version")


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
