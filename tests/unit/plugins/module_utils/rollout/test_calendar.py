# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
import zoneinfo
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter, InvalidValues
from ansible_collections.esper.cloud.plugins.module_utils.rollout.calendar import (
    Calendar,
    parse_duration,
    parse_windows,
    start_of,
    zone_of,
)
from hypothesis import given
from hypothesis import strategies as st

BERLIN = zone_of("Europe/Berlin")
MINUTE = timedelta(minutes=1)
CLOCKS = st.sampled_from(["00:00", "01:30", "02:00", "02:15", "02:30", "02:45", "03:00", "12:00", "22:00", "23:59"])
WINDOWS = st.fixed_dictionaries(
    {"from": CLOCKS, "to": CLOCKS}, optional={"days": st.lists(st.sampled_from(["mon", "sat", "sun"]), min_size=1)}
)
# Around both changes of the clock of 2026 in Berlin: 29 March, 1:00 UTC, and 25 October, 1:00 UTC.
TIMES = st.builds(
    lambda base, minutes: base + minutes * MINUTE,
    st.sampled_from([datetime(2026, 3, 28, tzinfo=timezone.utc), datetime(2026, 10, 24, tzinfo=timezone.utc)]),
    st.integers(0, 3 * 24 * 60),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def calendar(*rows: dict[str, t.Any]) -> Calendar:
    return parse_windows(list(rows), BERLIN)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (90, 90),
        ("90", 90),
        ("1.5h", 5400),
        ("30m", 1800),
        (" 3 Days ", 3 * 86_400),
        ("1h 30m", 5400),
        ("1h30m15s", 5415),
        ("2 weeks", 14 * 86_400),
        ("PT1H30M", 5400),
    ],
)
def test_durations(value: t.Any, seconds: float) -> None:
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "soon", "1 fortnight", "-1", "1h and 2m", "h", "1h 30", True, None, float("nan"), "p"]
)
def test_invalid_durations(value: t.Any) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(value)


