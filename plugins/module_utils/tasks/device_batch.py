# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of the alias, the device group and the tags of many devices: a plan, its errors, and its requests.

Based on these requests:

- PATCH /enterprise/{enterprise_id}/devicegroup/{id}/?action=add (legacy.yaml), which moves up to 1,000 devices
- PATCH /enterprise/{enterprise_id}/device/{id}/ with `tags`, which is not in the contract, but in Esper's own tool
- the command UPDATE_DEVICE_CONFIG (v0.yaml), which sets aliases

The API has no request that sets the tags or the aliases of several devices.

The contract does not document the following, so this file chooses: an alias is sent at once, and an offline device
receives it when it is online again. While the newest pending command of a device sets the same alias, it is not sent
again. If it sets another alias, the alias of the task is sent, even if the device currently has it. Aliases that
operations set are not taken into account. Tags are compared as sets. Esper may ignore the case of tags, so two tags of
one task cannot differ only in case. A device that is moved to a device group with a blueprint is assigned this
blueprint, and keeps its own in a group without.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass, field

from ..base.errors import Ambiguous, EsperError, InvalidParameter, NotFound
from ..base.ids import is_uuid, last_uuid
from ..base.row import Row
from ..base.text import composed, counted, has_control, listed, look_alike
from ..engine.apply import add_accepted, apply_each, raise_first
from ..engine.batch import Batch, BatchItem
from ..engine.lookup import lookup_of
from ..engine.planner import similar_name_warnings
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device import MINIMAL, as_host
from ..kinds.device_group import DEVICE_GROUP, device_groups
from ..kinds.device_search import find_devices, find_each, label_of, not_found
from ..kinds.group_devices import steps_into
from ..kinds.group_path import join_path, split_path
from ..kinds.tag import TAG
from ..model.conform import to_row
from ..model.plan import Step
from ..model.unknowns import resolve_unknowns
from ..task import RunContext, diff_entry, to_diff
from .command import REQUEST, Command, accepted_commands, accepting, steps_for
from .device_names import group_paths, readable_blueprint_names, tag_names
from .safety import check_device_count
from .statuses import latest_commands

RENAMING = "UPDATE_DEVICE_CONFIG"
"""The command that sets the alias of a device."""

_TAGS_PER_DEVICE = 5
# Maximum number of requests that merge the tags of a task with those of other clients.
_MAX_MERGES = 3
_LEGACY = "/enterprise/{enterprise_id}/device/{id}/"
_ALIAS = "device_alias_name"
# The maximum number of errors in a message. The result contains all.
_SHOWN_ERRORS = 3
# The minimum number of requests for which progress is reported, and the number of reports.
_MANY = 20
_PROGRESS_STEPS = 10
# What only Esper knows after a change of a device, and after a change of its blueprint.
_STALE = ("updated_at",)
_STALE_BLUEPRINT = ("current_blueprint_id", "current_blueprint_version_id", "blueprint_status")
# Errors about one device or device group. Others are about the tenant or the API key, and end the task.
_OWN_ERRORS = (NotFound, Ambiguous, InvalidParameter)

Failures = list[tuple[Step, EsperError]]
_Out = t.TypeVar("_Out")


@dataclass(frozen=True)
class Desired:
    """The desired state of a device. None and empty lists of tags to add or remove are not changed.

    ``group`` is a name, path or ID. ``tags`` are all tags of the device, ``add_tags`` and ``remove_tags`` some of them.
    """

    alias: str | None = None
    group: str | None = None
    tags: t.Sequence[str] | None = None
    add_tags: t.Sequence[str] = ()
    remove_tags: t.Sequence[str] = ()

    @property
    def changes_tags(self) -> bool:
        """True if the tags of the device can change."""
        return self.tags is not None or bool(self.add_tags) or bool(self.remove_tags)

    def checked_tags(self) -> tuple[list[str], list[str]]:
        """Return the tags to set or to add, and those to remove. Raise InvalidParameter if they are invalid."""
        exact, added, removed = (_checked_tags(option, getattr(self, option)) for option in _TAG_OPTIONS)
        if both := sorted(tag for tag in added if tag.casefold() in {other.casefold() for other in removed}):
            raise InvalidParameter(
                f"Invalid add_tags and remove_tags: both contain {', '.join(both)}. List each tag in one of them."
            )
        return added if self.tags is None else exact, removed


