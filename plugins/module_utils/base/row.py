# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain types that all other parts share."""

from __future__ import annotations

import typing as t

Row = dict[str, t.Any]
"""One object, by property: in API format, or in that of the collection."""

Params = t.Mapping[str, t.Any]
"""The options of one task, or of one item of a task, by name."""
