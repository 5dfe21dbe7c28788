# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The behavior of the tenant that derived.py cannot derive from the contract, one file for each kind of object.

Each file has `OPERATIONS`, its behaviors by "METHOD /path/as/in/the/contract", and `seed`, which fills a new tenant;
it may have `SHOWN`, which completes the derived rows of a collection, and `CHECKS`, which reject requests before the
derived behavior of an operation. A new kind is registered by adding it to `KINDS`.
"""

from __future__ import annotations

from derived import Shown
from exchange import Check

from behaviors import (
    alerts,
    apple,
    apple_enrollment,
    apple_tokens,
    applications,
    blueprints,
    commands,
    content,
    converges,
    device_details,
    device_groups,
    devices,
    directory,
    foundry,
    geofences,
    google,
    google_devices,
    identity,
    operations,
    pictures,
    pipeline_runs,
    pipelines,
    policies,
    readings,
    reports,
    roles,
    scripts,
    sso_connections,
    tags,
    tenant_apps,
    tokens,
    users,
)

# In the order in which they are seeded: devices refer to those before them.
KINDS = (
    identity,
    users,
    device_groups,
    tags,
    blueprints,
    devices,
    policies,
    content,
    applications,
    device_details,
    commands,
    converges,
    operations,
    tenant_apps,
    roles,
    alerts,
    directory,
    geofences,
    readings,
    tokens,
    sso_connections,
    pictures,
    reports,
    scripts,
    apple,
    pipeline_runs,
    pipelines,
    apple_enrollment,
    apple_tokens,
    foundry,
    google_devices,
    google,
)

OPERATIONS = {name: behavior for kind in KINDS for name, behavior in kind.OPERATIONS.items()}
SHOWN: dict[str, Shown] = {
    collection: shown for kind in KINDS for collection, shown in getattr(kind, "SHOWN", {}).items()
}
CHECKS: dict[str, Check] = {name: check for kind in KINDS for name, check in getattr(kind, "CHECKS", {}).items()}
