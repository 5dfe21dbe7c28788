# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML files whose values have positions, with the tags ``!vault`` and ``!unsafe`` and with Ansible's templates.

Ansible's own loader has other positions in each version, and ignores keys that are written twice.
"""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from ..base.errors import EsperError
from ..base.located import Located

try:
    import yaml
except ImportError:
    HAS_YAML = False
    _Loader: t.Any = object
else:
    HAS_YAML = True
    # The loader in C is ten times as fast.
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TEMPLATE = re.compile(r"\{[{%#]")
_OPTIONAL_SECRET = re.compile(r"\{\{\s*(esper_secret_\w+)\s*\|\s*default\(\s*omit\s*\)\s*\}\}")
_ENCRYPTED = b"$ANSIBLE_VAULT;"
_TEXT = "tag:yaml.org,2002:str"
_VAULT_TAGS = ("!vault", "!vault-encrypted")
_UNSAFE_TAG = "!unsafe"


class Problem(t.NamedTuple):
    """An error in a file."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Evaluation:
    """The parts of Ansible that evaluate texts. Both functions raise EsperError.

    ``render`` returns the value of a template as plain data in a list, which is empty if it is the variable ``omit``.
    ``decrypt`` returns the text that Ansible Vault encrypted.
    """

    render: t.Callable[[str], list[t.Any]]
    decrypt: t.Callable[[str], str]


@dataclass
class Documents:
    """Reads YAML files, and collects what they have in common: ``problems``, ``secrets``, which are the texts that were
    encrypted, and ``unset``, the variables of exported secrets that have no value."""

    evaluation: Evaluation
    problems: list[Problem] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    unset: set[str] = field(default_factory=set)

    def read(self, path: Path, shown: str) -> Located | None:
        """Return the value of a file, None if it is empty or invalid. ``shown`` is its path in messages."""
        try:
            text, is_secret = self._text(path)
            return self._parse(text, shown, is_secret=is_secret)
        except _InvalidFileError as error:
            self.problems.append(Problem(shown, error.line, str(error)))
            return None

    def _text(self, path: Path) -> tuple[str, bool]:
        """Return the text of a file, and whether the file is encrypted."""
        try:
            data = path.read_bytes()
            is_secret = data.startswith(_ENCRYPTED)
            return self.evaluation.decrypt(data.decode()) if is_secret else data.decode(), is_secret
        except OSError as error:
            raise _InvalidFileError(f"The file cannot be read: {error.strerror or error}.") from None
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            raise _InvalidFileError("The file is not a text in UTF-8.", line) from None
        except EsperError as error:
            raise _InvalidFileError(str(error)) from None

    def _parse(self, text: str, shown: str, *, is_secret: bool) -> Located | None:
        if not HAS_YAML:
            raise _InvalidFileError("The Python of the controller does not have the library PyYAML.")
        try:
            loader = _Loader(text)
            try:
                node = loader.get_single_node()
                return None if node is None else _Conversion(self, loader, shown, is_secret).value(node)
            finally:
                loader.dispose()
        except RecursionError:
            raise _InvalidFileError("The values are nested too deeply.") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
            line = mark.line + 1 if mark else 1
            raise _InvalidFileError(f"The file is not valid YAML: {reason}.", line) from None


class _InvalidFileError(Exception):
    """The reason why a file has no value, and its line."""

    def __init__(self, text: str, line: int = 1) -> None:
        super().__init__(text)
        self.line = line


