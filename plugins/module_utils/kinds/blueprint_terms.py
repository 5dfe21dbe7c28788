# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for the IDs of plain kinds in the settings of a blueprint, such as wallpapers.

A dict in the settings, or each dict in a list, refers to an object if its field has a Reference with options: see
blueprint_fields.py. The first option names the object, the second one a part of it, such as a version. TERMS has the
kinds of the objects. Apps and content files have rules of their own: see blueprint_names.py.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from ..base.errors import Ambiguous, ApiError, InvalidParameter, NotFound
from ..base.ids import is_uuid, normal_id
from ..base.row import Params, Row
from ..base.text import composed
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..model.api_paths import read_field
from ..model.conform import to_row, to_rows
from ..model.field import Field, Reference
from ..model.kind import Kind
from ..model.unknowns import KnownAfterApply
from .custom_action import CUSTOM_ACTION
from .provisioning_profile import PROVISIONING_PROFILE
from .provisioning_profile_versions import versions_as_planned
from .wallpaper import WALLPAPER
from .webclip import WEBCLIP
from .webclip_apps import WEBCLIP_APP, apps_of_webclip, webclips_by_name


def _list_all(view: TenantView, kind: Kind) -> list[Row]:
    return view.list_objects(kind)


def _no_scope(_field: str) -> Params:
    return {}


@dataclass(frozen=True, kw_only=True)
class Part:
    """The parts of an object that settings refer to, such as the versions of a profile.

    ``rows(view, object)`` returns them, the default one first. ``title`` is a part in a sentence. ``id_key`` is the key
    of its ID, and ``name_key`` that of its name. ``latest`` is a text for the default part. If ``has_default`` is
    false, the part of an object with several parts must be set.
    """

    title: str
    rows: t.Callable[[TenantView, Row], list[Row]]
    id_key: str = "id"
    name_key: str = "name"
    latest: str = ""
    has_default: bool = True


@dataclass(frozen=True, kw_only=True)
class Term:
    """The objects of a kind in settings.

    ``scope`` returns the options that select the object together with its name, from the name of the field, because
    names can be unique only among some objects. ``part`` describes the part that the second option names, or that
    follows from the object. ``values`` are in each dict that refers to such an object. ``rows`` returns all existing
    objects with their names.
    """

    kind: Kind
    scope: t.Callable[[str], Params] = _no_scope
    part: Part | None = None
    values: t.Mapping[str, str] = dataclass_field(default_factory=dict)
    rows: t.Callable[[TenantView, Kind], list[Row]] = _list_all


TERMS: dict[str, Term] = {
    "custom_action": Term(
        kind=CUSTOM_ACTION,
        part=Part(
            title="option",
            rows=lambda _view, action: to_rows(action.get("options")),
            id_key="key",
            name_key="label",
            has_default=False,
        ),
    ),
    "provisioning_profile": Term(
        kind=PROVISIONING_PROFILE,
        part=Part(title="version", rows=versions_as_planned, name_key="uuid", latest="latest"),
    ),
    "wallpaper": Term(kind=WALLPAPER, scope=lambda orientation: {"orientation": orientation}),
    "webclip": Term(
        kind=WEBCLIP,
        part=Part(title="version", rows=apps_of_webclip, id_key="app_version_id"),
        values=WEBCLIP_APP,
        rows=webclips_by_name,
    ),
}

# The result of _fields_with_terms() by the id() of a field.
_FIELDS_WITH_TERMS: dict[int, tuple[Field, tuple[Field, ...]]] = {}


