# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages for Apple and Windows, also hostile ones: archives that lie, bombs, entities."""

from __future__ import annotations

import contextlib
import io
import plistlib
import random
import re
import struct
import sys
import tracemalloc
import typing as t
import zipfile
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.archive import names_in, read_entry
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.base.ipa import read_ipa, reason_against_ipa
from ansible_collections.esper.cloud.plugins.module_utils.base.msix import read_msix, reason_against_msix

sys.path.insert(0, str(Path(__file__).resolve().parents[5] / "tests" / "simulator"))

import packages

INFO = "Payload/Till.app/Info.plist"
MANIFEST = "AppxManifest.xml"
LIMIT = 1024**2
Reader = t.Callable[[Path], dict[str, "str | None"]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "till.zip"


def pack(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def info(**values: t.Any) -> bytes:
    known = {"CFBundleIdentifier": "com.example.till", "CFBundleShortVersionString": "3.2", "CFBundleVersion": "7"}
    return plistlib.dumps({key: value for key, value in {**known, **values}.items() if value is not None})


def manifest(inner: str = "<Identity Name='Example.Till' Version='3.2.0.0'/>", start: str = "") -> bytes:
    return f"{start}<Package xmlns='http://example.com/appx'>{inner}</Package>".encode()


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [False, True])
def test_the_values_of_an_app_for_apple_are_those_of_the_app_itself(path: Path, binary: bool) -> None:
    path.write_bytes(packages.ipa("com.example.till", "3.2.0", "320", binary=binary))
    assert reason_against_ipa(path) is None
    assert read_ipa(path) == {"package_name": "com.example.till", "version_name": "3.2.0", "version_code": "320"}


@pytest.mark.parametrize("bundle", [False, True])
def test_the_values_of_an_app_for_windows_are_in_its_manifest(path: Path, bundle: bool) -> None:
    path.write_bytes(packages.msix("Example.Till", "3.2.0.0", bundle=bundle))
    assert reason_against_msix(path) is None
    assert read_msix(path) == {"package_name": "Example.Till", "version_name": "3.2.0.0"}


@pytest.mark.parametrize("value", [None, "", " ", 7, True, ["x"], "x" * 256, "two\nlines", "\u202e321"])
def test_a_value_that_is_no_name_is_missing(path: Path, value: t.Any) -> None:
    pack(path, {INFO: info(CFBundleShortVersionString=value)})
    assert read_ipa(path)["version_name"] is None


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<Identity/>",
        # Only a child of the root identifies the package.
        "<Dependencies><Identity Name='Other' Version='1.0'/></Dependencies>",
        "<Dependencies><PackageDependency Name='Other' Version='1.0'/></Dependencies>",
    ],
)
def test_a_manifest_without_identity_has_no_values(path: Path, inner: str) -> None:
    pack(path, {MANIFEST: manifest(inner)})
    assert read_msix(path) == {"package_name": None, "version_name": None}


# --- files of other kinds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"<!doctype html><p>Sign in", "it is a web page"),
        (b"PK\3\4 and nothing else", "it is truncated or damaged"),
        (b"text", "it is not a ZIP archive"),
        (packages.archive({"classes.dex": b""}), "it does not contain"),
        # Names below that of the app, above the archive, or in other letters.
        (packages.archive({"Payload/A.app/PlugIns/B.app/Info.plist": info(), f"x/{MANIFEST}": b""}), "not contain"),
        (packages.archive({"../Payload/A.app/Info.plist": info(), f"../{MANIFEST}": b""}), "it does not contain"),
        (packages.archive({"Payload/A.app/../Info.plist": info(), "appxmanifest.xml": b""}), "it does not contain"),
    ],
)
def test_another_file_is_rejected(path: Path, data: bytes, reason: str) -> None:
    path.write_bytes(data)
    for found in (reason_against_ipa(path), reason_against_msix(path)):
        assert found is not None
        assert reason in found[0]


@pytest.mark.parametrize("name", ["till\x1b[31m", "two\nlines", "x" * 60000])
def test_an_app_whose_name_cannot_be_shown_is_rejected(path: Path, name: str) -> None:
    pack(path, {f"Payload/{name}.app/Info.plist": b"invalid"})
    with pytest.raises(InvalidParameter, match=r"^the name of its app is too long or unprintable$"):
        read_ipa(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (manifest(start="<?xml version='1.0' encoding='base64'?>"), "base64"),
        (manifest(start="<?xml version='1.0' encoding='nothing'?>"), "unknown encoding: nothing"),
        (manifest("<Identity Name='A' Version='1.0'/><Identity Name='B' Version='1.0'/>"), "it has several identities"),
        (manifest("<Identity Name='A' Version='1.0'/><x:Identity xmlns:x='y' Name='B'/>"), "it has several identities"),
    ],
)
def test_a_manifest_that_readers_can_understand_differently_is_rejected(path: Path, data: bytes, reason: str) -> None:
    pack(path, {MANIFEST: data})
    with pytest.raises(InvalidParameter, match=reason):
        read_msix(path)


def test_an_archive_with_two_apps_is_rejected(path: Path) -> None:
    pack(path, {INFO: info(), "Payload/Other.app/Info.plist": info()})
    with pytest.raises(InvalidParameter, match="it contains 2 apps"):
        read_ipa(path)


# --- hostile archives -------------------------------------------------------------------------------------------------


def patched(data: bytes, offset: int, form: str, value: int) -> bytes:
    """Return an archive of one entry with another value in the entry of its directory."""
    changed = bytearray(data)
    struct.pack_into(form, changed, changed.rindex(b"PK\1\2") + offset, value)
    return bytes(changed)


