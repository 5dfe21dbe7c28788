# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that places and names devices by rules.

Based on /v2/devices/ (v2.yaml), and for the changes on the requests of device_batch.py. The plan reads the list of all
devices once, because an alias must be unique in the tenant.

Choices:

- The first rule that a device matches applies. A device that somebody placed elsewhere gets nothing of a rule with a
  group, so that it does not get the tags and the alias of a group that it is not in.
- A device without a group counts as one directly in the root group, where new devices are by default.
- The time of the enrollment is `provisioned_on`, or else `created_at`.
- An alias that is the name, the alias or the serial number of another device is a collision, because tasks could not
  find either device by it. Aliases that the task replaces count until the devices have applied the new ones.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.text import composed
from ..base.times import now
from ..base.validators import in_range
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_search import devices_option, label_of, require_devices
from ..kinds.group_path import PATH_SYNTAX, ROOT
from ..model.conform import to_text
from ..model.module_spec import ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .device_batch import Desired, DeviceBatch, DeviceTarget
from .device_rules import (
    GROUP_NAME,
    MATCH_FIELDS,
    TAGS,
    TEMPLATE_FIELDS,
    Places,
    Rule,
    Rules,
    Template,
    moment,
    needed_keys,
    parse_conditions,
    parse_template,
    time_of,
)
from .enrolled_devices import read_enrolled, read_places
from .safety import (
    check_device_count,
    check_device_percentage,
    describe_devices,
    max_devices_option,
    max_percent_option,
)

_ACTIONS = ("group", "tags", "add_tags", "alias", "ignore")
# The fields that the plan needs, whatever the rules are.
_FIELDS = ("name", "alias", "serial", "enrolled")


def _fields(names: t.Iterable[str]) -> str:
    return ", ".join(f"C({name})" for name in names)


_RULE_OPTIONS = (
    Option("name", "Name of the rule in results. Defaults to its position, such as C(rule 1)."),
    Option(
        "match",
        (
            "Fields of devices with the values to match. A device must match all fields.",
            f"The fields are {_fields(MATCH_FIELDS)}, and C(api.) with the path of any other property in the response"
            " of C(GET /v2/devices/), such as C(api.hardware_info.serial).",
            "A text matches an equal value, and a list matches if one of its texts does. A dictionary has forms, which"
            " must all match: C(exact), C(prefix), C(glob) and C(regex). The value of a form is a text or a list.",
            "C(ip_addresses) and C(api.) also have the form C(cidr), and C(group) the form C(below). The times"
            " C(enrolled) and C(last_seen) only have C(since) and C(before).",
            "Upper and lower case matter, except for C(platform), C(os) and C(state). A regular expression must match"
            " the whole value. A device without a value does not match.",
            "C(group) takes a path, name or ID, and its other forms match the path. With C(below), devices in subgroups"
            " match too.",
            "Times are a date, a time, or a duration before the task starts, such as V(7d) or V(24h).",
            "An empty or null value is an error, and so is a rule without fields, unless O(rules[].fallback=true).",
        ),
        type="dict",
        identifier=True,
    ),
    Option(
        "fallback",
        "If V(true), the rule applies only to devices that match no other rule. It can omit O(rules[].match).",
        type="bool",
        default=False,
    ),
    Option(
        "group",
        f"Device group of the devices by name, ID or path, which must exist. {PATH_SYNTAX}",
        identifier=True,
    ),
    Option(
        "tags",
        "Tags of the devices, at most five. The module removes all other tags. An empty list is an error.",
        type="list",
        elements="str",
        identifier=True,
    ),
    Option(
        "add_tags",
        "Tags to add. Other tags are kept. A device can have at most five tags.",
        type="list",
        elements="str",
        identifier=True,
    ),
    Option(
        "alias",
        (
            "Template of the alias, with names of fields in single braces, such as V(POS {serial}).",
            f"The fields are {_fields(TEMPLATE_FIELDS)}.",
            f"C({GROUP_NAME}) is the name of the device group after the task.",
            "A number selects the first characters of the value, and a negative number the last ones:"
            " C({serial:-4}) is the end of the serial number.",
            "A template has at least one field. The values of devices are inserted as they are, and never evaluated.",
        ),
        identifier=True,
    ),
    Option(
        "ignore",
        "If V(true), the module does not change the devices that match, and later rules do not apply to them.",
        type="bool",
        default=False,
    ),
)
_RULES = {"mutually_exclusive": [("tags", "add_tags")]}

