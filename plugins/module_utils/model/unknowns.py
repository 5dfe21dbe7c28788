# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Placeholders for values that are known only after a write request, such as the ID of a new object."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .values import LEVELS, leaves


class Producer(t.Protocol):
    """A write request. ``response`` is the object that the API returned, None before the request is sent."""

    response: t.Any


@dataclass(frozen=True)
class KnownAfterApply:
    """A placeholder in a plan for the value of a key in the response to a step.

    ``transforms`` are applied to the value. They only change its form, so they do not count in comparisons.
    """

    step: Producer
    key: str
    transforms: tuple[t.Callable[[t.Any], t.Any], ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        # Different placeholders must not have the same text, because values are also compared as texts.
        return f"({self.key} of {id(self.step):x})"

    def transformed(self, transform: t.Callable[[t.Any], t.Any]) -> KnownAfterApply:
        """Return a placeholder for the result of a function of the value."""
        return replace(self, transforms=(*self.transforms, transform))

    def value(self) -> t.Any:
        """Return the value, None if the response does not have it or the step was not sent."""
        value = None if self.step.response is None else self.step.response.get(self.key)
        for transform in self.transforms if value is not None else ():
            value = transform(value)
        return value


def resolve_unknowns(value: t.Any) -> t.Any:
    """Return a value with the values from responses in place of placeholders."""
    return _replace(value, lambda unknown: unknown.value())


def hide_unknowns(value: t.Any) -> t.Any:
    """Return a value with None in place of placeholders.

    The result is the same before and after the steps are sent, so check mode and a run show the same.
    """
    return _replace(value, lambda _unknown: None)


def required_steps(value: t.Any) -> t.Iterator[Producer]:
    """Yield the steps of the placeholders in a value."""
    return (leaf.step for leaf in leaves(value) if isinstance(leaf, KnownAfterApply))


def _replace(value: t.Any, replacement: t.Callable[[KnownAfterApply], t.Any], levels: int = LEVELS) -> t.Any:
    if isinstance(value, KnownAfterApply):
        return replacement(value)
    # Deeper values are from a response, and have no placeholders.
    if levels and isinstance(value, dict):
        return {key: _replace(item, replacement, levels - 1) for key, item in value.items()}
    if levels and isinstance(value, list):
        return [_replace(item, replacement, levels - 1) for item in value]
    return value
