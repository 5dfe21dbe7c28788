# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unique names of hosts and inventory groups, from names that are not unique. The results do not depend on the order of
the names."""

from __future__ import annotations

import hashlib
import re
import typing as t
import unicodedata
from collections import Counter

from .ids import is_uuid

# Maximum length of the names of hosts and inventory groups. AWX cuts longer ones.
MAX_LENGTH = 512
# Names that Ansible reserves.
_RESERVED = re.compile(r"all|ungrouped|localhost|127\.0\.0\.1|::1", re.IGNORECASE)
# Characters with another meaning in Ansible: a path, a wildcard, the separators of patterns, the start of a template.
_SPECIAL = re.compile(r"[/\\*?\[\]\s:,]|\{(?=[{%#])")
# The start of an exclusion, an intersection, a regular expression or a file.
_SPECIAL_START = re.compile(r"[!&~@]+")


def unique_hostnames(
    candidates: t.Sequence[t.Sequence[str | None]],
    ids: t.Sequence[str],
    taken: t.Mapping[str, object] | None = None,
    *,
    clean: bool = False,
) -> tuple[list[str | None], dict[int, list[str]], dict[str, int]]:
    """Return one host name for each device, the names that were already taken, by the index of the device, and the
    names that several devices prefer, with their number.

    ``candidates`` are the possible names of each device in the order of preference, ``ids`` the IDs of the devices.
    ``taken`` has the names of hosts and groups in the inventory, with the ID of the device that a host is. With
    ``clean``, characters that are not valid in a name become underscores.

    No device gets a name that several devices prefer. Each falls back to its next name, in the end to its ID.
    Every name passes the same check, and an ID must be a UUID. A device without a valid name has the host name None.
    """
    taken = taken or {}
    chosen: list[str | None] = [None] * len(ids)
    rejected: dict[int, list[str]] = {}
    shared: dict[str, int] = {}
    # Any device may need its ID.
    preferred_before = set(ids)
    for rank in range(max((len(names) for names in candidates), default=0) + 1):
        preferred: dict[int, str] = {}
        for index, names in enumerate(candidates):
            if chosen[index] is not None or rank > len(names):
                continue
            name = _usable(names[rank], clean=clean) if rank < len(names) else _usable(ids[index])
            if name is None or (name == ids[index] and not is_uuid(name)):
                continue
            if taken.get(name, ids[index]) == ids[index]:
                preferred[index] = name
            elif name not in rejected.setdefault(index, []):
                rejected[index].append(name)
        uses = Counter(preferred.values())
        for index, name in preferred.items():
            if name == ids[index] or (uses[name] == 1 and name not in preferred_before):
                chosen[index] = name
        shared |= {name: number for name, number in uses.items() if number > 1}
        preferred_before.update(uses)
    return chosen, {index: names for index, names in rejected.items() if names}, shared


def group_names(
    prefix: str, names: t.Mapping[str, str], sanitize: t.Callable[[str], str]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the inventory group names of named objects by their IDs, and the names that several objects share.

    The names are lower case, in the order of the originals. If several objects share a name, each one gets a name of
    its own that ends in the start of its ID. The shared name stays the name of an inventory group, the parent of these,
    so that a pattern or a file of variables for it still applies to all of them. It is returned with their IDs.

    A name that is too long ends in a digest of the whole name.
    """
    in_order = sorted(names.items(), key=lambda item: (item[1], item[0]))
    plain = {identifier: _shortened(full_group_name(prefix, name, sanitize)) for identifier, name in in_order}
    shared = {name: group for name, group in sorted(_by_value(plain).items()) if len(group) > 1}
    unique, taken = dict(plain), set(plain.values())
    unnamed = {identifier for group in shared.values() for identifier in group}
    # The start of an ID is enough, except if the result is the name of another object.
    for suffix in (lambda identifier: identifier[:8], str, _digest):
        longer = {key: _shortened(sanitize(f"{plain[key]}_{suffix(key)}".lower())) for key in unique if key in unnamed}
        unique |= longer
        uses = Counter(unique.values())
        unnamed = {identifier for identifier, name in longer.items() if uses[name] > 1 or name in taken}
    return unique, shared


def full_group_name(prefix: str, name: str, sanitize: t.Callable[[str], str]) -> str:
    """Return the inventory group name of an object before it is shortened."""
    # In composed form, because Ansible replaces each combining character.
    return sanitize(f"{prefix}_{unicodedata.normalize('NFC', name).lower()}")


def _shortened(name: str) -> str:
    return name if len(name) <= MAX_LENGTH else f"{name[: MAX_LENGTH - 13]}_{_digest(name)[:12]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _by_value(names: t.Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for identifier, name in names.items():
        found.setdefault(name, []).append(identifier)
    return found


def _usable(name: str | None, *, clean: bool = False) -> str | None:
    """Return a name without surrounding whitespace, or None if it cannot be a host name."""
    text = "" if name is None else str(name).strip()
    if clean:
        text = _SPECIAL_START.sub("_", text, count=1) if _SPECIAL_START.match(text) else text
        text = _SPECIAL.sub("_", "".join(each if each.isprintable() else "_" for each in text))
    is_special = _SPECIAL.search(text) or _SPECIAL_START.match(text) or _RESERVED.fullmatch(text) or text in (".", "..")
    return text if 0 < len(text) <= MAX_LENGTH and text.isprintable() and not is_special else None
