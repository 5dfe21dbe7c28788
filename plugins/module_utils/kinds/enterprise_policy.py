# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enterprise policies, which the Esper console calls compliance policies: restrictions for devices with templates.

Based on /enterprise/{enterprise_id}/policy/ of the contract (legacy.yaml). The Esper API replaces all
settings, so each change sends all of them.
"""

from __future__ import annotations

import re
import typing as t

from ..base.row import Row
from ..base.validators import email, in_range, length
from ..model.field import Field, Words
from ..model.kind import Guard, Kind, Routes, counted_in
from ..model.module_spec import (
    NO_DIFF,
    READS_ONLY,
    ModuleSpec,
    Option,
    confirm_option,
    state_option,
    update_password_option,
    writable,
)

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


def _setting(name: str, doc: Words, **attributes: t.Any) -> Field:
    """Return a setting, whose name in the API is the same in camel case."""
    return Field(name, doc, api=re.sub(r"_(.)", lambda match: match.group(1).upper(), name), **attributes)


def _switch(name: str, effect: str) -> Field:
    return _setting(name, f"If V(true), {effect}.", type="bool")


def _texts(name: str, doc: Words, **attributes: t.Any) -> Field:
    return _setting(name, doc, type="list", elements="str", list_type="set", **attributes)


def _password_quality(doc: Words) -> Field:
    return _setting("password_quality", doc, choices=PASSWORD_QUALITIES)


_SETTINGS = (
    _setting(
        "applications",
        "Apps and their settings. Esper does not document the keys.",
        type="list",
        elements="dict",
        opaque=True,
    ),
    _switch("kiosk_mode", "devices run in kiosk mode, which shows a single app"),
    _switch("keyguard_disabled", "devices have no lock screen"),
    _switch("safe_boot_disabled", "users cannot start devices in safe mode"),
    _switch("status_bar_disabled", "devices do not show the status bar"),
    _switch("factory_reset_disabled", "users cannot reset devices to factory settings"),
    _switch("screenshot_disabled", "users cannot take screenshots"),
    _switch("usb_connectivity_disabled", "devices block USB connections"),
    _switch("sms_disabled", "devices block text messages"),
    _switch("outgoing_calls_disabled", "devices block outgoing calls"),
    _switch("camera_disabled", "devices block the camera"),
    _switch("nfc_beam_disabled", "devices do not send data over NFC"),
    _switch("disable_play_store", "devices block the Google Play store"),
    _switch("usb_file_transfer_disabled", "devices block file transfer over USB"),
    _switch("tethering_disabled", "devices block USB tethering"),
    _switch("date_time_config_disabled", "users cannot change date and time"),
    _switch("app_uninstall_disabled", "users cannot uninstall apps"),
    _switch("google_assistant_disabled", "devices block Google Assistant"),
    _switch("disable_local_app_install", "users cannot install apps from unknown sources"),
    _switch("adb_disabled", "devices block the Android Debug Bridge"),
    _setting(
        "phone_policy",
        "Restrictions for calls.",
        type="dict",
        fields=(
            _texts(
                "incoming_numbers",
                "Phone numbers that can call the device.",
                validator=length(1, 15),
            ),
            _texts(
                "outgoing_numbers",
                "Phone numbers that the device can call.",
                validator=length(1, 15),
            ),
            _setting(
                "dialer",
                "Dialer app. V(DEFAULT) is the Android dialer, V(SHOONYA) is the Esper dialer.",
                choices=("DEFAULT", "SHOONYA"),
            ),
            _switch("allow_ussd_codes", "users can dial USSD codes"),
        ),
    ),
    _setting(
        "frp_googles",
        "Accounts that can unlock a device after a factory reset (factory reset protection).",
        type="list",
        elements="dict",
        fields=(
            _setting("type", "Type of the account.", choices=("USER", "ADMIN")),
            _setting("email", "Email address of the account, which the device asks for.", validator=email),
            _setting("google_id", "Google People ID of the account."),
        ),
    ),
    _setting(
        "google_account_permission",
        "Google accounts that users can add to a device.",
        type="dict",
        fields=(
            _setting("max_account", "Maximum number of accounts.", type="int", validator=in_range(0, 10)),
            _texts("emails", "Email addresses that users can add.", validator=email),
            _texts("domains", "Domains whose email addresses users can add."),
        ),
    ),
    _setting(
        "device_password_policy",
        "Requirements for the device password.",
        type="dict",
        fields=(_password_quality("Required quality of the password."),),
    ),
    _setting(
        "minimum_password_length",
        "Minimum length of the device password in characters.",
        type="int",
        validator=in_range(4),
    ),
    _setting(
        "permission_policy",
        "Default decision about the permissions that apps request at run time.",
        choices=("PERMISSION_POLICY_PROMPT", "PERMISSION_POLICY_AUTO_GRANT", "PERMISSION_POLICY_AUTO_DENY"),
    ),
    _setting(
        "device_update_policy",
        "Updates of the operating system.",
        type="dict",
        fields=(
            _password_quality("Quality of the password. The Esper API has it here in addition to the password policy."),
            _setting(
                "type",
                "Type of the update policy.",
                choices=(
                    "TYPE_INSTALL_AUTOMATIC",
                    "TYPE_POSTPONE",
                    "TYPE_INSTALL_WINDOWED",
                    "TYPE_INSTALL_DISABLED",
                ),
            ),
            _setting(
                "maintenance_start",
                "Start of the maintenance window for V(TYPE_INSTALL_WINDOWED). Esper does not document the unit.",
                type="int",
                validator=in_range(0),
            ),
            _setting(
                "maintenance_end",
                "End of the maintenance window for V(TYPE_INSTALL_WINDOWED). Esper does not document the unit.",
                type="int",
                validator=in_range(0),
            ),
        ),
    ),
    _setting(
        "settings_access_level",
        "Settings app on the device. V(SYSTEM) is the Android app, V(SHOONYA) is the Esper Settings app.",
        choices=("SYSTEM", "SHOONYA", "NONE"),
    ),
    _setting(
        "settings_app_password",
        ("Password of the Esper Settings app. It is never shown.", "See O(update_password) for when it is sent."),
        secret=True,
    ),
)


_FIELDS = (
    Field(
        "id",
        "ID of the policy. Null in check mode if the task creates the policy.",
        type="int",
        writable=False,
        sample=42,
    ),
    Field("uuid", "UUID of the policy.", writable=False, sample="6f3a2c1e-5a3f-4a53-9f3c-0d5e3f3b7a10"),
    Field(
        "name",
        (
            "Name of the policy, case-sensitive.",
            "With O(id), the new name of the policy.",
        ),
        identifier=True,
        normalize=str.strip,
        validator=length(1, 255),
        returns="Name of the policy.",
        sample="Kiosks",
    ),
    Field("description", "Description of the policy.", sample="Self-service in the stores"),
    Field("active", "If V(true), the policy is active.", api="is_active", type="bool", sample=True),
    Field(
        "settings",
        (
            "Settings of the policy. The names are those of the Esper API in snake case.",
            "Lists of numbers, addresses and domains are compared without order and replaced as a whole.",
        ),
        api="policy",
        type="dict",
        fields=_SETTINGS,
        returns=(
            "Settings of the policy, without the password.",
            "The names are those of the suboptions of O(esper.cloud.enterprise_policy#module:settings).",
        ),
        sample={"kiosk_mode": True, "permission_policy": "PERMISSION_POLICY_AUTO_GRANT"},
    ),
    Field("device_count", "Number of devices with this policy.", type="int", writable=False, sample=12),
    Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
    Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
)


def _fixed_payload(api_url: str, enterprise_id: str) -> Row:
    return {"enterprise": f"{api_url}/enterprise/{enterprise_id}/", "policy": {}}


ENTERPRISE_POLICY = Kind(
    name="enterprise_policy",
    title="enterprise policy",
    plural="enterprise_policies",
    routes=Routes(
        list="/enterprise/{enterprise_id}/policy/",
        object="/enterprise/{enterprise_id}/policy/{id}/",
    ),
    fields=_FIELDS,
    fixed_payload=_fixed_payload,
    guards=(
        Guard(
            users=counted_in("device_count", "device"),
            advice="Assign another policy to them first",
            option="",
            also_update=True,
            reads=("device_count",),
        ),
    ),
    module=ModuleSpec(
        short_description="Manage Esper enterprise policies",
        description=(
            "Creates, updates, renames and deletes enterprise policies, the compliance policies of the Esper console.",
            "Enterprise policies restrict Android devices that have a template. Blueprints have their own settings.",
            "Settings you omit are not changed. The Esper API replaces all settings at once, so the module sends the"
            " unchanged settings again. It then reads the policy once more. If another client replaced the settings of"
            " the task at the same time, the module merges both changes, with a warning. It cannot detect a change"
            " between its last read and its own request.",
            "Esper does not change or delete a policy that devices use. The module then fails, also in check mode, and"
            " the error contains their number.",
        ),
        options=(
            state_option("policy"),
            Option(
                "id",
                "ID of the policy, a number. The policy must exist unless O(state=absent).",
                type="int",
                identifier=True,
            ),
            *writable(_FIELDS),
            update_password_option("settings.settings_app_password"),
            confirm_option("the password O(settings.settings_app_password)"),
        ),
        rules={"required_one_of": [("id", "name")]},
        seealso=("enterprise_policy_info",),
    ),
    info_module=ModuleSpec(
        short_description="Get information on Esper enterprise policies",
        description=(
            "Returns one enterprise policy by name or ID, or all policies of the tenant.",
            "If the policy does not exist, the list is empty.",
        ),
        options=(
            Option("id", "ID of the policy, a number.", type="int", identifier=True),
            Option("name", "Name of the policy, case-sensitive.", identifier=True),
        ),
        rules={"mutually_exclusive": [("id", "name")]},
        check_mode=READS_ONLY,
        diff_mode=NO_DIFF,
        seealso=("enterprise_policy",),
    ),
)