@pytest.mark.parametrize("value", [-1, "400 days"])
def test_durations_out_of_range(value: t.Any) -> None:
    with pytest.raises(ValueError, match="is out of range"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+3 days", "2026-05-07T10:00"),
        ("+90", "2026-05-04T10:01:30"),
        ("2026-05-06", "2026-05-05T22:00"),
        ("2026-05-06 22:00", "2026-05-06T20:00"),
        ("2026-12-06 22:00:00", "2026-12-06T21:00"),
        ("2026-05-06T22:00Z", "2026-05-06T22:00"),
    ],
)
def test_earliest_time_is_in_the_zone_of_the_rollout(text: str, expected: str) -> None:
    assert start_of(text, utc("2026-05-04T10:00"), BERLIN) == utc(expected)


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "3 days", "+", "0001-01-01", "9999-12-31T23:59-12:00"])
def test_invalid_earliest_times(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a d"):
        start_of(text, utc("2026-05-04T10:00"), BERLIN)


def test_window_over_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    nights = calendar({"days": ["fri"], "from": "22:00", "to": "05:00"})
    # 1 May 2026 is a Friday.
    assert not nights.is_open(utc("2026-05-01T19:59"))
    assert nights.next_open(utc("2026-05-01T02:00")) == utc("2026-05-01T20:00")
    assert nights.is_open(utc("2026-05-02T02:59"))
    assert nights.next_close(utc("2026-05-01T21:00")) == utc("2026-05-02T03:00")
    assert nights.next_open(utc("2026-05-02T03:00")) == utc("2026-05-08T20:00")


def test_adjacent_windows_are_one() -> None:
    days = calendar({"from": "08:00", "to": "12:00"}, {"from": "12:00", "to": "18:00"})
    assert days.next_close(utc("2026-05-01T08:00")) == utc("2026-05-01T16:00")


def test_whole_days() -> None:
    weekend = calendar({"days": ["Saturday", "sun"]})
    assert weekend.next_open(utc("2026-05-01T10:00")) == utc("2026-05-01T22:00")
    assert weekend.next_close(utc("2026-05-02T10:00")) == utc("2026-05-03T22:00")
    always = calendar({"from": "00:00", "to": "24:00"})
    assert always.is_open(utc("2026-05-01T10:00"))
    assert always.next_close(utc("2026-05-01T10:00")) is None
    assert calendar().next_close(utc("2026-05-01T10:00")) is None


def test_clock_that_skips_an_hour() -> None:
    # The clock goes from 2:00 to 3:00 at 1:00 UTC.
    across = calendar({"from": "02:15", "to": "04:00"})
    assert across.next_open(utc("2026-03-29T00:30")) == utc("2026-03-29T01:00")
    assert across.next_close(utc("2026-03-29T01:30")) == utc("2026-03-29T02:00")
    within = calendar({"days": ["sun"], "from": "02:15", "to": "02:45"})
    # No such time exists on this Sunday.
    assert within.next_open(utc("2026-03-28T12:00")) == utc("2026-04-05T00:15")


def test_clock_that_repeats_an_hour() -> None:
    # The clock goes from 3:00 back to 2:00 at 1:00 UTC.
    twice = calendar({"days": ["sun"], "from": "02:00", "to": "02:30"})
    assert twice.next_open(utc("2026-10-24T12:00")) == utc("2026-10-25T00:00")
    assert twice.next_close(utc("2026-10-25T00:10")) == utc("2026-10-25T00:30")
    assert twice.next_open(utc("2026-10-25T00:30")) == utc("2026-10-25T01:00")
    night = calendar({"from": "22:00", "to": "05:00"})
    assert night.next_close(utc("2026-10-24T20:00")) == utc("2026-10-25T04:00")


@given(st.lists(WINDOWS, min_size=1, max_size=3), TIMES)
def test_next_times_are_the_first_ones(rows: list[dict[str, t.Any]], now: datetime) -> None:
    windows = calendar(*rows)
    opening, closing = windows.next_open(now), windows.next_close(now)
    assert windows.is_open(opening)
    assert closing is None or not windows.is_open(closing)
    # A day is enough to see a border that was missed.
    for number in range(0, 24 * 60, 5):
        each = now + number * MINUTE
        assert not windows.is_open(each) or each >= opening
        assert windows.is_open(each) or (closing is not None and each >= closing)


def test_start_of_a_wave_is_in_a_window() -> None:
    nights = calendar({"from": "22:00", "to": "05:00"})
    now = utc("2026-05-01T21:00")
    assert nights.next_start(now, None) == now
    assert nights.next_start(now, utc("2026-05-02T12:00")) == utc("2026-05-02T20:00")
    assert nights.next_start(now, utc("2026-04-01T12:00")) == now


def test_times_without_quotes_in_yaml() -> None:
    # YAML 1.1 reads 22:00 as 1320 and 9:30 as 570.
    assert calendar({"from": 1320, "to": "570"}) == calendar({"from": "22:00", "to": "09:30"})


def test_all_errors_of_windows_are_shown_at_once() -> None:
    with pytest.raises(InvalidValues) as caught:
        calendar({"days": ["someday"], "from": "25:00"}, {"days": [], "to": "22:60", "form": "1"})
    assert caught.value.errors == [
        "windows[0].days: 'someday' is not one of mon, tue, wed, thu, fri, sat, sun",
        "windows[0].from is not a time: '25:00'; a valid value is '22:00', in quotes",
        "windows[1]: unknown key 'form' (did you mean 'from'?)",
        "windows[1].days is empty",
        "windows[1].to is not a time: '22:60'; a valid value is '22:00', in quotes",
    ]


def test_unknown_zones() -> None:
    with pytest.raises(InvalidParameter, match=r"Unknown time zone 'Europe/Berln'\. Did you mean 'Europe/Berlin'\?"):
        zone_of("Europe/Berln")
    for name in ("", "/etc/localtime", "../x", "Europe", "a" * 300):
        with pytest.raises(InvalidParameter, match="Unknown time zone"):
            zone_of(name)


def test_system_without_database_of_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_name: str) -> t.NoReturn:
        raise zoneinfo.ZoneInfoNotFoundError

    monkeypatch.setattr(zoneinfo, "ZoneInfo", fail)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(InvalidParameter, match=r"no database of time zones\. Install the package tzdata"):
        zone_of("Europe/Berlin")
    assert zone_of("utc") is timezone.utc
