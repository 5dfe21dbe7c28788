# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices and the waves of a rollout, for the modules that plan and run it.

Based on /v2/devices/ and /v2/blueprints/ (v2.yaml), device groups, and the list of tags (see kinds/tag.py). The number
of requests depends on the number of devices, blueprints, groups and tags of the tenant only, not on the waves.
"""

from __future__ import annotations

import typing as t
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..base.errors import ApiError, EsperError, InvalidParameter, InvalidValues, RequestFailed
from ..base.ids import is_uuid, normal_id
from ..base.row import Params, Row
from ..base.text import composed, hint
from ..engine.lookup import Lookup
from ..engine.tenant_view import TenantView
from ..kinds.blueprint import BLUEPRINT
from ..kinds.blueprint_lookup import BlueprintLookup
from ..kinds.device import DISABLED, ONLINE
from ..kinds.device_group import DEVICE_GROUP, device_groups
from ..kinds.device_group_lookup import parent_id_of
from ..kinds.device_list import DEVICE_CONCURRENCY, list_devices
from ..model.conform import to_row
from ..model.module_spec import Option
from ..rollout.calendar import DAYS, Calendar, parse_windows, zone_of
from ..rollout.gates import Health, parse_health
from ..rollout.state import StateStore
from ..rollout.waves import DEFAULT_CONCURRENCY, Device, Division, Wave, divide, parse_waves
from ..task import RunContext
from .blueprint_versions import PublishedVersions
from .device_names import tag_names

LONGEST_LEASE = 3600
"""Maximum number of seconds of a lease."""

# What the modules read of a device. A device has many other properties, which take memory.
_KEYS = ("id", "name", "alias", "serial", "state", "platform", "group_id", "tags")
_BLUEPRINT_KEYS = ("assigned_blueprint_id", "current_blueprint_id", "current_blueprint_version_id")
_DURATION = "A number of seconds, or a text such as V(30m), V(1h) or V(3 days)."

WAVE_OPTIONS = (
    Option("name", "Name of the wave, which the state and the report use.", identifier=True, required=True),
    Option(
        "tags",
        "Names or IDs of tags. A device matches if it has one of them. Several selectors narrow each other down.",
        type="list",
        elements="str",
        identifier=True,
    ),
    Option(
        "groups",
        "Device groups by path, name or ID. Devices in their subgroups are included.",
        type="list",
        elements="str",
        identifier=True,
    ),
    Option(
        "devices",
        "Devices by name, alias, serial number or ID.",
        type="list",
        elements="str",
        identifier=True,
    ),
    Option(
        "percent",
        (
            "Percentage of all devices of the rollout, with those of earlier waves. V(10) after a wave with 4 % of the"
            " devices adds 6 %. The number of devices is rounded up.",
            "Which devices these are depends on a hash of their IDs and on O(seed), so a repeated run selects the same"
            " devices.",
        ),
        type="float",
        identifier=True,
    ),
    Option(
        "soak",
        ("Time to wait after the devices converged. Then the gates must pass again.", _DURATION),
        default="0",
    ),
    Option(
        "concurrency",
        "Maximum number of online devices of the wave that converge at the same time.",
        type="int",
        default=DEFAULT_CONCURRENCY,
    ),
    Option(
        "not_before",
        "Earliest time of the wave: a date, a date and a time in O(timezone), or an offset from the start of the"
        " rollout such as V(+3 days).",
        identifier=True,
    ),
    Option(
        "allow_empty",
        "If V(true), the tags, groups and names of the wave may select no device. If V(false), the task fails.",
        type="bool",
        default=False,
    ),
)
"""Suboptions of the option ``waves``."""
ROLLOUT_OPTIONS = (
    Option(
        "blueprints",
        "Blueprints by name or ID. The devices of the rollout are those to which they are assigned.",
        type="list",
        elements="str",
        required=True,
        identifier=True,
    ),
    Option(
        "app",
        "App version that the blueprints install after the rollout.",
        type="dict",
        options=(
            Option("package_name", "Package name of the app.", required=True, identifier=True),
            Option("version_name", "Name of the version.", required=True, identifier=True, numbers=True),
            Option("version_code", "Code of the version, if several versions have the name.", numbers=True),
        ),
    ),
    Option(
        "version",
        "Number or ID of the version of each blueprint that is rolled out, instead of O(app).",
        identifier=True,
        numbers=True,
    ),
    Option(
        "waves",
        "Waves in their order. A device belongs to the first wave that selects it. The last one usually has"
        " O(waves[].percent=100).",
        type="list",
        elements="dict",
        required=True,
        options=WAVE_OPTIONS,
    ),
    Option(
        "health",
        "Gates that each wave must pass. Omitted gates do not apply.",
        type="dict",
        options=(
            Option(
                "converged_percent",
                "Minimum percentage of the online devices of the wave that run the version of the rollout.",
                type="float",
                identifier=True,
            ),
            Option(
                "max_failed_percent",
                "Maximum percentage of the converge commands of the wave that failed.",
                type="float",
                identifier=True,
            ),
            Option(
                "max_offline_increase_percent",
                "Maximum increase of the percentage of offline devices of the wave, compared with the reading before"
                " the wave.",
                type="float",
                identifier=True,
            ),
            Option(
                "app_version",
                "Name of the version of the app of the rollout that Esper must list as installed on the online devices"
                " of the wave. Requires O(app).",
                numbers=True,
                identifier=True,
            ),
            Option(
                "app_version_percent",
                "Minimum percentage of these devices.",
                type="float",
                default=Health.app_version_percent,
            ),
            Option("custom", "Task file of the role C(rollout). The module ignores it.", type="raw"),
        ),
    ),
    Option(
        "seed",
        "Text that decides which devices belong to a percentage. Defaults to the names of the blueprints with the"
        " version, so each release starts with other devices. A rollout in progress keeps its own.",
    ),
    Option(
        "windows",
        "Times at which devices may converge. If omitted or an empty list, there is no limit.",
        type="list",
        elements="dict",
        identifier=True,
        options=(
            Option(
                "days",
                f"Days on which the window opens, such as V({DAYS[0]}). Defaults to all days.",
                type="list",
                elements="str",
                identifier=True,
            ),
            Option("from", "Time at which the window opens, such as V('22:00').", default="00:00", identifier=True),
            Option(
                "to",
                "Time at which the window closes. If it is not after O(windows[].from), the window closes on the next"
                " day.",
                default="24:00",
                identifier=True,
            ),
        ),
    ),
    Option(
        "timezone",
        "Time zone of the windows and of O(waves[].not_before), such as V(Europe/Berlin).",
        default="UTC",
    ),
    Option(
        "state_path",
        "File with the state of the rollout. The module creates it. Another run with the same file waits or fails.",
        type="path",
    ),
    Option(
        "state",
        "State of the rollout as data, instead of a file. Set the RV(esper.cloud.rollout_plan#module:rollout) of the"
        " last task of the rollout, or an empty dictionary for the first one.",
        type="dict",
    ),
    Option(
        "run_id",
        "Text that identifies the run. Set it to RV(esper.cloud.rollout_plan#module:run_id) in all later tasks.",
        identifier=True,
    ),
    Option(
        "lease",
        "Number of seconds after which another run can take over if this one was killed, from V(10) to"
        f" V({LONGEST_LEASE}).",
        type="float",
        default=60,
    ),
)
"""Options that the modules of rollouts share."""
ROLLOUT_RULES: t.Mapping[str, t.Any] = {
    "mutually_exclusive": [("app", "version"), ("state_path", "state")],
    "required_one_of": [("app", "version"), ("state_path", "state")],
}
"""The rules between them."""


@dataclass(frozen=True)
class Definition:
    """The definition of a rollout in the options of a task. Its names of objects are not looked up yet."""

    waves: list[Wave]
    health: Health
    calendar: Calendar
    target: Row


@dataclass
class Targets:
    """The devices of a rollout as they are now. ``rows`` are the devices in API format by ID, with the properties that
    the modules read. ``devices`` are the same for divide(). ``versions`` has the latest published versions of the
    blueprints."""

    blueprints: list[Row]
    rows: dict[str, Row]
    devices: list[Device]
    versions: PublishedVersions = field(repr=False)


def definition_of(params: Params) -> Definition:
    """Return the definition in the options of a task. Sends no request. Raise InvalidValues with all errors."""
    errors: list[str] = []
    # None values are options that the task does not set.
    no_waves: list[Wave] = []
    waves = _collected(lambda: parse_waves([_set(row) for row in params["waves"]]), no_waves, errors)
    health = _collected(lambda: parse_health(_set(params["health"] or {})), Health(), errors)
    zone = _collected(lambda: zone_of(params["timezone"]), None, errors)
    rows = [_set(row) for row in params["windows"] or ()]
    calendar = _collected(lambda: parse_windows(rows, zone or zone_of("UTC")), Calendar(), errors)
    if health.app_version is not None and not params["app"]:
        errors.append("health.app_version requires the option app")
    if not 10 <= params["lease"] <= LONGEST_LEASE:
        errors.append(f"lease is {params['lease']:g}; it must be from 10 to {LONGEST_LEASE}")
    if errors:
        raise InvalidValues(errors)
    return Definition(waves, health, calendar, target_of(params))


def _set(row: Row) -> Row:
    return {key: value for key, value in row.items() if value is not None}


_Parsed = t.TypeVar("_Parsed")


def _collected(parse: t.Callable[[], _Parsed], default: _Parsed, errors: list[str]) -> _Parsed:
    try:
        return parse()
    except InvalidValues as error:
        errors += error.errors
    except InvalidParameter as error:
        errors.append(error_text(error))
    return default


def error_text(error: EsperError) -> str:
    """Return an error as a sentence without a period."""
    text, separator, question = str(error).partition(". Did you mean ")
    return f"{text} (did you mean {question})" if separator else text.rstrip(".")


def target_of(params: Params) -> Row:
    """Return what is rolled out, as in the state."""
    return {"version": str(params["version"])} if params["app"] is None else {"app": _set(params["app"])}


def tenant_of(view: TenantView) -> str:
    """Return the tenant of a task, as in the state."""
    return str(urlsplit(view.client.connection.api_url).hostname)


def store_of(view: TenantView, params: Params, context: RunContext) -> StateStore:
    """Return the store of the state that the options state_path, state, run_id and lease describe. Without run_id, it
    has a new one."""

    def pause(seconds: float) -> None:
        context.progress("Waiting for another run of the rollout, or for the end of its lease if it was killed")
        view.client.wait(seconds)

    return StateStore(
        params["state_path"],
        params["state"],
        run=params["run_id"] or str(uuid.uuid4()),
        lease=params["lease"],
        read_only=context.check_mode,
        pause=pause,
    )


# --- devices ----------------------------------------------------------------------------------------------------------


def read_blueprints(view: TenantView, params: Params) -> list[Row]:
    """Return the blueprints of the option ``blueprints`` with their settings. Raise InvalidValues with all that do not
    exist, and what Client.request raises."""
    lookup = BlueprintLookup(view, BLUEPRINT)
    found: dict[str, Row] = {}
    errors: list[str] = []
    for name in params["blueprints"]:
        row = _resolved(lookup, name, "", errors)
        if row is not None:
            found[str(normal_id(row["id"]))] = row
    if not params["blueprints"]:
        errors.append("blueprints is empty")
    if errors:
        raise InvalidValues(errors)
    return [{**row, "id": id_} for id_, row in found.items()]


def read_targets(view: TenantView, blueprints: list[Row], waves: t.Sequence[Wave], context: RunContext) -> Targets:
    """Return the devices to which the blueprints are assigned, without disabled devices.

    Device groups are read only if a wave names some. Raise what Client.request raises.
    """
    rows: dict[str, Row] = {}
    for blueprint in blueprints:
        found = list_devices(
            view.client,
            {"assigned_blueprint_id": [blueprint["id"]]},
            concurrency=DEVICE_CONCURRENCY,
            purpose=f"Reading the devices of the {BLUEPRINT.phrase(blueprint)}",
            convert=compact,
            on_progress=context.report_devices,
        )
        rows.update((row["id"], row) for row in found if row.get("state") != DISABLED)
    versions = PublishedVersions(view)
    above = _groups_above(view) if any(wave.groups is not None for wave in waves) else {}
    devices = [device_of(row, versions, above) for row in rows.values()]
    return Targets(blueprints, rows, devices, versions)


def compact(row: Row) -> Row:
    """Return the properties of a device that rollouts need. For ``convert`` of list_devices()."""
    info = to_row(row.get("blueprint_info"))
    return {
        **{key: row.get(key) for key in _KEYS},
        "id": str(normal_id(row["id"])),
        "blueprint_info": {key: info.get(key) for key in _BLUEPRINT_KEYS},
    }


def device_of(row: Row, versions: PublishedVersions, above: t.Mapping[str, frozenset[str]]) -> Device:
    """Return a device for divide(). ``above`` has the ID of each device group with those of the groups above."""
    names = [composed(str(row[key])).strip() for key in ("name", "alias", "serial") if row.get(key)]
    tags = row.get("tags")
    group = str(normal_id(row.get("group_id") or ""))
    return Device(
        row["id"],
        tuple(dict.fromkeys([*filter(None, names), row["id"]])),
        above.get(group, frozenset([group])),
        frozenset(str(normal_id(tag)) for tag in tags) if isinstance(tags, list) else frozenset(),
        is_online=row.get("state") == ONLINE,
        is_outdated=versions.is_outdated(row),
    )


def _groups_above(view: TenantView) -> dict[str, frozenset[str]]:
    """Return the ID of each device group, with the IDs of the groups above it."""
    parents = {str(normal_id(row["id"])): parent_id_of(row) for row in device_groups(view).list_groups()}
    above = {}
    for group in parents:
        ids: dict[str, None] = {}
        current: t.Any = group
        # A tenant that returns a circle must not stop the task.
        while current is not None and str(current) not in ids:
            ids[str(current)] = None
            current = parents.get(str(current))
        above[group] = frozenset(ids)
    return above


def divide_targets(
    view: TenantView,
    targets: Targets,
    waves: t.Sequence[Wave],
    seed: str,
    *,
    limits: t.Mapping[str, str] | None = None,
    is_strict: bool = True,
    lenient: t.Collection[str] = (),
) -> Division:
    """Return the division of devices into waves: see divide(). Raise InvalidValues with all errors, also those about
    unknown tags and device groups, with the closest names.

    Unless ``is_strict``, these are notes, and match no device. So are those about the waves with the names in
    ``lenient``. A tag exists while a device has it, so a rollout in progress must not fail because of it.
    """
    errors: list[str] = []
    notes: list[str] = []
    tag_ids: dict[str, str] = {}
    group_ids: dict[str, str] = {}
    for found, is_lenient in ((errors, False), (notes, True)):
        part = [wave for wave in waves if (wave.name in lenient) is is_lenient]
        tag_ids |= _tag_ids(view, part, found)
        group_ids |= _group_ids(view, part, found)
    if errors and is_strict:
        # The waves may be empty because of these errors. But other errors of the division are shown, too.
        known = _errors_of(
            lambda: divide(waves, targets.devices, seed, tag_ids=tag_ids, group_ids=group_ids, lenient=lenient)
        )
        known = [error for error in known if " names " in error]
        raise InvalidValues([*errors, *known])
    division = divide(
        waves,
        targets.devices,
        seed,
        tag_ids=tag_ids,
        group_ids=group_ids,
        limits=limits,
        is_strict=is_strict,
        lenient=lenient,
    )
    division.notes[:0] = [f"{error}." for error in (*errors, *notes)]
    return division


def _errors_of(function: t.Callable[[], object]) -> list[str]:
    try:
        function()
    except InvalidValues as error:
        return error.errors
    return []


def _tag_ids(view: TenantView, waves: t.Sequence[Wave], errors: list[str]) -> dict[str, str]:
    """Return the IDs of the tags that the waves name. All tags take one list."""
    texts = dict.fromkeys(text for wave in waves for text in wave.tags or ())
    ids = {text: str(normal_id(text)) for text in texts if is_uuid(text)}
    named = [text for text in texts if text not in ids]
    if not named:
        return ids
    try:
        names = tag_names(view)
    except ApiError as error:
        errors.append(
            f"waves: the tag '{named[0]}' must be an ID, because this tenant does not return the names of tags"
            f" ({error.method} {error.path} returned HTTP {error.status})"
        )
        return ids | dict.fromkeys(named, "")
    known = {composed(name).strip(): str(normal_id(id_)) for id_, name in names.items()}
    for text in named:
        ids[text] = known.get(composed(text).strip(), "")
        if not ids[text]:
            errors.append(f"waves: the tag '{text}' was not found{hint(text, known)}")
    return ids


def _group_ids(view: TenantView, waves: t.Sequence[Wave], errors: list[str]) -> dict[str, str]:
    """Return the IDs of the device groups that the waves name. All groups take one list, which _groups_above() also
    needs."""
    texts = dict.fromkeys(text for wave in waves for text in wave.groups or ())
    if not texts:
        return {}
    view.preload(DEVICE_GROUP)
    lookup = device_groups(view)
    rows = {text: _resolved(lookup, text, "waves: ", errors) for text in texts}
    # No device has an empty ID.
    return {text: "" if row is None else str(normal_id(row["id"])) for text, row in rows.items()}


def _resolved(lookup: Lookup, name: str, start: str, errors: list[str]) -> Row | None:
    """Return the object with a name, or None after an error, which starts with a text."""
    try:
        return lookup.resolve(name)
    except RequestFailed:
        raise
    except EsperError as error:
        errors.append(f"{start}{error_text(error)}")
        return None


def limits_of(state: Row, waves: t.Sequence[Wave]) -> dict[str, str]:
    """Return the hash limits in a state that still apply: those of waves whose percentage did not change."""
    percents = {wave.name: wave.percent for wave in waves}
    return {
        str(row["name"]): str(row["hash_limit"])
        for row in state["waves"]
        if row["hash_limit"] is not None and row["percent"] == percents.get(row["name"])
    }
