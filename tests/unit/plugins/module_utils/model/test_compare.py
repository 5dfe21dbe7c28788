# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the comparison: differences, payloads, errors, masks and secrets."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.validators import email, in_range, length
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
        Field("least", type="int", validator=in_range(4, 10)),
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


def to_api(field: Field, value: t.Any) -> t.Any:
    """Return a value in API format."""
    return compare(field, None, value).payload


def test_a_value_is_converted_to_api_format_and_back() -> None:
    value = {"kiosk_mode": True, "accounts": [{"mail": "a@b", "kind": "USER"}]}
    payload = to_api(POLICY, value)
    assert payload == {"kioskMode": True, "accounts": [{"eMail": "a@b", "kind": "USER"}]}
    assert POLICY.from_api({**payload, "unknown": 1}) == value


def test_each_invalid_value_is_reported_with_its_path() -> None:
    value = {"least": 3, "numbers": ["ok", "", "long"], "accounts": [{"mail": "a@b"}, {"mail": "nobody"}]}
    assert list(compare(POLICY, None, value).errors) == [
        "settings.least is 3; the minimum is 4",
        "settings.numbers[1] must not be empty",
        "settings.numbers[2] has 4 characters; the maximum is 3",
        "settings.accounts[1].mail is not a valid email address: 'nobody'",
    ]


def test_a_blank_item_of_a_list_of_texts_is_an_error_without_a_validator_too() -> None:
    field = Field("urls", type="list", elements="str", list_type="set")
    assert list(compare(field, None, ["a", "", " "]).errors) == [
        "urls[1] must not be empty",
        "urls[2] must not be only whitespace",
    ]


@pytest.mark.parametrize(
    ("current", "desired", "is_same"),
    [
        ({"numbers": ["b", "a"], "kiosk_mode": True}, {"numbers": ["a", "b"]}, True),
        ({"numbers": ["a"]}, {"numbers": ["a", "b"]}, False),
        ({"accounts": [{"eMail": "a@b", "kind": "USER"}]}, {"accounts": [{"mail": "a@b"}]}, True),
        ({"lock": {"tries": "3"}}, {"lock": {"tries": 3, "pin": "1234"}}, True),
        (None, {"kiosk_mode": True}, False),
        (None, {}, True),
    ],
)
def test_omitted_values_are_not_compared(current: t.Any, desired: t.Any, is_same: bool) -> None:
    assert compare(POLICY, current, desired).matches is is_same


def test_unknown_keys_are_kept() -> None:
    current = {"kioskMode": True, "new": {"future": "key"}, "lock": {"pin": "real", "color": "red", "tries": 1}}
    sent = compare(POLICY, current, {"lock": {"tries": 2}}).payload
    assert sent == {**current, "lock": {"pin": "real", "color": "red", "tries": 2}}


def test_a_mask_is_not_sent_and_its_loss_is_reported() -> None:
    current = {"kioskMode": True, "lock": {"pin": MASK, "tries": 1}}
    found = compare(POLICY, current, {"kiosk_mode": False})
    assert found.payload == {"kioskMode": False, "lock": {"tries": 1}}
    assert found.masked == ("settings.lock.pin",)
    assert found.shown_before == {"kiosk_mode": True, "lock": {"pin": "(not shown)", "tries": 1}}
    assert compare(POLICY, current, {"lock": {"pin": "1234"}}).masked == ()
    assert compare(POLICY, {"lock": {"pin": "real"}}, None).masked == ()
    assert compare(POLICY, {"lock": {"pin": None}}, None).masked == ()


@pytest.mark.parametrize(
    ("current", "always", "is_sent"),
    [
        ("real", False, True),
        ("1234", False, False),
        ("1234", True, False),
        (MASK, False, False),
        (MASK, True, True),
        (None, False, True),
        ("", False, True),
    ],
)
def test_a_secret_is_compared_unless_it_is_masked(current: str | None, always: bool, is_sent: bool) -> None:
    found = compare(POLICY, {"lock": {"pin": current}}, {"lock": {"pin": "1234"}}, always=always)
    assert (found.sets_secret, found.payload) == (is_sent, {"lock": {"pin": "1234"}})


