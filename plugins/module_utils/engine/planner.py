# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning of changes. A planner sends GET requests only and returns the write requests as steps."""

from __future__ import annotations

import functools
import re
import typing as t
from dataclasses import replace
from pathlib import Path

from ..base.checksums import check_upload
from ..base.errors import ApiError, EsperError, InvalidParameter, InvalidValues, NotFound
from ..base.ids import is_uuid, normal_id
from ..base.row import Params, Row
from ..base.text import listed
from ..http.forms import Form
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.api_paths import body_of
from ..model.compare import Comparison, compare_object, missing_error
from ..model.field import Field, SeparateRoute
from ..model.kind import Kind, Shape, Upload, Users
from ..model.names import NamedObject, Names
from ..model.plan import Effect, ObjectDiff, Plan, Step
from ..model.unknowns import KnownAfterApply
from ..model.values import NULL
from .lookup import Lookup, lookup_of, separate_texts
from .tenant_view import TenantView
from .text_files import with_texts

_Item = t.TypeVar("_Item")


class Planner:
    """Plans changes of objects of one kind. Methods raise the errors of Client.request(), and InvalidParameter."""

    def __init__(self, view: TenantView, kind: Kind) -> None:
        self.view = view
        self.kind = kind
        self._is_merge = False
        """True if an update is sent even if nothing differs."""

    @property
    def lookup(self) -> Lookup:
        """The lookup of the kind."""
        return lookup_of(self.view, self.kind)

    def plan(self, params: Params, current: Row | None) -> Plan:
        """Return the plan that brings an object to its desired state.

        ``current`` is the existing object, None if there is none. Raise InvalidValues if an option is missing or
        invalid.
        """
        if current is None and self.view.has_omitted(self.kind):
            raise EsperError(
                f"Esper returned {self.kind.titles} without a valid ID, so the module cannot determine whether the"
                f" {self.kind.title} exists."
            )
        params = self._without_id_as_name(params, current)
        is_absent = params.get("state") in self.kind.absent_states
        if self.kind.file_options and not is_absent:
            params = with_texts(self.kind.fields, params)
        if is_absent:
            plan = Plan(None) if current is None else self.plan_delete(current, params)
        elif current is None:
            if not self.kind.creates:
                raise self.lookup.not_found_error(params)
            plan = self.plan_create(params)
            if isinstance(params.get("name"), str) and plan.record is not None and plan.steps:
                name = str(params["name"]).strip()
                plan.warnings += similar_name_warnings(self.kind.title, name, self.lookup.similar_names(name))
        else:
            plan = self.plan_update(current, params)
        plan.current = current
        return plan

    def _without_id_as_name(self, params: Params, current: Row | None) -> Params:
        """Return the parameters of a task with an ID that is written in place of the name as ID.

        Raise InvalidParameter if the task would give an object a UUID as name.
        """
        name = params.get("name")
        if params.get("state") in self.kind.absent_states or not isinstance(name, str) or not is_uuid(name.strip()):
            return params
        identifier = normal_id(name.strip())
        if current is not None and identifier == normal_id(current.get(self.kind.id_key)):
            return {**params, "id": params.get("id", identifier), "name": None}
        if current is None or normal_id(str(current.get(self.kind.name_key)).strip()) != identifier:
            raise uuid_as_name(self.kind.title, name)
        return params

    def desired(self, params: Params) -> Row:
        """Return the desired state of the object by field name, in normal form, without fields that the task omits."""
        exact = bool(params.get("exact"))
        values = {
            field.name: value
            for field in self.kind.fields
            if field.writable and (value := field.normalize_input(params.get(field.name), exact)) is not None
        }
        names = {field.name: field.names for field in self.kind.fields if field.names is not None}
        return {name: self._resolved(names[name], value) if name in names else value for name, value in values.items()}

    def _resolved(self, names: Names, value: t.Any) -> t.Any:
        """Return the objects that the names in a task refer to. Raise NotFound or Ambiguous. An empty text removes an
        object: see Field.null_if_empty."""
        if value == "":
            return value
        texts = value if isinstance(value, list) else [value]
        kind = t.cast("Kind", names.kind)
        rows = lookup_of(self.view, kind).resolve_all(texts)
        objects = list(dict.fromkeys(NamedObject(row[kind.id_key], kind.name_of(row)) for row in rows))
        found = [replace(each, id=str(each.id)) if isinstance(each.id, int) else each for each in objects]
        self.view.learn_names(found)
        return found if isinstance(value, list) else found[0]

    def prefetch(self, several: t.Sequence[Params]) -> None:
        """Read what the plans of several objects need with fewer requests than one by one."""
        for field in self.kind.fields:
            if field.names is not None and field.writable:
                values = [value for params in several if (value := params.get(field.name))]
                texts = {text for value in values for text in (value if isinstance(value, list) else [value])}
                if texts:
                    lookup_of(self.view, t.cast("Kind", field.names.kind)).prefetch(sorted(texts))
        if not self.kind.returns_name:
            self.read_each([params["name"] for params in several if params.get("name")], self.lookup.find_by_name)
        if separate_fields := [field for field in self.kind.fields if field.request_option]:
            fields_of = [
                [
                    field
                    for field in separate_fields
                    if params.get(field.name) is not None or params.get(field.file_option) is not None
                ]
                for params in several
            ]
            found = [
                (row, fields)
                for params, fields in zip(several, fields_of, strict=True)
                if fields and (row := self._find_or_none(params)) is not None
            ]
            self.read_each(found, lambda pair: self.lookup.read_separate_fields(*pair))

    def _find_or_none(self, params: Params) -> Row | None:
        """Return the object that a task selects. The plan of an object that cannot be found fails with the error."""
        try:
            return self.lookup.find(params)
        except EsperError:
            return None

    def read_each(self, items: t.Sequence[_Item], read: t.Callable[[_Item], t.Any]) -> None:
        """Read something for each of some objects, several at a time, until one fails. Its plan then fails, too."""
        failures: list[EsperError] = []

        def attempt(item: _Item) -> None:
            try:
                if not failures:
                    read(item)
            except EsperError as error:
                # An exception in a thread would cancel the other requests of the task.
                failures.append(error)

        if len(items) > 1:
            for _result in in_parallel(self.view.client, attempt, items, CONCURRENCY):
                pass

    def compare(
        self, current: Row, desired: Row, *, exact: bool = False, always: bool = False
    ) -> dict[str, Comparison]:
        """Return the comparison of each field by name. Raise InvalidValues if a desired value is invalid."""
        comparisons = compare_object(self.kind.fields, current, desired, exact=exact, always=always)
        _raise_if_any(error for comparison in comparisons.values() for error in comparison.errors)
        return comparisons

    def _fixed_payload(self) -> Row:
        if self.kind.fixed_payload is None:
            # Reading the ID of the tenant can take a request.
            return {}
        return self.kind.fixed_payload(self.view.client.connection.api_url, self.view.client.enterprise_id)

    # --- create -----------------------------------------------------------------------------------------------------

    def plan_create(self, params: Params) -> Plan:
        """Return the plan that creates an object: a POST, and a PUT for each property with a separate route."""
        kind = self.kind
        if params.get("id") is not None:
            raise NotFound(kind.title, str(params["id"]))
        desired = {**_create_defaults(kind.fields), **self.desired(params)}
        compared = self.compare({}, desired)
        fields = [field for field in kind.fields if field.name in desired]
        _raise_if_any((*_missing(kind.fields, desired), *_missing_files(kind.uploads, params)))
        _raise_if_any(error for field in fields for error in compared[field.name].missing)
        _raise_if_any(filter(None, [kind.validator({field.name: compared[field.name].after for field in fields})]))
        payloads = ((field, compared[field.name].payload) for field in fields if not field.separate_route)
        body = body_of(((field, payload) for field, payload in payloads if payload is not NULL), {})
        step = Step(
            purpose=f"Creating the {kind.phrase(body)}",
            method="POST",
            path=kind.routes.list,
            body=self._body(kind.encode({**self._fixed_payload(), **body}), params),
            find_existing=lambda _body: self.lookup.find(params),
        )
        empty: Row = {
            field.api_name: [] for field in fields if field.separate_route and not compared[field.name].payload
        }
        # The response to a create can lack what the list lacks.
        empty.update({field.api_name: compared[field.name].payload for field in fields if field.on_request})
        if not kind.returns_name:
            empty[kind.name_key] = body[kind.name_key]
        step.extract_object = _add_to_response(empty)
        identifier = KnownAfterApply(step, kind.id_key)
        separate_steps = [
            self._separate_step(field, field.separate_route, compared[field.name].payload, identifier, body, step)
            for field in fields
            if field.separate_route and compared[field.name].payload
        ]
        public = [field for field in fields if not field.secret]
        after = {field.name: compared[field.name].after for field in public}
        shown = {field.name: compared[field.name].shown for field in public}
        unknown = dict.fromkeys(field.name for field in kind.fields if not field.secret)
        return Plan(
            {**unknown, **after},
            [step, *separate_steps],
            [ObjectDiff(kind.header(body), {}, shown)],
            effects=[Effect(kind, identifier, {**body, kind.id_key: identifier})],
        )

    def _body(self, body: Row, params: Params) -> Row | Form:
        """Return the body of the request that creates an object: a form if the kind has files."""
        if not self.kind.uploads:
            return body
        sent = [each for each in self.kind.uploads if params.get(each.option) is not None]
        files = {each.key: Path(params[each.option]) for each in sent}
        for file in files.values():
            # A replacement must not delete the object before Esper rejects the file.
            check_upload(file)
        return Form(
            fields={key: value for key, value in body.items() if value is not None},
            files=files,
            names={each.key: params[each.name_option] for each in sent if params.get(each.name_option) is not None},
        )

    # --- update -----------------------------------------------------------------------------------------------------

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan that brings an existing object to its desired state: at most one request for the object, and
        a PUT for each property with a separate route that differs."""
        kind, desired = self.kind, self.desired(params)
        separate_fields = [field for field in kind.fields if field.request_option and field.name in desired]
        current = self.lookup.read_separate_fields(current, separate_fields)
        always, exact = params.get("update_password") == "always", bool(params.get("exact"))
        compared = self.compare(current, desired, exact=exact, always=always)
        record = {field.name: compared[field.name].before for field in kind.fields if not field.secret}
        differing = [field for field in kind.fields if compared[field.name].differs]
        files = self.file_differences(current, params)
        if not differing and not files and not self._is_merge:
            return Plan(record)
        if files or any(field.create_only for field in differing):
            return self._plan_recreation(current, params, files)
        _raise_if_any(error for field in differing for error in compared[field.name].missing)
        after = {**record, **{field.name: compared[field.name].after for field in differing}}
        _raise_if_any(filter(None, [kind.validator(after)]))
        self.check_guards(current, params, updates=True)
        replaces = kind.routes.replaces
        own = [field for field in kind.fields if field.writable and not field.separate_route]
        sent = [field for field in own if replaces or field in differing or (field.secret and field.name in desired)]
        steps, body = [], {}
        if self._is_merge or any(not field.separate_route for field in differing):
            self._check_mismatches(current, sent, replaces=replaces)
            payloads = ((field, compared[field.name].payload) for field in sent)
            body = body_of(((field, payload) for field, payload in payloads if payload is not None), current)
            steps.append(
                Step(
                    purpose=f"Updating the {kind.phrase(current)}",
                    method=kind.routes.update,
                    path=kind.routes.object,
                    ids=self._ids(current),
                    body=kind.encode({**(self._fixed_payload() if replaces else {}), **body}),
                    extract_object=_add_to_response(
                        {field.api_name: current[field.api_name] for field in separate_fields}
                    ),
                )
            )
            if any(_keeps_values(field, desired) for field in sent if compared[field.name].payload is not None):
                steps[-1].find_rival = functools.partial(self._find_rival, tuple(body))
        steps += [
            self._separate_step(
                field,
                field.separate_route,
                compared[field.name].payload,
                str(current[kind.id_key]),
                {**current, **body},
                *steps,
            )
            for field in differing
            if field.separate_route
        ]
        masked = [field for field in (sent if replaces else differing) if compared[field.name].masked]
        if masked and not params.get("confirm"):
            paths = ", ".join(path for field in masked for path in compared[field.name].masked)
            raise InvalidParameter(
                f"Esper masks {paths} of the {kind.phrase(current)}, so the module cannot resend the value. Set it in"
                " this task, or set confirm to true to remove it."
            )
        after = {field.name: compared[field.name].after for field in differing if not field.secret}
        changed = [*differing, *(field for field in masked if field not in differing)]
        diff = ObjectDiff(
            kind.header(current),
            {field.name: compared[field.name].shown_before for field in changed},
            {field.name: compared[field.name].shown for field in changed},
        )
        effect = Effect(kind, current.get(kind.id_key), {**current, **body})
        return Plan({**record, **after}, steps, [diff], effects=[effect])

    # --- replacement --------------------------------------------------------------------------------------------------

    def file_differences(self, current: Row, params: Params) -> dict[str, tuple[t.Any, t.Any]]:
        """Return the options with files that differ from those of an object, with their checksums before and after."""
        return {}

    def _plan_recreation(self, current: Row, params: Params, files: dict[str, tuple[t.Any, t.Any]]) -> Plan:
        """Return the plan that deletes an object and creates it again, because Esper cannot change it.

        Values that the task omits are those of the current object. ``files`` are the results of file_differences().
        Raise InvalidParameter unless the task allows the replacement.
        """
        kind, phrase = self.kind, self.kind.phrase(current)
        if kind.on_difference != "replace" or not params.get("replace"):
            compared = self.compare(current, self.desired(params))
            fixed = [field.name for field in kind.fields if field.create_only and compared[field.name].differs]
            names = " and ".join((*fixed, *files))
            can_replace = "Set replace=true to delete the object and create it again, with another ID."
            advice = (
                can_replace
                if kind.on_difference == "replace"
                else "Change it in the Esper Console, or use another name."
            )
            raise InvalidParameter(
                f"Cannot change {names} of the {phrase}, because Esper accepts this only on creation. {advice}"
            )
        deletion = self.plan_delete(current, params)
        params = {**params, **self.kept_params(current, params), "id": None}
        creation, compared = self.plan_create(params), self.compare(current, self.desired(params))
        changed = [field for field in kind.fields if compared[field.name].differs and not field.secret]
        for step in creation.steps[:1]:
            step.after = (*step.after, *deletion.steps)
        return Plan(
            creation.record,
            [*deletion.steps, *creation.steps],
            [
                ObjectDiff(
                    kind.header(current),
                    {
                        **{field.name: compared[field.name].shown_before for field in changed},
                        **{name: before for name, (before, _after) in files.items()},
                    },
                    {
                        **{field.name: compared[field.name].shown for field in changed},
                        **{name: after for name, (_before, after) in files.items()},
                    },
                )
            ],
            effects=[*deletion.effects, *creation.effects],
            relies_on=deletion.relies_on,
        )

    def kept_params(self, current: Row, params: Params) -> Params:
        """Return the values of an object that its replacement keeps, because the task omits them. Raise
        InvalidParameter if the module cannot read one of them."""
        record = self.kind.to_result(current)
        omitted = [field for field in self.kind.fields if field.writable and params.get(field.name) is None]
        return {field.name: record[field.name] for field in omitted if record.get(field.name) is not None}

    # --- changes of other clients -------------------------------------------------------------------------------------

    def plan_merge(self, params: Params, rival: Row, step: Step) -> Plan:
        """Return the plan that applies a task again to an object as another client changed it at the same time.

        ``step`` is the request that replaced the object. Raise EsperError if the changes cannot be merged.
        """
        return self.plan(_without_selector(_without_resending(params)), rival)

    def _find_rival(self, keys: t.Iterable[str], saved: Row) -> Row | None:
        """Return an object if its values differ from those in the response to a request, otherwise None.

        The API does not detect that two clients replace the same values. Without versions, this finds a change that
        replaced that of the task. Nobody can find a change between the last read and the request of the task.
        """
        if self.kind.shape is Shape.SINGLETON:
            current = self.lookup.find({})
        elif not self.kind.routes.has_object_get:
            current = self.view.find_object(self.kind, str(saved[self.kind.id_key]))
        else:
            ids, purpose = {"id": str(saved[self.kind.id_key])}, f"Reading the {self.kind.phrase(saved)} again"
            current = self.view.find_at(self.kind.routes.object, ids, kind=self.kind, purpose=purpose)
        typed = self.view.typed(self.kind, saved) or {}
        return None if current is None or all(current.get(key) == typed.get(key) for key in keys) else current

    def _separate_step(
        self,
        field: Field,
        route: SeparateRoute,
        texts: list[str],
        identifier: str | KnownAfterApply,
        planned: Row,
        object_step: Step | None = None,
    ) -> Step:
        """Return the step that writes a property with a separate route.

        ``planned`` is the planned object. ``object_step`` is the step of the same plan that writes the object.
        """
        phrase = self.kind.phrase(planned)
        purpose = f"Setting the {field.name} of the {phrase}"

        def extract(body: Row) -> Row:
            """Return the whole object. Raise EsperError if Esper did not store a text, or kept one."""
            row = {**planned, **((object_step.response if object_step else None) or {})}
            if route.response_key not in body:
                # The engine reads the property then.
                return {**row, field.api_name: texts}
            stored = separate_texts(route, body[route.response_key], purpose)
            if missing := [text for text in texts if text not in stored]:
                raise InvalidParameter(
                    f"Esper did not store {', '.join(missing)} in the {field.name} of the {phrase}. Correct the names."
                )
            if kept := sorted({*stored} - {*texts}):
                raise EsperError(f"Esper did not remove {', '.join(kept)} from the {field.name} of the {phrase}.")
            return {**row, field.api_name: stored}

        return Step(
            purpose=purpose,
            method="PUT",
            path=route.path,
            ids={"id": identifier},
            body={route.write_key: texts},
            extract_object=extract,
            response_key=route.response_key,
        )

    def _check_mismatches(self, current: Row, sent: t.Iterable[Field], *, replaces: bool) -> None:
        """Raise InvalidParameter if the update would overwrite a value of an unexpected type."""
        overwritten = [
            field.name
            for field in sent
            if replaces or field.type in ("dict", "list") or "." in (field.write_path or field.api)
        ]
        if paths := self._mismatches_in(current, overwritten):
            raise InvalidParameter(
                f"The {self.kind.phrase(current)} is not changed, because Esper returned an unexpected type for"
                f" {', '.join(paths)}, and the change would overwrite the value. Correct the value in Esper first."
            )

    # --- delete -----------------------------------------------------------------------------------------------------

    def plan_delete(self, current: Row, params: Params) -> Plan:
        """Return the plan that deletes an object: a DELETE. Raise InvalidParameter if the object is in use."""
        former = self.check_guards(current, params)
        return Plan(
            None,
            [self.delete_step(current)],
            [self.deletion_diff(current)],
            effects=[Effect(self.kind, current[self.kind.id_key], None)],
            relies_on=former,
        )

    def check_guards(self, current: Row, params: Params, *, updates: bool = False) -> list[tuple[Kind, t.Any]]:
        """Return the objects that use an object only before the task: see Users. Raise InvalidParameter if it is in
        use.

        ``updates`` is true for a change of the object, false for its deletion.
        """
        former: list[tuple[Kind, t.Any]] = []
        for guard in self.kind.guards:
            if updates and not guard.also_update:
                continue
            if guard.option and params.get(guard.option):
                continue
            self._check_readable(current, guard.reads)
            users = guard.users(self.view, current)
            if isinstance(users, Users):
                former += users.former
                users = users.phrases
            if users:
                advice = f"{guard.advice}, or set {guard.option}=true." if guard.option else f"{guard.advice}."
                raise InvalidParameter(f"{in_use(self.kind.phrase(current), users)} {advice}")
        return former

    def _check_readable(self, current: Row, fields: t.Iterable[str]) -> None:
        """Raise InvalidParameter if one of the fields has an unexpected type, because the object can be in use then."""
        if paths := self._mismatches_in(current, fields):
            raise InvalidParameter(
                f"Esper returned an unexpected type for {', '.join(paths)} of the {self.kind.phrase(current)}, so the"
                " module cannot determine whether it is in use."
            )

    def _mismatches_in(self, current: Row, fields: t.Iterable[str]) -> list[str]:
        """Return the paths of the values of an unexpected type in fields of an object."""
        names = set(fields)
        return [path for path in self.view.mismatches(self.kind, current) if re.split(r"[.\[]", path)[0] in names]

    def readable_changes(self, changes: t.Sequence[ObjectDiff]) -> list[ObjectDiff]:
        """Return changes with names in place of the IDs of other objects, as far as Esper returns the names.

        Responses can have the IDs only. The names take requests, so only a task with a diff reads them.
        """
        for field in self.kind.fields:
            if field.names is None:
                continue
            sides = [side for change in changes for side in (change.before, change.after)]
            if ids := sorted({each for side in sides for each in _uuids(side.get(field.name))}):
                labels = self._read_names(t.cast("Kind", field.names.kind), ids)
                changes = [
                    replace(
                        change,
                        before=_with_labels(change.before, field.name, labels),
                        after=_with_labels(change.after, field.name, labels),
                    )
                    for change in changes
                ]
        return list(changes)

    def _read_names(self, kind: Kind, ids: t.Sequence[str]) -> dict[str, str]:
        try:
            return lookup_of(self.view, kind).names_of(ids)
        except ApiError:
            # The task does not need the names.
            return {}

    def delete_step(self, current: Row) -> Step:
        """Return the step that deletes an object."""
        return Step(
            purpose=f"Deleting the {self.kind.phrase(current)}",
            method="DELETE",
            path=self.kind.routes.object,
            ids=self._ids(current),
        )

    def deletion_diff(self, current: Row) -> ObjectDiff:
        """Return the diff of the deletion of an object."""
        record = self.kind.to_result(current)
        return ObjectDiff(
            self.kind.header(current),
            {field.name: record.get(field.name) for field in self.kind.fields if field.writable and not field.secret},
            {},
        )

    def _ids(self, current: Row) -> dict[str, str | KnownAfterApply]:
        return {} if self.kind.shape is Shape.SINGLETON else {"id": str(current[self.kind.id_key])}


def uuid_as_name(title: str, name: str) -> InvalidParameter:
    """Return the error about an ID in place of a name, which does not exist."""
    return InvalidParameter(
        f"Invalid name of the {title}: '{name}' is a UUID, and no {title} has this ID. Set a name, or correct the ID."
    )


def similar_name_warnings(title: str, name: str, others: t.Collection[str]) -> list[str]:
    """Return a warning if a new object is easily confused with existing ones, none otherwise."""
    if not others:
        return []
    names = listed([f"'{other}'" for other in sorted(set(others))])
    return [
        f"The {title} '{name}' is new, but a similar name exists: {names}. The names differ only in case, whitespace or"
        " the form of characters."
    ]


def in_use(phrase: str, users: t.Iterable[str]) -> str:
    """Return the sentence that an object is in use. ``phrase`` is the object, ``users`` are phrases for its users."""
    return f"The {phrase} is in use by {' and '.join(users)}."


def planner_of(view: TenantView, kind: Kind) -> Planner:
    """Return the planner of a kind in a view."""
    return t.cast("Planner", (kind.planner or Planner)(view, kind))


def _uuids(value: t.Any) -> t.Iterator[str]:
    yield from (each for each in (value if isinstance(value, list) else [value]) if is_uuid(each))


def _with_labels(side: Row, name: str, labels: dict[str, str]) -> Row:
    value: t.Any = side.get(name)
    if isinstance(value, list):
        return {**side, name: [labels.get(each, each) if isinstance(each, str) else each for each in value]}
    return {**side, name: labels.get(value, value)} if isinstance(value, str) else side


def _keeps_values(field: Field, desired: Row) -> bool:
    """Return whether the payload of a field can have values that the task does not set."""
    is_merged = field.type == "dict" or field.list_type == "map" or "." in (field.write_path or field.api_name)
    return is_merged or field.name not in desired


def _without_resending(params: Params) -> Params:
    """Return parameters with which a password that is sent in each run is no reason for another request."""
    return {**params, "update_password": "on_create"} if "update_password" in params else params


def _without_selector(params: Params) -> Params:
    """Return parameters without a name that only selects the object, because another client can have renamed it."""
    return params if params.get("id") is not None else {**params, "name": None}


def _raise_if_any(errors: t.Iterable[str]) -> None:
    """Raise InvalidValues if there are errors."""
    if found := list(errors):
        raise InvalidValues(found)


def _add_to_response(values: Row) -> t.Callable[[Row], Row] | None:
    """Return a function that adds the values of properties with separate routes to the object in a response, None if
    there are no values."""
    return (lambda row: {**values, **row} if row else row) if values else None


def _create_defaults(fields: t.Iterable[Field]) -> Row:
    """Return the default values of a new object."""
    return {field.name: field.create_default for field in fields if field.writable and field.create_default is not None}


def _missing(fields: t.Iterable[Field], desired: Row) -> t.Iterator[str]:
    """Yield the error of each required field that is not set."""
    for field in fields:
        if field.required_by_api and field.name not in desired:
            yield missing_error(field, field.name)


def _missing_files(uploads: t.Iterable[Upload], params: Params) -> t.Iterator[str]:
    """Yield the error of each required file that is not set."""
    for upload in uploads:
        if upload.required and params.get(upload.option) is None:
            yield f"{upload.option} is required"
