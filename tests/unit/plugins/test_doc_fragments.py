# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specs, documentation and the inventory's options say the same."""

from __future__ import annotations

import ast
import functools
import importlib
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.doc_fragments import attributes, connection
from ansible_collections.esper.cloud.plugins.module_utils import module
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS, Connection
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleDefinition

Doc = dict[str, t.Any]
PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
# Not device_facts, which sends no request: it only has documentation and an action plugin.
MODULES = sorted({path.stem for path in (PLUGINS / "modules").glob("*.py")} - {"device_facts"})
MODULE_FRAGMENT: Doc = yaml.safe_load(connection.ModuleDocFragment.DOCUMENTATION)
PLUGIN_FRAGMENT: Doc = yaml.safe_load(connection.ModuleDocFragment.PLUGIN)


@functools.cache
def constants(path: Path) -> dict[str, Doc]:
    """Return the documentation in the source of a plugin, as Ansible reads it: without running the plugin."""
    found: dict[str, Doc] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("DOCUMENTATION", "RETURN", "EXAMPLES") and isinstance(node.value, ast.Constant):
                # Some examples are several documents.
                documents = list(yaml.load_all(str(node.value.value), Loader=yaml.CSafeLoader))
                found[name] = documents if name == "EXAMPLES" else documents[0]  # type: ignore[assignment]
    return found


def documentation_of(name: str) -> dict[str, Doc]:
    return constants(PLUGINS / "modules" / f"{name}.py")


def documented_options(name: str) -> Doc:
    """Return the options that a module documents, without those of the connection."""
    return t.cast("Doc", documentation_of(name)["DOCUMENTATION"]["options"])


def handed_over(name: str) -> Kind | ModuleDefinition:
    """Return the argument of a module for run(), run_info() or run_task()."""
    imported = importlib.import_module(f"ansible_collections.esper.cloud.plugins.modules.{name}")
    (found,) = [each for each in vars(imported).values() if isinstance(each, (Kind, ModuleDefinition))]
    return found


# The modules that manage or read a kind of object; the others have a task of their own.
KINDS = [name for name in MODULES if isinstance(handed_over(name), Kind)]


def kind_of(name: str) -> Kind:
    return t.cast("Kind", handed_over(name))


def spec_of(name: str) -> tuple[Doc, Doc]:
    """The argument spec of a module without the connection, and its rules."""
    kind = handed_over(name)
    if isinstance(kind, ModuleDefinition):
        return kind.options, kind.rules
    if name.endswith("_info"):
        assert kind.info_module is not None
        return (kind.info_module.argument_spec, dict(kind.info_module.rules))
    return kind.options, kind.rules


def said(option: Doc) -> Doc:
    """Return the properties of an option that an argument spec and a documentation have in common."""
    return {
        "type": option.get("type", "str"),
        "elements": option.get("elements"),
        "required": option.get("required", False),
        "default": option.get("default"),
        "choices": option.get("choices"),
        "options": {
            name: said(each) for name, each in (option.get("options") or option.get("suboptions") or {}).items()
        },
    }


# --- the connection ---------------------------------------------------------------------------------------------------


def test_the_connection_options_are_those_of_a_connection() -> None:
    made = Connection(api_url="https://x/api", api_key="k")
    for option in OPTIONS:
        if option.name != "tenant":
            assert hasattr(made, option.name)
        if option.default is not None:
            assert getattr(made, option.name) == option.default


def test_the_argument_spec_has_the_options_of_the_table() -> None:
    spec = module.connection_spec()
    assert list(spec) == [option.name for option in OPTIONS]
    for option in OPTIONS:
        assert spec[option.name]["type"] == option.type
        assert spec[option.name].get("default") == option.default
        assert spec[option.name]["fallback"][1] == list(option.env)
        assert spec[option.name].get("no_log", False) is option.secret


def test_the_key_is_the_secret_one() -> None:
    assert [option.name for option in OPTIONS if option.secret] == ["api_key"]


@pytest.mark.parametrize("fragment", [MODULE_FRAGMENT, PLUGIN_FRAGMENT], ids=["module", "plugin"])
def test_the_documentation_has_the_options_of_the_table(fragment: Doc) -> None:
    spec = module.connection_spec()
    assert {name: said(option) for name, option in fragment["options"].items()} == {
        name: said(option) for name, option in spec.items()
    }


def test_the_documentation_has_the_words_of_the_table() -> None:
    for option in OPTIONS:
        names = " or ".join(f"E({name})" for name in option.env)
        fallback = f"Can also be set with the variable C(esper_{option.name}), or with {names}."
        assert PLUGIN_FRAGMENT["options"][option.name]["description"] == list(option.description)
        assert MODULE_FRAGMENT["options"][option.name]["description"] == [*option.description, fallback]


def test_a_plugin_s_options_come_from_the_environment_variables_of_the_table() -> None:
    for option in OPTIONS:
        assert PLUGIN_FRAGMENT["options"][option.name]["env"] == [{"name": name} for name in option.env]
        assert PLUGIN_FRAGMENT["options"][option.name]["vars"] == [{"name": f"esper_{option.name}"}]
        assert not {"env", "vars"} & MODULE_FRAGMENT["options"][option.name].keys()


