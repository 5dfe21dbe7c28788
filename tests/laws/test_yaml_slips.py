# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that YAML made numbers or booleans, such as 0010 and NO, in tasks and in items of the module tenant."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation, Row
from ansible_collections.esper.cloud.tests.laws.world import World


@pytest.mark.parametrize(("written", "read"), [("NO", "False"), ("0010", "8"), ("1.10", "1.1"), ("12:30:45", "45045")])
def test_a_text_is_sent_with_a_warning_and_a_name_is_rejected(world: World, written: str, read: str) -> None:
    world.begin(Preparation())
    policy: Row = yaml.safe_load(f"{{name: Kiosks, description: {written}}}")
    run = world.must("enterprise_policy", policy)
    assert run.result["enterprise_policy"]["description"] == read
    assert [f"is sent as the text '{read}'" in warning for warning in run.warnings] == [True]
    item = world.must("tenant", {"enterprise_policies": [{**policy, "name": "Other"}]})
    assert item.warnings[0].startswith("The option enterprise_policies[0].description is a ")
    name: Row = yaml.safe_load(f"name: {written}")
    for module, options in (
        ("enterprise_policy", name),
        ("tenant", {"enterprise_policies": [name]}),
        ("device", {"devices": [name["name"]], "tags": []}),
    ):
        for check_mode in (False, True):
            rejected = world.run(module, options, check_mode=check_mode)
            assert f"must be a text, not the {'boolean' if written == 'NO' else 'number'} {read}." in rejected.message
            assert rejected.requests == []


@pytest.mark.parametrize("value", [5349, 5.5, True])
def test_a_serial_number_as_a_filter_is_a_text(world: World, value: object) -> None:
    world.begin(Preparation())
    run = world.run("device_info", {"filters": {"serial": value}})
    assert run.message.startswith(f"Invalid device filter 'serial': {value} is not a text. Quote the value")
    assert run.requests == []
