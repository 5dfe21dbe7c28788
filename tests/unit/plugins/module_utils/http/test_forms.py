# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forms are sent piece by piece, with a length that is right."""

from __future__ import annotations

import tracemalloc
import typing as t
from email import message_from_bytes
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter, TransportError
from ansible_collections.esper.cloud.plugins.module_utils.http.forms import Form
from hypothesis import given
from hypothesis import strategies as st

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient
    from ansible_collections.esper.cloud.tests.unit.service import Clock, Server

from ansible_collections.esper.cloud.tests.unit.service import answers, resets


def parts_of(form: Form) -> dict[str, tuple[str | None, bytes]]:
    """File name and content by field name, as any reader of multipart messages sees them."""
    body = b"".join(form.stream())
    message = message_from_bytes(f"Content-Type: {form.content_type}\r\n\r\n".encode() + body)
    found: dict[str, tuple[str | None, bytes]] = {}
    for part in t.cast("list[t.Any]", message.get_payload()):
        name = part.get_param("name", header="Content-Disposition")
        found[name] = (part.get_filename(), part.get_payload(decode=True))
    return found


def test_fields_and_files_arrive(tmp_path: Path) -> None:
    file = tmp_path / "till.apk"
    file.write_bytes(bytes(range(256)) * 2000)
    form = Form({"tags": "a, b"}, {"app_file": file})
    assert parts_of(form) == {"tags": (None, b"a, b"), "app_file": ("till.apk", file.read_bytes())}


def test_booleans_and_numbers_are_sent_as_in_json() -> None:
    sent = parts_of(Form({"custom": True, "is_removable": False, "size": 3}))
    assert {name: value for name, (_file, value) in sent.items()} == {
        "custom": b"true",
        "is_removable": b"false",
        "size": b"3",
    }


def test_a_file_may_go_by_another_name(tmp_path: Path) -> None:
    file = tmp_path / "till.apk"
    file.write_bytes(b"x")
    form = Form({}, {"key": file}, {"key": "Kasse für Köln.apk"})
    assert 'filename="Kasse für Köln.apk"'.encode() in b"".join(form.stream())
    assert len(form.stream()) == len(b"".join(form.stream()))


@given(st.dictionaries(st.text("abc", min_size=1), st.text(), max_size=3), st.binary(max_size=1000))
def test_the_length_is_that_of_the_body(fields: dict[str, str], content: bytes) -> None:
    form = Form(fields)
    stream = form.stream()
    assert len(stream) == len(b"".join(stream))


def test_a_name_cannot_end_its_header(tmp_path: Path) -> None:
    file = tmp_path / 'a".txt'
    file.write_bytes(b"x")
    body = b"".join(Form({'na"me\r\nX: y': "v"}, {"f": file}).stream())
    assert b'name="na%22me%0D%0AX: y"' in body
    assert b'filename="a%22.txt"' in body


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_file_that_cannot_be_read_fails_before_any_request(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidParameter, match="does not exist or cannot be read"):
        Form({}, {"f": tmp_path / name})


@pytest.mark.parametrize(("fields", "name"), [({"a": "\ud800"}, "b"), ({"\ud800": "a"}, "b"), ({}, "\udcff")])
def test_invalid_unicode_fails_before_any_request(tmp_path: Path, fields: dict[str, str], name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InvalidParameter, match="not valid Unicode"):
        Form(fields, {"f": tmp_path / name})


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_file_that_was_removed_is_a_sentence(tmp_path: Path, server: Server, client: Client, method: str) -> None:
    (tmp_path / "a").touch()
    form = Form({}, {"f": tmp_path / "a"})
    (tmp_path / "a").unlink()
    with pytest.raises(TransportError) as caught:
        client.request(method, "/things/", body=form, purpose="Uploading")
    assert f"the file '{tmp_path / 'a'}' cannot be read (No such file or directory)." in str(caught.value)
    assert not caught.value.outcome_unknown
    assert server.sent == []


def test_a_large_file_costs_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as handle:
        handle.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    sent = sum(len(piece) for piece in Form({}, {"f": file}).stream())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sent > 64 * 1024 * 1024
    assert peak < 4 * 1024 * 1024


def test_a_form_is_sent_from_its_start_again(tmp_path: Path, server: Server, client: Client) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(b"hello")
    form = Form({"a": "b"}, {"f": file})
    server.replies(resets, answers({"id": 1}, 201))
    client.request("PUT", "/things/", body=form, purpose="Uploading")
    first, second = (request.body for request in server.requests)
    assert second == b"".join(form.stream())
    assert first in (second, b"")


def test_who_watches_hears_of_each_piece_and_may_end_it(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(1_000_000))
    heard: list[tuple[int, int]] = []
    stream = Form({"a": "b"}, {"f": file}).stream(lambda taken, whole: heard.append((taken, whole)))
    pieces = list(stream)
    assert len(heard) == len(pieces)
    assert heard[-1] == (len(stream), len(stream))
    assert [taken for taken, _whole in heard] == sorted({taken for taken, _whole in heard})

    def ends(_taken: int, _whole: int) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(Form({}, {"f": file}).stream(ends))


def test_a_large_upload_reports_its_progress(tmp_path: Path, server: Server, make_client: MakeClient) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    large.write_bytes(bytes(20_000_000))
    small.write_bytes(bytes(900_000))
    server.replies(answers({"id": 1}, 201), answers({"id": 2}, 201))
    heard: list[str] = []
    client = make_client(server, progress=heard.append)
    for file in (large, small):
        client.request("PUT", "/things/", body=Form({}, {"f": file}), purpose=f"Uploading '{file.name}'")
    assert heard == [f"Uploading 'large': {megabytes} of 20 MB" for megabytes in range(2, 21, 2)]


def test_the_deadline_ends_an_upload(tmp_path: Path, server: Server, make_client: MakeClient, clock: Clock) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(5_000_000))
    client = make_client(server, deadline=100, retries=0, progress=lambda _sentence: clock.advance(30))
    with pytest.raises(TransportError, match="the task exceeded its deadline of 100 s") as caught:
        client.request("PUT", "/things/", body=Form({}, {"f": file}), purpose="Uploading")
    assert caught.value.outcome_unknown