_TAG_OPTIONS = ("tags", "add_tags", "remove_tags")


@dataclass(eq=False)
class DeviceTarget:
    """One device of a batch.

    ``row`` is its current state, empty if it was not found. ``option`` is its place in the task, for messages, such as
    "assignments[3]", and ``name`` how the task names it. ``error`` is the reason if it cannot be changed.

    The plan sets ``group`` to the device group after the task, ``tags`` to the names of the tags after it, ``pending``
    to the ID of the command of an earlier task that sets its alias, and the values before and after the change.
    """

    row: Row
    desired: Desired
    option: str = ""
    name: str = ""
    error: EsperError | None = None
    group: Row | None = None
    group_path: str | None = None
    tags: list[str] | None = None
    pending: str = ""
    before: Row = field(default_factory=dict)
    after: Row = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The ID of the device."""
        return str(self.row["id"])

    @property
    def label(self) -> str:
        """The name of the device, or how the task names it."""
        return label_of(self.row) if self.row else self.name

    @property
    def is_moved(self) -> bool:
        """True if the task moves the device."""
        return "group" in self.after

    @property
    def is_renamed(self) -> bool:
        """True if the device has a pending alias after the task."""
        return bool(self.pending) or "alias" in self.after

    @property
    def blueprint_id(self) -> str | None:
        """The ID of the blueprint that is assigned to the device before the task."""
        return last_uuid(to_row(self.row.get("blueprint_info")).get("assigned_blueprint_id"))

    @property
    def blueprint_id_after(self) -> str | None:
        """The ID of the blueprint that is assigned to the device after the task."""
        moved_to = self.group if self.is_moved else None
        return (last_uuid(moved_to.get("blueprint")) if moved_to else None) or self.blueprint_id

    def change(self, name: str, before: t.Any, after: t.Any) -> None:
        """Plan the change of a value."""
        self.before[name], self.after[name] = before, after

    def failure(self) -> Row:
        """Return the error in the form of the result."""
        return {
            "option": self.option or None,
            "id": self.row.get("id"),
            "name": self.label,
            "reason": str(self.error),
        }


class DeviceBatch:
    """The changes of many devices. Call plan(), then check(), then apply(), unless the task is in check mode.

    A device that cannot be changed gets an error and is left out. All errors are in ``failed``. ``warnings`` are for
    the user. ``commands`` are the IDs of the commands that set aliases, by the IDs of the devices, also those of
    earlier tasks.
    """

    def __init__(self, view: TenantView, targets: t.Sequence[DeviceTarget], *, creates_groups: bool = False) -> None:
        self.view = view
        self.targets = list(targets)
        self.creates_groups = creates_groups
        self._new_groups = Batch(view, [])
        self.warnings: list[str] = []
        self.commands: dict[str, str] = {}
        self._tag_ids: dict[str, str] = {}
        self._blueprints: dict[str, str | None] = {}

    @classmethod
    def find(cls, view: TenantView, targets: t.Sequence[DeviceTarget], *, creates_groups: bool = False) -> DeviceBatch:
        """Return the batch of devices that are yet to be found by ``name``, which can be a name, an alias, a serial
        number or an ID. This takes few requests for all of them. Devices that have an error keep it."""
        found = find_each(view, [target.name for target in targets if target.name])
        # Suggestions take requests, so only the errors that the message shows have them.
        missing = [name for name, row in found.items() if row is None][:_SHOWN_ERRORS]
        errors = {name: not_found(view, name) for name in missing}
        for target in targets:
            row = found.get(target.name.strip())
            if isinstance(row, Ambiguous):
                target.error = target.error or row
            elif row is not None:
                target.row = row
            elif not target.name:
                target.error = target.error or InvalidParameter("The device is empty. Set a name, serial number or ID.")
            else:
                target.error = target.error or errors.get(target.name.strip()) or NotFound("device", target.name)
        return cls(view, targets, creates_groups=creates_groups)

    # --- state --------------------------------------------------------------------------------------------------------

    @property
    def valid(self) -> list[DeviceTarget]:
        """The devices without an error."""
        return [target for target in self.targets if target.error is None]

    @property
    def failed(self) -> list[DeviceTarget]:
        """The devices with an error."""
        return [target for target in self.targets if target.error is not None]

    @property
    def changed(self) -> list[DeviceTarget]:
        """The devices without an error that the task changes."""
        return [target for target in self.valid if target.after]

    @property
    def aliases(self) -> dict[str, str]:
        """The desired aliases of the devices without an error, by their IDs."""
        return {target.id: target.desired.alias for target in self.valid if target.desired.alias is not None}

    @property
    def created_groups(self) -> list[str]:
        """The paths of the device groups that the task creates."""
        return [item.option_path for item in self._new_groups.items if item.error is None]

    def diff(self) -> list[Row]:
        """Return the values of the changed devices, and of the device groups that the task creates, before and after
        the change, in the form of Ansible's diff."""
        groups = [change for item in self._new_groups.items if item.error is None for change in item.changes]
        return to_diff(groups) + [
            diff_entry(f"device {target.label}", target.before, target.after) for target in self.changed
        ]

    def failure_message(self, effect: str = "") -> str:
        """Return the message of a failed task. An error about several devices is listed once. ``effect`` is the end of
        the first sentence."""
        errors = list(dict.fromkeys(self._described(target) for target in self.failed))
        hidden = len(errors) - _SHOWN_ERRORS
        more = f" See rejected_devices for {counted(hidden, 'more error')}." if hidden > 0 else ""
        shown = " ".join(errors[:_SHOWN_ERRORS])
        return f"{len(self.failed)} of {counted(len(self.targets))} failed{effect}. {shown}{more}"

    def _described(self, target: DeviceTarget) -> str:
        same = [other.option for other in self.failed if str(other.error) == str(target.error)]
        options = listed([option for option in same if option])
        return f"{options}: {target.error}" if options else str(target.error)

    # --- plan ---------------------------------------------------------------------------------------------------------

    def plan(self) -> None:
        """Plan all changes. Sends GET requests only. Raise what Client.request() raises."""
        self._check_duplicates()
        self._plan_tags()
        self._plan_aliases()
        self._plan_groups()
        self._plan_blueprints()

    def check(self, max_devices: int | None) -> None:
        """Raise InvalidParameter if the plan changes more devices than allowed."""
        names = [target.label for target in self.changed]
        check_device_count(max_devices, "Changing", len(names), names)

    def raise_errors(self) -> None:
        """Raise the error of the plan if devices cannot be changed."""
        errors = list({str(target.error): target.error for target in self.failed}.values())
        if len(errors) == 1 and errors[0] is not None:
            raise errors[0]
        if errors:
            raise InvalidParameter(self.failure_message(", so nothing was changed"))

    def _check_duplicates(self) -> None:
        targets: dict[str, list[DeviceTarget]] = {}
        for target in self.valid:
            targets.setdefault(target.id, []).append(target)
        for same in targets.values():
            if len(same) > 1:
                names = " and ".join(
                    f"'{name}'" for name in dict.fromkeys(target.name or target.label for target in same)
                )
                error = InvalidParameter(
                    f"The device '{same[0].label}' is listed {len(same)} times, as {names}. List it once."
                )
                for target in same:
                    target.error = error

    def _plan_groups(self) -> None:
        targets = [target for target in self.valid if target.desired.group is not None]
        references = dict.fromkeys(str(target.desired.group) for target in targets)
        lookup = lookup_of(self.view, DEVICE_GROUP)
        lookup.prefetch(references)
        groups = {reference: _result_of(functools.partial(lookup.resolve, reference)) for reference in references}
        missing = [name for name, group in groups.items() if isinstance(group, NotFound) and not is_uuid(name)]
        if self.creates_groups and missing:
            groups |= self._plan_new_groups(missing)
        for target in targets:
            group = groups[str(target.desired.group)]
            if isinstance(group, EsperError):
                target.error = group
                continue
            target.group = group
            target.group_path = device_groups(self.view).path_of(group)
            if target.row.get("group_id") != group["id"]:
                target.change("group", target.row.get("group_id"), target.group_path)
        moved = [target for target in targets if target.is_moved]
        paths = group_paths(self.view, (target.before["group"] for target in moved))
        for target in moved:
            target.before["group"] = paths.get(str(target.before["group"]).lower(), target.before["group"])

    def _plan_new_groups(self, references: list[str]) -> dict[str, Row | EsperError]:
        """Plan the device groups that do not exist, and return them, or the errors, by the texts of the task."""
        paths = {reference: join_path(split_path(reference)) for reference in references}
        params = {**dict.fromkeys(DEVICE_GROUP.options), "state": "present", "create_parents": True}
        items = {path: BatchItem(DEVICE_GROUP, path, {**params, "path": path}) for path in paths.values()}
        self._new_groups = Batch(self.view, list(items.values()))
        self._new_groups.assign_keys()
        self._new_groups.plan_all(continue_on_error=True)
        self.warnings += [
            warning for item in self._new_groups.items if item.error is None for warning in item.plan.warnings
        ]
        groups: dict[str, Row | EsperError] = {}
        for reference, path in paths.items():
            row = items[path].error or device_groups(self.view).find_at(split_path(path))
            groups[reference] = NotFound(DEVICE_GROUP.title, reference) if row is None else row
        return groups

    def _create_groups(self, *, stops: bool) -> None:
        """Create the planned device groups. Raise the first error, or give it to the devices of the group."""
        self._new_groups.apply_all(on_progress=lambda _count, _total: None)
        errors = {item.option_path: item.error for item in self._new_groups.failed if item.error is not None}
        for error in errors.values() if stops else ():
            add_accepted(self.view, error)
            raise error
        for target in self.valid:
            target.error = errors.get(target.group_path or "")

    def _plan_blueprints(self) -> None:
        """Plan the blueprints of moved devices, and warn about those that change."""
        moved = [target for target in self.changed if target.is_moved]
        ids = [id_ for target in moved for id_ in (target.blueprint_id, target.blueprint_id_after)]
        self._blueprints = names = readable_blueprint_names(self.view, ids)
        assigned: dict[tuple[str, str], int] = {}
        for target in moved:
            old, new = target.blueprint_id, target.blueprint_id_after
            target.change("blueprint", names.get(old or "") or old, names.get(new or "") or new)
            if old != new:
                key = (str(target.group_path), str(target.after["blueprint"]))
                assigned[key] = assigned.get(key, 0) + 1
        self.warnings += [
            f"Moving {counted(count)} to '{path}' also assigns the blueprint of this device group, '{blueprint}'. Esper"
            " converges the devices to it by itself."
            for (path, blueprint), count in assigned.items()
        ]

    def _plan_tags(self) -> None:
        targets = [target for target in self.valid if target.desired.changes_tags]
        for target in targets:
            checked = _result_of(target.desired.checked_tags)
            target.error = checked if isinstance(checked, EsperError) else _unreadable_tags(target)
        targets = [target for target in targets if target.error is None]
        if not targets:
            return
        names = tag_names(self.view)
        self._tag_ids = {name: id_ for id_, name in names.items()}
        new: set[str] = set()
        for target in targets:
            current = [names.get(tag_id, tag_id) for tag_id in target.row.get("tags") or ()]
            target.tags = _merged_tags(current, target.desired)
            if set(target.tags) == set(current):
                target.tags = current
            elif error := _nameless_tags(target) or _result_of(functools.partial(_check_number_of_tags, target)):
                target.error = error
            else:
                new |= {*target.tags} - {*current, *names.values()}
                target.change("tags", current, target.tags)
        for tag in sorted(new):
            similar = [name for name in names.values() if look_alike(composed(name), tag)]
            for warning in similar_name_warnings(TAG.title, tag, similar):
                self.view.warn(warning)

    def _plan_aliases(self) -> None:
        """Plan the changes of aliases.

        The devices were read before the commands. A device that has executed a command since then is read again.
        """
        self._check_aliases()
        aliases = self.aliases
        latest = latest_commands(self.view, RENAMING, list(aliases), lambda args: isinstance(args.get(_ALIAS), str))
        completed = {id_: command.args[_ALIAS] for id_, command in latest.items() if not command.is_pending}
        outdated = [
            target
            for target in self.valid
            if target.id in aliases and completed.get(target.id) not in (None, target.row.get("alias") or "")
        ]
        current = find_devices(self.view, [target.id for target in outdated]) if outdated else {}
        for target in self.valid:
            if target.id not in aliases:
                continue
            target.row = current.get(target.id) or target.row
            command = latest.get(target.id)
            is_pending = command is not None and command.is_pending
            last = command.args[_ALIAS] if command is not None and is_pending else target.row.get("alias") or ""
            if last != aliases[target.id]:
                target.change("alias", last or None, aliases[target.id])
            elif command is not None and is_pending:
                target.pending = command.id

    def _check_aliases(self) -> None:
        """Give an error to devices that would have the same alias, if at least one of them is new."""
        owners: dict[str, list[DeviceTarget]] = {}
        for target in self.valid:
            alias = target.desired.alias
            alias = (target.row.get("alias") or "" if alias is None else alias).strip()
            if target.desired.alias is not None and has_control(alias):
                target.error = InvalidParameter(f"Invalid alias: {alias!r} contains a control character.")
            elif alias:
                owners.setdefault(alias, []).append(target)
        for alias, same in owners.items():
            new = [target for target in same if target.desired.alias is not None]
            if len(same) > 1 and new:
                labels = [f"'{target.label}'" for target in same]
                names = " and ".join(labels) if len(same) == 2 else listed(labels)
                both = "both" if len(same) == 2 else "all"
                for target in new:
                    target.error = InvalidParameter(
                        f"Invalid aliases: the devices {names} would {both} have the alias '{alias}'."
                    )

    # --- requests -----------------------------------------------------------------------------------------------------

    def apply(self, context: RunContext, *, stops: bool = True) -> None:
        """Send all changes: moves, tags, aliases.

        With ``stops``, no further request starts after a failure, and its error is raised. Otherwise, devices whose
        requests failed get the error.
        """
        self.commands = {target.id: target.pending for target in self.valid if target.pending}
        if self._new_groups.items:
            self._create_groups(stops=stops)
        moves = self._move_steps()
        tagged = [target for target in self.changed if "tags" in target.after]
        renamed = [target for target in self.changed if "alias" in target.after]
        alias_steps = {step: target for target in renamed for step in self._alias_steps(target)}
        report = functools.partial(_reporter, context)
        with accepting(context.effects, f"The command {RENAMING}", list(alias_steps)):
            failures: Failures = []
            if moves:
                failures += self._record(moves, apply_each(self.view, DEVICE_GROUP, moves, stops=stops))
            steps: list[Step] = [*moves]
            if tagged and not (stops and failures):
                tag_steps: dict[Step, list[DeviceTarget]] = {}
                failed = self._apply_tags(tagged, tag_steps, stops=stops, on_progress=report("Set the tags of"))
                failures += self._record(tag_steps, failed)
                steps += tag_steps
            if alias_steps and not (stops and failures):
                owners = {step: [target] for step, target in alias_steps.items()}
                sent = apply_each(self.view, REQUEST, owners, stops=stops, on_progress=report("Sent the aliases of"))
                failures += self._record(owners, sent)
            if failures and stops:
                self._raise(failures, is_complete=self._is_complete(failures, [*moves, *steps, *alias_steps], tagged))
        self.commands |= {command.devices[0]: command.id for command in accepted_commands(alias_steps)}

    def _is_complete(self, failures: Failures, steps: t.Iterable[Step], tagged: list[DeviceTarget]) -> bool:
        """Return whether all requests were sent, so that nothing but the failures is left."""
        failed = {step for step, _error in failures}
        sent = {step.ids.get("id") for step in steps if step.path == _LEGACY}
        return all(step.done or step in failed for step in steps) and all(target.id in sent for target in tagged)

    def _raise(self, failures: Failures, *, is_complete: bool) -> t.NoReturn:
        if is_complete:
            raise_first(failures)
        error = failures[0][1]
        if len(failures) > 1:
            error.args = (f"{error} {counted(len(failures) - 1, 'more request')} failed.",)
        add_accepted(self.view, error)
        raise error

    @staticmethod
    def _record(owners: t.Mapping[Step, list[DeviceTarget]], failures: Failures) -> Failures:
        """Give the devices of failed requests the error."""
        for step, error in failures:
            for target in owners[step]:
                target.error = target.error or error
        return failures

    def _move_steps(self) -> dict[Step, list[DeviceTarget]]:
        """Return the requests that move devices, with the devices of each."""
        groups: dict[t.Any, list[DeviceTarget]] = {}
        for target in self.changed:
            if target.is_moved and target.group is not None:
                groups.setdefault(target.group["id"], []).append(target)
        steps: dict[Step, list[DeviceTarget]] = {}
        for group_id, targets in groups.items():
            by_id = {target.id: target for target in targets}
            for step in steps_into(group_id, list(by_id), f"Moving devices to '{targets[0].group_path}'"):
                steps[step] = [by_id[id_] for id_ in step.body["device_ids"]]
        return steps

    def _alias_steps(self, target: DeviceTarget) -> list[Step]:
        """Return the commands that send a device its alias."""
        command = Command(RENAMING, {_ALIAS: target.after["alias"]}, alias="Ansible alias")
        return steps_for(self.view, command, [target.id], f"Setting the alias of the device '{target.label}'")

    def _apply_tags(
        self,
        targets: list[DeviceTarget],
        owners: dict[Step, list[DeviceTarget]],
        *,
        stops: bool,
        on_progress: t.Callable[[int, int], None],
    ) -> Failures:
        """Set the tags of devices, and return the failed requests. Add all requests to ``owners``.

        Each request replaces all tags of a device. If the task keeps the other tags, each device is then read again. If
        another client replaced the tags of the task at the same time, they are set again, together with those of the
        other client. Nobody can find tags that another client set after the task read the device and before its
        request.
        """
        failures: Failures = []
        waiting = targets
        for attempt in range(_MAX_MERGES + 1):
            steps = {target.id: _tag_step(target) for target in waiting}
            owners.update((steps[target.id], [target]) for target in waiting)
            failed = apply_each(self.view, TAG, steps.values(), stops=stops, on_progress=on_progress)
            failures += failed
            checks = [
                _Check(target, steps[target.id])
                for target in waiting
                if target.desired.tags is None and steps[target.id].done
            ]
            find_lost = functools.partial(_find_lost_tags, self.view)
            for _check in in_parallel(self.view.client, find_lost, checks, CONCURRENCY):
                pass
            self.warnings += [
                f"The tags of the device '{check.target.label}' are set, but another client can have changed them"
                f" at the same time. {check.error}"
                for check in checks
                if check.error
            ]
            waiting = [check.target for check in checks if check.is_lost]
            if not waiting:
                return failures
            self.warnings += [
                f"Another client changed the tags of the device '{target.label}' at the same time."
                " The module merged both changes."
                for target in waiting
                if attempt < _MAX_MERGES
            ]
        return failures + [
            (
                steps[target.id],
                EsperError(f"Other clients change the tags of the device '{target.label}' again and again."),
            )
            for target in waiting
        ]

    # --- result -------------------------------------------------------------------------------------------------------

    def read_again(self) -> None:
        """Read the changed devices again, for a result with values that only Esper knows."""
        changed = self.changed
        found = find_each(self.view, [target.id for target in changed])
        for target in changed:
            row = found.get(target.id)
            if isinstance(row, dict):
                # The list of devices can be older than the change.
                target.row = {**row, "alias": target.row.get("alias")}

    def moves(self) -> list[Row]:
        """Return the moved devices without an error, with their device groups and blueprints before and after."""
        return [
            {
                "id": target.id,
                "name": target.label,
                **{f"{name}_before": target.before[name] for name in ("group", "blueprint")},
                **{f"{name}_after": target.after[name] for name in ("group", "blueprint")},
            }
            for target in self.changed
            if target.is_moved
        ]

    def records(self, level: str = MINIMAL, *, is_current: bool = False) -> list[Row]:
        """Return the devices without an error after the task, without values that are not known. ``is_current`` says
        whether the changed devices were read again."""
        return [self._to_record(target, level, is_current=is_current) for target in self.valid]

    def _to_record(self, target: DeviceTarget, level: str, *, is_current: bool) -> Row:
        record = as_host(target.row, level)
        stale: list[str] = []
        if target.after and not is_current:
            stale += _STALE
            if target.blueprint_id != target.blueprint_id_after:
                stale += _STALE_BLUEPRINT
        if target.is_moved and target.group is not None:
            record["group_id"] = resolve_unknowns(target.group["id"])
            stale += ["group_id"] if record["group_id"] is None else []
            record["blueprint_id"] = id_ = target.blueprint_id if is_current else target.blueprint_id_after
            record["blueprint"] = self._blueprints.get(id_ or "") or id_
        if "tags" in target.after and not is_current:
            ids = [self._tag_ids.get(tag) for tag in target.tags or ()]
            record["tag_ids"] = ids
            # The ID of a new tag is not known.
            stale += ["tag_ids"] if None in ids else []
        if target.group_path is not None:
            record["group"] = target.group_path
        if target.tags is not None:
            record["tags"] = target.tags
        return {key: value for key, value in record.items() if key not in stale}


