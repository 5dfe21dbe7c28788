# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module and its action plugin have the same definition."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils import catalog, module
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind, Shape
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import argument_spec_for
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleDefinition, define_module
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant import TENANT

Options = dict[str, dict[str, t.Any]]
ROOT = Path(__file__).resolve().parents[4]
# Modules that only have documentation and an action plugin of their own.
WITHOUT_REQUEST = ("device_facts",)


def test_each_module_has_a_definition() -> None:
    assert sorted([*MODULES, *WITHOUT_REQUEST]) == sorted(
        path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")
    )


@pytest.mark.parametrize("name", MODULES)
def test_the_action_plugin_of_a_module_has_its_definition(name: str) -> None:
    action = importlib.import_module(f"ansible_collections.esper.cloud.plugins.action.{name}")
    assert action.ActionModule.definition is definition_of(name)


def test_each_module_has_an_action_plugin_of_its_name() -> None:
    # Ansible loads a plugin of this name before it forks a worker for the task, but a plugin from plugin_routing after
    # that. If actions are redirected, the module_defaults of one module apply to the others.
    assert "plugin_routing" not in yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    actions = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py")}
    assert actions == {*MODULES, *WITHOUT_REQUEST}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_runs_the_definition_of_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[ModuleDefinition] = []
    imported = importlib.import_module(f"ansible_collections.esper.cloud.plugins.modules.{name}")
    for namespace in (module, imported):
        monkeypatch.setattr(namespace, "run_task", run.append, raising=False)
    imported.main()
    assert len(run) == 1
    assert run[0] is definition_of(name)


@pytest.mark.parametrize("name", MODULES)
def test_the_sources_of_a_module_are_its_path_options(name: str) -> None:
    def paths(options: Options, above: str = "") -> t.Iterator[str]:
        for option, spec in options.items():
            if spec["type"] == "path" and option not in ("dest", "plan_dest", "state_path"):
                yield f"{above}{option}"
            yield from paths(spec.get("options") or {}, f"{above}{option}.")

    task = definition_of(name)
    options = {**task.options, **argument_spec_for(task.described_items)}
    assert sorted(task.sources) == sorted(paths(options))


@pytest.mark.parametrize("name", MODULES)
def test_the_options_use_features_that_the_action_plugin_supports(name: str) -> None:
    def words(options: Options) -> t.Iterator[str]:
        for option in options.values():
            yield from option
            yield from words(option.get("options") or {})

    # AnsibleModule creates warnings from other features, the action plugin does not.
    known = {"type", "elements", "required", "default", "choices", "aliases", "no_log", "options", "fallback"}
    rules = {"mutually_exclusive", "required_one_of", "required_together", "required_if", "required_by"}
    assert set(words(module.argument_spec(definition_of(name)))) <= known | rules
    assert set(definition_of(name).rules) <= rules


# --- the kinds of the module tenant -----------------------------------------------------------------------------------


def _managed() -> dict[str, Kind]:
    """Return the kinds with a module by the names of the modules."""
    found = {}
    for name, (file, attribute) in MODULES.items():
        imported = importlib.import_module(f"{catalog.__package__}.{file}")
        kind = getattr(imported, attribute)
        if isinstance(kind, Kind) and not name.endswith("_info"):
            found[name] = kind
    return found


def test_each_kind_with_a_module_is_in_the_registry() -> None:
    managed = _managed()
    listed = {name: kind for name, kind in managed.items() if kind.tenant.plan}
    assert {kind.name: kind for kind in KINDS} == listed
    assert len(KINDS) == len(listed)
    assert all(definition_of(name) is define_module(kind) for name, kind in managed.items())


def test_items_of_the_module_tenant_have_the_options_of_their_modules() -> None:
    assert {kind.tenant_option for kind in KINDS} == set(TENANT.items) <= set(TENANT.options)
    for kind in KINDS:
        is_one = kind.shape is Shape.SINGLETON
        expected = {"type": "dict"} if is_one else {"type": "list", "elements": "dict"}
        assert TENANT.options[kind.tenant_option] == expected
        assert (
            argument_spec_for(TENANT.described_items)[kind.tenant_option]["options"] == definition_of(kind.name).options
        )
        assert TENANT.items[kind.tenant_option] is kind


def test_kinds_depend_on_kinds_of_the_registry() -> None:
    names = {kind.name for kind in KINDS}
    for kind in KINDS:
        # The module tenant does not manage devices.
        assert set(kind.depends_on) - {"device"} <= names - {kind.name}