@pytest.mark.parametrize(("current", "is_sent"), [("real", True), (MASK, True), (None, False), ("", False)])
def test_an_empty_secret_removes_one_that_is_set(current: str | None, is_sent: bool) -> None:
    assert compare(POLICY, {"lock": {"pin": current}}, {"lock": {"pin": ""}}).sets_secret is is_sent


def test_a_secret_is_not_shown() -> None:
    value = {"lock": {"pin": "1234", "tries": 3}}
    found = compare(POLICY, None, value)
    assert "1234" not in str([POLICY.from_api(found.payload), found.before, found.after, found.shown])
    assert found.shown["lock"]["pin"] == "(not shown)"


# --- lists of dicts, and exact ----------------------------------------------------------------------------------------

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


def files(*texts: str) -> list[dict[str, str]]:
    """Return files in API format from texts of the form "number place"."""
    return [dict(zip(("fileId", "place"), text.split(), strict=False)) for text in texts]


@pytest.mark.parametrize(
    ("current", "desired", "merged", "exact"),
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
def test_an_item_is_merged_with_the_best_match(
    current: list[str], desired: list[str], merged: list[str], exact: list[str]
) -> None:
    params = {"files": [DEVICE.from_api({"files": files(text)})["files"][0] for text in desired]}
    for is_exact, expected in ((False, merged), (True, exact)):
        found = compare(DEVICE, {"files": files(*current)}, params, exact=is_exact)
        assert found.payload == {"files": files(*expected)}


def test_an_item_keeps_the_index_of_its_match() -> None:
    current = [{"fileId": 1, "label": "a", "x": 1}, {"fileId": 2, "label": "b"}]
    desired = {"files": [{"label": "b", "number": "3"}, {"label": "a", "number": "1"}]}
    found = compare(DEVICE, {"files": current}, desired)
    assert found.after["files"] == [{"number": "1", "label": "a"}, {"number": "3", "label": "b"}]
    assert found.payload["files"] == [{"fileId": "1", "x": 1}, {"fileId": "3"}]


@pytest.mark.parametrize(
    ("items", "is_duplicate"),
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
def test_a_duplicate_is_an_error(items: list[dict[str, str]], is_duplicate: bool) -> None:
    errors = list(compare(DEVICE, None, {"files": items}).errors)
    assert errors == (["device.files[1] duplicates device.files[0]"] if is_duplicate else [])


def test_missing_required_values_are_reported_unless_they_exist() -> None:
    desired = {"files": [{"place": "/a"}, {"number": "1"}], "scripts": [{"line": "ls"}, {"comment": "x"}]}
    assert list(compare(DEVICE, None, desired).missing) == [
        "device.scripts[1].line is required",
        "device.files[0].number is required",
    ]
    assert compare(DEVICE, {"files": files("1 /a")}, {"files": [{"number": "1"}]}).missing == ()


def test_a_secret_in_a_new_dict_is_sent() -> None:
    desired = {"sound": {"pin": SECRET}}
    assert compare(DEVICE, {"sound": None}, desired).sets_secret
    assert compare(DEVICE, {"files": []}, {"files": [{"number": "1", "pin": SECRET}]}).sets_secret


def test_a_secret_in_a_dict_that_has_none_is_sent() -> None:
    assert compare(DEVICE, {"sound": {"on": True}}, {"sound": {"pin": SECRET}}).sets_secret
    files = [{"fileId": 1}, {"fileId": 2, "pin": MASK}]
    found = compare(DEVICE, {"files": files}, {"files": [{"number": number, "pin": SECRET} for number in ("1", "2")]})
    assert found.sets_secret
    assert found.payload["files"] == [{"fileId": number, "pin": SECRET} for number in ("1", "2")]
    assert not compare(DEVICE, {"files": files}, {"files": [{"number": "2", "pin": SECRET}]}).sets_secret


@pytest.mark.parametrize(
    ("desired", "exact", "lost"),
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
def test_a_mask_is_lost_if_its_dict_is_kept(desired: t.Any, exact: bool, lost: list[str]) -> None:
    current = {"sound": {"pin": MASK}, "files": [{"fileId": 1, "pin": MASK}]}
    found = compare(DEVICE, current, desired, exact=exact)
    assert list(found.masked) == [f"device.{path}" for path in lost]
    assert MASK not in str(found)


def optional(**values: st.SearchStrategy[t.Any]) -> st.SearchStrategy[dict[str, t.Any]]:
    """Return dicts with some of the keys."""
    return st.fixed_dictionaries({}, optional=values)


NUMBERS = st.sampled_from(["1", "2", "3"])
PLACES = st.sampled_from(["/a", "/b"])
WHEN = st.sampled_from(["ALWAYS", "NEVER"])
UNKNOWN = st.none() | st.just({"future": "key"})
# With null, numbers as texts, masks, unknown keys and duplicates.
CURRENT = optional(
    sound=st.none()
    | optional(
        when=WHEN | st.none(),
        on=st.booleans() | st.none(),
        level=st.sampled_from([1, "1", None]),
        pin=st.sampled_from([MASK, SECRET, None, ""]),
        unknown=UNKNOWN,
    ),
    tags=st.none() | st.lists(st.sampled_from("abc"), max_size=3),
    scripts=st.none()
    | st.lists(optional(line=st.sampled_from("ab"), when=WHEN, comment=st.just("c"), unknown=UNKNOWN), max_size=2),
    files=st.none()
    | st.lists(
        optional(
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
DESIRED = optional(
    sound=optional(when=WHEN, on=st.booleans(), volume=st.integers(0, 2), pin=st.just(SECRET)),
    tags=st.lists(st.sampled_from("abc"), max_size=3),
    scripts=st.lists(
        st.fixed_dictionaries({"line": st.sampled_from("ab")}, optional={"when": WHEN, "comment": st.just("c")}),
        max_size=2,
    ),
    files=st.lists(FILE, max_size=4),
).filter(lambda desired: not list(compare(DEVICE, None, desired).errors))


@given(CURRENT, DESIRED, st.booleans())
def test_after_a_change_of_lists_of_dicts_nothing_differs(
    current: dict[str, t.Any], desired: dict[str, t.Any], exact: bool
) -> None:
    sent = compare(DEVICE, current, desired, exact=exact).payload
    again = compare(DEVICE, sent, desired, exact=exact)
    assert not again.differs
    assert again.payload == sent
    assert not [error for error in again.missing if "files" not in error]


@given(CURRENT, DESIRED, st.booleans())
def test_masks_null_and_collection_terms_are_not_sent(
    current: dict[str, t.Any], desired: dict[str, t.Any], exact: bool
) -> None:
    sent = compare(DEVICE, current, desired, exact=exact).payload
    assert MASK not in str(sent)
    assert "label" not in str(sent)
    for part in (sent, sent.get("sound", {}), *sent.get("scripts", []), *sent.get("files", [])):
        assert None not in {key: value for key, value in part.items() if key != "unknown"}.values()


@given(CURRENT, DESIRED)
def test_omitted_values_are_kept(current: dict[str, t.Any], desired: dict[str, t.Any]) -> None:
    sent = compare(DEVICE, current, desired).payload
    assert sent.get("unknown") == current.get("unknown")
    assert (
        sent.keys() == {key for key, value in current.items() if value is not None or key == "unknown"} | desired.keys()
    )
    assert len(sent.get("files") or []) >= len(current.get("files") or [])
    unknown = [item.get("unknown") for item in current.get("files") or [] if item.get("unknown")]
    assert [item.get("unknown") for item in sent.get("files") or [] if item.get("unknown")] == unknown


@given(CURRENT, CURRENT, DESIRED)
def test_exact_applies_only_to_parts_that_are_set(
    device: dict[str, t.Any], other: dict[str, t.Any], desired: dict[str, t.Any]
) -> None:
    current = {"device": device, "other": other}
    sent = compare(PHONE, current, {"device": desired}, exact=True).payload
    assert sent["other"] == compare(DEVICE, other, None).payload
    assert sent["device"] == compare(DEVICE, device, desired, exact=True).payload
    assert {key for key in sent["device"] if key != "unknown"} <= desired.keys()


@given(CURRENT, DESIRED, st.booleans())
def test_no_secret_is_shown(current: dict[str, t.Any], desired: dict[str, t.Any], exact: bool) -> None:
    found = compare(DEVICE, current, desired, exact=exact)
    changes = list(differences(DEVICE, found.before, found.after))
    assert SECRET not in str([found.before, found.shown_before, found.after, found.shown, found.masked, changes])
    assert str(found.shown).count("(not shown)") == str(desired).count(SECRET)


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
def test_differences_have_paths(
    before: dict[str, t.Any], after: dict[str, t.Any], expected: list[tuple[t.Any, ...]]
) -> None:
    found = [(row["path"], row["before"], row["after"]) for row in differences(DEVICE, before, after)]
    assert found == expected
    back = [(row["path"], row["after"], row["before"]) for row in differences(DEVICE, after, before)]
    assert sorted(map(str, back)) == sorted(map(str, found))


@given(CURRENT)
def test_a_value_does_not_differ_from_itself(current: dict[str, t.Any]) -> None:
    value = DEVICE.from_api(current)
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
def test_after_a_change_nothing_differs(before: dict[str, t.Any], desired: dict[str, t.Any]) -> None:
    sent = compare(POLICY, to_api(POLICY, before), desired).payload
    again = compare(POLICY, sent, desired)
    assert not again.differs
    assert again.payload == sent


# --- random fields ----------------------------------------------------------------------------------------------------


@given(cases())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_a_payload_has_the_desired_state_of_any_field(case: Case) -> None:
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
    row, params = {"config": {"x": current, "y": 1}}, APP.normalize_input({"config": {"x": desired}})
    found = compare(APP, row, params)
    assert found.differs
    assert found.payload == {"config": {"x": desired, "y": 1}}
    assert not compare(APP, found.payload, params).differs
    assert [row["path"] for row in differences(APP, found.before, found.after)] == ["config"]
    assert not compare(APP, {"port": "8080"}, {"port": 8080}).differs


def test_an_opaque_value_that_the_task_omits_is_not_managed() -> None:
    current = {"config": {"x": None}}
    assert not compare(APP, current, {}).differs
    assert compare(APP, current, {"port": 1}).payload == {**current, "port": 1}
    assert compare(APP, current, {"config": {}}, exact=True).payload == {"config": {}}
    assert not compare(APP, None, {"config": {}}).differs


# --- dotted paths -----------------------------------------------------------------------------------------------------

ALERT = (
    Field("name"),
    Field("emails", type="list", elements="str", list_type="set", api="properties.to_address"),
    Field("sender", api="properties.from.address"),
    Field("role", read_path="profile.role", write_path="role"),
)


def test_a_dotted_path_is_read_and_its_whole_key_is_sent() -> None:
    current = {"name": "a", "properties": {"to_address": ["x"], "kind": "email"}, "profile": {"role": "admin"}}
    compared = compare_object(ALERT, current, {"emails": ["y"], "sender": "s", "role": "admin"})
    assert {name: result.before for name, result in compared.items()} == {
        "name": "a",
        "emails": ["x"],
        "sender": None,
        "role": "admin",
    }
    assert [name for name, result in compared.items() if result.differs] == ["emails", "sender"]
    body = body_of(((field, compared[field.name].payload) for field in ALERT), current)
    assert body == {
        "name": "a",
        "properties": {"to_address": ["y"], "kind": "email", "from": {"address": "s"}},
        "role": "admin",
    }
    assert current["properties"] == {"to_address": ["x"], "kind": "email"}


def test_a_dotted_path_is_created() -> None:
    compared = compare_object(ALERT, {}, {"emails": ["y"]})
    assert body_of([(ALERT[1], compared["emails"].payload)], {}) == {"properties": {"to_address": ["y"]}}
