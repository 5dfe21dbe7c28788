# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a write brings, such as the id of what it creates, where they are needed before it is sent."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace


class Producer(t.Protocol):
    """A write that brings values: its ``answer`` is the object that the API returned, None until it is sent."""

    response: t.Any


@dataclass(frozen=True)
class KnownAfterApply:
    """Stands in a plan for a value that the answer to a step will have. ``forms`` are what it is put through then, and
    make no other value of it."""

    step: Producer
    key: str
    transforms: tuple[t.Callable[[t.Any], t.Any], ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        # No two of them are compared as equal texts.
        return f"({self.key} of {id(self.step):x})"

    def transformed(self, transform: t.Callable[[t.Any], t.Any]) -> KnownAfterApply:
        """The same value in the form that a function gives it."""
        return replace(self, transforms=(*self.transforms, transform))

    def value(self) -> t.Any:
        """What the step has brought, None where it has brought nothing."""
        found = None if self.step.response is None else self.step.response.get(self.key)
        for transform in self.transforms if found is not None else ():
            found = transform(found)
        return found


def resolve_unknowns(value: t.Any) -> t.Any:
    """A value with what steps have brought in the places for it."""
    return _replaced(value, lambda pending: pending.value())


def hide_unknowns(value: t.Any) -> t.Any:
    """A value to be shown: what steps are yet to bring is None, whether they have brought it or not, so that check mode
    shows the same."""
    return _replaced(value, lambda _pending: None)


def required_steps(value: t.Any) -> t.Iterator[Producer]:
    """The steps whose results stand in a value."""
    if isinstance(value, KnownAfterApply):
        yield value.step
    elif isinstance(value, dict):
        for item in value.values():
            yield from required_steps(item)
    elif isinstance(value, list):
        for item in value:
            yield from required_steps(item)


def _replaced(value: t.Any, by: t.Callable[[KnownAfterApply], t.Any]) -> t.Any:
    if isinstance(value, KnownAfterApply):
        return by(value)
    if isinstance(value, dict):
        return {key: _replaced(item, by) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, by) for item in value]
    return value
