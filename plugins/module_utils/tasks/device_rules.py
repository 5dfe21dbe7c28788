# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about devices: the fields they can match, the forms of their patterns, and templates of aliases.

Patterns and templates are those of the task. The values of devices are data: a template inserts them once, and never
reads the result again. This file sends no requests.
"""

from __future__ import annotations

import fnmatch
import functools
import ipaddress
import re
import typing as t
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..base.errors import InvalidParameter
from ..base.ids import is_uuid, normal_id
from ..base.row import Row
from ..base.text import composed, did_you_mean
from ..base.times import parse_time, seconds_of, utc_time
from ..kinds.device import FILTERS, STATES

_API = "api."
_MAX_LENGTH = 1000
"""Maximum length of a value that a regular expression reads. Names and serial numbers are much shorter."""

# The fields with texts, by their path in the response of the list of devices.
TEXT_FIELDS: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "name": ("name",),
    "alias": ("alias",),
    "serial": ("serial",),
    "udid": ("udid",),
    "global_device_id": ("global_device_id",),
    "platform": ("platform",),
    "state": ("state",),
    "manufacturer": ("hardware_info", "manufacturer"),
    "brand": ("hardware_info", "brand"),
    "model": ("hardware_info", "model"),
    "model_number": ("hardware_info", "model_number"),
    "os": ("os",),
    "os_version": ("os_version",),
    "build_number": ("software_info", "os_build_number"),
    "agent_version": ("dpc_version",),
    "active_connection": ("network_stats", "current_active_connection"),
    "wifi_ssid": ("network_stats", "wifi_network_info", "wifi_ssid"),
    "wifi_mac_address": ("network_info", "wifi_mac_address"),
    "ethernet_mac_address": ("network_info", "ethernet_mac_address"),
    "managed_by": ("managed_by",),
    "template": ("template_name",),
    "device_source": ("device_source",),
}
_IP_ADDRESSES = "ip_addresses"
_GROUP = "group"
TAGS = "tags"
_TIME_FIELDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "enrolled": (("provisioned_on",), ("created_at",)),
    "last_seen": (("last_seen",),),
}
MATCH_FIELDS = (*TEXT_FIELDS, _IP_ADDRESSES, _GROUP, TAGS, *_TIME_FIELDS)
"""The fields that a rule can match. In addition, ``api.`` and a path of the response is a field."""
GROUP_NAME = "group_name"
TEMPLATE_FIELDS = (*TEXT_FIELDS, GROUP_NAME)
"""The fields that a template of an alias can have."""
# Their values are words of Esper: upper and lower case do not matter, and an unknown one is an error.
_WORDS: dict[str, tuple[str, ...]] = {
    "platform": FILTERS["platform"].choices,
    "os": FILTERS["os"].choices,
    "state": tuple(STATES.values()),
}
_TEXT_FORMS = ("exact", "prefix", "glob", "regex")
_TIME_FORMS = ("since", "before")
_DURATION = re.compile(r"([0-9]{1,6})\s*(d|h|m)", re.ASCII | re.IGNORECASE)
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SLICE = re.compile(r"([a-z_]+)(?::(-?[1-9][0-9]{0,2}))?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class Places:
    """The names of tags, and the names and paths of device groups, for the IDs in devices."""

    tags: t.Mapping[str, str] = field(default_factory=dict)
    paths: t.Mapping[str, str] = field(default_factory=dict)
    # The ID of each group and those of all groups above it.
    lines: t.Mapping[str, frozenset[str]] = field(default_factory=dict)
    names: t.Mapping[str, str] = field(default_factory=dict)
    root_id: str = ""

    def group_id_of(self, device: Row) -> str:
        """Return the ID of the group of a device. A device without one is directly below the root."""
        value = device.get("group_id")
        return value.lower() if isinstance(value, str) and value else self.root_id

    def groups_above(self, group_id: str) -> frozenset[str]:
        """Return the ID of a group and those of all groups above it."""
        return self.lines.get(group_id) or frozenset((group_id,))

    def name_of(self, group_id: str) -> str | None:
        """Return the name of a group, None if it is not known."""
        return self.names.get(group_id)

    def tags_of(self, device: Row) -> list[str]:
        """Return the names of the tags of a device."""
        ids = device.get("tags")
        return [self.tags.get(each, each) for each in ids if isinstance(each, str)] if isinstance(ids, list) else []


ResolveGroup = t.Callable[[str], str]
"""Returns the ID of a device group by its path, name or ID."""

_Values = t.Callable[[Row, Places], t.Iterable[str]]
"""Returns the values of a field of a device, none if the device does not have it."""


@dataclass(frozen=True)
class _Probe:
    """A function of a value whose result is one of the keys of a condition if the value matches: see Rules."""

    field: str
    form: str
    parameter: int = 0

    def key(self, value: str) -> t.Hashable:
        """Return the key of a value of a device."""
        if self.form == "prefix":
            return value[: self.parameter]
        if self.form == "cidr":
            return _network_key(value, self.parameter)
        return value


@dataclass(frozen=True)
class Condition:
    """One condition of a rule: a device matches if one of its values matches one of the patterns."""

    field: str
    matches: t.Callable[[Row, Places], bool]
    # If a device matches, then one of these keys is the key of one of its values. None if that cannot be said.
    probes: t.Sequence[tuple[_Probe, t.Hashable]] | None = None


@dataclass(frozen=True)
class Rule:
    """A rule: its number from 1, its name, and its conditions, which must all be met."""

    number: int
    name: str
    conditions: tuple[Condition, ...]

    def matches(self, device: Row, places: Places) -> bool:
        """Return whether a device meets all conditions."""
        return all(condition.matches(device, places) for condition in self.conditions)


class Rules:
    """Rules in their order. They find the rules that a device matches without trying all of them."""

    def __init__(self, rules: t.Sequence[Rule]) -> None:
        self._rules = rules
        # The rules that a device must be compared with, by the keys of its values, and those for all devices.
        self._by_key: dict[_Probe, dict[t.Hashable, list[Rule]]] = {}
        self._always: list[Rule] = []
        counts = Counter(probe for rule in rules for each in rule.conditions for probe in each.probes or ())
        for rule in rules:
            indexed = [each.probes for each in rule.conditions if each.probes]
            if not indexed:
                self._always.append(rule)
                continue
            for probe, key in min(indexed, key=lambda probes: max(counts[each] for each in probes)):
                same = self._by_key.setdefault(probe, {}).setdefault(key, [])
                if rule not in same:
                    same.append(rule)

    def matching(self, device: Row, places: Places) -> list[Rule]:
        """Return the rules that a device matches, in their order."""
        candidates = {rule.number: rule for rule in self._always}
        for probe, rules in self._by_key.items():
            for value in values_of(probe.field, device, places, for_index=probe.form):
                for rule in rules.get(probe.key(value), ()):
                    candidates[rule.number] = rule
        return [candidates[number] for number in sorted(candidates) if candidates[number].matches(device, places)]


# --- values -----------------------------------------------------------------------------------------------------------


def text_of(device: Row, path: t.Sequence[str]) -> str | None:
    """Return a value of a device as text, None if it has none."""
    value: t.Any = device
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return _to_text(value)


def _to_text(value: t.Any) -> str | None:
    if isinstance(value, str):
        return composed(value.strip()) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else None


def field_text(name: str, device: Row) -> str | None:
    """Return the value of a text field of a device, None if the device does not have it."""
    if name == "state":
        code = device.get("state")
        return STATES.get(code) if isinstance(code, int) else None
    text = text_of(device, TEXT_FIELDS[name])
    if text is None and name == "agent_version":
        return text_of(device, ("software_info", "esper_agent_info", "version_name"))
    return text


def time_of(name: str, device: Row) -> datetime | None:
    """Return the value of a time field of a device, None if the device does not have it or it is no time."""
    for path in _TIME_FIELDS[name]:
        text = text_of(device, path)
        if text is not None:
            return parse_time(text)
    return None


def values_of(name: str, device: Row, places: Places, *, for_index: str = "") -> t.Iterable[str]:
    """Return the values of a field of a device. ``for_index`` is the form of a probe, "" for the values to compare."""
    if name == _GROUP:
        group_id = places.group_id_of(device)
        if for_index == "below":
            return places.groups_above(group_id)
        if for_index == "exact":
            return (group_id,)
        path = places.paths.get(group_id)
        return () if path is None else (path,)
    if name == TAGS:
        return [composed(tag) for tag in places.tags_of(device)]
    if name == _IP_ADDRESSES:
        stats = device.get("network_stats")
        return _texts(stats.get("ip_address") if isinstance(stats, dict) else None)
    if name.startswith(_API):
        return _texts(_at(device, name.removeprefix(_API).split(".")))
    text = field_text(name, device)
    if text is None:
        return ()
    return (text.casefold(),) if name in _WORDS else (text,)


def _texts(value: t.Any) -> list[str]:
    """Return the texts in a value that is a list or a single one."""
    values = value if isinstance(value, list) else [value]
    return [text for text in map(_to_text, values) if text is not None]


def _at(device: Row, path: t.Sequence[str]) -> t.Any:
    value: t.Any = device
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def needed_keys(names: t.Iterable[str]) -> set[str]:
    """Return the properties of a response that fields need."""
    keys: set[str] = set()
    for name in names:
        if name in TEXT_FIELDS:
            keys.add(TEXT_FIELDS[name][0])
            keys |= {"software_info"} if name == "agent_version" else set()
        elif name in _TIME_FIELDS:
            keys |= {path[0] for path in _TIME_FIELDS[name]}
        elif name == _IP_ADDRESSES:
            keys.add("network_stats")
        elif name.startswith(_API):
            keys.add(name.removeprefix(_API).partition(".")[0])
    return keys


# --- conditions -------------------------------------------------------------------------------------------------------


def parse_conditions(option: str, match: t.Any, resolve: ResolveGroup, now: datetime) -> tuple[Condition, ...]:
    """Return the conditions of a rule.

    ``option`` is the position of the option in messages, such as ``rules[1].match``. Raise InvalidParameter if the
    option is empty or invalid, and what ``resolve`` raises.
    """
    if not isinstance(match, dict) or not match:
        raise InvalidParameter(
            f"The option {option} is empty, so it would match every device. Set a field, or fallback=true for a rule"
            " about all other devices."
        )
    conditions: list[Condition] = []
    for name, patterns in match.items():
        path = f"{option}.{name}"
        _check_field(path, name)
        forms = patterns if isinstance(patterns, dict) else {"exact": patterns}
        if not forms:
            raise InvalidParameter(f"The option {path} is empty. Set a value, or omit the field.")
        for form, values in forms.items():
            place = f"{path}.{form}" if isinstance(patterns, dict) else path
            conditions.append(_condition(place, name, str(form), values, resolve, now))
    return tuple(conditions)


def _check_field(path: str, name: t.Any) -> None:
    if name in MATCH_FIELDS or (isinstance(name, str) and name.startswith(_API) and all(name.split("."))):
        return
    raise InvalidParameter(f"Unknown field {path}. {_hint(str(name), MATCH_FIELDS)}")


def _hint(text: str, choices: t.Sequence[str]) -> str:
    return did_you_mean(text, choices) or f"Valid values: {', '.join(choices)}."


def _forms_of(name: str) -> tuple[str, ...]:
    if name in _TIME_FIELDS:
        return _TIME_FORMS
    if name == _GROUP:
        return (*_TEXT_FORMS, "below")
    return (*_TEXT_FORMS, "cidr") if name == _IP_ADDRESSES or name.startswith(_API) else _TEXT_FORMS


def _condition(path: str, name: str, form: str, values: t.Any, resolve: ResolveGroup, now: datetime) -> Condition:
    forms = _forms_of(name)
    if form not in forms:
        if name in _TIME_FIELDS and form == "exact":
            raise InvalidParameter(f"Invalid {path}: set {name}: {{since: ...}} or {name}: {{before: ...}}.")
        raise InvalidParameter(f"Unknown form {path}. {_hint(form, forms)}")
    patterns = [_pattern(path, value) for value in (values if isinstance(values, list) else [values])]
    if not patterns:
        raise InvalidParameter(f"The option {path} is empty. Set a value, or omit it.")
    if name in _TIME_FIELDS:
        if len(patterns) > 1:
            raise InvalidParameter(f"Invalid {path}: set one time, not a list of {len(patterns)}.")
        return _time_condition(name, form, moment(path, patterns[0], now))
    if name == _GROUP and form in ("exact", "below"):
        ids = [resolve(pattern) for pattern in patterns]
        probes = [(_Probe(name, form), each) for each in ids]
        return Condition(name, functools.partial(_has_group, frozenset(ids), form), probes)
    if name in _WORDS:
        patterns = [_word(path, name, form, pattern) for pattern in patterns]
    if form == "cidr":
        return _network_condition(path, name, patterns)
    return _text_condition(path, name, form, patterns)


def _pattern(path: str, value: t.Any) -> str:
    """Return a pattern as text. Raise InvalidParameter if it is empty, which would match too much or nothing."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise InvalidParameter(f"The option {path} is {'null' if value is None else 'empty'}. Set a value, or omit it.")
    if isinstance(value, (dict, list)):
        raise InvalidParameter(f"Invalid {path}: {value!r} is not a text.")
    if isinstance(value, bool):
        return "true" if value else "false"
    return composed(str(value))


