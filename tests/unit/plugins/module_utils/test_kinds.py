# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module and the action plugin in its place do the same task."""

from __future__ import annotations

import importlib
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.doc_fragments import kinds as documented
from ansible_collections.esper.cloud.plugins.module_utils import kinds, module
from ansible_collections.esper.cloud.plugins.module_utils.kinds import MODULES, task_of
from ansible_collections.esper.cloud.plugins.module_utils.resource import Resource
from ansible_collections.esper.cloud.plugins.module_utils.resources.registry import KINDS
from ansible_collections.esper.cloud.plugins.module_utils.task import Task, managing
from ansible_collections.esper.cloud.plugins.module_utils.tenant import TENANT

Options = dict[str, dict[str, t.Any]]
ROOT = Path(__file__).resolve().parents[4]
# Modules that only have documentation and an action plugin of their own.
WITHOUT_REQUEST = ("device_facts",)


def test_there_is_a_task_for_each_module() -> None:
    assert sorted([*MODULES, *WITHOUT_REQUEST]) == sorted(
        path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")
    )


def test_one_action_plugin_serves_each_module() -> None:
    routing = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["plugin_routing"]
    actions = {path.stem: path for path in (ROOT / "plugins" / "action").glob("*.py")}
    assert actions.keys() == {"api", *WITHOUT_REQUEST}
    action = actions["api"]
    # Named after a module, where its documentation is; and no action is redirected.
    assert action.stem in MODULES
    assert routing == {"modules": {name: {"action_plugin": f"esper.cloud.{action.stem}"} for name in sorted(MODULES)}}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_runs_the_task_of_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[Task] = []
    imported = importlib.import_module(f"ansible_collections.esper.cloud.plugins.modules.{name}")
    for place in (module, imported):
        monkeypatch.setattr(place, "run_task", run.append, raising=False)
    imported.main()
    assert len(run) == 1
    assert run[0] is task_of(name)


@pytest.mark.parametrize("name", MODULES)
def test_files_to_be_sent_are_options_that_are_paths(name: str) -> None:
    def paths(options: Options, above: str = "") -> t.Iterator[str]:
        for option, spec in options.items():
            if spec["type"] == "path" and option == "src":
                yield f"{above}{option}"
            yield from paths(spec.get("options") or {}, f"{above}{option}.")

    assert sorted(task_of(name).sources) == sorted(paths(task_of(name).options))


@pytest.mark.parametrize("name", MODULES)
def test_the_options_ask_for_nothing_that_only_a_module_does(name: str) -> None:
    def words(options: Options) -> t.Iterator[str]:
        for option in options.values():
            yield from option
            yield from words(option.get("options") or {})

    # AnsibleModule makes warnings of these, which the action plugin does not.
    known = {"type", "elements", "required", "default", "choices", "aliases", "no_log", "options", "fallback"}
    rules = {"mutually_exclusive", "required_one_of", "required_together", "required_if", "required_by"}
    assert set(words(module.argument_spec(task_of(name)))) <= known | rules
    assert set(task_of(name).rules) <= rules


# --- the kinds that a tenant is made of -------------------------------------------------------------------------------

DOCUMENTED: Options = yaml.safe_load(documented.ModuleDocFragment.DOCUMENTATION)["options"]


def _managed() -> dict[str, Resource]:
    """The resources of the modules that manage a kind, by the names of the modules."""
    found = {}
    for name, (file, attribute) in kinds._PLACES.items():
        imported = importlib.import_module(f"{kinds.__package__}.{file}")
        resource = getattr(imported, attribute)
        if isinstance(resource, Resource) and not name.endswith("_info"):
            found[name] = resource
    return found


def test_each_kind_that_has_a_module_is_one_of_a_tenant() -> None:
    managed = _managed()
    assert {kind.kind: kind for kind in KINDS} == managed
    assert len(KINDS) == len(managed)
    assert [kind.plural for kind in KINDS] == list(DOCUMENTED)
    assert all(task_of(name) is managing(resource) for name, resource in managed.items())


def test_lists_of_objects_take_what_the_modules_take() -> None:
    assert set(TENANT.options) == {*DOCUMENTED, "on_error"}
    for kind in KINDS:
        spec = TENANT.options[kind.plural]
        assert spec["options"] == task_of(kind.kind).options
        assert {rule: spec[rule] for rule in kind.rules} == task_of(kind.kind).rules
        assert set(spec) == {"type", "elements", "options", *kind.rules}


def test_kinds_refer_to_kinds_that_there_are() -> None:
    names = {kind.kind for kind in KINDS}
    for kind in KINDS:
        assert set(kind.refers_to) <= names - {kind.kind}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.kind))
def test_lists_of_objects_are_documented_as_they_are(kind: Resource) -> None:
    def same(documentation: Options, options: Options, place: str) -> None:
        assert set(documentation) == set(options), place
        for name, spec in options.items():
            told, where = documentation[name], f"{place}.{name}"
            assert told["description"], where
            for word in ("type", "elements", "choices", "default", "required"):
                assert told.get(word) == spec.get(word), f"{where}: {word}"
            same(told.get("suboptions") or {}, spec.get("options") or {}, where)

    same({kind.plural: DOCUMENTED[kind.plural]}, {kind.plural: TENANT.options[kind.plural]}, "")


def test_documentation_speaks_of_the_options_where_they_are() -> None:
    text = documented.ModuleDocFragment.DOCUMENTATION
    # An option that is meant within a list is never written as if the module itself had it.
    own = {"on_error", *DOCUMENTED, *module.connection_spec()}
    assert "O(device_groups[].recursive)" in text
    for found in re.findall(r"\bO\((\w+)", text):
        assert found in own
    assert not re.search(r"\bRV\((?!esper\.cloud\.)", text)
