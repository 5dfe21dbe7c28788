# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that a task of the module tenant does not list: which of them it deletes, and why it keeps the others.

Nothing is deleted unless the option prune names its kind. All checks are part of the plan, before the first write
request, so check mode reports the same. The guards are those of the modules with state=absent, never with force.
"""

from __future__ import annotations

import collections
import re
import typing as t
from dataclasses import dataclass, field

from ..base.errors import EsperError, InvalidParameter
from ..base.row import Params, Row
from ..base.text import counted, listed
from ..engine.batch import Batch, BatchItem
from ..engine.deviations import Deviation
from ..engine.lookup import lookup_of, same_name
from ..engine.reader import reader_of
from ..engine.tenant_view import TenantView
from ..model.kind import Kind
from ..model.module_spec import Option, Value

MAX_DELETIONS = 10
"""The default of the option max_deletions."""

_MAX_NAMED = 5
_FAILED = "Nothing that the task does not list is deleted, because another object of the task failed."


@dataclass(frozen=True)
class Selector:
    """An item of the option prune: which objects of a kind the task can delete."""

    kind: Kind
    names: tuple[str, ...]
    exclude: tuple[str, ...]
    allow_empty: bool
    option_path: str

    def matches(self, name: str) -> bool:
        """Return whether the task can delete the object with a name."""
        return _matches(name, self.names or ("*",)) and not _matches(name, self.exclude)


def _matches(name: str, patterns: t.Iterable[str]) -> bool:
    """Return whether a name matches a pattern. Brackets are text, because names can have them."""
    expressions = (re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in patterns)
    return any(re.fullmatch(expression, name, re.DOTALL) for expression in expressions)


@dataclass(frozen=True)
class Unlisted:
    """An existing object that the task does not list, with the reason why the task cannot delete it, "" if it can."""

    kind: Kind
    name: str
    row: Row
    reason: str = ""


@dataclass
class Pruning:
    """The pruning of a task. ``found`` are the objects that it does not list, ``totals`` the number of existing objects
    of each kind."""

    view: TenantView
    selectors: dict[str, Selector]
    kinds: t.Sequence[Kind]
    deviations: t.Sequence[Deviation]
    max_deletions: int
    max_percent: int | None
    found: list[Unlisted] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, view: TenantView, params: Params, kinds: t.Sequence[Kind], deviations: t.Sequence[Deviation]
    ) -> Pruning:
        """Return the pruning that the options of a task describe. Raise InvalidParameter if they are invalid.

        ``kinds`` are those of the module.
        """
        selectors: dict[str, Selector] = {}
        for index, item in enumerate(params["prune"] or ()):
            selector = _selector(f"prune[{index}]", item, kinds)
            if selector.kind.name in selectors:
                raise InvalidParameter(f"{selector.option_path}: {selector.kind.tenant_option} is listed twice.")
            selectors[selector.kind.name] = selector
        if params["max_deletions"] < 0:
            raise InvalidParameter(f"Invalid max_deletions: {params['max_deletions']}. It must be 0 or more.")
        percent = params["max_deletion_percent"]
        if percent is not None and not 0 <= percent <= 100:
            raise InvalidParameter(f"Invalid max_deletion_percent: {percent}. It must be between 0 and 100.")
        listed_kinds = [each for each in kinds if params["report_unlisted"] and params[each.tenant_option] is not None]
        reported = [each for each in kinds if each.can_prune and (each.name in selectors or each in listed_kinds)]
        return cls(view, selectors, reported, deviations, params["max_deletions"], percent)

    def find_unlisted(self, batch: Batch) -> list[BatchItem]:
        """Return the objects to delete that a task does not list."""
        has_failed = bool(batch.failed)
        items = []
        for kind in self.kinds:
            rows = [row for row in self._existing(kind) if not kind.tenant.is_built_in(row)]
            self.totals[kind.name] = len(rows)
            key_of = lookup_of(self.view, kind).key_of
            names = collections.Counter(map(key_of, rows))
            for row in sorted(rows, key=key_of):
                if batch.find_item(kind, row[kind.id_key]) is None:
                    unlisted = self._unlisted(kind, row, names[key_of(row)], has_failed=has_failed)
                    self.found.append(unlisted)
                    items += [] if unlisted.reason else [self._item(unlisted)]
        return items

    def _existing(self, kind: Kind) -> list[Row]:
        """Return all existing objects of a kind with their names, which the list of some kinds lacks."""
        rows = lookup_of(self.view, kind).list_existing()
        return rows if kind.returns_name else reader_of(self.view, kind).complete(rows, {})

    def _unlisted(self, kind: Kind, row: Row, count: int, *, has_failed: bool) -> Unlisted:
        """Return an object that the task does not list. ``count`` objects have its name."""
        name, selector = lookup_of(self.view, kind).key_of(row), self.selectors.get(kind.name)
        accepted = (each for each in self.deviations if (each.kind, each.name, each.field) == (kind.name, name, ""))
        if deviation := next(accepted, None):
            return Unlisted(kind, name, row, f"Accepted deviation: {deviation.explanation}")
        if count > 1:
            # An export omits them, and the task can list none of them by name.
            return Unlisted(kind, name, row, same_name(kind, count))
        if selector is None:
            return Unlisted(kind, name, row, f"The task does not prune {kind.titles}.")
        if not selector.matches(name):
            return Unlisted(kind, name, row, f"{selector.option_path} does not select its name.")
        # An object of the task that was not found can be this one.
        return Unlisted(kind, name, row, _FAILED if has_failed else "")

    def _item(self, unlisted: Unlisted) -> BatchItem:
        kind, selector = unlisted.kind, self.selectors[unlisted.kind.name]
        params = {name: spec.get("default") for name, spec in kind.options.items()}
        params |= {"id": unlisted.row[kind.id_key], "state": kind.absent_states[0]}
        item = BatchItem(kind, selector.option_path, params, unlisted.name, is_unlisted=True)
        item.plan.current = unlisted.row
        return item

    def check(self, batch: Batch) -> None:
        """Keep all objects if the task must not delete them. Raise InvalidParameter if the plan would delete all
        objects of a kind, or too many, unless the options allow that."""
        unlisted = [item for item in batch.items if item.is_unlisted]
        if any(not item.is_unlisted for item in batch.failed):
            batch.keep_unlisted(_FAILED)
            return
        deleted = [item for item in unlisted if item.error is None and item.plan.steps]
        if error := self._empty(batch, deleted) or self._too_many(deleted):
            batch.keep_unlisted(error)
            raise InvalidParameter(error)

    def _empty(self, batch: Batch, deleted: list[BatchItem]) -> str:
        """Return a sentence about a kind whose objects the task would delete without listing one, "" if there is none.

        A wrong path or a broken template would look the same.
        """
        kinds = {item.kind.name: item.kind for item in deleted}
        for name, kind in kinds.items():
            selector = self.selectors[name]
            is_listed = any(
                selector.matches(each)
                for item in batch.items
                if item.kind is kind and not (item.is_unlisted or item.is_absent)
                for each in (item.key, lookup_of(self.view, kind).key_of(item.plan.current or {}))
            )
            if not selector.allow_empty and not is_listed:
                names = [item.key for item in deleted if item.kind is kind]
                which = "" if not selector.names and not selector.exclude else f" that match {selector.option_path}"
                return (
                    f"The task lists no {kind.titles}{which}, so it would delete all of them:"
                    f" {listed(names, _MAX_NAMED)}. List those to keep, or set allow_empty=true in"
                    f" {selector.option_path}."
                )
        return ""

    def _too_many(self, deleted: list[BatchItem]) -> str:
        """Return a sentence if the plan would delete too many objects, otherwise ""."""
        names = listed([item.label for item in deleted], _MAX_NAMED)
        if len(deleted) > self.max_deletions:
            return (
                f"The task would delete {counted(len(deleted), 'object')} that it does not list, more than"
                f" max_deletions={self.max_deletions}: {names}. Check the list, or increase max_deletions."
            )
        for name in {item.kind.name: None for item in deleted} if self.max_percent is not None else ():
            own = [item for item in deleted if item.kind.name == name]
            if len(own) * 100 > self.totals[name] * (self.max_percent or 0):
                return (
                    f"The task would delete {len(own)} of {self.totals[name]} {own[0].kind.titles}, more than"
                    f" max_deletion_percent={self.max_percent}: {listed([item.key for item in own], _MAX_NAMED)}. Check"
                    " the list, or increase max_deletion_percent."
                )
        return ""

    def records(self, batch: Batch) -> list[Row]:
        """Return the records of the objects that a task does not list: see NOT_IN_TREE."""
        items = {(item.kind.name, item.params["id"]): item for item in (*batch.items, *batch.kept) if item.is_unlisted}
        found = sorted(self.found, key=lambda each: (each.kind.name, each.name))
        return [_record(each, items.get((each.kind.name, each.row[each.kind.id_key]))) for each in found]


def _record(unlisted: Unlisted, item: BatchItem | None) -> Row:
    is_deleted = item is not None and item.action == "deleted"
    reason: str | EsperError = unlisted.reason
    if item is not None and not is_deleted:
        reason = item.error or _FAILED
    return {
        "kind": unlisted.kind.name,
        "name": unlisted.name,
        "id": unlisted.row[unlisted.kind.id_key],
        "action": "deleted" if is_deleted else "kept",
        "reason": None if is_deleted else str(reason),
    }


def _selector(path: str, item: Params, kinds: t.Sequence[Kind]) -> Selector:
    """Return an item of the option prune. Raise InvalidParameter if the task cannot delete objects of its kind."""
    kind = next((each for each in kinds if item["kind"] in (each.name, each.tenant_option)), None)
    can_prune = [each.tenant_option for each in kinds if each.can_prune]
    if kind is None or not kind.can_prune:
        raise InvalidParameter(f"{path}: invalid kind '{item['kind']}'. Valid values: {', '.join(can_prune)}.")
    if item["names"] == []:
        raise InvalidParameter(f"{path}: names is empty, so it selects nothing. Set names, or omit the option.")
    return Selector(kind, tuple(item["names"] or ()), tuple(item["exclude"] or ()), item["allow_empty"], path)


OPTIONS = (
    Option(
        "prune",
        (
            "Kinds of objects of which the task deletes those that it does not list. By default, nothing is deleted.",
            "The plan names each of these objects. Deletions come last: blueprints before the apps and content files"
            " that they use, device groups before their parents.",
            "Objects of Esper's own, such as the root of the device groups, are never deleted. Objects in use are kept,"
            " such as device groups with devices, and content files in a blueprint that the task does not list:"
            " RV(not_in_tree) has the reasons. If an object of the task fails, all are kept.",
        ),
        type="list",
        elements="dict",
        options=(
            Option(
                "kind",
                "Kind of the objects: the option of this module with their list, such as V(contents).",
                required=True,
                identifier=True,
            ),
            Option(
                "names",
                (
                    "Names of the objects that the task can delete, as in RV(not_in_tree[].name). V(*) stands for any"
                    " text, V(?) for one character. Case-sensitive. Defaults to all.",
                    "If several teams have objects in one tenant, each team selects its own.",
                ),
                type="list",
                elements="str",
                identifier=True,
            ),
            Option(
                "exclude",
                "Names of objects that the task never deletes, with V(*) and V(?).",
                type="list",
                elements="str",
                identifier=True,
            ),
            Option(
                "allow_empty",
                "If V(true), the task can delete all of these objects. If V(false), it fails if it would delete some of"
                " them without listing another one, because its list can be empty by mistake.",
                type="bool",
                default=False,
            ),
        ),
    ),
    Option(
        "report_unlisted",
        "If V(true), RV(not_in_tree) also has the kinds whose list the task has, even an empty one. The task then reads"
        " all objects of these kinds, usually with one request for each kind. Defaults to V(true) with O(src),"
        " otherwise to V(false).",
        type="bool",
    ),
    Option(
        "max_deletions",
        "Maximum number of objects that O(prune) deletes. If there are more, the task fails before it makes changes.",
        type="int",
        default=MAX_DELETIONS,
    ),
    Option(
        "max_deletion_percent",
        "Maximum percentage of the existing objects of each kind that O(prune) deletes, from 0 to 100. If there are"
        " more, the task fails before it makes changes. There is no limit by default.",
        type="int",
        identifier=True,
    ),
)

NOT_IN_TREE = Value(
    "not_in_tree",
    (
        "Existing objects that the task does not list, of the kinds in O(prune) and O(report_unlisted).",
        "Objects of Esper's own, such as the root of the device groups, are left out.",
    ),
    type="list",
    elements="dict",
    returned="always",
    contains=(
        Value("kind", "Kind of the object, the name of the module that manages it.", sample="content"),
        Value("name", "Name of the object.", sample="old-menu.html"),
        Value("id", "ID of the object.", type="raw", sample=7),
        Value("action", "V(deleted) or V(kept).", sample="kept"),
        Value(
            "reason",
            "Reason why the object is kept. V(null) if it is deleted.",
            sample="The content file 'old-menu.html' (ID 7) is in use by the blueprint 'Menus' (published version)."
            " Remove it from there first, or set force=true.",
        ),
    ),
)
