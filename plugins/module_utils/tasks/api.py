# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any operation of the API, for what has no module of its own."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.object_cache import References
from ..http.client import Client
from ..http.forms import Form
from ..http.paging import PAGE_SIZE, list_all
from ..task import Mode, Outcome, Task

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

OPTIONS: dict[str, dict[str, t.Any]] = {
    "method": {"type": "str", "choices": list(METHODS), "default": "GET"},
    "path": {"type": "str", "required": True},
    "query": {"type": "dict", "default": {}},
    "body": {"type": "raw"},
    "form": {"type": "dict", "default": {}},
    "files": {"type": "dict", "default": {}},
    "all_pages": {"type": "bool", "default": False},
    "page_size": {"type": "int", "default": PAGE_SIZE},
    "key": {"type": "str", "default": "id", "no_log": False},
    "show_secrets": {"type": "bool", "default": False, "no_log": False},
}
RULES: dict[str, t.Any] = {"mutually_exclusive": [("body", "form"), ("body", "files")]}

# What gives access to something: keys and tokens, passwords, and links that need no key.
_SECRET = re.compile(
    r"token$|password|passphrase|secret|push_magic|download_?url$|^app_file$|private_?key", re.IGNORECASE
)
_MASK = "********"


def _work(references: References, params: Params, mode: Mode) -> Outcome:
    return Outcome(call(references.client, params, check_mode=mode.check_mode))


def call(client: Client, params: Params, *, check_mode: bool = False) -> Row:
    """Send the request that the parameters (see OPTIONS) describe, and give what came of it: ``changed``, ``status``
    (missing where nothing was sent) and ``content``, the body without its envelope, or all objects of all pages.

    In check mode only a GET is sent. Raises what Client.request raises, and InvalidParameter.
    """
    method, path = params["method"], _checked_path(params["path"])
    form = Form(
        {name: str(value) for name, value in params["form"].items()},
        {name: Path(file).expanduser() for name, file in params["files"].items()},
    )
    body = form if form.fields or form.files else params["body"]
    if method == "GET" and body is not None:
        raise InvalidParameter("A GET has no body, form or files; what it asks for goes into query.")
    if params["all_pages"] and method != "GET":
        raise InvalidParameter(f"Only a GET has pages, not a {method}.")
    if method != "GET" and check_mode:
        return {"changed": True, "content": None}
    purpose = f"Calling {method} {params['path']}"
    if params["all_pages"]:
        pages = list_all(
            client, path, query=params["query"], page_size=params["page_size"], key=params["key"], purpose=purpose
        )
        content: t.Any = list(pages)
        status = 200
    else:
        answer = client.request(method, path, query=params["query"], body=body, purpose=purpose)
        content, status = answer.body, answer.status
    shown = content if params["show_secrets"] else _without_secrets(content)
    return {"changed": method != "GET", "status": status, "content": shown}


def _checked_path(path: str) -> str:
    """A path below the API's base URL. Raises InvalidParameter for anything that could lead elsewhere."""
    if not path.startswith("/") or path.startswith("//") or re.search(r"[?#\\\s]|(^|/)\.{1,2}(/|$)", path):
        raise InvalidParameter(
            f"The path '{path}' is none of the API's: it starts with one slash, comes after the base URL, as in"
            " /v2/devices/, and has no dots or blanks in it. What follows a question mark goes into query."
        )
    unknown = set(re.findall(r"{(.*?)}", path)) - {"enterprise_id"}
    if unknown:
        raise InvalidParameter(f"The path '{path}' has a placeholder other than {{enterprise_id}}: fill it in.")
    return path


def _without_secrets(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {
            key: _MASK if item and isinstance(item, str) and _SECRET.search(key) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value


CALL = Task(OPTIONS, RULES, _work)
