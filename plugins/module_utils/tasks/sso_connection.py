# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that updates an SSO connection.

Based on PUT /authn2/v0/tenant/{enterprise_id}/connection/{connection_id} of the contract (authn2.yaml), which replaces
the display name, the strategy and the configuration. No operation creates, deletes or reads them.
Choice: the module sends an update only if the task asks for it, because it cannot compare the configuration.
"""

from __future__ import annotations

from ..base.errors import EsperError, InvalidParameter, InvalidValues, NotFound
from ..base.row import Params, Row
from ..engine.apply import send
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..kinds.sso_connection import SSO_CONNECTION_ROWS, STRATEGIES
from ..model.conform import to_row, typed_result
from ..model.field import Field
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry

# The suboptions of the configuration that each strategy requires.
_REQUIRED = {"samlp": ("sign_in_url", "x509_certificate"), "oidc": ("issuer_url", "client_id")}
_CONFIG = (
    Field("sign_in_url", "URL of the login page of the identity provider. Required for SAML."),
    Field(
        "x509_certificate",
        "Certificate of the identity provider in PEM format, which is public. Required for SAML.",
    ),
    Field("sign_out_url", "URL of the logout page of the identity provider, for SAML."),
    Field(
        "disable_sign_out", "If V(true), logging out of Esper does not log out of the identity provider.", type="bool"
    ),
    Field("issuer_url", "URL of the issuer. Required for OpenID Connect."),
    Field("client_id", "ID of Esper at the identity provider. Required for OpenID Connect."),
)
_FIELDS = (
    *SSO_CONNECTION_ROWS.fields,
    Field("display_name", "Display name of the SSO connection."),
    Field("service_provider_acs_url", "URL to which the identity provider sends SAML responses."),
    Field("service_provider_entity_id", "SAML entity ID of Esper."),
    Field("service_provider_logout_url", "URL of Esper for SAML logouts."),
    Field("signing_certificate_link", "URL of the certificate with which Esper signs SAML requests."),
    Field("callback_url", "URL to which the identity provider redirects OpenID Connect logins."),
    Field("config", "Configuration of the SSO connection.", type="dict", fields=_CONFIG),
)
_SENT = ("display_name", "config")

_MODULE = ModuleSpec(
    short_description="Update Esper SSO connections",
    description=(
        "Checks the strategy of an SSO connection, or replaces its display name, strategy and configuration.",
        "The Esper API cannot create, delete or read the configuration of SSO connections.",
    ),
    options=(
        Option("id", "ID of the SSO connection.", identifier=True),
        Option("name", "Name of the SSO connection, case-sensitive.", identifier=True),
        Option("default", "If V(true), selects the default SSO connection of the tenant.", type="bool", default=False),
        Option(
            "strategy",
            "Protocol of the SSO connection, V(samlp) for SAML or V(oidc) for OpenID Connect.",
            choices=STRATEGIES,
        ),
        Option("display_name", "Display name of the SSO connection."),
        Option(
            "config",
            "Configuration of the SSO connection. Esper replaces it as a whole, so the module sends these values only.",
            type="dict",
            options=_CONFIG,
        ),
        Option(
            "update",
            (
                "When to send the update.",
                "V(never) only checks that the SSO connection exists and has O(strategy). The task fails otherwise.",
                "V(always) sends it in each run, so the task always reports a change.",
            ),
            choices=("never", "always"),
            default="never",
        ),
    ),
    rules={
        "mutually_exclusive": [("id", "name")],
        "required_if": [("update", "always", ("strategy", "display_name", "config"))],
    },
    returns=(
        Value(
            "sso_connection",
            (
                "The SSO connection after the task.",
                "Only RV(sso_connection.id), RV(sso_connection.name), RV(sso_connection.strategy) and"
                " RV(sso_connection.default) have values unless the task sends an update.",
            ),
            type="dict",
            contains=_FIELDS,
        ),
    ),
    diff_mode=Support(
        "partial",
        "Shows the strategy before, and the values that an update sends.",
        "Esper does not return the other values before the update.",
    ),
    seealso=("sso_connection_info",),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    current = _select(view, params)
    phrase = SSO_CONNECTION_ROWS.phrase(current)
    connection = to_row(current.get("connection"))
    strategy = connection.get("strategy")
    if params["update"] == "never":
        if params["strategy"] is not None and strategy is None:
            raise EsperError(f"Esper returned no strategy of the {phrase}, so the module cannot check it.")
        if params["strategy"] not in (None, strategy):
            raise InvalidParameter(
                f"The {phrase} has the strategy {strategy}, not {params['strategy']}. To change it, set update to"
                " always."
            )
        ignored = [name for name in _SENT if params[name] is not None]
        warnings = [
            f"The {' and the '.join(ignored)} of the {phrase} are not compared, because Esper does not return them. To"
            " send them, set update to always."
        ]
        return ModuleResult({"changed": False, "sso_connection": _record(current)}, warnings if ignored else [])
    body = _body(params, phrase)
    record = _record({**current, **body, "connection": {**connection, "strategy": body["strategy"]}})
    if not context.check_mode:
        record = _record(_update(view, current, body, phrase))
    result: Row = {"changed": True, "sso_connection": record}
    if context.diff:
        result["diff"] = [diff_entry(SSO_CONNECTION_ROWS.header(current), {"strategy": strategy}, body)]
    return ModuleResult(result)


def _select(view: TenantView, params: Params) -> Row:
    """Return the SSO connection that a task selects. Raise NotFound if it does not exist."""
    lookup = lookup_of(view, SSO_CONNECTION_ROWS)
    names = [SSO_CONNECTION_ROWS.name_of(row) for row in view.list_objects(SSO_CONNECTION_ROWS)]
    if params["id"] is None and params["name"] is None:
        if not params["default"]:
            raise InvalidValues(["one of id, name and default=true is required"])
        # An update of another connection could lock out all users.
        found = view.list_objects(SSO_CONNECTION_ROWS, {"is_default": True})
        rows = [row for row in found if to_row(row.get("connection")).get("is_default") is not False]
        row = lookup.one_or_none(rows, "default")
    elif params["default"]:
        raise InvalidValues(["default=true cannot be combined with id or name"])
    else:
        row = lookup.find(params)
    if row is None:
        wanted = next((str(params[key]) for key in ("id", "name") if params[key] is not None), "default")
        existing = f"Existing SSO connections: {', '.join(sorted(names)) or 'none'}."
        raise NotFound(SSO_CONNECTION_ROWS.title, wanted, names, existing)
    return row


def _body(params: Params, phrase: str) -> Row:
    """Return the body of the update. Raise InvalidValues if the configuration lacks a value that the strategy needs."""
    config = {name: value for name, value in params["config"].items() if value is not None}
    missing = [name for name in _REQUIRED[params["strategy"]] if not config.get(name)]
    if missing:
        raise InvalidValues(
            [f"config.{name} is required for the strategy {params['strategy']}" for name in missing], phrase
        )
    return {"display_name": params["display_name"], "strategy": params["strategy"], "config": config}


def _update(view: TenantView, current: Row, body: Row, phrase: str) -> Row:
    """Send the update. Return the SSO connection in the response, in the form of the list with additional values."""

    def extract(row: Row) -> Row:
        known: Row = {name: row[name] for name in ("name", "strategy") if name in row}
        nested = {**to_row(current.get("connection")), **known}
        return {**row, "connection_id": current["connection_id"], "connection": nested}

    step = Step(
        purpose=f"Updating the {phrase}",
        method="PUT",
        path=SSO_CONNECTION_ROWS.routes.object,
        ids={"id": str(current["connection_id"])},
        body=body,
        extract_object=extract,
        response_key="id",
    )
    send(view, SSO_CONNECTION_ROWS, [step])
    if step.unconfirmed is not None:
        raise step.unconfirmed
    return step.response or {}


def _record(row: Row) -> Row:
    return typed_result(_FIELDS, row)[0]


SSO_CONNECTION = ModuleDefinition("sso_connection", _MODULE, _run, unknown={"sso_connection": None})
