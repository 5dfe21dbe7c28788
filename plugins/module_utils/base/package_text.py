# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in the manifests of packages."""

from __future__ import annotations

import typing as t

# Longer than all names and versions of apps.
_LONGEST = 255


def package_text(value: t.Any) -> str | None:
    """Return a name or version in a manifest, None if it is missing or cannot be one."""
    is_text = isinstance(value, str) and 0 < len(value.strip()) <= _LONGEST and value.isprintable()
    return value.strip() if is_text else None