class Terms:
    """Conversion of names to IDs and back, for one task. Raises what Client.request raises."""

    def __init__(self, view: TenantView) -> None:
        self._view = view

    # --- the settings of a task ---------------------------------------------------------------------------------------

    def resolve(self, field: Field, desired: Row, current: Row, path: str) -> tuple[Row, Row]:
        """Return a dict of the settings of a task with the IDs of all names in it, and the current dict (in API format)
        with the names of the objects that the task names.

        Raise NotFound, Ambiguous or InvalidParameter if a name does not select one object.
        """
        for child in _fields_with_terms(field):
            value, known = desired.get(child.name), to_row(current).get(child.api_name)
            child_path = f"{path}.{child.name}"
            if isinstance(value, dict):
                value, known = self._resolve_dict(child, value, to_row(known), child_path)
                if known:
                    current = {**current, child.api_name: known}
            elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
                items = [item for item in known if isinstance(item, dict)] if isinstance(known, list) else []
                is_named = any(item.get(name) is not None for item in value for name in _options_of(child))
                value = [
                    self._resolve_item(child, item, items, f"{child_path}[{number}]")
                    for number, item in enumerate(value)
                ]
                if is_named and len(items) == len(known or ()):
                    current = {**current, child.api_name: [self._with_names(child, item) for item in items]}
            desired = {**desired, child.name: value} if child.name in desired else desired
        return desired, current

    def _resolve_dict(self, field: Field, desired: Row, current: Row, path: str) -> tuple[Row, Row]:
        is_named = any(desired.get(name) is not None for name in _options_of(field))
        desired = self._resolve_item(field, desired, [current], path)
        current = self._with_names(field, current) if is_named and current else current
        return self.resolve(field, desired, current, path)

    def _resolve_item(self, field: Field, desired: Row, current: list[Row], path: str) -> Row:
        """Return a dict of the task with the IDs of the objects that it names. ``current`` are the existing dicts."""
        for reference in _references_of(field):
            desired = self._resolve_reference(field, reference, desired, current, path)
        return desired

    def _resolve_reference(
        self, field: Field, reference: Reference, desired: Row, current: list[Row], path: str
    ) -> Row:
        (option, *part_options), (key, *part_keys) = reference.options, reference.api_keys
        has_part = any(desired.get(name) is not None for name in part_options)
        text = desired.get(option)
        if text is None and has_part:
            text = desired.get(key)
        if text is None:
            return desired
        term = TERMS[reference.kind]
        row = self._find(term, term.scope(field.name), str(text), key)
        identifier = row[term.kind.id_key]
        self._check_values(term, option, key, desired, identifier, path)
        # Options that the task omits are null.
        desired = {**desired, **term.values, key: _text(identifier)}
        if term.part is None or not part_keys or desired.get(part_keys[0]) is not None:
            return desired
        name = desired.get(part_options[0]) if part_options else None
        kept = next((item.get(part_keys[0]) for item in current if _is_same(item.get(key), identifier)), None)
        if name is None and kept is not None:
            return {**desired, part_keys[0]: kept}
        part_path = f"{path}.{part_options[0]}" if part_options else path
        part = self._find_part(term, term.part, row, name, part_path)
        names = {part_options[0]: part.get(term.part.name_key)} if part_options else {}
        return {**desired, **names, part_keys[0]: _text(part[term.part.id_key])}

    def _find(self, term: Term, scope: Params, text: str, key: str) -> Row:
        """Return the object with a name or ID. ``key`` is the option for the ID. Raise NotFound or Ambiguous."""
        selector = {"id" if is_uuid(text.strip()) else "name": text.strip()}
        try:
            row = lookup_of(self._view, term.kind).find({**scope, **selector})
        except Ambiguous as error:
            # The module of the kind has other options than the blueprint.
            raise Ambiguous(self._title(term, scope), text, error.candidates, f"Set {key} instead.") from None
        if row is None:
            raise NotFound(self._title(term, scope), text, map(term.kind.name_of, self._in_scope(term, scope)))
        return row

    def _in_scope(self, term: Term, scope: Params) -> list[Row]:
        """Return the existing objects that can have a name, none if Esper does not return them."""
        fields = [each for each in term.kind.fields if each.name in scope]
        return [
            row
            for row in self._rows(term)
            if all(each.from_api(read_field(each, row)) == scope[each.name] for each in fields)
        ]

    def _rows(self, term: Term) -> list[Row]:
        """Return all existing objects. They are only needed for names, so an error is a warning."""
        try:
            return term.rows(self._view, term.kind)
        except ApiError as error:
            self._warn(f"The names of the {term.kind.titles} in blueprints are null.", error)
            return []

    def _warn(self, sentence: str, error: ApiError) -> None:
        """Add a warning about an error. Raise the error if all other requests fail too."""
        if error.status == 401:
            raise error
        self._view.warn(f"{sentence} {error}")

    @staticmethod
    def _title(term: Term, scope: Params) -> str:
        return " ".join([*map(str, scope.values()), term.kind.title])

    def _check_values(self, term: Term, option: str, key: str, desired: Row, identifier: t.Any, path: str) -> None:
        """Raise InvalidParameter if a name and another value are those of two objects."""
        for other, value in {key: identifier, **term.values}.items():
            set_value = desired.get(other)
            if set_value is not None and not _is_same(set_value, value):
                raise InvalidParameter(
                    f"Invalid parameters for the blueprint: {path} has the {option} '{desired.get(option)}', but the"
                    f" {other} '{set_value}' is not that of this {term.kind.title}. Set only one of them."
                )

    def _find_part(self, term: Term, part: Part, row: Row, name: t.Any, path: str) -> Row:
        """Return the part that a task names. Raise InvalidParameter or NotFound."""
        rows = [each for each in part.rows(self._view, row) if each.get(part.id_key)]
        names = [str(each[part.name_key]) for each in rows if each.get(part.name_key)]
        if name is None and len(rows) > 1 and not part.has_default:
            raise InvalidParameter(
                f"Invalid parameters for the blueprint: {path} is required, because the {term.kind.phrase(row)} has"
                f" several: {', '.join(names)}."
            )
        is_default = name is None or (part.latest and str(name).strip() == part.latest)
        text = normal_id(composed(str(name)).strip())
        found = [
            each
            for each in rows
            if is_default
            or text in (_text(each.get(part.id_key)), _text(composed(str(each.get(part.name_key))).strip()))
        ]
        if not found and is_default:
            raise InvalidParameter(
                f"Invalid parameters for the blueprint: {path} cannot refer to the {term.kind.phrase(row)}, because"
                f" Esper returned no {part.title} of it."
            )
        if not found:
            raise NotFound(part.title, str(name), names, f"Set one of the {term.kind.phrase(row)}.")
        return found[0]

    # --- the settings of Esper ----------------------------------------------------------------------------------------

    def add_names(self, field: Field, settings: Row, other: Row) -> Row:
        """Return a dict of settings in API format with the names of all objects, except those in dicts that ``other``
        has too."""
        for child in _fields_with_terms(field):
            value, same = settings.get(child.api_name), to_row(other).get(child.api_name)
            if isinstance(value, dict) and value != same:
                named: t.Any = self._with_names(child, self.add_names(child, value, to_row(same)))
            elif isinstance(value, list):
                known = same if isinstance(same, list) else []
                named = [
                    self._with_names(child, item) if isinstance(item, dict) and item not in known else item
                    for item in value
                ]
            else:
                continue
            settings = {**settings, child.api_name: named}
        return settings

    def _with_names(self, field: Field, item: Row) -> Row:
        """Return a dict in API format with the names of the objects that it refers to, null if they do not exist."""
        for reference in _references_of(field):
            (option, *part_options), (key, *part_keys) = reference.options, reference.api_keys
            term = TERMS[reference.kind]
            if item.get(key) is None or any(item.get(other) != value for other, value in term.values.items()):
                continue
            row, name = self._named(term, term.scope(field.name), item[key])
            item = {**item, option: name}
            if term.part is not None and part_options:
                item[part_options[0]] = self._name_of_part(term.part, row, item.get(part_keys[0]))
        return item

    def _named(self, term: Term, scope: Params, identifier: t.Any) -> tuple[Row | None, str | None]:
        """Return an existing object and its name, null if other objects have the same name."""
        row = next((each for each in self._rows(term) if _is_same(each[term.kind.id_key], identifier)), None)
        if row is None:
            return None, None
        name = term.kind.name_of(row)
        same = [each for each in self._in_scope(term, scope) if term.kind.name_of(each) == name]
        return row, name if same in ([row], []) else None

    def _name_of_part(self, part: Part, row: Row | None, identifier: t.Any) -> str | None:
        try:
            rows = [] if row is None else part.rows(self._view, row)
        except ApiError as error:
            self._warn(f"The name of a {part.title} in blueprints is null.", error)
            return None
        found = next((each for each in rows if _is_same(each.get(part.id_key), identifier)), None)
        return None if found is None else str(found.get(part.name_key))


