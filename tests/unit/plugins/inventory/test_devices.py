# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts, groups and variables that the inventory creates: safe names, and texts that are data."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import Constructable
from ansible.template import Templar
from ansible_collections.esper.cloud.plugins.inventory.devices import DOCUMENTATION, InventoryModule
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import as_host
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import Fleet
from ansible_collections.esper.cloud.plugins.plugin_utils.api_values import as_template, has_no_template

Row = dict[str, t.Any]

DEFAULTS: Row = {
    "connection": "device",
    "filters": {},
    "include_disabled": False,
    "hostnames": ["name", "serial", "id"],
    "clean_hostnames": False,
    "include_empty_groups": True,
    "vars_prefix": "esper_",
    "detail_level": "standard",
    "group_by": ["group", "tag", "platform", "state", "blueprint"],
    "strict": True,
    "compose": {},
    "groups": {},
    "keyed_groups": [],
    "use_extra_vars": False,
    "leading_separator": True,
}


def device(number: int = 1, level: str = "standard", **values: t.Any) -> Row:
    row = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "name": f"ABC-DEF-{number:05}",
        "serial": f"SN{number:05}",
        "platform": "ANDROID",
        "state": 1,
    }
    return as_host({**row, **values}, level)


def plugin_with(inventory: InventoryData | None = None, **options: t.Any) -> InventoryModule:
    plugin = InventoryModule()
    plugin.loader = DataLoader()
    # The base class of ansible-core 2.16 makes this in parse().
    if not hasattr(type(plugin), "templar"):
        plugin.templar = Templar(loader=plugin.loader)
    plugin.inventory = inventory or InventoryData()
    plugin._options = {**DEFAULTS, **options}
    plugin.get_option = plugin._options.__getitem__
    return plugin


def populated(
    devices: list[Row], inventory: InventoryData | None = None, groups: dict[str, Row] | None = None, **options: t.Any
) -> InventoryData:
    plugin = plugin_with(inventory, **options)
    plugin._options["groups"] = options.get("groups_option", {})
    plugin._populate(Fleet(devices, groups=groups or {}, tags={"t": options.get("tag", "kiosk")}))
    return t.cast(InventoryData, plugin.inventory)


def rendered(inventory: InventoryData, template: str) -> t.Any:
    """Return the value of a template in a play for the only device."""
    (host,) = inventory.hosts.values()
    templar = Templar(loader=DataLoader(), variables=host.get_vars())
    once = templar.template(as_template(template))
    # Like set_fact and vars, which use the value as a variable of another template.
    templar = Templar(loader=DataLoader(), variables={"once": once})
    return templar.template(as_template("{{ once }}"))


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    given: list[str] = []
    monkeypatch.setattr("ansible.utils.display.Display.warning", lambda _display, text, **_more: given.append(text))
    return given