class _Conversion:
    """The conversion of the nodes of one file to values."""

    def __init__(self, documents: Documents, loader: t.Any, shown: str, is_secret: bool) -> None:
        self._documents = documents
        self._loader = loader
        self._file = shown
        self._is_secret = is_secret
        # An alias is the same node as its anchor. The nodes are kept, so no other node gets their ID.
        self._converted: dict[int, tuple[t.Any, Located | None]] = {}
        self._open: set[int] = set()

    def value(self, node: t.Any, *, is_unsafe: bool = False) -> Located | None:
        """Return the value of a node, None if it is omitted."""
        known = id(node)
        if known in self._converted:
            return self._converted[known][1]
        if known in self._open:
            self._problem(node, "The value contains itself.")
            return None
        self._open.add(known)
        value = self._convert(node, is_unsafe or node.tag == _UNSAFE_TAG)
        self._open.remove(known)
        self._converted[known] = node, value
        return value

    def _convert(self, node: t.Any, is_unsafe: bool) -> Located | None:
        if isinstance(node, yaml.MappingNode):
            return self._at(node, self._mapping(node, is_unsafe))
        if isinstance(node, yaml.SequenceNode):
            items = (self.value(item, is_unsafe=is_unsafe) for item in node.value)
            return self._at(node, [item for item in items if item is not None])
        return self._scalar(node, is_unsafe)

    def _mapping(self, node: t.Any, is_unsafe: bool) -> dict[t.Any, Located]:
        first: dict[t.Any, t.Any] = {}
        for key_node, _value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, "A key must be a text.")
            elif key_node is not first.setdefault(key_node.value, key_node):
                line = first[key_node.value].start_mark.line + 1
                self._problem(key_node, f"The key {key_node.value} is already in line {line}.")
        self._loader.flatten_mapping(node)
        converted = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            key = key_node.value if key_node.tag == _TEXT else self._plain(key_node)
            value = self.value(value_node, is_unsafe=is_unsafe)
            if value is not None:
                # An editor shows the line of the key, and a dict starts in the line after it.
                line = key_node.start_mark.line + 1
                converted[key] = Located(value.value, value.file, line, value.fault)
        return converted

    def _scalar(self, node: t.Any, is_unsafe: bool) -> Located | None:
        if node.tag in _VAULT_TAGS:
            return self._decrypted(node)
        if node.tag not in (_TEXT, _UNSAFE_TAG):
            return self._at(node, self._plain(node))
        if self._is_secret:
            self._documents.secrets.add(node.value)
        return self._at(node, node.value) if is_unsafe or not _TEMPLATE.search(node.value) else self._rendered(node)

    def _decrypted(self, node: t.Any) -> Located:
        try:
            text = self._documents.evaluation.decrypt(node.value)
        except EsperError as error:
            return self._at(node, None, str(error))
        self._documents.secrets.add(text)
        return self._at(node, text)

    def _rendered(self, node: t.Any) -> Located | None:
        try:
            values = self._documents.evaluation.render(node.value)
        except EsperError as error:
            return self._at(node, None, str(error))
        if values:
            return self._located(node, values[0])
        if found := _OPTIONAL_SECRET.fullmatch(node.value):
            self._documents.unset.add(found[1])
        return None

    def _located(self, node: t.Any, value: t.Any) -> Located:
        """Return a value of a variable at the position of its template."""
        if isinstance(value, t.Mapping):
            return self._at(node, {key: self._located(node, item) for key, item in value.items()})
        if isinstance(value, (list, tuple)):
            return self._at(node, [self._located(node, item) for item in value])
        return self._at(node, value)

    def _plain(self, node: t.Any) -> t.Any:
        """Return a number, a boolean, null or a date. A date is a text, as in the arguments of a module."""
        try:
            value = self._loader.construct_object(node, deep=True)
        except yaml.YAMLError as error:
            self._problem(node, f"{getattr(error, 'problem', error)}.".capitalize())
            return None
        except ValueError:
            # 2026-02-30 looks like a date, but is none.
            return node.value
        if isinstance(value, (datetime.date, datetime.datetime)):
            return value.isoformat()
        if isinstance(value, bytes):
            self._problem(node, "A value must not be binary.")
            return None
        return value

    def _at(self, node: t.Any, value: t.Any, fault: str = "") -> Located:
        return Located(value, self._file, node.start_mark.line + 1, fault)

    def _problem(self, node: t.Any, text: str) -> None:
        self._documents.problems.append(Problem(self._file, node.start_mark.line + 1, text))
