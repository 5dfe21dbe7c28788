# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest objects of lists in any order, and the pages that are read for them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.events.listing import read_newest, time_key
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.events.sources import Row


class Pages:
    """A client of one list, with the offsets of its requests."""

    def __init__(self, hours: list[int], count: str = "count") -> None:
        self.rows = [{"at": f"2026-03-01T{hour:02}:00:00Z", "hour": hour} for hour in hours]
        self.count = count
        self.offsets: list[int] = []

    def get(self, _path: str, *, ids: t.Any, query: Row, purpose: str) -> Row:
        offset = query.get("offset", 0)
        self.offsets.append(offset)
        return {self.count: len(self.rows), "results": self.rows[offset : offset + query["limit"]]}


def read(pages: t.Any, until: int, **options: t.Any) -> tuple[set[int], list[int], bool, bool]:
    found = read_newest(
        pages, "/list/", key="at", until=time_key(f"2026-03-01T{until:02}:00:00Z"), purpose="", page_size=4, **options
    )
    return {row["hour"] for row in found.rows}, pages.offsets, found.is_ordered, found.is_complete


UP = list(range(20))
DOWN = UP[::-1]


@pytest.mark.parametrize(
    ("hours", "options", "expected"),
    [
        # Only the pages with newer objects are read.
        (DOWN, {}, (set(range(12, 20)), [0, 4], True, False)),
        (DOWN, {"can_ascend": True}, (set(range(12, 20)), [0, 4], True, False)),
        (UP, {"can_ascend": True}, ({*range(4), *range(12, 20)}, [0, 16, 12], True, False)),
        (DOWN, {"reads_all": True}, (set(UP), [0, 4, 8, 12, 16], True, True)),
        # A list in another order is read as a whole.
        (UP, {}, (set(UP), [0, 4, 8, 12, 16], False, True)),
        ([3, 1, 2, 0, *range(4, 20)], {"can_ascend": True}, (set(UP), [0, 4, 8, 12, 16], False, True)),
        # So is one that starts with the oldest object and has no number of objects.
        (UP[:15], {"can_ascend": True, "count": "unknown"}, (set(UP[:15]), [0, 4, 8, 12], True, True)),
        # Neighbors that differ by less than the tolerance are in order.
        ([19, 18, 16, 17, *DOWN[4:]], {"tolerance": 3600}, (set(range(12, 20)), [0, 4], True, False)),
        ([19, 18, 16, 17, *DOWN[4:]], {}, (set(UP), [0, 4, 8, 12, 16], False, True)),
        # The boundary between two pages.
        ([17, 16, 15, 14, 19, 18], {}, (set(range(14, 20)), [0, 4], False, True)),
        ([19, 18, 17, 16, 15, 14], {}, (set(range(14, 20)), [0, 4], True, True)),
    ],
)
def test_the_newest_objects_are_read(hours: list[int], options: Row, expected: t.Any) -> None:
    pages = Pages(hours, options.pop("count", "count"))
    assert read(pages, 13, **options) == expected


def test_times_are_compared_as_texts() -> None:
    keys = [time_key(each) for each in ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00.5Z", "2026-03-01T10:30:01+01:00")]
    assert keys == sorted(keys)
    assert len({len(key) for key in keys}) == 1
    assert time_key(None) == time_key("soon") == ""
