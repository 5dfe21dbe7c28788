# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enterprise policies, which the console calls compliance policies: restrictions for devices that templates manage.

Rests on /enterprise/{enterprise_id}/policy/ of the contract (legacy.yaml). The service replaces the whole set of
settings by what it is sent; so each change sends all of them, those that the task does not mention as they are.
"""

from __future__ import annotations

import re
import typing as t

from ..base.row import Row
from ..base.validators import between, email, length
from ..engine.object_cache import References
from ..engine.resource import Resource
from ..model.field import Field, options_of

PASSWORD_QUALITIES = (
    "PASSWORD_QUALITY_ALPHABETIC",
    "PASSWORD_QUALITY_ALPHANUMERIC",
    "PASSWORD_QUALITY_BIOMETRIC_WEAK",
    "PASSWORD_QUALITY_COMPLEX",
    "PASSWORD_QUALITY_NUMERIC",
    "PASSWORD_QUALITY_NUMERIC_COMPLEX",
    "PASSWORD_QUALITY_SOMETHING",
    "PASSWORD_QUALITY_UNSPECIFIED",
)


def _setting(name: str, **attributes: t.Any) -> Field:
    """A setting, which the API calls the same in camel case."""
    return Field(name, api=re.sub(r"_(.)", lambda found: found.group(1).upper(), name), **attributes)


def _switch(name: str) -> Field:
    return _setting(name, type="bool")


def _texts(name: str, **attributes: t.Any) -> Field:
    return _setting(name, type="list", elements="str", items="set", **attributes)


_SETTINGS = (
    _setting("applications", type="list", elements="dict"),
    _switch("kiosk_mode"),
    _switch("keyguard_disabled"),
    _switch("safe_boot_disabled"),
    _switch("status_bar_disabled"),
    _switch("factory_reset_disabled"),
    _switch("screenshot_disabled"),
    _switch("usb_connectivity_disabled"),
    _switch("sms_disabled"),
    _switch("outgoing_calls_disabled"),
    _switch("camera_disabled"),
    _switch("nfc_beam_disabled"),
    _switch("disable_play_store"),
    _switch("usb_file_transfer_disabled"),
    _switch("tethering_disabled"),
    _switch("date_time_config_disabled"),
    _switch("app_uninstall_disabled"),
    _switch("google_assistant_disabled"),
    _switch("disable_local_app_install"),
    _switch("adb_disabled"),
    _setting(
        "phone_policy",
        type="dict",
        fields=(
            _texts("incoming_numbers", check=length(1, 15)),
            _texts("outgoing_numbers", check=length(1, 15)),
            _setting("dialer", choices=("DEFAULT", "SHOONYA")),
            _switch("allow_ussd_codes"),
        ),
    ),
    _setting(
        "frp_googles",
        type="list",
        elements="dict",
        fields=(
            _setting("type", choices=("USER", "ADMIN")),
            _setting("email", check=email),
            _setting("google_id"),
        ),
    ),
    _setting(
        "google_account_permission",
        type="dict",
        fields=(
            _setting("max_account", type="int", check=between(0, 10)),
            _texts("emails", check=email),
            _texts("domains"),
        ),
    ),
    _setting(
        "device_password_policy",
        type="dict",
        fields=(_setting("password_quality", choices=PASSWORD_QUALITIES),),
    ),
    _setting("minimum_password_length", type="int", check=between(4)),
    _setting(
        "permission_policy",
        choices=("PERMISSION_POLICY_PROMPT", "PERMISSION_POLICY_AUTO_GRANT", "PERMISSION_POLICY_AUTO_DENY"),
    ),
    _setting(
        "device_update_policy",
        type="dict",
        fields=(
            _setting("password_quality", choices=PASSWORD_QUALITIES),
            _setting(
                "type",
                choices=(
                    "TYPE_INSTALL_AUTOMATIC",
                    "TYPE_POSTPONE",
                    "TYPE_INSTALL_WINDOWED",
                    "TYPE_INSTALL_DISABLED",
                ),
            ),
            _setting("maintenance_start", type="int", check=between(0)),
            _setting("maintenance_end", type="int", check=between(0)),
        ),
    ),
    _setting("settings_access_level", choices=("SYSTEM", "SHOONYA", "NONE")),
    _setting("settings_app_password", secret=True),
)


class EnterprisePolicy(Resource):
    kind = "enterprise_policy"
    plural = "enterprise_policies"
    title = "enterprise policy"
    collection = "/enterprise/{enterprise_id}/policy/"
    item = "/enterprise/{enterprise_id}/policy/{id}/"
    fields = (
        Field("id", type="int", writable=False),
        Field("uuid", writable=False),
        Field("name", normalise=str.strip, check=length(1, 255)),
        Field("description"),
        Field("active", api="is_active", type="bool"),
        Field("settings", api="policy", type="dict", fields=_SETTINGS),
        Field("device_count", type="int", writable=False),
        Field("created_on", writable=False),
        Field("updated_on", writable=False),
    )
    options: t.ClassVar = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "id": {"type": "int"},
        **options_of(fields),
        "update_password": {"type": "str", "choices": ["always", "on_create"], "default": "on_create", "no_log": False},
    }
    rules: t.ClassVar = {"required_one_of": [("id", "name")]}
    info_options: t.ClassVar = {"id": {"type": "int"}, "name": {"type": "str"}}
    info_rules: t.ClassVar = {"mutually_exclusive": [("id", "name")]}

    def constants(self, references: References) -> Row:
        client = references.client
        return {"enterprise": f"{client.connection.api_url}/enterprise/{client.enterprise_id}/", "policy": {}}


ENTERPRISE_POLICY = EnterprisePolicy()
