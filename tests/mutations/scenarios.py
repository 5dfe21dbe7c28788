# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks and inventories whose responses are mutated: those of all kinds of objects, and of the other modules."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.rollout.state import new_state
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant_export import EXPORTED_KINDS
from ansible_collections.esper.cloud.tests.laws.objects import objects_of, preparation_of
from ansible_collections.esper.cloud.tests.laws.preparations import PREPARATIONS, Preparation, Row
from ansible_collections.esper.cloud.tests.laws.subjects import Subject, subjects

INVENTORY = "devices"

Task = tuple[str, Row]


@dataclass(frozen=True)
class Tenant:
    """The objects of the simulated tenant that tasks can name."""

    devices: tuple[Row, ...]
    groups: tuple[Row, ...]

    @property
    def online(self) -> list[str]:
        """The IDs of devices that are online."""
        return sorted(each["id"] for each in self.devices if each["state"] == 1)

    @property
    def ids(self) -> list[str]:
        """The IDs of all devices that exist."""
        return sorted(each["id"] for each in self.devices if each["state"] != 20)

    @property
    def path(self) -> str:
        """The path of a group with devices, below the top."""
        used = {each["group_id"] for each in self.devices}
        return next(str(each["path"]) for each in self.groups if each["id"] in used and "/" in each["path"])


Options = t.Callable[[Tenant], Row]

_NOTHING = Preparation()
_EXPORTED = [kind.name for kind in EXPORTED_KINDS]


@dataclass(frozen=True)
class Scenario:
    """A task, or an inventory source with the module ``devices``, in a tenant that other tasks prepared.

    ``options`` depend on the tenant before ``earlier`` tasks ran.
    """

    name: str
    module: str
    options: Options
    preparation: Preparation = _NOTHING
    earlier: t.Callable[[Tenant], list[Task]] = lambda _tenant: []
    check_mode: bool = False
    discovers: bool = False

    @property
    def reads_only(self) -> bool:
        """Return whether no write request may be sent."""
        return (
            self.check_mode
            or self.module.endswith(("_info", "_export", "_report", "_plan"))
            or self.module == INVENTORY
        )


def scenarios() -> tuple[Scenario, ...]:
    """Return all scenarios. Each module of the index has at least one."""
    found = (*(each for subject in subjects() if subject.specs for each in _of_kind(subject)), *_OTHERS, *_INVENTORIES)
    missing = set(MODULES) - {each.module for each in found}
    assert not missing, f"Add a scenario for {', '.join(sorted(missing))}."
    return found


def _of_kind(subject: Subject) -> t.Iterator[Scenario]:
    """Yield the scenarios of a kind that a description has: the options of its laws."""
    objects, preparation = objects_of(subject), preparation_of(subject)

    def scenario(name: str, module: str, options: Row, **more: t.Any) -> Scenario:
        return Scenario(f"{subject}-{name}", module, lambda _tenant: options, preparation, **more)

    def exists(_tenant: Tenant) -> list[Task]:
        return [(subject.name, objects.create)] if subject.module else []

    if subject.module:
        if not subject.singleton:
            yield scenario("create", subject.name, objects.create)
        yield scenario("same", subject.name, objects.create, earlier=exists)
        if objects.changed:
            yield scenario("update", subject.name, objects.update, earlier=exists)
            yield scenario("predict", subject.name, objects.update, earlier=exists, check_mode=True)
        if subject.can_delete:
            yield scenario("delete", subject.name, objects.delete, earlier=exists)
    if subject.info_module:
        yield scenario("read", f"{subject}_info", objects.info, earlier=exists)
        yield scenario("list", f"{subject}_info", objects.info_all, earlier=exists)
        if "export" in subject.info_module.argument_spec:
            yield scenario("export", f"{subject}_info", {"export": True}, earlier=exists)
    if subject.name in _EXPORTED:
        yield scenario("tree", "tenant_export", {"dest": "tree", "kinds": [subject.name]}, earlier=exists)
    if subject.in_tenant:
        tasks = [objects.create] if subject.singleton else [objects.update, objects.create_second]
        yield scenario("batch", "tenant", subject.in_bulk(tasks), earlier=exists)


