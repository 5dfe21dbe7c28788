# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison finds what differs, sends what is necessary, loses nothing and shows no secret."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.validators import between, email, length
from ansible_collections.esper.cloud.plugins.module_utils.model.api_paths import body_of
from ansible_collections.esper.cloud.plugins.module_utils.model.compare import compare, compare_object
from ansible_collections.esper.cloud.plugins.module_utils.model.differences import differences
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.model.trees import Case, cases, has_keys
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

MASK = "********"

POLICY = Field(
    "settings",
    api="policy",
    type="dict",
    fields=(
        Field("kiosk_mode", api="kioskMode", type="bool"),
        Field("least", type="int", validator=between(4, 10)),
        Field("numbers", type="list", elements="str", list_type="set", validator=length(1, 3)),
        Field(
            "accounts",
            type="list",
            elements="dict",
            fields=(Field("mail", api="eMail", validator=email), Field("kind", choices=("USER", "ADMIN"))),
        ),
        Field("lock", type="dict", fields=(Field("pin", secret=True), Field("tries", type="int"))),
    ),
)


def written(field: Field, value: t.Any) -> t.Any:
    """Return a value in API format."""
    return compare(field, None, value).payload


def test_a_value_is_written_in_the_words_of_the_api_and_read_back() -> None:
    value = {"kiosk_mode": True, "accounts": [{"mail": "a@b", "kind": "USER"}]}
    payload = written(POLICY, value)
    assert payload == {"kioskMode": True, "accounts": [{"eMail": "a@b", "kind": "USER"}]}
    assert POLICY.from_api({**payload, "unknown": 1}) == value


def test_each_value_that_cannot_be_is_named_with_its_place() -> None:
    value = {"least": 3, "numbers": ["ok", "", "long"], "accounts": [{"mail": "a@b"}, {"mail": "nobody"}]}
    assert list(compare(POLICY, None, value).errors) == [
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
        ({"accounts": [{"eMail": "a@b", "kind": "USER"}]}, {"accounts": [{"mail": "a@b"}]}, True),
        ({"lock": {"tries": "3"}}, {"lock": {"tries": 3, "pin": "1234"}}, True),
        (None, {"kiosk_mode": True}, False),
        (None, {}, True),
    ],
)
def test_only_what_was_said_is_compared(current: t.Any, wanted: t.Any, satisfied: bool) -> None:
    assert compare(POLICY, current, wanted).matches is satisfied


def test_what_the_collection_does_not_know_survives_a_change() -> None:
    current = {"kioskMode": True, "new": {"of": "tomorrow"}, "lock": {"pin": "real", "colour": "red", "tries": 1}}
    sent = compare(POLICY, current, {"lock": {"tries": 2}}).payload
    assert sent == {**current, "lock": {"pin": "real", "colour": "red", "tries": 2}}


def test_a_mask_is_never_sent_back_and_its_loss_is_told() -> None:
    current = {"kioskMode": True, "lock": {"pin": MASK, "tries": 1}}
    found = compare(POLICY, current, {"kiosk_mode": False})
    assert found.payload == {"kioskMode": False, "lock": {"tries": 1}}
    assert found.masked == ("settings.lock.pin",)
    assert found.shown_before == {"kiosk_mode": True, "lock": {"pin": "(not shown)", "tries": 1}}
    assert compare(POLICY, current, {"lock": {"pin": "1234"}}).masked == ()
    assert compare(POLICY, {"lock": {"pin": "real"}}, None).masked == ()
    assert compare(POLICY, {"lock": {"pin": None}}, None).masked == ()


@pytest.mark.parametrize(
    ("current", "always", "sent"),
    [("real", False, True), ("1234", False, False), (MASK, False, False), (MASK, True, True), (None, False, False)],
)
def test_a_secret_is_compared_unless_it_is_masked(current: str | None, always: bool, sent: bool) -> None:
    assert compare(POLICY, {"lock": {"pin": current}}, {"lock": {"pin": "1234"}}, always=always).sets_secret is sent


