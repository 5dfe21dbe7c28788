# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t
import unicodedata

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.names import group_names, unique_hostnames
from hypothesis import example, given
from hypothesis import strategies as st

RESERVED = ("all", "ungrouped", "localhost", "127.0.0.1", "::1")
# Few names, so that devices share them. Some names are IDs of other devices.
OWN = [f"00000000-0000-4000-8000-{number:012}" for number in range(7)]
SPECIAL = [
    "../../x",
    "..",
    ".",
    "a/b",
    "a\\b",
    "a*",
    "a?",
    "[a]",
    "!a",
    "&a",
    "~a",
    "@a",
    "a ~.*",
    "for all",
    "a:all",
    "a,ALL",
    "{{x}}",
    "a{%x%}",
]
NAMES = (
    st.none()
    | st.sampled_from(["", " ", "a", "b", "A", *RESERVED, "LOCALHOST", *OWN[:3], "id-0", *SPECIAL])
    | st.text()
)
DEVICES = st.lists(st.lists(NAMES, max_size=3), max_size=7)
TAKEN = st.dictionaries(st.sampled_from(["a", "b", "A", OWN[0], OWN[1]]), st.none() | st.sampled_from(OWN[:3]))

Devices = list[list[t.Optional[str]]]  # noqa: UP045 - evaluated at run time
Taken = dict[str, t.Optional[str]]  # noqa: UP045 - evaluated at run time


def ids(devices: t.Sequence[object]) -> list[str]:
    return OWN[: len(devices)]


def hostnames(devices: Devices) -> list[str | None]:
    names, rejected, _shared = unique_hostnames(devices, ids(devices))
    assert rejected == {}
    return names


@given(DEVICES)
@example([["x"], [OWN[0]], [], [OWN[2]]])
def test_host_names_are_unique(devices: Devices) -> None:
    names = hostnames(devices)
    assert len(names) == len(devices)
    assert None not in names
    assert len(set(names)) == len(names)


@given(DEVICES)
def test_host_names_are_never_reserved_or_blank(devices: Devices) -> None:
    for name in hostnames(devices):
        assert name
        assert name == name.strip()
        assert not {*re.split(r"[\s,:]", name.lower()), name.lower()} & set(RESERVED)


@given(DEVICES)
def test_host_names_are_neither_paths_nor_patterns(devices: Devices) -> None:
    for name in hostnames(devices):
        assert name
        assert not set(name) & set("/\\*?[]")
        assert name not in (".", "..")
        assert name[0] not in "!&~@"


@pytest.mark.parametrize("name", SPECIAL)
def test_a_special_name_is_skipped(name: str) -> None:
    assert hostnames([[name, "serial"]]) == ["serial"]


@pytest.mark.parametrize("name", ["Kiosk&Till", "tall", "allspice", "Küche", "a.b", "#5", "{a}"])
def test_a_plain_name_is_kept(name: str) -> None:
    assert hostnames([[name, "serial"]]) == [name]


BREAKING = {
    "a:b": "a_b",
    "a,b": "a_b",
    " Till 1 ": "Till_1",
    "!x": "_x",
    "&x": "_x",
    "~x": "_x",
    "@!x": "_x",
    "*": "_",
    "fe80::1": "fe80__1",
    "../x": ".._x",
    "a\nb": "a_b",
    "{{x}}": "_{x}}",
}


@pytest.mark.parametrize(("name", "cleaned"), BREAKING.items())
def test_a_name_that_breaks_patterns_is_skipped_or_cleaned(name: str, cleaned: str) -> None:
    assert hostnames([[name, "serial"]]) == ["serial"]
    assert unique_hostnames([[name, "serial"]], ids([1]), clean=True)[0] == [cleaned]


