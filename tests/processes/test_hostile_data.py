# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values from the API are never evaluated: not in an inventory, not in results, not in a play that uses them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from controller import Controller, MakeController
from simulated import Simulator

HOSTILE = [
    "{{ lookup('pipe', 'touch PWNED') }}",
    "{% set x = lookup('pipe', 'touch PWNED') %}x",
    "{# gone #}",
    "#jinja2: variable_start_string:'[['\n[[ lookup('pipe', 'touch PWNED') ]]",
    "!unsafe '{{ 7 * 7 }}'",
    "{{ 7 * 7 }}",
    "{{",
    "}}",
    "{% raw %}",
]


def make_hostile(simulator: Simulator) -> None:
    """Give these names to devices and tags. Esper may reject such names, but its responses are not trusted."""
    state = simulator.state(devices=True)
    tags = [{**tag, "tag": text} for tag, text in zip(state["tags"], HOSTILE, strict=False)]
    devices = [
        {**device, "name": text, "alias": text, "os": text, "state": 1, "tags": [tag["id"] for tag in tags]}
        for device, text in zip(state["devices"], HOSTILE, strict=False)
    ]
    for path, rows in (("^/v2/devices/$", devices), ("/tags/$", tags)):
        body = json.dumps({"count": len(rows), "next": None, "previous": None, "prev": None, "results": rows})
        simulator.fault(kind="status", status=200, path=path, body=body, times=None)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def shown(controller: Controller, name: str) -> list[str]:
    return list(texts(json.loads((controller.folder / name).read_text())))


def is_untouched(controller: Controller) -> bool:
    return not list(controller.folder.rglob("PWNED"))


@pytest.mark.parametrize("in_process", ["in_process"], indirect=True)
def test_values_in_an_inventory_are_not_evaluated(make_controller: MakeController, simulator: Simulator) -> None:
    make_hostile(simulator)
    controller = make_controller()
    controller.write(
        "all.esper.yml",
        {
            "plugin": "esper.cloud.devices",
            "detail_level": "full",
            "compose": {"label": "esper_alias", "both": "esper_alias ~ esper_os"},
            "keyed_groups": [{"key": "esper_os", "prefix": "os"}],
        },
    )
    listed = controller.run("ansible-inventory", "-i", "all.esper.yml", "--list", "--output", "listed.json")
    assert listed.code == 0, listed.output
    assert set(HOSTILE) <= set(shown(controller, "listed.json"))
    names = ("esper_name", "esper_alias", "esper_os", "esper_tags", "label")
    again = {"again": {name: f"{{{{ {name} }}}}" for name in names}}
    everything = "{{ groups['esper'] | map('extract', hostvars) | map(attribute='again') | list | to_json }}"
    controller.write(
        "site.yml",
        [
            {
                "hosts": "esper",
                "gather_facts": False,
                "tasks": [
                    {
                        "ansible.builtin.debug": {"msg": "{{ inventory_hostname }} {{ again }} {{ both }}"},
                        "vars": again,
                    },
                    {"ansible.builtin.set_fact": {"again": again["again"]}},
                    {
                        "ansible.builtin.copy": {"content": everything, "dest": "played.json"},
                        "run_once": True,
                        # The connection of devices runs only modules of the collection.
                        "delegate_to": "localhost",
                    },
                ],
            }
        ],
    )
    played = controller.play("-i", "all.esper.yml", "-v")
    assert played.code == 0, played.output
    devices = json.loads((controller.folder / "played.json").read_text())
    for name in ("esper_name", "esper_alias", "esper_os", "label"):
        assert sorted(each[name] for each in devices) == sorted(HOSTILE)
    assert {text for each in devices for text in each["esper_tags"]} <= set(HOSTILE)
    assert is_untouched(controller)


