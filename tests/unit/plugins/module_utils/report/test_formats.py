# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of a report: no text of the tenant becomes markup, and the limits of each format are kept."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.report.cards import slack_message, teams_card
from ansible_collections.esper.cloud.plugins.module_utils.report.data import report_of
from ansible_collections.esper.cloud.plugins.module_utils.report.fleet import fleet_of
from ansible_collections.esper.cloud.plugins.module_utils.report.markdown import code, markdown_of, plain
from ansible_collections.esper.cloud.plugins.module_utils.report.page import page_of
from ansible_collections.esper.cloud.plugins.module_utils.report.style import STYLE
from ansible_collections.esper.cloud.plugins.module_utils.report.words import headline, shown_value
from hypothesis import given, settings
from hypothesis import strategies as st

Row = dict[str, t.Any]
NOW = datetime(2026, 5, 4, 12, tzinfo=timezone.utc)
HOSTILE = "</title></style><script>alert(1)</script><!-- \" ' & \u202e @all <!channel> | `` [x](javascript:1)\nnext"


def record(name: str, action: str = "updated", **values: t.Any) -> Row:
    change = {"path": "description", "before": "Old", "after": "New"}
    return {"kind": "role", "name": name, "id": "7", "action": action, "changes": [change], "accepted": [], **values}


def device(**values: t.Any) -> Row:
    row = {"state": "online", "is_outdated": False, "group": "All devices/Stores", "version": "Kiosks, version 2"}
    return {**row, "platform": "ANDROID", "os": "Android", "os_version": "13", "last_seen": NOW.isoformat(), **values}


def report(*objects: Row, devices: t.Sequence[Row] = (), view: str = "drift", **plan: t.Any) -> Row:
    made = report_of({"objects": list(objects), "plan_checksum": "c0ffee", **plan})
    fleet = fleet_of(devices, NOW) if devices else None
    fixed = {"view": view, "title": "Production", "tenant": "acme.example", "generated_at": "2026-05-04T12:00:00Z"}
    return {**made, **fixed, "url": "https://ci.example/report.html", "fleet": fleet}


def hostile_report(text: str) -> Row:
    unlisted = {"kind": "content", "name": text, "id": 7, "action": "kept", "reason": text}
    deviation = {"kind": text, "name": text, "field": text, "reason": text, "until": text, "status": "active"}
    changes = [{"path": text, "before": {text: [text]}, "after": text, "object": text}]
    made = report(
        record(text, changes=changes, file=text),
        record(text, "failed", kind=text, msg=text),
        devices=[device(group=text, version=text, os=text, platform=text, state=text)],
        not_in_tree=[unlisted],
        accepted_deviations=[deviation],
        msg=text,
        plan_checksum=text,
    )
    made["objects"][0] |= {"changed_by": text, "changed_at": text}
    return {**made, "title": text, "tenant": text}