def deflated(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


PLAIN = {INFO: info()}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (deflated(INFO, bytes(LIMIT + 1)), "is too large"),
        (deflated(INFO, bytes(100 * LIMIT)), "is too large"),
        # The directory states a small size, a large one, and a size that is not that of the data.
        (patched(deflated(INFO, bytes(100 * LIMIT)), 24, "<L", 10), r"cannot be read \(BadZipFile\)"),
        (patched(deflated(INFO, info()), 24, "<L", 2**31), "is too large"),
        (patched(deflated(INFO, info()), 24, "<L", 2000), "has another size than the archive states"),
        (patched(packages.archive(PLAIN), 8, "<H", 1), "is encrypted"),
        (patched(packages.archive(PLAIN), 10, "<H", zipfile.ZIP_BZIP2), "has an unknown compression method"),
        (patched(packages.archive(PLAIN), 10, "<H", 99), "has an unknown compression method"),
        (patched(packages.archive(PLAIN), 16, "<L", 0), r"cannot be read \(BadZipFile\)"),
        (packages.archive({INFO: b"<plist><dict><key>CFBundle"}), r"cannot be read \(ExpatError\)"),
        (packages.archive({INFO: b"bplist00 and nothing else"}), r"cannot be read \(InvalidFileException\)"),
        (packages.archive({INFO: b"text"}), r"cannot be read \(InvalidFileException\)"),
        (packages.archive({INFO: plistlib.dumps(["a", "list"])}), "is not a dictionary"),
    ],
)
def test_a_hostile_archive_is_rejected_with_the_reason(path: Path, data: bytes, error: str) -> None:
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidParameter, match=f"^its {re.escape(INFO)} {error}$"):
            read_ipa(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * LIMIT
    finally:
        tracemalloc.stop()


def test_an_entry_that_exists_twice_is_rejected(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(INFO, info())
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(INFO, info(CFBundleShortVersionString="9"))
    with pytest.raises(InvalidParameter, match=f"it contains {INFO} more than once"):
        read_ipa(path)


def test_a_directory_that_is_too_large_is_not_read(path: Path) -> None:
    data = bytearray(packages.archive(PLAIN))
    end = data.rindex(b"PK\5\6")
    struct.pack_into("<L", data, end + 12, 2**31)
    # zipfile rejects a directory that does not fit into the file, before it reads it.
    with path.open("wb") as file:
        file.seek(2**31)
        file.write(data)
    tracemalloc.start()
    try:
        assert names_in(path, advice="") == ("its directory is too large", "Build or download it again")
        with pytest.raises(InvalidParameter, match="its directory is too large"):
            read_entry(path, INFO, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 8 * LIMIT
    finally:
        tracemalloc.stop()


BOMB = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + number)} '{f'&{chr(97 + number)};' * 10}'>" for number in range(9)
)


@pytest.mark.parametrize("start", [f"{BOMB}]>", "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>", "<!DOCTYPE x>"])
def test_entities_are_not_expanded(path: Path, start: str) -> None:
    pack(path, {MANIFEST: manifest("<Identity Name='&j;' Version='1.0'/>", start)})
    with pytest.raises(InvalidParameter, match=r"cannot be read \(it declares a document type\)"):
        read_msix(path)


def test_entities_of_a_property_list_are_not_expanded(path: Path) -> None:
    plist = f"{BOMB}]><plist><dict><key>CFBundleIdentifier</key><string>&j;</string></dict></plist>"
    pack(path, {INFO: f"<?xml version='1.0'?>{plist}".encode()})
    with pytest.raises(InvalidParameter, match=r"cannot be read \(InvalidFileException\)"):
        read_ipa(path)


@pytest.mark.parametrize("data", [b"", b"<Package>", b"<a/><b/>", manifest()[:-1], b"\xff\xfe<\0a\0", b"<a>&j;</a>"])
def test_a_manifest_that_is_not_valid_xml_is_rejected(path: Path, data: bytes) -> None:
    pack(path, {MANIFEST: data})
    with pytest.raises(InvalidParameter, match=f"^its {MANIFEST} is not valid XML"):
        read_msix(path)


def deep_binary_plist(depth: int = 5000) -> bytes:
    """Return a binary property list of arrays within each other."""
    objects = b"".join(b"\xa1" + struct.pack(">H", number + 1) for number in range(depth)) + b"\xa0"
    offsets = b"".join(struct.pack(">L", 8 + 3 * number) for number in range(depth + 1))
    trailer = struct.pack(">6xBBQQQ", 4, 2, depth + 1, 0, 8 + len(objects))
    return b"bplist00" + objects + offsets + trailer


@pytest.mark.parametrize("data", [deep_binary_plist(), b"<plist>" + b"<array>" * 50_000])
def test_deep_property_lists_are_rejected(path: Path, data: bytes) -> None:
    pack(path, {INFO: data})
    with pytest.raises(InvalidParameter, match="cannot be read"):
        read_ipa(path)


def test_a_damaged_package_is_an_error_or_has_values(path: Path) -> None:
    readers: tuple[Reader, ...] = (read_ipa, read_msix)
    for seed in range(100):
        chance = random.Random(seed)
        made = packages.ipa("com.example.till", "3.2", binary=seed % 2 == 0), packages.msix("Example.Till", "3.2")
        data = bytearray(made[chance.random() < 0.5])
        for _change in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        for read in readers:
            with contextlib.suppress(InvalidParameter):
                assert all(value is None or value.isprintable() for value in read(path).values())
