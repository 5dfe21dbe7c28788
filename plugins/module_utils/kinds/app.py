# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Android apps and their versions.

Rests on /v1/enterprise/{enterprise_id}/application/ of the contract (v1.yaml), which knows all apps, and on
/enterprise/{enterprise_id}/application/ (legacy.yaml), which takes uploads, and tells and takes more of a version, but
does not know all. So a version is read from the latter, and from the former where that does not know it. In both,
`version_code` is the name of a version and `build_number` its code: nothing outside of this file needs to know.

What the contract does not tell, and this file therefore chooses: the length of `hash_string` tells its algorithm, and
a version that devices have installed is in use as much as one that a blueprint has.
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict
from pathlib import Path

from ..base.apk import read_package
from ..base.checksums import digest_like
from ..base.errors import ApiError, InvalidParameter, NotFound
from ..base.row import Params, Row
from ..base.validators import length
from ..engine.object_cache import References
from ..engine.resource import Resource
from ..http.forms import Form
from ..http.paging import list_all
from ..model.field import Field
from ..model.module_spec import argument_spec_for, writable
from ..model.plan import Change, Plan, Step
from ..model.unknowns import ResultOf
from .blueprint_list import BLUEPRINTS

if t.TYPE_CHECKING:
    from ..http.responses import Response

_LEGACY = "/enterprise/{enterprise_id}/application/"
_V1 = "/v1/enterprise/{enterprise_id}/application/"
_VERSION = "{app_id}/version/{id}/"
_IDENTITY = ("package_name", "version_name", "version_code")
_GIVE_SRC = "Give src to have it uploaded."
# What v1 takes of a version.
_V1_TAKES = frozenset({"release_name", "is_default", "approval_status"})


def _number(value: t.Any) -> t.Any:
    """A version's code, which the API has as text."""
    return int(value) if str(value).isdecimal() else value


_ABOUT_VERSION = (
    Field("version_name", api="version_code", writable=False),
    Field("version_code", api="build_number", type="int", normalise=_number, writable=False),
    Field("release_name", check=length(0, 255)),
    Field("release_comments"),
    Field("track", api="release_track", choices=("Alpha", "Beta", "Production")),
    Field("enabled", api="is_enabled", type="bool"),
    Field("default", api="is_default", type="bool"),
    Field("approval", api="approval_status", choices=("AVAILABLE", "ACCEPTED", "APPROVED", "REJECTED")),
    Field("digest", api="hash_string", writable=False),
    Field("size_in_mb", type="float", writable=False),
    Field("min_sdk_version", writable=False),
    Field("installed_count", type="int", writable=False),
    Field("google_play", api="is_g_play", type="bool", writable=False),
    Field("created_on", writable=False),
)


class App(Resource):
    """An app, which is named by its package."""

    kind = "app"
    plural = "apps"
    title = "app"
    collection = _V1
    item = _V1 + "{id}/"
    name_key = "package_name"
    name_filter = "package_name_exact"
    fields = (
        Field("id", writable=False),
        Field("name", api="application_name", writable=False),
        Field("package_name", writable=False),
        Field("hidden", api="is_hidden", type="bool", writable=False),
        Field(
            "versions",
            type="list",
            elements="dict",
            writable=False,
            fields=(
                Field("id"),
                *_ABOUT_VERSION,
                Field("blueprints", type="list", elements="dict", fields=BLUEPRINTS.fields),
                Field(
                    "devices",
                    type="list",
                    elements="dict",
                    fields=(
                        Field("id"),
                        Field("name", api="device_name"),
                        Field("alias", api="alias_name"),
                        Field("group", api="group_name"),
                    ),
                ),
            ),
        ),
    )
    info_options: t.ClassVar = {
        "id": {"type": "str"},
        "package_name": {"type": "str"},
        "name": {"type": "str"},
        "versions": {"type": "bool", "default": False},
        "blueprints": {"type": "bool", "default": False},
        "devices": {"type": "bool", "default": False},
    }
    info_rules: t.ClassVar = {"mutually_exclusive": [("id", "package_name", "name")]}

    def information(self, references: References, params: Params) -> Row:
        if params["name"] is not None:
            rows = references.rows(self, {"application_name": params["name"]})
            rows = [row for row in rows if row.get("application_name") == params["name"]]
        elif params["id"] is None and params["package_name"] is None:
            rows = references.rows(self, {})
        else:
            row = self.find(references, {"id": params["id"], "name": params["package_name"]})
            rows = [row] if row else []
        if params["versions"] or params["blueprints"] or params["devices"]:
            rows = [{**row, "versions": self._versions_of(references, row, params)} for row in rows]
        return {self.plural: [self.record(row) for row in rows]}

    def _versions_of(self, references: References, app: Row, params: Params) -> list[Row]:
        found = []
        for row in versions_of(references, app):
            version = {**row}
            if params["blueprints"]:
                version["blueprints"] = blueprints_with(references, version)
            if params["devices"]:
                path = f"{_V1}{app['id']}/version/{row['id']}/installdevices"
                purpose = f"Reading the devices with the app '{label_of(row)}'"
                version["devices"] = list(list_all(references.client, path, purpose=purpose))
            found.append(version)
        return found