_DEVICE = (
    Value("id", "ID of the device.", sample="e2425d4b-c266-41b4-a83e-490189fc9a0f"),
    Value("name", "Name of the device.", sample="OUW-MDJ-00001"),
    Value("serial", "Serial number of the device.", sample="R9W00000001"),
)


def _report(name: str, doc: str, *values: Value) -> Value:
    return Value(
        name, f"{doc} At most O(max_reported) devices.", type="list", elements="dict", contains=(*_DEVICE, *values)
    )


_RULE_VALUE = Value("rule", "Name of the rule.", sample="POS terminals of Berlin")

_MODULE = ModuleSpec(
    short_description="Place and name Esper devices by rules",
    description=(
        "Moves devices to device groups, and sets their tags and aliases, by rules about their properties.",
        "The first rule that a device matches applies. A rule with a group applies to devices in this group or its"
        " subgroups, and to devices that the task may move: see O(from_groups). A device that somebody placed elsewhere"
        " keeps its group, tags and alias. RV(skipped_devices) lists it.",
        "A second run changes nothing. It is safe to run the task from a schedule.",
        "Reads the list of all devices, one request for 1,000 devices, and the list of device groups.",
        "Moving up to 1,000 devices takes one request. Setting tags or an alias takes one request for each device that"
        " differs.",
        "Disabled devices, and devices that are being wiped, are never changed.",
        "Moving a device to a group with another blueprint makes Esper converge it.",
    ),
    options=(
        Option(
            "rules",
            "Rules in their order. Each sets at least one of O(rules[].group), O(rules[].tags), O(rules[].add_tags),"
            " O(rules[].alias) and O(rules[].ignore). An empty list is an error.",
            type="list",
            elements="dict",
            required=True,
            options=_RULE_OPTIONS,
            rules=_RULES,
        ),
        devices_option(
            "If set, the task acts on these devices only, for example on the device of an event. An empty list changes"
            " nothing."
        ),
        Option(
            "enrolled_since",
            "If set, the task acts on devices enrolled since then only. A date, a time, or a duration before the task"
            " starts, such as V(7d) or V(24h).",
            identifier=True,
        ),
        Option(
            "from_groups",
            (
                "Device groups by path, name or ID. The task moves devices that are directly in one of them, not those"
                " in subgroups. An empty list moves no device.",
                f"By default, the task moves devices that nobody has placed: those directly in V({ROOT}), and those"
                " without a group.",
                "Mutually exclusive with O(overwrite_groups=true).",
            ),
            type="list",
            elements="str",
            identifier=True,
        ),
        Option(
            "overwrite_groups",
            "If V(true), the task moves devices from any group, also those that somebody placed elsewhere.",
            type="bool",
            default=False,
        ),
        Option(
            "overwrite_aliases",
            "If V(true), the alias of a rule replaces the alias of a device. If V(false), a device with an alias keeps"
            " it.",
            type="bool",
            default=False,
        ),
        Option(
            "on_unmatched",
            "If V(ignore), RV(unmatched_devices) lists devices that no rule matches. If V(fail), the task fails before"
            " it makes changes.",
            choices=("ignore", "fail"),
            default="ignore",
        ),
        Option(
            "on_multiple",
            "If V(first), the first of several rules that a device matches applies, and RV(ambiguous_devices) lists the"
            " device. If V(fail), the task fails before it makes changes.",
            choices=("first", "fail"),
            default="first",
        ),
        max_devices_option(),
        max_percent_option("the enrolled devices of the tenant"),
        Option(
            "max_reported",
            "Maximum number of devices in each list of the result. The counts include all devices.",
            type="int",
            default=100,
        ),
    ),
    returns=(
        Value("device_count", "Number of devices that the task compared with the rules.", type="int", sample=500),
        Value("changed_count", "Number of devices that the task changes.", type="int", sample=12),
        Value("unmatched_count", "Number of devices that no rule matches.", type="int", sample=3),
        Value("ambiguous_count", "Number of devices that several rules match.", type="int", sample=0),
        Value("skipped_count", "Number of devices in RV(skipped_devices).", type="int", sample=2),
        Value(
            "rules",
            "The rules with the numbers of their devices. The first rule that a device matches counts.",
            type="list",
            elements="dict",
            contains=(
                Value("name", "Name of the rule.", sample="POS terminals of Berlin"),
                Value("matched", "Number of devices.", type="int", sample=120),
                Value("changed", "Number of devices that the task changes.", type="int", sample=12),
            ),
        ),
        _report(
            "devices",
            "Devices that the task changes.",
            _RULE_VALUE,
            Value("group", "Path of the new device group. Null if the task does not move the device.", sample=None),
            Value(
                "tags",
                "New tags. Null if the task does not change them.",
                type="list",
                elements="str",
                sample=["pos", "berlin"],
            ),
            Value("alias", "New alias. Null if the task does not change it.", sample="POS 0001"),
        ),
        _report("unmatched_devices", "Devices that no rule matches."),
        _report(
            "ambiguous_devices",
            "Devices that several rules match.",
            Value(
                "rules", "Names of the rules.", type="list", elements="str", sample=["POS terminals", "Everything else"]
            ),
        ),
        _report(
            "skipped_devices",
            "Devices to which a rule does not apply completely.",
            _RULE_VALUE,
            Value("option", "Option of the rule that does not apply, such as V(alias).", sample="alias"),
            Value(
                "reason", "Reason.", sample="The name 'POS 0001' is not unique: 1 device (KGG-MXR-00005) also has it."
            ),
        ),
        Value(
            "failed_devices",
            "Devices whose requests failed, all of them.",
            type="list",
            elements="dict",
            contains=(*_DEVICE, _RULE_VALUE, Value("reason", "Reason for the failure.", sample="Invalid tag.")),
        ),
    ),
    seealso=("device", "device_retire", "device_group"),
)


