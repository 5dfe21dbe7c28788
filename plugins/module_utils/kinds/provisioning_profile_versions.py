# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of provisioning profiles."""

from __future__ import annotations

import json
import typing as t

from ..base.row import Params, Row
from ..base.times import days_until
from ..engine.tenant_view import TenantView
from ..model.conform import conform
from ..model.field import Field
from ..model.unknowns import KnownAfterApply

PROFILES = "/v2/provisioning-profiles"

VERSION_FIELDS = (
    Field("id", "ID of the version."),
    Field("uuid", "UUID of the version that Apple assigned."),
    Field("name", "Name of the version."),
    Field("checksum", "SHA-256 checksum of the file.", api="sha256_hash"),
    Field("creation_date", "Time when Apple created the version."),
    Field("expiration_date", "Time when the version expires."),
    Field("time_to_live", "Number of days from the creation to the expiration.", type="int"),
    Field("provisions_all_devices", "Whether the version is for all devices.", type="bool"),
    Field("xcode_managed", "Whether Xcode created the version.", api="is_xcode_managed", type="bool"),
    Field("platforms", "Platforms of the version, such as V(iOS).", type="list", elements="str"),
    Field("entitlements", "Entitlements of the version.", type="dict"),
    Field("certificate_count", "Number of certificates of developers in the version.", type="int"),
)
"""The properties of a version."""


def versions_of(view: TenantView, profile: Row) -> list[Row]:
    """Return the versions of a profile, those that expire last first."""
    phrase = f"provisioning profile '{profile.get('name') or profile['id']}'"
    rows = view.list_at(f"{PROFILES}/{profile['id']}/versions", purpose=f"Reading the versions of the {phrase}")
    return sorted(rows, key=_order, reverse=True)


def versions_as_planned(view: TenantView, profile: Row) -> list[Row]:
    """Return the versions of a profile with that of a planned upload, which is the first one."""
    uploaded = profile.get("version_id")
    planned = [{"id": uploaded, "uuid": None}] if isinstance(uploaded, KnownAfterApply) else []
    return planned if isinstance(profile["id"], KnownAfterApply) else [*planned, *versions_of(view, profile)]


def with_checksum(versions: t.Iterable[Row], checksum: str) -> Row | None:
    """Return the version with a SHA-256 checksum, or None."""
    return next((row for row in versions if str(row.get("sha256_hash")).lower() == checksum), None)


def shown_versions(view: TenantView, profile: Row, _params: Params) -> list[Row]:
    """Return the versions of a profile with parsed values, for the _info module."""
    rows = [
        {
            **row,
            "platforms": [each for each in _parsed(row.get("platforms"), list) if isinstance(each, str)],
            "entitlements": _parsed(row.get("entitlements"), dict),
            "certificate_count": len(_parsed(row.get("developer_certificates"), list)),
        }
        for row in versions_of(view, profile)
    ]
    shown = []
    for row in rows:
        typed, mismatches = conform(VERSION_FIELDS, row)
        view.record_invalid("version", str(row["id"]), mismatches)
        shown.append(typed)
    return shown


def with_days_left(row: Row) -> Row:
    """Return a profile of a response with the number of whole days until its expiration, negative after it. It is null
    if the time is not valid."""
    return {**row, "days_left": days_until(row.get("expiration_date"))}


def _order(row: Row) -> tuple[str, str]:
    return str(row.get("expiration_date") or ""), str(row.get("creation_date") or "")


def _parsed(text: t.Any, kind: type[t.Any]) -> t.Any:
    """Return the JSON in a text, an empty value if it is not of a type."""
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, kind) else kind()
