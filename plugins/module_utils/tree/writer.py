# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a tree: their names, and their text in YAML.

The text does not depend on the version of a library, so two exports of an unchanged tenant are byte-identical. It is
written for Ansible: a text that Ansible would evaluate as a template is tagged ``!unsafe``, and a secret is a variable.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

from ..base.slugs import file_slug, unique_slugs
from ..engine.exporter import ExportedFile, ExportedObject, SecretValue
from ..model.kind import Kind, Shape
from ..model.module_spec import Option
from .schema import list_schema_of, schema_of, schema_text

MARKER = "# Written by esper.cloud.tenant_export, which replaces and deletes this file."
"""The first line of each file of an export. An export deletes no other file."""
SUFFIX = ".yml"
SCHEMAS = ".schemas"
FILES = "files"
"""The directory of downloaded files in a tree."""

_INDENT = "  "
_TEMPLATE = re.compile(r"\{[{%#]")
# Texts that no YAML parser reads as anything else, and that need no quotes.
_PLAIN = re.compile(r"(?:[^\W\d_]|/)(?:[\w ./@+-]*[\w./@+-])?")
_WORDS = ("true", "false", "yes", "no", "on", "off", "y", "n", "null", "none")
# Characters that YAML does not allow in a text, or that readers change or hide.
_SPECIAL = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202f-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class TreeFile:
    """A file of a tree. ``path`` is its path in the tree, with slashes."""

    path: str
    text: str


def tree_files(kind: Kind, objects: t.Sequence[ExportedObject]) -> list[TreeFile]:
    """Return the files of the objects of a kind, without its schema. ``objects`` are sorted by key."""
    option = kind.tenant_option
    if kind.shape is Shape.SINGLETON:
        return [TreeFile(f"{option}{SUFFIX}", file_text(kind, each.options, "")) for each in objects]
    if kind.tenant.in_one_file:
        rows = [each.options for each in objects]
        return [TreeFile(f"{option}{SUFFIX}", file_text(kind, rows, ""))] if rows else []
    names = unique_slugs([each.key for each in objects], file_slug, "-")
    return [TreeFile(f"{option}/{names[each.key]}{SUFFIX}", file_text(kind, each.options, "../")) for each in objects]


def file_text(kind: Kind, value: t.Any, root: str) -> str:
    """Return the text of a file. ``root`` is the path from its directory to the tree."""
    schema = f"# yaml-language-server: $schema={root}{schema_path(kind)}"
    return "\n".join([MARKER, schema, "---", *yaml_lines(value), ""])


def schema_file(kind: Kind) -> TreeFile:
    """Return the file with the JSON schema of the objects of a kind."""
    return TreeFile(schema_path(kind), schema_text(schema_of(kind)))


def list_schema_file(option: Option) -> TreeFile:
    """Return the file with the JSON schema of the list of an option, which users keep in a file of their own."""
    return TreeFile(f"{SCHEMAS}/{option.name}.json", schema_text(list_schema_of(option)))


def schema_path(kind: Kind) -> str:
    """Return the path of the JSON schema of a kind in a tree."""
    return f"{SCHEMAS}/{kind.name}.json"


def yaml_text(value: t.Any) -> str:
    """Return a value as YAML for Ansible."""
    return "\n".join([*yaml_lines(value), ""])


def yaml_lines(value: t.Any, indent: str = "") -> list[str]:
    """Return the lines of a value."""
    if isinstance(value, dict) and value:
        return [line for key, item in value.items() for line in _entry(f"{indent}{_key(key)}:", item, indent)]
    if isinstance(value, (list, tuple)) and value:
        return [line for item in value for line in _item(item, indent)]
    return [f"{indent}{_scalar(value, indent + _INDENT)}"]


def _entry(start: str, value: t.Any, indent: str) -> list[str]:
    """Return the lines of a key with its value."""
    if isinstance(value, (dict, list, tuple)) and value:
        return [start, *yaml_lines(value, indent + _INDENT)]
    return [f"{start} {_scalar(value, indent + _INDENT)}"]


def _item(value: t.Any, indent: str) -> list[str]:
    """Return the lines of an item of a list."""
    if isinstance(value, (dict, list, tuple)) and value:
        first, *rest = yaml_lines(value, indent + _INDENT)
        return [f"{indent}- {first.lstrip(' ')}", *rest]
    return [f"{indent}- {_scalar(value, indent + _INDENT)}"]


def _scalar(value: t.Any, indent: str) -> str:
    """Return a value without other values in it. ``indent`` is that of its further lines."""
    if isinstance(value, SecretValue):
        return f'"{{{{ {value.variable} | default(omit) }}}}"'
    if isinstance(value, ExportedFile):
        value = f"{FILES}/{value.path}"
    if isinstance(value, str):
        return f"!unsafe {_text(value, indent)}" if _TEMPLATE.search(value) else _text(value, indent)
    # JSON is YAML, except for a number such as 1e+16, which has no point.
    text = json.dumps(value)
    return text.replace("e", ".0e", 1) if isinstance(value, float) and "e" in text and "." not in text else text


def _text(text: str, indent: str) -> str:
    is_block = "\n" in text and not _SPECIAL.search(text) and not re.match(r"[ \t\n]", text)
    if is_block:
        ending = "-" if not text.endswith("\n") else "" if not text.endswith("\n\n") else "+"
        lines = text.split("\n") if not text.endswith("\n") else text[:-1].split("\n")
        return "\n".join([f"|{ending}", *(f"{indent}{line}" if line else "" for line in lines)])
    return text if _is_plain(text) else _quoted(text)


def _key(key: t.Any) -> str:
    text = str(key)
    return text if _is_plain(text) else _quoted(text)


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS and not _SPECIAL.search(text)


def _quoted(text: str) -> str:
    """Return a text in double quotes. The escapes of JSON are those of YAML, except for surrogates."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _SPECIAL.sub(lambda found: _escaped(ord(found.group())), quoted)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