@dataclass(frozen=True)
class _Action:
    """A rule and what it sets. ``group_id`` is that of the existing group that the rule names."""

    rule: Rule
    group: str | None = None
    group_id: str | None = None
    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    alias: Template | None = None
    is_ignored: bool = False
    is_fallback: bool = False

    @property
    def sets_tags(self) -> bool:
        """True if the rule sets tags."""
        return self.tags is not None or bool(self.add_tags)


@dataclass(frozen=True)
class _Skipped:
    """A device to which a rule does not apply completely: the option of the rule, and the reason."""

    row: Row
    rule: str
    option: str
    reason: str


@dataclass
class _Plan:
    """The devices of a task. ``changes`` are those that a rule would change, with its name and the desired state."""

    compared: list[Row]
    matched: dict[str, int]
    unmatched: list[Row] = field(default_factory=list)
    ambiguous: list[tuple[Row, list[str]]] = field(default_factory=list)
    skipped: list[_Skipped] = field(default_factory=list)
    changes: list[tuple[Row, str, Desired]] = field(default_factory=list)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    started = now()
    # Before requests, to report mistakes at once. The groups of rules are not known yet.
    since = _check_options(params, started)
    if params["devices"] == []:
        plan = _Plan([], {action.rule.name: 0 for action in _actions_of(params, str, started)})
        return ModuleResult(_result(plan, DeviceBatch(view, []), params))
    view.preload(DEVICE_GROUP)
    groups = lookup_of(view, DEVICE_GROUP)
    actions = _actions_of(params, lambda name: str(groups.resolve(name)["id"]).lower(), started)
    movable = None if params["from_groups"] is None else {groups.resolve(each)["id"] for each in params["from_groups"]}
    selected = None if params["devices"] is None else {row["id"] for row in require_devices(view, params["devices"])}
    places = read_places(view, with_tags=_needs_tags(actions))
    rows = read_enrolled(view, context, needed_keys({*_FIELDS, *_fields_of(actions)}))
    compared = [row for row in rows if _is_selected(row, selected, since)]
    planner = _Planner(params, actions, places, movable)
    plan = planner.plan(compared)
    _check_matches(params, plan)
    planner.plan_aliases(plan, rows)
    batch = DeviceBatch(view, [DeviceTarget(row, desired, rule) for row, rule, desired in plan.changes])
    batch.plan()
    plan.skipped += [
        _Skipped(target.row, target.option, _option_of(target.desired), str(target.error)) for target in batch.failed
    ]
    batch.targets = batch.changed
    names = [target.label for target in batch.targets]
    check_device_count(params["max_devices"], "Changing", len(names), names)
    check_device_percentage(params["max_percent"], "Changing", len(names), len(rows), names)
    result = _result(plan, batch, params)
    if context.diff:
        result["diff"] = batch.diff()
    if not context.check_mode and batch.targets:
        context.effects.values |= result
        batch.apply(context, stops=False)
        result |= {**_result(plan, batch, params), "failed_devices": [_failure(target) for target in batch.failed]}
        if batch.failed:
            result |= {"failed": True, "msg": batch.failure_message()}
    return ModuleResult(result, _warnings(plan, params) + batch.warnings)


