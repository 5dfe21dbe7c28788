# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accepted deviations of a task of the module tenant."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import date, datetime, timezone

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.batch import BatchItem
from ..engine.deviations import Deviation
from ..model.kind import Kind
from ..model.module_spec import Option, Value


@dataclass(frozen=True)
class Deviations:
    """The accepted deviations of a task: ``active`` are in effect, ``expired`` are not."""

    active: tuple[Deviation, ...]
    expired: tuple[Deviation, ...]

    @classmethod
    def of(cls, params: Params, kinds: t.Sequence[Kind]) -> Deviations:
        """Return the deviations in the options of a task. Raise InvalidParameter if one is invalid."""
        today = datetime.now(timezone.utc).date()
        active, expired = list[Deviation](), list[Deviation]()
        known = set[tuple[str, str, str]]()
        for index, item in enumerate(params["accepted_deviations"] or ()):
            path = f"accepted_deviations[{index}]"
            deviation = _deviation(path, item, kinds)
            key = (deviation.kind, deviation.name, deviation.field)
            if key in known:
                raise InvalidParameter(f"{path}: {deviation.label} is listed twice.")
            known.add(key)
            is_expired = bool(deviation.until) and date.fromisoformat(deviation.until) < today
            (expired if is_expired else active).append(deviation)
        return cls(tuple(active), tuple(expired))

    def assign(self, items: t.Iterable[BatchItem]) -> None:
        """Give each object its deviations. The keys of the objects must be set."""
        by_object: dict[tuple[str, str], list[Deviation]] = {}
        for each in self.active:
            by_object.setdefault((each.kind, each.name), []).append(each)
        for item in items:
            item.deviations = tuple(by_object.get((item.kind.name, item.key), ()))

    def warnings(self) -> list[str]:
        """Return a warning for each expired deviation."""
        return [
            f"The accepted deviation of {each.label} expired after {each.until}: {each.reason}" for each in self.expired
        ]

    def records(self, items: t.Iterable[BatchItem], kept: t.Iterable[tuple[str, str]]) -> list[Row]:
        """Return the records of the deviations. ``kept`` are the kinds and names of the objects that exist although the
        task does not list them."""
        used = {(item.kind.name, item.key, each["field"]) for item in items for each in item.accepted}
        extra = set(kept)

        def status_of(deviation: Deviation) -> str:
            own = {path for kind, name, path in used if (kind, name) == (deviation.kind, deviation.name)}
            is_used = any(deviation.covers(path or "") for path in own)
            is_extra = not deviation.field and (deviation.kind, deviation.name) in extra
            return "active" if is_used or is_extra else "unused"

        statuses = [(each, status_of(each)) for each in self.active] + [(each, "expired") for each in self.expired]
        return [
            {
                "kind": each.kind,
                "name": each.name,
                "field": each.field or None,
                "reason": each.reason,
                "until": each.until or None,
                "status": status,
            }
            for each, status in statuses
        ]


def _deviation(path: str, item: Params, kinds: t.Sequence[Kind]) -> Deviation:
    """Return an item of the option accepted_deviations. Raise InvalidParameter if it is invalid."""
    kind = next((each for each in kinds if item["kind"] in (each.name, each.tenant_option)), None)
    if kind is None:
        valid = ", ".join(each.tenant_option for each in kinds)
        raise InvalidParameter(f"{path}: invalid kind '{item['kind']}'. Valid values: {valid}.")
    texts = {name: (item[name] or "").strip() for name in ("name", "field", "reason", "until")}
    for name in ("name", "reason"):
        if not texts[name]:
            raise InvalidParameter(f"{path}: {name} is empty.")
    first = texts["field"].partition(".")[0].partition("[")[0]
    known = [field.name for field in kind.fields]
    if first and first not in known:
        raise InvalidParameter(f"{path}: the {kind.title} has no field '{first}'. Valid values: {', '.join(known)}.")
    if texts["until"] and not _is_date(texts["until"]):
        raise InvalidParameter(f"{path}: until is no date: '{texts['until']}'. A valid value is 2026-12-31.")
    return Deviation(kind.name, texts["name"], texts["field"], texts["reason"], texts["until"])


def _is_date(text: str) -> bool:
    try:
        # Newer versions of Python also accept other forms.
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


OPTION = Option(
    "accepted_deviations",
    (
        "Differences between the task and the tenant that the task does not change. It reports them in"
        " RV(objects[].accepted) and RV(accepted_deviations).",
        "After its last day, a deviation has no effect, and the task warns about it.",
        "Those in the file C(accepted_deviations.yml) of O(src) are added.",
    ),
    type="list",
    elements="dict",
    options=(
        Option(
            "kind",
            "Kind of the object: the option of this module with its list, such as V(blueprints).",
            required=True,
            identifier=True,
        ),
        Option(
            "name",
            "Name of the object, as in RV(objects[].name) or RV(not_in_tree[].name).",
            required=True,
            identifier=True,
        ),
        Option(
            "field",
            (
                "Path of the value, as in RV(objects[].changes[].path), such as V(description) or"
                " V(settings.android.apps). Everything in the value is accepted.",
                "If omitted, the whole object is accepted: it can have other values, be missing, or exist although the"
                " task does not list it.",
            ),
            identifier=True,
        ),
        Option("reason", "Reason of the deviation.", required=True),
        Option(
            "until",
            "Last day of the deviation in UTC, such as V(2026-12-31). There is no end by default.",
            identifier=True,
        ),
    ),
)

VALUE = Value(
    "accepted_deviations",
    "The deviations in O(accepted_deviations).",
    type="list",
    elements="dict",
    returned="always",
    contains=(
        Value("kind", "Kind of the object, the name of the module that manages it.", sample="blueprint"),
        Value("name", "Name of the object.", sample="Kiosks"),
        Value("field", "Path of the value. V(null) for the whole object.", sample="description"),
        Value("reason", "Reason of the deviation.", sample="Pilot in Berlin"),
        Value("until", "Last day of the deviation. V(null) if it has none.", sample="2026-12-31"),
        Value(
            "status",
            "V(active) if the tenant has this deviation, V(unused) if it does not, V(expired) if the last day has"
            " passed.",
            sample="active",
        ),
    ),
)
