# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the engine must know about one kind of object, as data.

A kind is a subclass of Resource: class attributes say what it is, and a method is overridden only for what is truly
special to the kind. Nothing here sends a write: what is to be written is returned as steps.
"""

from __future__ import annotations

import typing as t

from ..base.errors import Ambiguous, InvalidParameter, NotFound
from ..base.ids import is_uuid
from ..base.row import Params, Row
from ..http.paging import PAGE_SIZE
from ..model.api_paths import body_of, read_field
from ..model.compare import Comparison, compare_object
from ..model.field import Field
from ..model.module_spec import ModuleSpec
from ..model.plan import Change, Plan, Step
from ..model.unknowns import ResultOf
from .object_cache import References


class Resource:
    """One kind of object. A subclass states the attributes; see resources/."""

    kind: t.ClassVar[str]
    """The name of the module and of its return value: ``device_group``."""
    title: t.ClassVar[str]
    """The kind in a sentence: ``device group``."""
    plural: t.ClassVar[str]
    """The return value of the info module: ``device_groups``."""
    collection: t.ClassVar[str]
    """The path of the list, as in the contract."""
    item: t.ClassVar[str]
    """The path of one object, as in the contract, its id written ``{id}``."""
    fields: t.ClassVar[tuple[Field, ...]]
    module: t.ClassVar[ModuleSpec | None] = None
    """The interface of the module that manages objects of the kind; None if there is none."""
    info_module: t.ClassVar[ModuleSpec | None] = None
    """The interface of the module that reads objects of the kind; None if there is none."""
    options: t.ClassVar[dict[str, dict[str, t.Any]]] = {}
    """The options of the module, in the form of an argument spec; the connection's are added to them."""
    rules: t.ClassVar[dict[str, t.Any]] = {}
    """mutually_exclusive, required_one_of and so on, as AnsibleModule takes them."""
    sources: t.ClassVar[tuple[str, ...]] = ()
    """The options that name a file to be sent, or a directory of them. Where the task runs on the controller, it is
    looked for as any file of a role or a playbook is."""
    info_options: t.ClassVar[dict[str, dict[str, t.Any]]] = {}
    info_rules: t.ClassVar[dict[str, t.Any]] = {}
    refers_to: t.ClassVar[tuple[str, ...]] = ()
    """The kinds that objects of this one refer to by name."""
    name_filter: t.ClassVar[str] = "name"
    """The query parameter that narrows the list down to a name, "" where there is none. The exact match is made
    here."""
    name_key: t.ClassVar[str] = "name"
    """The API's key for the name."""
    update_method: t.ClassVar[str] = "PATCH"
    """PATCH sends what differs, PUT the whole object with the differences."""
    page_size: t.ClassVar[int] = PAGE_SIZE

    def __init_subclass__(cls) -> None:
        if cls.module:
            cls.options, cls.rules, cls.sources = cls.module.argument_spec, dict(cls.module.rules), cls.module.sources
        if cls.info_module:
            cls.info_options, cls.info_rules = cls.info_module.argument_spec, dict(cls.info_module.rules)

    @property
    def reading_all(self) -> str:
        """The beginning of a sentence about reading the list."""
        return f"Reading the {self.plural.replace('_', ' ')}"

    # --- reading ----------------------------------------------------------------------------------------------------

    def record(self, row: Row) -> Row:
        """An object of the API in the terms of the collection: the fields by name, without secrets."""
        return {each.name: each.from_api(read_field(each, row)) for each in self.fields if not each.secret}

    def label(self, row: Row) -> str:
        """What a person calls an object."""
        return str(row.get(self.name_key) or row.get("id"))

    def get(self, references: References, identifier: str) -> Row | None:
        """The object of that id, or None."""
        purpose = f"Reading the {self.title} {identifier}"
        row = references.client.find_object(self.item, ids={"id": identifier}, purpose=purpose)
        if row is None:
            # A wrong enterprise or URL has no objects either; but it has no list.
            references.client.get(self.collection, query={"limit": 1}, purpose=self.reading_all)
        return row

    def named(self, references: References, name: str) -> list[Row]:
        """All objects of exactly that name."""
        name = name.strip()
        if not name:
            # An object without a name is not the one that an empty text names.
            return []
        return [row for row in references.called(self, name) if str(row.get(self.name_key) or "").strip() == name]

    def find(self, references: References, params: Params) -> Row | None:
        """The object that a task's options address, or None. Raises Ambiguous."""
        if params.get("id") is not None:
            return self.get(references, str(params["id"]))
        return self.only(self.named(references, params["name"]), params["name"])

    def information(self, references: References, params: Params) -> Row:
        """What the kind's info module returns: the one object that the options address, or all of them."""
        if params.get("id") is not None or params.get("name") is not None:
            row = self.find(references, params)
            rows = [row] if row else []
        else:
            rows = references.rows(self, {})
        return {self.plural: [self.record(row) for row in rows]}

    def fetch(self, references: References, params: Params, *, check_mode: bool) -> Row:
        """Put what the options of the info module want to have onto this machine, such as a file: ``changed`` and what
        else the module returns of it. Nothing, for most kinds."""
        return {}

    def only(self, rows: list[Row], wanted: str, advice: str = "Address it by id.") -> Row | None:
        """The only one of some objects, or None where there is none. Raises Ambiguous."""
        if len(rows) > 1:
            labels = [self.label(row) for row in rows]
            unique = len(set(labels)) == len(labels)
            tell_apart = labels if unique else [f"{self.label(row)} (id {row.get('id')})" for row in rows]
            raise Ambiguous(self.title, wanted, tell_apart, advice)
        return rows[0] if rows else None

    def resolve(self, references: References, wanted: str) -> Row:
        """The object that another object's option names, by name or id. Raises NotFound or Ambiguous."""
        row = self.find(references, {"id": wanted} if is_uuid(wanted) else {"name": wanted})
        if row is None:
            raise NotFound(self.title, wanted, (self.label(row) for row in references.rows(self, {})))
        return row

    # --- planning ---------------------------------------------------------------------------------------------------

    def called(self, params: Params) -> str:
        """What the task calls the object. No two objects of a task have one name for it. Raises InvalidParameter."""
        return str(params["id"] if params.get("name") is None else params["name"].strip())

    def depth(self, params: Params) -> int:
        """How far down an object is, for kinds whose objects are in one another: those above it are planned first."""
        return 0

    def depth_of(self, row: Row) -> int:
        """The same for an object that is there: those below it are deleted first."""
        return 0

    def needed_ids(self, row: Row) -> set[str]:
        """The ids of what has to be there for an object to be there."""
        return {str(row["id"])}

    def expand(self, params: Params) -> list[Params] | None:
        """The parameters of each object, where a task's stand for several, such as the files of a directory."""
        return None

    def desired(self, references: References, params: Params) -> Row:
        """Return the desired state of the object in normal form, by field name, without values that the task omits."""
        exact = bool(params.get("exact"))
        return {
            each.name: value
            for each in self.fields
            if each.writable and (value := each.normalize_input(params.get(each.name), exact)) is not None
        }

    def compared(
        self, current: Row, desired: Row, *, exact: bool = False, always: bool = False
    ) -> dict[str, Comparison]:
        """Return the comparison of each field with its desired value.

        Raise InvalidParameter if desired values are invalid. It names each of them, and why.
        """
        found = compare_object(self.fields, current, desired, exact=exact, always=always)
        self._refuse(error for each in found.values() for error in each.errors)
        return found

    def _refuse(self, complaints: t.Iterable[str]) -> None:
        """Raise InvalidParameter where there is anything to complain about."""
        if reasons := "; ".join(complaints):
            raise InvalidParameter(f"The {self.title} cannot be like this: {reasons}.")

    def constants(self, references: References) -> Row:
        """What the API wants in each body that creates or replaces an object, beside its fields."""
        return {}

    def plan_create(self, references: References, params: Params) -> Plan:
        """What it takes to create the object: one POST."""
        if params.get("id") is not None:
            raise NotFound(self.title, str(params["id"]))
        desired = self.desired(references, params)
        compared = self.compared({}, desired)
        given = [each for each in self.fields if each.name in desired]
        self._refuse(why for each in given for why in compared[each.name].missing)
        body = body_of(((each, compared[each.name].payload) for each in given), {})
        label = self.label(body)
        step = Step(
            purpose=f"Creating the {self.title} '{label}'",
            method="POST",
            path=self.collection,
            body={**self.constants(references), **body},
            find=lambda _body: self.find(references, params),
        )
        public = [each for each in given if not each.secret]
        after = {each.name: compared[each.name].after for each in public}
        shown = {each.name: compared[each.name].shown for each in public}
        unknown = dict.fromkeys(each.name for each in self.fields if not each.secret)
        plan = Plan({**unknown, **after}, [step], [Change(f"{self.title} {label}", {}, shown)])
        plan.expected.append((self, {**body, "id": ResultOf(step, "id")}))
        return plan

    def plan_update(self, references: References, current: Row, params: Params) -> Plan:
        """What it takes to make an object be as the task says: nothing, or one write."""
        desired = self.desired(references, params)
        always, exact = params.get("update_password") == "always", bool(params.get("exact"))
        compared = self.compared(current, desired, exact=exact, always=always)
        record = {each.name: compared[each.name].before for each in self.fields if not each.secret}
        differing = [each for each in self.fields if compared[each.name].differs]
        if not differing:
            return Plan(record)
        self._refuse(why for each in differing for why in compared[each.name].missing)
        replaces = self.update_method == "PUT"
        sent = [each for each in self.fields if each.writable and (replaces or each in differing or each.secret)]
        payloads = [(each, compared[each.name].payload) for each in sent]
        after = {each.name: compared[each.name].after for each in differing if not each.secret}
        label = self.label(current)
        step = Step(
            purpose=f"Updating the {self.title} '{label}'",
            method=self.update_method,
            path=self.item,
            ids={"id": str(current["id"])},
            body={
                **(self.constants(references) if replaces else {}),
                **body_of(((each, payload) for each, payload in payloads if payload is not None), current),
            },
        )
        losing = [each for each in (sent if replaces else differing) if compared[each.name].masked]
        if losing and not params.get("confirm"):
            paths = ", ".join(path for each in losing for path in compared[each.name].masked)
            raise InvalidParameter(
                f"Esper masks {paths} of the {self.title} '{label}', so the module cannot resend the value. Set it in"
                " this task, or set confirm to true to remove it."
            )
        changed = [*differing, *(each for each in losing if each not in differing)]
        change = Change(
            f"{self.title} {label}",
            {each.name: compared[each.name].shown_before for each in changed},
            {each.name: compared[each.name].shown for each in changed},
        )
        return Plan({**record, **after}, [step], [change])

    def plan_delete(self, references: References, current: Row, params: Params) -> Plan:
        """What it takes to delete an object: one DELETE."""
        return Plan(None, [self.delete_step(current)], [self.deletion(current)])

    def delete_step(self, current: Row) -> Step:
        return Step(
            purpose=f"Deleting the {self.title} '{self.label(current)}'",
            method="DELETE",
            path=self.item,
            ids={"id": str(current["id"])},
        )

    def deletion(self, current: Row) -> Change:
        record = self.record(current)
        return Change(
            f"{self.title} {self.label(current)}",
            {each.name: record.get(each.name) for each in self.fields if each.writable and not each.secret},
            {},
        )
