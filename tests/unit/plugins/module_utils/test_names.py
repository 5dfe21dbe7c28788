# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t
import unicodedata

from ansible_collections.esper.cloud.plugins.module_utils.names import group_names, unique_hostnames
from hypothesis import example, given
from hypothesis import strategies as st

RESERVED = ("all", "ungrouped", "localhost", "127.0.0.1", "::1")
# Few names, so that devices meet; some of them are what another device's id is.
NAMES = (
    st.none() | st.sampled_from(["", " ", "a", "b", "A", *RESERVED, "LOCALHOST", "id-0", "id-1", "id-2"]) | st.text()
)
DEVICES = st.lists(st.lists(NAMES, max_size=3), max_size=7)

Devices = list[list[t.Optional[str]]]  # noqa: UP045 - evaluated at run time


def ids(devices: t.Sequence[object]) -> list[str]:
    return [f"id-{number}" for number in range(len(devices))]


@given(DEVICES)
@example([["x"], ["id-0"], [], ["id-2"]])
def test_host_names_are_unique(devices: Devices) -> None:
    names = unique_hostnames(devices, ids(devices))
    assert len(names) == len(devices)
    assert len(set(names)) == len(names)


@given(DEVICES)
def test_host_names_are_never_reserved_or_blank(devices: Devices) -> None:
    for name in unique_hostnames(devices, ids(devices)):
        assert name == name.strip()
        assert name
        assert name.lower() not in RESERVED


@given(DEVICES, st.randoms())
def test_host_names_do_not_depend_on_the_order_of_devices(devices: Devices, random: t.Any) -> None:
    named = dict(zip(ids(devices), unique_hostnames(devices, ids(devices)), strict=True))
    order = list(range(len(devices)))
    random.shuffle(order)
    shuffled = [f"id-{place}" for place in order]
    again = dict(zip(shuffled, unique_hostnames([devices[place] for place in order], shuffled), strict=True))
    assert again == named


@given(DEVICES)
def test_a_host_is_named_after_its_device(devices: Devices) -> None:
    for names, identifier, name in zip(devices, ids(devices), unique_hostnames(devices, ids(devices)), strict=True):
        assert name == identifier or name in [str(each).strip() for each in names if each is not None]


def test_a_name_that_several_would_have_is_given_to_none() -> None:
    devices: Devices = [["kiosk", "s1"], ["kiosk", "s2"], ["till", "s3"], ["kiosk", None]]
    assert unique_hostnames(devices, ids(devices)) == ["s1", "s2", "till", "id-3"]


def test_a_second_choice_does_not_take_what_others_wanted_first() -> None:
    devices: Devices = [["kiosk"], ["kiosk"], ["", "kiosk"]]
    assert unique_hostnames(devices, ids(devices)) == ids(devices)


def safe(name: str) -> str:
    """What Ansible makes of a group's name."""
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
def test_the_plain_name_of_each_object_stays_in_use(names: dict[str, str]) -> None:
    unique, shared = group_names("group", names, safe)
    for identifier, name in names.items():
        plain = safe(f"group_{unicodedata.normalize('NFC', name).lower()}")
        # A pattern that excludes it excludes the object, whatever other objects are called.
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


def test_names_that_differ_only_in_unicode_form_share_a_group() -> None:
    decomposed = unicodedata.normalize("NFD", "Köln")
    unique, shared = group_names("tag", {"aaaaaaaa-1": "Köln", "bbbbbbbb-1": decomposed}, str)
    assert shared == {"tag_köln": ["bbbbbbbb-1", "aaaaaaaa-1"]}
    assert set(unique.values()) == {"tag_köln_aaaaaaaa", "tag_köln_bbbbbbbb"}


def test_identifiers_that_are_no_uuids_still_give_each_object_a_group() -> None:
    # The ID of a platform or of a state is its name.
    unique, shared = group_names("platform", {"A B": "A B", "a-b": "a-b"}, safe)
    assert len(set(unique.values()) - set(shared)) == 2
