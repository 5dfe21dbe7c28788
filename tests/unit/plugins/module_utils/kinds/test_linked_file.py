# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.kinds.linked_file import (
    file_name,
    has_name,
    without_query,
)

STORE = "https://store.example.com/pictures/"


@pytest.mark.parametrize(
    ("stored", "name", "shown"),
    [
        ("summer.png", "summer.png", "summer.png"),
        ("summer_a1B2c3D.png", "summer.png", "summer.png"),
        ("summer_a1B2c3D.png", "summer_a1B2c3D.png", "summer.png"),
        ("menu_version.png", "menu_version.png", "menu_version.png"),
        # The suffix can also be random by chance.
        ("menu_version.png", "menu.png", "menu_version.png"),
        ("K%C3%B6ln%20S%C3%BCd.png", "Köln Süd.png", "Köln Süd.png"),
        ("Ko%CC%88ln.png", "Köln.png", "Köln.png"),
        ("README_a1B2c3D", "README", "README"),
        ("..png", "..png", "..png"),
    ],
)
def test_the_name_of_a_file_is_the_end_of_its_link(stored: str, name: str, shown: str) -> None:
    link = f"{STORE}{stored}?X-Amz-Signature=1"
    assert has_name(link, name)
    assert file_name(link) == shown
    assert has_name(link, shown)


@pytest.mark.parametrize("name", ["Summer.png", "summer", "ummer.png", "", "summer.jpg"])
def test_another_name_is_another_file(name: str) -> None:
    assert not has_name(f"{STORE}summer_a1B2c3D.png", name)


@pytest.mark.parametrize("link", [None, "", "https://[::1", 7, f"{STORE}"])
def test_a_link_without_a_file_has_no_name(link: t.Any) -> None:
    assert not has_name(link, "")
    assert file_name(link) in ("", "7")


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        (f"{STORE}a.png?X-Amz-Signature=1#x", f"{STORE}a.png"),
        ("https://user:secret@store.example.com/a.png", "https://store.example.com/a.png"),
        ("https://[::1?signature=1", None),
        (None, None),
    ],
)
def test_no_result_shows_what_grants_access(link: str | None, shown: str | None) -> None:
    assert without_query(link) == shown