def _constant(options: Row) -> Options:
    return lambda _tenant: options


def _apple(name: str, tasks: int | None = None) -> Preparation:
    """Return the preparation of a module that uploads files from Apple, with its first tasks only."""
    own = PREPARATIONS[name]
    return Preparation(files=own.files, tasks=own.tasks[:tasks])


_WAIT: Row = {"wait": True, "wait_timeout": 120}
_LAW_APP = next(each for each in subjects() if each.name == "app")
_LAW_ICON = next(each for each in subjects() if each.name == "tile_icon")
_ASSIGNED = Preparation(
    tasks=(("blueprint", {"name": "Law", "publish": True, "settings": {"android": {}}}),),
)


def _operation(tenant: Tenant) -> list[Task]:
    return [("operation", {"operation_type": "REBOOT", "devices": tenant.online})]


# Devices on other platforms fail.
_ANY: Row = {"max_fail_percentage": 100}


def _accounts(tenant: Tenant) -> list[Task]:
    return [("device_google_account", {"devices": tenant.ids, **_ANY})]


def _icon(_tenant: Tenant) -> list[Task]:
    return [("tile_icon", objects_of(_LAW_ICON).create)]


_ENROLLED = preparation_of(next(each for each in subjects() if each.name == "google_play_app"))
_SIGN_UP: Row = {"state": "started", "callback_url": "https://it.example.com/google"}
_UNAPPROVED: Row = {"package_name": "com.android.chrome", "state": "unapproved"}
_ACCOUNT: Row = {"key_id": "law", "type": 1, "data": "private-key-of-law", "public_data": "public"}


def _sign_up(_tenant: Tenant) -> list[Task]:
    return [("google_enterprise", _SIGN_UP)]


def _account(_tenant: Tenant) -> list[Task]:
    return [("google_service_account", _ACCOUNT)]


_INVITED: Row = {"email": "dora@example.com", "role": "Law", "groups": ["All devices"]}
_CUSTOM_ROLE = Preparation(tasks=(("role", {"name": "Law"}),))


def _invitation(_tenant: Tenant) -> list[Task]:
    return [("user", _INVITED)]


_NAMED: Row = {
    "android": {"wallpaper_settings": {"homescreen": {"portrait": {"wallpaper": "law.png"}}}},
    "ios": {"apps": [{"webclip": "Law"}]},
    "linux": {"custom_actions_multiple": {"custom_actions": [{"custom_action": "Law", "option": "On"}]}},
}
_NAMES = Preparation(
    files={"law.png": b"law"},
    tasks=(
        ("wallpaper", {"src": "law.png", "orientation": "portrait"}),
        ("custom_action", {"name": "Law", "type": "button", "options": [{"label": "On", "script": "true"}]}),
        (
            "webclip",
            {
                "name": "Law",
                "url": "https://law.example.com",
                "target_bundle_id": "com.apple.mobilesafari",
                "target_bundle_name": "Safari",
            },
        ),
    ),
)


def _named(_tenant: Tenant) -> list[Task]:
    return [("blueprint", {"name": "Law", "settings": _NAMED})]


_YARD: Row = {"name": "Law", "circle": {"latitude": 52.5, "longitude": 13.4, "radius": 250}}


def _geofence(tenant: Tenant) -> list[Task]:
    return [("geofence", {**_YARD, "devices": tenant.ids})]


def _reboot(tenant: Tenant) -> list[Task]:
    return [
        ("device_command", {"command": "REBOOT", "groups": ["All devices"]}),
        ("device_command", {"command": "LOCK", "devices": tenant.online, **_WAIT}),
    ]


_PIPELINE: Row = {"pipeline": "Law"}


