# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of requests and of options."""

from __future__ import annotations

# The default of the legacy API is 20. Esper's own bulk tool uses 250.
PAGE_SIZE = 250
"""Maximum number of objects in a page of a list."""

FEW_LOOKUPS = 5
"""Maximum number of objects of a kind that are looked up one by one, rather than in the list of all objects."""

# Sockets and threads cannot wait longer than about 24 days.
LONGEST_TIME = 604_800
"""Maximum value of an option with a time in seconds: one week."""
