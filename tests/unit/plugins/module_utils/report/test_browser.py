# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a report, in a real browser: the fleet of a simulated tenant with 1,000 devices, and hostile names."""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.world import World
from ansible_collections.esper.cloud.tests.unit.browser import Browser, check_page, find_browser

Row = dict[str, t.Any]
BROWSER = find_browser()
HOSTILE = '<script>alert(1)</script><img src="http://127.0.0.1:9/x.png" onerror=alert(2)>'


def hostile_tree() -> Row:
    long = "x" * 300
    boards = [
        {
            "name": f"Board {number}",
            "settings": {"android": {"screen_orientation_settings": {"orientation_type": turn}}},
        }
        for number, turn in enumerate(("PORTRAIT", "LANDSCAPE", "AUTO"))
    ]
    return {
        "blueprints": boards,
        "roles": [{"name": HOSTILE[:60], "description": HOSTILE}, {"name": "Field \u202eknird", "description": long}],
        "device_groups": [{"path": f"Stores/Store {number}"} for number in range(8)],
    }


def changed_tree() -> Row:
    tree = hostile_tree()
    for board in tree["blueprints"]:
        board["description"] = "Changed: " + HOSTILE
        board["settings"]["android"]["screen_orientation_settings"]["orientation_type"] = "INVERTED PORTRAIT"
    tree["roles"][1]["description"] = HOSTILE * 3
    tree["device_groups"].append({"path": "Stores/" + "Very-long-name-without-spaces" * 4})
    del tree["device_groups"][0]
    deviation = {"kind": "blueprints", "name": "Board 0", "field": "description", "reason": HOSTILE}
    return {**tree, "report_unlisted": True, "accepted_deviations": [deviation]}


@pytest.fixture
def page(world: World) -> Path:
    """The page of a tenant that differs from its tree."""
    world.simulator.reset(devices=1000, groups=40)
    world.must("tenant", hostile_tree())
    plan = world.must("tenant", changed_tree(), check_mode=True).result
    plan = {key: value for key, value in plan.items() if key != "diff"}
    dest = world.folder / "report"
    world.must("tenant_report", {"plan": plan, "dest": str(dest), "title": "Production " + HOSTILE})
    return dest / "report.html"


@pytest.fixture
def browser(tmp_path: Path) -> t.Iterator[Browser]:
    assert BROWSER is not None
    started = Browser(BROWSER, tmp_path)
    yield started
    started.close()


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed, so the page is not tested in a browser")
def test_the_page_fits_and_sends_no_request(page: Path, browser: Browser) -> None:
    check_page(browser, page.as_uri(), charts=6, screenshots="drift")
    printed = browser.pdf()
    assert printed.startswith(b"%PDF")
    if folder := os.environ.get("REPORT_SCREENSHOTS"):
        shutil.copytree(page.parent, Path(folder) / "report", dirs_exist_ok=True)
        (Path(folder) / "print.pdf").write_bytes(printed)
