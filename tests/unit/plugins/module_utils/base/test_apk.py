# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base import apk
from ansible_collections.esper.cloud.plugins.module_utils.base.apk import Package, read_package
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter

MANIFEST = "AndroidManifest.xml"
NO_VALUES = f"its {MANIFEST} does not contain a package name, version name and version code"


class XMLPrinter:
    """A test double of AXMLPrinter that reads plain XML."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def get_xml_obj(self) -> ElementTree.Element | None:
        return ElementTree.fromstring(self._data) if self._data else None


def manifest(package: str = "com.example.till", name: str = "2.0-rc.1", code: str = "200") -> str:
    return (
        '<manifest xmlns:android="http://schemas.android.com/apk/res/android"'
        f' package="{package}" android:versionName="{name}" android:versionCode="{code}"/>'
    )


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apk, "AXMLPrinter", XMLPrinter)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.apk"


def pack(path: Path, entry: str, text: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, text)


def test_package_name_and_version_are_read(path: Path) -> None:
    pack(path, MANIFEST, manifest())
    assert read_package(path) == Package("com.example.till", "2.0-rc.1", 200)


@pytest.mark.parametrize(
    ("entry", "text", "error"),
    [
        ("classes.dex", "", f"it does not contain {MANIFEST}"),
        (MANIFEST, "", NO_VALUES),
        (MANIFEST, manifest(package=""), NO_VALUES),
        (MANIFEST, manifest(name="@7F0B0001"), NO_VALUES),
        (MANIFEST, manifest(code="@7F0B0001"), NO_VALUES),
        (MANIFEST, "<manifest", rf"its {MANIFEST} cannot be read \(ParseError\)"),
        (MANIFEST, " " * (16 * 1024**2 + 1), f"its {MANIFEST} is too large"),
    ],
)
def test_an_invalid_manifest_is_rejected_with_the_reason(path: Path, entry: str, text: str, error: str) -> None:
    pack(path, entry, text)
    with pytest.raises(InvalidParameter, match=f"^{error}$"):
        read_package(path)


def test_a_file_that_is_not_an_apk_file_is_rejected(path: Path) -> None:
    for prepare in (lambda: None, lambda: path.write_bytes(b"PK nonsense")):
        prepare()
        with pytest.raises(InvalidParameter, match=r"^it is not a readable APK file$"):
            read_package(path)


def test_a_missing_library_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apk, "AXMLPrinter", None)
    with pytest.raises(InvalidParameter, match=r"^the Python library pyaxmlparser is not installed for /"):
        read_package(path)
