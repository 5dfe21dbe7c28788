# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of blueprints are those of the contract: what the module lets pass the contract accepts, and what the
contract rejects fails validation in the module first."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError
from ansible_collections.esper.cloud.plugins.module_utils.engine.planner import planner_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint import BLUEPRINT
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_settings import SETTINGS
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import without_omitted
from contract import Contract
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Params = dict[str, t.Any]
Schema = t.Mapping[str, t.Any]

DOCUMENT = yaml.load((Path(__file__).parent / "api" / "v2.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
TYPES = {"boolean": "bool", "integer": "int", "string": "str", "array": "list", "object": "dict"}

CONTRACT = Contract()
OPERATIONS = {
    "POST": CONTRACT.operation("POST", "/v2/blueprints/"),
    "PUT": CONTRACT.operation("PUT", "/v2/blueprints/{blueprint_id}/"),
}
assert BLUEPRINT.module
OPTIONS = BLUEPRINT.module.options
VALIDATOR = ArgumentSpecValidator(BLUEPRINT.options, **BLUEPRINT.rules)
ID = "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a001"


def resolved(schema: Schema) -> Schema:
    name = schema.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["schemas"][name] if name else schema


def type_of(schema: Schema) -> str:
    """Return the Ansible type. Ansible has null in addition to the type of any option."""
    kind = schema["type"]
    return TYPES[kind if isinstance(kind, str) else next(each for each in kind if each != "null")]


def assert_same(field: Field, schema: Schema, path: str) -> None:
    schema = resolved(schema)
    assert field.type == type_of(schema), path
    assert list(field.choices) == schema.get("enum", []), path
    inside = resolved(schema.get("items", schema))
    if field.type == "list":
        assert field.elements == type_of(inside), path
    properties = inside.get("properties", {})
    sent = {each.api_name: each for each in field.fields if each.in_payload}
    assert set(sent) == set(properties), path
    required = {name for name in inside.get("required", ()) if name in properties}
    for name, each in sent.items():
        assert_same(each, properties[name], f"{path}.{name}")
        assert each.required_by_api == (name in required) or name == "apply_policy", f"{path}.{name}"
        assert each.server_default == resolved(properties[name]).get("default"), f"{path}.{name}"
        if name == "apply_policy":
            assert each.create_default == "ALWAYS APPLY"


def test_the_settings_are_those_of_the_contract() -> None:
    assert_same(SETTINGS, {"$ref": "#/components/schemas/settingsV2"}, "settings")


class Catalogue(Client):
    """An API in which there is whatever anybody asks for by an id, and nothing by a name."""

    def __init__(self) -> None:
        super().__init__(Connection(api_url="https://acme-api.esper.cloud/api", api_key="k", enterprise_id=ID))

    def get(self, path: str, **_request: t.Any) -> t.Any:
        if "/content/" in path:
            return {"count": 2, "results": [{"id": 7, "name": "a.txt"}, {"id": 8, "name": "b.txt"}]}
        version = {"id": ID, "version_code": "1.0", "build_number": "10", "version_name": "1.0"}
        return {"count": 1, "results": [version] if "version" in path else []}


# Values around each limit, and of types that YAML may well give.
TEXTS = st.sampled_from(["", "a", " ", "1.10", "x" * 101, "x" * 256, "x" * 301, ID, "ID"])
NUMBERS = st.sampled_from([-1, 0, 4, 19, 20, 23, 24, 30, 31, 90, 91, 100, 101, 365, 366, "7", "seven"])
SWITCHES = st.booleans() | st.sampled_from(["yes", "off", "perhaps"])
KNOWN_IDS = ("app_id", "app_version_id")


def values_of(field: Field) -> st.SearchStrategy[t.Any]:
    if field.name in KNOWN_IDS:
        return st.just(ID)
    if field.name == "file_id":
        return st.sampled_from([7, "8"])
    if field.type == "list":
        return st.lists(
            inside(field, 0.9) if field.fields else TEXTS, max_size=11 if field.name == "shell_scripts" else 2
        )
    if field.type == "dict":
        return inside(field, 0.7) if field.fields else st.just({"a": 1})
    if field.choices:
        return st.sampled_from([*field.choices, field.choices[0], field.choices[-1], "SOMETHING ELSE"])
    return {"bool": SWITCHES, "int": NUMBERS, "str": TEXTS}[field.type]


@st.composite
def inside(draw: st.DrawFn, field: Field, share: float) -> Params:
    """A dict of a field's, which mostly has what it must have."""
    chosen = [
        each
        for each in field.fields
        if each.in_payload and (draw(st.integers(0, 19)) > 0 if each.required_by_api else draw(st.floats(0, 1)) < share)
    ]
    return {each.name: draw(values_of(each)) for each in chosen}


PARTS = [(platform, part) for platform in SETTINGS.fields for part in platform.fields]


@st.composite
def some_settings(draw: st.DrawFn) -> Params:
    """A few parts of some platforms: the whole of them would hardly ever pass."""
    chosen: Params = {}
    for platform, part in draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=3)):
        chosen.setdefault(platform.name, {})[part.name] = draw(values_of(part))
    return chosen


