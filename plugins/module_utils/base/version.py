# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the collection, for the user agent. A unit test compares it with galaxy.yml."""

from __future__ import annotations

VERSION = "0.1.0"
