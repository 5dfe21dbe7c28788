# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import typing as t
from collections import Counter
from fractions import Fraction

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidValues
from ansible_collections.esper.cloud.plugins.module_utils.rollout.waves import (
    NO_LIMIT,
    Device,
    Division,
    Wave,
    default_seed,
    divide,
    hash_of,
    parse_waves,
)
from hypothesis import given
from hypothesis import strategies as st

TAGS, GROUPS = {"lab": "t1", "bar": "t2"}, {"Berlin": "g1", "Stores": "g0"}
SEEDS = st.sampled_from(["one", "two", "three"])
PERCENTS = st.lists(st.sampled_from([0.1, 1, 3.3, 7, 10, 33.4, 50, 99.9]), unique=True, max_size=4).map(sorted)


@st.composite
def fleets(draw: st.DrawFn) -> list[Device]:
    rows = draw(st.lists(st.tuples(st.sets(st.sampled_from(["t1", "t2"])), st.booleans()), max_size=60))
    return [
        Device(f"id-{number}", (f"name-{number}",), frozenset(["g0", *["g1"] * is_in]), frozenset(tags))
        for number, (tags, is_in) in enumerate(rows)
    ]


def waves_of(percents: t.Iterable[float]) -> list[Wave]:
    return [
        Wave("Lab", tags=("lab",), allow_empty=True),
        Wave("Pilot", groups=("Berlin",), tags=("bar",), allow_empty=True),
        *(Wave(f"{percent} %", percent=percent) for percent in percents),
        Wave("The rest", percent=100),
    ]


def split(waves: t.Sequence[Wave], devices: list[Device], seed: str = "seed", **options: t.Any) -> Division:
    return divide(waves, devices, seed, tag_ids=TAGS, group_ids=GROUPS, **options)


def members(division: Division) -> dict[str, set[str]]:
    return {each.wave.name: {device.id for device in each.devices} for each in division.waves}


def limits_in(division: Division) -> dict[str, str]:
    return {each.wave.name: each.hash_limit for each in division.waves if each.hash_limit is not None}


@given(fleets(), PERCENTS, SEEDS)
def test_each_device_is_in_exactly_one_wave(devices: list[Device], percents: list[float], seed: str) -> None:
    division = split(waves_of(percents), devices, seed)
    assert Counter(device.id for each in division.waves for device in each.devices) == Counter(
        device.id for device in devices
    )
    assert not division.left_over


@given(fleets(), PERCENTS, SEEDS)
def test_percentages_are_cumulative_and_exact(devices: list[Device], percents: list[float], seed: str) -> None:
    waves = waves_of(percents)
    division = split(waves, devices, seed)
    assigned = 0
    for each in division.waves:
        before, assigned = assigned, assigned + len(each.devices)
        if each.wave.percent is not None:
            # The first waves can have more devices than the percentage.
            exact = math.ceil(Fraction(str(each.wave.percent)) * len(devices) / 100)
            assert assigned == max(before, exact)


@given(fleets(), PERCENTS, SEEDS, st.randoms(use_true_random=False))
def test_a_repeated_run_selects_the_same_devices(
    devices: list[Device], percents: list[float], seed: str, random: t.Any
) -> None:
    waves, shuffled = waves_of(percents), list(devices)
    random.shuffle(shuffled)
    first = split(waves, devices, seed)
    assert members(split(waves, shuffled, seed)) == members(first)
    assert members(split(waves, devices, seed, limits=limits_in(first))) == members(first)


@given(fleets(), st.integers(0, 40), PERCENTS, SEEDS)
def test_borders_do_not_move_if_devices_enroll(
    devices: list[Device], number: int, percents: list[float], seed: str
) -> None:
    waves = waves_of(percents)
    first = split(waves, devices, seed)
    new = [Device(f"new-{index}", (f"new-{index}",)) for index in range(number)]
    second = split(waves, [*new, *devices], seed, limits=limits_in(first))
    known = {device.id for device in devices}
    assert {name: ids & known for name, ids in members(second).items()} == members(first)
    assert not second.left_over


def test_first_matching_wave_has_the_device_and_selectors_narrow_each_other_down() -> None:
    devices = [
        Device("a", ("Till 1", "a"), frozenset({"g0", "g1"}), frozenset({"t1", "t2"})),
        Device("b", ("Till 2", "b"), frozenset({"g0", "g1"}), frozenset({"t2"})),
        Device("c", ("Till 3", "c"), frozenset({"g0"}), frozenset({"t2"})),
        Device("d", ("Till 4", "d"), frozenset({"g0", "g1"})),
        Device("e", ("Till 5", "S-5", "e"), frozenset({"g0"})),
    ]
    waves = [
        Wave("Lab", tags=("lab",)),
        Wave("Bars of Berlin", groups=("Berlin",), tags=("bar",)),
        Wave("One", devices=("S-5", "Till 1"), allow_empty=True),
        Wave("Stores", groups=("Stores",)),
    ]
    assert members(split(waves, devices)) == {"Lab": {"a"}, "Bars of Berlin": {"b"}, "One": {"e"}, "Stores": {"c", "d"}}


