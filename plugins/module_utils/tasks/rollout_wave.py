# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that brings one wave of a rollout to its devices, or restores the earlier version on them.

Based on the commands and devices of rollout_window.py and rollout_readings.py, and on /v2/blueprints/ (v2.yaml): a
device that converges gets the latest published version of its blueprint. So the module stops if somebody has published
another version.

Choices where the contract is silent:

- Devices that were commanded, but did not converge, get no second command from a later wave. The next run after a
  failed wave tries them again.
- Going back does not wait for a window, because devices with a bad version are worse than a converge by day.
- A converge command for the new version that is still pending brings a device to the restored version after that is
  published.
"""

from __future__ import annotations

import contextlib
import functools
import typing as t
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..base.errors import EsperError, InvalidParameter
from ..base.limits import LONGEST_TIME
from ..base.row import Params, Row
from ..base.text import counted, listed
from ..base.times import format_utc, now, parse_time
from ..engine.tenant_view import TenantView
from ..http.responses import sentence
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..rollout.calendar import Calendar, start_of, zone_of
from ..rollout.gates import Health, Reading, failure_text, has_passed, judge
from ..rollout.state import StateStore, check_same, is_over, record_failed, record_unreached, set_status, wave_state
from ..rollout.waves import Division, Wave
from ..task import ModuleDefinition, ModuleResult, RunContext
from .blueprint_versions import PublishedVersions, current_version
from .commanded import commanded, commanded_value
from .rollout_readings import Fleet, Readings, app_of_gate
from .rollout_window import Converge, Record, SlidingWindow, progress_of
from .rollouts import (
    ROLLOUT_OPTIONS,
    ROLLOUT_RULES,
    Definition,
    Targets,
    definition_of,
    divide_targets,
    limits_of,
    read_blueprints,
    read_targets,
    store_of,
    tenant_of,
)
from .statuses import latest_statuses

# The longest time between two renewals of the lease, as a part of it.
_PART_OF_LEASE = 4
# The number of readings during a soak, and the limits of the pauses between them in seconds.
_SOAK_READINGS = 10
_SHORTEST_SOAK_PAUSE = 60.0
_LONGEST_SOAK_PAUSE = 900.0

_COUNTS = (
    ("done", "Number of devices whose command succeeded.", 41),
    ("failed", "Number of devices whose command failed, timed out or was canceled.", 1),
    ("waiting", "Number of online devices without a result, or without a command.", 0),
    ("offline", "Number of offline devices. They converge when they return.", 4),
    ("late", "Number of those devices that belong to earlier waves, for example because they enrolled later.", 2),
)

MODULE = ModuleSpec(
    short_description="Converge the devices of one wave of a rollout",
    description=(
        "Converges the outdated devices of a wave, waits for them, and compares readings of their health with the gates"
        " in O(health). If O(waves[].soak) is set, the module waits, and compares them again.",
        "At most O(waves[].concurrency) online devices converge at the same time. Offline devices receive the command"
        " too, but the module does not wait for them.",
        "Devices of earlier waves that have not received a command, for example because they enrolled later, converge"
        " with this wave.",
        "If the task is interrupted, run it again. It continues with the wave, and sends no command twice.",
        "The blueprints must have the version of the rollout already. M(esper.cloud.rollout_plan) records it. The role"
        " C(esper.cloud.rollout) runs both modules.",
        "If somebody has published another version of a blueprint, the module fails and converges no device.",
    ),
    options=(
        *ROLLOUT_OPTIONS,
        Option("wave", "Name of the wave. Required if O(direction=forward).", identifier=True),
        Option(
            "direction",
            "V(forward) converges the devices of O(wave) to the version of the rollout. V(back) converges all devices"
            " that received this version to the restored one, without windows and gates.",
            choices=("forward", "back"),
            default="forward",
        ),
        Option(
            "wave_timeout",
            "Maximum time in seconds to wait for the online devices of a wave, even if O(deadline) is shorter. Closed"
            f" windows and O(waves[].soak) do not count. At most V({LONGEST_TIME}), a week.",
            type="float",
            default=3600.0,
        ),
        Option(
            "pauses",
            "V(wait) waits for O(waves[].not_before), windows and the end of O(waves[].soak). V(end) ends the task"
            " instead, with RV(outcome=paused). Run it again to continue.",
            choices=("wait", "end"),
            default="wait",
        ),
        Option(
            "hold",
            "If V(true), the wave does not pass when its gates pass, so other checks can follow. A second task with"
            " V(false) passes it.",
            type="bool",
            default=False,
        ),
        Option(
            "failure",
            "Reason why another check of the wave failed. The module records it, and sends no request.",
        ),
        Option(
            "release",
            "If V(true), the next run need not wait, because this task is the last one of the run. The module releases"
            " the rollout anyway if it is paused, failed, completed or reverted.",
            type="bool",
            default=False,
        ),
        Option(
            "continue_on_failure",
            "If V(true), the rollout can go on with the next wave if this one fails. The task fails anyway.",
            type="bool",
            default=False,
        ),
    ),
    rules={
        **ROLLOUT_RULES,
        "required_if": [("direction", "forward", ("wave",))],
    },
    returns=(
        Value(
            "outcome",
            (
                "State of the wave after the task.",
                "V(passed) if all gates passed. V(held) if they passed, and O(hold=true). V(paused) with"
                " O(pauses=end), if the module would have to wait. V(failed) if a gate failed. V(reverted) with"
                " O(direction=back). V(planned) in check mode.",
            ),
            sample="passed",
        ),
        Value(
            "cause",
            "Cause of the failure. V(gate) if a gate failed, or O(failure) is set. V(version) if a blueprint has"
            " another published version. Null otherwise.",
            sample=None,
        ),
        Value("until", "Time until which a paused wave has to wait. Null otherwise.", sample=None),
        Value(
            "counts",
            "Number of devices that were outdated at the start of the task, by progress.",
            type="dict",
            contains=tuple(Value(name, doc, type="int", sample=sample) for name, doc, sample in _COUNTS),
        ),
        commanded_value(
            "Devices to which this task sent a command. It does not include those that received one in an earlier run.",
        ),
        Value(
            "gates",
            "Gates of the wave with their readings.",
            type="list",
            elements="dict",
            contains=(
                Value("gate", "Name of the gate.", sample="converged_percent"),
                Value("before", "Percentage before the wave. Null if it is not known.", type="float", sample=None),
                Value("after", "Percentage after the wave.", type="float", sample=97.6),
                Value("limit", "Limit of the gate.", type="float", sample=95.0),
                Value("passed", "Whether the gate passed.", type="bool", sample=True),
                Value("text", "The same as a sentence.", sample="97.6 % of the online devices converged."),
            ),
        ),
        Value(
            "failed_devices",
            "Devices whose command failed, with O(direction=back) also those that were not reached.",
            type="list",
            elements="dict",
            contains=(
                Value("id", "ID of the device.", sample="e2425d4b-c266-41b4-a83e-490189fc9a0f"),
                Value("name", "Name of the device.", sample="OUW-MDJ-00001"),
                Value("reason", "Reason that the device or Esper reports.", sample="The battery is low"),
            ),
        ),
        Value("rollout", "State of the rollout, as in RV(esper.cloud.rollout_plan#module:rollout).", type="dict"),
    ),
    check_mode=Support("full", "Sends no command, and returns the number of devices that the wave would converge."),
    diff_mode=Support("none", "The result has the numbers of devices."),
    seealso=("rollout_plan", "converge", "blueprint"),
)


class OtherVersion(EsperError):
    """Somebody has published another version of a blueprint."""


@dataclass
class Work:
    """One task: its options, the state of the rollout, and the tenant."""

    view: TenantView
    params: Params
    context: RunContext
    definition: Definition
    store: StateStore
    state: Row
    # The version that devices must run, by blueprint.
    desired: dict[str, str] = field(default_factory=dict)
    # The devices to which this task has sent a command.
    devices: list[Row] = field(default_factory=list)

    def note_devices(self, fleet: Fleet, ids: t.Iterable[str]) -> None:
        """Note the devices to which this task has sent a command, or would in check mode, for the result."""
        self.devices = [{"id": id_, "name": fleet.name_of(id_)} for id_ in ids]

    def save(self) -> None:
        """Save the state. Raise LeaseLost if another run has the rollout."""
        self.store.save(self.state)

    @functools.cached_property
    def wave(self) -> Wave:
        """The definition of the wave."""
        waves = {wave.name: wave for wave in self.definition.waves}
        if self.params["wave"] not in waves:
            raise InvalidParameter(f"The wave '{self.params['wave']}' is not one of {listed(list(waves))}.")
        return waves[self.params["wave"]]

    @functools.cached_property
    def part(self) -> Row:
        """The state of the wave."""
        try:
            return wave_state(self.state, self.wave.name)
        except KeyError:
            raise InvalidParameter(
                f"The state of the rollout has no wave '{self.wave.name}'. Run rollout_plan with the same waves first."
            ) from None

    def check_versions(self) -> None:
        """Raise OtherVersion if the latest published version of a blueprint is not the desired one."""
        # Not from the memory of the view, because the task can wait for hours.
        versions = PublishedVersions(TenantView(self.view.client))
        others = [row for row in self.state["blueprints"] if versions.latest(row["id"]) != self.desired[row["id"]]]
        if others:
            names = listed([f"'{row['name']}'" for row in others])
            raise OtherVersion(
                f"Another version of {names} was published during the rollout, so the rollout stops and converges no"
                " more devices. Find out who published it. To continue, publish the version of the rollout again, or"
                " start again with restart=true."
            )

    def result(self, outcome: str, changed: bool, counts: Row | None = None, **more: t.Any) -> ModuleResult:
        """Return the result of the task."""
        part = self.part if self.params["direction"] == "forward" else {}
        zero = {name: 0 for name, _doc, _sample in _COUNTS}
        return ModuleResult(
            {
                "changed": changed,
                "outcome": outcome,
                "cause": None,
                "until": None,
                "counts": {**zero, **(counts or {})},
                **commanded(self.devices),
                "gates": part.get("gates", []),
                "failed_devices": part.get("failed_devices", []),
                "rollout": self.state,
                **more,
            }
        )


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    if not 0 <= params["wave_timeout"] <= LONGEST_TIME:
        raise InvalidParameter(
            f"Invalid wave_timeout: {params['wave_timeout']:g}. It must be from 0 to {LONGEST_TIME}."
        )
    definition = definition_of(params)
    store = store_of(view, params, context)
    state = store.claim()
    if state is None:
        raise InvalidParameter("There is no state of the rollout. Run rollout_plan first.")
    work = Work(view, params, context, definition, store, state)
    try:
        outcome = _work(work)
    except BaseException:
        _release(store)
        raise
    has_ended = outcome.result["outcome"] in ("paused", "reverted") or state["status"] in ("failed", "completed")
    if has_ended or params["release"]:
        _release(store)
    return outcome


def _release(store: StateStore) -> None:
    """Release the lease. A failure to do so must not hide the result: the lease ends by itself."""
    with contextlib.suppress(EsperError):
        store.release()


def _work(work: Work) -> ModuleResult:
    blueprints = read_blueprints(work.view, work.params)
    check_same(work.state, tenant=tenant_of(work.view), blueprints=blueprints, target=work.definition.target)
    is_back = work.params["direction"] == "back"
    key = "restored_version_id" if is_back else "new_version_id"
    missing = [f"'{row['name']}'" for row in work.state["blueprints"] if not row[key]]
    if work.params["failure"] is not None and not is_back:
        return _record_failure(work, str(work.params["failure"]))
    if missing and not (work.context.check_mode and not is_back):
        raise InvalidParameter(
            f"The state of the rollout has no {'restored' if is_back else 'new'} version of {listed(missing)}. Publish"
            " it, and run rollout_plan with published=true first."
        )
    work.desired = {row["id"]: str(row[key] or "").lower() for row in work.state["blueprints"]}
    return _go_back(work) if is_back else _go_forward(work)


# --- forward ----------------------------------------------------------------------------------------------------------


def _go_forward(work: Work) -> ModuleResult:
    _check_order(work)
    if work.part["status"] == "passed":
        return work.result("passed", changed=False)
    if work.context.check_mode:
        return _predict(work)
    if until := _wait_for_start(work):
        return _pause(work, until)
    try:
        work.check_versions()
        return _converge_wave(work)
    except OtherVersion as error:
        return _stop(work, error)


def _check_order(work: Work) -> None:
    """Raise InvalidParameter if an earlier wave is not over, or the rollout goes back."""
    if work.state["status"] in ("reverting", "reverted"):
        raise InvalidParameter(
            f"The rollout is {work.state['status']}, so no wave can start. To start it again, set restart to true."
        )
    for row in work.state["waves"]:
        if row["name"] == work.wave.name:
            return
        if not is_over(row):
            raise InvalidParameter(f"The wave '{row['name']}' must pass before the wave '{work.wave.name}'.")


def _predict(work: Work) -> ModuleResult:
    """Return the number of devices that the wave would converge. The version can be unpublished yet."""
    targets, division = _read(work)
    fleet = Fleet(targets.rows, work.desired)
    outdated = fleet.outdated(device.id for device in division.wave_of(work.wave.name).devices)
    online = fleet.online.intersection(outdated)
    counts = {"waiting": len(online), "offline": len(outdated) - len(online)}
    work.note_devices(fleet, outdated)
    return work.result("planned", changed=bool(outdated), counts=counts)


def _wait_for_start(work: Work) -> datetime | None:
    """Wait for the earliest time of the wave and for a window. With pauses=end, return the time instead."""
    if work.part["status"] == "soaking":
        return None
    zone = zone_of(work.params["timezone"])
    started_at = parse_time(work.state["started_at"]) or now()
    not_before = work.wave.not_before and start_of(work.wave.not_before, started_at, zone)
    return _wait_until(
        work,
        lambda: work.definition.calendar.next_start(now(), not_before or None),
        f"Wave '{work.wave.name}': waiting until",
    )


def _wait_until(
    work: Work,
    end_of: t.Callable[[], datetime],
    text: str,
    check: t.Callable[[], bool] | None = None,
    pause: float = LONGEST_TIME,
) -> datetime | None:
    """Wait until a time, and renew the lease. With pauses=end, return the time instead. ``check`` is called after each
    ``pause`` seconds, and ends the wait if it returns False."""
    client = work.view.client
    since, shown = 0.0, None
    while (end := end_of()) > now():
        if work.params["pauses"] == "end":
            return end
        if end != shown:
            work.context.progress(f"{text} {format_utc(end.replace(microsecond=0))}")
            shown = end
        seconds = min((end - now()).total_seconds(), work.params["lease"] / _PART_OF_LEASE, pause)
        client.extend(seconds + client.connection.timeout)
        client.wait(seconds)
        work.store.renew()
        since += seconds
        if check is not None and since >= pause:
            since = 0.0
            if not check():
                break
    client.extend(client.connection.timeout)
    return None


def _pause(work: Work, until: datetime) -> ModuleResult:
    set_status(work.state, "paused")
    work.save()
    return work.result("paused", changed=False, until=format_utc(until.replace(microsecond=0)))


def _stop(work: Work, error: EsperError) -> ModuleResult:
    """Record that the rollout stopped because of the version of a blueprint."""
    set_status(work.state, "failed", reason=str(error))
    work.save()
    return work.result("failed", changed=_has_sent(work), failed=True, msg=str(error), cause="version")


def _read(work: Work) -> tuple[Targets, Division]:
    """Read the devices, and divide them into the waves."""
    targets = read_targets(work.view, work.state["blueprints"], work.definition.waves, work.context)
    division = divide_targets(
        work.view,
        targets,
        work.definition.waves,
        work.state["seed"],
        limits=limits_of(work.state, work.definition.waves),
        is_strict=False,
    )
    return targets, division


def _converge_wave(work: Work) -> ModuleResult:
    part, wave = work.part, work.wave
    record = _record(work, part)
    record.recover(work.view)
    is_retry = part["status"] == "failed"
    # Before the devices, so that an outdated device with a successful command needs another one.
    known = _known_statuses(work, is_retry=is_retry)
    targets, division = _read(work)
    fleet = Fleet(targets.rows, work.desired)
    own = [device.id for device in division.wave_of(wave.name).devices]
    readings = Readings(work.view, work.desired, app_of_gate(work.definition.health.app_version, work.state["target"]))
    readings.note_size(len(targets.rows))
    is_resumed = part["status"] == "running" and "outdated" in part
    if part["status"] in ("pending", "failed"):
        part.update(status="running", started_at=part["started_at"] or format_utc(now().replace(microsecond=0)))
        part["before"] = part["before"] or readings.judged(fleet, own).to_row()
        part.update(ended_at=None, gates=[], continued=False)
    set_status(work.state, "running")
    work.save()
    late = [device.id for device in division.before(wave.name)]
    is_soaking = part["status"] == "soaking"
    counts: Row = dict(part["counts"])
    if not is_soaking:
        converge = progress_of(fleet.outdated(own), fleet.online, known)
        late_count = _add_late(converge, progress_of(fleet.outdated(late), fleet.online, known))
        _add_earlier(converge, part, is_resumed=is_resumed)
        work.save()
        window = _window(work, record, wave.concurrency, readings)
        window.may_send = lambda: work.definition.calendar.is_open(now())
        window.ends_at_close = work.params["pauses"] == "end"
        window.is_enough = _early_end(work.definition.health)
        is_done = window.run(converge)
        work.note_devices(fleet, converge.sent)
        counts = {**converge.counts(), "late": late_count}
        part["counts"], part["commanded"] = counts, converge.commanded
        record_failed(part, _failed_rows(converge, fleet))
        if not is_done:
            work.save()
            calendar: Calendar = work.definition.calendar
            return _pause_wave(work, calendar.next_open(now()), counts)
    return _judge_and_soak(work, readings, own, counts)


def _record(work: Work, part: Row) -> Record:
    return Record(part, f"{part.get('name', 'Back')} {work.state['id'][:8]}", work.save)


def _window(work: Work, record: Record, concurrency: int, readings: Readings) -> SlidingWindow:
    def read_offline(ids: t.Collection[str]) -> set[str]:
        return set(ids) - readings.read(ids).online

    return SlidingWindow(
        view=work.view,
        context=work.context,
        record=record,
        title=f"Wave '{record.part['name']}'" if "name" in record.part else "Way back",
        concurrency=concurrency,
        timeout=work.params["wave_timeout"],
        renew=work.store.renew,
        read_offline=read_offline,
    )


def _known_statuses(work: Work, *, is_retry: bool = False) -> dict[str, Row]:
    """Return the states of the commands of all waves by device. If a failed wave is tried again, the devices on which
    its commands failed are not known."""
    commands = [id_ for row in work.state["waves"] for id_ in row.get("commands") or ()]
    known = latest_statuses(work.view, commands) if commands else {}
    if is_retry:
        own = set(work.part.get("commands") or ())
        return {
            id_: row
            for id_, row in known.items()
            if row["request"] not in own or row["state"] in ("pending", "succeeded")
        }
    return known


def _add_late(converge: Converge, late: Converge) -> int:
    """Add the devices of earlier waves that have no command, and return their number. The other ones were counted in
    their waves."""
    offline = {id_: "" for id_, command in late.offline.items() if not command}
    converge.queue += late.queue
    converge.offline.update(offline)
    return len(late.queue) + len(offline)


def _add_earlier(converge: Converge, part: Row, *, is_resumed: bool) -> None:
    """Add the devices that converged in interrupted runs of the wave, so that they count in percentages."""
    if is_resumed:
        converge.earlier = max(part.get("outdated", 0) - converge.total, 0)
    else:
        part["outdated"] = converge.total


def _early_end(health: Health) -> t.Callable[[Converge], bool]:
    """Return a function that returns whether too many devices failed for the wave to pass."""

    def is_enough(converge: Converge) -> bool:
        limit = health.max_failed_percent
        return limit is not None and len(converge.failed) * 100 > limit * converge.total

    return is_enough


def _failed_rows(converge: Converge, fleet: Fleet) -> list[Row]:
    return [
        {"id": id_, "name": fleet.name_of(id_), "reason": reason or state}
        for id_, (state, reason) in converge.failed.items()
    ]


def _has_sent(work: Work) -> bool:
    """Return whether this task has sent a command."""
    return work.view.has_written


def _pause_wave(work: Work, until: datetime, counts: Row) -> ModuleResult:
    paused = _pause(work, until)
    paused.result.update(changed=_has_sent(work), counts={**paused.result["counts"], **counts})
    return paused


def _judge_and_soak(work: Work, readings: Readings, own: list[str], counts: Row) -> ModuleResult:
    """Compare the gates, soak, and compare them again."""
    part = work.part
    if part["status"] == "running":
        if not _judge(work, readings, own, counts):
            return _fail(work, failure_text(part["gates"]), counts)
        instant = now().replace(microsecond=0)
        part["converged_at"] = format_utc(instant)
        part["soak_until"] = format_utc(datetime.fromtimestamp(instant.timestamp() + work.wave.soak, instant.tzinfo))
        part["status"] = "soaking"
        work.save()
        # The gates have just been compared.
        is_judged = work.wave.soak == 0
    else:
        is_judged = False
    if not is_judged:
        quick = replace(work.definition.health, app_version=None)
        pause = min(max(work.wave.soak / _SOAK_READINGS, _SHORTEST_SOAK_PAUSE), _LONGEST_SOAK_PAUSE)
        end = parse_time(part["soak_until"]) or now()
        until = _wait_until(
            work,
            lambda: end,
            f"Wave '{work.wave.name}': soaking until",
            check=lambda: _judge(work, readings, own, counts, quick),
            pause=pause,
        )
        if until:
            return _pause_wave(work, until, counts)
        work.check_versions()
        if not _judge(work, readings, own, counts):
            return _fail(work, failure_text(part["gates"]), counts)
    if work.params["hold"]:
        work.save()
        return work.result("held", changed=_has_sent(work), counts=counts)
    part.update(status="passed", ended_at=format_utc(now().replace(microsecond=0)))
    if all(is_over(row) for row in work.state["waves"]):
        has_failed = any(row["status"] == "failed" for row in work.state["waves"])
        set_status(work.state, "failed" if has_failed else "completed", ended_at=now())
    work.save()
    return work.result("passed", changed=_has_sent(work), counts=counts)


def _judge(work: Work, readings: Readings, own: list[str], counts: Row, health: Health | None = None) -> bool:
    """Read the devices of the wave, compare the gates, and return whether they passed."""
    health = health or work.definition.health
    part = work.part
    failed = counts.get("failed", 0)
    reading = readings.judged(
        readings.read(own),
        own,
        commanded=part.get("commanded", 0),
        failed=failed,
        with_app=health.app_version is not None,
    )
    before = Reading.from_row(part["before"]) if part["before"] else None
    part["after"] = reading.to_row()
    part["gates"] = judge(health, before, reading)
    return has_passed(part["gates"])


def _record_failure(work: Work, reason: str) -> ModuleResult:
    """Record that another check of the wave failed."""
    if work.context.check_mode:
        return work.result("planned", changed=False)
    return _fail(work, f"A check failed: {reason}", work.part["counts"])


def _fail(work: Work, reason: str, counts: Row) -> ModuleResult:
    part = work.part
    goes_on = bool(work.params["continue_on_failure"])
    part.update(status="failed", ended_at=format_utc(now().replace(microsecond=0)), continued=goes_on)
    is_last = all(is_over(row) for row in work.state["waves"])
    if not goes_on or is_last:
        set_status(work.state, "failed", reason=f"Wave '{work.wave.name}': {reason}", ended_at=now())
    work.save()
    message = sentence(f"The wave '{work.wave.name}' failed. {reason}")
    return work.result("failed", changed=_has_sent(work), counts=counts, failed=True, msg=message, cause="gate")


# --- back -------------------------------------------------------------------------------------------------------------


def _go_back(work: Work) -> ModuleResult:
    """Converge the devices that received the new version to the restored one."""
    work.check_versions()
    part: Row = work.state.setdefault("back", {})
    record = _record(work, part)
    if not work.context.check_mode:
        for row in work.state["waves"]:
            _record(work, row).recover(work.view)
        record.recover(work.view)
    sent = _known_statuses(work)
    own = part.get("commands") or []
    known = latest_statuses(work.view, own) if own else {}
    # What failed on the way back is tried again.
    known = {id_: row for id_, row in known.items() if row["state"] in ("pending", "succeeded")}
    readings = Readings(work.view, work.desired, None)
    fleet = readings.read_all(work.context.report_devices)
    new = {str(row["new_version_id"]).lower() for row in work.state["blueprints"] if row["new_version_id"]}
    touched = [id_ for id_, row in fleet.rows.items() if current_version(row) in new or id_ in sent]
    outdated = fleet.outdated(touched)
    converge = progress_of(outdated, fleet.online, known)
    if work.context.check_mode:
        work.note_devices(fleet, [*converge.queue, *(id_ for id_, command in converge.offline.items() if not command)])
        return work.result("planned", changed=bool(outdated), counts=converge.counts())
    concurrency = max(wave.concurrency for wave in work.definition.waves)
    _window(work, record, concurrency, readings).run(converge)
    work.note_devices(fleet, converge.sent)
    return _end_of_way_back(work, converge, fleet)


def _end_of_way_back(work: Work, converge: Converge, fleet: Fleet) -> ModuleResult:
    """Record which devices did not get the earlier version back. Those that are offline get it when they return."""
    waiting = [*converge.queue, *converge.in_flight]
    unreached = [
        *_failed_rows(converge, fleet),
        *({"id": id_, "name": fleet.name_of(id_), "reason": "no result in time"} for id_ in waiting),
        *({"id": id_, "name": fleet.name_of(id_), "reason": "offline"} for id_ in converge.offline),
    ]
    record_unreached(work.state, unreached)
    for row in work.state["waves"]:
        if row["status"] not in ("pending", "reverted"):
            row["status"] = "reverted"
    is_done = not waiting and not converge.failed
    set_status(
        work.state,
        "reverted" if is_done else "reverting",
        reason=work.state["reason"],
        ended_at=now() if is_done else None,
    )
    work.save()
    names = [row["name"] for row in unreached]
    if unreached:
        work.view.warn(
            f"{counted(len(names))} did not get the earlier version back yet: {listed(names)}. Offline devices get it"
            " when they return. For the others, run the rollout again."
        )
    counts = converge.counts()
    return work.result("reverted", changed=_has_sent(work), counts=counts, failed_devices=work.state["unreached"])


ROLLOUT_WAVE = ModuleDefinition("rollout_wave", MODULE, _run)
