# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that are built when they are first read behave like the dict of the same variables."""

from __future__ import annotations

import copy
import pickle
import typing as t

import pytest
from ansible import constants
from ansible.inventory.host import Host
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.utils.vars import combine_vars
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import LEVELS, as_host
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import Fleet
from ansible_collections.esper.cloud.plugins.plugin_utils.api_values import as_template
from ansible_collections.esper.cloud.plugins.plugin_utils.host_variables import HostVariables, VariableBuilder

Row = dict[str, t.Any]

DEVICE: Row = {
    "id": "00000000-0000-4000-8000-000000000001",
    "name": "Till",
    "alias": "{{ 7 * 7 }}",
    "tags": ["t", "other"],
    "hardware_info": {"model": "X1"},
    "network_stats": {"ip_address": ["192.0.2.1"]},
    "group_id": "g",
}
COMMON: Row = {"inventory_file": "/fleet.esper.yml", "inventory_dir": "/"}
HASH_BEHAVIOURS = ("replace", "merge")


def builder() -> VariableBuilder:
    groups = {"g": {"path": "All devices/Stores", "parent": None}}
    made = VariableBuilder(Fleet([], groups=groups, tags={"t": "kiosk"}), "esper_")
    made.common = dict(COMMON)
    return made


def both(level: str = "standard") -> tuple[HostVariables, Row]:
    """Return variables that are not built, and the dict that they stand for."""
    plain = {**COMMON, **builder().build(as_host(DEVICE, level))}
    return HostVariables(builder(), as_host(DEVICE, level)), plain


@pytest.fixture(params=HASH_BEHAVIOURS)
def hash_behaviour(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(constants, "DEFAULT_HASH_BEHAVIOUR", request.param)
    return str(request.param)


@pytest.mark.parametrize("level", LEVELS)
def test_the_variables_are_those_of_the_dict_in_the_same_order(level: str) -> None:
    lazy, plain = both(level)
    assert not lazy.is_built
    assert list(lazy.items()) == list(plain.items())
    assert lazy.is_built


READS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "==": lambda variables: variables == both()[1],
    "== reversed": lambda variables: both()[1] == variables,
    "!=": lambda variables: variables != both()[1],
    "== {}": lambda variables: variables == {},
    "== other": lambda variables: variables == {**both()[1], "esper_alias": None},
    "== no mapping": lambda variables: variables == 1,
    "len": len,
    "bool": bool,
    "list": list,
    "in": lambda variables: ("esper_id" in variables, "nope" in variables),
    "get": lambda variables: (variables.get("esper_id"), variables.get("nope", 1)),
    "item": lambda variables: variables["esper_hardware"]["model"],
    "repr": repr,
    "dict": dict,
    "**": lambda variables: {**variables},
    "update": lambda variables: _updated({"esper_id": 1, "own": 1}, variables),
    "copy": lambda variables: variables.copy(),
    "deepcopy": copy.deepcopy,
    "copy.copy": copy.copy,
    "pickle": lambda variables: pickle.loads(pickle.dumps(variables)),
    "|": lambda variables: variables | {"esper_alias": 1, "own": {"a": 1}},
    "| reversed": lambda variables: {"esper_alias": 1, "own": {"a": 1}} | variables,
    "| {} reversed": lambda variables: {} | variables,
    "pop": lambda variables: (variables.pop("esper_alias"), dict(variables)),
    "set": lambda variables: (variables.__setitem__("esper_alias", 1), dict(variables)),
    "setdefault": lambda variables: (variables.setdefault("esper_id", 1), dict(variables)),
}


def _updated(target: Row, source: t.Any) -> Row:
    target.update(source)
    return target


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_each_way_to_read_or_change_them_is_that_of_the_dict(read: t.Callable[[t.Any], t.Any]) -> None:
    lazy, plain = both()
    result = read(lazy)
    assert result == read(plain)
    assert type(result) is type(read(both()[1]))


@pytest.mark.parametrize("name", ["|", "| reversed", "copy", "deepcopy", "copy.copy", "pickle", "**"])
def test_what_is_made_of_them_can_be_changed_without_them(name: str) -> None:
    lazy, plain = both()
    READS[name](lazy)["esper_alias"] = "changed"
    assert lazy == plain


