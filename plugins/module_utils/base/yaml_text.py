# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain values as YAML for people, such as those of a diff.

Ansible's callbacks show a dict as JSON, with escapes in place of letters, and with all lines of a text on one line. The
YAML of this file has the letters, and each line on a line of its own. A playbook can read it with the filter from_yaml.
PyYAML is not needed, because it can be missing on the machine that runs a module.
"""

from __future__ import annotations

import json
import re
import typing as t

from .text import has_control, printable

# A text that is no other value without quotes: it starts with a letter, an underscore or a slash.
_PLAIN = re.compile(r"(?:[^\W\d]|/)(?:[\w ./@+()~%=;-]|:(?=\S)|,(?=\S))*")
# Words that YAML 1.1 reads as other values, or as a merge.
_RESERVED = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_INDENT = "  "


def yaml_text(value: t.Mapping[str, t.Any]) -> str:
    """Return a dict as YAML, sorted by key, "" if it is empty. Control characters are escaped."""
    return "".join(f"{line}\n" for line in _dict_lines(value)) if value else ""


def _dict_lines(value: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for key in sorted(value, key=str):
        yield from _with_prefix(f"{_scalar(str(key))}:", value[key], _INDENT)


def _list_lines(value: t.Sequence[t.Any]) -> t.Iterator[str]:
    for item in value:
        if isinstance(item, t.Mapping) and item:
            first, *others = _dict_lines(item)
            yield f"- {first}"
            yield from (f"{_INDENT}{line}" if line else line for line in others)
        else:
            yield from _with_prefix("-", item, _INDENT)


def _with_prefix(prefix: str, value: t.Any, indent: str) -> t.Iterator[str]:
    """Yield the lines of a value after a key or the sign of an item."""
    if isinstance(value, (t.Mapping, list, tuple)) and value:
        yield prefix
        lines = _dict_lines(value) if isinstance(value, t.Mapping) else _list_lines(value)
    elif isinstance(value, str) and _is_block(value):
        # The number of newlines at the end: none, one, or several, which are all kept.
        ending = "-" if not value.endswith("\n") else "+" if value.endswith("\n\n") else ""
        yield f"{prefix} |{ending}"
        lines = iter(value.removesuffix("\n").split("\n"))
    else:
        yield f"{prefix} {_scalar(value)}"
        return
    yield from (f"{indent}{line}" if line else line for line in lines)


def _is_block(text: str) -> bool:
    """Return whether a text is shown line by line. The indentation of a block follows from its first line."""
    return "\n" in text.rstrip("\n") and not has_control(re.sub(r"[\n\t]", "", text)) and text[0] not in " \t\n"


def _scalar(value: t.Any) -> str:
    if isinstance(value, t.Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    if not isinstance(value, str):
        return json.dumps(value, default=str)
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _RESERVED and not value.endswith(" ")
    return value if is_plain and not has_control(value) else _quoted(value)


def _quoted(text: str) -> str:
    # JSON escapes quotes, backslashes and the first control characters as YAML does.
    return printable(json.dumps(text, ensure_ascii=False))
