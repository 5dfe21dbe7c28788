# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection of devices: the options that select them, and their combination.

A device matches a selector if it matches one of its values. It is selected if it matches all selectors. An empty
selector matches no device. A selection without devices is an error unless the task allows it. Disabled devices, which
were removed from the tenant, can only be selected by name.

The contract does not say how `/v2/devices/` combines different filters. This file assumes "and". If two selectors set
the same filter, it sends two requests and intersects the results.
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
from ..kinds.device import DISABLED, ONLINE, check_filters, resolve_filters
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_list import count_devices, fits_one_request, list_devices, sample_devices
from ..kinds.device_search import label_of, require_devices, unique_devices
from ..kinds.group_path import ROOT
from ..model.module_spec import Option
from .safety import check_confirmed, check_device_count

_FILTERS = ("filters", "device_query")
_SELECTORS = ("devices", "groups", *_FILTERS, "blueprints")
_GROUP_FILTER = "group_multi"
_BLUEPRINT_FILTER = "assigned_blueprint_id"
# The number of devices of a query that are read for their names. Some of them can be disabled.
_SAMPLE_SIZE = 10

SELECTION = (
    "If several selectors are set, for example O(devices) and O(groups), the task acts on devices that match all of"
    " them. If no device matches, the task fails unless O(allow_empty=true)."
)
"""A paragraph for the description of a module."""
FILTERS_TEXT = (
    "Filters for devices, for example C(state), C(platform), C(tags), C(search) and C(battery_level_lte)."
    " O(esper.cloud.devices#inventory:filters) lists all filters and their values."
)
"""The first paragraph of an option with filters."""


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
            f"{FILTERS_TEXT} Disabled devices are not included.",
            "Device groups, tags and blueprints can be set by name or ID.",
            f"An empty dictionary selects no device. To select all devices, set O(groups) to V({ROOT}).",
            *more,
        ),
        type="dict",
        aliases=aliases,
        identifier=True,
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
    "If V(true), a task that selects no device makes no changes. If V(false), it fails.",
    type="bool",
    default=False,
)


