# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants with any valid objects, as lists of the module tenant, for hypothesis.

Values follow from the descriptions of the fields. Only rules between options are written here, by kind.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import EsperError
from ansible_collections.esper.cloud.plugins.module_utils.engine.planner import planner_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.kinds.group_path import join_path
from ansible_collections.esper.cloud.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind, Shape
from ansible_collections.esper.cloud.plugins.module_utils.model.walk import without_omitted
from ansible_collections.esper.cloud.tests.laws.preparations import PREPARATIONS, Row
from hypothesis import strategies as st

KIND = {kind.name: kind for kind in KINDS}
ENTERPRISE = "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d"
CLIENT = Client(Connection(api_url="https://acme-api.esper.cloud/api", api_key="k", enterprise_id=ENTERPRISE))
PACKAGE, FILE = "com.example.law", "law.txt"
# Texts that YAML or Ansible would read as something else, and texts of many lines.
TEXTS = st.sampled_from(
    (
        *(
            "yes",
            "null",
            "~",
            "1.0",
            "0x1f",
            "2026-01-01",
            "12:30",
            "- a",
            "a: b",
            "#a",
            "a #b",
            "{a}",
            "[a]",
            "*a",
            "&a",
        ),
        *(
            "!a",
            "%a",
            "@a",
            "|",
            ">",
            "'a'",
            '"a"',
            "\\",
            "a\\nb",
            "{{ a }}",
            "{% a %}",
            "{# a #}",
            "a\nb",
            "a\n\n b\n",
        ),
        *(
            "\u00fcber",
            "\u65e5\u672c",
            "\U0001f642",
            "a\u2028b",
            "x" * 200,
            "$HOME",
            "omit",
            "---\na",
            "...",
            "a,b",
            "..",
            "CON",
        ),
    )
) | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=8)
# Esper removes whitespace around names, and does not distinguish their forms of Unicode.
NAMES = TEXTS.map(lambda text: " ".join(text.split())).filter(lambda text: text.strip() == text and text.isprintable())
NAMES = NAMES.filter(bool)
EMAILS = st.integers(1, 40).map(lambda number: f"user{number}@example.com")


def values_of(field: Field) -> st.SearchStrategy[t.Any]:
    """Return valid values of a field, which does not name other objects."""
    if field.type == "dict" and field.fields:
        return dicts_of(field)
    if field.type == "list":
        item = replace(field, type=field.elements, elements="", list_validator=field.validator, list_type="atomic")
        lists = st.lists(values_of(item), max_size=3, unique_by=repr)
        return lists.filter(lambda value: not field.list_validator(value))
    if field.choices:
        return st.sampled_from(field.choices)
    values: dict[str, st.SearchStrategy[t.Any]] = {
        "bool": st.booleans(),
        "int": st.integers(0, 100),
        "float": st.integers(-50, 500).map(lambda number: number / 4),
        "dict": st.dictionaries(st.sampled_from(["a", "b: c", "1"]), TEXTS | st.booleans() | st.none(), max_size=2),
        "str": TEXTS | st.just(field.sample if isinstance(field.sample, str) else "a"),
    }
    return values[field.type].filter(lambda value: not field.validator(value))


def dicts_of(field: Field) -> st.SearchStrategy[Row]:
    """Return valid dicts of a field, with all that Esper requires."""
    fields = [each for each in field.fields if each.writable and each.in_payload and not each.references]
    strategies = {each.name: values_of(each) for each in fields if not _is_id(each)}
    required = {each.name for each in fields if each.required_by_api or each.required}
    return st.fixed_dictionaries(
        {name: strategy for name, strategy in strategies.items() if name in required},
        optional={name: strategy for name, strategy in strategies.items() if name not in required},
    )


def _is_id(field: Field) -> bool:
    """Return whether a value is that of another object, or one that differs in each tenant."""
    return field.name == "id" or field.name.endswith(("_id", "_ids"))


def objects_of(kind_name: str, /, **own: st.SearchStrategy[t.Any]) -> st.SearchStrategy[Row]:
    """Return objects of a kind. ``own`` are the values of options."""
    kind = KIND[kind_name]
    fields = [each for each in kind.fields if each.writable and each.name in kind.options and each.names is None]
    fields = [each for each in fields if each.name not in own]
    required = {each.name: values_of(each) for each in fields if each.required_by_api}
    optional = {each.name: values_of(each) for each in fields if not each.required_by_api}
    return st.fixed_dictionaries({**required, **own}, optional=optional).filter(lambda row: is_valid(kind, row))


def is_valid(kind: Kind, row: Row) -> bool:
    """Return whether a task can create an object."""
    assert kind.module is not None
    validated = ArgumentSpecValidator(kind.options, **kind.rules).validate(row)
    if validated.error_messages:
        return False
    params = without_omitted(kind.module.options, validated.validated_parameters, row, json.loads)
    if kind.shape is Shape.SINGLETON:
        return True
    try:
        planner_of(TenantView(CLIENT), kind).plan_create(params)
    except EsperError:
        return False
    return True


def lists_of(objects: st.SearchStrategy[Row], key: str = "name") -> st.SearchStrategy[list[Row]]:
    """Return lists of objects with different names."""
    return st.lists(objects, max_size=3, unique_by=lambda row: str(row[key]).casefold())


