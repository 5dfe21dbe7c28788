# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations of a pipeline as a task describes them, and their comparison with those of Esper.

Choice: INSTALL sends the arguments that Esper's older client sends. Of these, the ID of the version and the package
name are compared.
Choice: only the arguments that a task sets are compared and replaced, and a number equals its text.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.secret_keys import is_secret_key, mask_secrets
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..model.compare import HIDDEN
from ..model.module_spec import Option
from ..model.unknowns import KnownAfterApply
from ..model.values import deep_merge, matches
from .blueprint_catalog import CATALOGS, Catalog
from .command_risk import RISKY, risk_of
from .content import CONTENT
from .content_lookup import ContentLookup
from .enterprise_policy import ENTERPRISE_POLICY

TYPES = (
    "ADD_OVERRIDE_APN",
    "ADD_TO_WHITELIST",
    "ADD_WIFI_AP",
    "CAPTURE_SCREENSHOT",
    "CLEAR_APP_DATA",
    "INITIATE_CONFERENCE_CALL",
    "INITIATE_OFFER",
    "INSTALL",
    "LOCK",
    "NOTIFY_OTA",
    "REBOOT",
    "REFRESH_APPLIST",
    "REMOVE_FROM_WHITELIST",
    "REMOVE_WIFI_AP",
    "REQUEST_BUGREPORT",
    "REQUEST_DPCLOG",
    "SET_ADB_STATE",
    "SET_APP_PERMISSION",
    "SET_APP_STATE",
    "SET_BLUETOOTH_STATE",
    "SET_BRIGHTNESS_SCALE",
    "SET_DEVICE_LOCKDOWN_STATE",
    "SET_GEO_FENCE",
    "SET_GPS_STATE",
    "SET_KIOSK_APP",
    "SET_NEW_POLICY",
    "SET_ROTATION_STATE",
    "SET_SCREEN_OFF_TIMEOUT",
    "SET_STREAM_VOLUME",
    "SET_TIMEZONE",
    "SET_WALLPAPER",
    "SET_WIFI_STATE",
    "SIMPLE_INSTALL",
    "SYNC_CONTENT",
    "UNINSTALL",
    "UPDATE_DEVICE_CONFIG",
    "UPDATE_HEARTBEAT",
    "UPDATE_LATEST_DPC",
    "WIPE",
)
# The type that each option with an object requires, and the argument with the object.
_OBJECTS = {
    "app": ("INSTALL", "app_version"),
    "content": ("SYNC_CONTENT", "content_id"),
    "policy": ("SET_NEW_POLICY", "policy_url"),
}


def operations_option(doc: str) -> Option:
    """Return the option ``operations``."""
    return Option(
        "operations",
        (
            doc,
            "The list replaces the existing one. Operations run in this order.",
            "A changed operation keeps its place, so the other operations are not sent again.",
        ),
        type="list",
        elements="dict",
        options=(
            Option("type", "Type of the operation.", choices=TYPES, required=True),
            Option(
                "args",
                (
                    "Arguments of the operation, in API format. Arguments you omit are not changed.",
                    "Passwords, certificates and Wi-Fi access points, which the module recognizes by the names of their"
                    " arguments, are never shown.",
                ),
                type="dict",
            ),
            Option(
                "app",
                (
                    "Version of an Android app for V(INSTALL). The module sends its ID and names as arguments.",
                    "C(version_name) or C(version_code) is required.",
                ),
                type="dict",
                options=(
                    Option("package_name", "Package name of the app.", required=True, identifier=True),
                    Option(
                        "version_name",
                        "Name of the version. V(latest) selects the version with the highest version code.",
                        identifier=True,
                    ),
                    Option("version_code", "Code of the version, a number.", type="int"),
                ),
                rules={"required_one_of": [("version_name", "version_code")]},
            ),
            Option("content", "Content file for V(SYNC_CONTENT), by name or ID.", identifier=True),
            Option("policy", "Enterprise policy for V(SET_NEW_POLICY), by name or ID.", identifier=True),
        ),
        rules={"mutually_exclusive": [("app", "content", "policy")]},
    )


