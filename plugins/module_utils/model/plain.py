# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain kinds, whose modules are derived from their fields."""

from __future__ import annotations

import typing as t
from types import MappingProxyType

from .field import Field, Words, exclusive_options, file_options
from .kind import Guard, Kind, Related, Routes, Shape, Upload
from .module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value, state_option, writable

_OMITTED = "Options you omit are not changed."


def plain_kind(
    *,
    name: str,
    doc: Words,
    routes: Routes,
    fields: tuple[Field, ...],
    title: str = "",
    plural: str = "",
    keys: tuple[str, ...] = ("name",),
    guards: tuple[Guard, ...] = (),
    uploads: tuple[Upload, ...] = (),
    related: tuple[Related, ...] = (),
    options: tuple[Option, ...] = (),
    info_options: tuple[Option, ...] = (),
    creates: bool = True,
    deletes: bool = True,
    states: t.Mapping[str, str] = MappingProxyType({}),
    rules: t.Mapping[str, t.Any] = MappingProxyType({}),
    info_rules: t.Mapping[str, t.Any] = MappingProxyType({}),
    short_description: str = "",
    info_short_description: str = "",
    seealso: tuple[str, ...] = (),
    returns: tuple[Value, ...] = (),
    info_returns: tuple[Value, ...] = (),
    **attributes: t.Any,
) -> Kind:
    """Return a kind whose objects have an ID, and a name or other keys, with a module and an _info module.

    ``doc`` is the purpose of the objects. ``title`` defaults to the name, ``plural`` to the name with an s. ``keys``
    are the options that select an object in place of its ID. If they are not ("name",), the kind has a lookup of its
    own. ``options`` and ``info_options`` are added to those of the modules, where an option ``force`` replaces the
    derived one, ``rules`` and ``info_rules`` to the rules between the options. ``short_description`` and
    ``info_short_description`` replace the derived ones, for example because ansible-doc -l has 80 columns. ``seealso``
    are other modules. ``deletes`` is false if Esper cannot delete the objects,
    ``creates`` if it cannot create them either. ``states`` are the choices of the option ``state`` with a sentence
    about each, if they are others, the default first. ``returns`` and ``info_returns`` are further return values. Other
    arguments are those of Kind.
    """
    deletes = creates and deletes
    title, plural = title or name.replace("_", " "), plural or f"{name}s"
    titles = f"{title}s" if plural == f"{name}s" else plural.replace("_", " ")
    id_type = next((field.type for field in fields if field.name == "id"), "str")
    has_own_force = any(option.name == "force" for option in options)
    has_force = any(guard.option == "force" for guard in guards) and not has_own_force
    has_name = "name" in keys
    filters = {option.name for option in info_options}
    selectors = [f"O({key})" for key in ("id", *keys) if key in ("id", *filters)]
    selected_by = "name or ID" if has_name else " or ".join(selectors) if len(selectors) == 2 else "ID"
    can_replace = attributes.get("on_difference") == "replace"
    unless = " unless O(state=absent)" if deletes else ""
    module = ModuleSpec(
        short_description=short_description or f"Manage Esper {titles}",
        description=(
            *((f"{_verbs(fields, renames=has_name, deletes=deletes)} {titles}.",) if creates else ()),
            *_paragraphs(doc),
            *(() if creates else (f"The Esper API cannot create or delete {titles}.",)),
            _OMITTED,
        ),
        options=(
            *((state_option(title, deletes=deletes, states=states),) if creates else ()),
            _id_option(f"ID of the {title}. The {title} must exist{unless}.", id_type),
            *writable(fields),
            *options,
            *((_replace_option(title),) if can_replace else ()),
            *((_force_option(title, can_replace=can_replace),) if has_force else ()),
        ),
        rules=_rules(fields, keys, rules),
        returns=returns,
        sources=(*file_options(fields), *(upload.option for upload in uploads)),
        seealso=(f"{name}_info", *seealso),
    )
    info_module = ModuleSpec(
        short_description=info_short_description or f"Get information about Esper {titles}",
        description=(
            f"Returns one {title} by {selected_by}, or all {titles} of the tenant.",
            f"If the {title} does not exist, the list is empty.",
        ),
        options=(
            _id_option(f"ID of the {title}.", id_type),
            *((Option("name", f"Name of the {title}, case-sensitive.", identifier=True),) if has_name else ()),
            *(_separate_option(field, titles) for field in fields if field.request_option),
            *{each.option.name: each.option for each in related}.values(),
            *info_options,
        ),
        rules={"mutually_exclusive": _exclusive(info_options, has_name=has_name), **info_rules},
        returns=info_returns,
        check_mode=READS_ONLY,
        diff_mode=NO_DIFF,
        seealso=(name, *seealso),
    )
    return Kind(
        name=name,
        title=title,
        plural=plural,
        routes=routes,
        fields=fields,
        creates=creates,
        guards=guards,
        uploads=uploads,
        related=related,
        module=module,
        info_module=info_module,
        **attributes,
    )


