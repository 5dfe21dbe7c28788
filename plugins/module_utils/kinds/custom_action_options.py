# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of custom actions and their scripts.

An option of a response has the ID of its script in ``scripts.linux.script_id``. An option of a body has the text in
``scripts.linux.script``. In collection terms, the values of ``scripts.linux`` belong to the option.
"""

from __future__ import annotations

import typing as t
from uuid import NAMESPACE_URL, uuid5

from ..base.errors import EsperError
from ..base.row import Params, Row
from ..base.text import composed
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.conform import to_row, to_rows, to_text
from ..model.kind import Kind

_PLATFORM = "linux"
# The key of the names of the values that Esper returned with an unexpected type. It is never sent.
_INVALID = "invalid"
_SENT = ("script", "interpreter")
# Whoever changes it changes all keys that are derived, and blueprints refer to them.
_NAMESPACE = uuid5(NAMESPACE_URL, "https://github.com/ansible-collections/esper.cloud/custom_action")


def decode(row: Row) -> Row:
    """Return a custom action of the API with options in collection terms, without the texts of their scripts."""
    options = row.get("options")
    if not isinstance(options, list):
        return row
    return {**row, "options": [_decoded(option) for option in options]}


def _decoded(option: t.Any) -> t.Any:
    if not isinstance(option, dict) or "scripts" not in option:
        return option
    script = to_row(to_row(option["scripts"]).get(_PLATFORM))
    unknown = {"script": None, "interpreter": None}
    return {**{key: value for key, value in option.items() if key != "scripts"}, **unknown, **script}


def encode(body: Row) -> Row:
    """Return a body with options as the API accepts them."""
    if "options" not in body:
        return body
    options = [
        {
            **{key: value for key, value in option.items() if key not in _SENT},
            "scripts": {_PLATFORM: {key: option[key] for key in _SENT if key in option}},
        }
        for option in body["options"]
    ]
    return {**body, "options": options}


def read_scripts(view: TenantView, kind: Kind, rows: list[Row]) -> list[Row]:
    """Return custom actions with the texts of their scripts. Each script takes a GET request. Raise the errors of
    Client.request()."""

    def read(script: tuple[str, str]) -> Row | EsperError:
        identifier, purpose = script
        try:
            content = to_row(view.value_at("/v2/scripts/{id}/", {"id": identifier}, purpose=purpose))
        except EsperError as error:
            # An exception in a thread would cancel the other requests of the task.
            return error
        invalid = [key for key in _SENT if content.get(key) is not None and to_text(content[key]) is None]
        view.record_invalid("script", identifier, invalid)
        return {**{key: to_text(content.get(key)) for key in _SENT}, _INVALID: invalid}

    purposes = {
        str(option["script_id"]): f"Reading the script of the option '{option.get('label')}' of the {kind.phrase(row)}"
        for row in rows
        for option in to_rows(row.get("options"))
        if option.get("script_id")
    }
    texts: dict[str, Row] = {}
    # The generator is never closed early, because that stops the client.
    results = list(in_parallel(view.client, read, purposes.items(), CONCURRENCY))
    for identifier, found in zip(purposes, results, strict=True):
        if isinstance(found, EsperError):
            raise found
        texts[identifier] = found
    return [
        {
            **row,
            "options": [
                {**option, **texts.get(str(option.get("script_id")), {})} for option in to_rows(row.get("options"))
            ],
        }
        for row in rows
    ]


def invalid_values(row: Row) -> list[str]:
    """Return the paths of values of scripts, which read_scripts() has read, of an unexpected type."""
    return [
        f"options[{index}].{name}"
        for index, option in enumerate(to_rows(row.get("options")))
        for name in option.get(_INVALID) or ()
    ]


def with_scripts(row: Row, options: t.Iterable[Row]) -> Row:
    """Return a custom action of a response with the known texts of the scripts of its options."""
    sent = {str(option.get("key")): {key: option.get(key) for key in _SENT} for option in options}
    decoded = decode(row)
    if not isinstance(decoded.get("options"), list):
        return row
    return {
        **decoded,
        "options": [
            {**option, **sent.get(str(option.get("key")).lower(), {})} if isinstance(option, dict) else option
            for option in decoded["options"]
        ],
    }


def completed(options: t.Iterable[Params], current: Row, enterprise_id: t.Callable[[], str], name: str) -> list[Row]:
    """Return the options of a task with the values that they omit: those of the existing options, and derived keys.

    ``enterprise_id`` returns the ID of the tenant, which can take a request. ``name`` is that of the custom action.
    """
    existing = to_rows(current.get("options"))
    by_key = {str(option.get("key")).lower(): option for option in existing}
    by_label = {composed(str(option.get("label"))).strip(): option for option in reversed(existing)}
    result = []
    for option in options:
        key, label = option.get("key"), composed(str(option.get("label"))).strip()
        partner = by_label.get(label, {}) if key is None else by_key.get(str(key).lower(), by_label.get(label, {}))
        kept = {each: option[each] if option.get(each) is not None else partner.get(each) for each in ("key", *_SENT)}
        if kept["key"] is None:
            kept["key"] = str(uuid5(_NAMESPACE, f"{enterprise_id()}/{composed(name)}/{label}"))
        result.append({**option, **kept})
    return result