HOSTILE = [
    "{{ lookup('pipe', 'touch PWNED') }}",
    "{% set x = lookup('pipe', 'touch PWNED') %}",
    "{# a comment #}",
    "#jinja2: variable_start_string:'[[', variable_end_string:']]'\n[[ lookup('pipe', 'touch PWNED') ]]",
    "{{ 7 * 7 }}",
    "{% raw",
    "}}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_the_api_says_is_never_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    inventory = populated([device(alias=text, tags=["t"])], tag=text, compose={"label": as_template("esper_alias")})
    assert rendered(inventory, "{{ esper_alias }}") == text
    assert rendered(inventory, "{{ esper_tags[0] }}") == text
    assert rendered(inventory, "{{ label }}") == text
    assert list(tmp_path.iterdir()) == []


def test_halves_of_a_template_do_not_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = "x{", "{ lookup('pipe', 'touch PWNED') }}"
    inventory = populated([device(alias=first, os=second)])
    assert rendered(inventory, "{{ esper_alias }}{{ esper_os }}") == first + second
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../other", "..", ".", "a/b", "a\\b", "a\nb", "localhost", "all", " ", "", None])
def test_a_name_that_leads_elsewhere_is_no_host_name(name: str | None) -> None:
    assert list(populated([device(name=name)]).hosts) == ["SN00001"]


@pytest.mark.parametrize("name", ["esper", "platform_android", "state_online", "tag_kiosk", "webservers"])
def test_a_device_cannot_be_called_like_a_group(name: str) -> None:
    inventory = InventoryData()
    inventory.add_group("webservers")
    inventory.add_host("web01", "webservers")
    populated([device(name=name, tags=["t"])], inventory)
    assert set(inventory.hosts) == {"web01", "SN00001"}
    assert "ansible_connection" not in inventory.groups["webservers"].get_vars()
    assert "ansible_connection" not in inventory.hosts["web01"].get_vars()


def test_devices_of_two_tenants_stay_apart() -> None:
    inventory = populated([device(1, name="Till")])
    populated([device(2, name="Till")], inventory)
    assert sorted(inventory.hosts) == ["SN00002", "Till"]
    assert inventory.hosts["Till"].vars["esper_id"] == device(1)["id"]


def test_a_host_of_another_source_does_not_become_the_device_of_its_name(warnings: list[str]) -> None:
    inventory = InventoryData()
    inventory.add_group("mine")
    inventory.add_host("web01", "mine")
    before = dict(inventory.hosts["web01"].vars)
    populated([device(1, name="web01"), device(2, name="mine")], inventory)
    assert list(inventory.hosts) == ["web01", "SN00001", "SN00002"]
    assert inventory.hosts["web01"].vars == before
    assert [group.name for group in inventory.hosts["web01"].get_groups()] == ["mine"]
    assert warnings == [
        "Hosts or groups of other inventory sources already have the names of these devices. Each device gets its next"
        " name: web01 (now SN00001), mine (now SN00002)."
    ]


def test_a_host_of_another_source_that_has_the_id_of_a_device_is_that_device(warnings: list[str]) -> None:
    inventory = InventoryData()
    inventory.add_group("mine")
    inventory.add_host("ABC-DEF-00001", "mine")
    inventory.set_variable("ABC-DEF-00001", "esper_id", device(1)["id"])
    populated([device(1)], inventory)
    assert list(inventory.hosts) == ["ABC-DEF-00001"]
    assert {group.name for group in inventory.hosts["ABC-DEF-00001"].get_groups()} >= {"mine", "esper"}
    assert warnings == []


def test_the_same_tenant_can_be_a_source_twice(warnings: list[str]) -> None:
    inventory = populated([device(1), device(2)])
    populated([device(2), device(3)], inventory)
    assert list(inventory.hosts) == [f"ABC-DEF-0000{number}" for number in (1, 2, 3)]
    assert warnings == []


@pytest.mark.parametrize("identifier", ["../../x", "localhost", "all", "ungrouped", "webservers", "7"])
def test_an_id_that_is_no_uuid_is_never_a_host_name(identifier: str, warnings: list[str]) -> None:
    devices = [device(1, id=identifier, name="", serial=None), device(2, id=identifier * 2, name="till")]
    inventory = populated(devices, hostnames=["name", as_template("esper_id ~ ''"), "id"])
    assert list(inventory.hosts) == ["till"]
    assert warnings == [
        "The inventory does not contain these devices, because none of their names is a valid host name:"
        f" {identifier!r}. Set a name or an alias that is valid and unique."
    ]


@pytest.mark.parametrize("preference", ["name", "alias", "serial", "esper_alias", "esper_alias ~ ''"])
@pytest.mark.parametrize("name", ["../../x", "localhost", "ALL", "ungrouped", "*", "~.*", "!esper", "for all"])
def test_every_candidate_passes_the_same_check(preference: str, name: str) -> None:
    made = device(1, name=name, alias=name, serial=name)
    assert list(populated([made], hostnames=[as_template(preference)]).hosts) == [made["id"]]


def test_a_device_cannot_have_the_name_of_a_group_to_come() -> None:
    inventory = populated([device(1, name="low")], groups_option={"low": as_template("true")})
    assert list(inventory.hosts) == ["SN00001"]
    assert [host.name for host in inventory.groups["low"].hosts] == ["SN00001"]


def test_an_expression_that_never_works_causes_one_warning(warnings: list[str]) -> None:
    names = [as_template("esper_nope.foo"), "name"]
    inventory = populated([device(1), device(2)], hostnames=names, strict=False)
    assert list(inventory.hosts) == ["ABC-DEF-00001", "ABC-DEF-00002"]
    assert [text for text in warnings if "esper_nope.foo" in text] == [
        "The host name expression 'esper_nope.foo' cannot be evaluated for any device."
    ]


@pytest.mark.parametrize("prefix", ["", "a-b", "1x", "a b", "ü"])
def test_an_invalid_prefix_of_variables_fails_validation(prefix: str) -> None:
    with pytest.raises(InvalidParameter, match="vars_prefix"):
        populated([device()], vars_prefix=prefix)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("esper_alias ~ '.' ~ esper_platform", False),
        ("(esper_alias ~ '-x') | upper", False),
        ("esper_hardware.model ~ '.' ~ esper_serial", False),
        ("esper_alias", False),
        ("esper_alias or 'None.1'", True),
        ("'Nonet-' ~ esper_serial", True),
        ("'a' if esper_alias is none else 'b'", True),
    ],
)
def test_an_expression_without_a_value_is_no_name(expression: str, named: bool) -> None:
    inventory = populated([device(1)], hostnames=[as_template(expression), "serial"])
    assert (list(inventory.hosts) != ["SN00001"]) is named


