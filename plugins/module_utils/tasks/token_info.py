# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that reads the API key of the connection and its user.

Based on GET /v1/token-info/ (v1.yaml, called deprecated) and GET /user_info/ (legacy.yaml) of the contract.
Choice: if Esper rejects one of them, for example for a personal access token, its values are null.
"""

from __future__ import annotations

from ..base.errors import ApiError
from ..base.ids import last_uuid
from ..base.row import Params, Row
from ..base.secret_keys import secret_values
from ..base.times import days_until
from ..engine.tenant_view import TenantView
from ..model.conform import typed_result
from ..model.field import Field
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Value
from ..task import ModuleDefinition, ModuleResult, RunContext

_REJECTED = (403, 404)

_TOKEN = (
    Field("id", "ID of the API key.", sample="1042"),
    Field(
        "enterprise_id",
        "ID of the tenant.",
        api="enterprise",
        normalize=lambda value: last_uuid(value) or value,
        sample="0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d",
    ),
    Field("user_id", "ID of the user to whom the API key belongs.", api="user", sample="17"),
    Field(
        "developer_app_id",
        "ID of the developer app of the API key.",
        api="developer_app",
        sample="5b0d8f0e-7c4e-4a39-8d62-2a4b7c1e9f33",
    ),
    Field("scopes", "Scopes of the API key.", api="scope", type="list", elements="str", sample=["read", "write"]),
    Field("expires_on", "Time at which the API key expires.", sample="2027-03-01T09:30:00Z"),
    Field("created_on", "Time of the creation.", sample="2026-03-01T09:30:00Z"),
    Field("updated_on", "Time of the last change.", sample="2026-03-01T09:30:00Z"),
)
_USER = (
    Field("id", "ID of the user, as a number.", type="int", sample=17),
    Field(
        "user_id",
        "ID of the user, as a UUID.",
        api="profile.authn_user_id",
        sample="2f1c0b1e-3c55-4df1-9a4e-77f0c2d1a5b6",
    ),
    Field("username", "Name with which the user logs in.", sample="automation"),
    Field("email", "Email address of the user.", sample="automation@example.com"),
    Field("full_name", "First and last name of the user.", sample="Auto Mation"),
    Field("role", "Role of the user.", api="profile.role", sample="Enterprise Admin"),
    Field("role_id", "ID of the custom role of the user.", api="profile.authz_role_id"),
    Field("active", "Whether the user is active.", api="is_active", type="bool", sample=True),
    Field("last_login", "Time of the last login.", sample="2026-03-01T09:30:00Z"),
)
_MODULE = ModuleSpec(
    short_description="Get information about the Esper API key in use",
    description=(
        "Returns the scopes and the expiry of the API key of the connection, and the user to whom it belongs.",
        "The API key itself is not returned.",
    ),
    returns=(
        Value(
            "token_info",
            "The API key. Null if Esper does not return information about it.",
            type="dict",
            contains=(
                *_TOKEN,
                Value(
                    "days_left",
                    "Number of days until the API key expires, rounded down. Null if Esper does not return the time.",
                    type="int",
                    sample=87,
                ),
            ),
        ),
        Value(
            "user",
            "The user to whom the API key belongs. Null if Esper does not return it.",
            type="dict",
            contains=_USER,
        ),
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("personal_access_token", "role_info"),
)


def _run(view: TenantView, _params: Params, _context: RunContext) -> ModuleResult:
    failures: list[ApiError] = []
    token = _read(view, "/v1/token-info/", "the API key", _TOKEN, failures)
    user = _read(view, "/user_info/", "the user of the API key", _USER, failures)
    if token is None and user is None:
        raise failures[0]
    if token is not None:
        token["days_left"] = days_until(token["expires_on"])
    return ModuleResult({"changed": False, "token_info": token, "user": user}, [str(error) for error in failures])


def _read(view: TenantView, path: str, what: str, fields: tuple[Field, ...], failures: list[ApiError]) -> Row | None:
    """Return the values of an object at a path, None if Esper rejects it, which is added to ``failures``."""
    try:
        body = view.client.get_object(path, purpose=f"Reading {what}")
    except ApiError as error:
        if error.status not in _REJECTED:
            raise
        failures.append(error)
        return None
    view.client.hide(*secret_values(body))
    values, mismatches = typed_result(fields, body)
    view.record_invalid(what, str(body["id"]), mismatches)
    return values


TOKEN_INFO = ModuleDefinition("token_info", _MODULE, _run)
