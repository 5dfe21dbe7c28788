# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The credential type of AWX sets the options of one tenant, whatever a credential omits.

The check `artifact` runs jobs with the environment variables of a credential.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import (
    OPTIONS,
    Connection,
    values_in_environment,
)
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

FILE = Path(__file__).resolve().parents[2] / "playbooks" / "files" / "awx_credential_type.yml"
TYPE: dict[str, t.Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
FIELDS: dict[str, dict[str, t.Any]] = {field["id"]: field for field in TYPE["inputs"]["fields"]}
TEMPLATES: dict[str, str] = TYPE["injectors"]["env"]


def rendered(inputs: dict[str, str], **options: t.Any) -> dict[str, str]:
    """Return the environment variables that AWX sets for the inputs of a credential."""
    jinja = ImmutableSandboxedEnvironment(**options)
    return {name: jinja.from_string(template).render(inputs) for name, template in TEMPLATES.items()}


def test_a_credential_has_all_options_of_a_tenant_and_no_limits_of_jobs() -> None:
    limits = {"timeout", "retries", "deadline", "max_response_size"}
    assert set(FIELDS) == {option.name for option in OPTIONS} - limits
    assert {name for name, field in FIELDS.items() if field.get("secret")} == {
        option.name for option in OPTIONS if option.secret
    }
    assert TYPE["kind"] == "cloud"


def test_awx_accepts_the_type() -> None:
    """AWX validates fields by their names and values, and renders each template with a text for each field."""
    for field in FIELDS.values():
        assert set(field) <= {"id", "type", "label", "help_text", "secret", "choices"}
        assert re.fullmatch("[a-zA-Z_]+[a-zA-Z0-9_]*", field["id"])
        assert not {"O(", "V(", "B("} & set(re.findall(r"\b[A-Z]\(", field["help_text"]))
    assert set(TYPE["inputs"]["required"]) <= set(FIELDS)
    assert not [name for name in TEMPLATES if name.startswith("ANSIBLE_")]
    assert set(rendered(dict.fromkeys(FIELDS, "EXAMPLE"), undefined=StrictUndefined).values()) == {"EXAMPLE"}


@pytest.mark.parametrize("omitted", [{}, dict.fromkeys(FIELDS, "")])
def test_omitted_fields_do_not_set_an_option(omitted: dict[str, str]) -> None:
    values = values_in_environment(rendered({**omitted, "tenant": "acme", "api_key": "key"}))
    assert values == {"tenant": "acme", "api_key": "key", "validate_certs": "true"}


def test_all_fields_set_their_options() -> None:
    inputs = {
        "tenant": "other",
        "api_url": "https://acme-api.esper.cloud/api",
        "api_key": "key",
        "enterprise_id": "0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d",
        "validate_certs": "false",
        "ca_path": "/etc/ca.pem",
    }
    assert values_in_environment(rendered(inputs)) == inputs
    assert Connection.from_options(values_in_environment(rendered(inputs))).api_url == inputs["api_url"]
