# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of all settings of two blueprints or of two versions.

Settings are in API format, except those of differences() and removed_paths(), which are in collection terms. Paths
start with ``settings``.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..model.compare import compare
from ..model.differences import differences as field_differences
from ..model.values import matches
from ..model.walk import secret_paths, unknown_paths
from .blueprint_settings import SETTINGS


def to_result(settings: t.Any) -> t.Any:
    """Return settings in collection terms, without secrets."""
    return SETTINGS.from_api(settings)


def to_payload(settings: Row) -> Row:
    """Return settings in the form in which the API takes them back: without masks, null and names."""
    return t.cast("Row", compare(SETTINGS, settings, None).payload)


def is_same(one: Row, other: Row) -> bool:
    """Return whether two settings are equal. Settings that are unknown to this collection count, and so do the types in
    JSON, such as a managed configuration. Masked values are not compared."""
    first, second = compare(SETTINGS, one, None), compare(SETTINGS, other, None)
    is_equal = matches(first.payload, second.payload) and matches(second.payload, first.payload)
    return is_equal and not differences(first.before, second.before)


def masked_paths(settings: t.Any) -> list[str]:
    """Return the paths of the values that Esper masks."""
    return list(compare(SETTINGS, settings, None).masked)


def with_marks(settings: t.Any) -> t.Any:
    """Return settings in collection terms, with a mark for each masked value."""
    return compare(SETTINGS, settings, None).shown_before


def differences(before: t.Any, after: t.Any) -> list[Row]:
    """Return ``path``, ``before`` and ``after`` of each difference."""
    return list(field_differences(SETTINGS, before, after, SETTINGS.name))


def removed_paths(before: Row, after: Row) -> list[str]:
    """Return the paths of the settings and items that only ``before`` has."""
    return [
        difference["path"] for difference in differences(before, after) if difference["after"] in (None, "", [], {})
    ]


def unreadable_paths(settings: Row) -> list[str]:
    """Return the paths of the values that to_result() does not return: secrets, and settings that are unknown to this
    collection."""
    return [*secret_paths((SETTINGS,), {SETTINGS.name: settings}), *unknown_paths(SETTINGS, settings)]