def test_devices_with_one_name_cause_a_warning(warnings: list[str]) -> None:
    inventory = populated([device(1, name="Till"), device(2, name="Till"), device(3)])
    assert list(inventory.hosts) == ["SN00001", "SN00002", "ABC-DEF-00003"]
    assert warnings == [
        "Several devices have the same name. None of them gets it, and each one gets its next name: 'Till' (2 devices)."
    ]


def test_a_device_whose_group_is_not_listed_causes_a_warning(warnings: list[str]) -> None:
    inventory = populated([device(1, group_id="berlin"), device(2, group_id="lost")], groups=GROUPS)
    assert len(inventory.hosts) == 2
    assert warnings == [
        "The device groups of 1 device are not in the list of device groups, so it is in no inventory group for device"
        " groups: ABC-DEF-00002 (lost)."
    ]
    warnings.clear()
    populated([device(2, group_id="lost")], group_by=["tag"])
    assert warnings == []


def test_groups_can_be_only_those_with_hosts() -> None:
    made = [device(1, group_id="berlin")]
    every = set(populated(made.copy(), groups=dict(GROUPS), group_by=["group"]).groups)
    used = set(populated(made.copy(), groups=dict(GROUPS), group_by=["group"], include_empty_groups=False).groups)
    assert used < every
    berlin = GROUPS["berlin"]["path"].split("/")[1:]
    assert used - {"all", "ungrouped", "esper", "group_all_devices"} == {
        "_".join(["group", *berlin[: depth + 1]]).lower() for depth in range(len(berlin))
    }


@pytest.mark.parametrize("text", ["Till #5", "#5", "a # b"])
def test_a_number_sign_is_no_template(text: str) -> None:
    inventory = populated([device(alias=text)])
    (host,) = inventory.hosts.values()
    assert type(host.vars["esper_alias"]).__name__ not in ("AnsibleUnsafeText", "AnsibleUnsafeStr")
    assert has_no_template(text)
    assert rendered(inventory, "{{ esper_alias }}") == text


@pytest.mark.parametrize("text", ["#", "#j", "#jinja2", "#jinja2:x", "jinja2:variable_start_string:'[['", "{", "}}"])
def test_a_part_of_a_header_is_no_plain_text(text: str) -> None:
    assert not has_no_template(text)


def test_disabled_devices_are_left_out_unless_asked_for() -> None:
    fleet = [device(1), device(2, state=20)]
    assert len(populated(fleet).hosts) == 1
    assert len(populated(fleet, include_disabled=True).hosts) == 2
    assert len(populated(fleet, filters={"state": "disabled"}).hosts) == 2


