# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for hosts and groups that are made from names which need not be unique. The answer depends on the names alone,
not on their order."""

from __future__ import annotations

import hashlib
import typing as t
import unicodedata
from collections import Counter

# What Ansible itself gives a meaning to.
_RESERVED = frozenset({"all", "ungrouped", "localhost", "127.0.0.1", "::1"})


def unique_hostnames(
    candidates: t.Sequence[t.Sequence[str | None]], ids: t.Sequence[str], taken: t.Iterable[str] = ()
) -> list[str]:
    """One host name for each device, given its possible names in the order of preference, and its id. ``taken`` are
    names that no device can have, such as those of groups.

    A name that several devices would take is given to none of them: each falls back to its next one, in the end to its
    id, which is unique.
    """
    chosen: list[str | None] = [None] * len(ids)
    # Any device may come to need its id.
    taken = {*taken, *ids}
    depth = max((len(names) for names in candidates), default=0)
    for rank in range(depth):
        open_names = {
            place: name
            for place, names in enumerate(candidates)
            if chosen[place] is None and rank < len(names) and (name := _usable(names[rank])) is not None
        }
        wanted = Counter(open_names.values())
        for place, name in open_names.items():
            if name == ids[place] or (wanted[name] == 1 and name not in taken):
                chosen[place] = name
        taken.update(wanted)
    return [name if name is not None else ids[place] for place, name in enumerate(chosen)]


def group_names(
    prefix: str, names: t.Mapping[str, str], sanitize: t.Callable[[str], str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the inventory group names of named objects by their IDs, and the names that several objects share.

    The names are lower case, in the order of the originals. If several objects share a name, each one gets a name of
    its own that ends in the start of its ID. The shared name stays the name of an inventory group, the parent of these,
    so that a pattern or a file of variables for it still applies to all of them. It is returned with their IDs.
    """
    in_order = sorted(names.items(), key=lambda item: (item[1], item[0]))
    # In composed form, because Ansible replaces each combining character.
    plain = {
        identifier: sanitize(f"{prefix}_{unicodedata.normalize('NFC', name).lower()}") for identifier, name in in_order
    }
    shared = {name: group for name, group in sorted(_by_value(plain).items()) if len(group) > 1}
    unique, taken = dict(plain), set(plain.values())
    unnamed = {identifier for group in shared.values() for identifier in group}
    # The start of an ID is enough, except if the result is the name of another object.
    for suffix in (lambda identifier: identifier[:8], str, _digest):
        longer = {each: sanitize(f"{plain[each]}_{suffix(each)}".lower()) for each in unique if each in unnamed}
        unique |= longer
        uses = Counter(unique.values())
        unnamed = {identifier for identifier, name in longer.items() if uses[name] > 1 or name in taken}
    return unique, shared


def _digest(identifier: str) -> str:
    return hashlib.sha256(identifier.encode()).hexdigest()


def _by_value(names: t.Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for identifier, name in names.items():
        found.setdefault(name, []).append(identifier)
    return found


def _usable(name: str | None) -> str | None:
    text = "" if name is None else str(name).strip()
    # Ansible makes paths of host names, to variables and to caches.
    leads_elsewhere = text in (".", "..") or set(text) & set("/\\") or not text.isprintable()
    return None if not text or leads_elsewhere or text.lower() in _RESERVED else text