APP = App()


def versions_of(references: References, app: Row, query: Row | None = None, family: str = _V1) -> list[Row]:
    """The versions of an app, each with what it needs of the app. ``family`` is where they are looked up. An app that
    is yet to be uploaded has none."""
    if isinstance(app["id"], ResultOf):
        return []
    purpose = f"Reading the versions of the app '{APP.label(app)}'"
    rows = list_all(references.client, f"{family}{app['id']}/version/", query=query, purpose=purpose)
    return [_of_app(app, row, family) for row in rows]


def _of_app(app: Row, version: Row, family: str) -> Row:
    about = {key: app.get(key) for key in ("package_name", "application_name")}
    # Only v1 knows those of Google Play.
    return {"is_g_play": False, **version, **about, "app_id": app.get("id"), "family": family}


def label_of(version: Row) -> str:
    """What a person calls a version: package, name and code."""
    code = version.get("build_number")
    return f"{version['package_name']} {version['version_code']}" + (f" ({code})" if code else "")


def blueprints_with(references: References, version: Row) -> list[Row]:
    """The blueprints that have a version."""
    return _blueprints_with(references, "app_version_id", version["id"])


def _blueprints_with(references: References, key: str, value: str) -> list[Row]:
    """The blueprints whose Android settings have an app of a key like this, or will have it."""
    found = references.rows(BLUEPRINTS, {f"settings__android__{key}": value})
    planned = [
        row
        for row in references.expected(BLUEPRINTS)
        for app in ((row.get("settings") or {}).get("android") or {}).get("apps") or []
        if app.get(key) == value
    ]
    known = {row["id"] for row in found}
    return [row for row in found if not references.is_leaving(BLUEPRINTS, row["id"])] + [
        row for row in planned if row["id"] not in known
    ]


