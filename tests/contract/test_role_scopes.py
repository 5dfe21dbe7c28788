# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented names of scopes are those of the contract."""

from __future__ import annotations

from ansible_collections.esper.cloud.plugins.module_utils.kinds.role_scopes import SCOPES
from contract import Contract


def test_the_scopes_are_those_of_the_contract() -> None:
    operation = Contract()._documents["authz2"]["paths"]["/authz2/v1/roles/{role_id}/scopes"]["put"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]["scope_names"]["items"]["enum"]) == SCOPES
