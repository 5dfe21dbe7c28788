# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a write brings, such as the id of what it creates, where they are needed before it is sent."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace


class Maker(t.Protocol):
    """A write that brings values: its ``answer`` is the object that the API returned, None until it is sent."""

    answer: t.Any


@dataclass(frozen=True)
class ResultOf:
    """Stands in a plan for a value that the answer to a step will have. ``forms`` are what it is put through then, and
    make no other value of it."""

    step: Maker
    key: str
    forms: tuple[t.Callable[[t.Any], t.Any], ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        # No two of them are compared as equal texts.
        return f"({self.key} of {id(self.step):x})"

    def in_form(self, form: t.Callable[[t.Any], t.Any]) -> ResultOf:
        """The same value in the form that a function gives it."""
        return replace(self, forms=(*self.forms, form))

    def value(self) -> t.Any:
        """What the step has brought, None where it has brought nothing."""
        found = None if self.step.answer is None else self.step.answer.get(self.key)
        for form in self.forms if found is not None else ():
            found = form(found)
        return found


def filled(value: t.Any) -> t.Any:
    """A value with what steps have brought in the places for it."""
    return _replaced(value, lambda pending: pending.value())


def without_pending(value: t.Any) -> t.Any:
    """A value to be shown: what steps are yet to bring is None, whether they have brought it or not, so that check mode
    shows the same."""
    return _replaced(value, lambda _pending: None)


def steps_in(value: t.Any) -> t.Iterator[Maker]:
    """The steps whose results stand in a value."""
    if isinstance(value, ResultOf):
        yield value.step
    elif isinstance(value, dict):
        for item in value.values():
            yield from steps_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from steps_in(item)


def _replaced(value: t.Any, by: t.Callable[[ResultOf], t.Any]) -> t.Any:
    if isinstance(value, ResultOf):
        return by(value)
    if isinstance(value, dict):
        return {key: _replaced(item, by) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, by) for item in value]
    return value
