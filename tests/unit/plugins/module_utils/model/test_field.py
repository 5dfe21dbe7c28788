# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields bring values from playbooks to the API and back, and lose nothing and show no secret on the way."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.validators import between, email, length
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import argument_spec_for, writable
from hypothesis import given
from hypothesis import strategies as st

MASK = "********"

POLICY = Field(
    "settings",
    api="policy",
    type="dict",
    fields=(
        Field("kiosk_mode", api="kioskMode", type="bool"),
        Field("least", type="int", check=between(4, 10)),
        Field("numbers", type="list", elements="str", items="set", check=length(1, 3)),
        Field(
            "accounts",
            type="list",
            elements="dict",
            fields=(Field("mail", api="eMail", check=email), Field("kind", choices=("USER", "ADMIN"))),
        ),
        Field("lock", type="dict", fields=(Field("pin", secret=True), Field("tries", type="int"))),
    ),
)


def test_the_options_of_a_module_follow_from_its_fields() -> None:
    (spec,) = argument_spec_for(writable([POLICY, Field("id", writable=False)])).values()
    assert spec["type"] == "dict"
    assert spec["options"]["numbers"] == {"type": "list", "elements": "str"}
    assert spec["options"]["accounts"]["options"]["kind"] == {"type": "str", "choices": ["USER", "ADMIN"]}
    assert spec["options"]["lock"]["options"]["pin"] == {"type": "str", "no_log": True}


def test_what_was_not_said_is_left_out() -> None:
    said = {"kiosk_mode": None, "accounts": [{"mail": "a@b", "kind": None}], "lock": {"pin": None, "tries": 0}}
    assert POLICY.given(said) == {"accounts": [{"mail": "a@b"}], "lock": {"tries": 0}}


def test_a_value_is_written_in_the_words_of_the_api_and_read_back() -> None:
    value = {"kiosk_mode": True, "accounts": [{"mail": "a@b", "kind": "USER"}]}
    written = POLICY.write(value)
    assert written == {"kioskMode": True, "accounts": [{"eMail": "a@b", "kind": "USER"}]}
    assert POLICY.read({**written, "unknown": 1}) == value


def test_each_value_that_cannot_be_is_named_with_its_place() -> None:
    value = {"least": 3, "numbers": ["ok", "", "long"], "accounts": [{"mail": "a@b"}, {"mail": "nobody"}]}
    assert list(POLICY.complaints(value)) == [
        "settings.least: 3 is less than 4",
        "settings.numbers[1]: is empty",
        "settings.numbers[2]: has more than 3 characters",
        "settings.accounts[1].mail: 'nobody' is no email address",
    ]


@pytest.mark.parametrize(
    ("current", "wanted", "satisfied"),
    [
        ({"numbers": ["b", "a"], "kiosk_mode": True}, {"numbers": ["a", "b"]}, True),
        ({"numbers": ["a"]}, {"numbers": ["a", "b"]}, False),
        ({"accounts": [{"mail": "a", "kind": "USER"}]}, {"accounts": [{"mail": "a"}]}, True),
        ({"lock": {"tries": "3"}}, {"lock": {"tries": 3, "pin": "1234"}}, True),
        (None, {"kiosk_mode": True}, False),
        (None, {}, True),
    ],
)
def test_only_what_was_said_is_compared(current: t.Any, wanted: t.Any, satisfied: bool) -> None:
    assert POLICY.is_satisfied(current, wanted) is satisfied


def test_what_the_collection_does_not_know_survives_a_change() -> None:
    current = {"kioskMode": True, "new": {"of": "tomorrow"}, "lock": {"pin": "real", "colour": "red", "tries": 1}}
    sent = POLICY.rewritten(current, {"lock": {"tries": 2}})
    assert sent == {**current, "lock": {"pin": "real", "colour": "red", "tries": 2}}


def test_a_mask_is_never_sent_back_and_its_loss_is_told() -> None:
    current = {"kioskMode": True, "lock": {"pin": MASK, "tries": 1}}
    assert POLICY.rewritten(current, {"kiosk_mode": False}) == {"kioskMode": False, "lock": {"tries": 1}}
    assert list(POLICY.masked_in(current, {"kiosk_mode": False})) == ["settings.lock.pin"]
    assert list(POLICY.masked_in(current, {"lock": {"pin": "1234"}})) == []
    assert list(POLICY.masked_in({"lock": {"pin": "real"}}, None)) == []
    assert list(POLICY.masked_in({"lock": {"pin": None}}, None)) == []


@pytest.mark.parametrize(
    ("current", "always", "sent"),
    [("real", False, True), ("1234", False, False), (MASK, False, False), (MASK, True, True), (None, False, False)],
)
def test_a_secret_is_compared_unless_it_is_masked(current: str | None, always: bool, sent: bool) -> None:
    assert POLICY.changes_secret({"lock": {"pin": current}}, {"lock": {"pin": "1234"}}, always) is sent