# Tasks that use the text of a device as an expression. The documentation says not to do so.
TEXT_AS_EXPRESSION: dict[str, dict[str, Any]] = {
    "when": {"ansible.builtin.debug": {}, "when": "{{ esper_alias }}"},
    "assert": {"ansible.builtin.assert": {"that": ["{{ esper_alias }}"]}},
    "var": {"ansible.builtin.debug": {"var": "{{ esper_alias }}"}},
    "until": {"ansible.builtin.debug": {}, "until": "{{ esper_alias }}", "retries": 1, "delay": 0},
    "failed_when": {"ansible.builtin.debug": {}, "failed_when": "{{ esper_alias }}"},
}
# Tasks that use it as a value.
TEXT_AS_VALUE: dict[str, dict[str, Any]] = {
    "plain_when": {"ansible.builtin.debug": {}, "when": "esper_alias == 'x' or esper_alias is search('x')"},
    "plain_assert": {"ansible.builtin.assert": {"that": ["esper_alias != 'x'", "esper_alias"]}},
    "plain_var": {"ansible.builtin.debug": {"var": "esper_alias"}},
    "plain_msg": {"ansible.builtin.debug": {"msg": "{{ esper_alias }}"}},
    "plain_loop": {"ansible.builtin.debug": {"msg": "{{ item }}"}, "loop": ["{{ esper_alias }}"]},
}


@pytest.mark.parametrize("in_process", ["in_process"], indirect=True)
def test_only_a_text_without_braces_in_place_of_an_expression_is_evaluated(
    make_controller: MakeController, simulator: Simulator
) -> None:
    """docs/security.md says this. If ansible-core stops to evaluate such texts, this test fails, and the page can say
    less."""
    call = "lookup('pipe', 'touch PWNED.{}.' ~ place)"
    aliases = {
        "braces": f"{{{{ {call.format('braces')} }}}}",
        "statement": f"{{% set x = {call.format('statement')} %}}",
        "comment": f"{call.format('comment')} # x",
        "bare": call.format("bare"),
    }
    state = simulator.state(devices=True)
    devices = [
        {**device, "alias": alias, "state": 1}
        for device, alias in zip(state["devices"], aliases.values(), strict=False)
    ]
    body = json.dumps({"count": len(devices), "next": None, "prev": None, "results": devices})
    simulator.fault(kind="status", status=200, path="^/v2/devices/$", body=body, times=None)
    controller = make_controller()
    controller.write("all.esper.yml", {"plugin": "esper.cloud.devices", "group_by": []})
    tasks = {**TEXT_AS_EXPRESSION, **TEXT_AS_VALUE}
    controller.write(
        "site.yml",
        [
            {
                "hosts": "esper",
                "gather_facts": False,
                "ignore_errors": True,
                "tasks": [{"name": f"Use {place}", **task, "vars": {"place": place}} for place, task in tasks.items()],
            }
        ],
    )
    played = controller.play("-i", "all.esper.yml")
    assert len(tasks) == played.output.count("TASK [Use "), played.output
    evaluated = {path.name for path in controller.folder.rglob("PWNED*")}
    assert evaluated == {f"PWNED.bare.{place}" for place in TEXT_AS_EXPRESSION}


def test_values_in_results_are_not_evaluated(make_controller: MakeController, simulator: Simulator) -> None:
    make_hostile(simulator)
    controller = make_controller()
    controller.playbook(
        {"esper.cloud.device_info": {"filters": {"state": "online"}}, "register": "found"},
        {
            "ansible.builtin.debug": {"msg": "{{ item }} {{ again }}"},
            "vars": {"again": "{{ item.alias }}"},
            "loop": "{{ found.devices }}",
        },
        {"ansible.builtin.set_fact": {"kept": "{{ found.devices }}"}},
        {
            "ansible.builtin.copy": {"content": "{{ [kept, again] | to_json }}", "dest": "played.json"},
            "vars": {"again": "{{ kept }}"},
        },
        {"esper.cloud.api": {"path": "/v2/devices/"}, "register": "called"},
        {"ansible.builtin.copy": {"content": "{{ called.content.results | to_json }}", "dest": "called.json"}},
    )
    played = controller.play("-v")
    assert played.code == 0, played.output
    for name in ("played.json", "called.json"):
        assert set(HOSTILE) <= set(shown(controller, name))
    assert is_untouched(controller)
