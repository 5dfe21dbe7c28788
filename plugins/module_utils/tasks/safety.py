# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Safeguards of tasks that act on devices: a limit on their number, and the confirmation of what cannot be undone.

Both checks run in the plan, so check mode reports the same errors. A task checks the devices that it would act on, not
all devices that it names: a second run that has nothing to do passes.
"""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.text import counted
from ..model.module_spec import Option

DESTRUCTIVE_LIMIT = 20
"""Maximum number of devices of an action that cannot be undone, unless the task sets max_devices."""

_SHOWN_NAMES = 5


def max_devices_option(destructive: str = "") -> Option:
    """Return the option ``max_devices``; ``destructive`` is a condition, such as "O(state=wiped)", that names the
    actions with the default limit, "" if there are none."""
    default = f"Defaults to {DESTRUCTIVE_LIMIT} if {destructive}. Otherwise, there is no limit by default."
    return Option(
        "max_devices",
        (
            "Maximum number of devices that the task acts on, 1 or more.",
            "If there are more, the task fails before it changes anything. Check mode reports the same error.",
            default if destructive else "There is no limit by default.",
        ),
        type="int",
    )


def describe_devices(count: int | None, names: t.Sequence[str]) -> str:
    """Return a number of devices and the first of their names, for a sentence. The number may be unknown (None), and
    so may the names of some devices or all of them."""
    number = "an unknown number of devices" if count is None else counted(count)
    shown = list(names[:_SHOWN_NAMES])
    if not shown:
        return number
    hidden = max((count or 0) - len(shown), len(names) - len(shown))
    return f"{number} ({', '.join(shown)}{f' and {hidden} more' if hidden else ''})"


def check_device_count(
    limit: int | None, action: str, count: int | None, names: t.Sequence[str] = (), *, is_destructive: bool = False
) -> None:
    """Raise InvalidParameter if a task would act on more devices than it may.

    ``limit`` is the option max_devices. ``action`` begins a sentence that continues with the devices, such as "Wiping"
    or "Sending the command REBOOT to". An unknown number (None) is too many for any limit.
    """
    if limit is not None and limit < 1:
        raise InvalidParameter(f"Invalid max_devices: {limit}. It must be 1 or more.")
    most = DESTRUCTIVE_LIMIT if limit is None and is_destructive else limit
    if most is not None and (count is None or count > most):
        raise InvalidParameter(
            f"{action} {describe_devices(count, names)} exceeds the limit of {counted(most)}."
            " Check the selection, or increase max_devices."
        )


def check_confirmed(
    confirmed: bool, action: str, count: int | None, names: t.Sequence[str] = (), effect: str = "cannot be undone"
) -> None:
    """Raise InvalidParameter if an action on devices that cannot be undone is not confirmed. ``action`` is that of
    check_device_count(); the error names the number of devices and the first names. ``effect`` ends the sentence."""
    if not confirmed:
        raise InvalidParameter(f"{action} {describe_devices(count, names)} {effect}. Set confirm to true to continue.")