def _check_options(params: Params, started: datetime) -> datetime | None:
    """Return the first time of an enrollment, None for any. Raise InvalidParameter if an option is invalid."""
    if not params["rules"]:
        raise InvalidParameter("The option rules is empty, so there is nothing to compare devices with.")
    if params["from_groups"] is not None and params["overwrite_groups"]:
        raise InvalidParameter("The option from_groups is not allowed with overwrite_groups=true.")
    if error := in_range(0)(params["max_reported"]):
        raise InvalidParameter(f"The option max_reported {error}.")
    check_device_count(params["max_devices"], "Changing", 0)
    check_device_percentage(params["max_percent"], "Changing", 0, 0)
    _actions_of(params, str, started)
    return None if params["enrolled_since"] is None else moment("enrolled_since", params["enrolled_since"], started)


def _actions_of(params: Params, resolve: t.Callable[[str], str], started: datetime) -> list[_Action]:
    """Return the rules of a task. Raise InvalidParameter if one is invalid, and what ``resolve`` raises."""
    actions: list[_Action] = []
    for number, options in enumerate(params["rules"], 1):
        option = f"rules[{number - 1}]"
        name = str(options["name"] or "").strip() or f"rule {number}"
        if other := next((each.rule for each in actions if each.rule.name == name), None):
            raise InvalidParameter(
                f"Invalid {option}: the rules {other.number} and {number} both have the name '{name}'. Rename one."
            )
        for each in ("tags", "add_tags"):
            if options[each] == []:
                raise InvalidParameter(f"The option {option}.{each} is empty. Set a tag, or omit the option.")
        if not any(options[each] for each in _ACTIONS):
            raise InvalidParameter(f"Invalid {option}: the rule sets nothing. Set one of {', '.join(_ACTIONS)}.")
        if options["ignore"] and any(options[each] is not None for each in _ACTIONS[:-1]):
            raise InvalidParameter(f"Invalid {option}: a rule with ignore=true sets nothing else.")
        if options["tags"] is not None and options["add_tags"] is not None:
            raise InvalidParameter(f"Invalid {option}: tags and add_tags are mutually exclusive.")
        desired = Desired(tags=options["tags"], add_tags=options["add_tags"] or ())
        wanted, _removed = desired.checked_tags()
        is_for_all = options["fallback"] and options["match"] is None
        conditions = () if is_for_all else parse_conditions(f"{option}.match", options["match"], resolve, started)
        actions.append(
            _Action(
                Rule(number, name, conditions),
                options["group"],
                None if options["group"] is None else resolve(options["group"]),
                None if options["tags"] is None else tuple(wanted),
                tuple(wanted) if options["tags"] is None else (),
                None if options["alias"] is None else parse_template(f"{option}.alias", options["alias"]),
                options["ignore"],
                options["fallback"],
            )
        )
    return actions


def _fields_of(actions: list[_Action]) -> set[str]:
    """Return the fields that rules match or insert."""
    matched = {condition.field for action in actions for condition in action.rule.conditions}
    return matched | {name for action in actions if action.alias for name in action.alias.fields}


