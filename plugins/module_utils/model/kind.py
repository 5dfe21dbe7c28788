# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind of object as data: its name, API routes, fields and modules, and the guards of its objects.

The engine reads it: engine/lookup.py finds objects, engine/planner.py plans changes, engine/reader.py reads objects for
_info modules, and engine/exporter.py exports them as options. A kind can name subclasses of these classes.
"""

from __future__ import annotations

import enum
import functools
import typing as t
from dataclasses import dataclass, field

from ..base.limits import PAGE_SIZE
from ..base.row import Params, Row
from ..base.text import counted
from .api_paths import read_field
from .field import Field, accept_all, file_options
from .module_spec import ArgumentSpec, ModuleSpec, Option


class Shape(enum.Enum):
    """The number of objects of a kind in a tenant, and whether modules can change them."""

    COLLECTION = "collection"
    """Any number of objects with IDs, which modules create, update and delete."""
    SINGLETON = "singleton"
    """One object without an ID. It always exists, so modules only update it."""
    READ_ONLY = "read_only"
    """Any number of objects that modules of other kinds refer to."""


@dataclass(frozen=True, kw_only=True)
class Routes:
    """The paths of a kind in the API, as in the contract. The ID of an object is written ``{id}``.

    ``list`` is the path of the list and of POST requests. A singleton has none. ``object`` is the path of one object.
    ``update`` is the method that changes an object. PATCH sends the fields that differ, PUT and POST replace the
    object. ``page_size`` is None for a list without the parameter ``limit``. ``explicit_offset`` is true for a list
    that requires ``offset=0`` for its first page. ``rows_key`` is the property of the response that has the objects, if
    it can be null. ``name_filter`` is the query parameter that filters the list by name, "" if there is none. It does
    not have to be exact: see engine/lookup.py. ``extra_prefixes`` are prefixes of other paths that return the same
    objects. ``list_query`` are parameters of each request for the list. If Esper rejects them, the list is read without
    them. ``has_object_get`` is false if Esper has no GET for one object, so it is found in the list.

    With ``keeps_omitted``, PUT and POST keep the properties that a body omits. With ``counts_page``, the number in the
    list is that of the objects on the page. ``object_key`` is the property that has the object in responses with one
    object, "" if the whole response is the object. Responses without it are accepted too.
    """

    list: str = ""
    object: str = ""
    update: t.Literal["PATCH", "PUT", "POST"] = "PATCH"
    page_size: int | None = PAGE_SIZE
    explicit_offset: bool = False
    rows_key: str = "results"
    name_filter: str = "name"
    extra_prefixes: tuple[str, ...] = ()
    list_query: t.Mapping[str, t.Any] = field(default_factory=dict)
    has_object_get: bool = True
    keeps_omitted: bool = False
    counts_page: bool = False
    object_key: str = ""

    @property
    def replaces(self) -> bool:
        """True if an update replaces the object, so its body must have all fields."""
        return self.update != "PATCH" and not self.keeps_omitted

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Prefixes of the paths whose cached responses are out of date after a write request."""
        return (self.list or self.object, *self.extra_prefixes)