def _reporter(context: RunContext, text: str) -> t.Callable[[int, int], None]:
    """Return a function that reports the number of complete requests, once for each tenth of many."""

    def report(count: int, total: int) -> None:
        tenth, previous = (number * _PROGRESS_STEPS // total for number in (count, count - 1))
        if total >= _MANY and tenth > previous:
            context.progress(f"{text} {count} of {counted(total)}")

    return report


def _result_of(call: t.Callable[[], _Out]) -> _Out | EsperError:
    """Return the result of a function, or its error if it is about one device or device group."""
    try:
        return call()
    except _OWN_ERRORS as error:
        return error


@dataclass
class _Check:
    """The check whether another client replaced the tags that a step has set."""

    target: DeviceTarget
    step: Step
    is_lost: bool = False
    error: EsperError | None = None


def _find_lost_tags(view: TenantView, check: _Check) -> None:
    """Read a device again. If the tags of the task are lost, plan them in addition to the current tags."""
    target = check.target
    try:
        row = view.client.get_object(
            _LEGACY, ids={"id": target.id}, purpose=f"Reading the tags of the device '{target.label}' again"
        )
        current = _tags_in(row)
        if not _are_readable(row.get("tags")):
            raise EsperError("Esper returned an unexpected type for its tags.")
        if current == _tags_in(check.step.response or {}):
            return
        tags = _merged_tags(current, target.desired)
        if set(tags) != set(current):
            if set(current) == set(target.before["tags"]):
                raise EsperError("Esper returned the tags from before the task.")
            target.tags, check.is_lost = tags, True
            _check_number_of_tags(target)
    except EsperError as error:
        check.is_lost, check.error = False, error


def _tags_in(row: Row) -> list[str]:
    """Return the names of the tags of a device in the legacy family, without values of an unexpected type."""
    tags = row.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _tag_step(target: DeviceTarget) -> Step:
    return Step(
        purpose=f"Setting the tags of the device '{target.label}'",
        method="PATCH",
        path=_LEGACY,
        ids={"id": target.id},
        body={"tags": target.tags},
    )


def _are_readable(tags: t.Any) -> bool:
    return tags is None or (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags))