def test_a_percentage_narrows_tags_down() -> None:
    devices = [Device(f"id-{number}", (), tags=frozenset(["t1"] * (number % 2))) for number in range(100)]
    division = split([Wave("Some", tags=("lab",), percent=10), Wave("Rest", percent=100)], devices)
    ranked = sorted((device for device in devices if device.tags), key=lambda device: hash_of("seed", device.id))
    assert division.wave_of("Some").devices == ranked[:10]
    assert division.before("Rest") == ranked[:10]
    assert division.wave_of("Rest").hash_limit == NO_LIMIT


def test_different_seeds_start_with_different_devices() -> None:
    devices = [Device(f"id-{number}", ()) for number in range(100)]
    waves = [Wave("A tenth", percent=10), Wave("Rest", percent=100)]
    seeds = [default_seed(["Kiosk"], {"version": version}) for version in ("1", "2")]
    first, second = (members(split(waves, devices, seed))["A tenth"] for seed in seeds)
    assert first != second
    assert default_seed(["b", "a"], {"version": "1"}) == default_seed(["a", "b"], {"version": "1"})


def test_all_errors_about_devices_are_shown_at_once() -> None:
    devices = [Device(str(number), (f"Till {number}", str(number))) for number in range(7)]
    twins = [Device("x", ("Twin", "x")), Device("y", ("Twin", "y"))]
    waves = [
        Wave("Lab", tags=("lab",)),
        Wave("Named", devices=("Till 8", "Till 1", "Twin")),
        Wave("A tenth", percent=10),
    ]
    with pytest.raises(InvalidValues) as caught:
        split(waves, devices + twins)
    assert caught.value.errors == [
        "waves: the wave 'Lab' has no devices, or earlier waves have all of them. Correct it, or set allow_empty to"
        " true in it",
        "waves: 2 devices of the rollout have the name 'Twin', which the wave 'Named' names. Use their IDs or serial"
        " numbers",
        "waves: the wave 'Named' names 'Till 8', but no blueprint of the rollout is assigned to it (did you mean"
        " 'Till 6'?)",
        "waves: 6 devices are in no wave (Till 6, Till 3, Till 5, Till 0, Till 4 and 1 more). Add a wave such as"
        " {name: The rest, percent: 100} after 'A tenth'",
    ]


def test_errors_about_devices_are_notes_of_a_rollout_in_progress() -> None:
    division = split([Wave("Lab", tags=("lab",))], [Device("a", ("Till",))], is_strict=False)
    assert [device.id for device in division.left_over] == ["a"]
    assert [note.split(",")[0] for note in division.notes] == [
        "waves: the wave 'Lab' has no devices",
        "waves: 1 device is in no wave (Till). Add a wave such as {name: The rest",
    ]


def test_an_empty_percentage_is_only_noted() -> None:
    devices = [Device("a", (), tags=frozenset({"t1"})), Device("b", ())]
    division = split([Wave("Lab", tags=("lab",)), Wave("Half", percent=50), Wave("Rest", percent=100)], devices)
    assert members(division) == {"Lab": {"a"}, "Half": set(), "Rest": {"b"}}
    assert division.notes == ["The wave 'Half' has no devices: those of earlier waves are 50 % already."]
    assert division.wave_of("Half").hash_limit == ""


def test_definitions_are_parsed() -> None:
    assert parse_waves(
        [
            {"name": " Lab ", "tags": ["lab", "lab"], "soak": "1h"},
            {"name": "Rest", "percent": "100", "concurrency": 500, "not_before": "+3 days", "devices": "Till"},
        ]
    ) == [
        Wave("Lab", tags=("lab",), soak=3600),
        Wave("Rest", percent=100, concurrency=500, not_before="+3 days", devices=("Till",)),
    ]


def test_all_errors_of_definitions_are_shown_at_once() -> None:
    with pytest.raises(InvalidValues) as caught:
        parse_waves(
            [
                {"tags": []},
                {"name": "A", "percnt": 5, "soak": "1 fortnight"},
                {"name": "A", "percent": 50, "concurrency": 0, "not_before": "soon"},
                {"name": "B", "percent": 20},
                {"name": "C", "percent": 101, "groups": [" "]},
            ]
        )
    assert caught.value.errors == [
        "waves[0].name is required",
        "waves[0].tags is empty. Omit it, or set a value",
        "waves[1]: unknown key 'percnt' (did you mean 'percent'?)",
        "waves[1] selects no device. Set tags, groups, devices or percent",
        "waves[1].soak is not a duration: '1 fortnight'; a valid value is 30m, 1h or 3 days",
        "waves[2].concurrency is '0'; it must be from 1 to 100,000",
        "waves[2].not_before is not a date, a time or an offset: 'soon'; a valid value is 2026-05-04, 2026-05-04 22:00"
        " or +3 days",
        "waves[4].groups has an empty value",
        "waves[4].percent is not a percentage: '101'; it must be from 0 to 100",
        "waves: 2 waves have the name 'A'",
        "waves: the percent 20 of the wave 'B' must be higher than the 50 of 'A', because it includes the devices of"
        " earlier waves",
    ]
    with pytest.raises(InvalidValues, match="waves is empty"):
        parse_waves([])