def bodies_of(params: Params) -> dict[str, Params] | None:
    """Return the bodies of a create and an update with these parameters by method, or None if they fail validation."""
    validated = VALIDATOR.validate(params)
    if validated.error_messages:
        return None
    params = without_omitted(OPTIONS, validated.validated_parameters, params, json.loads)
    current = {"id": ID, "name": "Old", "settings": {"ios": {"unknown": 1}}, "publish": True}
    try:
        created = planner_of(TenantView(Catalogue()), BLUEPRINT).plan_create(params)
        updated = planner_of(TenantView(Catalogue()), BLUEPRINT).plan_update(current, params)
    except EsperError:
        return None
    return {step.method: t.cast("Params", step.body) for step in [*created.steps, *updated.steps]}


@given(some_settings(), st.booleans(), st.booleans())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_the_module_lets_pass_the_contract_accepts(chosen: Params, publish: bool, exact: bool) -> None:
    bodies = bodies_of({"name": "Kiosks", "settings": chosen, "publish": publish, "exact": exact})
    for method, body in (bodies or {}).items():
        assert CONTRACT.check_body(OPERATIONS[method], body) == []


def whole(field: Field) -> t.Any:
    """A value of a field that has everything in it."""
    if field.name == "file_id":
        return 7
    if field.name in KNOWN_IDS or field.name in ("id", "options_key", "profile_id", "profile_version_id"):
        return ID
    if field.type == "list":
        return [whole_dict(field)] if field.fields else ["a"]
    if field.type == "dict":
        return whole_dict(field) if field.fields else {"a": 1}
    if field.choices:
        return field.choices[0]
    return {"bool": True, "int": 20, "str": ID}[field.type]


def whole_dict(field: Field) -> Params:
    return {each.name: whole(each) for each in field.fields if each.in_payload}


@pytest.mark.parametrize("platform", SETTINGS.fields, ids=lambda platform: platform.name)
def test_a_platform_with_every_setting_passes(platform: Field) -> None:
    bodies = bodies_of({"name": "Kiosks", "settings": {platform.name: whole_dict(platform)}})
    assert bodies is not None
    for method, body in bodies.items():
        assert CONTRACT.check_body(OPERATIONS[method], body) == []
        for part in platform.fields:
            assert body["settings"][platform.name][part.name], part.name


def leaves(field: Field, path: tuple[str, ...] = ()) -> t.Iterator[tuple[tuple[str, ...], Field]]:
    for each in field.fields:
        yield (*path, each.name), each
        yield from leaves(each, (*path, each.name))


def without(value: t.Any, path: tuple[str, ...], instead: t.Any = None) -> t.Any:
    """A value without what is at a path, in each item of the lists on the way, or with something else there."""
    if isinstance(value, list):
        return [without(item, path, instead) for item in value]
    name, *rest = path
    if rest:
        return {**value, name: without(value[name], tuple(rest), instead)}
    kept = {key: item for key, item in value.items() if key != name}
    return kept if instead is None else {**kept, name: instead}


REQUIRED = [
    path
    for path, each in leaves(SETTINGS)
    if each.in_payload and each.required_by_api and each.create_default is None and path[-1] != "type"
]
# What the names of apps stand for comes from the catalogue.
REQUIRED = [path for path in REQUIRED if path[-1] not in ("app_id", "app_version_id", "app_type")]
WHOLE = whole_dict(SETTINGS)


@pytest.mark.parametrize("path", REQUIRED, ids=".".join)
def test_what_the_contract_requires_the_module_requires_first(path: tuple[str, ...]) -> None:
    refused = without(WHOLE, path)
    assert bodies_of({"name": "Kiosks", "settings": refused}) is None
    assert CONTRACT.check_body(OPERATIONS["POST"], {"name": "Kiosks", "settings": refused}) != []


REFUSED = [(path, "SOMETHING ELSE") for path, each in leaves(SETTINGS) if each.in_payload and each.choices] + [
    (("android", "app_layout_setting", "custom_app_icon_size"), 19),
    (("ios", "defer_os_updates", "defer_os_updates_delay"), 91),
    (("windows", "active_hours_settings", "active_hours_start", "time"), 24),
    (("windows", "defer_os_updates", "quality_updates", "defer_days"), 31),
    (("windows", "defer_os_updates", "feature_updates", "defer_days"), 366),
    (("windows", "custom_shell_scripts_multiple", "shell_scripts", "alias"), "x" * 101),
    (("windows", "wallpaper_settings", "homescreen", "landscape", "wallpaper_id"), "one"),
    (("linux", "custom_actions_multiple", "custom_actions", "id"), "one"),
    (("android", "adb_settings", "allow_adb"), "perhaps"),
    (("android", "screen_timeout_settings", "screentimeout_value"), "soon"),
]


@pytest.mark.parametrize(("path", "value"), REFUSED, ids=lambda part: ".".join(part) if isinstance(part, tuple) else "")
def test_values_that_the_contract_rejects_fail_validation(path: tuple[str, ...], value: t.Any) -> None:
    refused = without(WHOLE, path, value)
    assert bodies_of({"name": "Kiosks", "settings": refused}) is None
    assert CONTRACT.check_body(OPERATIONS["POST"], {"name": "Kiosks", "settings": refused}) != []


def test_there_are_ten_scripts_at_most() -> None:
    scripts = [{**WHOLE["windows"]["custom_shell_scripts_multiple"]["shell_scripts"][0]} for _number in range(11)]
    refused = {"windows": {"custom_shell_scripts_multiple": {"shell_scripts": scripts}}}
    assert bodies_of({"name": "Kiosks", "settings": refused}) is None
    assert CONTRACT.check_body(OPERATIONS["POST"], {"name": "Kiosks", "settings": refused}) != []
