# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of settings of blueprints as a whole, such as those of two versions.

Settings are in API format, except those of differences() and removed_paths(), which are in collection terms. Paths
begin with ``settings``.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..model.compare import satisfied
from ..model.field import hidden_at
from .blueprint_settings import SETTINGS


def to_result(settings: t.Any) -> t.Any:
    """Return settings in collection terms, without secrets."""
    return SETTINGS.read(settings)


def to_payload(settings: Row) -> Row:
    """Return settings in the form in which the API takes them back: without masks, null and names."""
    return t.cast("Row", SETTINGS.sendable(_without_masks(settings)))


def is_same(one: Row, other: Row) -> bool:
    """Return whether two settings are equal, settings that are unknown to this collection included. Masked values are
    not compared."""
    one, other = _without_masks(one), _without_masks(other)
    return satisfied(one, other) and satisfied(other, one)


def _without_masks(settings: Row) -> Row:
    return t.cast("Row", SETTINGS.rewritten(settings, None))


def masked_paths(settings: t.Any) -> list[str]:
    """Return the paths of the values that Esper masks."""
    return list(SETTINGS.masked_in(settings, None))


def with_marks(settings: t.Any) -> t.Any:
    """Return settings in collection terms, with a mark for each masked value."""
    record = {SETTINGS.name: to_result(settings)}
    for path in masked_paths(settings):
        record = hidden_at(record, path)
    return record[SETTINGS.name]


def differences(before: t.Any, after: t.Any) -> list[Row]:
    """Return ``path``, ``before`` and ``after`` of each difference."""
    return list(SETTINGS.differences(before, after, SETTINGS.name))


def removed_paths(before: Row, after: Row) -> list[str]:
    """Return the paths of the settings and items that only ``before`` has."""
    return [each["path"] for each in differences(before, after) if each["after"] in (None, "", [], {})]


def unreadable_paths(settings: Row) -> list[str]:
    """Return the paths of the values that to_result() does not return: secrets, and settings that are unknown to this
    collection."""
    return [*SETTINGS.secrets_in(settings), *SETTINGS.unknown_in(settings)]
