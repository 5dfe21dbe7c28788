# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faster imports from the zip file in which Ansible sends a module.

Python's zipimport compiles each source file twice: to determine its path, and to run it (CPython issue 141276). Because
compilation takes most of the time of these imports, the files of this collection are compiled once here, with the
public methods of zipimport.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import pkgutil
import sys
import types
import typing as t
import zipimport

_PREFIX = __name__.removesuffix("base.zip_import")


class _Loader(importlib.abc.InspectLoader):
    """Loads one source file of a zip file."""

    def __init__(self, archive: zipimport.zipimporter, path: str) -> None:
        self._archive = archive
        self._path = path

    def get_source(self, fullname: str) -> str | None:
        """Return the source code of a module. Tracebacks show it too."""
        return self._archive.get_source(fullname)

    def get_code(self, fullname: str) -> types.CodeType:
        """Return the compiled code of a module."""
        return self.source_to_code(self.get_source(fullname) or "", self._path)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of this collection in zip files."""

    def find_spec(
        self, fullname: str, path: t.Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the specification of a module, None if it is not in a zip file or not part of this collection."""
        for directory in (path or ()) if fullname.startswith(_PREFIX) else ():
            archive = pkgutil.get_importer(directory)
            if not isinstance(archive, zipimport.zipimporter):
                continue
            try:
                is_package = archive.is_package(fullname)
            except zipimport.ZipImportError:
                continue
            place = f"{directory}/{fullname.rpartition('.')[2]}"
            file = f"{place}/__init__.py" if is_package else f"{place}.py"
            loader = _Loader(archive, file)
            spec = importlib.machinery.ModuleSpec(fullname, loader, origin=file, is_package=is_package)
            spec.has_location = True
            if is_package:
                spec.submodule_search_locations = [place]
            return spec
        return None


def compile_once() -> None:
    """Compile each file of this collection once if this file is in a zip file."""
    if __spec__ is not None and isinstance(__spec__.loader, zipimport.zipimporter):
        sys.meta_path.insert(0, _Finder())
