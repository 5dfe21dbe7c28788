# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of a module by the name of the module, and kinds by their names. Others are not imported.

A module imports its definition directly, so Ansible packs no other definition with it.
"""

from __future__ import annotations

import importlib
import typing as t

from .base.errors import InvalidParameter
from .base.text import did_you_mean
from .index import MODULES
from .model.kind import Kind, Shape
from .task import ModuleDefinition, define_info_module, define_module


def definition_of(module: str) -> ModuleDefinition:
    """Return the definition of a module, the same object that the module itself runs."""
    file, name = MODULES[module]
    found = _import(file, name)
    if isinstance(found, ModuleDefinition):
        return found
    return define_info_module(found) if module.endswith("_info") else define_module(found)


# The kinds that no module of their name describes.
_OTHER_KINDS = {"device": ("kinds.device_search", "DEVICE")}


def kind_of(name: str) -> Kind:
    """Return the kind of objects with a name, such as ``device_group``, if its objects have names and IDs.

    Raise InvalidParameter if there is none.
    """
    found = next((MODULES[module] for module in (f"{name}_info", name) if module in MODULES), None)
    kind = _import(*(_OTHER_KINDS.get(name) or found or ("", "")))
    if isinstance(kind, Kind) and _has_names(kind):
        return kind
    names = {*_OTHER_KINDS, *(module.removesuffix("_info") for module in MODULES)}
    hint = did_you_mean(name, names - {name}) if kind is None else ""
    advice = (
        hint or "Use the name of a module for objects with a name and an ID, such as 'device_group' or 'blueprint'."
    )
    raise InvalidParameter(f"Invalid kind '{name}'. {advice}")


def _import(file: str, name: str) -> t.Any:
    return getattr(importlib.import_module(f".{file}", __package__), name) if file else None


def _has_names(kind: Kind) -> bool:
    if kind.name in _OTHER_KINDS:
        return True
    options = {option.name for option in kind.info_module.options} if kind.info_module else set()
    labels = {"path", *(field.name for field in kind.fields if field.api_name == kind.name_key)}
    return kind.shape is not Shape.SINGLETON and bool(kind.id_key) and not labels.isdisjoint(options)
