# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory makes of a tenant: names that do no harm, and texts that are data."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.esper.cloud.plugins.inventory.devices import InventoryModule
from ansible_collections.esper.cloud.plugins.module_utils.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.fleet import Fleet
from ansible_collections.esper.cloud.plugins.module_utils.resources.device import as_host

try:
    from ansible.template import trust_as_template
except ImportError:

    def trust_as_template(value: str) -> str:
        """Before ansible-core 2.19 each text is a template."""
        return value


Row = dict[str, t.Any]

DEFAULTS: Row = {
    "filters": {},
    "include_disabled": False,
    "hostnames": ["name", "serial", "id"],
    "vars_prefix": "esper_",
    "hostvars": "standard",
    "group_by": ["group", "tag", "platform", "state", "blueprint"],
    "strict": True,
    "compose": {},
    "groups": {},
    "keyed_groups": [],
    "use_extra_vars": False,
    "leading_separator": True,
}


def device(number: int = 1, **values: t.Any) -> Row:
    row = {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "name": f"ABC-DEF-{number:05}",
        "serial": f"SN{number:05}",
        "platform": "ANDROID",
        "state": 1,
    }
    return as_host({**row, **values})


def populated(devices: list[Row], inventory: InventoryData | None = None, **options: t.Any) -> InventoryData:
    plugin = InventoryModule()
    plugin.loader = DataLoader()
    # The base class of ansible-core 2.16 makes this in parse().
    if not hasattr(type(plugin), "templar"):
        plugin.templar = Templar(loader=plugin.loader)
    plugin.inventory = inventory or InventoryData()
    plugin._options = {**DEFAULTS, **options}
    plugin.get_option = plugin._options.__getitem__
    plugin._populate(Fleet(devices, tags={"t": options.get("tag", "kiosk")}))
    return plugin.inventory


def rendered(inventory: InventoryData, template: str) -> t.Any:
    """What a template in a play comes to for the only device."""
    (host,) = inventory.hosts.values()
    templar = Templar(loader=DataLoader(), variables=host.vars)
    once = templar.template(trust_as_template(template))
    # As set_fact and vars do: what came out is a variable of another template.
    templar = Templar(loader=DataLoader(), variables={"once": once})
    return templar.template(trust_as_template("{{ once }}"))


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
    inventory = populated(
        [device(alias=text, tags=["t"])], tag=text, compose={"label": trust_as_template("esper_alias")}
    )
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


def test_a_host_of_another_source_is_the_device_of_its_name() -> None:
    inventory = InventoryData()
    inventory.add_group("mine")
    inventory.add_host("ABC-DEF-00001", "mine")
    populated([device(1)], inventory)
    assert list(inventory.hosts) == ["ABC-DEF-00001"]
    assert {group.name for group in inventory.hosts["ABC-DEF-00001"].get_groups()} >= {"mine", "esper"}


def test_an_expression_that_never_works_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr("ansible.utils.display.Display.warning", lambda _display, text, **_more: warnings.append(text))
    names = [trust_as_template("esper_nope.foo"), "name"]
    inventory = populated([device(1), device(2)], hostnames=names, strict=False)
    assert list(inventory.hosts) == ["ABC-DEF-00001", "ABC-DEF-00002"]
    assert [text for text in warnings if "esper_nope.foo" in text] == [
        "The host name expression 'esper_nope.foo' cannot be evaluated for any device."
    ]


@pytest.mark.parametrize("prefix", ["", "a-b", "1x", "a b", "ü"])
def test_a_prefix_that_cannot_begin_a_variable_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidParameter, match="vars_prefix"):
        populated([device()], vars_prefix=prefix)


def test_disabled_devices_are_left_out_unless_asked_for() -> None:
    fleet = [device(1), device(2, state=20)]
    assert len(populated(fleet).hosts) == 1
    assert len(populated(fleet, include_disabled=True).hosts) == 2
    assert len(populated(fleet, filters={"state": "disabled"}).hosts) == 2