def plain_reading(
    *,
    name: str,
    plural: str,
    short_description: str,
    doc: Words,
    routes: Routes,
    fields: tuple[Field, ...],
    options: tuple[Option, ...] = (),
    rules: t.Mapping[str, t.Any] = MappingProxyType({}),
    returns: tuple[Value, ...] = (),
    seealso: tuple[str, ...] = (),
    title: str = "",
    **attributes: t.Any,
) -> Kind:
    """Return a kind of values that modules only read, such as locations, with an _info module.

    ``doc`` is the description of the module. ``options`` are those of the module: see Option.query. Without the route
    of a list, the module returns one object, which the options select. It is null if Esper returns HTTP 404. Other
    arguments are those of ModuleSpec and Kind.
    """
    return Kind(
        name=name,
        title=title or name.replace("_", " "),
        plural=plural,
        routes=routes,
        fields=fields,
        shape=Shape.READ_ONLY if routes.list else Shape.SINGLETON,
        info_module=ModuleSpec(
            short_description=short_description,
            description=doc,
            options=options,
            rules=rules,
            returns=returns,
            check_mode=READS_ONLY,
            diff_mode=NO_DIFF,
            seealso=seealso,
        ),
        **attributes,
    )


def plain_singleton(
    *,
    name: str,
    title: str,
    titles: str = "",
    doc: Words,
    routes: Routes,
    fields: tuple[Field, ...],
    info_doc: Words = (),
    info_returns: tuple[Value, ...] = (),
    seealso: tuple[str, ...] = (),
    **attributes: t.Any,
) -> Kind:
    """Return a kind of which each tenant has one object, with a module that updates it and an _info module.

    ``title`` is the object in a sentence, ``titles`` the one in short descriptions, if it is another, ``doc`` its
    purpose. ``info_doc`` and ``info_returns`` are added to the description and the return values of the _info module.
    ``seealso`` are other modules. Other arguments are those of Kind.
    """
    return Kind(
        name=name,
        title=title,
        plural=name,
        routes=routes,
        fields=fields,
        shape=Shape.SINGLETON,
        module=ModuleSpec(
            short_description=f"Manage Esper {titles or title}",
            description=(f"Sets the {title} of the tenant.", *_paragraphs(doc), _OMITTED),
            options=writable(fields),
            returns=(
                Value(
                    name,
                    f"The {title} after the task. In check mode, the predicted state.",
                    type="dict",
                    contains=fields,
                ),
            ),
            seealso=(f"{name}_info", *seealso),
        ),
        info_module=ModuleSpec(
            short_description=f"Get information about Esper {titles or title}",
            description=(f"Returns the {title} of the tenant.", *_paragraphs(info_doc)),
            returns=info_returns,
            check_mode=READS_ONLY,
            diff_mode=NO_DIFF,
            seealso=(name, *seealso),
        ),
        **attributes,
    )


def _exclusive(options: t.Iterable[Option], *, has_name: bool) -> list[tuple[str, str]]:
    """Return the pairs of options of an _info module that exclude each other: a selector and a filter of the list."""
    filters = [option.name for option in options if option.query]
    pairs = [(selector, name) for selector in (("id", "name") if has_name else ("id",)) for name in filters]
    return [("id", "name"), *pairs] if has_name else pairs


def _id_option(doc: str, id_type: str) -> Option:
    return Option("id", doc, type=id_type, identifier=True)


def _separate_option(field: Field, titles: str) -> Option:
    doc = f"If V(true), also returns the {field.request_option} of the {titles}. This takes one request for each."
    return Option(field.request_option, doc, type="bool", default=False)


def _verbs(fields: t.Iterable[Field], *, renames: bool, deletes: bool) -> str:
    """Return what the module does with objects."""
    changes = any(field.writable and not field.create_only for field in fields)
    changing = ["updates", "renames"] if renames else ["updates"]
    verbs = ["Creates", *(changing if changes else ()), *(("deletes",) if deletes else ())]
    return " and ".join(filter(None, [", ".join(verbs[:-1]), verbs[-1]]))


def _rules(fields: tuple[Field, ...], keys: tuple[str, ...], rules: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the rules between the options of a module."""
    own: dict[str, list[tuple[str, ...]]] = {
        "required_one_of": [("id", *keys)],
        "mutually_exclusive": [*exclusive_options(fields)],
    }
    joined = {name: [*own.get(name, ()), *rules.get(name, ())] for name in (*own, *rules)}
    return {name: values for name, values in joined.items() if values}


def _replace_option(title: str) -> Option:
    return Option(
        "replace",
        (
            f"If V(true), a {title} that differs is deleted and created again, because Esper cannot change it. It gets"
            " another ID. If V(false), the task fails instead, and the error names the options that differ.",
            "Options you omit keep their values. If the creation fails after the deletion, these values are lost, so"
            " set all options.",
        ),
        type="bool",
        default=False,
    )


def _force_option(title: str, *, can_replace: bool) -> Option:
    deleted = "deleted or replaced" if can_replace else "deleted"
    return Option(
        "force",
        f"If V(true), the {title} is {deleted} even if it is in use. If V(false), the task fails instead, and the error"
        " names the users.",
        type="bool",
        default=False,
    )


def _paragraphs(doc: Words) -> tuple[str, ...]:
    return (doc,) if isinstance(doc, str) else doc