# --- what a host is made of -------------------------------------------------------------------------------------------

NAMED = {"group", "tags", "blueprint", "current_blueprint"}


@pytest.mark.parametrize("level", ["minimal", "standard", "full"])
def test_a_host_knows_what_its_level_says(level: str) -> None:
    made = device(level=level)
    (host,) = populated([made]).hosts.values()
    own = {name.removeprefix("esper_") for name in host.vars if name.startswith("esper_")}
    assert own == {*device(level=level), *(NAMED if level != "minimal" else ())}


def test_each_level_has_all_of_the_one_before() -> None:
    minimal, standard, full = (device(level=level).items() for level in ("minimal", "standard", "full"))
    told = [{name for name, _value in each} for each in (minimal, standard, full)]
    assert told[0] < told[1] < told[2]


def test_the_documentation_names_the_variables_of_each_level() -> None:
    described = yaml.safe_load(DOCUMENTATION)["options"]["detail_level"]["description"]
    known: set[str] = set()
    for level in ("minimal", "standard", "full"):
        (text,) = (each for each in described if each.startswith(f"V({level})"))
        mentioned = set(re.findall(r"C\(esper_(\w+)\)", text))
        expected = {*device(level=level), *(NAMED if level != "minimal" else ())} - known
        assert expected - {"current_blueprint_id", "current_blueprint_version_id"} == mentioned
        known |= expected


def test_the_variables_of_an_existing_host_are_added_to_its_own() -> None:
    inventory = InventoryData()
    inventory.add_host("ABC-DEF-00001")
    inventory.set_variable("ABC-DEF-00001", "esper_id", device()["id"])
    inventory.set_variable("ABC-DEF-00001", "mine", 1)
    inventory.set_variable("ABC-DEF-00001", "esper_alias", "old")
    populated([device(alias="new")], inventory)
    assert inventory.hosts["ABC-DEF-00001"].vars["mine"] == 1
    assert inventory.hosts["ABC-DEF-00001"].vars["esper_alias"] == "new"


def test_hosts_share_no_value_that_can_be_changed() -> None:
    first, second = populated([device(1, tags=["t"]), device(2, tags=["t"])]).hosts.values()
    for name in ("esper_tags", "esper_tag_ids", "esper_hardware", "esper_network"):
        assert first.vars[name] is not second.vars[name]


GROUPS: dict[str, Row] = {
    "root": {"path": "All devices", "parent": None},
    "berlin": {"path": "All devices/Stores/Berlin", "parent": "stores"},
    "stores": {"path": "All devices/Stores", "parent": "root"},
    "empty": {"path": "All devices/Attic", "parent": "root"},
}


def test_groups_nest_as_in_esper() -> None:
    inventory = populated([device(1, group_id="berlin"), device(2, group_id="stores"), device(3)], groups=GROUPS)
    inventory.reconcile_inventory()
    above = {
        name: {group.name for group in host.get_groups() if group.name.startswith(("group_", "esper"))}
        for name, host in inventory.hosts.items()
    }
    assert above == {
        "ABC-DEF-00001": {"group_stores_berlin", "group_stores", "group_all_devices", "esper"},
        "ABC-DEF-00002": {"group_stores", "group_all_devices", "esper"},
        "ABC-DEF-00003": {"esper"},
    }
    depths = {name: group.depth for name, group in inventory.groups.items() if name.startswith(("group_", "esper"))}
    assert depths == {
        "esper": 1,
        "group_all_devices": 2,
        "group_attic": 3,
        "group_stores": 3,
        "group_stores_berlin": 4,
    }
    assert [host.name for host in inventory.groups["group_stores"].get_hosts()] == ["ABC-DEF-00002", "ABC-DEF-00001"]