def with_planned_names(field: Field, settings: Row, planned: Row) -> Row:
    """Return a dict of the settings in a response with the names that were known during planning."""
    for child in _fields_with_terms(field):
        value, known = settings.get(child.api_name), to_row(planned).get(child.api_name)
        if isinstance(value, dict):
            named: t.Any = with_planned_names(child, _with_known_names(child, value, [to_row(known)]), to_row(known))
        elif isinstance(value, list) and isinstance(known, list):
            items = [item for item in known if isinstance(item, dict)]
            named = [_with_known_names(child, item, items) if isinstance(item, dict) else item for item in value]
        else:
            continue
        settings = {**settings, child.api_name: named}
    return settings


def _with_known_names(field: Field, item: Row, planned: list[Row]) -> Row:
    for reference in _references_of(field):
        for other in planned:
            if all(_is_same(item.get(key), other.get(key)) for key in reference.api_keys):
                item = {**{name: other[name] for name in reference.options if name in other}, **item}
                break
    return item


def _fields_with_terms(field: Field) -> tuple[Field, ...]:
    """Return the fields in a dict that refer to objects of TERMS, or contain such fields."""
    known = _FIELDS_WITH_TERMS.get(id(field))
    if known is None:
        found = tuple(child for child in field.fields if _references_of(child) or _fields_with_terms(child))
        # With the field, so that no other one gets its id().
        known = _FIELDS_WITH_TERMS[id(field)] = (field, found)
    return known[1]


def _references_of(field: Field) -> list[Reference]:
    return [reference for reference in field.references if reference.kind in TERMS and reference.options]


def _options_of(field: Field) -> list[str]:
    return [name for reference in _references_of(field) for name in reference.options]


def _text(identifier: t.Any) -> t.Any:
    if isinstance(identifier, KnownAfterApply):
        return identifier.transformed(str)
    return normal_id(str(identifier))


def _is_same(one: t.Any, other: t.Any) -> bool:
    return bool(_text(one) == _text(other))
