# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Children of an object by ID, by name and in their order."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import Ambiguous, InvalidParameter, NotFound
from ansible_collections.esper.cloud.plugins.module_utils.engine.children import sync_children
from hypothesis import given
from hypothesis import strategies as st

ABC = [{"id": name.lower(), "name": name} for name in "ABC"]


@dataclass(frozen=True)
class Child:
    name: str | None
    id: str | None = None


def children(names: str) -> list[Child]:
    return [Child(name) for name in names]


@pytest.mark.parametrize(
    ("names", "kept", "moves", "surplus"),
    [
        ("ABC", 3, False, ""),
        ("AC", 2, False, "B"),
        ("ABCD", 3, False, ""),
        ("", 0, False, "ABC"),
        ("XY", 0, False, "ABC"),
        ("BAC", 0, True, ""),
        ("ACB", 1, True, ""),
        ("AXBC", 1, True, ""),
        ("XA", 0, True, "BC"),
    ],
)
def test_children_in_their_order(names: str, kept: int, moves: bool, surplus: str) -> None:
    result = sync_children(children(names), ABC, title="stage", ordered=True)
    assert (result.kept, result.moves) == (kept, moves)
    assert [row["name"] for row in result.surplus] == list(surplus)
    assert [child.name for child, _row in result.pairs] == list(names)


def test_without_an_order_nothing_moves() -> None:
    result = sync_children(children("CAX"), ABC, title="list")
    assert (result.moves, [row and row["id"] for _child, row in result.pairs]) == (False, ["c", "a", None])


def test_an_id_selects_a_child_to_rename() -> None:
    result = sync_children([Child("New", "b")], ABC, title="stage")
    assert result.pairs[0][1] == ABC[1]
    with pytest.raises(NotFound, match="The stage 'z' was not found"):
        sync_children([Child("New", "z")], ABC, title="stage")
    with pytest.raises(InvalidParameter, match="The stage 'B' is listed twice"):
        sync_children([Child("New", "b"), Child("B")], ABC, title="stage")


def test_a_name_of_two_children_is_ambiguous() -> None:
    with pytest.raises(Ambiguous, match=r"A \(ID a\), A \(ID d\)"):
        sync_children(children("A"), [*ABC, {"id": "d", "name": "A"}], title="stage")


@given(st.permutations("ABCDE"), st.permutations("ABCDE"))
def test_only_children_behind_the_first_difference_are_created_again(existing: list[str], desired: list[str]) -> None:
    rows = [{"id": name, "name": name} for name in existing]
    result = sync_children(children("".join(desired)), rows, title="stage", ordered=True)
    # Deleting those behind it, and creating them at the end, yields the desired order.
    kept = [name for name in existing if name in desired[: result.kept]]
    assert kept + desired[result.kept :] == desired
    assert result.moves is (existing != desired)
