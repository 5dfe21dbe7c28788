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


class Printer:
    """Stands in for the library's: it reads plain XML."""

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
    monkeypatch.setattr(apk, "AXMLPrinter", Printer)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.apk"


def pack(path: Path, entry: str, text: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, text)


def test_a_package_tells_its_name_and_version(path: Path) -> None:
    pack(path, MANIFEST, manifest())
    assert read_package(path) == Package("com.example.till", "2.0-rc.1", 200)


@pytest.mark.parametrize(
    ("entry", "text", "why"),
    [
        ("classes.dex", "", f"it has no {MANIFEST}"),
        (MANIFEST, "", f"its {MANIFEST} does not contain them"),
        (MANIFEST, manifest(package=""), f"its {MANIFEST} does not contain them"),
        (MANIFEST, manifest(name="@7F0B0001"), f"its {MANIFEST} does not contain them"),
        (MANIFEST, manifest(code="@7F0B0001"), f"its {MANIFEST} does not contain them"),
        (MANIFEST, "<manifest", rf"its {MANIFEST} cannot be read \(ParseError\)"),
        (MANIFEST, " " * (16 * 1024**2 + 1), f"its {MANIFEST} is too large"),
    ],
)
def test_a_package_that_does_not_tell(path: Path, entry: str, text: str, why: str) -> None:
    pack(path, entry, text)
    with pytest.raises(InvalidParameter, match=f"^{why}$"):
        read_package(path)


def test_what_is_no_package(path: Path) -> None:
    for prepare in (lambda: None, lambda: path.write_bytes(b"PK nonsense")):
        prepare()
        with pytest.raises(InvalidParameter, match=r"^it is not a readable APK file$"):
            read_package(path)


def test_without_the_library(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apk, "AXMLPrinter", None)
    with pytest.raises(InvalidParameter, match=r"^the Python library pyaxmlparser is not installed for /"):
        read_package(path)