@dataclass
class Selection:
    """The devices of a task.

    ``rows`` is None if Esper evaluates ``query``, which is in API format. In this case, ``count`` is None if Esper does
    not return it, and ``names`` are those of the first devices.
    """

    rows: list[Row] | None
    query: Row = field(default_factory=dict)
    count: int | None = 0
    names: list[str] = field(default_factory=list)

    @property
    def groups(self) -> list[str]:
        """The IDs of device groups if they are the only selector and not resolved to devices."""
        return list(self.query.get(_GROUP_FILTER, ()))

    @classmethod
    def of(cls, rows: list[Row]) -> Selection:
        """Return a selection of known devices."""
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

    A selector in ``by_query`` is not resolved to devices if it is the only one. It is resolved if disabled devices
    match it and Esper would include them (``query_finds_disabled``). ``check`` validates filters. ``with_disabled``
    says whether disabled devices are included if they are selected by name.

    Raise NotFound or Ambiguous if a name cannot be resolved. Raise InvalidParameter if a filter is invalid, or if no
    device is selected and the task does not allow this. Also raise what Client.request raises.
    """
    selectors = [name for name in _SELECTORS if params.get(name) is not None]
    filters = {name: check(params[name]) for name in _FILTERS if name in selectors}
    if empty := [name for name in selectors if not params[name]]:
        return _checked(Selection.of([]), params, empty, has_no_values=True)
    if len(selectors) == 1 and selectors[0] in by_query:
        (query,) = _queries(view, selectors[0], filters.get(selectors[0]) or params[selectors[0]])
        return _checked(_count(view, query, query_finds_disabled=query_finds_disabled), params, selectors)
    queries = queries_of(view, {**params, **filters})
    named = require_devices(view, params["devices"]) if "devices" in selectors else None
    rows = matching_devices(view, queries, named)
    return _checked(Selection.of(rows if with_disabled else _enabled(rows)), params, selectors)


def queries_of(view: TenantView, params: Params) -> list[list[Row]]:
    """Return the queries of the selectors of a task other than ``devices``: see matching_devices(). Filters must be
    those that check_filters() returns.

    This takes few requests, so call it before you read devices. Raise NotFound or Ambiguous if a name cannot be
    resolved, and what Client.request raises.
    """
    selectors = [_queries(view, name, params[name]) for name in _SELECTORS if params.get(name) is not None]
    return _merge([queries for queries in selectors if queries])


def matching_devices(
    view: TenantView,
    selectors: list[list[Row]],
    named: list[Row] | None,
    *,
    with_disabled: bool = False,
    on_progress: t.Callable[[int, int | None], None] | None = None,
) -> list[Row]:
    """Return the devices that match all selectors of a task, which queries_of() returns. If ``named`` is not None, only
    its devices are returned.

    ``with_disabled`` says whether selectors other than ``named`` include disabled devices. Raise what Client.request
    raises.
    """
    results = [] if named is None else [named]
    for queries in selectors:
        if results and not results[-1]:
            break
        results.append(_list(view, queries, with_disabled=with_disabled, on_progress=on_progress))
    return _intersection(results)


def _queries(view: TenantView, selector: str, value: t.Any) -> list[Row]:
    """Return queries that together find the devices of a selector. The selector ``devices`` has none."""
    if selector == "groups":
        groups = lookup_of(view, DEVICE_GROUP)
        return [{_GROUP_FILTER: list(dict.fromkeys(groups.resolve(name)["id"] for name in value))}]
    if selector == "blueprints":
        blueprints = lookup_of(view, BLUEPRINTS)
        ids = dict.fromkeys(blueprints.resolve(name)["id"] for name in value)
        return [{_BLUEPRINT_FILTER: [blueprint_id]} for blueprint_id in ids]
    return [resolve_filters(view, value)] if selector in _FILTERS else []


def _merge(selectors: list[list[Row]]) -> list[list[Row]]:
    """Return the queries of selectors, merged if they do not set the same filter. Each list finds the devices of one or
    more selectors."""
    merged: list[list[Row]] = []
    for queries in selectors:
        if merged and not any(one.keys() & other.keys() for one in merged[-1] for other in queries):
            merged[-1] = [{**one, **other} for one, other in itertools.product(merged[-1], queries)]
        else:
            merged.append(queries)
    return merged


def _list(
    view: TenantView,
    queries: list[Row],
    *,
    with_disabled: bool = False,
    on_progress: t.Callable[[int, int | None], None] | None = None,
) -> list[Row]:
    """Return the devices that match at least one query."""
    rows = unique_devices(
        row
        for query in queries
        for row in list_devices(view.client, query, concurrency=CONCURRENCY, on_progress=on_progress)
    )
    return rows if with_disabled else _enabled(rows)


def _enabled(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.get("state") != DISABLED]


def _intersection(results: list[list[Row]]) -> list[Row]:
    first, *others = results
    ids = set.intersection({row["id"] for row in first}, *({row["id"] for row in rows} for rows in others))
    return [row for row in first if row["id"] in ids]


def _count(view: TenantView, query: Row, *, query_finds_disabled: bool) -> Selection:
    """Return the selection of a query, with the number of its devices and their first names."""
    if query.get("state") == [str(DISABLED)]:
        return Selection.of([])
    if not fits_one_request(query):
        return _counted_list(view, query, query_finds_disabled=query_finds_disabled)
    client, purpose = view.client, "Counting the selected devices"
    total, rows = sample_devices(client, query, number=_SAMPLE_SIZE, purpose=purpose)
    disabled: int | None = 0
    if total != 0 and "state" not in query:
        disabled = count_devices(client, {**query, "state": [str(DISABLED)]}, purpose=purpose)
    if disabled != 0 and query_finds_disabled:
        return Selection.of(_list(view, [query]))
    count = None if total is None or disabled is None else max(total - disabled, 0)
    return Selection(None, query, count, [label_of(row) for row in _enabled(rows)])


def _counted_list(view: TenantView, query: Row, *, query_finds_disabled: bool) -> Selection:
    """Return the same as _count() for a query that takes several requests. The same device can match several of them,
    so their counts cannot be added up."""
    rows = _list(view, [query], with_disabled=True)
    enabled = _enabled(rows)
    if len(rows) > len(enabled) and query_finds_disabled:
        return Selection.of(enabled)
    return Selection(None, query, len(enabled), [label_of(row) for row in enabled[:_SAMPLE_SIZE]])


def _checked(selection: Selection, params: Params, selectors: list[str], *, has_no_values: bool = False) -> Selection:
    """Return a selection. Raise InvalidParameter if it is empty and the task does not allow this."""
    if selection.count != 0 or params["allow_empty"]:
        return selection
    is_plural = len(selectors) > 1
    names = f"{', '.join(selectors[:-1])} and {selectors[-1]}" if is_plural else selectors[0]
    if has_no_values:
        error = f"The option{'s' * is_plural} {names} {'are' if is_plural else 'is'} empty, so no device is selected."
    else:
        error = f"No device matches {names}."
    raise InvalidParameter(f"{error} Set allow_empty to true if the task may select no device.")


def online_ids(view: TenantView, selection: Selection, params: Params) -> set[str] | None:
    """Return the IDs of the selected devices that are online, None if the task waits for all devices or for none. Raise
    what Client.request raises."""
    if not params["wait"] or params["wait_for"] != "online":
        return None
    rows: t.Iterable[Row] | None = selection.rows
    if rows is None:
        query = {"state": [str(ONLINE)], **selection.query}
        rows = list_devices(view.client, query, concurrency=CONCURRENCY, purpose="Reading the online devices")
    return {row["id"] for row in rows if row.get("state") == ONLINE}


def check_safe(params: Params, action: str, selection: Selection, effect: str = "") -> None:
    """Raise InvalidParameter if an action on a selection exceeds the limit or is not confirmed: see safety.py.
    ``effect`` is the effect that requires confirmation, "" if there is none."""
    count, names = selection.count, selection.names
    check_device_count(params["max_devices"], action, count, names, is_destructive=bool(effect))
    if effect and count != 0:
        check_confirmed(params["confirm"], action, count, names, effect)
