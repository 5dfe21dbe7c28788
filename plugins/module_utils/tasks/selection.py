# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices that a task acts on: the options that select them, and how these combine.

Several values of one selector add up, several selectors narrow each other down. An empty selector selects nothing. A
selection without devices is an error unless the task allows it. Disabled devices, which were removed from the tenant,
can only be selected by name.

Chosen here, because the contract is silent: `/v2/devices/` combines different filters with "and". A filter that two
selectors set is sent in two requests, whose results are intersected.
"""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass, field

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY
from ..kinds.blueprint_list import BLUEPRINTS
from ..kinds.device import DISABLED, check_filters, resolve_filters
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_list import count_devices, list_devices, sample_devices
from ..kinds.group_path import ROOT
from ..model.module_spec import Option
from .device_search import each_once, label_of, require_devices
from .safety import check_confirmed, check_device_count

_FILTERS = ("filters", "device_query")
_SELECTORS = ("devices", "groups", *_FILTERS, "blueprints")
_GROUP_FILTER = "group_multi"
_BLUEPRINT_FILTER = "assigned_blueprint_id"
# The number of devices of a query that are read for their names. Some of them may be disabled.
_SAMPLE = 10

SELECTION = (
    "If several selectors are set, such as O(devices) and O(groups), the task acts on devices that match all of them."
    " If no device matches, the task fails unless O(allow_empty=true)."
)
"""A paragraph for the description of a module."""


def devices_option(*more: str, required: bool = False) -> Option:
    """Return the option ``devices``, with more paragraphs of documentation."""
    return Option(
        "devices",
        (
            "Devices by name, alias, serial number or ID.",
            "A few devices are looked up one by one, many in the list of all devices, whichever takes fewer requests.",
            *more,
        ),
        type="list",
        elements="str",
        required=required,
        aliases=("device",),
        identifier=True,
    )


def groups_option(*more: str) -> Option:
    """Return the option ``groups``, with more paragraphs of documentation."""
    return Option(
        "groups",
        (
            "Device groups by path, name or ID. Devices in their subgroups are included, disabled devices are not.",
            *more,
        ),
        type="list",
        elements="str",
        identifier=True,
    )


def filters_option(name: str = "filters", *more: str, aliases: tuple[str, ...] = ()) -> Option:
    """Return the option with filters for devices, with more paragraphs of documentation."""
    return Option(
        name,
        (
            "Filters for devices, with the names and values of O(esper.cloud.devices#inventory:filters). Disabled"
            " devices are not included.",
            "Device groups, tags and blueprints can be set by name or ID.",
            f"An empty dictionary selects no device. To select all devices, set O(groups) to V({ROOT}).",
            *more,
        ),
        type="dict",
        aliases=aliases,
    )


def blueprints_option() -> Option:
    """Return the option ``blueprints``."""
    return Option(
        "blueprints",
        "Blueprints by name or ID. Devices to which they are assigned are included, disabled devices are not.",
        type="list",
        elements="str",
        aliases=("blueprint",),
        identifier=True,
    )


ALLOW_EMPTY_OPTION = Option(
    "allow_empty",
    "If V(true), the task changes nothing if it selects no device. If V(false), it fails.",
    type="bool",
    default=False,
)


@dataclass
class Selection:
    """The devices of a task.

    ``rows`` is None if they are described by a ``query`` in API format that Esper evaluates. The number of devices is
    then None if Esper does not return it, and ``names`` are those of the first ones.
    """

    rows: list[Row] | None
    query: Row = field(default_factory=dict)
    count: int | None = 0
    names: list[str] = field(default_factory=list)

    @property
    def groups(self) -> list[str]:
        """The IDs of the device groups, if they are the only selector and not resolved to devices."""
        return list(self.query.get(_GROUP_FILTER, ()))

    @classmethod
    def of(cls, rows: list[Row]) -> Selection:
        """Return a selection of devices that are known."""
        return cls(rows, count=len(rows), names=[label_of(row) for row in rows])


def select(
    view: TenantView,
    params: Params,
    *,
    by_query: t.Container[str] = (),
    check: t.Callable[[t.Mapping[str, t.Any]], Row] = check_filters,
    with_disabled: bool = True,
    query_finds_disabled: bool = False,
) -> Selection:
    """Return the devices that a task selects.

    A selector in ``by_query`` is not resolved to devices if it is the only one, unless Esper would take the disabled
    devices that match it, too (``query_finds_disabled``). ``check`` validates filters. ``with_disabled`` says whether
    disabled devices are kept if they are selected by name.

    Raise NotFound or Ambiguous for a name, InvalidParameter for invalid filters, or if no device is selected and the
    task does not allow that, and what Client.request raises.
    """
    given = [name for name in _SELECTORS if params.get(name) is not None]
    filters = {name: check(params[name]) for name in _FILTERS if name in given}
    if empty := [name for name in given if not params[name]]:
        return _checked(Selection.of([]), params, empty, is_unset=True)
    if len(given) == 1 and given[0] in by_query:
        (query,) = _queries(view, given[0], filters.get(given[0]) or params[given[0]])
        counted = _counted(view, query, query_finds_disabled=query_finds_disabled)
        return _checked(counted, params, given)
    named = require_devices(view, params["devices"]) if "devices" in given else None
    rows = matching_devices(view, {**params, **filters}, named)
    if not with_disabled:
        rows = _enabled(rows)
    return _checked(Selection.of(rows), params, given)


def matching_devices(
    view: TenantView,
    params: Params,
    named: list[Row] | None,
    *,
    with_disabled: bool = False,
    on_progress: t.Callable[[int, int | None], None] | None = None,
) -> list[Row]:
    """Return the devices that match all selectors of a task: those in ``named``, unless it is None, that the other
    selectors find. Filters are those that check_filters() returns.

    ``with_disabled`` says whether the other selectors find disabled devices. Raise what Client.request raises, and
    NotFound or Ambiguous for a name.
    """
    queries = [_queries(view, name, params[name]) for name in _SELECTORS if params.get(name) is not None]
    several = [] if named is None else [named]
    for each in _merged([each for each in queries if each]):
        if several and not several[-1]:
            break
        several.append(_listed(view, each, with_disabled=with_disabled, on_progress=on_progress))
    return _intersection(several)


def _queries(view: TenantView, selector: str, value: t.Any) -> list[Row]:
    """Return the queries that find the devices of a selector, which are none for names of devices."""
    if selector == "groups":
        groups = lookup_of(view, DEVICE_GROUP)
        return [{_GROUP_FILTER: list(dict.fromkeys(groups.resolve(each)["id"] for each in value))}]
    if selector == "blueprints":
        blueprints = lookup_of(view, BLUEPRINTS)
        ids = dict.fromkeys(blueprints.resolve(each)["id"] for each in value)
        return [{_BLUEPRINT_FILTER: [each]} for each in ids]
    return [resolve_filters(view, value)] if selector in _FILTERS else []


def _merged(selectors: list[list[Row]]) -> list[list[Row]]:
    """Return selectors, each as the queries whose results add up, with as few queries as possible."""
    merged: list[list[Row]] = []
    for queries in selectors:
        if merged and not any(one.keys() & other.keys() for one in merged[-1] for other in queries):
            merged[-1] = [{**one, **other} for one, other in itertools.product(merged[-1], queries)]
        else:
            merged.append(queries)
    return merged


def _listed(
    view: TenantView,
    queries: list[Row],
    *,
    with_disabled: bool = False,
    on_progress: t.Callable[[int, int | None], None] | None = None,
) -> list[Row]:
    """Return the devices that one of some queries finds."""
    rows = each_once(
        row
        for query in queries
        for row in list_devices(view.client, query, concurrency=CONCURRENCY, on_progress=on_progress)
    )
    return rows if with_disabled else _enabled(rows)


def _enabled(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.get("state") != DISABLED]


def _intersection(several: list[list[Row]]) -> list[Row]:
    first, *others = several
    ids = [{row["id"] for row in rows} for rows in others]
    return [row for row in first if all(row["id"] in each for each in ids)]


def _counted(view: TenantView, query: Row, *, query_finds_disabled: bool) -> Selection:
    """Return the selection of a query, with the number of its devices and the first names."""
    if query.get("state") == [str(DISABLED)]:
        return Selection.of([])
    client, purpose = view.client, "Counting the selected devices"
    total, rows = sample_devices(client, query, number=_SAMPLE, purpose=purpose)
    disabled: int | None = 0
    if total != 0 and "state" not in query:
        disabled = count_devices(client, {**query, "state": [str(DISABLED)]}, purpose=purpose)
    if disabled != 0 and query_finds_disabled:
        return Selection.of(_listed(view, [query]))
    count = None if total is None or disabled is None else max(total - disabled, 0)
    return Selection(None, query, count, [label_of(row) for row in _enabled(rows)])


def _checked(selection: Selection, params: Params, selectors: list[str], *, is_unset: bool = False) -> Selection:
    """Return a selection. Raise InvalidParameter if it is empty and the task does not allow that."""
    if selection.count != 0 or params["allow_empty"]:
        return selection
    names = " and ".join([", ".join(selectors[:-1]), selectors[-1]] if len(selectors) > 1 else selectors)
    if is_unset:
        several = len(selectors) > 1
        why = f"The option{'s' * several} {names} {'are' if several else 'is'} empty, so no device is selected."
    else:
        why = f"No device matches {names}."
    raise InvalidParameter(f"{why} Set allow_empty to true if the task may select no device.")


def check_safe(params: Params, action: str, selection: Selection, effect: str = "") -> None:
    """Raise InvalidParameter if an action on a selection exceeds the limit or has to be confirmed: see safety.py.
    ``effect`` is what has to be confirmed, "" if nothing has."""
    count, names = selection.count, selection.names
    check_device_count(params["max_devices"], action, count, names, is_destructive=bool(effect))
    if effect and count != 0:
        check_confirmed(params["confirm"], action, count, names, effect)