def _pipeline(tenant: Tenant) -> list[Task]:
    operations = [{"type": "REBOOT"}, {"type": "LOCK"}]
    devices = [tenant.online[:2], tenant.online[1:]]
    stages = [
        {"name": name, "devices": ids, "operations": operations}
        for name, ids in zip(("First", "Last"), devices, strict=True)
    ]
    return [("pipeline", {"name": "Law", "stages": stages})]


def _started(tenant: Tenant) -> list[Task]:
    return [*_pipeline(tenant), ("pipeline_run", _PIPELINE)]


def _waiting(tenant: Tenant) -> list[Task]:
    return [*_pipeline(tenant), ("pipeline_run", {**_PIPELINE, **_WAIT, "until": "waiting"})]


def _serials(tenant: Tenant) -> list[str]:
    return sorted(each["serial"] for each in tenant.devices)


def _report(tenant: Tenant) -> Row:
    rows = [{"kind": "device_group", "name": each["name"], "id": each["id"]} for each in tenant.groups]
    return {
        "plan": {
            "objects": [{**rows[0], "action": "updated", "changes": []}],
            "not_in_tree": [{**row, "action": "kept"} for row in rows[1:]],
        }
    }


def _rollout(tenant: Tenant) -> Row:
    return {
        "blueprints": ["Default", "Retail Kiosk", "Point of Sale", "Signage (Linux)"],
        "app": {"package_name": "com.example.till", "version_name": "2.0.0"},
        "waves": [
            {"name": "Lab", "tags": ["kiosk"], "groups": [tenant.path], "allow_empty": True},
            {"name": "The rest", "percent": 100},
        ],
        "state": {},
        "run_id": "law",
    }


def _rollout_state(_tenant: Tenant) -> Row:
    blueprint = {"id": "1", "name": "Kiosks"}
    waves = [{"name": "The rest", "percent": 100, "hash_limit": None}]
    time = datetime(2026, 5, 4, tzinfo=timezone.utc)
    return {
        "rollout": new_state(
            tenant="law", blueprints=[blueprint], target={"version": "2"}, seed="law", waves=waves, started_at=time
        )
    }


def _rolled_out(tenant: Tenant) -> tuple[Row, Row]:
    """Return a device group with a blueprint that a device runs, and this device."""
    return next(
        (group, device)
        for group in tenant.groups
        for device in tenant.devices
        if group["blueprint"] and group["blueprint"] == device["blueprint_info"]["current_blueprint_id"]
    )


def _assigned(tenant: Tenant) -> list[Task]:
    """Move an online device to this group. It gets the blueprint, and is outdated."""
    group, device = _rolled_out(tenant)
    other = next(each for each in tenant.online if each != device["id"])
    return [("device", {"device": other, "group": group["path"]})]


def _wave(tenant: Tenant) -> Row:
    group, device = _rolled_out(tenant)
    blueprint = {"id": group["blueprint"], "name": "Law"}
    app = {"package_name": "com.example.till", "version_name": "2.0.0"}
    state = new_state(
        tenant="127.0.0.1",
        blueprints=[blueprint],
        target={"app": app},
        seed="law",
        waves=[{"name": "All", "percent": 100, "hash_limit": None}],
        started_at=datetime(2026, 5, 4, tzinfo=timezone.utc),
    )
    state["blueprints"][0]["new_version_id"] = device["blueprint_info"]["current_blueprint_version_id"]
    return {
        "blueprints": [blueprint["id"]],
        "app": app,
        "waves": [{"name": "All", "percent": 100, "groups": ["All devices"], "allow_empty": True}],
        "health": {"converged_percent": 0, "app_version": "2.0.0", "app_version_percent": 0},
        "wave": "All",
        "wave_timeout": 0,
        "state": state,
        "run_id": "law",
    }