def _needs_tags(actions: list[_Action]) -> bool:
    return TAGS in _fields_of(actions) or any(action.sets_tags for action in actions)


def _is_selected(row: Row, selected: set[str] | None, since: datetime | None) -> bool:
    if selected is not None and row["id"] not in selected:
        return False
    if since is None:
        return True
    enrolled = time_of("enrolled", row)
    return enrolled is not None and enrolled >= since


class _Planner:
    """Plans what rules do with devices. ``movable`` are the IDs of the groups from which devices are moved, None for
    the default."""

    def __init__(self, params: Params, actions: list[_Action], places: Places, movable: set[str] | None) -> None:
        self._params = params
        self._actions = {action.rule.number: action for action in actions}
        self._places = places
        self._movable = {places.root_id} if movable is None else movable
        # The devices for which an alias is planned, with their positions in the plan.
        self._aliases: list[tuple[Row, _Action, Template]] = []

    def plan(self, rows: list[Row]) -> _Plan:
        """Return the plan without aliases, which depend on all devices: see plan_aliases()."""
        plan = _Plan(rows, {action.rule.name: 0 for action in self._actions.values()})
        rules = Rules([action.rule for action in self._actions.values()])
        for row in rows:
            matching = rules.matching(row, self._places)
            matching = [rule for rule in matching if not self._actions[rule.number].is_fallback] or matching
            if not matching:
                plan.unmatched.append(row)
                continue
            if len(matching) > 1:
                plan.ambiguous.append((row, [rule.name for rule in matching]))
            plan.matched[matching[0].name] += 1
            action = self._actions[matching[0].number]
            if not action.is_ignored:
                self._plan_device(plan, row, action)
        return plan

    def _plan_device(self, plan: _Plan, row: Row, action: _Action) -> None:
        current, rule = self._places.group_id_of(row), action.rule.name
        is_moved = action.group_id is not None and action.group_id not in self._places.groups_above(current)
        if is_moved and not (self._params["overwrite_groups"] or current in self._movable):
            path = self._places.paths.get(current, current)
            reason = f"The device is in '{path}', and the task does not move devices from there. See from_groups."
            plan.skipped.append(_Skipped(row, rule, "group", reason))
            return
        own = {composed(tag) for tag in self._places.tags_of(row)} if action.sets_tags else set()
        is_tagged = own != set(action.tags) if action.tags is not None else not own.issuperset(action.add_tags)
        desired = Desired(
            group=action.group_id if is_moved else None,
            tags=action.tags if is_tagged else None,
            add_tags=action.add_tags if is_tagged else (),
        )
        if is_moved or is_tagged:
            plan.changes.append((row, rule, desired))
        has_alias = bool(str(row.get("alias") or "").strip())
        if action.alias is not None and (self._params["overwrite_aliases"] or not has_alias):
            self._aliases.append((row, action, action.alias))

    def plan_aliases(self, plan: _Plan, rows: list[Row]) -> None:
        """Add the aliases to a plan. ``rows`` are all enrolled devices of the tenant, which can have the same names."""
        if not self._aliases:
            return
        changes = {row["id"]: index for index, (row, _rule, _desired) in enumerate(plan.changes)}
        owners = _names_of(rows)
        wanted: dict[str, list[tuple[Row, _Action]]] = {}
        for row, action, template in self._aliases:
            index = changes.get(row["id"])
            group_id = (plan.changes[index][2].group if index is not None else None) or self._places.group_id_of(row)
            alias = template.render(row, self._places.name_of(group_id))
            if alias is None:
                fields = ", ".join(sorted(template.fields))
                reason = f"The device has no value for the template, or no valid one ({fields})."
                plan.skipped.append(_Skipped(row, action.rule.name, "alias", reason))
            elif alias != str(row.get("alias") or "").strip():
                wanted.setdefault(alias, []).append((row, action))
            else:
                owners.setdefault(alias, {})[row["id"]] = row
        for alias, devices in wanted.items():
            others = {**owners.get(alias, {}), **{row["id"]: row for row, _action in devices}}
            for row, action in devices:
                rivals = [label_of(other) for id_, other in others.items() if id_ != row["id"]]
                if rivals:
                    have = "also has" if len(rivals) == 1 else "also have"
                    reason = f"The name '{alias}' is not unique: {describe_devices(len(rivals), rivals)} {have} it."
                    plan.skipped.append(_Skipped(row, action.rule.name, "alias", reason))
                elif (index := changes.get(row["id"])) is not None:
                    desired = plan.changes[index][2]
                    plan.changes[index] = (row, action.rule.name, replace(desired, alias=alias))
                else:
                    plan.changes.append((row, action.rule.name, Desired(alias=alias)))


