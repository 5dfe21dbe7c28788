# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that sends any request to the Esper API, for objects without a module."""

from __future__ import annotations

import os
import re
import typing as t
from pathlib import Path

from ..base.errors import InvalidParameter, TransportError
from ..base.ids import is_path_part
from ..base.limits import PAGE_SIZE
from ..base.row import Params, Row
from ..base.secret_keys import mask_secrets
from ..engine.tenant_view import TenantView
from ..http.client import Client
from ..http.forms import Form
from ..http.paging import list_all
from ..http.responses import NOT_MODIFIED
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.values import is_too_deep
from ..task import ModuleDefinition, ModuleResult, RunContext

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_MODULE = ModuleSpec(
    short_description="Send requests to the Esper API",
    description=(
        "Sends one request, or reads all pages of a list, for operations that no other module has. It has the"
        " authentication, retries, paging and error messages of the other modules.",
        "The module is not idempotent: it sends a write request in each run. To prevent this, read the object first,"
        " and use C(when).",
        "The list of operations in the guides has the module for each operation of the Esper API:"
        " U(https://github.com/ansible-collections/esper.cloud/blob/main/docs/operations.md).",
    ),
    options=(
        Option("method", "HTTP method of the request.", choices=METHODS, default="GET"),
        Option(
            "path",
            (
                "Path below C(/api), for example V(/v2/devices/), with slashes as in the reference of the Esper API.",
                "The module replaces C({enterprise_id}). Insert the IDs of other objects yourself.",
            ),
            required=True,
            identifier=True,
        ),
        Option("query", "Query parameters. A list is sent as comma-separated text.", type="dict", default={}),
        Option(
            "body",
            (
                "Body of the request, which is sent as JSON.",
                "The module does not know which values are secret. If there are any, set C(no_log: true) for the task.",
                "Messages do not show texts of the body that have eight or more characters.",
            ),
            type="raw",
        ),
        Option("form", "Fields of a multipart form, in addition to O(files).", type="dict", default={}),
        Option(
            "files",
            (
                "Files of a multipart form. The keys are the names of the form fields, the values are paths.",
                "The module reads the files on the host on which it runs, and streams them. Their size is not limited.",
            ),
            type="dict",
            default={},
        ),
        Option(
            "all_pages",
            "If V(true), the module reads all pages of a list. Requires O(method=GET). Each object is returned once,"
            " even if the list changes during the task.",
            type="bool",
            default=False,
        ),
        Option(
            "page_size",
            "Number of objects in each page with O(all_pages=true). Use V(20) for blueprints, which are large.",
            type="int",
            default=PAGE_SIZE,
        ),
        Option(
            "key",
            "Key that identifies an object of the list with O(all_pages=true).",
            default="id",
            identifier=True,
        ),
        Option(
            "show_secrets",
            (
                "If V(true), the result contains API keys, tokens, passwords, certificate files, and links that do not"
                " require a key. If V(false), these are masked.",
                "The API key of the connection is never shown.",
            ),
            type="bool",
            default=False,
        ),
    ),
    rules={"mutually_exclusive": [("body", "form"), ("body", "files")]},
    returns=(
        Value("status", "HTTP status of the response.", type="int", sample=200, returned="if a request was sent"),
        Value(
            "content",
            (
                "Body of the response. If it has an envelope with the key C(content), the content of the envelope.",
                "With O(all_pages=true), the list of all objects.",
            ),
            type="raw",
            sample={
                "count": 1,
                "results": [{"id": "6f3a2c1e-5a3f-4a53-9f3c-0d5e3f3b7a10", "name": "Loading dock"}],
            },
        ),
    ),
    check_mode=Support(
        "partial",
        "Sends GET requests only.",
        "Other requests are not sent, and are reported as changed.",
    ),
    diff_mode=Support("none", "The module does not know the changes that a request makes."),
    notes=(
        "If the outcome of a POST or PATCH request is unknown, the module does not repeat it.",
        "If a POST request only reads data, set C(changed_when: false) for the task.",
    ),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    return ModuleResult(call(view.client, params, check_mode=context.check_mode))


def call(client: Client, params: Params, *, check_mode: bool = False) -> Row:
    """Send the request of a task, and return its result.

    In check mode, only a GET request is sent. Raise InvalidParameter if the options are invalid, and what
    Client.request raises.
    """
    method, path = params["method"], _checked_path(params["path"])
    form = Form(
        {str(name): str(value) for name, value in params["form"].items()},
        # Path.expanduser() raises RuntimeError for an unknown user.
        {str(name): Path(os.path.expanduser(str(file))) for name, file in params["files"].items()},  # noqa: PTH111
    )
    body = form if form.fields or form.files else params["body"]
    if method == "GET" and body is not None:
        raise InvalidParameter("A GET request cannot have a body, form or files. Use query instead.")
    if params["all_pages"] and method != "GET":
        raise InvalidParameter(f"The option all_pages requires method=GET, not method={method}.")
    if params["page_size"] < 1:
        raise InvalidParameter(f"Invalid page_size: {params['page_size']}. It must be 1 or more.")
    if method != "GET" and check_mode:
        return {"changed": True, "content": None}
    purpose = f"Calling {method} {params['path']}"
    if params["all_pages"]:
        content: t.Any = list_all(
            client, path, query=params["query"], page_size=params["page_size"], key=params["key"], purpose=purpose
        )
        status = 200
    else:
        response = client.request(method, path, query=params["query"], body=body, purpose=purpose)
        content, status = response.body, response.status
    if is_too_deep(content):
        raise TransportError(f"{purpose} failed: the response is nested too deeply.", method=method, path=path)
    shown = content if params["show_secrets"] else mask_secrets(content)
    return {"changed": method != "GET" and status != NOT_MODIFIED, "status": status, "content": shown}


def _checked_path(path: str) -> str:
    """Return a path below the base URL of the API. Raise InvalidParameter if it could lead to another URL, or if a part
    is empty: without the ID of an object, it would be the path of a list."""
    parts = path.removesuffix("/").split("/")[1:]
    if not path.startswith("/") or re.search(r"[?#\s]", path) or not all(is_path_part(part) for part in parts):
        raise InvalidParameter(
            f"Invalid path: '{path}'. It must start with a slash and be relative to the base URL, as in /v2/devices/."
            " It must not contain empty parts, dots as parts, encoded slashes, or whitespace. Set query parameters in"
            " query."
        )
    unknown = set(re.findall(r"{(.*?)}", path)) - {"enterprise_id"}
    if unknown:
        raise InvalidParameter(
            f"Invalid path: '{path}'. Replace placeholders other than {{enterprise_id}} with their values."
        )
    return path


CALL = ModuleDefinition("api", _MODULE, _run)