def test_conditions_see_all_groups_of_a_host() -> None:
    condition = as_template("'group_stores' in group_names and 'platform_android' in group_names")
    plugin = plugin_with(groups={"chosen": condition})
    plugin._populate(Fleet([device(1, group_id="berlin"), device(2)], groups=GROUPS))
    inventory = plugin.inventory
    assert [host.name for host in inventory.groups["chosen"].hosts] == ["ABC-DEF-00001"]


# --- objects that share a group name ----------------------------------------------------------------------------------

TAGS = {"a1b2c3d4-1": "VIP", "b1b2c3d4-1": "kiosk", "c1b2c3d4-1": "vip"}


def shared_inventory(fleet: Fleet, **options: t.Any) -> InventoryData:
    plugin = plugin_with(**options)
    plugin._populate(fleet)
    plugin.inventory.reconcile_inventory()
    return t.cast(InventoryData, plugin.inventory)


def members(inventory: InventoryData, group: str) -> list[str]:
    return sorted(host.name for host in inventory.groups[group].get_hosts())


def test_tags_that_share_a_group_name_are_all_in_that_group(warnings: list[str]) -> None:
    ids = list(TAGS)
    tagged = {"a": ids[:1], "b": ids[:2], "c": ids[2:]}
    devices = [device(number, name=name, tags=tags) for number, (name, tags) in enumerate(tagged.items())]
    inventory = shared_inventory(Fleet(devices, tags=TAGS))
    assert members(inventory, "tag_vip") == ["a", "b", "c"]
    assert members(inventory, "tag_vip_a1b2c3d4") == ["a", "b"]
    assert members(inventory, "tag_vip_c1b2c3d4") == ["c"]
    assert members(inventory, "tag_kiosk") == ["b"]
    assert [text for text in warnings if "tag_" in text] == [
        "The inventory group tag_vip contains several objects with similar names: VIP, vip. Each one also has a group"
        " of its own: tag_vip_a1b2c3d4, tag_vip_c1b2c3d4."
    ]


@pytest.mark.parametrize(
    ("sort", "one", "other"),
    [
        ("platform", {"platform": "ANDROID"}, {"platform": "Android"}),
        ("blueprint", *({"blueprint_info": {"assigned_blueprint_id": key}} for key in "12")),
        ("group", {"group_id": "1"}, {"group_id": "2"}),
        ("tag", {"tags": ["1"]}, {"tags": ["2"]}),
    ],
)
def test_each_sort_of_group_keeps_the_plain_name(sort: str, one: Row, other: Row) -> None:
    names = {"1": "ANDROID", "2": "Android"}
    groups = {key: {"path": f"All devices/{name}", "parent": None} for key, name in names.items()}
    fleet = Fleet([device(1, **one), device(2, **other)], groups=groups, tags=names, blueprints=names)
    inventory = shared_inventory(fleet, group_by=[sort])
    assert len(members(inventory, f"{sort}_android")) == 2
    own = [group for group in inventory.groups if re.fullmatch(rf"{sort}_android_.+", group)]
    assert [len(members(inventory, group)) for group in own] == [1, 1]


def test_long_names_of_groups_are_shortened_with_a_warning(warnings: list[str]) -> None:
    path, parts = "All devices", 60
    groups: dict[str, Row] = {"0": {"path": path, "parent": None}}
    for number in range(1, parts):
        path = f"{path}/Region {number:02}"
        groups[str(number)] = {"path": path, "parent": str(number - 1)}
    inventory = shared_inventory(Fleet([device(1, name="a", group_id=str(parts - 1))], groups=groups))
    names = [name for name in inventory.groups if name.startswith("group_")]
    assert len(names) == parts
    assert max(map(len, names)) == 512
    assert members(inventory, "group_region_01_region_02") == ["a"]
    (warning,) = [text for text in warnings if "longer than 512" in text]
    shortened = [name for name in names if len(name) == 512]
    assert shortened[0] in warning
    assert f" and {len(shortened) - 5} more." in warning


def test_warnings_show_no_control_characters(warnings: list[str]) -> None:
    escape = "\x1b[2J"
    shared_inventory(Fleet([device(1, tags=["1", "2"])], tags={"1": f"VIP{escape}", "2": f"vip{escape}"}))
    assert [text for text in warnings if "VIP\\x1b[2J, vip\\x1b[2J" in text], warnings
    assert not any("\x1b" in text for text in warnings)


