# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conduct of devices with certain versions, and the share of the devices that are offline.

Which devices fail or go offline follows from their IDs, so it is the same in each run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tenant import DISABLED, OFFLINE, ONLINE, Device, Tenant

_WHOLE = 2**32


@dataclass(frozen=True)
class VersionConduct:
    """The conduct of devices that converge to a version, in the format of /_simulator/versions.

    app_version        the name of an app version, which any app of the blueprint version can have
    blueprint_version  the ID of a blueprint version
    polls              the number of reads until a converge is complete; null: that of all commands
    failure_percent    the percentage of devices on which the converge fails, with `reason`
    offline_percent    the percentage of Android devices that are offline after the converge
    """

    app_version: str | None = None
    blueprint_version: str | None = None
    polls: int | None = None
    failure_percent: float = 0
    offline_percent: float = 0
    reason: str = "The app does not start"

    def __post_init__(self) -> None:
        if (self.app_version is None) == (self.blueprint_version is None):
            raise ValueError("either app_version or blueprint_version is required")
        if self.polls is not None and self.polls < 1:
            raise ValueError("polls is less than 1")
        for name in ("failure_percent", "offline_percent"):
            if not 0 <= getattr(self, name) <= 100:
                raise ValueError(f"{name} is not from 0 to 100")

    def fails_on(self, device: Device) -> bool:
        """Return whether the converge fails on a device."""
        return _is_in_share("fails", device, self.failure_percent)

    def takes_offline(self, device: Device) -> bool:
        """Return whether a device is offline after the converge."""
        return _can_be_offline(device) and _is_in_share("offline", device, self.offline_percent)


def conduct_with(tenant: Tenant, device: Device) -> VersionConduct | None:
    """The conduct of a device with the version that a converge brings it to, None if it has no special one."""
    if not tenant.version_conducts:
        return None
    blueprint = tenant.objects["blueprints"].get(device.assigned_blueprint_id or "", {})
    version_id = blueprint.get("latest_published_version_id", "")
    known: dict[str, VersionConduct | None] = tenant.conducts_by_version
    if version_id not in known:
        known[version_id] = _find_conduct(tenant, version_id)
    return known[version_id]


def set_offline(tenant: Tenant, percent: float) -> None:
    """Take the specified percentage of the Android devices offline, rounded to a whole number, and all other devices
    online. Disabled devices stay disabled. The contract has no offline state for other platforms."""
    enabled = [device for device in tenant.devices.values() if device.state != DISABLED]
    ranked = sorted(filter(_can_be_offline, enabled), key=lambda device: _rank("share", device))
    offline = {device.id for device in ranked[: round(len(ranked) * percent / 100)]}
    for device in enabled:
        state = OFFLINE if device.id in offline else ONLINE
        if device.state != state:
            tenant.change_device(device, state=state)


def _find_conduct(tenant: Tenant, version_id: str) -> VersionConduct | None:
    version = tenant.objects["blueprint_versions"].get(version_id, {})
    names = set(_app_versions(tenant, version.get("settings", {})))
    return next(
        (
            conduct
            for conduct in tenant.version_conducts
            if conduct.blueprint_version == version_id or conduct.app_version in names
        ),
        None,
    )


def _app_versions(tenant: Tenant, settings: Any) -> Iterator[str]:
    """The names of the app versions in the settings of a blueprint version."""
    versions = {
        version["id"]: version["version_code"]
        for app in tenant.objects["applications"].values()
        for version in app["versions"]
    }
    waiting = [settings]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if name := versions.get(part.get("app_version_id")):
                yield name
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _can_be_offline(device: Device) -> bool:
    return device.platform == "ANDROID"


def _is_in_share(purpose: str, device: Device, percent: float) -> bool:
    return _rank(purpose, device) * 100 < percent * _WHOLE


def _rank(purpose: str, device: Device) -> int:
    """A number below _WHOLE, which follows from the ID of the device."""
    return int(sha256(f"{purpose} {device.id}".encode()).hexdigest()[:8], 16)
