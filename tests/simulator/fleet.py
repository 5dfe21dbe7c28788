# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices that look like a fleet: the items of /v2/devices/ (v2.yaml), for each platform as its schema has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from tenant import OFFLINE, ONLINE, Tenant, moment

T = TypeVar("T")
Document = dict[str, Any]

_GB = 1024**3
_HOUR = 3600
_DAY = 24 * _HOUR
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PLATFORMS = ("ANDROID",) * 70 + ("APPLE",) * 12 + ("LINUX",) * 10 + ("WINDOWS",) * 8
_ROLES = ("Till", "Kiosk", "Menu board", "Scanner", "Tablet", "Büro")
_TAGS_A_DEVICE = (0, 0, 1, 1, 1, 2, 3, 5)
_WIFI = ("store-staff", "store-guest", "Lager 5GHz")

# Platform -> brand, model, operating system, start of the serial numbers.
_MODELS = {
    "ANDROID": (
        ("Samsung", "SM-T500", "Android", "R9W"),
        ("Zebra", "TC52", "Android", "ZT5"),
        ("Elo", "ESY15I2", "Android", "ELO"),
        ("Lenovo", "TB-X606F", "Android", "HA1"),
    ),
    "APPLE": (
        ("Apple", "iPad (9th generation)", "iPadOS", "DMP"),
        ("Apple", "iPhone SE", "iOS", "F17"),
        ("Apple", "Apple TV 4K", "tvOS", "C07"),
    ),
    "LINUX": (
        ("Raspberry Pi", "Raspberry Pi 4 Model B", "Linux", "RPI"),
        ("Intel", "NUC11TNKi5", "Ubuntu", "NUC"),
    ),
    "WINDOWS": (
        ("Dell", "OptiPlex 3000", "Windows", "DXP"),
        ("HP", "Engage One", "Windows", "HPE"),
    ),
}
_VERSIONS = {
    "Android": ("10", "11", "13", "14"),
    "iOS": ("16.7", "17.4.1"),
    "iPadOS": ("16.7", "17.4.1"),
    "tvOS": ("17.4",),
    "Linux": ("11", "12"),
    "Ubuntu": ("20.04", "22.04"),
    "Windows": ("10.0.19045", "10.0.22631"),
}

# Every sixth device of a platform is in one of the states below, in turn; the others are in use.
_STATES = {
    "ANDROID": (0, 20, 30, 40, 50, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200),
    "APPLE": (0, 20, 70, 80, 90, 100, 200),
    "LINUX": (0, 20, 70, 80, 90, 100, 200),
    "WINDOWS": (0, 20, 70, 80, 90, 100, 200),
}


def grow(tenant: Tenant, number: int) -> list[str]:
    """Add the specified number of devices to the tenant, and return their IDs. Equal tenants get equal devices."""
    fleet = _Fleet(tenant)
    return [tenant.add_device(fleet.device()).id for _number in range(number)]


