# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON schemas of the files of a tree accept the same objects as the checks of these files."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.base.located import Located
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS
from ansible_collections.esper.cloud.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind, Shape
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant import TENANT
from ansible_collections.esper.cloud.plugins.module_utils.tree.checks import check_options
from ansible_collections.esper.cloud.plugins.module_utils.tree.schema import list_schema_of, schema_of, schema_text
from jsonschema import Draft7Validator

Row = dict[str, t.Any]
EXAMPLES = Path(__file__).resolve().parents[5] / "examples"
BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.fixture(scope="module")
def validators() -> dict[str, Draft7Validator]:
    return {kind.name: Draft7Validator(schema_of(kind)) for kind in KINDS}


def _objects(kind: Kind) -> list[Row]:
    """The objects in the examples of a module, without the options of the connection."""
    tasks = yaml.safe_load((EXAMPLES / f"{kind.name}.yml").read_text())
    connection = {option.name for option in OPTIONS}
    found = [task[f"esper.cloud.{kind.name}"] for task in tasks if f"esper.cloud.{kind.name}" in task]
    return [
        {key: value for key, value in each.items() if key not in connection} for each in found if isinstance(each, dict)
    ]


def _located(value: t.Any) -> Located:
    if isinstance(value, dict):
        value = {key: _located(item) for key, item in value.items()}
    elif isinstance(value, list):
        value = [_located(item) for item in value]
    return Located(value, "file.yml", 1)


def _is_template(value: t.Any) -> bool:
    return "{{" in str(value)


@pytest.mark.parametrize("name", BY_NAME)
def test_schema_and_checks_accept_the_examples(name: str, validators: dict[str, Draft7Validator]) -> None:
    kind = BY_NAME[name]
    assert kind.module is not None
    Draft7Validator.check_schema(dict(validators[name].schema))
    objects = _objects(kind)
    assert objects
    for each in objects:
        assert [error.message for error in validators[name].iter_errors(each)] == []
        if not _is_template(each):
            assert list(check_options(kind.module.options, kind.module.rules, _located(each))) == []
    assert validators[name].is_valid(objects) is (kind.shape is not Shape.SINGLETON)


INVALID: list[tuple[str, Row]] = [
    ("blueprint", {"name": "A", "seting": {}}),
    ("blueprint", {"settings": {}}),
    ("blueprint", {"name": "A", "version": "1", "settings": {}}),
    ("blueprint", {"name": "A", "publish": "sometimes"}),
    ("blueprint", {"name": "A", "settings": []}),
    ("blueprint", {"name": "A", "settings": {"android": {"apps": [{"package": "a"}]}}}),
    ("blueprint", {"name": "A", "settings": {"android": {"apps": {"package_name": "a"}}}}),
    (
        "blueprint",
        {"name": "A", "settings": {"android": {"screen_orientation_settings": {"orientation_type": "SIDEWAYS"}}}},
    ),
    ("app", {"package_name": "a"}),
    ("app", {"package_name": "a", "state": "present"}),
    ("app", {"src": "a", "id": "b"}),
    ("foundry_device_model", {"name": "A", "manufacturer": "B"}),
    ("tenant_app", {"src": "a", "artifacts": [{"type": "apk"}]}),
    ("geofence", {"name": "A", "circle": "round"}),
    ("geofence", {"name": "A", "circle": {}, "polygon": []}),
    ("background_script", {"name": "A", "script": "a", "script_src": "b"}),
    ("alarm_rule", {"name": 7.5}),
    ("pipeline", {"name": "A", "stages": [{"name": "B", "target_lists": [{"name": "C", "inactive": []}]}]}),
]


@pytest.mark.parametrize(("name", "value"), INVALID)
def test_schema_and_checks_reject_the_same(name: str, value: Row, validators: dict[str, Draft7Validator]) -> None:
    kind = BY_NAME[name]
    assert kind.module is not None
    assert not validators[name].is_valid(value)
    assert list(check_options(kind.module.options, kind.module.rules, _located(value)))


def test_a_template_can_replace_any_value(validators: dict[str, Draft7Validator]) -> None:
    template = "{{ settings_of_kiosks }}"
    for value in (
        {"name": "A", "publish": template, "settings": template},
        {"name": "A", "settings": {"android": {"apps": [template], "screen_orientation_settings": template}}},
        {"name": "A", "settings": {"android": {"screen_orientation_settings": {"orientation_type": template}}}},
        {"name": "A", "publish": None},
    ):
        assert validators["blueprint"].is_valid(value)


def test_an_object_in_a_list_can_be_a_text(validators: dict[str, Draft7Validator]) -> None:
    assert validators["device_group"].is_valid(["Shops", {"path": "Depots"}])
    assert not validators["device_group"].is_valid([7])
    assert not validators["role"].is_valid(["A"])


def test_a_deletion_needs_no_version(validators: dict[str, Draft7Validator]) -> None:
    assert validators["app"].is_valid({"package_name": "a", "state": "absent"})


def test_accepted_deviations_have_a_schema() -> None:
    option = next(each for each in TENANT.module.options if each.name == "accepted_deviations")
    validator = Draft7Validator(list_schema_of(option))
    deviation = {"kind": "roles", "name": "A", "reason": "Pilot"}
    assert validator.is_valid([deviation, {**deviation, "until": "2026-12-31"}])
    assert not validator.is_valid([{**deviation, "untill": "2026-12-31"}])
    assert not validator.is_valid([{"kind": "roles", "name": "A"}])


def test_the_text_of_a_schema_is_stable_and_has_no_markup() -> None:
    for kind in KINDS:
        text = schema_text(schema_of(kind))
        assert text == schema_text(schema_of(kind))
        assert text.endswith("}\n")
        assert not any(f" {letter}(" in text for letter in ("O", "V", "RV", "M", "E"))