def test_a_secret_is_shown_nowhere() -> None:
    value = {"lock": {"pin": "1234", "tries": 3}}
    read = POLICY.read(POLICY.write(value))
    marked = POLICY.marked(read, value)
    assert "1234" not in str([read, marked])
    assert marked["lock"]["pin"] == "(not shown)"


# --- dicts in lists, and exactly what is given ------------------------------------------------------------------------

SECRET = "correct horse"
DEVICE = Field(
    "device",
    type="dict",
    fields=(
        Field(
            "sound",
            type="dict",
            fields=(
                Field("when", choices=("ALWAYS", "NEVER"), initial="ALWAYS"),
                Field("on", type="bool", default=True),
                Field("volume", api="level", type="int"),
                Field("pin", secret=True),
            ),
        ),
        Field("tags", type="list", elements="str", items="set"),
        Field(
            "scripts",
            type="list",
            elements="dict",
            fields=(Field("line", essential=True), Field("when", initial="ALWAYS"), Field("comment")),
        ),
        Field(
            "files",
            type="list",
            elements="dict",
            fields=(
                Field("label", sent=False),
                Field("number", api="fileId", essential=True, normalise=str),
                Field("place"),
                Field("pin", secret=True),
            ),
            items="number+place number label",
        ),
    ),
)
PHONE = Field("phone", type="dict", fields=(DEVICE, Field("other", type="dict", fields=DEVICE.fields)), partial=True)


def files(*given: str) -> list[dict[str, str]]:
    """Files as the API has them, each written as "number place"."""
    return [dict(zip(("fileId", "place"), each.split(), strict=False)) for each in given]


@pytest.mark.parametrize(
    ("there", "given", "wanted", "exactly"),
    [
        (["1 /a"], ["2 /a"], ["1 /a", "2 /a"], ["2 /a"]),
        (["1 /a"], ["1 /b"], ["1 /b"], ["1 /b"]),
        (["1 /a"], ["1 /b", "1 /a"], ["1 /a", "1 /b"], ["1 /a", "1 /b"]),
        (["1 /a", "1 /b"], ["1 /b"], ["1 /a", "1 /b"], ["1 /b"]),
        (["1 /a", "1 /b"], ["1 /c"], ["1 /c", "1 /b"], ["1 /c"]),
        (["1 /a", "2 /b"], ["2"], ["1 /a", "2 /b"], ["2"]),
        ([], ["1 /a"], ["1 /a"], ["1 /a"]),
    ],
)
def test_each_item_is_merged_with_the_one_that_is_most_like_it(
    there: list[str], given: list[str], wanted: list[str], exactly: list[str]
) -> None:
    said = {"files": [DEVICE.read({"files": files(each)})["files"][0] for each in given]}
    for exact, expected in ((False, wanted), (True, exactly)):
        assert DEVICE.rewritten({"files": files(*there)}, said, exact) == {"files": files(*expected)}


def test_an_item_has_the_place_of_what_is_called_like_it() -> None:
    there = [{"fileId": 1, "label": "a", "x": 1}, {"fileId": 2, "label": "b"}]
    said = {"files": [{"label": "b", "number": "3"}, {"label": "a", "number": "1"}]}
    assert DEVICE.rewritten({"files": there}, said)["files"] == [
        {"fileId": "1", "label": "a", "x": 1},
        {"fileId": "3", "label": "b"},
    ]


@pytest.mark.parametrize(
    ("given", "double"),
    [
        ([{"number": "1"}, {"number": "1"}], True),
        ([{"number": "1", "place": "/a"}, {"number": "1", "place": "/a"}], True),
        ([{"number": "1", "place": "/a"}, {"number": "1"}], True),
        ([{"label": "a"}, {"label": "a"}], True),
        ([{"number": "1", "place": "/a"}, {"number": "1", "place": "/b"}], False),
        ([{"number": "1", "label": "a"}, {"number": "2", "label": "a"}], False),
        ([{"place": "/a"}, {"place": "/a"}], False),
    ],
    ids=str,
)
def test_what_is_given_twice_is_refused(given: list[dict[str, str]], double: bool) -> None:
    complaints = list(DEVICE.complaints({"files": given}))
    assert complaints == (["device.files[1]: is about the same as device.files[0]"] if double else [])


def test_what_is_missing_is_named_and_what_is_there_is_not() -> None:
    given = {"files": [{"place": "/a"}, {"number": "1"}], "scripts": [{"line": "ls"}, {"comment": "x"}]}
    missing = list(DEVICE.lacking(DEVICE.rewritten(None, given), given))
    assert missing == ["device.scripts[1].line: is missing", "device.files[0].number: is missing"]
    assert list(DEVICE.lacking({"files": files("1 /a")}, {"files": [{"number": "1"}]})) == []


