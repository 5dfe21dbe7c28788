# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API itself, without HTTP: a request in, a reply out. Who may ask, what exists, what is valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml
from behaviors import CHECKS, OPERATIONS, SHOWN
from behaviors.tokens import is_key
from contract import EVERYWHERE, Contract, Operation
from derived import Derivation
from exchange import Call, Refusal, Reply, not_found
from forms import KIND, Form
from storage import File
from tenant import Tenant

_JSON = "application/json"

# Operation -> why the simulator does not do it.
UNSUPPORTED: Mapping[str, str] = yaml.safe_load(
    Path(__file__).with_name("unsupported.yaml").read_text(encoding="utf-8")
)


class Service:
    """The API of one tenant."""

    def __init__(self, contract: Contract, tenant: Tenant) -> None:
        self.tenant = tenant
        self._contract = contract
        # A behavior for an operation that is not in the contract raises an error here.
        self._behaviors = {contract.operation(*name.split(" ")): behavior for name, behavior in OPERATIONS.items()}
        self._checks = {contract.operation(*name.split(" ")): check for name, check in CHECKS.items()}
        self._unsupported = {contract.operation(*name.split(" ")): reason for name, reason in UNSUPPORTED.items()}
        self._derivation = Derivation(contract, SHOWN)

    def reply(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes | Form
    ) -> Reply:
        """The reply to a request; `path` is below /api."""
        route = self._contract.route(path)
        if route is None:
            if method == "GET" and self._contract.route(f"{path}/"):
                return Reply(301, headers={"Location": f"/api{path}/"})
            return Reply(404, b"<h1>Not Found</h1>", {"Content-Type": "text/html; charset=utf-8"})
        operation = route.operations.get(method)
        if operation is None:
            any_operation = next(iter(route.operations.values()))
            return _refused(any_operation, 405, [f'detail: Method "{method}" not allowed. '])
        try:
            self._admit(headers, route.values)
            if operation in self._unsupported:
                raise Refusal(501, [f"detail: {method} {operation.path}: {self._unsupported[operation]} "])
            behavior = self._behaviors.get(operation) or self._derivation.behavior(operation)
            flaws = self._contract.check_parameters(operation, route.values, query)
            if flaws:
                raise Refusal(400, flaws)
            if not EVERYWHERE.isdisjoint(query):
                ignored = {name for name in EVERYWHERE if (name, "query") not in operation.parameters}
                query = {name: text for name, text in query.items() if name not in ignored}
            content = self._body(operation, headers, body)
            call = Call(path, route.values, query, content, headers.get("Host", ""))
            if operation in self._checks:
                self._checks[operation](self.tenant, call)
            answer = behavior(self.tenant, call)
        except Refusal as refusal:
            return _refused(operation, refusal.status, refusal.lines)
        if isinstance(answer.body, bytes):
            return Reply(answer.status, answer.body, {"Content-Type": "text/plain; charset=utf-8", **answer.headers})
        return Reply(answer.status, b"" if answer.body is None else orjson.dumps(answer.body))

    def error(self, method: str, path: str, status: int) -> Reply:
        """Return a server error in the format of the path's family."""
        route = self._contract.route(path)
        if route is None:
            return Reply(status)
        operation = route.operations.get(method, next(iter(route.operations.values())))
        return _refused(operation, status, ["detail: Something went wrong. "])

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Return whether the request has a key: the value of a personal access token."""
        scheme, _space, key = headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and is_key(self.tenant, key)

    def _admit(self, headers: Mapping[str, str], values: Mapping[str, str]) -> None:
        if not self.knows(headers):
            raise Refusal(401, ["detail: Authentication credentials were not provided or are wrong. "])
        enterprise_id = self.tenant.settings.enterprise_id
        if values.get("enterprise_id", enterprise_id) != enterprise_id:
            raise not_found()

    def _body(self, operation: Operation, headers: Mapping[str, str], body: bytes | Form) -> Any:
        wanted = _JSON if operation.body else KIND if operation.form else None
        if wanted is None:
            return None
        kind = headers.get("Content-Type", "")
        if operation.has_optional_body and not (kind or body):
            return {}
        if kind.partition(";")[0] != wanted:
            raise Refusal(415, [f'detail: Unsupported media type "{kind}" in request. '])
        if not isinstance(body, bytes):
            return _checked(operation, body)
        if operation.form:
            raise Refusal(400, ["detail: Multipart form parse error "])
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Refusal(400, [f"detail: JSON parse error - {error} "]) from None
        flaws = self._contract.check_body(operation, content)
        if flaws:
            raise Refusal(400, flaws)
        return self._contract.known(operation, content)


def _checked(operation: Operation, form: Form) -> Form:
    """The form if it has all that is required, and its files are files and not empty."""
    schema = operation.form or {}
    flaws = [
        f"{name}: This field is required. "
        for name, spec in schema["properties"].items()
        if spec.get("format") != "binary" and name in schema.get("required", ()) and name not in form
    ]
    for name in [name for name, spec in schema["properties"].items() if spec.get("format") == "binary"]:
        file = form.get(name)
        if file is None and name in schema.get("required", ()):
            flaws.append(f"{name}: No file was submitted. ")
        elif isinstance(file, str):
            flaws.append(f"{name}: The submitted data was not a file. Check the encoding type on the form. ")
        elif isinstance(file, File) and not file.size:
            flaws.append(f"{name}: The submitted file is empty. ")
    if flaws:
        raise Refusal(400, flaws)
    return form


def _refused(operation: Operation, status: int, lines: Sequence[str]) -> Reply:
    """An error body with the properties that the contract gives the operation's errors."""
    text = "".join(lines)
    errors = [line.rstrip() for line in lines]
    values = {"errors": errors, "error": text, "message": text, "status": status, "code": status, "content": {}}
    texts = {"code": str(status), "content": text}
    body = {
        name: texts[name] if kind == "string" and name in texts else values[name]
        for name, kind in operation.error_shape(status).items()
    }
    return Reply(status, orjson.dumps(body))