def test_device_groups_that_share_a_name_keep_their_place_in_the_tree() -> None:
    groups: dict[str, Row] = {
        "root": {"path": "All devices", "parent": None},
        "11111111": {"path": "All devices/Stores", "parent": "root"},
        "22222222": {"path": "All devices/STORES", "parent": "root"},
        "berlin": {"path": "All devices/STORES/Berlin", "parent": "22222222"},
        # As if it were the root itself.
        "again": {"path": "All devices/All Devices", "parent": "root"},
    }
    devices = [device(1, name="a", group_id="11111111"), device(2, name="b", group_id="berlin"), device(3, name="c")]
    inventory = shared_inventory(Fleet(devices, groups=groups))
    assert members(inventory, "group_stores") == ["a", "b"]
    assert members(inventory, "group_stores_11111111") == ["a"]
    assert members(inventory, "group_stores_22222222") == ["b"]
    assert members(inventory, "group_all_devices") == ["a", "b"]
    assert members(inventory, "esper") == ["a", "b", "c"]
    # Variables of the shared name take precedence over those of the root.
    line = ("group_all_devices", "group_stores", "group_stores_11111111")
    assert [inventory.groups[name].depth for name in line] == [2, 4, 5]
    assert {group.name for group in inventory.hosts["b"].get_groups()} >= {
        "group_stores_berlin",
        "group_stores",
        "group_all_devices",
        "esper",
    }


def test_groups_that_share_a_name_across_the_tree_are_below_what_is_above_both() -> None:
    groups: dict[str, Row] = {
        "root": {"path": "All devices", "parent": None},
        "stores": {"path": "All devices/Stores", "parent": "root"},
        "11111111": {"path": "All devices/Stores/A B", "parent": "stores"},
        "a": {"path": "All devices/Stores/A", "parent": "stores"},
        "22222222": {"path": "All devices/Stores/A/B", "parent": "a"},
    }
    inventory = shared_inventory(Fleet([device(1, name="x", group_id="22222222")], groups=groups))
    assert [group.name for group in inventory.groups["group_stores_a_b"].parent_groups] == ["group_stores"]
    assert {group.name for group in inventory.groups["group_stores_a_b_22222222"].parent_groups} == {
        "group_stores_a_b",
        "group_stores_a",
    }


EXPRESSIONS = [
    "esper_serial",
    "esper_state_code",
    "esper_battery_level",
    "esper_alias",
    "esper_hardware.model",
    "esper_hardware",
    "esper_tags",
    "esper_os",
    "from_elsewhere",
    "esper_network.ip_addresses",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_name_is_what_the_expression_comes_to(expression: str) -> None:
    plugin = plugin_with()
    (host,) = populated([device(hardware_info={"model": "X1"}, tags=["t"], os="{{ 7 * 7 }}")]).hosts.values()
    variables = {**host.vars, "from_elsewhere": as_template("{{ esper_serial }}")}
    slowly = Constructable._compose(plugin, as_template(expression), variables)
    assert plugin._compose(as_template(expression), variables) == slowly


@pytest.mark.parametrize(
    "expression", ["esper_nope", "esper_hardware.nope", "esper_serial.nope", "esper_hardware.items"]
)
def test_what_names_no_value_is_left_to_ansible(expression: str) -> None:
    (host,) = populated([device()]).hosts.values()
    assert plugin_with()._lookup_name(expression, dict(host.vars)) == (False, None)


# --- at scale ---------------------------------------------------------------------------------------------------------


def test_devices_leave_the_list_as_they_become_hosts() -> None:
    fleet = Fleet([device(number) for number in range(3)])
    plugin = plugin_with()
    plugin._populate(fleet)
    assert fleet.devices == []
    assert list(plugin.inventory.hosts) == ["ABC-DEF-00000", "ABC-DEF-00001", "ABC-DEF-00002"]
