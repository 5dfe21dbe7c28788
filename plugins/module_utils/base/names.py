# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for hosts and groups that are made from names which need not be unique. The answer depends on the names alone,
not on their order."""

from __future__ import annotations

import typing as t
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
) -> tuple[dict[str, str], list[tuple[str, list[str]]]]:
    """Ansible group names for named objects, by their ids, and which of them would have clashed.

    The names are lower case, and come in the order of the originals. Where several objects come to one name, each has
    the start of its id appended, so that no play reaches the devices of another group than it means.
    """
    in_order = sorted(names.items(), key=lambda item: (item[1], item[0]))
    wanted = {identifier: sanitize(f"{prefix}_{name}".lower()) for identifier, name in in_order}
    clashes = [
        (name, sorted(names[identifier] for identifier in identifiers))
        for name, identifiers in sorted(_by_value(wanted).items())
        if len(identifiers) > 1
    ]
    unique = wanted
    # The start of an id is enough, but for the rare case that it makes a name which another object has.
    for length in (8, None):
        shared = {name for name, identifiers in _by_value(unique).items() if len(identifiers) > 1}
        unique = {
            identifier: sanitize(f"{wanted[identifier]}_{identifier[:length]}") if name in shared else name
            for identifier, name in unique.items()
        }
    return unique, clashes


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
