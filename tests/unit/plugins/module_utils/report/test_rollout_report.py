# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report about a rollout: its formats, its files, and that no text of the tenant becomes markup."""

from __future__ import annotations

import copy
import json
import stat
import typing as t
from html.parser import HTMLParser
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.report.rollout_markdown import markdown_of
from ansible_collections.esper.cloud.plugins.module_utils.report.rollout_page import page_of
from ansible_collections.esper.cloud.plugins.module_utils.report.rollout_words import (
    bars,
    duration_between,
    headline,
    tone_of,
)
from ansible_collections.esper.cloud.plugins.module_utils.report.style import STYLE
from ansible_collections.esper.cloud.plugins.module_utils.rollout.state import set_status
from ansible_collections.esper.cloud.plugins.module_utils.tasks.rollout_report import report_of
from ansible_collections.esper.cloud.tests.laws.world import KEY, World
from ansible_collections.esper.cloud.tests.unit.browser import Browser, check_page, find_browser
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.report.rollouts import (
    GOOD,
    completed,
    planned,
    reverted,
    run_wave,
)
from hypothesis import given, settings
from hypothesis import strategies as st

Row = dict[str, t.Any]
BROWSER = find_browser()
HOSTILE = "</title></style><script>alert(1)</script><!-- \" ' & \u202e @all <!channel> | `` [x](javascript:1)\nnext"


def made(state: Row) -> Row:
    return {**report_of(state), "title": "New terminals"}


