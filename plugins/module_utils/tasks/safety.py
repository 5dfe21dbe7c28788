# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safeguards of tasks that act on devices: the maximum number and percentage of devices, and the confirmation of
irreversible actions.

All checks are part of the plan, so check mode reports the same errors. A task checks the devices on which it would
act, not all selected devices. A second run without changes therefore passes.
"""

from __future__ import annotations

import typing as t
from fractions import Fraction

from ..base.errors import InvalidParameter
from ..base.text import counted
from ..model.module_spec import Option

DESTRUCTIVE_LIMIT = 20
"""Maximum number of devices of an action that cannot be undone, unless the task sets max_devices."""

_SHOWN_NAMES = 5


def max_devices_option(destructive: str = "") -> Option:
    """Return the option ``max_devices``. ``destructive`` is the condition of the default limit, such as
    "O(state=wiped)", "" if there is no default limit."""
    default = f"Defaults to {DESTRUCTIVE_LIMIT} if {destructive}. Otherwise, there is no limit by default."
    return Option(
        "max_devices",
        (
            "Maximum number of devices on which the task acts, 1 or more.",
            "If there are more devices, the task fails before it makes changes. Check mode reports the same error.",
            default if destructive else "There is no limit by default.",
        ),
        type="int",
        # Null is an error, because a task with an undefined variable would have no limit.
        identifier=True,
    )


def max_percent_option(of: str, default: str = "There is no limit by default.") -> Option:
    """Return the option ``max_percent``. ``of`` are the devices of the percentage, such as "the enrolled devices of the
    tenant", ``default`` is a sentence about the default."""
    return Option(
        "max_percent",
        (
            f"Maximum percentage of {of} on which the task acts, more than 0 and at most 100.",
            "If there are more devices, the task fails before it makes changes. Check mode reports the same error.",
            default,
        ),
        type="float",
        identifier=True,
    )


def describe_devices(count: int | None, names: t.Sequence[str]) -> str:
    """Return a number of devices with their first names, for a sentence. The number can be unknown (None), and
    ``names`` can be incomplete."""
    quantity = "an unknown number of devices" if count is None else counted(count)
    shown = names[:_SHOWN_NAMES]
    if not shown:
        return quantity
    hidden = max(count or 0, len(names)) - len(shown)
    return f"{quantity} ({', '.join(shown)}{f' and {hidden} more' if hidden else ''})"


def check_device_count(
    limit: int | None, action: str, count: int | None, names: t.Sequence[str] = (), *, is_destructive: bool = False
) -> None:
    """Raise InvalidParameter if a task would act on more devices than allowed.

    ``limit`` is the option max_devices. ``action`` is the start of a sentence, such as "Wiping" or "Sending the command
    REBOOT to". An unknown number (None) exceeds any limit.
    """
    if limit is not None and limit < 1:
        raise InvalidParameter(f"Invalid max_devices: {limit}. It must be 1 or more.")
    maximum = DESTRUCTIVE_LIMIT if limit is None and is_destructive else limit
    if maximum is not None and (count is None or count > maximum):
        raise InvalidParameter(
            f"{action} {describe_devices(count, names)} exceeds the limit of {counted(maximum)}."
            " Check the selection, or increase max_devices."
        )


def check_device_percentage(
    limit: float | None, action: str, count: int, total: int, names: t.Sequence[str] = ()
) -> None:
    """Raise InvalidParameter if a task would act on a higher percentage of devices than allowed.

    ``limit`` is the option max_percent, ``total`` the number of devices that are 100 percent. ``action`` is the start
    of a sentence, as in check_device_count().
    """
    if limit is None:
        return
    # Also false for NaN.
    if not 0 < limit <= 100:
        raise InvalidParameter(f"Invalid max_percent: {limit:.15g}. It must be more than 0 and at most 100.")
    # Without a division, so that a count of exactly the limit is allowed.
    if count and Fraction(str(limit)) * total < count * 100:
        raise InvalidParameter(
            f"{action} {describe_devices(count, names)} of {total} exceeds the limit of {limit:.15g} percent."
            " Check the selection, or increase max_percent."
        )


def check_confirmed(
    confirmed: bool, action: str, count: int | None, names: t.Sequence[str] = (), effect: str = "cannot be undone"
) -> None:
    """Raise InvalidParameter if an action on devices is not confirmed. ``action`` and ``effect`` are the start and the
    end of the error message."""
    if not confirmed:
        raise InvalidParameter(f"{action} {describe_devices(count, names)} {effect}. Set confirm to true to continue.")
