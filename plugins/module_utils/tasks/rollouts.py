# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices and the waves of a rollout, for the modules that plan and run it.

Based on /v2/devices/ and /v2/blueprints/ (v2.yaml), device groups, and the list of tags (see kinds/tag.py). The number
of requests depends on the number of devices, blueprints, groups and tags of the tenant only, not on the waves.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.row import Params, Row
from ..engine.tenant_view import TenantView
from ..model.module_spec import Option
from ..rollout.state import StateStore
from ..rollout.waves import Device, Division, Wave
from ..task import RunContext
from .blueprint_versions import PublishedVersions

WAVE_OPTIONS: tuple[Option, ...] = ()
"""Suboptions of the option ``waves``: name, tags, groups, devices, percent, soak, concurrency, not_before,
allow_empty."""
ROLLOUT_OPTIONS: tuple[Option, ...] = ()
"""Options that rollout_plan and rollout_wave share: blueprints, app (package_name, version_name, version_code),
version, waves, health, seed, windows, timezone, state_path, state, run_id, lease."""


@dataclass
class Targets:
    """The devices of a rollout as they are now. ``rows`` are the devices in API format by ID, ``devices`` the same for
    divide(). ``versions`` has the latest published versions of the blueprints."""

    blueprints: list[Row]
    rows: dict[str, Row]
    devices: list[Device]
    versions: PublishedVersions


def read_blueprints(view: TenantView, params: Params) -> list[Row]:
    """Return the blueprints (``id``, ``name``) of the option ``blueprints``. Raise NotFound or Ambiguous."""
    raise NotImplementedError


def read_targets(view: TenantView, blueprints: list[Row], waves: t.Sequence[Wave], context: RunContext) -> Targets:
    """Return the devices to which the blueprints are assigned, without disabled devices.

    Device groups are read only if a wave names some. Raise what Client.request raises.
    """
    raise NotImplementedError


def divide_targets(
    view: TenantView,
    targets: Targets,
    waves: t.Sequence[Wave],
    seed: str,
    *,
    limits: t.Mapping[str, str] | None = None,
    is_strict: bool = True,
) -> Division:
    """Return the division of devices into waves: see divide(). Raise InvalidValues with all errors, also those about
    unknown tags and device groups, with the closest names."""
    raise NotImplementedError


def limits_of(state: Row, waves: t.Sequence[Wave]) -> dict[str, str]:
    """Return the hash limits in a state that still apply: those of waves whose percentage did not change."""
    raise NotImplementedError


def store_of(params: Params, context: RunContext) -> StateStore:
    """Return the store of the state that the options state_path, state, run_id and lease describe."""
    raise NotImplementedError


def target_of(params: Params) -> Row:
    """Return what is rolled out, as in the state."""
    raise NotImplementedError