@pytest.mark.parametrize(
    ("before", "after", "differences"),
    [
        ({"sound": {"on": True}}, {"sound": None}, []),
        ({"sound": {"when": "NEVER", "on": True}}, {}, []),
        ({"sound": {"on": None}}, {"sound": {"on": True}}, []),
        ({"sound": {"on": False}}, {"sound": {"on": True}}, [("sound.on", False, True)]),
        ({"sound": {"volume": 5}}, {"sound": {"volume": "5"}}, []),
        ({"sound": {"on": False}}, {}, [("sound", {"on": False}, None)]),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, []),
        ({"tags": ["a"]}, {"tags": None}, [("tags", ["a"], None)]),
        (
            {"scripts": [{"line": "a", "comment": "x"}]},
            {"scripts": [{"line": "a"}]},
            [("scripts", [{"line": "a", "comment": "x"}], [{"line": "a"}])],
        ),
        (
            {"files": [{"number": "1", "label": "a", "place": "/a"}, {"number": "2", "place": "/b"}]},
            {"files": [{"number": "2", "place": "/c"}, {"number": "3", "label": "c"}]},
            [
                ("files[a]", {"number": "1", "label": "a", "place": "/a"}, None),
                ("files[2].place", "/b", "/c"),
                ("files[c]", None, {"number": "3", "label": "c"}),
            ],
        ),
    ],
    ids=str,
)
def test_differences_are_told_by_their_places(
    before: dict[str, t.Any], after: dict[str, t.Any], differences: list[tuple[t.Any, ...]]
) -> None:
    found = [(each["path"], each["before"], each["after"]) for each in DEVICE.differences(before, after)]
    assert found == differences
    back = [(each["path"], each["after"], each["before"]) for each in DEVICE.differences(after, before)]
    assert sorted(map(str, back)) == sorted(map(str, found))


def test_a_secret_of_what_is_not_there_is_sent() -> None:
    given = {"sound": {"pin": SECRET}}
    assert DEVICE.changes_secret({"sound": None}, given, always=False)
    assert not DEVICE.changes_secret({"sound": {"on": True}}, given, always=False)
    assert DEVICE.changes_secret({"files": []}, {"files": [{"number": "1", "pin": SECRET}]}, always=False)


@pytest.mark.parametrize(
    ("given", "exact", "lost"),
    [
        (None, False, ["sound.pin", "files[0].pin"]),
        ({}, False, ["sound.pin", "files[0].pin"]),
        ({}, True, []),
        ({"sound": {}, "files": []}, True, ["sound.pin"]),
        ({"files": [{"number": "1"}]}, True, ["files[0].pin"]),
        ({"files": [{"number": "1", "pin": SECRET}]}, False, ["sound.pin"]),
    ],
    ids=str,
)
def test_a_mask_is_lost_if_what_it_belongs_to_stays(given: t.Any, exact: bool, lost: list[str]) -> None:
    current = {"sound": {"pin": MASK}, "files": [{"fileId": 1, "pin": MASK}]}
    assert list(DEVICE.masked_in(current, given, exact=exact)) == [f"device.{path}" for path in lost]
    assert MASK not in str(DEVICE.rewritten(current, given, exact))


def test_what_is_not_known_is_named() -> None:
    current = {
        "new": 1,
        "none": None,
        "empty": {},
        "sound": {"x": False},
        "files": [None, {"x": {"y": 1}}],
        "tags": ["a"],
    }
    assert list(DEVICE.unknown_in(current)) == ["device.new", "device.sound.x", "device.files[1].x"]


def few(**values: st.SearchStrategy[t.Any]) -> st.SearchStrategy[dict[str, t.Any]]:
    """Dicts with some of these keys."""
    return st.fixed_dictionaries({}, optional=values)