def _unreadable_tags(target: DeviceTarget) -> EsperError | None:
    """Return an error if the tags of a device have an unexpected type, because a request replaces all of them."""
    if _are_readable(target.row.get("tags")):
        return None
    return EsperError(
        f"The device '{target.label}' is not changed, because Esper returned an unexpected type for its tags."
    )


def _nameless_tags(target: DeviceTarget) -> EsperError | None:
    """Return an error if the request would have the ID of a tag, from which Esper would create a tag of that name."""
    unnamed = sorted(tag for tag in {*(target.tags or ())} & {*(target.row.get("tags") or ())} if is_uuid(tag))
    if not unnamed:
        return None
    return EsperError(
        f"The device '{target.label}' is not changed, because Esper did not return the names of its tags"
        f" {', '.join(unnamed)}, which a request replaces. Correct them in Esper, or set all tags of the device with"
        " the option tags."
    )


def _check_number_of_tags(target: DeviceTarget) -> None:
    """Raise InvalidParameter if a device would have too many tags."""
    tags = target.tags or []
    if len(tags) > _TAGS_PER_DEVICE:
        raise InvalidParameter(
            f"The device '{target.label}' would have {len(tags)} tags ({', '.join(tags)}). The maximum is"
            f" {_TAGS_PER_DEVICE}. Remove some of them."
        )


def _merged_tags(current: list[str], desired: Desired) -> list[str]:
    """Return the tags of a device after the task. Tags that the device has keep their Unicode form."""
    own = {composed(tag): tag for tag in current}
    wanted, removed = desired.checked_tags()
    tags = dict.fromkeys([*own, *wanted] if desired.tags is None else wanted)
    return [own.get(tag, tag) for tag in tags if tag not in removed]


def _checked_tags(option: str, tags: t.Sequence[str] | None) -> list[str]:
    """Return the tags of an option in composed Unicode form, without duplicates.

    Raise InvalidParameter if a tag is empty, or if two tags differ only in case.
    """
    checked: dict[str, str] = {}
    for tag in (composed(str(value)).strip() for value in tags or ()):
        if not tag:
            raise InvalidParameter(f"Invalid {option}: a tag is empty.")
        other = checked.setdefault(tag.casefold(), tag)
        if other != tag:
            raise InvalidParameter(f"Invalid {option}: '{other}' and '{tag}' differ only in case. List one of them.")
    return list(checked.values())
