# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of blueprints in diffs, without the IDs of objects that have names."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_diff import without_ids
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_settings import SETTINGS

Row = dict[str, t.Any]
IDS = {"app_id": "a1", "app_version_id": "v1"}
KIOSK = {"package_name": "com.example.kiosk"}
OLD, NEW = {"version_name": "1.0.0", "version_code": 100}, {"version_name": "1.1.0", "version_code": 110}


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (
            {**KIOSK, **OLD, **IDS},
            {**KIOSK, **NEW, **IDS, "app_version_id": "v2"},
            [{**KIOSK, **OLD}, {**KIOSK, **NEW}],
        ),
        ({**KIOSK, **IDS}, {**KIOSK, **IDS}, [KIOSK, KIOSK]),
        (None, {**KIOSK, **NEW, **IDS}, [None, {**KIOSK, **NEW}]),
        # A version that was deleted has no name.
        (
            {**KIOSK, **IDS, "version_name": None, "version_code": None},
            {**KIOSK, **NEW, **IDS, "app_version_id": "v2"},
            [
                {**KIOSK, "app_version_id": "v1", "version_name": None, "version_code": None},
                {**KIOSK, **NEW, "app_version_id": "v2"},
            ],
        ),
        # Two apps have the same package name.
        (
            {**KIOSK, **OLD, **IDS},
            {**KIOSK, **OLD, "app_id": "a2", "app_version_id": "v2"},
            [{**KIOSK, **OLD, **IDS}, {**KIOSK, **OLD, "app_id": "a2", "app_version_id": "v2"}],
        ),
    ],
    ids=["another version", "unchanged", "new", "without a name", "the same names"],
)
def test_apps_have_names_if_the_names_say_what_differs(before: Row | None, after: Row, shown: list[Row | None]) -> None:
    sides = [{"android": {"apps": [item] if item else []}} for item in (before, after)]
    assert [side["android"]["apps"] for side in without_ids(SETTINGS, *sides)] == [
        [item] if item else [] for item in shown
    ]


def test_a_replaced_file_of_the_same_name_keeps_its_ids() -> None:
    sides = [{"android": {"files": [{"content": "menu.html", "file_id": number}]}} for number in ("5", "9")]
    assert without_ids(SETTINGS, *sides) == tuple(sides)


def test_a_wallpaper_has_its_name() -> None:
    sides = [
        {"android": {"wallpaper_settings": {"homescreen": {"portrait": {"wallpaper": name, "wallpaper_id": name * 2}}}}}
        for name in "ab"
    ]
    names = [side["android"]["wallpaper_settings"]["homescreen"]["portrait"] for side in without_ids(SETTINGS, *sides)]
    assert names == [{"wallpaper": "a"}, {"wallpaper": "b"}]
