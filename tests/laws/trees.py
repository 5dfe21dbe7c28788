# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects in the files of a tree, as lists for the module tenant, without the secrets, which are not set."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml


class Loader(yaml.SafeLoader):
    """Reads the YAML of a tree."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def load(text: str) -> t.Any:
    """Return the value of a YAML text."""
    return yaml.load(text, Loader)


def read(tree: Path) -> dict[str, list[t.Any]]:
    """Return the objects by the options of the module tenant."""
    found: dict[str, list[t.Any]] = {}
    for file in sorted(tree.rglob("*.yml")):
        value = _without_variables(load(file.read_text(encoding="utf-8")))
        option = file.relative_to(tree).with_suffix("").parts[0]
        found.setdefault(option, []).extend(value if isinstance(value, list) else [value])
    return found


def _without_variables(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if not str(item).endswith("| default(omit) }}")}
        return {name: _without_variables(item) for name, item in kept.items()}
    return [_without_variables(item) for item in value] if isinstance(value, list) else value
