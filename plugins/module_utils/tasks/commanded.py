# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices that a task commands, as part of its result.

Other tasks loop over them, and Automation Platform counts them: see extensions/audit/event_query.yml. They take no
request, so they are null if only Esper knows them. 10,000 devices take 0.75 MB in the result.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..kinds.device_search import label_of
from ..model.module_spec import Value
from .waiting import DEVICE_ID, DEVICE_NAME


def commanded_value(*doc: str, name: Value = DEVICE_NAME) -> Value:
    """Return the documentation of the return value ``devices``. ``doc`` are its sentences, ``name`` is the
    documentation of the name of a device."""
    return Value("devices", doc, type="list", elements="dict", contains=(DEVICE_ID, name))


def commanded(rows: t.Iterable[Row] | None) -> Row:
    """Return the part of the result about the devices that a task commands. ``rows`` is None if only Esper knows
    them."""
    devices = None if rows is None else [{"id": str(row["id"]), "name": label_of(row)} for row in rows]
    return {"devices": devices}
