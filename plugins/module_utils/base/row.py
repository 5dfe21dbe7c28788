# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types that all packages share."""

from __future__ import annotations

import typing as t

Row = dict[str, t.Any]
"""An object by property, in API format or in collection terms."""

Params = t.Mapping[str, t.Any]
"""The options of a task, or of an item of a task, by name."""