@st.composite
def device_groups(draw: st.DrawFn) -> list[Row]:
    """Return a tree of device groups, in any order."""
    paths: list[tuple[str, ...]] = []
    for name in draw(st.lists(NAMES, max_size=5)):
        parent = draw(st.sampled_from([(), *paths]))
        if name.casefold() not in {path[-1].casefold() for path in paths}:
            paths.append((*parent, name))
    return draw(st.permutations([{"path": join_path(path)} for path in paths]))


@st.composite
def blueprints(draw: st.DrawFn) -> Row:
    """Return a blueprint with a few parts of its settings."""
    kind = KIND["blueprint"]
    settings = next(each for each in kind.fields if each.name == "settings")
    parts = [(platform, part) for platform in settings.fields for part in platform.fields if not part.references]
    chosen: Row = {}
    for platform, part in draw(st.lists(st.sampled_from(parts), max_size=4)):
        value = draw(values_of(part))
        if is_valid(kind, {"name": "a", "settings": {platform.name: {part.name: value}}}):
            chosen.setdefault(platform.name, {})[part.name] = value
    if draw(st.booleans()):
        chosen.setdefault("android", {})["apps"] = [
            {"package_name": PACKAGE, "version_name": "1.0.0", "version_code": 1}
        ]
    if draw(st.booleans()):
        chosen.setdefault("android", {})["files"] = [
            {"content": FILE, "destination_path": f"/sdcard/{number}"} for number in range(draw(st.integers(0, 2)))
        ]
    texts = {each.name: each for each in kind.fields if each.name in ("description", "comments")}
    row = {name: draw(values_of(field)) for name, field in texts.items() if draw(st.booleans())}
    return {"name": draw(NAMES), **row, "publish": draw(st.booleans()), "settings": chosen}


def scripts() -> st.SearchStrategy[str]:
    """Return texts of scripts."""
    return TEXTS.filter(lambda text: bool(text.strip()))


@st.composite
def tenants(draw: st.DrawFn) -> Row:
    """Return the lists of a tenant with objects of all kinds that an export has by default."""
    groups = draw(device_groups())
    paths = [row["path"] for row in groups] or ["All devices"]
    channels = draw(
        lists_of(objects_of("alert_channel", name=NAMES, emails=st.lists(EMAILS, min_size=1, max_size=3, unique=True)))
    )
    rule: dict[str, st.SearchStrategy[t.Any]] = {
        "name": NAMES,
        "groups": st.lists(st.sampled_from(paths), max_size=2, unique=True),
        "emails": st.lists(EMAILS, max_size=2, unique=True),
    }
    if channels:
        rule["channels"] = st.lists(st.sampled_from([row["name"] for row in channels]), max_size=2, unique=True)
    emails = draw(st.lists(EMAILS, max_size=5, unique=True))
    return {
        "device_groups": groups,
        "alert_channels": channels,
        "alarm_rules": draw(lists_of(objects_of("alarm_rule", **rule))),
        "background_scripts": draw(lists_of(objects_of("background_script", name=NAMES, script=scripts()))),
        "blueprints": draw(lists_of(blueprints())),
        "custom_actions": draw(lists_of(objects_of("custom_action", name=NAMES))),
        "dep_profile": draw(objects_of("dep_profile")),
        "enterprise_policies": draw(lists_of(objects_of("enterprise_policy", name=NAMES))),
        "geofences": draw(lists_of(objects_of("geofence", name=NAMES))),
        "google_play_apps": draw(
            lists_of(objects_of("google_play_app", package_name=st.sampled_from(["com.a", "com.b.c"])), "package_name")
        ),
        "pipelines": draw(
            lists_of(
                objects_of(
                    "pipeline",
                    name=NAMES,
                    stages=st.lists(stages(paths), max_size=3, unique_by=lambda row: row["name"].casefold()),
                )
            )
        ),
        "preferred_region": draw(
            objects_of("preferred_region", countries=st.lists(st.sampled_from(["DE", "AT", "NO"]), unique=True))
        ),
        "report_subscriptions": [
            {"emails": emails[start : start + 2], "subscribed": draw(st.booleans())}
            for start in range(0, len(emails), 2)
        ],
        "roles": draw(
            lists_of(
                objects_of(
                    "role",
                    name=NAMES,
                    scopes=st.lists(st.sampled_from(["read:device", "read:group", "update:device:group"]), unique=True),
                )
            )
        ),
        "webclips": draw(lists_of(objects_of("webclip", name=NAMES))),
    }


def stages(paths: t.Sequence[str]) -> st.SearchStrategy[Row]:
    """Return stages of pipelines."""
    operations = st.sampled_from([{"type": "REBOOT"}, {"type": "LOCK", "args": {"message": "yes"}}])
    return st.fixed_dictionaries(
        {"name": NAMES},
        optional={
            "description": TEXTS,
            "timeout_seconds": st.integers(1, 9000),
            "groups": st.lists(st.sampled_from(paths), max_size=2, unique=True),
            "operations": st.lists(operations, max_size=2),
        },
    )


PREPARED = [PREPARATIONS[name] for name in ("blueprint", "google_play_app")]
"""The preparations of a tenant: files of blueprints, and what a person does at Google."""