def test_the_environment_variables_have_one_meaning_each() -> None:
    names = [name for option in OPTIONS for name in option.env]
    assert len(set(names)) == len(names)
    assert all(name.startswith("ESPER_") for name in names)


def test_only_secrets_have_the_name_of_a_secret() -> None:
    # Ansible warns of options that look like secrets and are not marked.
    assert not [option.name for option in OPTIONS if "key" in option.name and not option.secret]


# --- modules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_a_module_s_documentation_agrees_with_its_argument_spec(name: str) -> None:
    documented = documented_options(name)
    options, _rules = spec_of(name)
    assert {each: said(option) for each, option in documented.items()} == {
        each: said(option) for each, option in options.items()
    }
    assert all(option["description"] for option in documented.values())


@pytest.mark.parametrize("name", MODULES)
def test_a_module_s_options_are_not_those_of_the_connection(name: str) -> None:
    assert not spec_of(name)[0].keys() & module.connection_spec().keys()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_s_rules_speak_of_its_options(name: str) -> None:
    options, rules = spec_of(name)
    assert set(rules) <= {"mutually_exclusive", "required_one_of", "required_together", "required_if", "required_by"}
    for rule in ("mutually_exclusive", "required_one_of", "required_together"):
        for names in rules.get(rule, []):
            assert set(names) <= set(options)
    for option, value, names, *_any in rules.get("required_if", []):
        described = options[option]
        assert value in ((True, False) if described["type"] == "bool" else described["choices"])
        assert set(names) <= set(options)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_s_documentation_has_what_every_module_has(name: str) -> None:
    documented = documentation_of(name)["DOCUMENTATION"]
    assert documented["module"] == name
    assert {"check_mode", "diff_mode"} <= documented["attributes"].keys()
    assert documented["extends_documentation_fragment"] == ["esper.cloud.connection", "esper.cloud.attributes"]
    assert documented["version_added"]
    assert documented["author"]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_s_examples_use_its_options(name: str) -> None:
    spec = {**spec_of(name)[0], **module.connection_spec()}
    options = spec.keys() | {alias for option in spec.values() for alias in option.get("aliases", ())}
    used: list[Doc] = []

    def collect(node: t.Any) -> None:
        if isinstance(node, list):
            for each in node:
                collect(each)
        elif isinstance(node, dict):
            used.extend(node[key] or {} for key in node if key == f"esper.cloud.{name}")
            for each in node.values():
                collect(each)

    collect(documentation_of(name)["EXAMPLES"])
    assert used
    for example in used:
        assert set(example) <= options


@pytest.mark.parametrize("name", KINDS)
def test_a_module_returns_what_it_documents(name: str) -> None:
    kind, returned = kind_of(name), documentation_of(name)["RETURN"]
    is_info = name.endswith("_info")
    value, spec = (kind.info_value, kind.info_module) if is_info else (kind.name, kind.module)
    described = returned[value]
    # A module can describe the value itself, with more than the fields.
    own = [field for each in spec.returns if each.name == value for field in each.contains]
    shown = [field.name for field in own or kind.fields if not getattr(field, "secret", False)]
    shown += [each.field.name for each in kind.related if is_info and not own]
    assert list(described["contains"]) == shown


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_documentation_and_one_call(name: str) -> None:
    tree = ast.parse((PLUGINS / "modules" / f"{name}.py").read_text(encoding="utf-8"))
    (main,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert main.name == "main"
    assert len(main.body) == 1


def test_the_attributes_are_documentation() -> None:
    fragment = yaml.safe_load(attributes.ModuleDocFragment.DOCUMENTATION)
    assert fragment["attributes"]
    for attribute in fragment["attributes"].values():
        assert attribute["description"]
        assert attribute["support"] in ("full", "partial", "none", "N/A")


# --- the inventory ----------------------------------------------------------------------------------------------------


def test_the_inventory_has_the_connection_options() -> None:
    documented = constants(PLUGINS / "inventory" / "devices.py")["DOCUMENTATION"]
    assert "esper.cloud.connection.plugin" in documented["extends_documentation_fragment"]
    overlap = documented["options"].keys() & PLUGIN_FRAGMENT["options"].keys()
    # The inventory may take longer than a task. All else is the table's.
    assert overlap == {"deadline"}
    assert set(documented["options"]["deadline"]) == {"default"}
    assert documented["options"]["deadline"]["default"] > PLUGIN_FRAGMENT["options"]["deadline"]["default"]


def test_the_inventory_documents_every_filter() -> None:
    from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import FILTERS

    described = " ".join(
        constants(PLUGINS / "inventory" / "devices.py")["DOCUMENTATION"]["options"]["filters"]["description"]
    )
    assert not [name for name in FILTERS if f"V({name})" not in described]


def test_the_requirements_name_what_the_client_imports() -> None:
    assert MODULE_FRAGMENT["requirements"] == PLUGIN_FRAGMENT["requirements"]
    needed = [line.strip() for line in (PLUGINS.parent / "requirements.txt").read_text(encoding="utf-8").splitlines()]
    named = [line for line in needed if line and not line.startswith("#")]
    assert [each.replace(" ", "") for each in MODULE_FRAGMENT["requirements"]] == [
        each.replace(" ", "") for each in named
    ]
    assert "import requests\n" in (PLUGINS / "module_utils" / "http" / "transport.py").read_text(encoding="utf-8")
