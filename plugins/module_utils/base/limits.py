# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of requests that more than one layer needs."""

from __future__ import annotations

# The default of the legacy family is 20; 250 is what Esper's own tool asks for.
PAGE_SIZE = 250
"""Number of objects in a page of a list."""
