# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from contract import Contract

GROUPS = "/enterprise/1/devicegroup/"
GROUP = GROUPS + "0b1e7f3c-0000-4000-8000-000000000001/"


def test_a_path_is_found_by_its_exact_form(contract: Contract) -> None:
    assert contract.route("/v2/devices/")
    assert contract.route("/v2/devices") is None
    assert contract.route("/v2/devices//") is None


def test_a_literal_segment_goes_before_a_parameter(contract: Contract) -> None:
    route = contract.route(GROUPS + "thumbnail/")
    assert route
    assert route.operations["GET"].path.endswith("/devicegroup/thumbnail/")


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        ({}, "name: This field is required. "),
        ({"name": 5}, "name: Not a valid string. "),
        ({"name": "x", "parent": "http://tenant.invalid/api/"}, "parent: Must be a valid uuid. "),
        ({"name": "x", "device_ids": "y"}, "device_ids: Not a valid array. "),
        ({"name": "x", "device_ids": ["y"]}, "device_ids.0: Must be a valid uuid. "),
        ([], "non_field_errors: Not a valid object. "),
    ],
)
def test_a_body_that_breaks_the_contract_has_a_flaw(contract: Contract, body: object, flaw: str) -> None:
    assert contract.check_body(contract.operation("POST", "/enterprise/{enterprise_id}/devicegroup/"), body) == [flaw]


def test_read_only_properties_in_a_body_are_passed_over(contract: Contract) -> None:
    operation = contract.operation("POST", "/enterprise/{enterprise_id}/devicegroup/")
    assert contract.check_body(operation, {"name": "x", "id": 5, "device_count": "many"}) == []
    policies = contract.operation("POST", "/enterprise/{enterprise_id}/policy/")
    assert not [flaw for flaw in contract.check_body(policies, {"name": "x"}) if flaw.startswith(("id", "uuid", "url"))]


@pytest.mark.parametrize(
    ("query", "flaw"),
    [
        ({"limt": "5"}, "limt: Unknown query parameter. "),
        ({"limit": "five"}, "limit: Not a valid integer. "),
        ({"limit": "1001"}, "limit: 1001 is greater than the maximum of 1000 "),
        ({"is_gms": "perhaps"}, "is_gms: Not a valid boolean. "),
        ({"assigned_blueprint_id": "1"}, "assigned_blueprint_id: Must be a valid uuid. "),
    ],
)
def test_a_query_that_breaks_the_contract_has_a_flaw(contract: Contract, query: dict[str, str], flaw: str) -> None:
    assert contract.check_parameters(contract.operation("GET", "/v2/devices/"), {}, query) == [flaw]


@pytest.mark.parametrize("ordering", ["name", "-last_seen"])
def test_unpublished_corrections_are_part_of_the_contract(contract: Contract, ordering: str) -> None:
    ids = "0b1e7f3c-0000-4000-8000-000000000001,0b1e7f3c-0000-4000-8000-000000000002"
    query = {"ordering": ordering, "group_multi": ids, "tags": ids}
    assert contract.check_parameters(contract.operation("GET", "/v2/devices/"), {}, query) == []


@pytest.mark.parametrize(
    ("status", "body", "flaw"),
    [
        (200, {"id": "x", "name": "y"}, "id: Must be a valid uuid. "),
        (200, {"name": "y", "color": "red"}, "color: Not in the contract. "),
        (200, {"name": "y", "created_on": "today"}, "created_on: Must be a valid date-time. "),
        (200, {"name": "y", "parent": "0b1e7f3c"}, "parent: Must be a valid url. "),
        (404, {"errors": "none"}, "errors: Not a valid array. "),
        (409, {"errors": [], "message": ""}, "status: This field is required. "),
        (202, {}, f"GET {GROUP} never returns HTTP 202"),
    ],
)
def test_an_answer_that_breaks_the_contract_has_a_flaw(
    contract: Contract, status: int, body: object, flaw: str
) -> None:
    assert contract.validate_answer("GET", GROUP, status, body) == [flaw]


def test_an_empty_answer_has_no_body(contract: Contract) -> None:
    assert contract.validate_answer("DELETE", GROUP, 204, None) == []
    assert contract.validate_answer("DELETE", GROUP, 204, {}) == ["204 has no body"]
