# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profile for the Device Enrollment Program of Apple, a singleton.

Based on /tenant/v0/depprofiles/ of the contract (v0.yaml), which has neither an update nor a deletion.

Choice: the profile in force is the one that was updated last, of several the one that was created last. A change
creates another one.
Choice: a tenant without a profile gets one even if the task only sets an empty list.
Choice: a setup item that the contract does not list is shown, and sent again if another value changes.
"""

from __future__ import annotations

import typing as t

from ..base.row import Params, Row
from ..base.times import newest_first
from ..engine.lookup import Lookup
from ..engine.planner import Planner
from ..engine.reader import Reader
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Value
from ..model.plain import plain_singleton
from ..model.plan import Plan

_PATH = "/tenant/v0/depprofiles/"
_ITEMS = "show_setup_items"
_SETUP_ITEMS = (
    "AccessibilityAppearance",
    "ActionButton",
    "Android",
    "Appearance",
    "AppleID",
    "AppStore",
    "Biometric",
    "CameraButton",
    "DeviceToDeviceMigration",
    "Diagnostics",
    "DisplayTone",
    "EnableLockdownMode",
    "HomeButtonSensitivity",
    "iMessageAndFaceTime",
    "Intelligence",
    "Keyboard",
    "LiquidGlass",
    "Location",
    "MessagingActivationUsingPhoneNumber",
    "Multitasking",
    "OnBoarding",
    "OSShowcase",
    "Passcode",
    "Payment",
    "Privacy",
    "Restore",
    "RestoreCompleted",
    "Safety",
    "SafetyAndHandling",
    "ScreenTime",
    "ScreenSaver",
    "SIMSetup",
    "Siri",
    "SoftwareUpdate",
    "SpokenLanguage",
    "TapToSetup",
    "TermsOfAddress",
    "TOS",
    "TVHomeScreenSync",
    "TVProviderSignIn",
    "TVRoom",
    "UpdateCompleted",
    "WatchMigration",
    "Welcome",
    "Zoom",
)
_FIELDS = (
    Field("id", "ID of the DEP profile.", writable=False, sample="0b8f3c52-5e7c-4a38-9d2e-1c6d3f8a7b90"),
    Field("profile_uuid", "ID of the DEP profile at Apple.", writable=False, sample="88FC4E378FEC1F13D1D4D7B1B8E1D0AC"),
    Field(
        _ITEMS,
        (
            "Setup screens that devices show. Compared without order. With an empty list, devices skip all screens.",
            "Apple documents the screens as skip keys of the Setup Assistant.",
        ),
        type="list",
        elements="str",
        list_type="set",
        choices=_SETUP_ITEMS,
        normalize=lambda items: list(dict.fromkeys(items)),
        returns="Setup screens that devices show.",
        sample=["SpokenLanguage", "TOS"],
        changed=["SpokenLanguage"],
    ),
    Field(
        "auto_advance_setup",
        "If V(true), Apple TVs skip the setup without input. Esper uses V(true) for a first profile that omits it.",
        type="bool",
        returns="Whether Apple TVs skip the setup without input.",
        sample=False,
    ),
    Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
    Field("created_by", "User who created the DEP profile.", writable=False, sample="ops@example.com"),
    Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-01T09:30:00Z"),
    Field("updated_by", "User who changed the DEP profile last.", writable=False, sample="ops@example.com"),
)


class DepProfileLookup(Lookup):
    """Finds the DEP profile in force."""

    def profiles(self) -> list[Row]:
        """Return all DEP profiles. The first one is in force."""
        # The reverse order, because a profile at the end of the list is later if times are missing.
        return newest_first(reversed(self.view.list_objects(self.kind)), "updated_at", "created_at")

    def find(self, params: Params) -> Row | None:
        """Return the DEP profile in force, without values if the tenant has none."""
        return next(iter(self.profiles()), {})


class DepProfilePlanner(Planner):
    """Plans changes of the DEP profile, each of which creates another one."""

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan of Planner, with a create that is not sent twice."""
        desired = self.desired(params)
        if not current and desired:
            # Without a value to compare, an empty list would be no difference.
            self._is_merge = True
        plan = super().plan_update(current, params)
        for step in plan.steps:
            step.find_existing = lambda body: self._find_created(current, body)
        return plan

    def _find_created(self, before: Row, body: t.Any) -> Row | None:
        """Return the DEP profile in force if it is another one than before and has the values of a request."""
        row = DepProfileLookup(self.view, self.kind).find({}) or {}
        if row.get(self.kind.id_key) in (None, before.get(self.kind.id_key)):
            return None
        differs = any(each.differs for each in self.compare(row, body).values())
        return None if differs else row


class DepProfileReader(Reader):
    """Reads the DEP profile in force, and the earlier ones."""

    def get_info(self, params: Params) -> Row:
        """Return the values of the module."""
        rows = [self.kind.to_result(row) for row in DepProfileLookup(self.view, self.kind).profiles()]
        return {self.kind.info_value: next(iter(rows), None), "dep_profiles": rows}


DEP_PROFILE = plain_singleton(
    name="dep_profile",
    title="DEP profile",
    titles="DEP profiles",
    doc=(
        "The profile for the Device Enrollment Program (DEP) determines the setup screens that Apple devices show"
        " during automated enrollment.",
        "Esper cannot change a DEP profile, so a change creates another one, which replaces it. Esper keeps the earlier"
        " ones.",
    ),
    info_doc="Also returns the earlier DEP profiles, which are no longer in force.",
    info_returns=(
        Value(
            "dep_profile",
            "The DEP profile in force, which is the latest one. Null if the tenant has none.",
            type="dict",
            contains=_FIELDS,
        ),
        Value(
            "dep_profiles",
            "All DEP profiles, the latest first.",
            type="list",
            elements="dict",
            contains=_FIELDS,
        ),
    ),
    routes=Routes(list=_PATH, object=_PATH, update="POST", page_size=None, name_filter=""),
    lookup=DepProfileLookup,
    planner=DepProfilePlanner,
    reader=DepProfileReader,
    fields=_FIELDS,
    seealso=("dep_sync",),
)
