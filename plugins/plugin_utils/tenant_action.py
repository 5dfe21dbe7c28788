# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base class of the action plugin of the module tenant. It reads the trees of the option ``src``, because only the
controller has their files, the variables of their templates, and the passwords of Ansible Vault."""

from __future__ import annotations

import itertools
import os
import typing as t
from collections.abc import Iterator
from pathlib import Path

from ansible import template
from ansible.errors import AnsibleError
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Shape
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import Option
from ansible_collections.esper.cloud.plugins.module_utils.model.values import without_omit
from ansible_collections.esper.cloud.plugins.module_utils.tree.deviations import ACCEPTED_DEVIATIONS
from ansible_collections.esper.cloud.plugins.module_utils.tree.documents import Evaluation
from ansible_collections.esper.cloud.plugins.module_utils.tree.reader import Root, Tree, read_trees
from ansible_collections.esper.cloud.plugins.plugin_utils.task_action import Preparation, TaskAction, plain
from jinja2 import Undefined
from jinja2.exceptions import UndefinedError

_SRC = "src"
# Since version 2.19, ansible-core only renders texts that are marked.
_trusted: t.Callable[[str], str] = getattr(template, "trust_as_template", str)


class TenantAction(TaskAction):
    """See TaskAction."""

    def _prepare(self) -> Preparation:
        args = dict(self._task.args)
        if _SRC not in args:
            # Ansible runs a task again with the arguments of the first run, if it has the keyword until.
            return self._preparation
        roots = [self._root(path) for path in _paths(args.pop(_SRC))]
        kinds = self.definition.items
        deviations = next(each for each in self.definition.module.options if each.name == ACCEPTED_DEVIATIONS)
        tree = read_trees(roots, kinds, t.cast(Option, deviations), self._evaluation())
        shown = {_SRC: [root.shown for root in roots], **{option: args.get(option) for option in tree.lists}}
        for option, value in tree.lists.items():
            args[option] = self._joined(option, value, args.get(option))
        if tree.accepted_deviations:
            shown[ACCEPTED_DEVIATIONS] = args.get(ACCEPTED_DEVIATIONS)
            args[ACCEPTED_DEVIATIONS] = self._joined(
                ACCEPTED_DEVIATIONS, tree.accepted_deviations, args.get(ACCEPTED_DEVIATIONS)
            )
        # A tree describes all objects of its kinds, so what it lacks is part of the plan.
        args.setdefault("report_unlisted", True)
        self._task.args = args
        return Preparation(tree.positions(kinds), tree.secrets, _warnings(tree, roots), plain(shown))

    def _evaluation(self) -> Evaluation:
        return Evaluation(_renderer(self._templar), self._decrypted)

    def _root(self, path: str) -> Root:
        shown = path.rstrip("/") or path
        expanded = Path(os.path.expandvars(shown)).expanduser()
        found = expanded if expanded.is_absolute() else Path(self._find_file(str(expanded), is_optional=False))
        if not found.is_dir():
            raise InvalidParameter(f"'{shown}' is not a directory. Set src to directories with the files of objects.")
        return Root(found, shown)

    def _joined(self, option: str, own: t.Any, others: t.Any) -> t.Any:
        """Return the objects of a tree, followed by those that the task lists."""
        if others is None:
            return own
        kind = self.definition.items.get(option)
        if kind is not None and kind.shape is Shape.SINGLETON:
            raise InvalidParameter(f"The option {option} is set in the task and in a file of src. Remove one of them.")
        if not isinstance(others, (list, tuple)):
            raise InvalidParameter(f"The option {option} must be a list, because src has the same option.")
        return [*own, *others]

    def _decrypted(self, text: str) -> str:
        try:
            # The only place that has the passwords in all versions of ansible-core.
            return t.cast(bytes, self._loader._vault.decrypt(text.strip().encode())).decode()
        except (AnsibleError, UnicodeDecodeError) as error:
            raise InvalidParameter(f"Ansible Vault cannot decrypt the value: {_reason(error)}") from None


def _paths(value: t.Any) -> list[str]:
    paths = [path.strip() for path in value.split(",")] if isinstance(value, str) else value
    if not isinstance(paths, (list, tuple)) or not all(isinstance(path, str) and path.strip() for path in paths):
        raise InvalidParameter("The option src must be a list of directories.")
    if not paths:
        # With prune, a task without objects would delete them.
        raise InvalidParameter("The option src is empty. Set a directory, or omit it.")
    return [str(path) for path in paths]


def _warnings(tree: Tree, roots: list[Root]) -> list[str]:
    warnings = []
    if not any(tree.lists.values()):
        warnings.append(f"There are no objects in {' and '.join(root.shown for root in roots)}.")
    if tree.unset:
        warnings.append(
            f"These variables are not set, so the secrets that they contain are not managed: {', '.join(tree.unset)}."
        )
    return warnings


def _reason(error: Exception) -> str:
    """Return the first line of an error. Before version 2.19, ansible-core repeats the sentences of some errors."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{'. '.join(dict.fromkeys(lines[0].rstrip('. ').split('. ')))}."


# --- templates --------------------------------------------------------------------------------------------------------


def _renderer(templar: t.Any) -> t.Callable[[str], list[t.Any]]:
    """Return the function that renders templates. Values of variables keep their types."""
    templar = _with_types(templar)

    def render(text: str) -> list[t.Any]:
        try:
            # Ansible removes an omitted value from a list.
            return t.cast("list[t.Any]", without_omit(plain(templar.template([_trusted(text)]))))
        except (AnsibleError, UndefinedError) as error:
            raise InvalidParameter(f"The template cannot be rendered: {_reason(error)}") from None

    return render


def _with_types(templar: t.Any) -> t.Any:
    """Return a templar whose results have the types of the variables, which all have since ansible-core 2.19."""
    native = getattr(template, "AnsibleNativeEnvironment", None)
    if native is None or hasattr(template, "trust_as_template"):
        return templar
    typed = templar.copy_with_new_env(environment_class=type("_Typed", (native,), {"concat": staticmethod(_concat)}))
    typed.jinja2_native = True
    # It would change null to an empty text.
    typed.environment.finalize = None
    return typed


def _concat(nodes: t.Iterable[t.Any]) -> t.Any:
    """Return the only part of a template, or the text of all parts.

    The function of ansible-core also changes texts that look like numbers, such as a PIN or a version.
    """
    iterator = iter(nodes)
    first = list(itertools.islice(iterator, 2))
    if len(first) != 1:
        return "".join(str(node) for node in itertools.chain(first, iterator))
    value = first[0]
    if isinstance(value, Undefined):
        # Only its text raises the error.
        return str(value)
    return list(value) if isinstance(value, Iterator) else value
