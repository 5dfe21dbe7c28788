# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands to devices: their names, their arguments, and the requests that send them.

Based on /commands/v0/commands/ of the contract (v0.yaml). The required arguments of a command are in the notes on the
enumeration of commands.

The contract does not document a way to identify a request. This file sends each command with a unique name (`alias`),
so the command can be found if the response is lost.
"""

from __future__ import annotations

import contextlib
import typing as t
import uuid
from dataclasses import dataclass, field, replace

from ..base.errors import EsperError, InvalidParameter, InvalidValues
from ..base.row import Row
from ..base.secret_keys import mask_secrets, secret_values
from ..base.text import counted, listed
from ..base.validators import in_range
from ..engine.apply import apply_each
from ..engine.tenant_view import TenantView
from ..http.paging import iterate
from ..http.parallel import in_parts
from ..kinds.command_risk import risks
from ..model.compare import compare
from ..model.conform import secrets_of, to_text
from ..model.field import Field, Words
from ..model.kind import Kind, Routes, Shape
from ..model.module_spec import Option
from ..model.plan import Step
from ..model.values import is_too_deep
from ..task import Effects
from .schedules import SCHEDULE, schedule_errors

_DEVICES_PER_COMMAND = 1000
_GROUPS_PER_COMMAND = 500
# The maximum number of IDs in a message. The result contains all.
_SHOWN_IDS = 5

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
REQUIRED_ARGS: dict[str, tuple[str, ...]] = {
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


def _validate_screen_timeout(value: t.Any) -> str:
    return "" if value == -1 or 5000 <= value <= 1800000 else f"is {value}; valid values are -1 and 5000 to 1800000"


def _validate_duration(value: t.Any) -> str:
    return "" if str(value).isdecimal() and 10 <= int(value) <= 300 else f"is {value}; valid values are 10 to 300"


def _text(name: str, doc: Words, *choices: str, **more: t.Any) -> Field:
    return Field(name, doc, choices=choices, **more)


def _number(name: str, doc: Words, minimum: int | None = None, maximum: int | None = None) -> Field:
    return Field(name, doc, type="int", validator=in_range(minimum, maximum))


def _switch(name: str, doc: Words) -> Field:
    return Field(name, doc, type="bool")


def _with_requirement(arg: Field) -> Field:
    """Return an argument that documents the commands that require it."""
    commands = [f"C({name})" for name, args in REQUIRED_ARGS.items() if arg.name in args]
    if not commands or arg.name == "app_version":
        return arg
    *others, last = commands
    names = f"{', '.join(others)} and {last}" if others else last
    doc = [arg.doc] if isinstance(arg.doc, str) else arg.doc
    return replace(arg, doc=(*doc, f"Required for {names}."))


_ARGS = (
    _text("app_id", "Apple ID of an app from the Volume Purchase Program (VPP).", identifier=True),
    _text("app_notifications_state", "Permission of the app to show notifications.", "ENABLED", "DISABLED"),
    _text("app_state", "Visibility of the app on the device.", "SHOW", "HIDE", "DISABLE", "LAUNCHABLE_BUT_HIDDEN"),
    _text(
        "app_version",
        (
            "ID of an app version. See RV(esper.cloud.app#module:app.version_id).",
            "C(INSTALL) requires this ID, or C(package_name) and C(version_name) or C(version_code).",
        ),
        identifier=True,
    ),
    _switch("bluetooth_state", "If V(true), Bluetooth is turned on. If V(false), it is turned off."),
    _number("brightness_value", "Brightness of the screen.", 1, 100),
    _text("bundle_identifier", "Bundle ID of an Apple app.", identifier=True),
    _text("cert_alias_name", "Alias of the certificate on the device.", identifier=True),
    _text("cert_data_base64", "Certificate file in base64. It is never shown.", secret=True),
    _text("cert_file_type", "Type of the certificate file.", "pkcs12"),
    _text("cert_password", "Password of the certificate file. It is never shown.", secret=True),
    _text("cert_storage_type", "Keystore for the certificate on the device.", "system"),
    Field("custom_settings_config", "Managed configuration, in API format.", type="dict", opaque=True),
    _text(
        "device_alias_name",
        "Alias of the device. Prefer M(esper.cloud.device), which sends an alias only if it differs.",
    ),
    _switch("dhcp_enabled", "If V(true), the device gets its addresses by DHCP."),
    Field("duration", "Length of the beep in seconds, from 10 to 300.", numbers=True, validator=_validate_duration),
    _switch(
        "enable_debug_mode",
        "If V(true), a device in kiosk mode switches to debug mode, so a bug report can be collected.",
    ),
    _text("ethernet_auth_mode", "Authentication of the device on Ethernet.", "NONE", "EAP_TLS"),
    _text("ethernet_ca_cert_alias", "Alias of the CA certificate for V(EAP_TLS)."),
    _text("ethernet_client_cert_alias", "Alias of the client certificate for V(EAP_TLS)."),
    _text("ethernet_eap_identity", "Identity for EAP."),
    _text("execute_as", "User that runs the script on Linux, V(root) or V(Esper). Defaults to V(Esper)."),
    _text("gateway", "IPv4 address of the gateway."),
    _number(
        "gps_state",
        (
            "Location mode.",
            "V(0) is high accuracy, V(1) device sensors only, V(2) battery saving, V(3) off, and V(4) on.",
        ),
        0,
        4,
    ),
    _text(
        "grant_state",
        "Decision about the permission.",
        *(f"PERMISSION_GRANT_STATE_{each}" for each in ("DEFAULT", "DENIED", "GRANTED")),
    ),
    _text("interface", "Network interface.", "wlan", "eth"),
    _text("interpreter", "Interpreter of the script, for example V(bash) on Linux or V(powershell) on Windows."),
    _switch(
        "is_factory_reset",
        "If V(true), C(WIPE) wipes and unenrolls the device. If V(false), it only unenrolls the device."
        " Windows devices require this argument.",
    ),
    _text("locale", "Language of the device as a locale, for example V(de_DE)."),
    _switch("managed_only", "If V(true), only profiles that were installed by Esper are listed."),
    _text("new_lockscreen_password", "New password of the lock screen. It is never shown.", secret=True),
    _text(
        "package_name",
        "Package name of the app. For C(INSTALL), the name of an app of the tenant, instead of C(app_version).",
        identifier=True,
    ),
    _text("permission", "Name of the permission."),
    _text("policy_url", "URL of the policy."),
    _text("primary_dns", "IPv4 address of the first DNS server."),
    _text("profile", "Configuration profile in base64. It is never shown.", secret=True),
    _text("profile_identifier", "Identifier of the profile.", identifier=True),
    _number("rotate_state", "Rotation of the screen. V(0) is automatic, V(1) is portrait and V(2) is landscape.", 0, 2),
    Field(
        "screen_off_timeout",
        "Idle time in milliseconds after which the screen turns off, V(-1) or from 5000 to 1800000.",
        type="int",
        validator=_validate_screen_timeout,
    ),
    _text("script", "Text of the script."),
    _text("secondary_dns", "IPv4 address of the second DNS server."),
    _text("state", "Lockdown state of the device.", "LOCKED", "UNLOCKED"),
    _text("static_ip", "IPv4 address of the device."),
    _number("stream", "Audio stream. V(0) is ring, V(1) notification, V(2) alarm, and V(3) music.", 0, 3),
    _text("subnet_mask", "Prefix length of the network, from 1 to 32."),
    # Ansible reserves the name "message".
    _text("text", "Text of the message. The Esper API calls it C(message).", api="message"),
    _text("tag", "Tag of the screenshot that the operation C(CAPTURE_SCREENSHOT) takes."),
    _text("timezone_string", "Time zone, for example V(Europe/Berlin)."),
    _text("title", "Title of the message."),
    _text("url", "Link in the message."),
    _switch("use_only_saved_ap", "If V(true), the device uses saved Wi-Fi access points only."),
    _number("version_code", "For C(INSTALL), code of the version of the app in C(package_name)."),
    _text(
        "version_name",
        "For C(INSTALL), name of the version of the app in C(package_name). V(latest) selects the version with the"
        " highest version code.",
        identifier=True,
        numbers=True,
    ),
    _text("video_quality", "Video quality of a remote viewer session.", "LOW", "MEDIUM", "HIGH"),
    _number("volume_level", "Volume of the audio stream.", 0, 100),
    Field(
        "wifi_access_points",
        "Wi-Fi access points, in API format. They are never shown, because they can contain passwords.",
        type="raw",
        secret=True,
    ),
    _number(
        "wifi_revert_timeout",
        "Time after which a change of the Wi-Fi state is reverted. Esper does not document the unit.",
        1,
    ),
    _switch("wifi_state", "If V(true), Wi-Fi is turned on. If V(false), it is turned off."),
)
ARGS = Field(
    "args",
    "Arguments of the command, or of the operation with the name of a command.",
    api="command_args",
    type="dict",
    fields=tuple(_with_requirement(arg) for arg in _ARGS),
)


_KNOWN_ARGS = frozenset(arg.api_name for arg in ARGS.fields)
# A configuration profile can contain passwords and certificates.
_HIDDEN_ARGS = ("profile",)


def shown_args(args: t.Any) -> t.Any:
    """Return the arguments of a command or an operation in the form of options, without those that can be secret."""
    if not isinstance(args, dict):
        return args
    if is_too_deep(args):
        return None
    others = {key: value for key, value in args.items() if key not in _KNOWN_ARGS}
    shown = {**ARGS.from_api(args), **others}
    return mask_secrets({key: value for key, value in shown.items() if key not in _HIDDEN_ARGS})


def hide_args(view: TenantView, args: t.Any) -> None:
    """Mask the secret arguments of a command in everything that the task shows."""
    if isinstance(args, dict) and not is_too_deep(args):
        view.client.hide(*secrets_of(ARGS.fields, args), *secret_values(args))


def extra_args_option(others: str) -> Option:
    """Return the option ``extra_args``; ``others`` are the arguments that have options of their own."""
    return Option(
        "extra_args",
        (
            f"Arguments other than {others}, in API format, for example those of a custom action.",
            "The module does not know which of them are secret. If there are any, set C(no_log: true) for the task.",
            "Messages do not show texts of the arguments that have eight or more characters.",
        ),
        type="dict",
    )


ALIAS_OPTION = Option(
    "alias",
    (
        "Name of the command in the Esper console.",
        "The module appends a random suffix, so it can find the command if the response is lost.",
    ),
    default="Ansible",
)


def confirm_option(names: t.Iterable[str]) -> Option:
    """Return the option ``confirm``; ``names`` are the commands that require confirmation with any arguments."""
    return Option(
        "confirm",
        "If V(true), confirms an action that cannot be undone, or that takes devices offline. Required for"
        f" {risks(names)}.",
        type="bool",
        default=False,
    )


def _user_id(value: t.Any) -> str | None:
    """Return the ID of a user, who can be an object, an ID, or a URL that ends in it."""
    text = to_text(value.get("id") if isinstance(value, dict) else value)
    return text and text.rstrip("/").rpartition("/")[2]


REQUEST = Kind(
    name="command",
    title="command",
    plural="commands",
    routes=Routes(list="/commands/v0/commands/", object="/commands/v0/commands/{id}/"),
    shape=Shape.READ_ONLY,
    name_key="command",
    fields=(
        Field("id", "ID of the command.", writable=False, sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
        Field("command", "Name of the command.", sample="REBOOT"),
        Field(
            "args",
            "Arguments of the command, without those that can be secret.",
            api="command_args",
            type="dict",
            normalize=shown_args,
            sample={},
        ),
        Field(
            "alias",
            "Name of the command in the Esper console. Null if Esper does not return it.",
            sample="Ansible 0c1d2e3f",
        ),
        Field("schedule", "Schedule of the command. Null if Esper does not return it.", sample="IMMEDIATE"),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("created_by", "ID of the user who sent the command.", normalize=_user_id, writable=False, sample="17"),
    ),
)
"""A command in the Esper API: one request to several devices."""


@dataclass(frozen=True)
class Command:
    """A command to send: its arguments and schedule in API format, and its name in the Esper console."""

    name: str
    args: Row = field(default_factory=dict)
    schedule: str = "IMMEDIATE"
    schedule_args: Row = field(default_factory=dict)
    alias: str = "Ansible"


def reject_options(params: t.Mapping[str, t.Any], options: t.Iterable[Option | Field]) -> None:
    """Raise InvalidParameter if a task sets options that its state does not allow."""
    for option in options:
        if params[option.name] not in (None, getattr(option, "default", None)):
            raise InvalidParameter(f"The option {option.name} is not allowed with state={params['state']}.")


def checked_command(params: t.Mapping[str, t.Any]) -> Command:
    """Return the command that a task describes. Raise InvalidParameter if an argument is missing or invalid."""
    name = params["command"]
    args, schedule_args = checked_request(REQUEST, name, params, SCHEDULE)
    return Command(name, args, params["schedule"], schedule_args, params["alias"])


def checked_request(
    kind: Kind,
    name: str,
    params: t.Mapping[str, t.Any],
    schedule: Field,
    missing: t.Iterable[str] = (),
    invalid: t.Iterable[str] = (),
) -> tuple[Row, Row]:
    """Return the arguments and the schedule of a command or an operation in API format.

    ``missing`` are other required options that are not set, ``invalid`` are phrases about other invalid options.
    Raise InvalidParameter if an option is missing or invalid.
    """
    args = ARGS.normalize_input(params["args"] or {})
    schedule_args = schedule.normalize_input(params["schedule_args"] or {})
    comparison = compare(ARGS, None, args)
    missing = [
        *(f"args.{arg}" for arg in REQUIRED_ARGS.get(name, ()) if arg not in args),
        *missing,
    ]
    errors = [*comparison.errors, *compare(schedule, None, schedule_args).errors, *invalid]
    errors += [f"{option} is required" for option in missing]
    errors += schedule_errors(params["schedule"], schedule_args)
    if errors:
        raise InvalidValues(errors, f"{kind.title} {name}")
    if params["schedule"] != "IMMEDIATE" and params["wait"]:
        raise InvalidParameter(
            f"The option wait requires schedule=IMMEDIATE, because a scheduled {kind.title} can take days."
        )
    body = {**comparison.payload, **(params["extra_args"] or {})}
    if "dhcp_enabled" in args:
        # A text in the Esper API.
        body["dhcp_enabled"] = str(body["dhcp_enabled"]).lower()
    return body, schedule_args


@dataclass
class AcceptedCommand:
    """A command that Esper accepted: its ID, and the IDs of the devices and device groups that it names."""

    id: str
    devices: list[str]
    groups: list[str]

    @property
    def summary(self) -> Row:
        """The command in the form of the result."""
        return {"id": self.id, "devices": len(self.devices), "groups": len(self.groups)}


def send(
    view: TenantView, effects: Effects, command: Command, devices: t.Sequence[str], groups: t.Sequence[str] = ()
) -> list[AcceptedCommand]:
    """Send a command to devices and device groups in as few requests as possible.

    Raise what Client.request raises. The commands that Esper accepted are added to ``effects``.
    """
    steps = steps_for(view, command, devices, groups=groups)
    with accepting(effects, f"The command {command.name}", steps, lambda: {"commands": summaries(steps)}):
        raise_one(apply_each(view, REQUEST, steps))
    return accepted_commands(steps)


@contextlib.contextmanager
def accepting(
    effects: Effects, title: str, steps: t.Sequence[Step], values: t.Callable[[], Row] = dict
) -> t.Iterator[None]:
    """Add to ``effects`` which of the steps Esper accepted in this context, whatever ends it. ``title`` is the subject
    of the sentence, ``values`` are for the result."""
    try:
        yield
    finally:
        ids = [str(step.response["id"]) for step in steps if step.response is not None]
        if ids:
            sentence = f"{title} was accepted before ({listed(ids, _SHOWN_IDS)}), so devices can still execute it."
            effects.add(sentence, **values())


def raise_one(failures: t.Sequence[tuple[Step, EsperError]]) -> None:
    """Raise the first of the failures of apply_each(), if there are any."""
    if failures:
        raise failures[0][1]


def accepted_commands(steps: t.Iterable[Step]) -> list[AcceptedCommand]:
    """Return the commands among the steps that Esper accepted."""
    return [_accepted_command(step) for step in steps if step.response is not None]


def summaries(steps: t.Iterable[Step]) -> list[Row]:
    """Return the commands among the steps that Esper accepted, in the form of the result."""
    return [command.summary for command in accepted_commands(steps)]


def steps_for(
    view: TenantView,
    command: Command,
    devices: t.Sequence[str],
    purpose: str = "",
    groups: t.Sequence[str] = (),
) -> list[Step]:
    """Return the requests that send a command to devices and device groups, as few as possible."""
    return [
        *(_step(view, command, "DEVICE", part, purpose) for part in in_parts(_DEVICES_PER_COMMAND, devices)),
        *(_step(view, command, "GROUP", part, purpose) for part in in_parts(_GROUPS_PER_COMMAND, groups)),
    ]


def _accepted_command(step: Step) -> AcceptedCommand:
    body = t.cast("Row", step.body)
    return AcceptedCommand(str((step.response or {})["id"]), body.get("devices", []), body.get("groups", []))


def _step(view: TenantView, command: Command, kind: str, ids: list[str], purpose: str) -> Step:
    noun = "device" if kind == "DEVICE" else "device group"
    body: Row = {
        "command_type": kind,
        "devices" if kind == "DEVICE" else "groups": ids,
        "device_type": "all",
        "alias": f"{command.alias} {uuid.uuid4().hex[:8]}",
        "command": command.name,
        "command_args": command.args,
        "schedule": command.schedule,
    }
    if command.schedule_args:
        body["schedule_args"] = command.schedule_args
    return Step(
        purpose=purpose or f"Sending the command {command.name} to {counted(len(ids), noun)}",
        method="POST",
        path=REQUEST.routes.list,
        body=body,
        find_existing=lambda body: _find_accepted(view, body),
    )


def _find_accepted(view: TenantView, body: t.Any) -> Row | None:
    """Return the command of a request that Esper accepted although the response was lost, or None."""
    target = "devices" if "devices" in body else "groups"
    query = {"command": body["command"], target: body[target][0]}
    rows = iterate(view.client, REQUEST.routes.list, query=query, purpose="Looking for the command")
    return next((row for row in rows if row.get("alias") == body["alias"]), None)
