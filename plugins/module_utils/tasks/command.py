# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands to devices: which there are, what they need, and how they are sent.

Rests on /commands/v0/commands/ of the contract (v0.yaml); what a command needs is in its notes on the enumeration of
commands.

What the contract does not tell, and this file therefore chooses: each command is sent under a name of its own
(`alias`), by which it is found again when the answer to it is lost.
"""

from __future__ import annotations

import typing as t
import uuid
from dataclasses import dataclass, field
from itertools import zip_longest

from ..base.errors import EsperError, InvalidParameter
from ..base.row import Row
from ..base.validators import between
from ..engine.apply import apply_each
from ..engine.object_cache import References
from ..engine.resource import Resource
from ..http.paging import list_all
from ..http.parallel import in_parts
from ..model.field import Field
from ..model.plan import Step
from .device_search import counted

_DEVICES_A_COMMAND = 1000
_GROUPS_A_COMMAND = 500

# These take from a device what cannot be given back.
DESTRUCTIVE = frozenset({"WIPE", "CLEAR_APP_DATA"})

COMMANDS = (
    "ADD_TO_WHITELIST",
    "ADD_WIFI_AP",
    "APPLE_APP_UNINSTALL",
    "APPLY_APP_CONFIG",
    "BEEP_DEVICE",
    "CLEAR_APP_DATA",
    "CLEAR_PASSCODE",
    "COLLECT_LOGS",
    "CONVERGE",
    "DEVICE_INFORMATION",
    "INSTALL",
    "INSTALL_CERTIFICATE",
    "INSTALL_PROFILE",
    "LIST_INSTALLED_PROFILES",
    "LOCK",
    "NOTIFY_DEVICE",
    "REBOOT",
    "REMOVE_FROM_WHITELIST",
    "REMOVE_PROFILE",
    "REMOVE_WIFI_AP",
    "RESET_LOCKSCREEN_PASSWORD",
    "RUN_CUSTOM_ACTION",
    "RUN_SHELL_SCRIPT",
    "SET_APP_NOTIFICATIONS",
    "SET_APP_PERMISSION",
    "SET_APP_STATE",
    "SET_BLUETOOTH_STATE",
    "SET_BRIGHTNESS_SCALE",
    "SET_DEVICE_LANGUAGE",
    "SET_DEVICE_LOCKDOWN_STATE",
    "SET_ETHERNET_SETTINGS",
    "SET_GPS_STATE",
    "SET_KIOSK_APP",
    "SET_MULTI_APP_MODE",
    "SET_NEW_POLICY",
    "SET_ROTATION_STATE",
    "SET_SCREEN_OFF_TIMEOUT",
    "SET_STATIC_IP",
    "SET_STREAM_VOLUME",
    "SET_TIMEZONE",
    "SET_WIFI_STATE",
    "UNINSTALL",
    "UNINSTALL_CERTIFICATE",
    "UPDATE_BLUEPRINT",
    "UPDATE_DEVICE_CONFIG",
    "UPDATE_HEARTBEAT",
    "UPDATE_LATEST_DPC",
    "USE_ONLY_SAVED_WIFI_AP",
    "VPP_APP_INSTALL",
    "WIPE",
)

_CERTIFICATE = ("cert_alias_name", "cert_storage_type")
_APPLE_APP = ("app_id", "bundle_identifier")
NEEDS: dict[str, tuple[str, ...]] = {
    "ADD_TO_WHITELIST": ("package_name",),
    "ADD_WIFI_AP": ("wifi_access_points",),
    "APPLE_APP_UNINSTALL": _APPLE_APP,
    "CLEAR_APP_DATA": ("package_name",),
    "INSTALL": ("app_version",),
    "INSTALL_CERTIFICATE": ("cert_file_type", "cert_data_base64", *_CERTIFICATE),
    "REMOVE_FROM_WHITELIST": ("package_name",),
    "REMOVE_WIFI_AP": ("wifi_access_points",),
    "RESET_LOCKSCREEN_PASSWORD": ("new_lockscreen_password",),
    "RUN_SHELL_SCRIPT": ("script", "interpreter"),
    "SET_APP_NOTIFICATIONS": ("package_name", "app_notifications_state"),
    "SET_APP_PERMISSION": ("package_name", "permission", "grant_state"),
    "SET_APP_STATE": ("package_name", "app_state"),
    "SET_BLUETOOTH_STATE": ("bluetooth_state",),
    "SET_BRIGHTNESS_SCALE": ("brightness_value",),
    "SET_DEVICE_LANGUAGE": ("locale",),
    "SET_DEVICE_LOCKDOWN_STATE": ("state", "text"),
    "SET_GPS_STATE": ("gps_state",),
    "SET_KIOSK_APP": ("package_name",),
    "SET_NEW_POLICY": ("policy_url",),
    "SET_ROTATION_STATE": ("rotate_state",),
    "SET_SCREEN_OFF_TIMEOUT": ("screen_off_timeout",),
    "SET_STATIC_IP": ("interface", "dhcp_enabled", "static_ip", "primary_dns", "subnet_mask", "gateway"),
    "SET_STREAM_VOLUME": ("stream", "volume_level"),
    "SET_TIMEZONE": ("timezone_string",),
    "SET_WIFI_STATE": ("wifi_state",),
    "UNINSTALL": ("package_name",),
    "UNINSTALL_CERTIFICATE": _CERTIFICATE,
    "USE_ONLY_SAVED_WIFI_AP": ("use_only_saved_ap",),
    "VPP_APP_INSTALL": _APPLE_APP,
}


def _screen_time(value: t.Any) -> str:
    return "" if value == -1 or 5000 <= value <= 1800000 else f"{value} is neither -1 nor between 5000 and 1800000"


def _seconds(value: t.Any) -> str:
    return "" if str(value).isdecimal() and 10 <= int(value) <= 300 else f"{value} is not between 10 and 300"


def _text(name: str, *choices: str, **more: t.Any) -> Field:
    return Field(name, choices=choices, **more)


def _number(name: str, least: int | None = None, most: int | None = None) -> Field:
    return Field(name, type="int", check=between(least, most))


def _switch(name: str) -> Field:
    return Field(name, type="bool")


ARGS = Field(
    "args",
    api="command_args",
    type="dict",
    fields=(
        _text("app_id"),
        _text("app_notifications_state", "ENABLED", "DISABLED"),
        _text("app_state", "SHOW", "HIDE", "DISABLE", "LAUNCHABLE_BUT_HIDDEN"),
        _text("app_version"),
        _switch("bluetooth_state"),
        _number("brightness_value", 1, 100),
        _text("bundle_identifier"),
        _text("cert_alias_name"),
        _text("cert_data_base64", secret=True),
        _text("cert_file_type", "pkcs12"),
        _text("cert_password", secret=True),
        _text("cert_storage_type", "system"),
        Field("custom_settings_config", type="dict"),
        _text("device_alias_name"),
        _switch("dhcp_enabled"),
        Field("duration", check=_seconds),
        _switch("enable_debug_mode"),
        _text("ethernet_auth_mode", "NONE", "EAP_TLS"),
        _text("ethernet_ca_cert_alias"),
        _text("ethernet_client_cert_alias"),
        _text("ethernet_eap_identity"),
        _text("execute_as"),
        _text("gateway"),
        _number("gps_state", 0, 4),
        _text("grant_state", *(f"PERMISSION_GRANT_STATE_{each}" for each in ("DEFAULT", "DENIED", "GRANTED"))),
        _text("interface", "wlan", "eth"),
        _text("interpreter"),
        _switch("is_factory_reset"),
        _text("locale"),
        _switch("managed_only"),
        _text("new_lockscreen_password", secret=True),
        _text("package_name"),
        _text("permission"),
        _text("policy_url"),
        _text("primary_dns"),
        _text("profile"),
        _text("profile_identifier"),
        _number("rotate_state", 0, 2),
        Field("screen_off_timeout", type="int", check=_screen_time),
        _text("script"),
        _text("secondary_dns"),
        _text("state", "LOCKED", "UNLOCKED"),
        _text("static_ip"),
        _number("stream", 0, 3),
        _text("subnet_mask"),
        # Ansible keeps the name "message" for itself.
        _text("text", api="message"),
        _text("timezone_string"),
        _text("title"),
        _text("url"),
        _switch("use_only_saved_ap"),
        _text("video_quality", "LOW", "MEDIUM", "HIGH"),
        _number("volume_level", 0, 100),
        Field("wifi_access_points", type="raw", secret=True),
        _number("wifi_revert_timeout", 1),
        _switch("wifi_state"),
    ),
)

# The times that schedules of all sorts have.
TIMES = (_text("start_datetime"), _text("end_datetime"), _text("time_type", "console", "device"))
SCHEDULE = Field(
    "schedule_args",
    type="dict",
    fields=(
        _text("name"),
        *TIMES,
        _text("window_start_time"),
        _text("window_end_time"),
        Field("days", type="list", elements="str"),
    ),
)
_WINDOW = ("start_datetime", "end_datetime")
SCHEDULES: dict[str, tuple[str, ...]] = {
    "IMMEDIATE": (),
    "WINDOW": _WINDOW,
    "RECURRING": (*_WINDOW, "window_start_time", "window_end_time", "days"),
}


class CommandRequest(Resource):
    """A command as the API has it: what was asked of which devices."""

    kind = "command"
    plural = "commands"
    title = "command"
    collection = "/commands/v0/commands/"
    item = "/commands/v0/commands/{id}/"
    fields = (Field("id", writable=False), Field("command"), Field("name", api="alias"))


REQUEST = CommandRequest()


@dataclass(frozen=True)
class Command:
    """What is asked of devices: the command, its arguments and schedule in the terms of the API, and what it is called
    in the console."""

    name: str
    args: Row = field(default_factory=dict)
    schedule: str = "IMMEDIATE"
    schedule_args: Row = field(default_factory=dict)
    alias: str = "Ansible"


def checked_command(params: t.Mapping[str, t.Any]) -> Command:
    """The command that a task describes. Raises InvalidParameter, which names what is missing or wrong."""
    name = params["command"]
    args, when = checked_request(REQUEST, name, params, SCHEDULE)
    return Command(name, args, params["schedule"], when, params["alias"])


def checked_request(
    resource: Resource, name: str, params: t.Mapping[str, t.Any], schedule: Field, lacking: t.Iterable[str] = ()
) -> tuple[Row, Row]:
    """The arguments and the schedule that a task gives a command or an operation, in the terms of the API; ``lacking``
    is what else is missing. Raises InvalidParameter, which names what is missing or wrong."""
    args, when = ARGS.given(params["args"] or {}), schedule.given(params["schedule_args"] or {})
    complaints = [*ARGS.complaints(args), *schedule.complaints(when)]
    complaints += [f"args.{each}: is missing" for each in NEEDS.get(name, ()) if each not in args]
    complaints += [f"{each}: is missing" for each in lacking]
    complaints += [f"schedule_args.{each}: is missing" for each in SCHEDULES[params["schedule"]] if each not in when]
    if params["schedule"] == "IMMEDIATE" and when:
        complaints.append(f"schedule_args: an immediate {resource.title} has none")
    if complaints:
        raise InvalidParameter(f"The {resource.title} {name} cannot be sent like this: {'; '.join(complaints)}.")
    if params["schedule"] != "IMMEDIATE" and params["wait"]:
        raise InvalidParameter(f"Only an immediate {resource.title} can be waited for: leave out wait, or schedule.")
    if "dhcp_enabled" in args:
        # Which the API has as text.
        args["dhcp_enabled"] = str(args["dhcp_enabled"]).lower()
    return {**ARGS.write(args), **(params["extra_args"] or {})}, when


def check_confirmed(confirmed: bool, doing: str) -> None:
    """Raise InvalidParameter where what cannot be undone is not confirmed."""
    if not confirmed:
        raise InvalidParameter(f"{doing} cannot be undone: set confirm to true to have it done.")


@dataclass
class Sent:
    """A command that was accepted: its id, and how many devices it names (those of groups are not known)."""

    id: str
    devices: int
    groups: int


def send(
    references: References, command: Command, devices: t.Sequence[str], groups: t.Sequence[str] = ()
) -> list[Sent]:
    """Send a command to devices and groups, in as few requests as they take, each accepted once.

    Raises what Client.request raises. Those before the one that failed have been accepted.
    """
    steps = steps_for(references, command, devices, groups=groups)
    accept_each(references, REQUEST, steps)
    return [_sent(step) for step in steps]


def accept_each(references: References, resource: Resource, steps: t.Sequence[Step]) -> None:
    """Have each of some requests accepted. Raises what Client.request raises, and tells which were accepted."""
    failures = apply_each(references, resource, steps)
    if failures:
        raise _with_accepted(failures[0][1], [each for each in steps if each.answer is not None])


def steps_for(
    references: References,
    command: Command,
    devices: t.Sequence[str],
    purpose: str = "",
    groups: t.Sequence[str] = (),
) -> list[Step]:
    """The writes that send a command to devices and groups, however many there are."""
    return [_step(references, command, *part, purpose) for part in _parts(devices, groups)]


def _with_accepted(error: EsperError, accepted: list[Step]) -> EsperError:
    if accepted:
        ids = ", ".join(str((step.answer or {})["id"]) for step in accepted)
        error.args = (f"{error} Others were accepted before: {ids}.",)
    return error


def _sent(step: Step) -> Sent:
    body = t.cast("Row", step.body)
    return Sent(str((step.answer or {})["id"]), len(body.get("devices", ())), len(body.get("groups", ())))


def _parts(devices: t.Sequence[str], groups: t.Sequence[str]) -> t.Iterator[tuple[list[str], list[str]]]:
    """Devices and groups in as many parts as it takes that none is too large."""
    parts = in_parts(_DEVICES_A_COMMAND, devices), in_parts(_GROUPS_A_COMMAND, groups)
    return zip_longest(*parts, fillvalue=[])


def _step(references: References, command: Command, devices: list[str], groups: list[str], purpose: str) -> Step:
    kind = "DYNAMIC" if devices and groups else "GROUP" if groups else "DEVICE"
    targets = {"devices": devices} if kind == "DEVICE" else {"groups": groups} if kind == "GROUP" else None
    body: Row = {
        "command_type": kind,
        **(targets or {"devices": devices, "groups": groups}),
        "device_type": "all",
        "alias": f"{command.alias} {uuid.uuid4().hex[:8]}",
        "command": command.name,
        "command_args": command.args,
        "schedule": command.schedule,
    }
    if command.schedule_args:
        body["schedule_args"] = command.schedule_args
    told = [counted(len(devices))] * bool(devices) + [counted(len(groups), "group")] * bool(groups)
    return Step(
        purpose=purpose or f"Sending the command {command.name} to {' and '.join(told)}",
        method="POST",
        path=REQUEST.collection,
        body=body,
        find=lambda sent: _find(references, sent),
    )


def _find(references: References, sent: t.Any) -> Row | None:
    """The command that was accepted under a name, though the answer was lost."""
    target = {"devices": sent["devices"][0]} if "devices" in sent else {"groups": sent["groups"][0]}
    query = {"command": sent["command"], **target}
    rows = list_all(references.client, REQUEST.collection, query=query, purpose="Looking for the command")
    return next((row for row in rows if row.get("alias") == sent["alias"]), None)