class AppVersion(Resource):
    """A version of an app, which the module ``app`` manages: its record tells of the app, too."""

    kind = "app"
    plural = "apps"
    title = "app"
    collection = _V1
    item = _V1 + _VERSION
    fields = (
        Field("id", api="app_id", writable=False),
        Field("name", api="application_name", writable=False),
        Field("package_name", writable=False),
        Field("version_id", api="id", writable=False),
        *_ABOUT_VERSION,
    )
    options: t.ClassVar = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "src": {"type": "path"},
        "id": {"type": "str"},
        "package_name": {"type": "str"},
        "version_id": {"type": "str"},
        "version_name": {"type": "str"},
        "version_code": {"type": "int"},
        **argument_spec_for(writable(fields)),
        "keep_versions": {"type": "int"},
        "force": {"type": "bool", "default": False},
        "upload_deadline": {"type": "float", "default": 3600.0},
    }
    sources = ("src",)
    rules: t.ClassVar = {
        "required_one_of": [("src", "id", "package_name")],
        "required_if": [("state", "present", ("src", "version_id", "version_name", "version_code"), True)],
        "mutually_exclusive": [
            ("src", "id"),
            ("id", "package_name"),
            ("src", "version_id"),
            ("version_id", "version_name"),
            ("version_id", "version_code"),
        ],
    }

    def label(self, row: Row) -> str:
        return label_of(row)

    def find(self, references: References, params: Params) -> Row | None:
        wanted = _with_package(params)
        app = APP.find(references, {"id": wanted["id"], "name": wanted["package_name"]})
        if app is None or not _names_version(wanted):
            return app
        planned = [row for row in _planned_versions(references, app) if _may_be_wanted(row, wanted)]
        found = [*_versions_wanted(references, app, wanted), *planned]
        return self.only(found, _wanted_label(wanted), "Give version_code as well.")

    # --- planning ---------------------------------------------------------------------------------------------------

    def called(self, params: Params) -> str:
        return _wanted_label(_with_package(params))

    def needed_ids(self, row: Row) -> set[str]:
        return {str(row["id"]), str(row.get("app_id"))}

    def plan_create(self, references: References, params: Params) -> Plan:
        wanted = _with_package(params)
        app = APP.find(references, {"id": wanted["id"], "name": wanted["package_name"]})
        if not wanted["src"]:
            raise self._missing(references, app, wanted)
        desired = self.desired(references, params)
        upload = Step(
            purpose=f"Uploading the app '{_wanted_label(wanted)}'",
            method="POST",
            path=_LEGACY + "upload/",
            body=Form(files={"app_file": _path(wanted["src"])}),
            find=lambda _body: self._there(references, params),
            read=lambda body: _uploaded(body, wanted),
            seconds=params["upload_deadline"],
        )
        plan = Plan(None, [upload])
        if desired:
            # The service takes nothing but the file.
            body = {each.api_name: each.write(desired[each.name]) for each in self.fields if each.name in desired}
            plan.steps.append(
                Step(
                    purpose=f"Updating the app '{_wanted_label(wanted)}'",
                    method="PATCH",
                    path=_LEGACY + _VERSION,
                    ids={"app_id": ResultOf(upload, "app_id"), "id": ResultOf(upload, "id")},
                    body=body,
                    read=lambda body: {**(upload.answer or {}), **body},
                )
            )
        shown = {**{name: wanted[name] for name in _IDENTITY if wanted[name] is not None}, **desired}
        plan.record = {**dict.fromkeys(each.name for each in self.fields), **shown, "id": app and app["id"]}
        plan.changes.append(Change(f"app {_wanted_label(wanted)}", {}, shown))
        app_id = ResultOf(upload, "app_id")
        if app is None:
            plan.expected.append((APP, {"id": app_id, "package_name": wanted["package_name"]}))
        version = {
            "id": ResultOf(upload, "id"),
            "app_id": app["id"] if app else app_id,
            "package_name": wanted["package_name"],
            "version_code": wanted["version_name"],
            "build_number": wanted["version_code"],
            "is_g_play": False,
        }
        plan.expected.append((self, version))
        if app and params["keep_versions"] is not None:
            self._plan_removals(references, plan, app, wanted["version_code"], params)
        return plan

    def _there(self, references: References, params: Params) -> Row | None:
        """The version that an upload brought, or that somebody else has brought meanwhile."""
        row = self.find(references, params)
        if row:
            _check_bytes(row, params["src"])
        return row

    def _missing(self, references: References, app: Row | None, wanted: Params) -> NotFound:
        if app is None:
            rows = references.rows(APP, {})
            return NotFound("app", wanted["id"] or wanted["package_name"], (APP.label(row) for row in rows), _GIVE_SRC)
        available = [label_of(row) for row in versions_of(references, app)]
        return NotFound("app", _wanted_label({**wanted, "package_name": app["package_name"]}), available, _GIVE_SRC)

    def plan_update(self, references: References, current: Row, params: Params) -> Plan:
        _check_bytes(current, params["src"])
        plan = super().plan_update(references, current, params)
        for step in plan.steps:
            step.path = current["family"] + _VERSION
            step.ids = _ids(current)
            step.read = lambda body: {**current, **body}
            refused = step.body.keys() - _V1_TAKES if isinstance(step.body, dict) else set()
            if current["family"] == _V1 and refused:
                names = sorted(each.name for each in self.fields if each.api_name in refused)
                raise InvalidParameter(
                    f"The app '{label_of(current)}' is one of those, such as Google Play's, for which the service does"
                    f" not take {' and '.join(names)}."
                )
        if params["keep_versions"] is not None:
            app = {**current, "id": current["app_id"]}
            self._plan_removals(references, plan, app, _number(current.get("build_number")), params)
        return plan

    def _plan_removals(self, references: References, plan: Plan, app: Row, code: t.Any, params: Params) -> None:
        """Add the deletion of the versions that are older than those to keep; ``code`` is the one of the task."""
        keep, package = params["keep_versions"], app["package_name"]
        if keep < 1:
            raise InvalidParameter(f"The option keep_versions cannot be {keep}: the version of the task is kept.")
        there = [row for row in versions_of(references, app) if not references.is_leaving(self, row["id"])]
        there += _planned_versions(references, app)
        by_code = {_number(row.get("build_number")): row for row in there}
        unclear = [label_of(row) for each, row in by_code.items() if not isinstance(each, int)]
        if unclear or not isinstance(code, int):
            which = " and ".join(unclear) or "the one of the task, for which version_code can be given"
            raise InvalidParameter(
                f"Which versions of the app '{package}' are the newest {keep} is unclear: the version code of {which}"
                " is not known."
            )
        kept = sorted({*by_code, code}, reverse=True)[:keep]
        if code not in kept:
            raise InvalidParameter(
                f"With keep_versions {keep} the version of the task would be deleted itself: the app '{package}' has"
                f" {keep} of a higher version code ({', '.join(map(str, kept))})."
            )
        for row in [row for each, row in sorted(by_code.items()) if each not in kept]:
            if isinstance(row["id"], ResultOf):
                raise InvalidParameter(
                    f"With keep_versions {keep} '{label_of(row)}' would be deleted, which the same task uploads."
                )
            users = [] if params["force"] else _users(references, row)
            if users:
                plan.warnings.append(f"The app '{label_of(row)}' is kept: it is in use by {' and '.join(users)}.")
            else:
                plan.steps.append(_removal(row, params["force"]))
                plan.changes.append(self.deletion(row))

    def plan_delete(self, references: References, current: Row, params: Params) -> Plan:
        if "app_id" not in current:
            return self._plan_removal_of_all(references, current, params)
        if not params["force"] and (users := _users(references, current)):
            raise _in_use(label_of(current), users, "or set force to have it deleted all the same")
        return Plan(None, [_removal(current, params["force"])], [self.deletion(current)])

    def _plan_removal_of_all(self, references: References, app: Row, params: Params) -> Plan:
        """What it takes to delete an app with all of its versions."""
        rows, package = versions_of(references, app), APP.label(app)
        if not params["force"]:
            blueprints = _blueprints_with(references, "app_id", app["id"])
            devices = sum(row.get("installed_count") or 0 for row in rows)
            if users := _named_users(blueprints, devices):
                raise _in_use(package, users, "or, if it is devices only, set force")
        before = {"package_name": package, "versions": [label_of(row) for row in rows]}
        return Plan(None, [APP.delete_step(app)], [Change(f"app {package}", before, {})])

    def deletion(self, current: Row) -> Change:
        record = self.record(current)
        return Change(f"app {label_of(current)}", {name: record[name] for name in _IDENTITY}, {})


