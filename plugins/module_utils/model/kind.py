# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind of object as data: its name, its API routes, its fields, its modules, and what protects its objects.

The engine reads it: engine/lookup.py finds objects, engine/planner.py plans changes, engine/reader.py answers _info
modules. A kind whose objects are found, planned or read in a special way names its own class for that.
"""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass

from ..base.limits import PAGE_SIZE
from ..base.row import Row
from ..base.text import counted
from .api_paths import read_field
from .field import Field
from .module_spec import ArgumentSpec, ModuleSpec


class Shape(enum.Enum):
    """How many objects a tenant has of a kind, and whether modules can change them."""

    COLLECTION = "collection"
    """Any number of objects with IDs, which modules create, update and delete."""
    SINGLETON = "singleton"
    """One object without an ID, which exists always, so modules only update it."""
    READ_ONLY = "read_only"
    """Any number of objects, which modules of other kinds refer to."""


@dataclass(frozen=True, kw_only=True)
class Routes:
    """The paths of a kind in the API, as in the contract. The ID of an object is written ``{id}``.

    ``list`` is the path of the list, also for POST; a singleton has none. ``object`` is the path of one object.
    ``update`` is the method that changes an object: PATCH sends what differs, PUT and POST replace the object.
    ``page_size`` is None for a list without the parameter ``limit``. ``name_filter`` is the query parameter that
    reduces the list to a name, "" if there is none; the exact match is made in engine/lookup.py. ``also`` are the
    beginnings of other paths that return the same objects, so a write makes what was read there out of date, too.
    """

    list: str = ""
    object: str = ""
    update: t.Literal["PATCH", "PUT", "POST"] = "PATCH"
    page_size: int | None = PAGE_SIZE
    name_filter: str = "name"
    also: tuple[str, ...] = ()

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The beginnings of the paths that a write to an object changes."""
        return (self.list or self.object, *self.also)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What protects an object from deletion: ``users(view, row)`` returns who uses it, each as part of a sentence.

    ``also_update`` protects it from changes, too. ``option`` is the option that allows the write anyway, "" if Esper
    rejects it in any case. ``advice`` is the sentence about what to do first. ``reads`` are the fields that the users
    are read from: if one of them could not be read, the object counts as in use. ``view`` is the TenantView, which a
    guard reads related objects with.
    """

    users: t.Callable[[t.Any, Row], t.Sequence[str]]
    advice: str = "Remove it from there first"
    option: str = "force"
    also_update: bool = False
    reads: tuple[str, ...] = ()


def used_in(field: str, title: str, name: str = "name") -> t.Callable[[t.Any, Row], list[str]]:
    """Return the function of a Guard that reads the users from a list of dicts in the object itself. ``title`` is what
    a user is called in a sentence, and ``name`` the API's key for its name."""

    def users(_view: t.Any, row: Row) -> list[str]:
        return [f"the {title} '{each.get(name)}'" for each in row.get(field) or []]

    return users


def counted_in(field: str, title: str) -> t.Callable[[t.Any, Row], list[str]]:
    """Return the function of a Guard that reads the number of users from a property of the object."""

    def users(_view: t.Any, row: Row) -> list[str]:
        count = row.get(field)
        return [counted(count, title)] if isinstance(count, int) and count > 0 else []

    return users


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """One kind of object.

    ``name`` is the name of the module and of its return value, ``title`` the kind in a sentence, ``plural`` the return
    value of the _info module. ``name_key`` is the API's key for the name, ``id_key`` that for the ID.

    ``module`` and ``info_module`` are the interfaces of the modules, None if there is none. ``fixed_payload`` returns
    what the API requires in each body that creates or replaces an object in addition to the fields, from the URL of the
    API and the ID of the tenant. ``label`` returns what a person calls an object. ``guards`` protect objects from
    deletion. ``view_key`` is what TenantView calls the kind, by default the name: a module can manage versions and read
    objects, which are two kinds.

    ``lookup``, ``planner`` and ``reader`` are subclasses of the classes of the same names in ``engine``, for a kind
    whose objects are found, planned or read in a special way.
    """

    name: str
    title: str
    plural: str
    routes: Routes
    fields: tuple[Field, ...]
    shape: Shape = Shape.COLLECTION
    name_key: str = "name"
    id_key: str = "id"
    module: ModuleSpec | None = None
    info_module: ModuleSpec | None = None
    fixed_payload: t.Callable[[str, str], Row] | None = None
    label: t.Callable[[Row], str] | None = None
    guards: tuple[Guard, ...] = ()
    view_key: str = ""
    lookup: type[t.Any] | None = None
    planner: type[t.Any] | None = None
    reader: type[t.Any] | None = None

    @property
    def key(self) -> str:
        """What TenantView calls the kind."""
        return self.view_key or self.name

    @property
    def options(self) -> ArgumentSpec:
        """The options of the module in the form of an argument spec, without those of the connection."""
        return self.module.argument_spec if self.module else {}

    @property
    def rules(self) -> dict[str, t.Any]:
        """mutually_exclusive, required_one_of and so on, as AnsibleModule takes them."""
        return dict(self.module.rules) if self.module else {}

    @property
    def sources(self) -> tuple[str, ...]:
        """The options that name a local file or directory: see ModuleSpec."""
        return self.module.sources if self.module else ()

    @property
    def depends_on(self) -> frozenset[str]:
        """The names of other kinds whose objects the fields refer to by name. They are created first, and deleted last.
        An object that has only an ID exists before the task."""
        return frozenset(_referred(self.fields)) - {self.name}

    @property
    def tenant_option(self) -> str:
        """The option of the module tenant: a list of objects, or the object of a singleton."""
        return self.name if self.shape is Shape.SINGLETON else self.plural

    @property
    def titles(self) -> str:
        """The objects of the kind in a sentence, such as "device groups"."""
        if self.shape is Shape.SINGLETON:
            return self.title
        return f"{self.title}s" if self.plural == f"{self.name}s" else self.plural.replace("_", " ")

    @property
    def purpose_of_list(self) -> str:
        """The beginning of an error message about reading the list."""
        return f"Reading the {self.titles}"

    def name_of(self, row: Row) -> str:
        """Return what a person calls an object."""
        if self.label is not None:
            return self.label(row)
        return str(row.get(self.name_key) or row.get(self.id_key) or self.title)

    def phrase(self, row: Row) -> str:
        """Return an object in a sentence, such as "device group 'Berlin'"."""
        return self.title if self.shape is Shape.SINGLETON else f"{self.title} '{self.name_of(row)}'"

    def header(self, row: Row) -> str:
        """Return the header of an object in a diff."""
        return self.title if self.shape is Shape.SINGLETON else f"{self.title} {self.name_of(row)}"

    def to_result(self, row: Row) -> Row:
        """Return an object of the API in the terms of the collection: the fields by name, without secrets."""
        return {each.name: each.from_api(read_field(each, row)) for each in self.fields if not each.secret}


def _referred(fields: t.Iterable[Field]) -> t.Iterator[str]:
    for each in fields:
        yield from (reference.kind for reference in each.references if reference.by)
        yield from _referred(each.fields)