def _names_of(rows: list[Row]) -> dict[str, dict[str, Row]]:
    """Return devices by ID, by each of their names: name, alias and serial number."""
    owners: dict[str, dict[str, Row]] = {}
    for row in rows:
        for key in ("name", "alias", "serial"):
            value = row.get(key)
            if isinstance(value, str) and (text := composed(value.strip())):
                owners.setdefault(text, {})[row["id"]] = row
    return owners


def _check_matches(params: Params, plan: _Plan) -> None:
    """Raise InvalidParameter if a device matches no rule or several, and the task does not allow this."""
    if params["on_unmatched"] == "fail" and plan.unmatched:
        names = [label_of(row) for row in plan.unmatched]
        raise InvalidParameter(
            f"No rule matches {describe_devices(len(names), names)}. Add a rule, or set on_unmatched to ignore."
        )
    if params["on_multiple"] == "fail" and plan.ambiguous:
        row, rules = plan.ambiguous[0]
        described = describe_devices(len(plan.ambiguous), [label_of(each) for each, _rules in plan.ambiguous])
        raise InvalidParameter(
            f"Several rules match {described}. The device '{label_of(row)}' matches {' and '.join(rules)}. Change the"
            " rules, or set on_multiple to first."
        )


def _option_of(desired: Desired) -> str:
    """Return the option of a rule about which an error of the plan is."""
    return (
        "tags"
        if desired.tags is not None
        else "add_tags"
        if desired.add_tags
        else "alias"
        if desired.alias
        else "group"
    )


def _warnings(plan: _Plan, params: Params) -> list[str]:
    collisions = [each for each in plan.skipped if each.option == "alias"]
    if not collisions:
        return []
    names = [label_of(each.row) for each in collisions]
    return [
        f"The rules give no alias to {describe_devices(len(names), names)}. {collisions[0].reason}"
        f"{' See skipped_devices for the others.' if len(names) > 1 and params['max_reported'] else ''}"
    ]


def _result(plan: _Plan, batch: DeviceBatch, params: Params) -> Row:
    limit = params["max_reported"]
    changed: dict[str, int] = {}
    for target in batch.changed:
        changed[target.option] = changed.get(target.option, 0) + 1
    return {
        "changed": bool(batch.changed),
        "device_count": len(plan.compared),
        "changed_count": len(batch.changed),
        "unmatched_count": len(plan.unmatched),
        "ambiguous_count": len(plan.ambiguous),
        "skipped_count": len(plan.skipped),
        "rules": [
            {"name": name, "matched": count, "changed": changed.get(name, 0)} for name, count in plan.matched.items()
        ],
        "devices": [
            {
                **_identity(target.row),
                "rule": target.option,
                "group": target.after.get("group"),
                "tags": target.after.get("tags"),
                "alias": target.after.get("alias"),
            }
            for target in batch.changed[:limit]
        ],
        "unmatched_devices": [_identity(row) for row in plan.unmatched[:limit]],
        "ambiguous_devices": [{**_identity(row), "rules": rules} for row, rules in plan.ambiguous[:limit]],
        "skipped_devices": [
            {**_identity(each.row), "rule": each.rule, "option": each.option, "reason": each.reason}
            for each in plan.skipped[:limit]
        ],
        "failed_devices": [],
    }


def _failure(target: DeviceTarget) -> Row:
    return {**_identity(target.row), "rule": target.option, "reason": str(target.error)}


def _identity(row: Row) -> Row:
    return {"id": row["id"], "name": to_text(row.get("name")), "serial": to_text(row.get("serial"))}


DEVICE_PLACEMENT = ModuleDefinition("device_placement", _MODULE, _run)
