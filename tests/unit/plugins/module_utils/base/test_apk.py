# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import random
import struct
import sys
import time
import zipfile
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.apk import Package, check_apk, read_package
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[5] / "tests" / "simulator"))

from apk import Manifest, binary_xml, made

MANIFEST = "AndroidManifest.xml"
NO_VALUES = f"its {MANIFEST} does not contain a package name, version name and version code"
TILL = Manifest("com.example.till", "2.0-rc.1", 200)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.apk"


def pack(path: Path, *entries: str, data: bytes = b"", method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for entry in entries:
            archive.writestr(entry, data)
    return path


# --- package name and version -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("utf8", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_package_name_and_version_are_read(path: Path, utf8: bool, named: bool) -> None:
    for manifest in (TILL, Manifest("com.example.till", "Frühling " + "1" * 300, 2**31)):
        pack(path, MANIFEST, data=binary_xml(manifest, utf8=utf8, named=named))
        assert read_package(path) == Package(manifest.package_name, manifest.version_name, manifest.version_code)


def test_a_simulated_apk_file_is_an_apk_file(path: Path) -> None:
    path.write_bytes(made(TILL))
    check_apk(path)
    assert read_package(path) == Package("com.example.till", "2.0-rc.1", 200)


def changed(offset: int, value: int) -> bytes:
    """Return a manifest with another value in its last element. Its attributes have 20 bytes each."""
    data = bytearray(binary_xml(TILL))
    struct.pack_into("<I", data, len(data) - 60 + offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", rf"its {MANIFEST} cannot be read \(error\)"),
        (b"<manifest/>", NO_VALUES),
        (binary_xml(TILL)[:-1], rf"its {MANIFEST} cannot be read \(error\)"),
        (binary_xml(Manifest("", "1", 1)), NO_VALUES),
        (binary_xml(Manifest("a.b", "x" * 1001, 1)), NO_VALUES),
        # A reference to a resource, which is in another file.
        (changed(12, 0x01000008), NO_VALUES),
        # An index outside of the texts.
        (changed(20 + 8, 0x7FFFFFFF), NO_VALUES),
        (bytes(16 * 1024**2 + 1), f"its {MANIFEST} is too large"),
    ],
)
def test_an_invalid_manifest_is_rejected_with_the_reason(path: Path, data: bytes, error: str) -> None:
    pack(path, MANIFEST, data=data)
    with pytest.raises(InvalidParameter, match=f"^{error}$"):
        read_package(path)


def test_an_unknown_compression_is_rejected(path: Path) -> None:
    pack(path, MANIFEST, data=binary_xml(TILL), method=zipfile.ZIP_LZMA)
    with pytest.raises(InvalidParameter, match="unknown compression method"):
        read_package(path)


@given(seed=st.integers(0, 10**6))
def test_a_damaged_manifest_is_an_error_or_a_package(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(binary_xml(TILL, utf8=chance.random() < 0.5))
    for _change in range(chance.randint(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path = pack(tmp_path_factory.getbasetemp() / "damaged.apk", MANIFEST, data=bytes(data))
    with contextlib.suppress(InvalidParameter):
        assert isinstance(read_package(path), Package)


def many_chunks() -> bytes:
    return struct.pack("<2I", 0x00080003, 16 * 1024**2) + struct.pack("<2I", 0x00080777, 8) * (2 * 1024**2 - 1)


def long_names() -> bytes:
    """Return a manifest with as many attributes as possible, each with a name of several megabytes."""
    data = bytearray(binary_xml(TILL, named=False))
    resources = data.index(struct.pack("<I", 0x00080180))
    struct.pack_into("<I", data, resources, 0x00080777)
    element = data.index(struct.pack("<I", 0x00100102))
    struct.pack_into("<H", data, element + 16 + 12, 0xFFFF)
    data += struct.pack("<3IHBBI", 0xFFFFFFFF, 2, 0xFFFFFFFF, 8, 0, 0x10, 1) * 0xFFFF
    data += bytes(4 * 1024**2)
    # The length of the text with index 2, which is the name of the attributes.
    struct.pack_into("<HH", data, 8 + 28 + 4 * 6 + 8, 0x8020, 0)
    return bytes(data)


@pytest.mark.parametrize("data", [many_chunks, long_names])
def test_the_work_has_a_bound(path: Path, data: object) -> None:
    assert callable(data)
    pack(path, MANIFEST, data=data())
    started = time.process_time()
    with pytest.raises(InvalidParameter):
        read_package(path)
    assert time.process_time() - started < 10


# --- other files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (
            ("base/manifest/AndroidManifest.xml", "BundleConfig.pb"),
            "Bundle (AAB). Esper accepts single APK files only. B",
        ),
        (("manifest.json", "com.example.till.apk", "config.de.apk"), "such as XAPK or APKS. Esper accepts single"),
        (("toc.pb", "splits/base-master.apk"), "such as XAPK or APKS. Esper accepts single APK files only. Get a"),
        (("toc.pb", "universal.apk"), "contains the APK file universal.apk. Extract it, and set src to"),
        (("Payload/Till.app/Info.plist",), "an app for Apple devices (IPA). Use the module tenant_app for it."),
        (("AppxManifest.xml",), "an app for Windows devices (MSIX or APPX). Use the module tenant_app for it."),
        (("classes.dex",), f"it is a ZIP archive without {MANIFEST}. Set src to an APK file."),
        ((), f"it is a ZIP archive without {MANIFEST}. Set src to an APK file."),
    ],
)
def test_another_archive_is_rejected_with_advice(path: Path, entries: tuple[str, ...], reason: str) -> None:
    pack(path, *entries)
    with pytest.raises(InvalidParameter) as caught:
        check_apk(path)
    assert str(caught.value).startswith(f"The file '{path}' is not an APK file: it is a")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty. Build or download it again."),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "it is a web page. Download it again with a link that leads to"),
        (b"<?xml version='1.0'?><Error/>", "it is not a ZIP archive. Set src to an APK file."),
        (b"PK nonsense", "it is truncated or damaged. Build or download it again."),
        (made(TILL, 10_000)[:-100], "it is truncated or damaged. Build or download it again."),
    ],
)
def test_another_file_is_rejected_with_advice(path: Path, data: bytes, reason: str) -> None:
    path.write_bytes(data)
    with pytest.raises(InvalidParameter) as caught:
        check_apk(path)
    assert str(caught.value).startswith(f"The file '{path}' is not an APK file: {reason}")


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match=r"Cannot read the file '.*': Is a directory\."):
        check_apk(tmp_path)