def test_cleaned_names_are_unique_and_valid() -> None:
    devices: Devices = [["Till 1", "a"], ["Till:1", "b"], ["all ", "c"], ["..", "d"]]
    names, _rejected, shared = unique_hostnames(devices, ids(devices), clean=True)
    assert names == ["a", "b", "c", "d"]
    assert shared == {"Till_1": 2}


@pytest.mark.parametrize("identifier", ["../../x", "localhost", "all", "ungrouped", "7", "id-0", "", "a" * 36])
def test_an_id_that_is_not_a_uuid_is_never_a_host_name(identifier: str) -> None:
    assert unique_hostnames([[None, "", identifier]], [identifier]) == ([None], {}, {})
    assert unique_hostnames([["till", identifier]], [identifier]) == (["till"], {}, {})


@given(DEVICES, TAKEN, st.randoms())
def test_host_names_do_not_depend_on_the_order_of_devices(devices: Devices, taken: Taken, random: t.Any) -> None:
    named = dict(zip(ids(devices), unique_hostnames(devices, ids(devices), taken)[0], strict=True))
    order = list(range(len(devices)))
    random.shuffle(order)
    shuffled = [OWN[index] for index in order]
    again = unique_hostnames([devices[index] for index in order], shuffled, taken)[0]
    assert dict(zip(shuffled, again, strict=True)) == named


@given(DEVICES, TAKEN)
def test_a_taken_name_is_used_only_for_its_device(devices: Devices, taken: Taken) -> None:
    names, rejected, _shared = unique_hostnames(devices, ids(devices), taken)
    for identifier, name in zip(ids(devices), names, strict=True):
        assert name is None or taken.get(name, identifier) == identifier
    for index, skipped in rejected.items():
        assert names[index] not in skipped
        assert all(taken[name] != OWN[index] for name in skipped)


@given(DEVICES)
def test_a_host_has_a_name_or_the_id_of_its_device(devices: Devices) -> None:
    for names, identifier, name in zip(devices, ids(devices), hostnames(devices), strict=True):
        assert name == identifier or name in [str(candidate).strip() for candidate in names if candidate is not None]


def test_a_name_that_several_devices_prefer_is_not_used() -> None:
    devices: Devices = [["kiosk", "s1"], ["kiosk", "s2"], ["till", "s3"], ["kiosk", None]]
    assert hostnames(devices) == ["s1", "s2", "till", OWN[3]]


def test_a_second_name_is_not_the_preferred_name_of_others() -> None:
    devices: Devices = [["kiosk"], ["kiosk"], ["", "kiosk"]]
    assert hostnames(devices) == ids(devices)


def test_a_taken_name_is_skipped_and_returned() -> None:
    devices: Devices = [["web01", "s1"], ["tag_vip", "s2"], ["till", "s3"]]
    names, rejected, _shared = unique_hostnames(devices, ids(devices), {"web01": None, "tag_vip": None, "till": OWN[2]})
    assert names == ["s1", "s2", "till"]
    assert rejected == {0: ["web01"], 1: ["tag_vip"]}


