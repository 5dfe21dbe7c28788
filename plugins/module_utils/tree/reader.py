# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees: directories with the objects of a tenant as files, which the module tenant takes as ``src``.

A tree has a directory for each option of the module, with a file for each object, or one file with all objects. A later
tree overlays the earlier ones. All errors are found before the first request, each with its file and line.
"""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from ..base.errors import EsperError
from ..base.located import Located, Positions
from ..base.redaction import Redaction
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.lookup import lookup_of
from ..model.kind import Kind, Shape
from ..model.module_spec import Option
from .checks import check_options, suggestion
from .deviations import ACCEPTED_DEVIATIONS, check_deviations
from .documents import Documents, Evaluation, Problem
from .writer import FILES, SUFFIX

# The maximum number of errors in the message. The result contains all.
_SHOWN_PROBLEMS = 20
_SOURCE, _CHECKSUM = "src", "checksum"


class InvalidTree(EsperError):
    """The files of a tree are invalid. ``problems`` are all errors in them."""

    def __init__(self, problems: t.Sequence[str]) -> None:
        self.problems = list(problems)
        hidden = len(self.problems) - _SHOWN_PROBLEMS
        more = f" See errors for {counted(hidden, 'more error')}." if hidden > 0 else ""
        found = " ".join(self.problems[:_SHOWN_PROBLEMS])
        super().__init__(f"The files have {counted(len(self.problems), 'error')}. {found}{more}")

    def details(self) -> dict[str, t.Any]:
        return {"errors": self.problems}


class Root(t.NamedTuple):
    """The directory of a tree. ``shown`` is its path in messages, as the user wrote it."""

    path: Path
    shown: str


@dataclass
class Tree:
    """The objects in one or several trees.

    ``lists`` are the options of the module tenant. ``objects`` are the same with positions. ``secrets`` are texts that
    were encrypted, and ``unset`` the variables of exported secrets without a value.
    """

    lists: Row = field(default_factory=dict)
    objects: dict[str, list[Located]] = field(default_factory=dict)
    accepted_deviations: list[Row] = field(default_factory=list)
    secrets: frozenset[str] = frozenset()
    unset: list[str] = field(default_factory=list)

    def positions(self, kinds: t.Mapping[str, Kind]) -> Positions:
        """Return the positions of the objects by the paths of their options."""
        return Positions(
            {
                option if kinds[option].shape is Shape.SINGLETON else f"{option}[{index}]": item
                for option, items in self.objects.items()
                for index, item in enumerate(items)
            }
        )


def read_trees(
    roots: t.Sequence[Root], kinds: t.Mapping[str, Kind], deviation_option: Option, evaluation: Evaluation
) -> Tree:
    """Return the objects in trees, the later ones over the earlier ones. Raise InvalidTree with all errors.

    ``kinds`` are those of the objects, by their options of the module tenant. ``deviation_option`` is its option for
    accepted deviations.
    """
    documents = Documents(evaluation)
    files = _Files([root.path for root in roots])
    merged: dict[str, dict[t.Hashable, Located]] = {}
    deviations: dict[t.Hashable, Located] = {}
    for root in roots:
        found = _read_root(root, kinds, documents)
        for option, items in found.items():
            if option == ACCEPTED_DEVIATIONS:
                deviations.update((_deviation_key(item, index), item) for index, item in enumerate(items))
                continue
            kind = kinds[option]
            resolved = [files.resolve(_with_options(item, kind), kind) for item in items]
            _overlay(merged.setdefault(option, {}), resolved, kind, documents)
    objects = {option: list(merged[option].values()) for option in kinds if option in merged}
    for option, items in objects.items():
        if module := kinds[option].module:
            for item in items:
                documents.problems.extend(check_options(module.options, module.rules, item))
    documents.problems.extend(check_deviations(deviations.values(), deviation_option, kinds.values()))
    if documents.problems:
        redaction = Redaction(documents.secrets)
        raise InvalidTree([redaction.text(str(each)) for each in sorted(set(documents.problems))])
    return Tree(
        {option: _plain_option(kinds[option], items) for option, items in objects.items()},
        objects,
        [item.plain() for item in deviations.values()],
        frozenset(documents.secrets),
        sorted(documents.unset),
    )


def _plain_option(kind: Kind, items: list[Located]) -> t.Any:
    values = [item.plain() for item in items]
    return values[0] if kind.shape is Shape.SINGLETON else values


def _with_options(item: Located, kind: Kind) -> Located:
    """Return the options of an object, which can be written as a text: see Tenant.from_text."""
    if kind.tenant.from_text is None or not isinstance(item.value, str):
        return item
    options = kind.tenant.from_text(item.value)
    return Located(
        {name: Located(value, item.file, item.line) for name, value in options.items()}, item.file, item.line
    )


def _deviation_key(item: Located, index: int) -> t.Hashable:
    """Return the key of an accepted deviation. A later tree can set another reason or date."""
    values = item.plain()
    if not isinstance(values, dict):
        return item.file, index
    return tuple(str(values.get(name)) for name in ("kind", "name", "field"))


# --- files ------------------------------------------------------------------------------------------------------------


def _read_root(root: Root, kinds: t.Mapping[str, Kind], documents: Documents) -> dict[str, list[Located]]:
    """Return the objects in the files of a directory by their options. A file without objects is an empty list."""
    found: dict[str, list[Located]] = {}
    for path, shown, option in _files(root, kinds, documents):
        before = len(documents.problems)
        document = documents.read(path, shown)
        items = found.setdefault(option, [])
        if document is None:
            if len(documents.problems) == before:
                text = "The file has no value. Write an object, or [] for no objects, or delete the file."
                documents.problems.append(Problem(shown, 1, text))
        elif isinstance(document.value, list):
            items += document.value
        else:
            items.append(document)
    return found


def _files(root: Root, kinds: t.Mapping[str, Kind], documents: Documents) -> t.Iterator[tuple[Path, str, str]]:
    """Yield the YAML files of a tree: the path, the path in messages, and the option. Record unknown files."""
    options = [*kinds, ACCEPTED_DEVIATIONS]

    def fail(shown: str, text: str) -> None:
        documents.problems.append(Problem(shown, 1, text))

    for path in _entries(root.path, root.shown, fail):
        shown = f"{root.shown.rstrip('/')}/{path.name}"
        if path.is_dir():
            if path.name in kinds:
                for file in _entries(path, shown, fail):
                    if file.suffix == SUFFIX:
                        yield file, f"{shown}/{file.name}", path.name
                    elif hint := _wrong_suffix(file):
                        fail(f"{shown}/{file.name}", hint)
            elif path.name != FILES and (hint := suggestion(path.name, kinds)):
                fail(shown, f"The directory {path.name} is unknown.{hint}")
            elif path.name != FILES and any(path.glob(f"*{SUFFIX}")):
                fail(shown, f"The directory {path.name} is unknown, and contains {SUFFIX} files. Move it elsewhere.")
        elif path.suffix == SUFFIX:
            if path.stem in options:
                yield path, shown, path.stem
            else:
                hint = suggestion(path.stem, options) or " Move it elsewhere."
                fail(shown, f"The file {path.name} is unknown.{hint}")
        elif hint := _wrong_suffix(path):
            fail(shown, hint)


def _entries(directory: Path, shown: str, fail: t.Callable[[str, str], None]) -> list[Path]:
    """Return the entries of a directory in the order of their names, without hidden ones."""
    try:
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError as error:
        fail(shown, f"The directory cannot be read: {error.strerror or error}.")
        return []


def _wrong_suffix(path: Path) -> str:
    return f"The file must be named {path.stem}{SUFFIX}." if path.suffix in (".yaml", ".json") else ""


def _without_source(item: Located) -> Located:
    return Located({name: value for name, value in item.value.items() if name != _SOURCE}, item.file, item.line)


@dataclass
class _Files:
    """The files in trees to which options refer. Those in a later tree come first."""

    directories: list[Path]

    def resolve(self, item: Located, kind: Kind) -> Located:
        """Return an object with absolute paths in place of relative ones. A file that does not exist is a fault."""
        values = item.value if isinstance(item.value, dict) else {}
        state = values.get("state")
        is_optional = state is not None and state.value in kind.absent_states
        for source in kind.sources:
            found = self._resolved(item, source.split("."), is_optional)
            # The tenant can have the file that the checksum names.
            is_named = source == _SOURCE and values.get(_CHECKSUM) is not None and _CHECKSUM in kind.options
            item = _without_source(item) if is_named and _SOURCE in values and found.value[_SOURCE].fault else found
        return item

    def _resolved(self, item: Located, names: list[str], is_optional: bool) -> Located:
        if isinstance(item.value, list):
            items = [self._resolved(each, names, is_optional) for each in item.value]
            return Located(items, item.file, item.line)
        if not names:
            return self._found(item, is_optional)
        if not isinstance(item.value, dict) or names[0] not in item.value:
            return item
        inside = self._resolved(item.value[names[0]], names[1:], is_optional)
        return Located({**item.value, names[0]: inside}, item.file, item.line)

    def _found(self, item: Located, is_optional: bool) -> Located:
        path = item.value
        if not isinstance(path, str) or not path or path[0] in "/~$" or "\0" in path:
            return item
        for directory in reversed(self.directories):
            candidate = directory / path
            with contextlib.suppress(OSError):
                if candidate.exists():
                    return Located(str(candidate.absolute()), item.file, item.line)
        if is_optional:
            return Located(str((self.directories[-1] / path).absolute()), item.file, item.line)
        searched = ", ".join(str(each) for each in reversed(self.directories))
        fault = f"The file '{path}' was not found. Correct the path. Searched directories: {searched}."
        return Located(path, item.file, item.line, fault)


# --- overlays ---------------------------------------------------------------------------------------------------------


def _overlay(base: dict[t.Hashable, Located], items: t.Iterable[Located], kind: Kind, documents: Documents) -> None:
    """Put the objects of a tree over those of earlier ones, by the keys that identify them."""
    own: dict[t.Hashable, Located] = {}
    for item in items:
        key = _key_of(kind, item)
        if key is None:
            # It has an error, or it is reported later.
            base[item.file, item.line] = item
        elif key in own:
            text = f"The {kind.title} '{key}' is also in {own[key].position}. Delete one of them."
            documents.problems.append(Problem(item.file, item.line, text))
        else:
            own[key] = item
            base[key] = _over(base[key], item, kind) if key in base else item


def _key_of(kind: Kind, item: Located) -> str | None:
    """Return the name of an object, None if its options are invalid."""
    values = item.plain()
    if not isinstance(values, dict):
        return None
    params: Params = {**dict.fromkeys(kind.options), **values}
    # The options are not validated yet, and a file to upload can be invalid.
    with contextlib.suppress(EsperError, AttributeError, KeyError, OSError, TypeError, ValueError):
        # The key depends on the options only, so there is no view.
        key = lookup_of(t.cast(t.Any, None), kind).task_key(params)
        return None if key == "None" else key
    return None


def _over(base: Located, item: Located, kind: Kind) -> Located:
    """Return an object with the options of a later tree. To declare its absence, they replace it."""
    state = item.value.get("state")
    if state is not None and state.value in kind.absent_states:
        return item
    return _merged(base, item)


def _merged(base: Located, item: Located) -> Located:
    if not isinstance(base.value, dict) or not isinstance(item.value, dict):
        return item
    values = {**base.value}
    for key, each in item.value.items():
        if each.value is None and not each.fault:
            values.pop(key, None)
        else:
            values[key] = _merged(values[key], each) if key in values else each
    return Located(values, base.file, base.line)
