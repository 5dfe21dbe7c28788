# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that select the devices of a task."""

from __future__ import annotations

from ..model.field import Words
from ..model.module_spec import Option


def devices_option(*more: str) -> Option:
    """Return the option ``devices``, with more paragraphs of documentation."""
    return Option(
        "devices",
        (
            "Devices by name, alias, serial number or ID. An empty list changes nothing.",
            "A few devices are looked up one by one, many in the list of all devices, whichever takes fewer requests.",
            *more,
        ),
        type="list",
        elements="str",
        aliases=("device",),
        identifier=True,
    )


def groups_option(doc: Words = "Device groups by path, name or ID. Devices in their subgroups are included.") -> Option:
    """Return the option ``groups``."""
    return Option("groups", doc, type="list", elements="str", aliases=("group",), identifier=True)