def _path(src: str) -> Path:
    path = Path(src).expanduser()
    if not path.is_file():
        raise InvalidParameter(f"There is no file '{path}' that can be read.")
    return path


def _with_package(params: Params) -> Params:
    """The options, with what the file says of itself. Raises InvalidParameter where it says something else, or where
    neither it nor the options tell package and version."""
    if not params["src"]:
        return params
    path = _path(params["src"])
    try:
        package = asdict(read_package(path))
    except InvalidParameter as why:
        if params["package_name"] and params["version_name"]:
            return params
        raise InvalidParameter(
            f"The package and version of '{path}' cannot be read: {why}. Give package_name and version_name."
        ) from None
    wrong = [name for name in _IDENTITY if params[name] not in (None, package[name])]
    if wrong:
        told = " and ".join(f"{name} {package[name]}, not {params[name]}" for name in wrong)
        raise InvalidParameter(f"The file '{path}' has {told}.")
    return {**params, **package}


def _names_version(wanted: Params) -> bool:
    return any(wanted[name] is not None for name in ("version_id", "version_name", "version_code"))


def _wanted_label(wanted: Params) -> str:
    """What a person calls the version that a task speaks of."""
    name, code = wanted["version_name"] or wanted["version_id"], wanted["version_code"]
    parts = [wanted["package_name"] or wanted["id"], name, f"({code})" if code is not None else None]
    return " ".join(part for part in parts if part)