def test_a_key_that_is_missing_is_an_error() -> None:
    lazy, _plain = both()
    with pytest.raises(KeyError):
        lazy["nope"]
    with pytest.raises(TypeError):
        hash(lazy)


def test_a_merge_with_no_variables_does_not_build_them(hash_behaviour: str) -> None:
    # ansible-core does this for every host of an inventory, for the variables in files.
    lazy, plain = both()
    merged = combine_vars(lazy, {})
    assert isinstance(merged, HostVariables)
    assert not merged.is_built
    assert not lazy.is_built
    assert merged == plain


def test_a_merge_with_no_variables_keeps_what_was_changed(hash_behaviour: str) -> None:
    lazy, plain = both()
    lazy["own"] = 1
    assert combine_vars(lazy, {}) == {**plain, "own": 1}


OTHERS: list[Row] = [
    {"own": 1},
    {"esper_alias": None},
    {"esper_hardware": {"own": 1, "model": "Y"}},
    {"esper_tags": ["other"]},
    {},
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_a_merge_is_that_of_the_dict(hash_behaviour: str, other: Row) -> None:
    lazy, plain = both()
    assert combine_vars(lazy, other) == combine_vars(plain, other)
    assert combine_vars(other, both()[0]) == combine_vars(other, plain)
    if other:
        assert combine_vars(both()[0], other).__class__ is dict
        assert combine_vars(other, both()[0]).__class__ is dict
    assert lazy == plain


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_a_host_sets_and_returns_them_like_the_dict(hash_behaviour: str, other: Row) -> None:
    hosts = []
    for variables in both():
        host = Host("Till")
        host.vars = variables
        for name, value in other.items():
            host.set_variable(name, value)
        hosts.append(host)
    lazy, plain = hosts
    assert lazy.get_vars() == plain.get_vars()
    # The templating of ansible-core treats a mapping that is no dict as an empty one.
    assert lazy.get_vars().__class__ is dict


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda host: pickle.loads(pickle.dumps(host))])
def test_a_copy_of_a_host_has_plain_variables(duplicate: t.Callable[[Host], Host]) -> None:
    host = Host("Till")
    host.vars, plain = both()
    again = duplicate(host)
    assert again.vars == plain
    assert again.vars.__class__ is dict
    assert again.get_vars() == host.get_vars()


def templated(variables: t.Any, expression: str) -> t.Any:
    """Return what another host sees of the variables of a host."""
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=["Till,other,"])
    inventory.hosts["Till"].vars = variables
    manager = VariableManager(loader=loader, inventory=inventory)
    hostvars = HostVars(inventory=inventory, variable_manager=manager, loader=loader)
    own = {**manager.get_vars(host=inventory.hosts["other"]), "hostvars": hostvars}
    return Templar(loader=loader, variables=own).template(as_template(expression))


@pytest.mark.parametrize(
    "expression",
    [
        "{{ hostvars['Till'].esper_hardware.model }}",
        "{{ hostvars['Till']['esper_tags'] | join(',') }}",
        "{{ hostvars['Till'].esper_alias }}",
        "{{ hostvars['Till'].esper_nope | default('none') }}",
        "{{ hostvars['Till'].inventory_file }}",
        "{{ hostvars['Till'] | dict2items | selectattr('key', 'match', 'esper_') | map(attribute='key') | list }}",
    ],
)
def test_templates_of_other_hosts_see_the_same(hash_behaviour: str, expression: str) -> None:
    lazy, plain = both()
    found = templated(lazy, expression)
    assert found == templated(plain, expression)
    assert found
    assert "49" not in str(found)


def test_two_hosts_share_no_value_that_can_be_changed() -> None:
    shared = builder()
    first, second = (HostVariables(shared, as_host(DEVICE)) for _number in range(2))
    copied = first | {}
    for name in ("esper_tags", "esper_tag_ids", "esper_hardware", "esper_network"):
        assert first[name] is not second[name]
        assert first[name] is not copied[name]
    first["own"] = 1
    assert "own" not in second
    assert "own" not in shared.common
