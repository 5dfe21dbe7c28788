# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.linked_file import (
    file_name,
    has_name,
    has_same_bytes,
    without_query,
)
from ansible_collections.esper.cloud.plugins.module_utils.kinds.role import ROLE
from ansible_collections.esper.cloud.tests.unit.service import Server, answers, cuts_short

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

PURPOSE = "Downloading the picture"
STORE = "https://store.example.com/pictures/"


@pytest.fixture
def view(server: Server, make_client: MakeClient) -> TenantView:
    return TenantView(make_client(server))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "summer.png"
    path.write_bytes(b"summer")
    return path


def link_of(server: Server, signature: str = "1") -> str:
    return f"{server.url.removesuffix('/api')}/storage/summer.png?signature={signature}"


def test_a_file_behind_a_link_is_downloaded_once_and_without_the_key(
    server: Server, view: TenantView, file: Path
) -> None:
    server.replies(cuts_short, answers(b"summer"))
    assert has_same_bytes(view, link_of(server), file, purpose=PURPOSE)
    assert has_same_bytes(view, link_of(server, "2"), file, purpose=PURPOSE)
    assert len(server.requests) == 2
    assert not [request for request in server.requests if "authorization" in request.headers]


def test_other_bytes_are_another_file(server: Server, view: TenantView, file: Path) -> None:
    server.replies(answers(b"winter"))
    assert not has_same_bytes(view, link_of(server), file, purpose=PURPOSE)
    assert not has_same_bytes(view, None, file, purpose=PURPOSE)


def test_after_a_write_request_a_link_can_have_another_file(server: Server, view: TenantView, file: Path) -> None:
    server.replies(answers(b"winter"), answers(b"summer"))
    assert not has_same_bytes(view, link_of(server), file, purpose=PURPOSE)
    view.invalidate(ROLE)
    assert has_same_bytes(view, link_of(server), file, purpose=PURPOSE)


def test_errors_show_no_signature(server: Server, view: TenantView, file: Path, tmp_path: Path) -> None:
    server.replies(answers(b"", 404), answers(b"summer"))
    with pytest.raises(ApiError, match="Downloading the picture failed: GET http") as caught:
        has_same_bytes(view, link_of(server, "s3cret"), file, purpose=PURPOSE)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(InvalidParameter, match="Cannot read the file"):
        has_same_bytes(view, link_of(server), tmp_path / "none.png", purpose=PURPOSE)


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
