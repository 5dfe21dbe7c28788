# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of objects in exports and in tasks: downloads, checksums, and files that nobody has."""

from __future__ import annotations

import hashlib
import stat
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.tests.laws import trees
from ansible_collections.esper.cloud.tests.laws.preparations import PREPARATIONS, Row
from ansible_collections.esper.cloud.tests.laws.world import Run, World

_KINDS = ("app", "tenant_app", "content", "wallpaper", "device_group_thumbnail", "tile_icon", "provisioning_profile")
# The simulated tenant returns MD5 checksums of content files.
_ALGORITHMS = {"content": "md5"}
_LISTS = {"tile_icon": "tile_icons", "content": "contents"}


@pytest.fixture(autouse=True)
def _folder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.folder)


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are downloaded."""
    found: list[str] = []
    original = Client.download

    def download(client: Client, file: t.Any, sink: t.Any) -> None:
        found.append(type(sink).__name__)
        original(client, file, sink)

    monkeypatch.setattr(Client, "download", download)
    return found


def first(world: World, kind: str) -> tuple[Row, str, str]:
    """Return the options that select an object of a kind, its file, and the checksum of that."""
    preparation = PREPARATIONS[kind]
    source = str(preparation.for_create[0]["src"])
    data = preparation.files[source]
    (world.folder / source).write_bytes(data)
    return dict(preparation.identity or {}), source, hashlib.new(_ALGORITHMS.get(kind, "sha256"), data).hexdigest()


def option_of(kind: str) -> str:
    return _LISTS.get(kind, f"{kind}s")


def export(world: World, kind: str, **options: t.Any) -> Run:
    return world.must("tenant_export", {"dest": str(world.folder / "tree"), "kinds": [kind], **options})


def exported(world: World, kind: str, identity: Row) -> Row:
    rows = trees.read(world.folder / "tree")[option_of(kind)]
    return next(row for row in rows if identity.items() <= row.items())


# --- exports ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", _KINDS)
def test_a_file_is_named_by_its_checksum_and_downloaded_once(world: World, kind: str, links: list[str]) -> None:
    identity, source, checksum = first(world, kind)
    world.must(kind, {**identity, "src": source})
    run = export(world, kind)
    row = exported(world, kind, identity)
    assert row["checksum"] == checksum
    assert "src" not in row
    assert not (world.folder / "tree" / "files").exists()
    assert not world.must("tenant", {option_of(kind): [row]}).changed

    run = export(world, kind, download=True)
    assert not [each for each in run.result["omitted"] if each["path"]]
    row = exported(world, kind, identity)
    file = world.folder / "tree" / row["src"]
    assert file.read_bytes() == (world.folder / source).read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert row["checksum"] == checksum
    links.clear()
    assert not export(world, kind, download=True).changed
    assert "BufferedWriter" not in links

    file.write_bytes(b"damaged")
    run = export(world, kind, download=True)
    assert run.result["files"] == [{"path": row["src"], "action": "created"}]
    assert links.count("BufferedWriter") == 1
    assert file.read_bytes() == (world.folder / source).read_bytes()


def test_a_damaged_download_is_an_error_and_leaves_no_file(world: World) -> None:
    for name in ("one.txt", "two.txt"):
        (world.folder / name).write_text(name)
        world.must("content", {"src": name})
    wrong = hashlib.md5(b"other", usedforsecurity=False).hexdigest()
    world.simulator.rewrites.append(lambda _method, path, body: _with_hash(body, "one.txt", wrong, path))
    run = world.run("tenant_export", {"dest": str(world.folder / "tree"), "kinds": ["content"], "download": True})
    assert run.message == (
        "Downloading the content file 'one.txt' failed: the downloaded file does not have the size and checksum that"
        " Esper returns."
    )
    left = [file.name for file in (world.folder / "tree").rglob("*") if file.is_file()]
    assert "one.txt" not in left
    assert not [name for name in left if name.endswith((".part", ".yml"))]


def _with_hash(body: t.Any, name: str, checksum: str, path: str) -> t.Any:
    if "/content/" in path and isinstance(body, dict):
        for row in body.get("results", ()):
            if row["name"] == name:
                row["hash"] = checksum
    return body


def test_each_version_of_an_app_and_each_orientation_of_a_wallpaper_is_exported(world: World) -> None:
    (world.folder / "summer.png").write_bytes(b"wide")
    world.must("wallpaper", {"src": "summer.png", "orientation": "landscape"})
    (world.folder / "summer.png").write_bytes(b"tall")
    world.must("wallpaper", {"src": "summer.png", "orientation": "portrait"})
    export(world, "wallpaper", download=True)
    files = {row["src"] for row in trees.read(world.folder / "tree")["wallpapers"] if row["name"] == "summer.png"}
    assert files == {"files/wallpapers/summer-landscape.png", "files/wallpapers/summer-portrait.png"}
    export(world, "app", download=True)
    versions = world.must("app_info", {"versions": True}).result["apps"]
    expected = {
        (app["package_name"], version["version_name"])
        for app in versions
        for version in app["versions"]
        if not version["google_play"]
    }
    rows = trees.read(world.folder / "tree")["apps"]
    assert {(row["package_name"], row["version_name"]) for row in rows} == expected
    assert len({row["src"] for row in rows}) == len(rows)


def test_names_that_differ_in_case_have_different_files(world: World) -> None:
    for directory, name in (("a", "Poster.PNG"), ("b", "poster.png")):
        (world.folder / directory).mkdir()
        (world.folder / directory / name).write_text(name)
        world.must("content", {"src": f"{directory}/{name}"})
    export(world, "content", download=True)
    rows = {row["name"]: row["src"] for row in trees.read(world.folder / "tree")["contents"]}
    assert rows["Poster.PNG"].lower() != rows["poster.png"].lower()
    for name in ("Poster.PNG", "poster.png"):
        assert (world.folder / "tree" / rows[name]).read_text() == name


def test_a_download_deadline_that_is_no_time_is_an_error(world: World) -> None:
    run = world.run("tenant_export", {"dest": str(world.folder / "tree"), "download_deadline": -1})
    assert "Invalid download_deadline: -1" in run.message
    assert run.requests == []


# --- promotion --------------------------------------------------------------------------------------------------------


def test_a_promoted_file_is_uploaded_once(world: World) -> None:
    first_run: Row = {}
    for kind in _KINDS:
        identity, source, _checksum = first(world, kind)
        world.must(kind, {**identity, "src": source})
        export(world, kind, download=True)
        row = exported(world, kind, identity)
        first_run.setdefault(option_of(kind), []).append({**row, "src": str(world.folder / "tree" / row["src"])})
    world.simulator.reset(seed=8)
    planned = world.must("tenant", first_run, check_mode=True)
    assert planned.writes == []
    run = world.must("tenant", first_run)
    assert run.result["counts"]["created"] == planned.result["counts"]["created"] == len(_KINDS)
    assert len([write for write in run.writes if write.startswith("POST")]) == len(_KINDS)
    assert world.must("tenant", first_run).writes == []
    without = {option: [{**row, "src": None} for row in rows] for option, rows in first_run.items()}
    assert world.must("tenant", without).writes == []


# --- the option checksum ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", _KINDS)
def test_a_file_that_nobody_has_is_an_error_before_any_change(world: World, kind: str) -> None:
    identity, source, checksum = first(world, kind)
    channel = {"name": "One", "emails": ["one@example.com"]}
    run = world.run("tenant", {"alert_channels": [channel], option_of(kind): [{**identity, "checksum": checksum}]})
    assert run.failed
    assert f"with the checksum {checksum} is missing: neither Esper nor the task has it." in run.message
    assert "run tenant_export with download=true" in run.message
    assert run.writes == []
    world.must(kind, {**identity, "src": source})
    assert not world.must(kind, {**identity, "checksum": checksum.upper()}).changed


@pytest.mark.parametrize("kind", _KINDS)
def test_another_checksum_than_that_of_the_file_or_of_esper_is_an_error(world: World, kind: str) -> None:
    identity, source, checksum = first(world, kind)
    other = checksum[::-1]
    run = world.run(kind, {**identity, "src": source, "checksum": other})
    assert f"The file '{source}' has the checksum {checksum}, not {other}." in run.message
    world.must(kind, {**identity, "src": source, "checksum": checksum})
    run = world.run(kind, {**identity, "checksum": other})
    assert f"with the checksum {other} is missing" in run.message
    assert "Invalid checksum 'abc'" in world.run(kind, {**identity, "checksum": "abc"}).message
    assert world.must(kind, {**identity, "state": "absent", "checksum": other}).changed


def test_a_checksum_of_another_algorithm_is_an_error(world: World) -> None:
    identity, source, _checksum = first(world, "content")
    world.must("content", {**identity, "src": source})
    sha256 = hashlib.sha256(b"law").hexdigest()
    run = world.run("content", {**identity, "checksum": sha256})
    assert "of another algorithm" in run.message
    identity, source, _checksum = first(world, "wallpaper")
    md5 = hashlib.md5(b"law", usedforsecurity=False).hexdigest()
    assert "must be a SHA-256 checksum" in world.run("wallpaper", {**identity, "checksum": md5}).message


def test_a_checksum_selects_one_of_several_content_files(world: World) -> None:
    paths = []
    for number in range(2):
        path = world.folder / str(number) / "menu.txt"
        path.parent.mkdir()
        path.write_text(f"menu {number}")
        paths.append(path)
    world.must("content", {"src": str(paths[0])})
    stored = world.simulator.rewrites
    world.simulator.rewrites.append(_with_a_copy)
    assert world.run("content", {"name": "menu.txt"}).failed
    checksum = hashlib.md5(b"menu 0", usedforsecurity=False).hexdigest()
    assert not world.must("content", {"name": "menu.txt", "checksum": checksum}).changed
    stored.clear()


def _with_a_copy(_method: str, path: str, body: t.Any) -> t.Any:
    if not path.endswith("/content/") or not isinstance(body, dict):
        return body
    rows = body["results"]
    copies = [{**row, "id": row["id"] + 1000, "hash": "0" * 32} for row in rows if row["name"] == "menu.txt"]
    return {**body, "count": len(rows) + len(copies), "results": [*rows, *copies]}