_OTHERS = (
    Scenario("rollout_wave", "rollout_wave", _wave, earlier=_assigned),
    Scenario("rollout_plan", "rollout_plan", _rollout),
    Scenario("rollout_report", "rollout_report", _rollout_state),
    Scenario(
        "pipeline_run-wait",
        "pipeline_run",
        _constant({**_PIPELINE, **_WAIT, "promote": "always", "max_fail_percentage": 50, "reasons": True}),
        earlier=_pipeline,
    ),
    Scenario("pipeline_run-predict", "pipeline_run", _constant(_PIPELINE), earlier=_pipeline, check_mode=True),
    Scenario(
        "pipeline_run-follow",
        "pipeline_run",
        _constant({**_PIPELINE, **_WAIT, "if_running": "follow", "until": "waiting"}),
        earlier=_started,
    ),
    Scenario("pipeline_run-promote", "pipeline_run", _constant({**_PIPELINE, "state": "resumed"}), earlier=_waiting),
    Scenario("pipeline_run-cancel", "pipeline_run", _constant({**_PIPELINE, "state": "cancelled"}), earlier=_waiting),
    Scenario(
        "pipeline_run-cancel-devices",
        "pipeline_run",
        lambda tenant: {**_PIPELINE, "state": "cancelled", "devices": tenant.online[:2]},
        earlier=_started,
    ),
    Scenario("pipeline_run-retry", "pipeline_run", _constant({**_PIPELINE, "state": "retried"}), earlier=_waiting),
    Scenario(
        "pipeline_run_info-devices",
        "pipeline_run_info",
        _constant({"devices": True, "reasons": True}),
        earlier=_waiting,
    ),
    Scenario("pipeline_run_info-list", "pipeline_run_info", _constant({"status": "waiting"}), earlier=_waiting),
    Scenario("device-tags", "device", lambda tenant: {"devices": tenant.ids, "tags": ["law", "pilot"]}),
    Scenario("device-alias", "device", lambda tenant: {"device": tenant.online[0], "alias": "Law 1"}),
    Scenario("device-group", "device", lambda tenant: {"devices": tenant.ids[:3], "group": tenant.path}),
    Scenario("device-remove", "device", lambda tenant: {"device": tenant.ids[0], "state": "absent", "confirm": True}),
    Scenario("device-wipe", "device", lambda tenant: {"device": tenant.online[0], "state": "wiped", "confirm": True}),
    Scenario("device-predict", "device", lambda tenant: {"devices": tenant.ids, "tags": ["law"]}, check_mode=True),
    Scenario("device_info-list", "device_info", _constant({"groups": ["All devices"], "detail_level": "full"})),
    Scenario(
        "device_info-one",
        "device_info",
        lambda tenant: {
            "device": tenant.online[0],
            "apps": True,
            "max_events": 5,
            "max_installs": 5,
            "status": True,
            "android": True,
        },
    ),
    Scenario("device_info-discover", "device_info", lambda tenant: {"groups": [tenant.path]}, discovers=True),
    Scenario(
        "device_command-wait",
        "device_command",
        lambda tenant: {"devices": tenant.online, "command": "REBOOT", "max_fail_percentage": 50, **_WAIT},
    ),
    Scenario(
        "device_command-groups", "device_command", _constant({"groups": ["All devices"], "command": "UPDATE_HEARTBEAT"})
    ),
    Scenario(
        "operation-wait",
        "operation",
        lambda tenant: {"operation_type": "REBOOT", "devices": tenant.online, "max_fail_percentage": 50, **_WAIT},
    ),
    Scenario(
        "operation-query",
        "operation",
        _constant({"operation_type": "BEEP_DEVICE", "device_query": {"state": "online"}}),
    ),
    Scenario(
        "device_command_info-list", "device_command_info", _constant({"status": True, "legacy": True}), earlier=_reboot
    ),
    Scenario(
        "device_command_info-android",
        "device_command_info",
        lambda tenant: {"device": tenant.online[0], "inbox": True},
        earlier=_reboot,
    ),
    Scenario(
        "device_command_info-apple", "device_command_info", lambda tenant: {"device": tenant.online[1]}, earlier=_reboot
    ),
    Scenario(
        "device_app_info-devices",
        "device_app_info",
        lambda tenant: {"devices": tenant.online, "installs": True, "config": True},
    ),
    Scenario(
        "device_app_info-app",
        "device_app_info",
        _constant({"package_name": "com.example.catalogue", "version_name": "1.1"}),
    ),
    Scenario(
        "converge-provisioning",
        "converge",
        lambda tenant: {"device": tenant.online[0], "with_provisioning": True, "force": True, **_WAIT},
        _ASSIGNED,
    ),
    Scenario(
        "converge_info",
        "converge_info",
        lambda tenant: {"devices": tenant.ids, "commands": True},
        _ASSIGNED,
        earlier=lambda tenant: [
            ("converge", {"device": tenant.online[0], "with_provisioning": True, "force": True}),
        ],
    ),
    Scenario(
        "blueprint_info-history",
        "blueprint_info",
        _constant({"name": "Law", "history": True, "version_filter": {"published": True}}),
        _NAMES,
        earlier=_named,
    ),
    Scenario("event_info-devices", "event_info", lambda tenant: {"devices": tenant.online}, earlier=_reboot),
    Scenario("event_info-groups", "event_info", _constant({"groups": ["All devices"]}), earlier=_reboot),
    Scenario("user-invite", "user", _constant({**_INVITED, "show_invitation_url": True}), _CUSTOM_ROLE),
    Scenario("user-invited", "user", _constant(_INVITED), _CUSTOM_ROLE, earlier=_invitation),
    Scenario("user-reinvite", "user", _constant({**_INVITED, "role": "Viewer"}), _CUSTOM_ROLE, earlier=_invitation),
    Scenario("user_info-invited", "user_info", _constant({"subgroups": True}), _CUSTOM_ROLE, earlier=_invitation),
    Scenario(
        "geofence-v0", "geofence", _constant({**_YARD, "generation": "v0", "actions": ["beep"]}), earlier=_geofence
    ),
    Scenario("geofence_info-usage", "geofence_info", _constant({"usage": True, "devices": True}), earlier=_geofence),
    Scenario("blueprint-names", "blueprint", _constant({"name": "Law", "settings": _NAMED}), _NAMES),
    Scenario(
        "blueprint-same-names", "blueprint", _constant({"name": "Law", "settings": _NAMED}), _NAMES, earlier=_named
    ),
    Scenario("blueprint_info-names", "blueprint_info", _constant({"name": "Law"}), _NAMES, earlier=_named),
    Scenario("report-rows", "report", _constant({"report_type": "device"})),
    Scenario("report-file", "report", _constant({"report_type": "device", "dest": "report.csv"})),
    Scenario("operation_info-list", "operation_info", _constant({"devices": True}), earlier=_operation),
    Scenario(
        "operation_info-device", "operation_info", lambda tenant: {"device": tenant.online[0]}, earlier=_operation
    ),
    Scenario("converge-groups", "converge", _constant({"groups": ["All devices"]}), _ASSIGNED),
    Scenario(
        "device_placement",
        "device_placement",
        _constant(
            {
                "rules": [
                    {
                        "match": {"group": {"below": "All devices"}, "tags": {"glob": "*"}},
                        "group": "All devices",
                        "alias": "{model} {serial:-4}",
                    },
                    {"match": {"ip_addresses": {"cidr": "192.0.2.0/24"}}, "add_tags": ["law"]},
                    {"match": {"api.software_info": {"glob": "*"}, "enrolled": {"since": "2020-01-01"}}, "tags": ["x"]},
                    {"fallback": True, "ignore": True},
                ],
                "overwrite_groups": True,
                "overwrite_aliases": True,
            }
        ),
    ),
    Scenario(
        "device_retire-mark",
        "device_retire",
        _constant({"days": 1, "platforms": ["ANDROID", "LINUX"], "action": "mark", "add_tags": ["law"]}),
    ),
    Scenario(
        "device_retire-remove",
        "device_retire",
        _constant(
            {
                "days": 1,
                "platforms": ["ANDROID", "APPLE", "LINUX", "WINDOWS"],
                "never_seen": True,
                "action": "remove",
                "confirm": True,
                "max_percent": 100,
            }
        ),
    ),
    Scenario("tenant_report", "tenant_report", _report),
    Scenario("converge-wait", "converge", lambda tenant: {"devices": tenant.ids, **_WAIT}, _ASSIGNED),
    Scenario(
        "tile_icon_assignment-devices",
        "tile_icon_assignment",
        lambda tenant: {"icon": "Scanner X1", "devices": tenant.ids},
        preparation_of(_LAW_ICON),
        earlier=_icon,
    ),
    Scenario(
        "tile_icon_assignment-groups",
        "tile_icon_assignment",
        _constant({"icon": "Scanner X1", "groups": ["All devices"]}),
        preparation_of(_LAW_ICON),
        earlier=_icon,
    ),
    Scenario(
        "tile_icon_assignment-remove", "tile_icon_assignment", _constant({"state": "absent", "all_devices": True})
    ),
    Scenario("google_enterprise-start", "google_enterprise", _constant(_SIGN_UP)),
    Scenario("google_enterprise-again", "google_enterprise", _constant({**_SIGN_UP, "force": True}), earlier=_sign_up),
    Scenario("google_enterprise-record", "google_enterprise", _constant(_ENROLLED.tasks[0][1])),
    Scenario("google_enterprise-same", "google_enterprise", _constant({}), _ENROLLED),
    Scenario("google_enterprise_info", "google_enterprise_info", _constant({}), _ENROLLED, earlier=_account),
    Scenario(
        "google_web_token-issue", "google_web_token", _constant({"parent_url": "https://law.example.com"}), _ENROLLED
    ),
    Scenario("google_play_app-unapprove", "google_play_app", _constant(_UNAPPROVED), _ENROLLED),
    Scenario("google_play_app_info-installs", "google_play_app_info", _constant({"installs": True}), _ENROLLED),
    Scenario("google_service_account-add", "google_service_account", _constant(_ACCOUNT), _ENROLLED),
    Scenario("google_service_account-same", "google_service_account", _constant(_ACCOUNT), _ENROLLED, earlier=_account),
    Scenario("token_info", "token_info", _constant({})),
    Scenario("tag_info-counts", "tag_info", _constant({"device_counts": True})),
    Scenario(
        "device_wait",
        "device_wait",
        lambda tenant: {
            "devices": tenant.ids,
            "until": {"state": "online", "group": "All devices", "version": "latest"},
            "wait_timeout": 0.0,
            "max_waiting_percentage": 100.0,
        },
        _ASSIGNED,
    ),
    Scenario("dep_sync-wait", "dep_sync", _constant({"max_age": 60, **_WAIT})),
    Scenario("dep_sync-follow", "dep_sync", _constant(_WAIT), earlier=lambda _tenant: [("dep_sync", {})]),
    Scenario(
        "seamless_provisioning-serials",
        "seamless_provisioning",
        lambda tenant: {"serials": ["LAW1", *_serials(tenant)], "blueprint": "Law", "group": tenant.path},
        _ASSIGNED,
    ),
    Scenario(
        "vpp_app-refresh",
        "vpp_app",
        _constant({"apple_app_id": "361309726", "refresh": True, "preferred_region": "DE"}),
    ),
    Scenario("vpp_app_info-licenses", "vpp_app_info", _constant({"licenses": True})),
    Scenario("apns_certificate-request", "apns_certificate", _constant({"state": "requested", "dest": "law.csr"})),
    Scenario(
        "apns_certificate-upload",
        "apns_certificate",
        _constant({"src": "law.pem", "apple_id": "second@example.com"}),
        _apple("apns_certificate"),
    ),
    Scenario(
        "apns_certificate-delete",
        "apns_certificate",
        _constant({"state": "absent", "confirm": True}),
        _apple("apns_certificate"),
    ),
    Scenario("dep_token-check", "dep_token", _constant({"name": "Law"}), _apple("dep_token")),
    Scenario("dep_token-request", "dep_token", _constant({"state": "requested", "force": True})),
    Scenario("dep_token-upload", "dep_token", _constant({"src": "law.p7m", "name": "Second"}), _apple("dep_token", 1)),
    Scenario("vpp_token-upload", "vpp_token", _constant({"src": "law.vpptoken", "force": True}), _apple("vpp_token")),
    Scenario("vpp_token-delete", "vpp_token", _constant({"state": "absent", "confirm": True}), _apple("vpp_token", 1)),
    Scenario("device_google_account-add", "device_google_account", lambda tenant: {"devices": tenant.ids, **_ANY}),
    Scenario(
        "device_google_account-remove",
        "device_google_account",
        lambda tenant: {"devices": tenant.ids, "state": "absent", "confirm": True, **_ANY},
        earlier=_accounts,
    ),
    Scenario(
        "device_google_policy",
        "device_google_policy",
        lambda tenant: {"devices": tenant.ids, "apps": [{"package_name": "com.example.law"}], **_ANY},
        earlier=_accounts,
    ),
    Scenario(
        "device_google_account_info",
        "device_google_account_info",
        lambda tenant: {"devices": tenant.ids, "policy": True, "emm": True},
        earlier=lambda tenant: [
            *_accounts(tenant),
            (
                "device_google_policy",
                {"devices": tenant.ids, "apps": [{"package_name": "com.example.law", "mcm_id": "7"}], **_ANY},
            ),
        ],
    ),
    Scenario("sso_connection-check", "sso_connection", _constant({"default": True, "strategy": "samlp"})),
    Scenario(
        "sso_connection-update",
        "sso_connection",
        _constant(
            {
                "name": "acme-oidc",
                "strategy": "oidc",
                "display_name": "Acme",
                "config": {"issuer_url": "https://idp.example.com", "client_id": "law"},
                "update": "always",
            }
        ),
    ),
    Scenario("api-object", "api", _constant({"path": "/user_info/"})),
    Scenario("api-list", "api", _constant({"path": "/v2/devices/", "all_pages": True, "page_size": 3})),
    Scenario(
        "api-write",
        "api",
        _constant({"method": "POST", "path": "/enterprise/{enterprise_id}/devicegroup/", "body": {"name": "Law"}}),
        discovers=True,
    ),
    Scenario(
        "tenant-several",
        "tenant",
        _constant(
            {
                "device_groups": [{"path": "Law/East", "create_parents": True}, {"path": "Law/West"}],
                "apps": [objects_of(_LAW_APP).create],
                "blueprints": [
                    {
                        "name": "Law",
                        "publish": True,
                        "settings": {"android": {"apps": [objects_of(_LAW_APP).identity]}},
                    }
                ],
                "enterprise_policies": [{"name": "Law", "settings": {"kiosk_mode": True}}],
                "on_error": "continue",
            }
        ),
        Preparation(files=preparation_of(_LAW_APP).files),
    ),
)