def test_a_secret_is_shown_nowhere() -> None:
    value = {"lock": {"pin": "1234", "tries": 3}}
    found = compare(POLICY, None, value)
    assert "1234" not in str([POLICY.from_api(found.payload), found.before, found.after, found.shown])
    assert found.shown["lock"]["pin"] == "(not shown)"


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
                Field("when", choices=("ALWAYS", "NEVER"), create_default="ALWAYS"),
                Field("on", type="bool", server_default=True),
                Field("volume", api="level", type="int"),
                Field("pin", secret=True),
            ),
        ),
        Field("tags", type="list", elements="str", list_type="set"),
        Field(
            "scripts",
            type="list",
            elements="dict",
            fields=(Field("line", required_by_api=True), Field("when", create_default="ALWAYS"), Field("comment")),
        ),
        Field(
            "files",
            type="list",
            elements="dict",
            fields=(
                Field("label", in_payload=False),
                Field("number", api="fileId", required_by_api=True, normalize=str),
                Field("place"),
                Field("pin", secret=True),
            ),
            list_type="map",
            map_keys=(("number", "place"), ("number",), ("label",)),
        ),
    ),
)
PHONE = Field(
    "phone", type="dict", fields=(DEVICE, Field("other", type="dict", fields=DEVICE.fields)), exempt_from_exact=True
)


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
    said = {"files": [DEVICE.from_api({"files": files(each)})["files"][0] for each in given]}
    for exact, expected in ((False, wanted), (True, exactly)):
        assert compare(DEVICE, {"files": files(*there)}, said, exact=exact).payload == {"files": files(*expected)}


def test_an_item_has_the_place_of_what_is_called_like_it() -> None:
    there = [{"fileId": 1, "label": "a", "x": 1}, {"fileId": 2, "label": "b"}]
    said = {"files": [{"label": "b", "number": "3"}, {"label": "a", "number": "1"}]}
    found = compare(DEVICE, {"files": there}, said)
    assert found.after["files"] == [{"number": "1", "label": "a"}, {"number": "3", "label": "b"}]
    assert found.payload["files"] == [{"fileId": "1", "x": 1}, {"fileId": "3"}]


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
    complaints = list(compare(DEVICE, None, {"files": given}).errors)
    assert complaints == (["device.files[1]: is about the same as device.files[0]"] if double else [])


def test_what_is_missing_is_named_and_what_is_there_is_not() -> None:
    given = {"files": [{"place": "/a"}, {"number": "1"}], "scripts": [{"line": "ls"}, {"comment": "x"}]}
    assert list(compare(DEVICE, None, given).missing) == [
        "device.scripts[1].line: is missing",
        "device.files[0].number: is missing",
    ]
    assert compare(DEVICE, {"files": files("1 /a")}, {"files": [{"number": "1"}]}).missing == ()


def test_a_secret_of_what_is_not_there_is_sent() -> None:
    given = {"sound": {"pin": SECRET}}
    assert compare(DEVICE, {"sound": None}, given).sets_secret
    assert not compare(DEVICE, {"sound": {"on": True}}, given).sets_secret
    assert compare(DEVICE, {"files": []}, {"files": [{"number": "1", "pin": SECRET}]}).sets_secret


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
    found = compare(DEVICE, current, given, exact=exact)
    assert list(found.masked) == [f"device.{path}" for path in lost]
    assert MASK not in str(found)


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
).filter(lambda wanted: not list(compare(DEVICE, None, wanted).errors))


@given(THERE, WANTED, st.booleans())
def test_after_a_change_nothing_differs_in_lists_of_dicts_and_exactly(
    there: dict[str, t.Any], wanted: dict[str, t.Any], exact: bool
) -> None:
    sent = compare(DEVICE, there, wanted, exact=exact).payload
    again = compare(DEVICE, sent, wanted, exact=exact)
    assert not again.differs
    assert again.payload == sent
    assert not [each for each in again.missing if "files" not in each]


@given(THERE, WANTED, st.booleans())
def test_only_what_the_service_knows_is_sent(there: dict[str, t.Any], wanted: dict[str, t.Any], exact: bool) -> None:
    sent = compare(DEVICE, there, wanted, exact=exact).payload
    assert MASK not in str(sent)
    assert "label" not in str(sent)
    for part in (sent, sent.get("sound", {}), *sent.get("scripts", []), *sent.get("files", [])):
        assert None not in {key: value for key, value in part.items() if key != "unknown"}.values()


@given(THERE, WANTED)
def test_what_is_not_given_stays(there: dict[str, t.Any], wanted: dict[str, t.Any]) -> None:
    sent = compare(DEVICE, there, wanted).payload
    assert sent.get("unknown") == there.get("unknown")
    assert sent.keys() == {key for key, value in there.items() if value is not None or key == "unknown"} | wanted.keys()
    assert len(sent.get("files") or []) >= len(there.get("files") or [])
    strangers = [each.get("unknown") for each in there.get("files") or [] if each.get("unknown")]
    assert [each.get("unknown") for each in sent.get("files") or [] if each.get("unknown")] == strangers


@given(THERE, THERE, WANTED)
def test_exactly_is_so_in_the_parts_that_are_given_only(
    device: dict[str, t.Any], other: dict[str, t.Any], wanted: dict[str, t.Any]
) -> None:
    there = {"device": device, "other": other}
    sent = compare(PHONE, there, {"device": wanted}, exact=True).payload
    assert sent["other"] == compare(DEVICE, other, None).payload
    assert sent["device"] == compare(DEVICE, device, wanted, exact=True).payload
    assert {key for key in sent["device"] if key != "unknown"} <= wanted.keys()


