# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The readings of the devices of a wave, which its gates compare.

Based on /v2/devices/ (v2.yaml), and on /v1/enterprise/{enterprise_id}/application/ with its versions and their
`installdevices` (v1.yaml), which is one list of devices for each app version.

Choice where the contract is silent: it has no such list for other platforms than Android. So devices of other platforms
that run the version of the blueprint count as devices with the app version.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from ..base.errors import InvalidParameter, NotFound
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.blueprint_catalog import CATALOGS, Catalog
from ..kinds.device import DISABLED, ONLINE
from ..kinds.device_list import DEVICE_CONCURRENCY, PAGE_SIZE, list_devices
from ..kinds.device_search import label_of
from ..rollout.gates import Reading
from .blueprint_versions import assigned_blueprint, current_blueprint, current_version
from .rollouts import compact

_ITEM = "/v2/devices/{id}"
_INSTALLED = CATALOGS["android"].versions + "{version_id}/installdevices"


@dataclass(frozen=True)
class Fleet:
    """The devices of the blueprints of a rollout, without disabled devices, by ID. ``desired`` are the IDs of the
    desired versions of the blueprints, by the IDs of the blueprints."""

    rows: t.Mapping[str, Row]
    desired: t.Mapping[str, str]

    @property
    def online(self) -> set[str]:
        """The IDs of the online devices."""
        return {id_ for id_, row in self.rows.items() if row.get("state") == ONLINE}

    def is_converged(self, row: Row) -> bool:
        """Return whether a device runs the desired version."""
        blueprint = assigned_blueprint(row)
        desired = self.desired.get(blueprint)
        return desired is not None and current_blueprint(row) == blueprint and current_version(row) == desired

    def outdated(self, ids: t.Iterable[str]) -> list[str]:
        """Return the IDs of those devices that run another version than the desired one, in the same order."""
        return [id_ for id_ in ids if id_ in self.rows and not self.is_converged(self.rows[id_])]

    def name_of(self, id_: str) -> str:
        """Return the name of a device, or its ID."""
        return label_of(self.rows[id_]) if id_ in self.rows else id_


class Readings:
    """Reads the devices of a rollout. ``desired`` is that of Fleet.

    ``app`` is the package name and the name of the app version whose devices are counted, None for none.
    """

    def __init__(self, view: TenantView, desired: t.Mapping[str, str], app: tuple[str, str] | None) -> None:
        self._view = view
        self._desired = desired
        self._app = app
        self._size = 0
        self._paths: list[Row] | None = None

    def note_size(self, size: int) -> None:
        """Note the number of all devices, if they were read already."""
        self._size = size

    def read_all(self, report: t.Callable[[int, int | None], None]) -> Fleet:
        """Return all devices of the blueprints. Raise what Client.request raises."""
        rows: list[Row] = []
        # The filter takes one ID.
        for blueprint in self._desired:
            query = {"assigned_blueprint_id": blueprint}
            rows += list_devices(
                self._view.client, query, concurrency=DEVICE_CONCURRENCY, convert=compact, on_progress=report
            )
        self._size = len(rows)
        return self._fleet(rows)

    def read(self, ids: t.Collection[str]) -> Fleet:
        """Return some of the devices, one by one or with all others, whichever takes fewer requests."""
        if len(ids) > math.ceil(self._size / PAGE_SIZE):
            rows = self.read_all(lambda _read, _count: None).rows
            return Fleet({id_: rows[id_] for id_ in ids if id_ in rows}, self._desired)
        client = self._view.client

        def read(id_: str) -> Row | None:
            return client.find_object(_ITEM, ids={"id": id_}, purpose=f"Reading the device {id_}")

        found = in_parallel(client, read, list(ids), DEVICE_CONCURRENCY)
        return self._fleet([compact(row) for row in found if row is not None])

    def _fleet(self, rows: t.Iterable[Row]) -> Fleet:
        return Fleet({row["id"]: row for row in rows if row.get("state") != DISABLED}, self._desired)

    def judged(
        self, fleet: Fleet, ids: t.Collection[str], *, commanded: int = 0, failed: int = 0, with_app: bool = False
    ) -> Reading:
        """Return the reading of some devices of a fleet. ``commanded`` are those that received a command, ``failed``
        those of them that failed. ``with_app`` reads the devices with the app version."""
        rows = [fleet.rows[id_] for id_ in ids if id_ in fleet.rows]
        online = [row for row in rows if row.get("state") == ONLINE]
        converged = [row for row in rows if fleet.is_converged(row)]
        installed: int | None = None
        if with_app and self._app is not None:
            found = self._read_installed(*self._app)
            installed = sum(
                row["id"] in found if row.get("platform") == "ANDROID" else fleet.is_converged(row) for row in online
            )
        return Reading(
            devices=len(rows),
            online=len(online),
            offline=len(rows) - len(online),
            converged=len(converged),
            converged_online=sum(row.get("state") == ONLINE for row in converged),
            commanded=commanded,
            failed=failed,
            app_version_online=installed,
        )

    def _read_installed(self, package: str, name: str) -> set[str]:
        """Return the IDs of the devices with the app version."""
        if self._paths is None:
            self._paths = self._find_versions(package, name)
        purpose = f"Reading the devices with the app '{package} {name}'"

        def read(ids: Row) -> list[Row]:
            path = _INSTALLED.replace("{app_id}", ids["app_id"]).replace("{version_id}", ids["version_id"])
            # Not from memory, because the list changes while devices converge.
            return list_all(self._view.client, path, convert=lambda row: {"id": row["id"]}, purpose=purpose)

        found = in_parallel(self._view.client, read, self._paths, CONCURRENCY)
        return {str(row["id"]) for rows in found for row in rows}

    def _find_versions(self, package: str, name: str) -> list[Row]:
        """Return the IDs of the app versions with a name. Several can have the same name and different codes."""
        catalog = Catalog(self._view, CATALOGS["android"])
        apps = catalog.apps(package)
        if not apps:
            raise NotFound("app", package)
        versions = [version for app in apps for version in catalog.versions(app["id"])]
        paths = [
            {"app_id": str(version.app_id), "version_id": str(version.id)}
            for version in versions
            if version.name == name
        ]
        if not paths:
            raise NotFound("app version", name, [version.name for version in versions if version.name])
        return paths


def app_of_gate(app_version: str | None, target: Row) -> tuple[str, str] | None:
    """Return the package name and the version of the gate ``app_version``, None if there is no such gate. Raise
    InvalidParameter if no app is known."""
    if app_version is None:
        return None
    package = (target.get("app") or {}).get("package_name")
    if not package:
        raise InvalidParameter("The option health.app_version requires app.package_name.")
    return str(package), str(app_version)
