# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands whose effect requires confirmation, also as operations of pipelines."""

from __future__ import annotations

import typing as t

from ..base.row import Row

IRREVERSIBLE = "cannot be undone"
GOES_OFFLINE = "takes the devices offline"
# The texts of a setting that is on.
_ON = ("true", "1", "yes", "on")
RISKY = {"CLEAR_APP_DATA": IRREVERSIBLE, "WIPE": IRREVERSIBLE}
"""The commands that have such an effect with any arguments."""


def risks(names: t.Iterable[str]) -> str:
    """Return the commands that require confirmation, for the documentation. ``names`` are those with any arguments."""
    return f"{', '.join(f'V({name})' for name in sorted(names))}, or V(SET_WIFI_STATE) with C(wifi_state=false)"


def risk_of(name: str, args: Row, risky: t.Mapping[str, str]) -> str:
    """Return the effect of a command or an operation that requires confirmation, "" if there is none. ``args`` are in
    API format. ``risky`` are the effects by name that do not depend on arguments."""
    # A template can return a boolean as a text.
    if name == "SET_WIFI_STATE" and str(args.get("wifi_state")).strip().lower() not in _ON:
        return GOES_OFFLINE
    return risky.get(name, "")
