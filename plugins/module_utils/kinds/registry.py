# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of objects that a tenant is made of. A kind is among them by standing here."""

from __future__ import annotations

from ..model.kind import Kind
from .app import APP_VERSION
from .blueprint import BLUEPRINT
from .content import CONTENT
from .device_group import DEVICE_GROUP
from .enterprise_policy import ENTERPRISE_POLICY

KINDS: tuple[Kind, ...] = (DEVICE_GROUP, ENTERPRISE_POLICY, APP_VERSION, CONTENT, BLUEPRINT)