def _word(path: str, name: str, form: str, pattern: str) -> str:
    words = _WORDS[name]
    if form == "exact" and pattern.strip().casefold() not in [word.casefold() for word in words]:
        raise InvalidParameter(f"Invalid {path}: '{pattern}'. {_hint(pattern, words)}")
    return pattern if form == "regex" else pattern.casefold()


def _has_group(ids: frozenset[str], form: str, device: Row, places: Places) -> bool:
    return not ids.isdisjoint(values_of(_GROUP, device, places, for_index=form))


def _text_condition(path: str, name: str, form: str, patterns: list[str]) -> Condition:
    if form == "glob" and all(_is_prefix(pattern) for pattern in patterns):
        form, patterns = "prefix", [pattern[:-1] for pattern in patterns]
    if form == "exact":
        keys = frozenset(pattern.strip() for pattern in patterns)
        if name == "id":
            keys = frozenset(normal_id(key) for key in keys if is_uuid(key))
        probes = [(_Probe(name, "exact"), key) for key in sorted(keys)]
        return Condition(name, lambda device, places: _any(name, device, places, keys.__contains__), probes)
    if form == "prefix":
        starts = tuple(patterns)
        probes = [(_Probe(name, "prefix", len(start)), start) for start in starts]
        return Condition(
            name, lambda device, places: _any(name, device, places, lambda v: v.startswith(starts)), probes
        )
    flags = re.IGNORECASE if name in _WORDS else 0
    try:
        expressions = [
            re.compile(fnmatch.translate(pattern) if form == "glob" else pattern, flags).fullmatch
            for pattern in patterns
        ]
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidParameter(f"Invalid {path}: {error}.") from None

    def matches(value: str) -> bool:
        return len(value) <= _MAX_LENGTH and any(expression(value) is not None for expression in expressions)

    return Condition(name, lambda device, places: _any(name, device, places, matches))