def _is_wanted(row: Row, wanted: Params) -> bool:
    given = {"id": wanted["version_id"], "version_code": wanted["version_name"], "build_number": wanted["version_code"]}
    return all(str(row.get(key)) == str(value) for key, value in given.items() if value is not None)


def _planned_versions(references: References, app: Row) -> list[Row]:
    """The versions of an app that the same task uploads."""
    return [row for row in references.expected(APP_VERSION) if row["app_id"] == app["id"]]


def _may_be_wanted(row: Row, wanted: Params) -> bool:
    """The same for a version that is yet to be uploaded, whose code may not be known."""
    known = {name: wanted[name] for name in ("version_name", "version_code") if wanted[name] is not None}
    told = {"version_name": row["version_code"], "version_code": row["build_number"]}
    return wanted["version_id"] is None and all(told[name] in (None, value) for name, value in known.items())


def _versions_wanted(references: References, app: Row, wanted: Params) -> list[Row]:
    """The versions of an app that a task may speak of."""
    query = {"version_code": wanted["version_name"], "build_number": wanted["version_code"]}
    try:
        rows = versions_of(references, app, query, _LEGACY)
    except ApiError as error:
        if error.status != 404:
            raise
        rows = []
    found = [row for row in rows if _is_wanted(row, wanted)]
    return found or [row for row in versions_of(references, app, query) if _is_wanted(row, wanted)]


def _uploaded(body: Row, wanted: Params) -> Row | None:
    """The version in the answer to an upload. Raises InvalidParameter where the file was of another."""
    app = body.get("application")
    if not isinstance(app, dict):
        return None
    rows = [_of_app(app, row, _LEGACY) for row in app.get("versions") or []]
    found = [row for row in rows if row["package_name"] == wanted["package_name"] and _is_wanted(row, wanted)]
    if not found:
        there = ", ".join(label_of(row) for row in rows)
        raise InvalidParameter(
            f"The file '{wanted['src']}' was uploaded, but is not '{_wanted_label(wanted)}' to the service, which has"
            f" now {there}. Mend package_name and version_name, and delete the version that is not wanted."
        )
    return found[0]


def _check_bytes(current: Row, src: str | None) -> None:
    """Raise InvalidParameter where a file is known to differ from the one that the service has for its version."""
    known = current.get("hash_string")
    digest = digest_like(known, _path(src)) if src else None
    if digest and known and digest != known.lower():
        raise InvalidParameter(
            f"The app '{label_of(current)}' is there, but with other bytes than '{src}' has. A version cannot be"
            " replaced: raise the version of the package, or delete the one that is there first."
        )


def _ids(version: Row) -> dict[str, str | ResultOf]:
    return {"app_id": str(version["app_id"]), "id": str(version["id"])}


def _users(references: References, version: Row) -> list[str]:
    """What has a version in use, each as part of a sentence."""
    return _named_users(blueprints_with(references, version), version.get("installed_count") or 0)


def _named_users(blueprints: list[Row], devices: int) -> list[str]:
    counted = f"{devices} device{'s'[: devices != 1]}"
    return [f"the blueprint '{BLUEPRINTS.label(row)}'" for row in blueprints] + ([counted] if devices else [])


def _in_use(label: str, users: list[str], advice: str) -> InvalidParameter:
    return InvalidParameter(
        f"The app '{label}' is in use by {' and '.join(users)}: take it from there first, {advice}."
    )


def _removal(version: Row, force: bool, request_id: str | None = None) -> Step:
    """The deletion of a version. The service answers 200 where it wants to be asked again, since something uses it."""

    def confirmed(answer: Response) -> Step | None:
        if answer.status != 200:
            return None
        body = answer.body if isinstance(answer.body, dict) else {}
        if force and request_id is None and body.get("request_id"):
            return _removal(version, force, body["request_id"])
        users = [f"the template '{each.get('name')}'" for each in body.get("templates") or []]
        raise _in_use(label_of(version), users or ["something"], "or set force to have it deleted all the same")

    return Step(
        purpose=f"Deleting the app '{label_of(version)}'",
        method="DELETE",
        path=_V1 + _VERSION,
        ids=_ids(version),
        query={"request_id": request_id},
        then=confirmed,
    )


APP_VERSION = AppVersion()
