# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and return values that the modules of apps share, for apps of all platforms."""

from __future__ import annotations

from ..model.field import Field
from ..model.module_spec import Option
from .blueprint_list import BLUEPRINTS

RULES = {
    "required_one_of": [("src", "id", "package_name")],
    "required_if": [("state", "present", ("src", "version_id", "version_name", "version_code"), True)],
    "mutually_exclusive": [
        ("src", "id"),
        ("id", "package_name"),
        ("src", "version_id"),
        ("version_id", "version_name"),
        ("version_id", "version_code"),
    ],
}
"""The rules between the options that select a version."""

APP_ID = Field(
    "id",
    "ID of the app. Null in check mode if the task creates the app.",
    api="app_id",
    writable=False,
    sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003",
)
VERSION_ID = Field(
    "version_id",
    "ID of the version. Blueprints refer to it. Null in check mode if the task uploads the version.",
    api="id",
    writable=False,
    sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a004",
)


def state_option(*sentences: str) -> Option:
    """Return the option ``state``. ``sentences`` are about its values."""
    return Option(
        "state",
        ("Desired state of the app version.", *sentences),
        choices=("present", "absent"),
        default="present",
    )


def force_option(*sentences: str) -> Option:
    """Return the option ``force``. ``sentences`` are added to its documentation."""
    return Option(
        "force",
        (
            "If V(true), versions in use are deleted. If V(false), the task fails, and the error lists the users.",
            "A version is in use if a device has it installed, or if the published version or the latest draft"
            " of a blueprint has it. Earlier versions of a blueprint do not count.",
            "M(esper.cloud.tenant) considers the blueprints after the task.",
            *sentences,
        ),
        type="bool",
        default=False,
    )


def _request(name: str, doc: str) -> Option:
    return Option(name, f"If V(true), {doc}", type="bool", default=False)


def versions_option() -> Option:
    """Return the option ``versions`` of an _info module."""
    return _request("versions", "the versions are returned too. This takes one request for each app.")


def usage_options() -> tuple[Option, ...]:
    """Return the options ``blueprints`` and ``devices`` of an _info module."""
    return tuple(
        _request(name, f"the versions and their {name} are returned too. This takes one request for each version.")
        for name in ("blueprints", "devices")
    )


def versions_field(about: tuple[Field, ...], devices: tuple[Field, ...], requests: str, sample: list[object]) -> Field:
    """Return the versions of an app. ``about`` are the properties of a version, ``devices`` those of a device with it,
    with a ``sample``. ``requests`` are the options that return the versions, in a sentence."""
    return Field(
        "versions",
        ("Versions of the app, in the order of the Esper API.", f"Null unless {requests} is V(true)."),
        type="list",
        elements="dict",
        writable=False,
        fields=(
            Field("id", "ID of the version. Blueprints refer to it.", sample=VERSION_ID.sample),
            *about,
            Field(
                "blueprints",
                "Blueprints that have the version in any of their versions. Null unless O(blueprints=true).",
                type="list",
                elements="dict",
                fields=BLUEPRINTS.fields,
                sample=[{"id": "0a4b1d6e-7d0c-4a4e-9a64-35b0a7a3c001", "name": "Point of Sale"}],
            ),
            Field(
                "devices",
                "Devices that have the version installed. Null unless O(devices=true).",
                type="list",
                elements="dict",
                fields=devices,
                sample=sample,
            ),
        ),
    )
