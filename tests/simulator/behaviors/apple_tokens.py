# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Push certificates, DEP tokens and VPP tokens: /tenant/v0/apnscertificates/, deptokens/ and vpptokens/ (v0.yaml)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import apple_files
from exchange import Answer, Behavior, Call, found, paged, refuse, stripped
from tenant import Tenant

CERTIFICATES = "/tenant/v0/apnscertificates"
DEP_TOKENS = "/tenant/v0/deptokens"
VPP_TOKENS = "/tenant/v0/vpptokens"

_REQUESTED, _COMPLETED = "CSR_GENERATED", "COMPLETED"
_Row = dict[str, Any]


def seed(tenant: Tenant) -> None:
    """No certificate and no token."""


def _list(table: str, back: str) -> Behavior:
    def list_rows(tenant: Tenant, call: Call) -> Answer:
        rows = [row for row in tenant.objects[table].values() if call.query.get("state") in (None, row.get("state"))]
        page = paged(call, rows, default=10)
        links = {"next": page.next or "", back: page.previous or ""}
        return _answer({"count": page.count, **links, "results": page.items})

    return list_rows


def _get(table: str, show: Callable[[_Row], _Row]) -> Behavior:
    return lambda tenant, call: _answer(show(found(tenant.objects[table], call.values["id"])))


def _within_schema(row: _Row) -> _Row:
    """A DEP token alone is nested, as the contract says."""
    return {"schema": row}


def request_certificate(tenant: Tenant, call: Call) -> Answer:
    """POST .../apnscertificates/: a text. Only the list has the ID of what it belongs to."""
    row = _add(tenant, CERTIFICATES, {"apple_id": "", "meta": {}, "state": _REQUESTED})
    return Answer(base64.b64encode(f"signing request {row['id']}".encode()))


def request_dep_token(tenant: Tenant, call: Call) -> Answer:
    """POST .../deptokens/: a text, too."""
    row = _add(tenant, DEP_TOKENS, {"token_name": "", "meta": {}, "state": _REQUESTED})
    key = base64.b64encode(f"public key {row['id']}".encode()).decode()
    text = f"-----BEGIN CERTIFICATE-----\n{key}\n-----END CERTIFICATE-----\n"
    disposition = {"Content-Disposition": 'attachment; filename="Esper_Public_Key.pem"'}
    return Answer(text.encode(), headers=disposition)


def upload_certificate(tenant: Tenant, call: Call) -> Answer:
    """PUT .../apnscertificates/{id}/."""
    meta = apple_files.read_certificate(call.body["file"].data or b"")
    if meta is None:
        raise refuse("file", "The file is not a push certificate.")
    values = {"apple_id": stripped(call.body, "apple_id"), "meta": meta}
    return _answer(_complete(tenant, CERTIFICATES, call, values))


def upload_dep_token(tenant: Tenant, call: Call) -> Answer:
    """PUT .../deptokens/{id}/."""
    expiry = apple_files.read_dep_token(call.body["file"].data or b"")
    if expiry is None:
        raise refuse("file", "The file cannot be decrypted.")
    values = {"token_name": stripped(call.body, "token_name"), "meta": {"token_expiry_on": expiry}}
    return _answer(_within_schema(_complete(tenant, DEP_TOKENS, call, values)))


def delete_certificate(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../apnscertificates/{id}/."""
    row = found(tenant.objects[CERTIFICATES], call.values["id"])
    del tenant.objects[CERTIFICATES][row["id"]]
    return _answer({})


def upload_vpp_token(tenant: Tenant, call: Call) -> Answer:
    """POST .../vpptokens/: the response does not have the token."""
    file = call.body.get("filename")
    content = None if file is None else apple_files.read_vpp_token(file.data or b"")
    if content is None:
        raise refuse("filename", "The file is not a content token.")
    if tenant.apple_conduct.get("accepts_one_token") and tenant.objects[VPP_TOKENS]:
        raise refuse("filename", "The tenant has a token.")
    meta = {}
    if tenant.apple_conduct.get("returns_meta"):
        meta = {"token": content["token"], "organization": {"name": content["orgName"], "expiry": content["expDate"]}}
    row = {"tenant_id": tenant.settings.enterprise_id, "key": tenant.new_secret("vpp/{}"), "meta": meta}
    return Answer({"code": 201, "message": "success", "content": _add(tenant, VPP_TOKENS, row)}, status=201)


def delete_vpp_token(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../vpptokens/{id}."""
    row = found(tenant.objects[VPP_TOKENS], call.values["id"])
    del tenant.objects[VPP_TOKENS][row["id"]]
    return Answer(status=204)


def _complete(tenant: Tenant, table: str, call: Call, values: _Row) -> _Row:
    row = found(tenant.objects[table], call.values["id"])
    if row["state"] == _COMPLETED and tenant.apple_conduct.get("rejects_renewals"):
        raise refuse("file", "The file was uploaded before.")
    row.update(values, state=_COMPLETED, updated_by="1", updated_at=tenant.now())
    return row


def _add(tenant: Tenant, table: str, values: _Row) -> _Row:
    now = tenant.now()
    row = {
        "id": tenant.new_id(),
        **values,
        "created_by": "1",
        "updated_by": "1",
        "created_at": now,
        "updated_at": now,
    }
    tenant.objects[table][row["id"]] = row
    return row


def _answer(content: Any) -> Answer:
    return Answer({"code": 200, "message": "success", "content": content})


OPERATIONS: dict[str, Behavior] = {
    f"GET {CERTIFICATES}/": _list(CERTIFICATES, "previous"),
    f"POST {CERTIFICATES}/": request_certificate,
    f"GET {CERTIFICATES}/{{id}}/": _get(CERTIFICATES, lambda row: row),
    f"PUT {CERTIFICATES}/{{id}}/": upload_certificate,
    f"DELETE {CERTIFICATES}/{{id}}/": delete_certificate,
    f"GET {DEP_TOKENS}/": _list(DEP_TOKENS, "prev"),
    f"POST {DEP_TOKENS}/": request_dep_token,
    f"GET {DEP_TOKENS}/{{id}}/": _get(DEP_TOKENS, _within_schema),
    f"PUT {DEP_TOKENS}/{{id}}/": upload_dep_token,
    f"GET {VPP_TOKENS}/": _list(VPP_TOKENS, "previous"),
    f"POST {VPP_TOKENS}/": upload_vpp_token,
    f"DELETE {VPP_TOKENS}/{{id}}": delete_vpp_token,
}