class _Fleet:
    """A source of devices for one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._random = Random(f"{tenant.settings.seed} devices after {tenant.last_number}")
        self._made: Counter[str] = Counter()
        # Devices that join a fleet were created after those that are in it.
        self._is_later = bool(tenant.devices)
        self._own: dict[str, Callable[[Document], Document]] = {
            "ANDROID": self._android,
            "APPLE": self._apple,
            "LINUX": self._linux,
            "WINDOWS": self._windows,
        }
        self._groups = list(tenant.groups)
        self._tags = list(tenant.objects["tags"])
        self._blueprints = [
            (id_, item["latest_published_version_id"])
            for id_, item in tenant.objects["blueprints"].items()
            if "latest_published_version_id" in item
        ]

    def device(self) -> Document:
        """The next device."""
        platform = self._pick(_PLATFORMS)
        number = self._tenant.last_number + 1
        self._made[platform] += 1
        brand, model, system, prefix = self._pick(_MODELS[platform])
        serial = f"{prefix}{number:08d}"
        device = self._common(number, platform, serial) | {
            "os": system,
            "os_version": self._pick(_VERSIONS[system]),
            "hardware_info": {"brand": brand, "model": model, "manufacturer": brand, "serial": serial},
        }
        return device | self._own[platform](device)

    def _common(self, number: int, platform: str, serial: str) -> Document:
        chance = self._random.random
        created = -int(chance() * 700 * _DAY) - _DAY
        if self._is_later:
            created = number
        blueprint, version = self._pick(self._blueprints)
        tags = self._random.sample(self._tags, min(self._pick(_TAGS_A_DEVICE), len(self._tags)))
        role = f"{self._pick(_ROLES)} {1 + int(chance() * 40)}"
        return {
            "id": self._tenant.new_id(),
            "name": f"{self._letters()}-{self._letters()}-{number:05d}",
            # People choose the friendly names: some twice, some never.
            "alias": None if number % 10 == 0 else "" if number % 11 == 0 else role,
            "state": (state := self._state(platform)),
            "platform": platform,
            "serial": serial,
            "global_device_id": f"{platform.lower()}-{serial}",
            "tenant_id": self._tenant.settings.enterprise_id,
            "group_id": None if number % 25 == 0 else self._pick(self._groups),
            "tags": tags,
            "provisioned_on": moment(created + 600),
            "last_seen": moment(-int(chance() * chance() * (_HOUR if state == ONLINE else 30 * _DAY))),
            "created_at": moment(created),
            "updated_at": moment(created + 600),
            "provisioned_with": "BLUEPRINT",
            "is_seamless": chance() < 0.3,
            "blueprint_info": {
                "assigned_blueprint_id": blueprint,
                "current_blueprint_id": blueprint,
                "current_blueprint_version_id": version,
                "blueprint_upgrade_status": "NOT_APPLICABLE",
            },
            "battery_stats": {"battery_level": float(int(chance() * 101))},
        }

    def _android(self, device: Document) -> Document:
        chance = self._random.random
        agent = self._pick(("8.9.6611", "8.10.7002"))
        template = chance() < 0.1
        return {
            "managed_by": "TEMPLATE" if template else "BLUEPRINT",
            "template_name": "Legacy kiosk" if template else None,
            "policy": {"policy_id": 42, "policy_name": "Locked down"} if template else None,
            "is_gms": chance() < 0.9,
            "is_esper_managed": True,
            "dpc_version": agent,
            "eea_version": None,
            "fcm_id": f"fcm-{device['serial']}",
            "mqtt_topic": f"device/{device['id']}",
            "blueprint_info": device["blueprint_info"] | {"blueprint_upgrade_status": "UPGRADED"},
            "software_info": {
                "os_version": device["os_version"],
                "os_build_number": "RP1A.200720.012",
                "security_path_level": "2025-11-01",
                "device_kernel_version": "4.19.113",
                "esper_agent_info": {"version_code": agent.replace(".", ""), "version_name": agent},
            },
            "network_info": {
                "imei1": self._digits(15),
                "wifi_mac_address": self._mac(),
                "network_type": self._pick(("WI-FI", "ETHERNET", "CELLULAR")),
            },
            "network_stats": {
                "current_active_connection": "WIFI",
                "wifi_network_info": {"wifi_ssid": self._pick(_WIFI), "wifi_signal_strength": int(chance() * 6)},
                "ip_address": [self._ip()],
            },
            "memory_info": {"total_ram": "3", "total_internal_storage": "32", "units": "GB"},
            "memory_stats": self._available(3, 32) | {"os_occupied_storage": 9 * _GB},
            "location_stats": {
                "altitude": "34.0",
                "latitude": f"{52 + chance():.6f}",
                "longitude": f"{13 + chance():.6f}",
            },
            "drift_state": 0,
            "drift_severity": 0,
            "security_state": None,
            "active_plugins": [],
            "app_mode_meta": {"is_kiosk": chance() < 0.5},
        }

    def _apple(self, device: Document) -> Document:
        return {
            "managed_by": "BLUEPRINT",
            "udid": f"00008030-{self._digits(16)}",
            "device_source": self._pick(("ABM", "NON_ABM")),
            "dep_profile_status": "pushed",
            "is_supervised": True,
            "is_locked_down": False,
            "is_ddm_enabled": True,
            "software_info": {"os_version": device["os_version"], "os_build_number": "21E236"},
            "network_info": {"wifi_mac_address": self._mac()},
            "memory_info": {"total_ram": "3", "total_internal_storage": "64", "units": "GB"},
            "memory_stats": self._total(3, 64) | self._available(3, 64),
        }

    def _linux(self, device: Document) -> Document:
        return self._computer(device, ram=4, storage=64) | {
            "managed_by": "BLUEPRINT",
            "battery_stats": {"battery_present": False, "battery_level": 0},
            "location_stats": {"latitude": 52.52, "longitude": 13.405, "altitude": 34.0, "accuracy": 20.0},
        }

    def _windows(self, device: Document) -> Document:
        return self._computer(device, ram=8, storage=256)

    def _computer(self, device: Document, ram: int, storage: int) -> Document:
        load = round(self._random.random() * 100, 1)
        return {
            "software_info": {
                "os": device["os"],
                "os_version": device["os_version"],
                "kernel_architecture": "x86_64",
                "esper_agent_info": {"version_code": "132", "version_name": "1.3.2"},
            },
            "network_info": {"ethernet_mac_address": self._mac()},
            "network_stats": {
                "dns_servers": ["192.0.2.53"],
                "default_gateway": "192.0.2.1",
                "ethernet_ip_address": self._ip(),
                "current_active_connection": "ETHERNET",
            },
            "memory_info": {
                "total_ram": str(ram * _GB),
                "total_internal_storage": str(storage * _GB),
                "units": "bytes",
            },
            "memory_stats": self._total(ram, storage) | self._available(ram, storage),
            "cpu_stats": {"cpu_counts": 4, "cpu_cores": [load, 0.0, 1.5, 3.0], "cpu_temperature": 48.5},
        }

    def _state(self, platform: str) -> int:
        made, states = self._made[platform], _STATES[platform]
        if made % 6 == 0:
            return states[made // 6 % len(states)]
        return OFFLINE if platform == "ANDROID" and self._random.random() < 0.25 else ONLINE

    def _total(self, ram: int, storage: int) -> Document:
        return {"total_memory": ram * _GB, "total_internal_storage": storage * _GB}

    def _available(self, ram: int, storage: int) -> Document:
        free = self._random.random()
        return {"available_ram": int(free * ram * _GB), "available_internal_storage": int(free * storage * _GB)}

    def _pick(self, choices: Sequence[T]) -> T:
        """As Random.choice, in half the time."""
        return choices[int(self._random.random() * len(choices))]

    def _letters(self) -> str:
        return self._pick(_LETTERS) + self._pick(_LETTERS) + self._pick(_LETTERS)

    def _digits(self, length: int) -> str:
        return str(int(self._random.random() * 10**length)).zfill(length)

    def _mac(self) -> str:
        return self._random.getrandbits(48).to_bytes(6, "big").hex(":")

    def _ip(self) -> str:
        return f"192.0.2.{1 + int(self._random.random() * 254)}"
