# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of a module as data: its options, return values and documentation.

`make generate` writes the module file from it: see tools/generate.py. At run time, only the argument spec is used.
Texts use the markup of Ansible's documentation: O(option), V(value), RV(return.value), M(module), E(VARIABLE).
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass, field
from types import MappingProxyType

from .field import Field, Words, identity, options_in, sounds_secret

ArgumentSpec = dict[str, dict[str, t.Any]]


@dataclass(frozen=True)
class Option:
    """An option of a module that is not a property of the object, such as ``state`` or ``force``.

    ``doc`` is the documentation, one paragraph or more. ``type``, ``elements``, ``choices``, ``default``, ``required``
    and ``aliases`` are those of an argument spec. ``options`` are the suboptions of a dict, or of each dict in a list,
    and ``rules`` the rules between them. A ``secret`` value is never shown. An ``identifier`` names an object by ID,
    name, path or tag, or limits a task in another way. If it is empty or null, the task fails, because it could change
    objects that nobody named, unless it ``may_be_blank``. With ``numbers``, a text can be a whole number.
    ``texts_by_name`` is true for a dict of texts whose keys name objects.

    ``query`` is set for a filter of an _info module: the query parameter that has the value. It filters the list, or
    selects the object if the path is that of one object. The values of a list have commas between them. ``to_query``
    converts a value to API format, and raises ValueError with the error. ``names`` is the kind of object that the value
    names by name, path or ID. The query has the ID.
    """

    name: str
    doc: Words
    type: str = "str"
    elements: str = ""
    choices: tuple[str, ...] = ()
    default: t.Any = None
    required: bool = False
    aliases: tuple[str, ...] = ()
    secret: bool = False
    identifier: bool = False
    may_be_blank: bool = False
    numbers: bool = False
    texts_by_name: bool = False
    query: str = ""
    to_query: t.Callable[[t.Any], t.Any] = identity
    names: t.Any = None
    options: tuple[Option | Field, ...] = ()
    rules: t.Mapping[str, t.Any] = field(default_factory=dict)

    def argument_spec(self) -> dict[str, t.Any]:
        """Return the option in the form of an argument spec."""
        spec: dict[str, t.Any] = {"type": self.type}
        if self.elements:
            spec["elements"] = self.elements
        if self.choices:
            spec["choices"] = list(self.choices)
        if self.default is not None:
            spec["default"] = self.default
        if self.required:
            spec["required"] = True
        if self.aliases:
            spec["aliases"] = list(self.aliases)
        if self.secret or sounds_secret(self.name):
            spec["no_log"] = self.secret
        if self.options:
            spec["options"] = argument_spec_for(self.options)
        return {**spec, **self.rules}


@dataclass(frozen=True)
class Value:
    """A return value of a module. ``contains`` are the values in a dict, or in each dict in a list. ``returned`` is the
    condition for a value at the top."""

    name: str
    doc: Words
    type: str = "str"
    elements: str = ""
    sample: t.Any = None
    returned: str = "success"
    contains: tuple[Value | Field, ...] = ()


@dataclass(frozen=True)
class Support:
    """An attribute of a module, such as check_mode: ``level`` is full, partial, none or N/A."""

    level: str
    doc: Words
    details: Words = ""


CHECK_MODE = Support("full", "Predicts the changes and sends no write request.")
DIFF_MODE = Support("full", "Shows the managed values before and after the change, also in check mode.")
READS_ONLY = Support("full", "The module only reads, so check mode makes no difference.")
NO_DIFF = Support("N/A", "The module changes nothing.")


@dataclass(frozen=True, kw_only=True)
class ModuleSpec:
    """The interface of a module.

    ``options`` are its options, without those of the connection. ``rules`` are rules between them, such as
    mutually_exclusive, in the form of AnsibleModule. ``returns`` are the return values, without the object of a kind.
    ``sources`` are the options that name a local file or directory to upload. An option of the items of a list is
    written ``list.option``. If the task runs on the controller, Ansible's search path for files applies to them.
    ``seealso`` are names of modules of this collection. ``platform`` replaces the text of the attribute of that name,
    for a module that changes the machine on which it runs.
    """

    short_description: str
    description: Words
    options: tuple[Option | Field, ...] = ()
    rules: t.Mapping[str, t.Any] = field(default_factory=dict)
    returns: tuple[Value, ...] = ()
    check_mode: Support = CHECK_MODE
    diff_mode: Support = DIFF_MODE
    platform: Words = ""
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seealso: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    version_added: str = "0.1.0"

    @functools.cached_property
    def argument_spec(self) -> ArgumentSpec:
        """The options in the form of an argument spec."""
        return argument_spec_for(self.options)


def argument_spec_for(options: t.Iterable[Option | Field]) -> ArgumentSpec:
    """Return options in the form of an argument spec."""
    return {option.name: option.argument_spec() for option in options}


def writable(fields: t.Iterable[Field]) -> tuple[Field, ...]:
    """Return the fields that a task can set, with their file options."""
    return tuple(options_in(fields))


def state_option(title: str, *, deletes: bool = True, states: t.Mapping[str, str] = MappingProxyType({})) -> Option:
    """Return the option ``state`` of a module that manages objects. ``title`` is an object in a sentence. ``deletes``
    is false if Esper cannot delete such objects. ``states`` are the choices with a sentence about each, if they are
    others, the default first."""
    choices = tuple(states) or (("present", "absent") if deletes else ("present",))
    doc = f"Desired state of the {title}."
    return Option("state", (doc, *states.values()) if states else doc, choices=choices, default=choices[0])


def confirm_option(secret: str) -> Option:
    """Return the option ``confirm`` of a module whose updates replace an object. ``secret`` is the masked value."""
    return Option(
        "confirm",
        (
            f"If V(true), an update can remove {secret} that Esper masks and that the task does not set. This cannot be"
            " undone.",
            "The Esper API replaces all settings at once, and the module cannot resend a masked value. If V(false), the"
            " module fails instead.",
        ),
        type="bool",
        default=False,
    )


def update_password_option(secret: str) -> Option:
    """Return the option ``update_password``. ``secret`` is the path of the secret option."""
    return Option(
        "update_password",
        (
            f"When to send O({secret}).",
            "V(on_create) sends it if the object has no password, for example when it is created, and together with any"
            " other change.",
            "V(always) sends it in each run, so the task always reports a change.",
            "If the Esper API returns the value unmasked, it is compared like any other option. An empty text removes a"
            " password.",
        ),
        choices=("always", "on_create"),
        default="on_create",
    )