_EXPRESSIONS: Row = {
    "hostnames": ["esper_alias ~ '.' ~ esper_os", "esper_os", "name"],
    "compose": {
        "label": "esper_alias",
        "both": "esper_name ~ esper_os ~ esper_tags",
        "model": "esper_hardware.model",
        "copied": "esper_hardware",
    },
    "groups": {"low": "(esper_battery_level | default(100, true)) < 20"},
    "keyed_groups": [{"key": "esper_os", "prefix": "os"}, {"key": "esper_hardware.model", "prefix": "model"}],
}

_INVENTORIES = (
    Scenario("devices-standard", INVENTORY, _constant({}), _ASSIGNED),
    Scenario("devices-full", INVENTORY, _constant({"detail_level": "full", "group_by": ["tag"], **_EXPRESSIONS})),
    Scenario(
        "devices-filters",
        INVENTORY,
        lambda tenant: {"filters": {"group_multi": tenant.path, "state": "online"}, "hostnames": ["alias", "serial"]},
        discovers=True,
    ),
    Scenario("devices-cursor", INVENTORY, _constant({"detail_level": "minimal", "paging": "cursor"})),
    Scenario(
        "devices-cache",
        INVENTORY,
        _constant(
            {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": "cache", **_EXPRESSIONS}
        ),
    ),
)
