# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hides the library of this name, as if it was not installed."""

from __future__ import annotations

raise ImportError("requests is hidden for a test")
