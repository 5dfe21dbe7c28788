# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Misspelled variables of the roles and playbooks of the collection.

Ansible ignores a variable that nothing uses. With ``-e rollout_untl=Pilot``, a rollout would not end after the pilot.
With ``-e tenant_reviewd_plan=plan.json``, a playbook would apply changes that nobody reviewed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

_COLLECTION = Path(__file__).resolve().parents[2]
# A variable of the user can have a similar name, such as rollout_wave_1.
_CUTOFF = 0.9


def misspelled(names: Iterable[str], task_file: str) -> str:
    """Return a sentence about the first name that looks like a variable of the role or playbook of a task, "" if none
    does. ``names`` are the variables that the user set for the run or the role."""
    source = _source_of(task_file)
    if source is None:
        return ""
    # The variables of the playbooks tenant_plan and tenant_apply start with tenant.
    prefix = f"{source.stem.split('_')[0]}_"
    own = [name for name in names if name.startswith(prefix)]
    known = _variables(source, prefix) if own else set()
    for name in own:
        similar = [] if name in known else difflib.get_close_matches(name, sorted(known), n=1, cutoff=_CUTOFF)
        if similar:
            return (
                f"The variable '{name}' is not used. Did you mean '{similar[0]}'? If it is a variable of yours, rename"
                " it."
            )
    return ""


def _source_of(task_file: str) -> Path | None:
    """Return the directory of the role, or the file of the playbook, None if it is not of this collection."""
    try:
        parts = Path(task_file).resolve().relative_to(_COLLECTION).parts
    except ValueError:
        return None
    length = {"roles": 2, "playbooks": len(parts)}.get(parts[0] if parts else "")
    return _COLLECTION.joinpath(*parts[:length]) if length else None


def _variables(source: Path, prefix: str) -> set[str]:
    """Return the names with a prefix in the files of a role or playbook, also of variables without a default."""
    files = source.rglob("*.yml") if source.is_dir() else [source]
    # Not the names of modules, such as esper.cloud.rollout_wave.
    pattern = re.compile(rf"(?<![\w.]){prefix}\w+")
    return {name for file in files for name in pattern.findall(file.read_text(encoding="utf-8"))}