class Tags(HTMLParser):
    """Collects the elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.update([tag, *(f"{tag}.{name}" for name, _value in attrs)])

    def handle_comment(self, data: str) -> None:
        self.found.add("comment")


def tags_of(made: Row) -> set[str]:
    parser = Tags()
    # The style is always the same, and long.
    parser.feed(page_of(made).replace(STYLE, ""))
    return parser.found


HARMLESS = tags_of(hostile_report("harmless"))


# --- hostile texts ----------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.text(alphabet="<>&\"'/!-=[]ab \n\\\u202e", max_size=40))
def test_no_text_adds_an_element_to_the_page(text: str) -> None:
    # Some elements only exist for a text that is not empty.
    assert tags_of(hostile_report(text)) - {"wbr"} <= HARMLESS


def test_a_hostile_text_is_shown_as_it_is() -> None:
    page = page_of(hostile_report(HOSTILE))
    assert tags_of(hostile_report(HOSTILE)) - {"wbr"} == HARMLESS - {"wbr"}
    assert "<script" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@given(st.text(max_size=60))
def test_a_code_span_has_one_line_and_its_own_fence(text: str) -> None:
    span = code(text)
    fence = span[: len(span) - len(span.lstrip("`"))]
    inner = span[len(fence) : -len(fence)]
    assert span.endswith(fence)
    assert len(span.splitlines()) == 1
    assert fence not in inner.strip("`") or not fence


def test_markdown_neither_mentions_nor_links() -> None:
    text = markdown_of(hostile_report(HOSTILE))
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)
    assert plain("@all [x](y) <b>") == r"\@all \[x\]\(y\) \<b\>"
    assert "<script>" not in "".join(line for line in text.splitlines() if "`" not in line)


def test_cards_have_no_mentions_and_keep_the_limits() -> None:
    made = {**hostile_report(HOSTILE * 40), "objects": [record(HOSTILE * 40) for _number in range(500)]}
    slack, teams = slack_message(made), teams_card(made)
    assert "<" not in slack["text"]
    blocks = slack["attachments"][0]["blocks"]
    texts = [block.get("text") or block["elements"][0] for block in blocks if block["type"] != "actions"]
    assert {each["type"] for each in texts} == {"plain_text"}
    assert max(len(each["text"]) for each in texts) <= 150
    assert len(blocks) <= 50
    body = teams["attachments"][0]["content"]["body"]
    assert {each["type"] for each in body} == {"RichTextBlock"}
    assert len(json.dumps(teams)) < 28_000


def test_markdown_keeps_the_limit_of_a_comment() -> None:
    text = markdown_of(report(*(record(f"Role {number}" * 10) for number in range(2000))))
    assert len(text) < 65_536
    assert "more objects not shown." in text
    assert "[Full report](<https://ci.example/report.html>)" in text


# --- what a report says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (report(record("A", "unchanged")), "No drift"),
        (report(record("A", "unchanged"), view="plan"), "No changes"),
        (report(record("A")), "1 object differs from the tree"),
        (report(record("A"), record("B", "created")), "2 objects differ from the tree"),
        (report(record("A"), view="plan"), "1 object in the plan"),
        (report(record("A", "failed"), record("B", "skipped")), "1 object cannot be compared"),
        (report(record("A"), record("B", "failed")), "1 object differs from the tree, 1 object cannot be compared"),
        (
            report(not_in_tree=[{"kind": "role", "name": "B", "action": "kept"}]),
            "1 object in Esper, but not in the tree",
        ),
        (report(msg="The file a.yml is invalid."), "The comparison failed"),
    ],
)
def test_the_headline_is_the_outcome(made: Row, expected: str) -> None:
    assert headline(made) == expected
    assert expected in page_of(made)
    assert made["differs"] is (made["counts"]["unchanged"] == 0 and expected != "The comparison failed")


def test_each_difference_is_on_the_page_field_by_field() -> None:
    made = report(record("Field", file="tenant/roles/field.yml:3"), record("New", "created"))
    made["objects"][1] |= {"changed_by": "ada@example.com", "changed_at": "2026-05-03T08:00:00+02:00"}
    page = page_of(made)
    for text in (
        "Missing in Esper",
        "Different",
        "tenant/roles/field.yml:3",
        "ada@example.com",
        "2026-05-03 06:00 UTC",
    ):
        assert text in page
    # A missing object has no values in Esper.
    assert page.count('data-label="In Esper"') == 1
    assert page.count('data-label="In the tree"') == 2


def test_a_deleted_object_is_no_surprise_that_is_kept() -> None:
    unlisted = [
        {"kind": "content", "name": name, "id": 1, "action": name, "reason": None} for name in ("kept", "deleted")
    ]
    made = report(record("deleted", "deleted"), not_in_tree=unlisted)
    assert [row["name"] for row in made["not_in_tree"]] == ["kept"]
    assert made["counts"]["deleted"] == made["counts"]["not_in_tree"] == 1


@pytest.mark.parametrize("plan", [{}, {"objects": "x"}, {"objects": [1]}, {"objects": [], "not_in_tree": 5}])
def test_another_value_than_a_plan_is_an_error(plan: Row) -> None:
    with pytest.raises(InvalidParameter, match=r"no result of esper\.cloud\.tenant"):
        report_of(plan)


def test_values_are_shown_as_people_write_them() -> None:
    assert shown_value(None) is None
    assert shown_value("") == '""'
    assert shown_value(["a", 1]) == "a, 1"
    assert shown_value({"b": True, "a": "x"}) == "a: x\nb: true"
    assert str(shown_value("x" * 2005)).endswith("(5 more characters)")


# --- the fleet --------------------------------------------------------------------------------------------------------


def chart(fleet: Row, key: str) -> dict[str, int]:
    return {part["label"]: part["count"] for each in fleet["charts"] if each["key"] == key for part in each["bars"]}


def test_the_charts_count_each_device_once() -> None:
    seen = [timedelta(minutes=5), timedelta(hours=5), timedelta(days=2), timedelta(days=20), timedelta(days=200)]
    devices = [device(last_seen=(NOW - age).isoformat()) for age in seen]
    devices += [device(last_seen=None, state="offline", platform="APPLE", group=None, version=None)]
    devices += [device(state="wiping", is_outdated=True, version="Kiosks, version 1"), device(state="disabled")]
    fleet = fleet_of(devices, NOW)
    assert (fleet["devices"], fleet["online"], fleet["outdated"], fleet["disabled"]) == (7, 5, 1, 1)
    assert chart(fleet, "state") == {"Online": 5, "Offline": 1, "Other states": 1}
    assert list(chart(fleet, "last_seen").values()) == [2, 1, 1, 1, 1, 1]
    assert chart(fleet, "platform") == {"Android": 6, "Apple": 1}
    assert chart(fleet, "group") == {"Stores": 6, "No group": 1}
    assert chart(fleet, "blueprint_version") == {"Kiosks, version 2": 5, "Kiosks, version 1": 1, "No blueprint": 1}
    for each in fleet["charts"]:
        assert sum(part["count"] for part in each["bars"]) == 7, each
    tones = {part["label"]: part["tone"] for part in fleet["charts"][-1]["bars"]}
    assert tones["Kiosks, version 1"] == "warn"


def test_a_chart_has_the_most_frequent_labels_and_the_others() -> None:
    devices = [device(group=f"All devices/{number:02}") for number in range(30) for _each in range(number + 1)]
    bars = chart(fleet_of(devices, NOW), "group")
    assert len(bars) == 11
    assert next(iter(bars.items())) == ("29", 30)
    assert bars["Others (20)"] == sum(range(1, 21))


def test_a_fleet_without_devices_has_a_page() -> None:
    made = {**report(), "fleet": fleet_of([], NOW)}
    assert "0 devices" in page_of(made)