@dataclass(frozen=True)
class Operation:
    """A desired operation. ``args`` are its arguments in API format, ``compared`` those that must be equal. A copy is
    an operation of a stage that is created again."""

    type: str
    args: Row
    compared: Row
    is_copy: bool = False

    @property
    def risk(self) -> str:
        """The effect that requires confirmation, "" if there is none."""
        return risk_of(self.type, self.args, RISKY)

    def is_same(self, row: Row) -> bool:
        """Return whether an existing operation is this one. Arguments that cannot be read count as equal."""
        return row.get("operation_type") == self.type and (
            row["args"] is None or matches(_comparable(row["args"]), _comparable(self.compared))
        )

    def merged(self, row: Row) -> Operation:
        """Return the operation with the arguments of an existing one that it replaces, if both have one type."""
        if row.get("operation_type") != self.type:
            return self
        return Operation(self.type, deep_merge(row["args"] or {}, self.args), self.compared)


def copy_of(row: Row, phrase: str) -> Operation:
    """Return an existing operation as a desired one. Raise InvalidParameter if its arguments cannot be read."""
    if row["args"] is None:
        raise InvalidParameter(
            f"Cannot create the {phrase} again, because Esper returned arguments of the operation"
            f" {row.get('operation_type')} that cannot be read. Set its operations in this task."
        )
    return Operation(str(row.get("operation_type")), row["args"], row["args"], is_copy=True)


def shown_args(args: Row | None) -> Row | None:
    """Return arguments for a result or a diff, without secrets."""
    if args is None:
        return None
    return {key: HIDDEN if is_secret_key(key) and value else mask_secrets(value) for key, value in args.items()}


def app_in(row_type: t.Any, args: Row | None) -> Row | None:
    """Return the app version in the arguments of an operation, None if there is none."""
    if row_type != "INSTALL" or not args or "package_name" not in args:
        return None
    return {key: args.get(key) for key in ("package_name", "version_name", "version_code")}


class OperationResolver:
    """Resolves the operations of a task, with the objects that they name."""

    def __init__(self, view: TenantView) -> None:
        self._view = view
        self._catalog = Catalog(view, CATALOGS["android"])

    def resolve(self, params: Params, path: str) -> Operation:
        """Return an operation of a task. ``path`` is its path in messages. Raise InvalidParameter, NotFound or
        Ambiguous."""
        kind, args = params["type"], dict(params.get("args") or {})
        compared = dict(args)
        for option, (required, key) in _OBJECTS.items():
            if params.get(option) is None:
                continue
            if kind != required:
                raise InvalidParameter(f"The option {path}.{option} requires the type {required}, not {kind}.")
            if key in args:
                raise InvalidParameter(f"The options {path}.{option} and {path}.args.{key} exclude each other.")
            own, own_compared = getattr(self, f"_{option}_args")(params[option], path)
            args |= own
            compared |= own_compared
        if kind == "INSTALL" and "app_version" not in args:
            raise InvalidParameter(f"The option {path}.app is required for the type INSTALL.")
        return Operation(kind, args, compared)

    def _app_args(self, app: Params, path: str) -> tuple[Row, Row]:
        selected = {name: value for name, value in app.items() if value is not None}
        version = self._catalog.select(selected, None, f"{path}.app")
        row: Row = next((each for each in self._catalog.apps(app["package_name"]) if each["id"] == version.app_id), {})
        compared = {"app_version": version.id, "package_name": app["package_name"]}
        about = {
            "version_name": version.name,
            "version_code": version.code,
            "application_name": row.get("application_name"),
        }
        return {**compared, **{key: value for key, value in about.items() if value is not None}}, compared

    def _content_args(self, name: str, _path: str) -> tuple[Row, Row]:
        lookup = ContentLookup(self._view, CONTENT)
        row = lookup.find_by_id(name.strip()) if name.strip().isdecimal() else None
        row = row or lookup.resolve(name, advice="Use the ID instead.", user="a pipeline")
        return {"content_id": row["id"]}, {"content_id": row["id"]}

    def _policy_args(self, name: str, _path: str) -> tuple[Row, Row]:
        row = lookup_of(self._view, ENTERPRISE_POLICY).resolve(name)
        client = self._view.client
        prefix = f"{client.connection.api_url}/enterprise/{client.enterprise_id}/policy/"
        identifier = row["id"]
        if isinstance(identifier, KnownAfterApply):
            url: t.Any = identifier.transformed(lambda value: f"{prefix}{value}/")
        else:
            url = row.get("url") or f"{prefix}{identifier}/"
        return {"policy_url": url}, {"policy_url": url}


def _comparable(args: Row) -> Row:
    """Return arguments with the ID of the policy in place of its URL, whose host can differ."""
    url = args.get("policy_url")
    return {**args, "policy_url": url.rstrip("/").rpartition("/")[2]} if isinstance(url, str) else args