def _is_prefix(pattern: str) -> bool:
    return len(pattern) > 1 and pattern.endswith("*") and not any(each in pattern[:-1] for each in "*?[")


def _any(name: str, device: Row, places: Places, matches: t.Callable[[str], bool]) -> bool:
    return any(matches(value) for value in values_of(name, device, places))


def _network_condition(path: str, name: str, patterns: list[str]) -> Condition:
    keys: list[tuple[int, t.Hashable]] = []
    for pattern in patterns:
        try:
            network = ipaddress.ip_network(pattern.strip(), strict=False)
        except ValueError:
            raise InvalidParameter(
                f"Invalid {path}: '{pattern}' is not a network. A valid value is 10.20.0.0/16."
            ) from None
        keys.append((network.prefixlen, _network_key(str(network.network_address), network.prefixlen)))

    def matches(value: str) -> bool:
        return any(_network_key(value, length) == key for length, key in keys)

    probes = [(_Probe(name, "cidr", length), key) for length, key in keys]
    return Condition(name, lambda device, places: _any(name, device, places, matches), probes)


@functools.lru_cache(maxsize=4096)
def _address(value: str) -> tuple[int, int, int] | None:
    """Return the version, the number of bits and the number of an IP address, None for other texts."""
    try:
        address = ipaddress.ip_address(value.partition("/")[0].partition("%")[0].strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.version, address.max_prefixlen, int(address)


def _network_key(value: str, length: int) -> t.Hashable:
    """Return the network of an address, None if there is none with this length."""
    address = _address(value)
    if address is None or length > address[1]:
        return None
    return address[0], length, address[2] >> (address[1] - length)


def _time_condition(name: str, form: str, limit: datetime) -> Condition:
    def matches(device: Row, _places: Places) -> bool:
        time = time_of(name, device)
        return time is not None and (time >= limit if form == "since" else time < limit)

    return Condition(name, matches)


def moment(option: str, text: str, now: datetime) -> datetime:
    """Return a time, or the time that is a duration before now, such as ``7d``, ``24h`` or ``P7D``. Raise
    InvalidParameter if the text is something else or the duration is zero."""
    found = _DURATION.fullmatch(text.strip())
    try:
        duration = int(found[1]) * _UNITS[found[2].lower()] if found else None
        if duration is None and (seconds := seconds_of(text)) is not None:
            duration = timedelta(seconds=seconds)
        if duration is None:
            return utc_time(text)
        if duration > timedelta(0):
            return now - duration
    except ValueError:
        pass
    except OverflowError:
        pass
    raise InvalidParameter(
        f"Invalid {option}: '{text}'. Valid values are a duration, such as 7d or 24h, and a time, such as"
        " 2026-05-04T22:00:00Z."
    )


# --- templates --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """A template of an alias: texts, and fields with the number of characters to insert, None for all. A negative
    number is that of the last characters."""

    parts: tuple[str | tuple[str, int | None], ...]

    @property
    def fields(self) -> set[str]:
        """The names of the fields."""
        return {part[0] for part in self.parts if not isinstance(part, str)}

    def render(self, device: Row, group_name: str | None) -> str | None:
        """Return the alias of a device, None if the device lacks one of the fields or the result is not a valid
        alias."""
        texts: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            name, length = part
            value = group_name if name == GROUP_NAME else field_text(name, device)
            if not value:
                return None
            texts.append(value if length is None else value[length:] if length < 0 else value[:length])
        alias = "".join(texts).strip()
        return None if not alias or _CONTROL.search(alias) else alias


def parse_template(option: str, text: str) -> Template:
    """Return the template in a text. Raise InvalidParameter if it has no field or an unknown one."""
    parts: list[str | tuple[str, int | None]] = []
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        parts.append(_literal(option, text, text[end : found.start()]))
        end = found.end()
        named = _SLICE.fullmatch(found[1].strip())
        if named is None or named[1] not in TEMPLATE_FIELDS:
            raise InvalidParameter(
                f"Invalid {option}: unknown field {{{found[1]}}}. {_hint(found[1].partition(':')[0], TEMPLATE_FIELDS)}"
            )
        parts.append((named[1], int(named[2]) if named[2] else None))
    parts.append(_literal(option, text, text[end:]))
    if not any(isinstance(part, tuple) for part in parts):
        raise InvalidParameter(
            f"Invalid {option}: '{text}' has no field, so all devices would have the same alias. Insert a field, for"
            " example {serial}."
        )
    return Template(tuple(part for part in parts if part != ""))


def _literal(option: str, text: str, part: str) -> str:
    if "{" in part or "}" in part:
        raise InvalidParameter(
            f"Invalid {option}: '{text}' has a brace that is not part of a field such as {{serial}}."
        )
    if _CONTROL.search(part):
        raise InvalidParameter(f"Invalid {option}: it contains a control character.")
    return composed(part)
