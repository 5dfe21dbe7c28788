# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two valid objects of each kind, derived from the description of its fields."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.tests.laws.preparations import PREPARATIONS, Preparation, Row
from ansible_collections.esper.cloud.tests.laws.subjects import Subject, is_valid

UNKNOWN_ID = {"int": 987654321, "str": "deadbeef-0000-4000-8000-00000000beef"}


@dataclass(frozen=True)
class Objects:
    """The options of the tasks that the laws run.

    ``identity`` addresses the first object, ``moved`` addresses it after the update, and ``second`` another object.
    ``sample`` are the properties that the first object is created with, ``changed`` those that an update sets.
    ``fixed`` are other values of properties that Esper cannot change.
    ``for_create`` are options that only a task that creates the object needs; there is one set for each object.
    ``info`` and ``info_all`` are the options of the _info module that select the first object, and all objects.
    ``by_unknown_id`` are options with an ID that no object has.
    """

    identity: Row
    moved: Row
    second: Row
    sample: Row
    changed: Row
    fixed: Row
    for_create: tuple[Row, Row]
    info: Row
    info_all: Row
    by_unknown_id: Row

    @property
    def create(self) -> Row:
        """The options that create the first object."""
        return {**self.identity, **self.for_create[0], **self.sample}

    @property
    def create_second(self) -> Row:
        """The options that create the second object."""
        return {**self.second, **self.for_create[1], **self.sample}

    @property
    def update(self) -> Row:
        """The options that update the first object."""
        return {**self.identity, **self.changed}

    @property
    def delete(self) -> Row:
        """The options that delete the first object."""
        return {**self.identity, "state": "absent"}

    @property
    def delete_second(self) -> Row:
        """The options that delete the second object."""
        return {**self.second, "state": "absent"}

    @property
    def label(self) -> str:
        """The value in the API by which the first object is found."""
        value = next(iter(self.identity.values()))
        return str(value[0] if isinstance(value, list) else value)


def preparation_of(subject: Subject) -> Preparation:
    """Return what a kind needs in addition to its description, which is nothing for a plain kind."""
    return PREPARATIONS.get(subject.name, Preparation())


def objects_of(subject: Subject) -> Objects:
    """Return the objects of a kind: its samples, with the values of its preparation."""
    own = preparation_of(subject)
    identity = own.identity if own.identity is not None else _identity(subject)
    second = own.second or {name: f"{value} 2" if isinstance(value, str) else value for name, value in identity.items()}
    fields = [each for each in _settable(subject) if each.name not in identity]
    sample = own.sample if own.sample is not None else samples(fields)
    known = subject.info_options
    # Properties that _info reads only on request.
    extra = {each.request_option: True for each in subject.fields if each.request_option in known}
    fixed = _changes((each for each in fields if each.create_only), sample)
    updated = [each for each in fields if not each.create_only]
    if subject.can_replace:
        updated = fields
    unknown = UNKNOWN_ID[_id_type(subject)]
    return Objects(
        identity=identity,
        moved=own.moved or identity,
        second=second,
        sample=sample,
        changed=own.changed if own.changed is not None else _update(subject, _changes(updated, sample)),
        fixed=fixed,
        for_create=own.for_create,
        info={**(own.info or {name: value for name, value in identity.items() if name in known}), **extra},
        info_all={**extra, **own.info_all},
        by_unknown_id={"id": unknown, **own.by_unknown_id},
    )


def _update(subject: Subject, changes: Row) -> Row:
    """Return the options of an update. Objects that Esper cannot change are replaced."""
    return {**changes, "replace": True} if subject.can_replace else changes


def _id_type(subject: Subject) -> str:
    spec = next(iter(subject.specs.values())).argument_spec
    return str(spec.get("id", {}).get("type", "str"))


def _settable(subject: Subject) -> list[Field]:
    """Return the fields that are options of the module."""
    options = subject.module.argument_spec if subject.module else {}
    return [each for each in subject.fields if each.writable and each.name in options]


def _identity(subject: Subject) -> Row:
    """Return the options that address an object of a plain kind: its name, or none if the objects have no name."""
    if not subject.has_name:
        return {}
    names = {each.name: each.sample for each in subject.fields if each.name == "name"}
    if not names.get("name"):
        raise AssertionError(f"The field name of {subject} needs a sample, or {subject} an entry in preparations.py.")
    return names


def samples(fields: t.Iterable[Field]) -> Row:
    """Return a valid value of each field that has one. Secrets need no sample."""
    values = {each.name: _sample(each) for each in fields if each.writable}
    return {name: value for name, value in values.items() if value is not None}


def _sample(field: Field) -> t.Any:
    if field.sample is None and field.secret:
        return f"secret-of-{field.name}"
    if field.type == "dict" and field.fields:
        # The sample of a dict is also a return value, so it has no secrets.
        secrets = samples(each for each in field.fields if each.secret)
        inside = field.sample if field.sample is not None else samples(field.fields)
        return {**inside, **secrets} or None
    return field.sample


def _changes(fields: t.Iterable[Field], sample: Row) -> Row:
    """Return another valid value of each field that has one. Secrets keep their values: Esper masks them, and can
    require them in an update."""
    described = list(fields)
    values = {each.name: _changed(each, sample.get(each.name)) for each in described if not each.secret}
    changes = {name: value for name, value in values.items() if value is not None}
    secrets = {each.name: sample[each.name] for each in described if each.secret and each.name in sample}
    return {**changes, **secrets} if changes else {}


def _changed(field: Field, sample: t.Any) -> t.Any:
    """Return another value than the sample: the one that the description has, or one that follows from the type."""
    if field.changed is not None:
        return field.changed
    if sample is None:
        return None
    if field.choices:
        return next((each for each in field.choices if each != sample), None)
    if field.type == "bool":
        return not sample
    if field.type == "dict" and field.fields:
        return _changes((each for each in field.fields if each.writable), sample) or None
    if field.type == "str" and is_valid(field, f"{sample} 2"):
        return f"{sample} 2"
    return None