def safe(name: str) -> str:
    """Return a group name as Ansible sanitizes it."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


GROUPS = st.dictionaries(
    st.sampled_from(["aaaaaaaa-1", "aaaaaaaa-2", "bbbbbbbb-1", "cccccccc-1", "dddddddd-1"]),
    st.sampled_from(["x", "X", "x_aaaaaaaa", "x_bbbbbbbb", "x-bbbbbbbb", "ü", "é", ""]) | st.text(max_size=5),
    max_size=5,
)


@given(GROUPS)
@example({"aaaaaaaa-1": "x", "bbbbbbbb-1": "x", "cccccccc-1": "x_aaaaaaaa"})
@example({"aaaaaaaa-1": "x", "aaaaaaaa-2": "x"})
@example({"aaaaaaaa-1": "x", "bbbbbbbb-1": "X", "cccccccc-1": "x_aaaaaaaa", "dddddddd-1": "x_aaaaaaaa_1"})
def test_group_names_are_unique(names: dict[str, str]) -> None:
    unique, _shared = group_names("group", names, safe)
    assert unique.keys() == names.keys()
    assert len(set(unique.values())) == len(names)


@given(GROUPS)
@example({"aaaaaaaa-1": "x", "bbbbbbbb-1": "x", "cccccccc-1": "x_aaaaaaaa"})
def test_the_plain_name_of_each_object_is_a_group(names: dict[str, str]) -> None:
    unique, shared = group_names("group", names, safe)
    for identifier, name in names.items():
        plain = safe(f"group_{unicodedata.normalize('NFC', name).lower()}")
        # A pattern that excludes the plain name excludes the object, also if other objects share the name.
        assert unique[identifier] == plain or identifier in shared[plain]
    assert shared.keys().isdisjoint(unique.values())


@given(GROUPS)
def test_group_names_do_not_depend_on_the_order(names: dict[str, str]) -> None:
    assert group_names("group", names, safe) == group_names("group", dict(reversed(names.items())), safe)


@given(GROUPS)
def test_group_names_are_lower_case_and_safe(names: dict[str, str]) -> None:
    for name in group_names("group", names, safe)[0].values():
        assert re.fullmatch(r"group_[a-z0-9_]*", name)


def test_objects_that_share_a_group_name_are_returned() -> None:
    names = {"aaaaaaaa-1": "Kasse 1", "bbbbbbbb-1": "kasse-1", "cccccccc-1": "Kasse 2"}
    unique, shared = group_names("tag", names, safe)
    assert unique == {
        "aaaaaaaa-1": "tag_kasse_1_aaaaaaaa",
        "bbbbbbbb-1": "tag_kasse_1_bbbbbbbb",
        "cccccccc-1": "tag_kasse_2",
    }
    assert shared == {"tag_kasse_1": ["aaaaaaaa-1", "bbbbbbbb-1"]}


def test_long_group_names_are_unique_and_end_in_a_digest() -> None:
    long = "Stores/" * 100
    names = {"aaaaaaaa-1": f"{long}a", "bbbbbbbb-1": f"{long}b", "cccccccc-1": f"{long}B", "dddddddd-1": "x" * 505}
    unique, shared = group_names("group", names, safe)
    assert {len(name) for name in [*unique.values(), *shared]} == {511, 512}
    assert len(set(unique.values())) == 4
    assert unique["aaaaaaaa-1"].startswith("group_stores_stores_")
    assert unique["dddddddd-1"] == f"group_{'x' * 505}"
    (both,) = shared
    assert shared[both] == ["cccccccc-1", "bbbbbbbb-1"]
    assert both not in unique.values()
    # The name does not depend on the other objects.
    assert unique["aaaaaaaa-1"] == group_names("group", {"z": f"{long}a"}, safe)[0]["z"]
    assert group_names("group", {"z": f"{long}b"}, safe)[0]["z"] == both


def test_a_name_of_more_than_512_characters_is_no_host_name() -> None:
    assert hostnames([["x" * 513, "s1"], ["x" * 512, "s2"]]) == ["s1", "x" * 512]


def test_names_that_differ_only_in_unicode_form_share_a_group() -> None:
    decomposed = unicodedata.normalize("NFD", "Köln")
    unique, shared = group_names("tag", {"aaaaaaaa-1": "Köln", "bbbbbbbb-1": decomposed}, str)
    assert shared == {"tag_köln": ["bbbbbbbb-1", "aaaaaaaa-1"]}
    assert set(unique.values()) == {"tag_köln_aaaaaaaa", "tag_köln_bbbbbbbb"}


def test_objects_whose_ids_are_not_uuids_have_their_own_groups() -> None:
    # The ID of a platform or of a state is its name.
    unique, shared = group_names("platform", {"A B": "A B", "a-b": "a-b"}, safe)
    assert len(set(unique.values()) - set(shared)) == 2