NUMBERS = st.sampled_from(["1", "2", "3"])
PLACES = st.sampled_from(["/a", "/b"])
WHEN = st.sampled_from(["ALWAYS", "NEVER"])
UNKNOWN = st.none() | st.just({"of": "tomorrow"})
# Null, numbers as texts, masks, keys that nobody knows, and the same thing twice.
THERE = few(
    sound=st.none()
    | few(
        when=WHEN | st.none(),
        on=st.booleans() | st.none(),
        level=st.sampled_from([1, "1", None]),
        pin=st.sampled_from([MASK, SECRET, None, ""]),
        unknown=UNKNOWN,
    ),
    tags=st.none() | st.lists(st.sampled_from("abc"), max_size=3),
    scripts=st.none()
    | st.lists(few(line=st.sampled_from("ab"), when=WHEN, comment=st.just("c"), unknown=UNKNOWN), max_size=2),
    files=st.none()
    | st.lists(
        few(
            fileId=NUMBERS | st.integers(1, 3) | st.none(),
            place=PLACES | st.none(),
            label=st.sampled_from(["x", "y", None]),
            pin=st.sampled_from([MASK, SECRET]),
            unknown=UNKNOWN,
        ),
        max_size=4,
    ),
    unknown=UNKNOWN,
)
FILE = st.fixed_dictionaries(
    {"number": NUMBERS}, optional={"place": PLACES, "label": st.sampled_from(["x", "y"]), "pin": st.just(SECRET)}
)
WANTED = few(
    sound=few(when=WHEN, on=st.booleans(), volume=st.integers(0, 2), pin=st.just(SECRET)),
    tags=st.lists(st.sampled_from("abc"), max_size=3),
    scripts=st.lists(
        st.fixed_dictionaries({"line": st.sampled_from("ab")}, optional={"when": WHEN, "comment": st.just("c")}),
        max_size=2,
    ),
    files=st.lists(FILE, max_size=4),
).filter(lambda wanted: not list(DEVICE.complaints(wanted)))


@given(THERE, WANTED, st.booleans())
def test_after_a_change_nothing_differs_in_lists_of_dicts_and_exactly(
    there: dict[str, t.Any], wanted: dict[str, t.Any], exact: bool
) -> None:
    sent = DEVICE.sendable(DEVICE.rewritten(there, wanted, exact))
    assert DEVICE.is_satisfied(DEVICE.read(sent), wanted, exact)
    assert not DEVICE.changes_secret(sent, wanted, always=False)
    assert DEVICE.sendable(DEVICE.rewritten(sent, wanted, exact)) == sent
    assert list(DEVICE.lacking(sent, {key: wanted[key] for key in wanted if key != "files"})) == []


@given(THERE, WANTED, st.booleans())
def test_only_what_the_service_knows_is_sent(there: dict[str, t.Any], wanted: dict[str, t.Any], exact: bool) -> None:
    sent = DEVICE.sendable(DEVICE.rewritten(there, wanted, exact))
    assert MASK not in str(sent)
    assert "label" not in str(sent)
    for part in (sent, sent.get("sound", {}), *sent.get("scripts", []), *sent.get("files", [])):
        assert None not in {key: value for key, value in part.items() if key != "unknown"}.values()


@given(THERE, WANTED)
def test_what_is_not_given_stays(there: dict[str, t.Any], wanted: dict[str, t.Any]) -> None:
    sent = DEVICE.rewritten(there, wanted)
    assert sent.get("unknown") == there.get("unknown")
    assert sent.keys() == there.keys() | wanted.keys()
    assert len(sent.get("files") or []) >= len(there.get("files") or [])
    strangers = [each.get("unknown") for each in there.get("files") or [] if each.get("unknown")]
    assert [each.get("unknown") for each in sent.get("files") or [] if each.get("unknown")] == strangers


@given(THERE, THERE, WANTED)
def test_exactly_is_so_in_the_parts_that_are_given_only(
    device: dict[str, t.Any], other: dict[str, t.Any], wanted: dict[str, t.Any]
) -> None:
    there = {"device": device, "other": other}
    sent = PHONE.rewritten(there, {"device": wanted}, exact=True)
    assert sent["other"] == DEVICE.rewritten(other, None)
    assert sent["device"] == DEVICE.rewritten(device, wanted, exact=True)
    assert {key for key in sent["device"] if key != "unknown"} <= wanted.keys()


@given(THERE, WANTED, st.booleans())
def test_no_secret_is_shown(there: dict[str, t.Any], wanted: dict[str, t.Any], exact: bool) -> None:
    before, after = DEVICE.read(there), DEVICE.read(DEVICE.rewritten(there, wanted, exact))
    shown = DEVICE.marked(after, wanted)
    assert SECRET not in str(
        [before, shown, list(DEVICE.differences(before, after)), list(DEVICE.masked_in(there, wanted))]
    )
    assert str(shown).count("(not shown)") == str(wanted).count(SECRET)


@given(THERE)
def test_nothing_differs_from_itself(there: dict[str, t.Any]) -> None:
    value = DEVICE.read(there)
    assert list(DEVICE.differences(value, value)) == []


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "kiosk_mode": st.booleans(),
        "least": st.integers(4, 10),
        "numbers": st.lists(st.text("abc", min_size=1, max_size=3), max_size=3),
        "lock": st.fixed_dictionaries({}, optional={"tries": st.integers(0, 9)}),
    },
)


@given(VALUES, VALUES)
def test_after_a_change_nothing_differs(before: dict[str, t.Any], wanted: dict[str, t.Any]) -> None:
    sent = POLICY.rewritten(POLICY.write(before), wanted)
    assert POLICY.is_satisfied(POLICY.read(sent), wanted)
    assert POLICY.rewritten(sent, wanted) == sent
