# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unique names of inventory hosts and groups, from names that are not unique. The result does not depend on their
order."""

from __future__ import annotations

import hashlib
import re
import typing as t
import unicodedata
from collections import Counter

from .ids import is_uuid

# Names that Ansible reserves, also as one word of a name: Ansible splits patterns at spaces, commas and colons.
_RESERVED = r"(?:all|ungrouped|localhost|127\.0\.0\.1|::1)"
# Names that Ansible parses as a path, wildcard, exclusion, intersection, file, regular expression or reserved name.
_SPECIAL = re.compile(
    rf"[/\\*?\[\]]|^\.\.?$|^[!&@]|(?:^|[\s,:])~|(?:^|[\s,:]){_RESERVED}(?:$|[\s,:])|^{_RESERVED}$", re.IGNORECASE
)


def unique_hostnames(
    candidates: t.Sequence[t.Sequence[str | None]],
    ids: t.Sequence[str],
    taken: t.Mapping[str, object] | None = None,
) -> tuple[list[str | None], dict[int, list[str]]]:
    """Return the host name of each device, and the rejected names by the index of the device.

    ``candidates`` are the possible names of each device, the preferred one first, and ``ids`` the IDs of the devices.
    ``taken`` are the names of hosts and groups in the inventory, with the ID of the device for a host.

    If several devices prefer the same name, none of them gets it. Each device falls back to its next name, and at last
    to its ID, which must be a UUID. The host name is None if no name is valid.
    """
    taken = taken or {}
    chosen: list[str | None] = [None] * len(ids)
    rejected: dict[int, list[str]] = {}
    # Each device can fall back to its ID.
    preferred = set(ids)
    for rank in range(max((len(names) for names in candidates), default=0) + 1):
        available: dict[int, str] = {}
        for index, names in enumerate(candidates):
            if chosen[index] is not None or rank > len(names):
                continue
            name = _to_hostname(names[rank] if rank < len(names) else ids[index])
            if name is None or (name == ids[index] and not is_uuid(name)):
                continue
            if taken.get(name, ids[index]) == ids[index]:
                available[index] = name
            elif name not in rejected.setdefault(index, []):
                rejected[index].append(name)
        uses = Counter(available.values())
        for index, name in available.items():
            if name == ids[index] or (uses[name] == 1 and name not in preferred):
                chosen[index] = name
        preferred.update(uses)
    return chosen, {index: names for index, names in rejected.items() if names}


def group_names(
    prefix: str, names: t.Mapping[str, str], sanitize: t.Callable[[str], str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the inventory group names of objects by ID, and the group names that several objects share.

    ``names`` are the names of the objects by ID. Group names are lower case, in the order of ``names``. If several
    objects share a group name, the start of the ID is added to the name of each of them. The shared name is returned
    with the IDs. It stays an inventory group, the parent of the others, so patterns and variable files for it apply to
    all of them.
    """
    in_order = sorted(names.items(), key=lambda item: (item[1], item[0]))
    # In composed form (NFC), because Ansible replaces combining characters.
    plain = {
        identifier: sanitize(f"{prefix}_{unicodedata.normalize('NFC', name).lower()}") for identifier, name in in_order
    }
    shared = {name: ids for name, ids in sorted(_ids_by_name(plain).items()) if len(ids) > 1}
    unique, taken = dict(plain), set(plain.values())
    pending = {identifier for ids in shared.values() for identifier in ids}
    # If a name with the start of the ID is the name of another object, the whole ID or its hash is added.
    for suffix in (lambda identifier: identifier[:8], str, _hash):
        longer = {
            identifier: sanitize(f"{plain[identifier]}_{suffix(identifier)}".lower())
            for identifier in unique
            if identifier in pending
        }
        unique |= longer
        uses = Counter(unique.values())
        pending = {identifier for identifier, name in longer.items() if uses[name] > 1 or name in taken}
    return unique, shared


def _hash(identifier: str) -> str:
    return hashlib.sha256(identifier.encode()).hexdigest()


def _ids_by_name(names: t.Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for identifier, name in names.items():
        found.setdefault(name, []).append(identifier)
    return found


def _to_hostname(name: str | None) -> str | None:
    """Return a name without surrounding whitespace, or None if it cannot be a host name."""
    text = "" if name is None else str(name).strip()
    return None if not text or not text.isprintable() or _SPECIAL.search(text) else text
