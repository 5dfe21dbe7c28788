# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations of the Esper API and the modules that use them, for docs/operations.md.

The routes of a kind show which operations its modules use. tools/operations.yml has all others.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parents[1]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_USER = re.compile(r"(?P<module>\w+)(?:\[(?P<option>\w+)(?P<value>=\w+)?\])?")

Operation = tuple[str, str]
"""A method and a path of the contract."""


def contract() -> dict[str, list[Operation]]:
    """Return the operations of each document of the contract."""
    found = {}
    for file in sorted((CHECKOUT / "tests" / "contract" / "api").glob("*.yaml")):
        paths = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["paths"]
        found[file.stem] = [
            (method, path) for path, item in paths.items() for method in METHODS if method.lower() in item
        ]
    return found


def declared() -> dict[str, str]:
    """Return the rows of operations.yml."""
    text = (CHECKOUT / "tools" / "operations.yml").read_text(encoding="utf-8")
    return t.cast("dict[str, str]", yaml.safe_load(text))


def derived(kinds: t.Iterable[t.Any]) -> dict[Operation, list[str]]:
    """Return the users of operations by method and path without the names of placeholders, from the routes of kinds."""
    users: dict[Operation, list[str]] = {}
    for kind in kinds:
        own = [kind.name] if kind.module else []
        both = own + ([f"{kind.name}_info"] if kind.info_module else [])
        deletion = [f"{name}[state=absent]" for name in own]
        routes = kind.routes
        for method, path, names in (
            ("GET", routes.list, both),
            ("GET", routes.object if routes.has_object_get else "", both),
            ("POST", routes.list, own),
            (routes.update, routes.object, own),
            ("DELETE", routes.object, deletion),
        ):
            if path and names:
                known = users.setdefault((method, unnamed(path)), [])
                known += [name for name in names if name not in known]
    return users


def unnamed(path: str) -> str:
    """Return a path without the names of its placeholders."""
    return re.sub(r"{\w+}", "{}", path)


def rows(
    operations: t.Mapping[str, list[Operation]],
    table: t.Mapping[str, str],
    kinds: t.Iterable[t.Any],
    options: t.Mapping[str, t.Mapping[str, t.Any]],
) -> dict[str, list[tuple[str, str]]]:
    """Return the operations of each document with their users as Markdown. ``options`` are those of each module.

    Raise SystemExit if an operation has no row, if a row is about an operation that does not exist, or if it names an
    option that its module does not have.
    """
    from_routes = derived(kinds)
    names = {f"{method} {path}" for found in operations.values() for method, path in found}
    errors = [f"{name}: the contract does not have this operation" for name in table if name not in names]
    documents: dict[str, list[tuple[str, str]]] = {}
    for document, found in operations.items():
        for method, path in found:
            row = table.get(f"{method} {path}", ", ".join(from_routes.get((method, unnamed(path)), ())))
            if not row:
                errors.append(f"{method} {path}: no kind has this route, and tools/operations.yml has no row for it")
            try:
                documents.setdefault(document, []).append((f"`{method} {path}`", users(row, options)))
            except ValueError as error:
                errors.append(f"{method} {path}: {error}")
    if errors:
        raise SystemExit("\n".join(errors))
    return documents


def users(row: str, options: t.Mapping[str, t.Mapping[str, t.Any]]) -> str:
    """Return the users of an operation as Markdown. Raise ValueError if a row is invalid."""
    if row.startswith("api: "):
        return f"`api`. {row.removeprefix('api: ')}"
    texts = []
    for text in filter(None, row.split(", ")):
        user = _USER.fullmatch(text)
        if user is None:
            raise ValueError(f"'{text}' is not a module, or a module with an option")
        module, option, value = user["module"], user["option"], user["value"] or ""
        if module not in options:
            raise ValueError(f"the module {module} does not exist")
        if option and option not in options[module]:
            raise ValueError(f"the module {module} has no option {option}")
        if value and value[1:] not in options[module][option].get("choices", ()):
            raise ValueError(f"the option {option} of the module {module} has no value {value[1:]}")
        texts.append(f"`{module}` with `{option}{value}`" if option else f"`{module}`")
    return ", ".join(texts)
