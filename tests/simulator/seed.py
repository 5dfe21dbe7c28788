# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new tenant with its data, all of which follows from the settings."""

from __future__ import annotations

from behaviors import KINDS
from tenant import Settings, Tenant


def new_tenant(settings: Settings) -> Tenant:
    """A tenant with as many groups, tags and devices as asked for."""
    tenant = Tenant(settings)
    for kind in KINDS:
        kind.seed(tenant)
    return tenant