@given(THERE, WANTED, st.booleans())
def test_no_secret_is_shown(there: dict[str, t.Any], wanted: dict[str, t.Any], exact: bool) -> None:
    found = compare(DEVICE, there, wanted, exact=exact)
    changes = list(differences(DEVICE, found.before, found.after))
    assert SECRET not in str([found.before, found.shown_before, found.after, found.shown, found.masked, changes])
    assert str(found.shown).count("(not shown)") == str(wanted).count(SECRET)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
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
    before: dict[str, t.Any], after: dict[str, t.Any], expected: list[tuple[t.Any, ...]]
) -> None:
    found = [(each["path"], each["before"], each["after"]) for each in differences(DEVICE, before, after)]
    assert found == expected
    back = [(each["path"], each["after"], each["before"]) for each in differences(DEVICE, after, before)]
    assert sorted(map(str, back)) == sorted(map(str, found))


@given(THERE)
def test_nothing_differs_from_itself(there: dict[str, t.Any]) -> None:
    value = DEVICE.from_api(there)
    assert list(differences(DEVICE, value, value)) == []


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
    sent = compare(POLICY, written(POLICY, before), wanted).payload
    again = compare(POLICY, sent, wanted)
    assert not again.differs
    assert again.payload == sent


# --- random fields ----------------------------------------------------------------------------------------------------


@given(cases())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_a_payload_is_the_desired_state_of_any_field(case: Case) -> None:
    field, current, desired, exact, _always = case
    found = compare(field, current, desired, exact=exact)
    assume(not found.errors and has_keys(field, desired))
    again = compare(field, found.payload, desired, exact=exact)
    assert not again.differs
    assert again.payload == found.payload
    assert "****" not in str(again)
    assert "correct horse" not in str([found.before, found.shown_before, found.after, found.shown])


# --- JSON that Esper passes on ----------------------------------------------------------------------------------------

APP = Field("app", type="dict", fields=(Field("config", type="dict", opaque=True), Field("port", type="int")))


@pytest.mark.parametrize(
    ("current", "desired"),
    [("8080", 8080), ("", None), ([1], ["1"]), (True, "true"), ([1, 2], [2, 1]), (0, False)],
    ids=str,
)
def test_types_count_in_opaque_values_only(current: t.Any, desired: t.Any) -> None:
    there, wanted = {"config": {"x": current, "y": 1}}, APP.normalize_input({"config": {"x": desired}})
    found = compare(APP, there, wanted)
    assert found.differs
    assert found.payload == {"config": {"x": desired, "y": 1}}
    assert not compare(APP, found.payload, wanted).differs
    assert [each["path"] for each in differences(APP, found.before, found.after)] == ["config"]
    assert not compare(APP, {"port": "8080"}, {"port": 8080}).differs


def test_an_opaque_value_that_the_task_omits_is_not_managed() -> None:
    there = {"config": {"x": None}}
    assert not compare(APP, there, {}).differs
    assert compare(APP, there, {"port": 1}).payload == {**there, "port": 1}
    assert compare(APP, there, {"config": {}}, exact=True).payload == {"config": {}}
    assert not compare(APP, None, {"config": {}}).differs


# --- dotted paths -----------------------------------------------------------------------------------------------------

ALERT = (
    Field("name"),
    Field("emails", type="list", elements="str", list_type="set", api="properties.to_address"),
    Field("sender", api="properties.from.address"),
    Field("role", read_path="profile.role", write_path="role"),
)


def test_a_dotted_path_is_read_and_the_whole_key_is_written() -> None:
    current = {"name": "a", "properties": {"to_address": ["x"], "kind": "email"}, "profile": {"role": "admin"}}
    compared = compare_object(ALERT, current, {"emails": ["y"], "sender": "s", "role": "admin"})
    assert {name: each.before for name, each in compared.items()} == {
        "name": "a",
        "emails": ["x"],
        "sender": None,
        "role": "admin",
    }
    assert [name for name, each in compared.items() if each.differs] == ["emails", "sender"]
    body = body_of(((each, compared[each.name].payload) for each in ALERT), current)
    assert body == {
        "name": "a",
        "properties": {"to_address": ["y"], "kind": "email", "from": {"address": "s"}},
        "role": "admin",
    }
    assert current["properties"] == {"to_address": ["x"], "kind": "email"}


def test_a_dotted_path_is_created() -> None:
    compared = compare_object(ALERT, {}, {"emails": ["y"]})
    assert body_of([(ALERT[1], compared["emails"].payload)], {}) == {"properties": {"to_address": ["y"]}}
