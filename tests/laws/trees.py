# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects in the files of a tree, as lists for the module tenant."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml


class Loader(yaml.SafeLoader):
    """Reads the YAML of a tree."""


def _text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> t.Any:
    return loader.construct_scalar(node)


Loader.add_constructor("!unsafe", _text)


def load(text: str) -> t.Any:
    """Return the value of a YAML text."""
    return yaml.load(text, Loader)


def read(tree: Path, secret: str = "") -> dict[str, list[t.Any]]:
    """Return the objects by the options of the module tenant. All variables have the value ``secret``, or none."""
    found: dict[str, list[t.Any]] = {}
    for file in sorted(tree.rglob("*.yml")):
        value = _rendered(load(file.read_text(encoding="utf-8")), secret)
        option = file.relative_to(tree).with_suffix("").parts[0]
        found.setdefault(option, []).extend(value if isinstance(value, list) else [value])
    return found


def _rendered(value: t.Any, secret: str) -> t.Any:
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if secret or not _is_variable(item)}
        return {name: _rendered(item, secret) for name, item in kept.items()}
    if isinstance(value, list):
        return [_rendered(item, secret) for item in value]
    return secret if _is_variable(value) else value


def _is_variable(value: t.Any) -> bool:
    return isinstance(value, str) and value.endswith("| default(omit) }}")