class Page(HTMLParser):
    """Collects the elements, the texts and the attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text.replace(STYLE, ""))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.update([tag, *(f"{tag}.{name}" for name, _value in attrs)])

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.tags.add("comment")


# --- contents ---------------------------------------------------------------------------------------------------------


def test_page_has_waves_gates_and_failed_devices() -> None:
    page = Page(page_of(made(reverted())))
    for text in (
        "New terminals",
        "com.example.till 2.1.0: went back",
        "Wave 'Pilot Berlin': too many are offline.",
        "Started 2026-05-04 20:10 UTC, converged in 42 min 30 s, ended 1 h later",
        "9 devices failed",
        "Berlin 3",
        "The battery is low Berlin",
        "Devices not reached on the way back (1)",
        "converged_percent: 100 of 120 online devices run the version of the rollout, 83.3 % (at least 95 %)",
        "version 7",
        "version 9",
        "Not started",
    ):
        assert text in page.texts


def test_markdown_has_the_same() -> None:
    text = markdown_of(made(reverted()))
    for line in (
        r"## New terminals: com.example.till 2.1.0: went back",
        "- 1 of 4 waves passed",
        "- Blueprint `Point of Sale Berlin`: version 8, before the rollout version 7, restored as version 9",
        "### Failed: `Pilot Berlin`",
        "| `converged_percent` | 0 % | 83.3 % | 95 % | failed |",
        "9 devices failed:",
        "- `Berlin 3`: The battery is low Berlin",
        "### Not started: `The rest`",
        "### Devices not reached on the way back (1)",
    ):
        assert line in text.split("\n")


@pytest.mark.parametrize(
    ("status", "expected", "tone"),
    [
        ("planned", "com.example.till 2.1.0: planned", "plain"),
        ("running", "com.example.till 2.1.0: in progress with the wave A tenth", "plain"),
        ("paused", "com.example.till 2.1.0: paused before the wave A tenth", "plain"),
        ("failed", "com.example.till 2.1.0: stopped in the wave A tenth", "bad"),
        ("reverting", "com.example.till 2.1.0: going back", "bad"),
        ("reverted", "com.example.till 2.1.0: went back", "warn"),
        ("completed", "com.example.till 2.1.0: completed", "good"),
    ],
)
def test_headline_has_the_status(status: str, expected: str, tone: str) -> None:
    state = planned()
    run_wave(state, 0, "passed", GOOD)
    run_wave(state, 1, "passed", GOOD)
    set_status(state, status)
    assert (headline(made(state)), tone_of(made(state))) == (expected, tone)


def test_completed_rollout_with_a_failed_wave_is_no_plain_success() -> None:
    state = completed()
    state["waves"][1] |= {"status": "failed", "continued": True}
    assert tone_of(made(state)) == "warn"
    assert "Failed, continued" in Page(page_of(made(state))).texts


def test_number_of_failed_devices_is_that_of_all() -> None:
    state = reverted()
    state["waves"][1]["failed_count"] = 4711
    assert "4711 devices failed, the first 9 of them" in Page(page_of(made(state))).texts
    assert "4711 devices failed, the first 9 of them:" in markdown_of(made(state))


def test_device_with_the_version_counts_once_even_if_it_is_offline() -> None:
    after = {"devices": 8, "online": 6, "offline": 2, "converged": 6, "converged_online": 5}
    rows, total = bars({"after": after, "failed_count": 1, "counts": {"waiting": 0}})
    assert {row["label"]: row["count"] for row in rows} == {
        "Converged": 6,
        "Failed": 1,
        "Waiting": 0,
        "Outdated and offline": 1,
    }
    assert total == 8


def test_durations_have_two_units() -> None:
    assert duration_between("2026-05-04T20:00:00Z", "2026-05-06T23:59:59Z") == "2 d 3 h"
    assert duration_between("2026-05-04T20:00:00Z", "2026-05-04T20:00:05Z") == "5 s"
    assert duration_between("2026-05-04T20:00:00Z", None) == duration_between("2026-05-04", "x") == ""


# --- hostile texts ----------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.just(HOSTILE) | st.text(min_size=1, max_size=40))
def test_texts_are_never_markup(text: str) -> None:
    state = reverted(text)
    state["tenant"], state["reason"] = text, text
    state["target"] = {"version": text}
    hostile = {**made(state), "title": text}
    assert Page(page_of(hostile)).tags == Page(page_of(made(reverted()))).tags
    lines = markdown_of(hostile).split("\n")
    assert len(lines) == len(markdown_of(made(reverted())).split("\n"))


# --- the module -------------------------------------------------------------------------------------------------------


def run(world: World, state: Row, *, check_mode: bool = False, **options: t.Any) -> Row:
    done = world.must(
        "rollout_report", {"rollout": state, "dest": str(world.folder / "report"), **options}, check_mode=check_mode
    )
    assert done.requests == []
    return done.result


def test_files_are_written_once(world: World) -> None:
    dest = world.folder / "report"
    assert run(world, reverted(), check_mode=True)["changed"]
    assert not dest.exists()
    state = reverted()
    first = run(world, state, title="New terminals")
    assert first["changed"]
    assert {each.name for each in dest.iterdir()} == {"rollout.html", "rollout.json", "rollout.md"}
    assert {stat.S_IMODE(each.stat().st_mode) for each in dest.iterdir()} == {0o600}
    assert json.loads((dest / "rollout.json").read_text()) == first["report"]
    assert (dest / "rollout.md").read_text() == first["markdown"]
    assert first["headline"] == "com.example.till 2.1.0: went back"
    # The lease of a later run is no difference.
    again = run(
        world, {**copy.deepcopy(state), "lease": {"run": "two", "until": "2026-05-05T00:00:00Z"}}, title="New terminals"
    )
    assert not again["changed"]
    state["waves"][0]["ended_at"] = "2026-05-04T22:00:00Z"
    assert run(world, state, title="New terminals", formats=["json"])["changed"]


def test_state_can_be_a_file(world: World) -> None:
    path: Path = world.folder / "state.json"
    path.write_text(json.dumps(completed()))
    result = world.must("rollout_report", {"state_path": str(path)}).result
    assert (result["headline"], result["files"], result["changed"]) == ("com.example.till 2.1.0: completed", [], False)
    path.unlink()
    assert "does not exist" in world.run("rollout_report", {"state_path": str(path)}).message
    invalid = world.run("rollout_report", {"rollout": {"format": 1}}).message
    assert invalid.startswith("The option rollout is not a valid state of a rollout.")


def test_no_format_has_the_api_key(world: World) -> None:
    run(world, reverted(KEY))
    assert [each.name for each in (world.folder / "report").iterdir() if KEY in each.read_text()] == []


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed, so the page is not tested in a browser")
@pytest.mark.parametrize("text", ["Berlin", "<img src=http://127.0.0.1:9/x>" + "Very-long-name" * 20])
def test_page_fits_desktops_and_phones(text: str, tmp_path: Path) -> None:
    assert BROWSER is not None
    page = tmp_path / "rollout.html"
    page.write_text(page_of(made(reverted(text))), encoding="utf-8")
    browser = Browser(BROWSER, tmp_path)
    try:
        check_page(browser, page.as_uri(), charts=2, screenshots=f"rollout-{text[:6].strip('<')}")
    finally:
        browser.close()
