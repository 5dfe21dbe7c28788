# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that renders a result of the module tenant as a page, as JSON, as Markdown and as cards for chats.

The page also has charts of the fleet (/v2/devices/, v2.yaml), and who changed an object, if Esper returns it. The
contract has no list of changes for the whole tenant. Some objects have ``updated_by`` and ``created_by``, such as
blueprints, webclips, apps, pipelines and background scripts.

Choice: these properties have the ID, the UUID or the email address of a user, and the contract does not say which.
"""

from __future__ import annotations

import json
import typing as t
from datetime import datetime
from urllib.parse import urlsplit

from ..base.errors import ApiError, EsperError, InvalidParameter
from ..base.ids import normal_id
from ..base.limits import FEW_LOOKUPS
from ..base.row import Params, Row
from ..base.secret_file import SecretFile
from ..base.times import format_utc, now
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device import STANDARD, as_host
from ..kinds.device_list import DEVICE_CONCURRENCY, list_devices
from ..kinds.registry import KINDS
from ..kinds.user_list import USERS
from ..model.conform import to_row, to_text
from ..model.kind import Kind
from ..model.module_spec import NO_DIFF, ModuleSpec, Option, Support, Value
from ..report.cards import slack_message, teams_card
from ..report.data import report_of
from ..report.fleet import fleet_of
from ..report.markdown import markdown_of
from ..report.page import page_of
from ..report.words import VIEWS, headline
from ..task import ModuleDefinition, ModuleResult, RunContext
from .blueprint_versions import PublishedVersions, VersionLabels
from .device_names import group_paths

# Esper returns these if a tenant does not have a feature, or if the API key must not read it.
_UNAVAILABLE = (401, 403, 404)
_TIMES = {"changed": ("updated_at", "updated_on"), "created": ("created_at", "created_on")}
_USERS = {"changed": "updated_by", "created": "created_by"}
_WEB = ("http", "https")


def _json_text(value: t.Any) -> str:
    return f"{json.dumps(value, indent=2, ensure_ascii=False, default=str)}\n"


_FILES: dict[str, tuple[str, t.Callable[[Row], str]]] = {
    "html": ("report.html", page_of),
    "json": ("report.json", _json_text),
    "markdown": ("report.md", markdown_of),
    "teams": ("teams.json", lambda report: _json_text(teams_card(report))),
    "slack": ("slack.json", lambda report: _json_text(slack_message(report))),
}


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    url = params["url"]
    if url is not None and urlsplit(url).scheme not in _WEB:
        raise InvalidParameter(f"The option url must start with https:// or http://, not '{url}'.")
    report = report_of(params["plan"])
    time = now()
    if params["authors"]:
        _add_authors(view, report)
    report |= {
        "title": params["title"],
        "view": params["view"],
        "tenant": urlsplit(view.client.connection.api_url).hostname,
        "generated_at": format_utc(time.replace(microsecond=0)),
        "url": url,
        "fleet": _read_fleet(view, time, context) if params["fleet"] else None,
    }
    # Somebody can name an object like a secret.
    report = t.cast(Row, view.client.redact_all(report))
    dest = params["dest"]
    files = []
    if dest is not None:
        for name in params["formats"]:
            file, render = _FILES[name]
            files.append({"format": name, "path": f"{dest.rstrip('/') or '/'}/{file}"})
            if not context.check_mode:
                _write(files[-1]["path"], render(report))
    result: Row = {
        "changed": bool(files),
        "headline": headline(report),
        "report": report,
        "markdown": markdown_of(report),
        "teams": teams_card(report),
        "slack": slack_message(report),
        "files": files,
    }
    return ModuleResult(result)


def _write(path: str, text: str) -> None:
    file = SecretFile(path)
    try:
        file.prepare()
        file.write(text.encode("utf-8", errors="replace"))
    finally:
        file.discard()


# --- who changed an object --------------------------------------------------------------------------------------------


def _add_authors(view: TenantView, report: Row) -> None:
    """Add who changed the objects that differ, and who created those that are not in the tree."""
    kinds = {kind.name: kind for kind in KINDS if kind.has_ids}
    wanted: dict[str, list[tuple[Row, str]]] = {}
    for verb, rows in (("changed", report["objects"]), ("created", report["not_in_tree"])):
        for row in rows:
            if row["kind"] in kinds and row["id"] is not None and row.get("action") not in ("created", "failed"):
                wanted.setdefault(row["kind"], []).append((row, verb))
    for name, rows in wanted.items():
        _add_authors_of(view, kinds[name], rows)
    shown = [row for rows in wanted.values() for row, verb in rows if row.get(f"{verb}_by")]
    if shown:
        names = _user_names(view)
        for row in shown:
            for key in ("changed_by", "created_by"):
                if row.get(key):
                    row[key] = names.get(str(normal_id(row[key])), row[key])


def _add_authors_of(view: TenantView, kind: Kind, rows: list[tuple[Row, str]]) -> None:
    try:
        first, *others = rows
        # If one object has no author, no object of its kind has one, and the others need no request.
        if not _add_author(*first, _find(view, kind, first[0]["id"])):
            return
        if len(others) > FEW_LOOKUPS:
            by_id = {str(normal_id(current[kind.id_key])): current for current in lookup_of(view, kind).list_existing()}
            found: t.Iterable[Row | None] = [by_id.get(str(normal_id(row["id"]))) for row, _verb in others]
        else:
            found = in_parallel(view.client, lambda each: _find(view, kind, each[0]["id"]), others, CONCURRENCY)
        for (row, verb), current in zip(others, found, strict=True):
            _add_author(row, verb, current)
    except EsperError as error:
        if isinstance(error, ApiError) and error.status not in _UNAVAILABLE:
            raise
        view.warn(f"The report does not have who changed the {kind.titles}. {error}")


def _find(view: TenantView, kind: Kind, identifier: t.Any) -> Row | None:
    return lookup_of(view, kind).find_by_id(str(identifier))


def _add_author(row: Row, verb: str, current: Row | None) -> bool:
    """Add the author and the time of a change to an object. Return whether the current object has them."""
    if current is None:
        return False
    user = to_text(current.get(_USERS[verb])) or None
    time = next((text for key in _TIMES[verb] if (text := to_text(current.get(key)))), None)
    row |= {f"{verb}_by": user, f"{verb}_at": time}
    return bool(user or time)


def _user_names(view: TenantView) -> dict[str, str]:
    """Return the email addresses of users by ID and UUID, and nothing if the API key must not read them."""
    try:
        users = view.list_objects(USERS)
    except ApiError as error:
        if error.status not in _UNAVAILABLE:
            raise
        return {}
    names = {}
    for user in users:
        if user.get("email"):
            for identifier in (user["id"], to_row(user.get("profile")).get("authn_user_id")):
                names[str(normal_id(identifier))] = str(user["email"])
    return names


# --- the fleet --------------------------------------------------------------------------------------------------------


def _read_fleet(view: TenantView, time: datetime, context: RunContext) -> Row:
    devices = list_devices(
        view.client,
        {},
        concurrency=DEVICE_CONCURRENCY,
        convert=lambda row: as_host(row, STANDARD, view),
        on_progress=context.report_devices,
    )
    groups = group_paths(view, {device["group_id"] for device in devices})
    versions = _Versions(view, devices)
    for device in devices:
        device["group"] = groups.get(str(device["group_id"]).lower())
        device["version"] = versions.label(device)
        device["is_outdated"] = versions.is_outdated(device)
    return fleet_of(devices, time)


class _Versions:
    """The blueprint versions of devices. The blueprints are read at the same time."""

    def __init__(self, view: TenantView, devices: t.Iterable[Row]) -> None:
        self._labels, self._published = VersionLabels(view), PublishedVersions(view)
        self._latest: dict[str, str | None] = {}
        self._known: dict[tuple[str, str], str | None] = {}
        ids = sorted(
            {_id(device, key) for device in devices for key in ("blueprint_id", "current_blueprint_id")} - {""}
        )

        def read(blueprint: str) -> str | None:
            self._labels.of(blueprint, blueprint)
            try:
                return self._published.latest(blueprint)
            except EsperError as error:
                if isinstance(error, ApiError) and error.status not in _UNAVAILABLE:
                    raise
                return None

        self._latest.update(zip(ids, in_parallel(view.client, read, ids, CONCURRENCY), strict=True))

    def label(self, device: Row) -> str | None:
        """Return the version that a device runs, for people."""
        key = (_id(device, "current_blueprint_id"), _id(device, "current_blueprint_version_id"))
        if key not in self._known:
            self._known[key] = self._labels.of(*key)
        return self._known[key]

    def is_outdated(self, device: Row) -> bool:
        """Return whether a device does not run the latest published version of its assigned blueprint."""
        assigned = _id(device, "blueprint_id")
        latest = self._latest.get(assigned)
        is_assigned = _id(device, "current_blueprint_id") == assigned
        return latest is not None and not (
            is_assigned and _id(device, "current_blueprint_version_id") == latest.lower()
        )


def _id(device: Row, key: str) -> str:
    return str(device.get(key) or "").lower()


TENANT_REPORT = ModuleDefinition(
    "tenant_report",
    ModuleSpec(
        short_description="Render the plan of an Esper tenant as a report",
        description=(
            "Renders a result of M(esper.cloud.tenant) as one HTML page, as JSON, as Markdown for pull requests, and as"
            " cards for Microsoft Teams and Slack.",
            "The report has each difference field by field. If Esper returns it, it also has who changed the object,"
            " which is the case for blueprints, webclips, apps, pipelines and scripts, for example.",
            "The page has charts of the fleet: devices by state, last connection, platform, OS version, device group"
            " and blueprint version.",
            "The page has no scripts and needs no connection. It is readable on a phone, in dark mode and in print.",
        ),
        options=(
            Option("plan", "Result of M(esper.cloud.tenant), usually in check mode.", type="dict", required=True),
            Option(
                "dest",
                (
                    "Directory for the files. The module creates it. If omitted, the module writes no files.",
                    "The names of the files are C(report.html), C(report.json), C(report.md), C(teams.json) and"
                    " C(slack.json). Only their owner can read them.",
                ),
                type="path",
            ),
            Option(
                "formats",
                "Formats to write to O(dest).",
                type="list",
                elements="str",
                choices=tuple(_FILES),
                default=list(_FILES),
            ),
            Option(
                "view",
                "V(drift) describes the differences as what is wrong in the tenant, V(plan) as what a run does.",
                choices=VIEWS,
                default="drift",
            ),
            Option("title", "Title of the report.", default="Esper tenant"),
            Option("url", "URL at which people find the page, for links in Markdown and cards."),
            Option(
                "fleet",
                "If V(true), the report has the charts of the fleet. This takes the list of the devices, and a few"
                " requests for each of their blueprints.",
                type="bool",
                default=True,
            ),
            Option(
                "authors",
                "If V(true), the report has who changed the objects that differ. This takes at most one request for"
                " each of these objects.",
                type="bool",
                default=True,
            ),
        ),
        returns=(
            Value(
                "headline",
                "Outcome as a short sentence.",
                sample="3 objects differ from the tree",
            ),
            Value(
                "report",
                "The data of the report, the same as in C(report.json).",
                type="dict",
                contains=(
                    Value("format", "Version of the format.", type="int", sample=1),
                    Value("differs", "Whether the tenant differs from the tree.", type="bool", sample=True),
                    Value("failure", "Message of the task if it failed, otherwise V(null).", sample=None),
                    Value(
                        "counts",
                        "Number of objects for each difference.",
                        type="dict",
                        sample={"created": 1, "updated": 2, "unchanged": 38, "not_in_tree": 1, "accepted": 1},
                    ),
                    Value(
                        "objects",
                        "Objects that differ, as in RV(esper.cloud.tenant#module:objects), with C(changed_by) and"
                        " C(changed_at).",
                        type="list",
                        elements="dict",
                        sample=[{"kind": "blueprint", "name": "Kiosks", "action": "updated", "changes": []}],
                    ),
                    Value(
                        "not_in_tree",
                        "Objects that the tree does not have, with C(created_by) and C(created_at).",
                        type="list",
                        elements="dict",
                        sample=[{"kind": "content", "name": "old-menu.html", "id": 7, "created_by": None}],
                    ),
                    Value(
                        "accepted",
                        "Accepted deviations with their status.",
                        type="list",
                        elements="dict",
                        sample=[{"kind": "blueprint", "name": "Kiosks", "status": "active"}],
                    ),
                    Value(
                        "fleet",
                        "Numbers and charts of the fleet. V(null) if O(fleet=false).",
                        type="dict",
                        sample={"devices": 1000, "online": 903, "outdated": 12, "charts": []},
                    ),
                ),
            ),
            Value("markdown", "The report as Markdown.", sample="## Esper tenant: No drift"),
            Value(
                "teams", "Body of a request to a webhook of Microsoft Teams.", type="dict", sample={"type": "message"}
            ),
            Value("slack", "Body of a request to a webhook of Slack.", type="dict", sample={"text": "No drift"}),
            Value(
                "files",
                "The files that the module wrote. In check mode, those that it would write.",
                type="list",
                elements="dict",
                contains=(
                    Value("format", "Format of the file.", sample="html"),
                    Value("path", "Path of the file.", sample="report/report.html"),
                ),
            ),
        ),
        check_mode=Support("full", "Reads the same, and writes no files."),
        diff_mode=NO_DIFF,
        platform="Where the module runs. It uses the API over HTTPS and writes only to O(dest).",
        notes=("A report has the time at which it was written, so the module always writes the files.",),
        seealso=("tenant", "tenant_export"),
    ),
    _run,
)
