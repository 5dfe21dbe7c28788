# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of operations: each operation of the contract has a row, and rows are about what exists."""

from __future__ import annotations

import importlib.util
import re
import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operations.md"
OPERATIONS = {"v1": [("GET", "/v1/things/"), ("POST", "/v1/things/"), ("DELETE", "/v1/things/{thing_id}")]}
OPTIONS: dict[str, dict[str, t.Any]] = {
    "thing": {"state": {"choices": ["present", "absent"]}},
    "thing_info": {"id": {}},
}


def _kind(**routes: t.Any) -> SimpleNamespace:
    found = {"list": "/v1/things/", "object": "/v1/things/{id}", "update": "PATCH", "has_object_get": False, **routes}
    return SimpleNamespace(name="thing", module=True, info_module=True, routes=SimpleNamespace(**found))


@pytest.fixture(scope="module")
def tool() -> t.Any:
    spec = importlib.util.spec_from_file_location("operations_of_the_api", ROOT / "tools" / "operations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_each_operation_of_the_contract_once(tool: t.Any) -> None:
    names = [line.split(" | ")[0].removeprefix("| ") for line in PAGE.read_text("utf-8").splitlines()]
    shown = [name.strip("`") for name in names if name.startswith(tuple(f"`{method} /" for method in tool.METHODS))]
    assert sorted(shown) == sorted(f"{method} {path}" for found in tool.contract().values() for method, path in found)


def test_each_operation_without_a_module_has_a_reason(tool: t.Any) -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if "| `api`" in line]
    assert rows
    assert all(line.partition("| `api`. ")[2].removesuffix(" |").endswith(".") for line in rows)


def test_users_follow_from_the_routes_of_kinds(tool: t.Any) -> None:
    assert tool.rows(OPERATIONS, {}, [_kind()], OPTIONS) == {
        "v1": [
            ("`GET /v1/things/`", "`thing`, `thing_info`"),
            ("`POST /v1/things/`", "`thing`"),
            ("`DELETE /v1/things/{thing_id}`", "`thing` with `state=absent`"),
        ]
    }


def test_a_row_replaces_what_follows_from_routes(tool: t.Any) -> None:
    table = {
        "GET /v1/things/": "thing_info[id]",
        "DELETE /v1/things/{thing_id}": "api: No.",
    }
    assert [users for _name, users in tool.rows(OPERATIONS, table, [_kind()], OPTIONS)["v1"]] == [
        "`thing_info` with `id`",
        "`thing`",
        "`api`. No.",
    ]


@pytest.mark.parametrize(
    ("table", "routes", "message"),
    [
        ({"PUT /v1/things/": "thing"}, {}, "PUT /v1/things/: the contract does not have this operation"),
        ({}, {"list": "/v2/things/"}, "GET /v1/things/: no kind has this route, and tools/operations.yml has no row"),
        ({"GET /v1/things/": "thing_info[name]"}, {}, "the module thing_info has no option name"),
        ({"GET /v1/things/": "thing[state=here]"}, {}, "the option state of the module thing has no value here"),
        ({"GET /v1/things/": "thing, thin_info"}, {}, "the module thin_info does not exist"),
        ({"GET /v1/things/": "thing (state)"}, {}, "is not a module, or a module with an option"),
    ],
)
def test_a_row_that_cannot_be_true_is_an_error(
    tool: t.Any, table: dict[str, str], routes: dict[str, str], message: str
) -> None:
    with pytest.raises(SystemExit, match=re.escape(message)):
        tool.rows(OPERATIONS, table, [_kind(**routes)], OPTIONS)