@dataclass(frozen=True)
class Users:
    """The users of an object, if the task can change them too: phrases for those after the task, and the objects, by
    kind and ID, that use it only before the task. Those must change before the object is deleted."""

    phrases: tuple[str, ...]
    former: tuple[tuple[Kind, t.Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Protects objects in use from deletion. ``users(view, row)`` returns phrases for the users of an object, or Users.

    ``view`` is the TenantView, for reading related objects. With ``also_update``, the object is protected from changes
    too. ``option`` is the option that allows the request anyway, "" if Esper always rejects it. ``advice`` is the
    action for the error message. ``reads`` are the fields with the users. If the value of one of them is invalid, the
    object counts as in use.
    """

    users: t.Callable[[t.Any, Row], t.Sequence[str] | Users]
    advice: str = "Remove it from there first"
    option: str = "force"
    also_update: bool = False
    reads: tuple[str, ...] = ()


def used_in(
    field: str, title: str, name: str = "name", *, kind: str = "", names_in: str = ""
) -> t.Callable[[t.Any, Row], Users]:
    """Return the function of a Guard that reads the users from a field of the object, a list of dicts.

    ``title`` is a user in a sentence, ``name`` the API's key for its name. If the same task can delete a user or remove
    the object from it, ``kind`` is the name of its kind, and ``names_in`` its field that names the objects.
    """

    def users(view: t.Any, row: Row) -> Users:
        planned_kind: Kind | None = view.planned_kind(kind)
        phrases, former = [], []
        for user in row.get(field) or []:
            if planned_kind is not None and _is_former(view, planned_kind, names_in, user.get("id"), str(row["id"])):
                former.append((planned_kind, user.get("id")))
            else:
                phrases.append(f"the {title} '{user.get(name)}'")
        return Users(tuple(phrases), tuple(former))

    return users


def _is_former(view: t.Any, kind: Kind, names_in: str, user_id: t.Any, object_id: str) -> bool:
    """Return whether a plan deletes a user, or removes the object with an ID from the field that names its objects."""
    if view.is_deleted(kind, user_id):
        return True
    planned = view.planned_object(kind, user_id)
    field = next(each for each in kind.fields if each.name == names_in)
    if planned is None or field.names is None:
        return False
    return all(str(each.id) != object_id for each in field.names.objects(read_field(field, planned)))


def counted_in(field: str, title: str) -> t.Callable[[t.Any, Row], list[str]]:
    """Return the function of a Guard that reads the number of users from a field of the object."""

    def users(_view: t.Any, row: Row) -> list[str]:
        count = row.get(field)
        return [counted(count, title)] if isinstance(count, int) and count > 0 else []

    return users


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A local file that is sent when an object is created. ``option`` is the option with its path, ``key`` the API's
    key for it in the form, ``name_option`` the option with the file name to send, if there is one."""

    option: str
    key: str
    name_option: str = ""
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """The part that a kind takes in a tenant as code.

    ``plan`` is true if the module tenant manages the objects. ``export`` says whether tenant_export writes them:
    "always", "on_request" only if the task names the kind, "never" if Esper does not return enough to create them
    again. ``prune`` is true if tenant can delete those that a task does not list. ``is_built_in`` returns true for an
    object of Esper's own, which is neither exported nor deleted. ``in_one_file`` is true if all objects are in one file
    of a tree, because they are small and belong together. ``reason`` says why a kind does not take part in all of it,
    for the guide. ``from_text`` returns the options of an object that a task lists as a text, and ``text_doc`` is the
    sentence about such objects.
    """

    plan: bool = True
    export: t.Literal["always", "on_request", "never"] = "always"
    prune: bool = True
    is_built_in: t.Callable[[Row], bool] = lambda _row: False
    in_one_file: bool = False
    reason: str = ""
    from_text: t.Callable[[str], Row] | None = None
    text_doc: str = ""


def not_in_tenant(reason: str) -> Tenant:
    """Return the part of a kind whose objects are managed by its own module only."""
    return Tenant(plan=False, export="never", prune=False, reason=reason)


@dataclass(frozen=True)
class Related:
    """A value of an _info module that takes requests of its own, and is returned if a boolean option is true.

    ``read(view, row, params)`` returns the value for an object in API format, as in the field.
    """

    field: Field
    option: Option
    read: t.Callable[[t.Any, Row, Params], t.Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind:
    """A kind of object.

    ``name`` is the name of the module and of its return value. ``title`` is an object in a sentence. ``plural`` is the
    return value of the _info module. ``name_key`` and ``id_key`` are the API's keys for the name and the ID, ``id_key``
    is "" for objects without an ID, which are only read.

    ``module`` and ``info_module`` are the interfaces of the modules, None if there is no module. ``fixed_payload``
    returns values that the API requires in addition to the fields if an object is created or replaced, from the API URL
    and the ID of the tenant. ``label`` returns the name of an object for people. ``guards`` protect objects from
    deletion. ``uploads`` are files of a new object. A kind with files creates objects by a form instead of JSON.
    ``related`` are values that only the _info module returns. ``adapt`` returns an object in a response in the form
    that the fields describe, if responses have several forms. It must accept values of any type. ``to_api`` returns the
    body of a request in API format, if that is another form. ``find_keys`` returns the texts by which an object is
    found, if it is not the name.

    If the response to a create is lost, the object is looked up by its name. ``on_lost_create`` is "fail" for an object
    that is useless without this response, such as a token. With "adopt", the object is used. ``validator`` returns the
    error of a new or changed object in collection terms, "" if it is valid.

    ``on_difference`` is the effect of a change of a ``create_only`` field. "fail": the task fails. "replace": it also
    fails, unless it sets the option ``replace``. Then the object is deleted and created again. ``returns_name`` is
    false if responses do not have the name. Then ``routes.name_filter`` must be exact. ``creates`` is false if only
    Esper creates the objects, so an object that does not exist is an error.

    ``absent_states`` are the values of the option ``state`` after which the object does not exist.

    ``view_key`` is the key of the kind in TenantView. It defaults to the name, and differs if a module manages versions
    of the objects of another kind. ``tenant`` is the part of the kind in a tenant as code.

    ``lookup``, ``planner``, ``reader`` and ``exporter`` are subclasses of Lookup, Planner, Reader and Exporter in
    ``engine``.
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
    validator: t.Callable[[Row], str] = accept_all
    on_difference: t.Literal["fail", "replace"] = "fail"
    returns_name: bool = True
    creates: bool = True
    adapt: t.Callable[[Row], Row] | None = None
    to_api: t.Callable[[Row], Row] | None = None
    find_keys: t.Callable[[Row], t.Iterable[str]] | None = None
    on_lost_create: t.Literal["adopt", "fail"] = "adopt"
    absent_states: tuple[str, ...] = ("absent",)
    tenant: Tenant = field(default_factory=Tenant)
    uploads: tuple[Upload, ...] = ()
    related: tuple[Related, ...] = ()
    view_key: str = ""
    info_name: str = ""
    lookup: type[t.Any] | None = None
    planner: type[t.Any] | None = None
    reader: type[t.Any] | None = None
    exporter: type[t.Any] | None = None

    @property
    def key(self) -> str:
        """The key of the kind in TenantView."""
        return self.view_key or self.name

    @property
    def options(self) -> ArgumentSpec:
        """The options of the module in the form of an argument spec, without those of the connection."""
        return self.module.argument_spec if self.module else {}

    @property
    def rules(self) -> dict[str, t.Any]:
        """The rules between the options, such as mutually_exclusive, in the form of AnsibleModule."""
        return dict(self.module.rules) if self.module else {}

    @property
    def sources(self) -> tuple[str, ...]:
        """The options that name a local file or directory: see ModuleSpec."""
        return self.module.sources if self.module else ()

    @functools.cached_property
    def file_options(self) -> tuple[str, ...]:
        """The dotted paths of the options that name a file with a text: see Field.file_option."""
        return tuple(file_options(self.fields))

    @functools.cached_property
    def has_secrets(self) -> bool:
        """True if an object has secret properties."""
        return any(field.has_secrets for field in self.fields)

    @property
    def has_ids(self) -> bool:
        """True if each object has an ID."""
        return bool(self.id_key) and self.shape is not Shape.SINGLETON

    @functools.cached_property
    def depends_on(self) -> frozenset[str]:
        """The names of the kinds whose objects the fields refer to by name. They are created before, and deleted after.

        References by ID do not count, because those objects exist before the task.
        """
        return frozenset(_referenced_kinds(self.fields)) - {self.name}

    @property
    def tenant_option(self) -> str:
        """The option of the module tenant: a list of objects, or the object of a singleton."""
        return self.name if self.shape is Shape.SINGLETON else self.plural

    @property
    def info_value(self) -> str:
        """The return value of the _info module: a list of objects, or the object of a singleton."""
        return self.info_name or self.tenant_option

    @property
    def can_prune(self) -> bool:
        """True if the module tenant can delete the objects that a task does not list."""
        states = self.options.get("state", {}).get("choices", ())
        return self.tenant.plan and self.tenant.prune and self.has_ids and not {*self.absent_states}.isdisjoint(states)

    @property
    def titles(self) -> str:
        """Objects of the kind in a sentence, such as "device groups"."""
        if self.shape is Shape.SINGLETON:
            return self.title
        return f"{self.title}s" if self.plural == f"{self.name}s" else self.plural.replace("_", " ")

    @property
    def purpose_of_list(self) -> str:
        """The start of an error message about reading the list."""
        return f"Reading the {self.titles}"

    def name_of(self, row: Row) -> str:
        """Return the name of an object for people."""
        if self.label is not None:
            return self.label(row)
        return str(row.get(self.name_key) or row.get(self.id_key) or self.title)

    def adapted(self, row: Row) -> Row:
        """Return an object in a response in the form that the fields describe."""
        return row if self.adapt is None else self.adapt(row)

    def encode(self, body: Row) -> Row:
        """Return the body of a request in API format."""
        return body if self.to_api is None else self.to_api(body)

    def keys_of(self, row: Row) -> t.Iterable[str]:
        """Return the texts by which an object is found."""
        return (str(row.get(self.name_key) or ""),) if self.find_keys is None else self.find_keys(row)

    def phrase(self, row: Row) -> str:
        """Return an object in a sentence, such as "device group 'Berlin'"."""
        return self.title if self.shape is Shape.SINGLETON else f"{self.title} '{self.name_of(row)}'"

    def header(self, row: Row) -> str:
        """Return the header of an object in a diff."""
        return self.title if self.shape is Shape.SINGLETON else f"{self.title} {self.name_of(row)}"

    def to_result(self, row: Row) -> Row:
        """Return an object of the API in collection terms, without secrets."""
        return {field.name: field.from_api(read_field(field, row)) for field in self.fields if not field.secret}


def _referenced_kinds(fields: t.Iterable[Field]) -> t.Iterator[str]:
    for each in fields:
        yield from (reference.kind for reference in each.references if reference.options)
        if each.names is not None and each.writable:
            yield each.names.kind.name
        yield from _referenced_kinds(each.fields)
