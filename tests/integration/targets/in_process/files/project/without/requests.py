# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands before the library of that name, so that it seems not to be installed."""

from __future__ import annotations

raise ImportError("requests is hidden for a test")
