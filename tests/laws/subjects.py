# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds that the laws are about. Only this file knows how a kind is described in plugins/module_utils."""

from __future__ import annotations

import importlib
import typing as t
from dataclasses import dataclass

from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Kind, Shape
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import ArgumentSpec, ModuleSpec

Row = dict[str, t.Any]

PACKAGE = "ansible_collections.esper.cloud.plugins.module_utils"


@dataclass(frozen=True)
class Subject:
    """A kind of object as its modules show it: the one that manages it, the one that reads it, or both.

    ``returned`` is the return value of the _info module. ``singleton`` is true if the tenant always has exactly one
    object. ``creates`` is false if only Esper creates the objects. ``in_tenant`` is true if the module ``tenant`` has a
    list of such objects. ``list_path`` is the path of the list that names are looked up in. ``on_lost_create`` is that
    of Kind. ``related`` are the values that the _info module returns on request: the option that requests each of them,
    and its field.
    """

    name: str
    title: str
    plural: str
    returned: str
    list_path: str
    fields: tuple[Field, ...]
    module: ModuleSpec | None
    info_module: ModuleSpec | None
    singleton: bool
    creates: bool
    in_tenant: bool
    on_lost_create: str
    related: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return self.name

    @property
    def has_name(self) -> bool:
        """Return whether a name addresses an object. Some objects that are only read have none."""
        return not self.singleton and (self.module is not None or "name" in self.info_options)

    @property
    def info_options(self) -> ArgumentSpec:
        """The options of the _info module."""
        return self.info_module.argument_spec if self.info_module else {}

    @property
    def specs(self) -> dict[str, ModuleSpec]:
        """The modules of the kind by name."""
        both = {self.name: self.module, f"{self.name}_info": self.info_module}
        return {name: spec for name, spec in both.items() if spec is not None}

    def in_bulk(self, tasks: list[Row]) -> Row:
        """Return the options of the module ``tenant`` for the options of several tasks, or one for a singleton."""
        return {self.name: tasks[0]} if self.singleton else {self.plural: tasks}

    @property
    def can_replace(self) -> bool:
        """Return whether the module can replace objects that Esper cannot change."""
        return "replace" in (self.module.argument_spec if self.module else {})

    @property
    def can_delete(self) -> bool:
        """Return whether the module has the option ``state`` with the value ``absent``."""
        return "absent" in (self.module.argument_spec.get("state", {}).get("choices", ()) if self.module else ())


def subjects() -> tuple[Subject, ...]:
    """Return all kinds in the index of modules, sorted by name."""
    return tuple(
        _subject(name) for name in sorted({module.removesuffix("_info") for module in MODULES}) if _is_kind(name)
    )


def _is_kind(name: str) -> bool:
    return _defined(name) is not None or _defined(f"{name}_info") is not None


def _defined(module: str) -> Kind | None:
    """Return the kind that a module belongs to, None if the module does something else than to manage objects."""
    if module not in MODULES:
        return None
    file, name = MODULES[module]
    found = getattr(importlib.import_module(f"{PACKAGE}.{file}"), name)
    return found if isinstance(found, Kind) else None


def _subject(name: str) -> Subject:
    managed, read = _defined(name), _defined(f"{name}_info")
    kind = managed or t.cast("Kind", read)
    return Subject(
        name=name,
        title=kind.title,
        plural=kind.plural,
        returned=kind.info_value,
        list_path=kind.routes.list,
        fields=kind.fields,
        module=managed.module if managed else None,
        info_module=read.info_module if read else None,
        singleton=kind.shape is Shape.SINGLETON,
        creates=kind.creates,
        in_tenant=managed in KINDS,
        on_lost_create=kind.on_lost_create,
        related=tuple((each.option.name, each.field.name) for each in kind.related),
    )


def is_valid(field: Field, value: t.Any) -> bool:
    """Return whether a field accepts a value of its type."""
    return not field.validator(value)
