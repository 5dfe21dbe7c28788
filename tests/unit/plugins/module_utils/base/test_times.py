# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.times import seconds_of, to_duration, to_utc
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("2026-05-04", "2026-05-04T00:00:00Z"),
        (" 2026-05-04 ", "2026-05-04T00:00:00Z"),
        ("2026-05-04T22:00", "2026-05-04T22:00:00Z"),
        ("2026-05-04T22:00:01Z", "2026-05-04T22:00:01Z"),
        ("2026-05-04T22:00:01.5Z", "2026-05-04T22:00:01.500000Z"),
        ("2026-05-04T00:30:00+02:00", "2026-05-03T22:30:00Z"),
        # YAML reads a time without quotes, and Ansible writes it in this way.
        ("2026-05-04 22:00:00+00:00", "2026-05-04T22:00:00Z"),
    ],
)
def test_times_are_sent_in_utc(text: str, sent: str) -> None:
    assert to_utc(text) == sent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026",
        "2026-5-4",
        "2026-02-30",
        "04.05.2026",
        "2026-05-04T25:00",
        "0001-01-01",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-٠٥-٠٤",
    ],
)
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date or a time: "):
        to_utc(text)


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("PT10M30S", 630),
        ("pt10m30s", 630),
        ("PT0S", 0),
        ("PT1H", 3600),
        ("P1DT1S", 86401),
        ("P2D", 172800),
        ("PT1.5S", 1.5),
        (630, 630),
        ("", None),
        ("P", None),
        ("PT", None),
        ("10:30", None),
        ("P1Y", None),
        (None, None),
        (True, None),
        ([], None),
    ],
    ids=str,
)
def test_durations_are_seconds(duration: t.Any, seconds: float | None) -> None:
    assert seconds_of(duration) == seconds


@given(st.integers(0, 10**8))
def test_a_duration_that_is_sent_is_read_as_the_same_number(seconds: int) -> None:
    assert seconds_of(to_duration(seconds)) == seconds
