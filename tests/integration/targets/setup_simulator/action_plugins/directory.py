# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the files of a test. The modules of Ansible for this start a process for each file."""

from __future__ import annotations

import shutil
import tempfile
import typing as t
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Options: ``path``, by default a new temporary directory; ``src``, a file or directory of the role to copy to it;
    ``files``, the contents of files in it, with their ``mode``; and ``apks``, the names of APK files in it.
    ``state: absent`` deletes the directory.

    The manifest of an APK file is not valid, so the simulator takes the package name and the version from its name. The
    same name results in the same bytes.
    """

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        args = self._task.args
        path = Path(args["path"] if "path" in args else tempfile.mkdtemp(prefix="esper."))
        if args.get("state") == "absent":
            shutil.rmtree(path, ignore_errors=True)
            return {"changed": False}
        path.mkdir(parents=True, exist_ok=True)
        if "src" in args:
            source = Path(self._find_needle("files", args["src"]))
            shutil.copytree(source, path, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, path)
        for name, content in args.get("files", {}).items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(str(content), encoding="utf-8")
            file.chmod(int(args.get("mode", "0600"), 8))
        for name in args.get("apks", ()):
            with ZipFile(path / name, "w") as archive:
                archive.writestr(ZipInfo("AndroidManifest.xml"), f"The manifest of {Path(name).name}")
        return {"changed": False, "path": str(path)}
