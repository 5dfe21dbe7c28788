# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Android apps and their versions.

Rests on two families of the contract. /v1/enterprise/{enterprise_id}/application/ (v1.yaml) lists all apps.
/enterprise/{enterprise_id}/application/ (legacy.yaml) accepts uploads and has more properties of a version, but lacks
some apps. So a version is read from the legacy family first, then from v1. In both families, `version_code` is the name
of a version and `build_number` its code. No other file depends on this.

Choices where the contract is silent: the length of `hash_string` determines its algorithm. A version that devices have
installed is in use, like one that a blueprint has.
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
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value, writable
from ..model.plan import Change, Plan, Step
from ..model.unknowns import ResultOf
from .blueprint_list import BLUEPRINTS
from .blueprint_usage import Usage, User, is_same_id, items_in, usage
from .upload import SEARCH_PATH, UPLOAD_DEADLINE

if t.TYPE_CHECKING:
    from ..http.responses import Response

_LEGACY = "/enterprise/{enterprise_id}/application/"
_V1 = "/v1/enterprise/{enterprise_id}/application/"
_VERSION = "{app_id}/version/{id}/"
_IDENTITY = ("package_name", "version_name", "version_code")
_SET_SRC = "Set src to upload it."
# The properties of a version that v1 accepts.
_V1_ACCEPTS = frozenset({"release_name", "is_default", "approval_status"})


def _number(value: t.Any) -> t.Any:
    """Return the code of a version as a number. The API has it as text."""
    return int(value) if str(value).isdecimal() else value


_APP_NAME = Field("name", "Name of the app.", api="application_name", writable=False, sample="Till")
_PACKAGE_NAME = Field("package_name", "Package name of the app.", writable=False, sample="com.example.till")
_ABOUT_VERSION = (
    Field("version_name", "Name of the version.", api="version_code", writable=False, sample="1.2.0"),
    Field(
        "version_code",
        "Code of the version, a number that increases with each version. Null for apps from Google Play.",
        api="build_number",
        type="int",
        normalize=_number,
        writable=False,
        sample=120,
    ),
    Field(
        "release_name",
        "Name of the release, at most 255 characters.",
        validator=length(0, 255),
        returns="Name of the release.",
        sample="Spring",
    ),
    Field("release_comments", "Release notes.", sample="Faster start"),
    Field(
        "track",
        "Track of the release.",
        api="release_track",
        choices=("Alpha", "Beta", "Production"),
        returns="Track of the release. Null if the Esper API does not return it.",
        sample="Production",
    ),
    Field(
        "enabled",
        "If V(true), the version is enabled.",
        api="is_enabled",
        type="bool",
        returns="If V(true), the version is enabled. Null if the Esper API does not return it.",
        sample=True,
    ),
    Field(
        "default",
        "If V(true), the version is the default version of its app. Each app has at most one default version.",
        api="is_default",
        type="bool",
        returns="If V(true), the version is the default version of its app.",
        sample=False,
    ),
    Field(
        "approval",
        "Approval status of the version.",
        api="approval_status",
        choices=("AVAILABLE", "ACCEPTED", "APPROVED", "REJECTED"),
        sample="APPROVED",
    ),
    Field(
        "checksum",
        (
            "Checksum of the APK file in hexadecimal. Null if the Esper API does not return it.",
            "Esper does not document the algorithm.",
        ),
        api="hash_string",
        writable=False,
        sample="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    Field("size_in_mb", "Size of the APK file in megabytes.", type="float", writable=False, sample=12.5),
    Field("min_sdk_version", "Lowest Android API level that the version supports.", writable=False, sample="21"),
    Field(
        "installed_count",
        "Number of devices that have the version installed.",
        type="int",
        writable=False,
        sample=12,
    ),
    Field(
        "google_play",
        "If V(true), the version is from Google Play.",
        api="is_g_play",
        type="bool",
        writable=False,
        sample=False,
    ),
    Field("created_on", "Time of the upload.", writable=False, sample="2026-03-01T09:30:00Z"),
)


class App(Resource):
    """An app, which is identified by its package name."""

    kind = "app"
    plural = "apps"
    title = "app"
    collection = _V1
    item = _V1 + "{id}/"
    name_key = "package_name"
    name_filter = "package_name_exact"
    fields = (
        Field("id", "ID of the app.", writable=False, sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
        _APP_NAME,
        _PACKAGE_NAME,
        Field(
            "hidden",
            "If V(true), the app belongs to Esper.",
            api="is_hidden",
            type="bool",
            writable=False,
            sample=False,
        ),
        Field(
            "versions",
            (
                "Versions of the app, in the order of the Esper API.",
                "Null unless O(versions), O(blueprints) or O(devices) is V(true).",
            ),
            type="list",
            elements="dict",
            writable=False,
            fields=(
                Field(
                    "id",
                    "ID of the version. Blueprints refer to it.",
                    sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a004",
                ),
                *_ABOUT_VERSION,
                Field(
                    "blueprints",
                    "Blueprints that have the version in any of their versions. Null unless O(blueprints=true).",
                    type="list",
                    elements="dict",
                    fields=BLUEPRINTS.fields,
                    sample=[{"id": "0a4b1d6e-7d0c-4a4e-9a64-35b0a7a3c001", "name": "Point of Sale"}],
                ),
                Field(
                    "devices",
                    "Devices that have the version installed. Null unless O(devices=true).",
                    type="list",
                    elements="dict",
                    fields=(
                        Field("id"),
                        Field("name", api="device_name"),
                        Field("alias", api="alias_name"),
                        Field("group", api="group_name"),
                    ),
                    sample=[
                        {
                            "id": "7c6f0b0e-3f0d-4d3e-8a83-1f3cbb1a2001",
                            "name": "ESR-POS-0001",
                            "alias": "Till 1",
                            "group": "Berlin",
                        }
                    ],
                ),
            ),
        ),
    )
    info_module = ModuleSpec(
        short_description="Get information about Android apps in Esper",
        description=(
            "Returns one app by package name or ID, all apps with a name, or all apps of the tenant.",
            "Versions of the apps are returned on request.",
            "The result includes apps from Google Play. Hidden apps, which belong to Esper, are not in the list of all"
            " apps.",
            "If the app does not exist, the list is empty.",
        ),
        options=(
            Option("package_name", "Package name of the app, case-sensitive.", identifier=True),
            Option("id", "ID of the app.", identifier=True),
            Option("name", "Name of the apps, case-sensitive. Several apps can have the same name.", identifier=True),
            Option(
                "versions",
                "If V(true), the versions are returned too. This takes one request for each app.",
                type="bool",
                default=False,
            ),
            Option(
                "blueprints",
                "If V(true), the versions and their blueprints are returned too. This takes one request for each"
                " version.",
                type="bool",
                default=False,
            ),
            Option(
                "devices",
                "If V(true), the versions and their devices are returned too. This takes one request for each version.",
                type="bool",
                default=False,
            ),
        ),
        rules={"mutually_exclusive": [("id", "package_name", "name")]},
        check_mode=READS_ONLY,
        diff_mode=NO_DIFF,
        seealso=("app",),
    )

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
    """Return the versions of an app, each with the properties of the app. ``family`` is the path of the list. An app
    that this task uploads has no versions yet."""
    if isinstance(app["id"], ResultOf):
        return []
    purpose = f"Reading the versions of the app '{APP.label(app)}'"
    rows = list_all(references.client, f"{family}{app['id']}/version/", query=query, purpose=purpose)
    return [_of_app(app, row, family) for row in rows]


def _of_app(app: Row, version: Row, family: str) -> Row:
    about = {key: app.get(key) for key in ("package_name", "application_name")}
    # Only v1 has the versions of Google Play.
    return {"is_g_play": False, **version, **about, "app_id": app.get("id"), "family": family}


def label_of(version: Row) -> str:
    """Return the text for a version in messages: package name, version name and version code."""
    code = version.get("build_number")
    return f"{version['package_name']} {version['version_code']}" + (f" ({code})" if code else "")


def blueprints_with(references: References, version: Row) -> list[Row]:
    """Return the blueprints that have a version in any of their versions."""
    return references.rows(BLUEPRINTS, {"settings__android__app_version_id": version["id"]})


class AppVersion(Resource):
    """A version of an app, which the module ``app`` manages. Its record includes properties of the app."""

    kind = "app"
    plural = "apps"
    title = "app"
    collection = _V1
    item = _V1 + _VERSION
    fields = (
        Field(
            "id",
            "ID of the app. Null in check mode if the task creates the app.",
            api="app_id",
            writable=False,
            sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003",
        ),
        _APP_NAME,
        _PACKAGE_NAME,
        Field(
            "version_id",
            "ID of the version. Blueprints refer to it. Null in check mode if the task uploads the version.",
            api="id",
            writable=False,
            sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a004",
        ),
        *_ABOUT_VERSION,
    )
    module = ModuleSpec(
        short_description="Manage Android app versions in Esper",
        description=(
            "Uploads an Android app version (APK file) and sets its release properties.",
            "Deletes versions, or apps with all of their versions.",
            "The module reads package name and version from the APK file, if the Python library pyaxmlparser is"
            " installed where the module runs. Otherwise, O(src) requires O(package_name) and O(version_name).",
            "An existing version is not uploaded again. If the Esper API returns its checksum, O(src) is compared with"
            " it. A difference is an error, because Esper cannot replace the file of a version.",
            "The APK file is sent while it is read, so uploads of any size need little memory.",
            "The module changes no device. Devices get a version by their blueprints (M(esper.cloud.blueprint)), or by"
            " a command (M(esper.cloud.device_command)).",
        ),
        requirements=("pyaxmlparser, to read package name and version from O(src)",),
        options=(
            Option(
                "state",
                (
                    "Desired state of the app version.",
                    "V(absent) deletes the version. If no version is set, it deletes the app with all of its versions.",
                ),
                choices=("present", "absent"),
                default="present",
            ),
            Option(
                "src",
                ("Path of an APK file on the controller. It is uploaded if its version does not exist.", *SEARCH_PATH),
                type="path",
            ),
            Option("package_name", "Package name of the app, case-sensitive.", identifier=True),
            Option("id", "ID of the app.", identifier=True),
            Option("version_name", "Name of the version, such as V(1.2.0).", identifier=True),
            Option(
                "version_code",
                (
                    "Code of the version, a number.",
                    "Needed if several versions have the same name, or for O(keep_versions) if the module cannot read"
                    " O(src).",
                ),
                type="int",
                identifier=True,
            ),
            Option(
                "version_id",
                (
                    "ID of the version. The version must exist unless O(state=absent).",
                    "The ID of a version of another app is an error.",
                ),
                identifier=True,
            ),
            *writable(fields),
            Option(
                "keep_versions",
                (
                    "Number of versions of the app to keep, including the version of the task. Versions with lower"
                    " version codes are deleted.",
                    "Versions in use are kept with a warning, unless O(force=true). See O(force).",
                    "The task fails if it would delete its own version, or if a version code is not known.",
                    "If omitted, no other versions are deleted. Requires O(state=present).",
                ),
                type="int",
            ),
            Option(
                "force",
                (
                    "If V(true), versions in use are deleted. Otherwise, the task fails and the error names the users.",
                    "A version is in use if a device has it installed, or if the published version or the latest draft"
                    " of a blueprint has it. Earlier versions of a blueprint do not count.",
                    "In M(esper.cloud.tenant), the blueprints count as the task plans them.",
                    "Esper rejects the deletion of a whole app that a blueprint has, even if O(force=true).",
                ),
                type="bool",
                default=False,
            ),
            UPLOAD_DEADLINE,
        ),
        rules={
            "required_one_of": [("src", "id", "package_name")],
            "required_if": [("state", "present", ("src", "version_id", "version_name", "version_code"), True)],
            "mutually_exclusive": [
                ("src", "id"),
                ("id", "package_name"),
                ("src", "version_id"),
                ("version_id", "version_name"),
                ("version_id", "version_code"),
            ],
        },
        returns=(
            Value(
                "app",
                (
                    "The app version after the task, with properties of its app. In check mode, the predicted state.",
                    "After an upload without release properties, values that Esper does not return yet are null.",
                ),
                type="dict",
                returned="if the version exists after the task",
                contains=fields,
            ),
        ),
        sources=("src",),
        seealso=("app_info",),
    )

    def label(self, row: Row) -> str:
        return label_of(row)

    def find(self, references: References, params: Params) -> Row | None:
        _validate(params)
        wanted = _with_package(params)
        app = APP.find(references, {"id": wanted["id"], "name": wanted["package_name"]})
        found: list[Row] = []
        if app and not _names_version(wanted):
            return app
        if app:
            planned = [row for row in _planned_versions(references, app) if _may_be_wanted(row, wanted)]
            found = [*_versions_wanted(references, app, wanted), *planned]
        if not found and wanted["version_id"] is not None:
            _check_app_of(references, wanted)
        return self.only(found, _wanted_label(wanted), "Set version_code too.")

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
        compared = self.compared({}, desired)
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
            # The upload accepts the file only.
            body = {each.api_name: compared[each.name].payload for each in self.fields if each.name in desired}
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
            plan.late_parts.append(
                lambda plan: self._plan_removals(
                    references, plan, app, wanted["version_code"], params, own_id=version["id"]
                )
            )
        return plan

    def _there(self, references: References, params: Params) -> Row | None:
        """Return the version that this upload created, or that another client has created at the same time."""
        row = self.find(references, params)
        if row:
            _check_bytes(row, params["src"])
        return row

    def _missing(self, references: References, app: Row | None, wanted: Params) -> NotFound:
        if app is None:
            rows = references.rows(APP, {})
            return NotFound("app", wanted["id"] or wanted["package_name"], (APP.label(row) for row in rows), _SET_SRC)
        available = [label_of(row) for row in versions_of(references, app)]
        return NotFound("app", _wanted_label({**wanted, "package_name": app["package_name"]}), available, _SET_SRC)

    def plan_update(self, references: References, current: Row, params: Params) -> Plan:
        _check_bytes(current, params["src"])
        plan = super().plan_update(references, current, params)
        for step in plan.steps:
            step.path = current["family"] + _VERSION
            step.ids = _ids(current)
            step.read = lambda body: {**current, **body}
            refused = step.body.keys() - _V1_ACCEPTS if isinstance(step.body, dict) else set()
            if current["family"] == _V1 and refused:
                names = sorted(each.name for each in self.fields if each.api_name in refused)
                raise InvalidParameter(
                    f"Cannot set {' and '.join(names)} of the app '{label_of(current)}': Esper does not accept them for"
                    " such apps, for example those from Google Play."
                )
        if params["keep_versions"] is not None:
            app = {**current, "id": current["app_id"]}
            plan.late_parts.append(
                lambda plan: self._plan_removals(references, plan, app, _number(current.get("build_number")), params)
            )
        return plan

    def _plan_removals(
        self, references: References, plan: Plan, app: Row, code: t.Any, params: Params, own_id: t.Any = None
    ) -> None:
        """Add the deletion of the versions that are older than those to keep. ``code`` is the version code of the task,
        and ``own_id`` the ID of the version that it uploads."""
        keep, package = params["keep_versions"], app["package_name"]
        there = [row for row in versions_of(references, app) if not references.is_leaving(self, row["id"])]
        there += [row for row in _planned_versions(references, app) if row["id"] != own_id]
        by_code = {_number(row.get("build_number")): row for row in there}
        unclear = [label_of(row) for each, row in by_code.items() if not isinstance(each, int)]
        if unclear or not isinstance(code, int):
            which = " and ".join(unclear) or "the version of the task (set version_code)"
            raise InvalidParameter(
                f"Cannot determine the newest {keep} versions of the app '{package}': unknown version code of {which}."
            )
        kept = sorted({*by_code, code}, reverse=True)[:keep]
        if code not in kept:
            raise InvalidParameter(
                f"keep_versions {keep} would delete the version of the task: the app '{package}' has {keep} with higher"
                f" version codes ({', '.join(map(str, kept))})."
            )
        for row in [row for each, row in sorted(by_code.items()) if each not in kept]:
            if isinstance(row["id"], ResultOf):
                raise InvalidParameter(
                    f"keep_versions {keep} would delete '{label_of(row)}', which the same task uploads."
                )
            used = Usage() if params["force"] else _usage(references, {"app_id": app["id"]}, row["id"])
            users = [] if params["force"] else _named_users(used.users, row.get("installed_count") or 0)
            if users:
                plan.warnings.append(
                    f"The app '{label_of(row)}' is kept, because it is in use by {' and '.join(users)}."
                )
            else:
                plan.steps.append(_removal(row, params["force"]))
                plan.changes.append(self.deletion(row))
                plan.relies_on += [(BLUEPRINTS, each) for each in used.former]

    def plan_delete(self, references: References, current: Row, params: Params) -> Plan:
        if "app_id" not in current:
            return self._plan_removal_of_all(references, current, params)
        plan = Plan(None, [_removal(current, params["force"])], [self.deletion(current)])
        if not params["force"]:
            used = _usage(references, {"app_version_id": current["id"]}, current["id"])
            if users := _named_users(used.users, current.get("installed_count") or 0):
                raise _in_use(label_of(current), users, "or set force=true")
            plan.relies_on += [(BLUEPRINTS, each) for each in used.former]
        return plan

    def _plan_removal_of_all(self, references: References, app: Row, params: Params) -> Plan:
        """Return the plan that deletes an app with all of its versions."""
        rows, package = versions_of(references, app), APP.label(app)
        before = {"package_name": package, "versions": [label_of(row) for row in rows]}
        plan = Plan(None, [APP.delete_step(app)], [Change(f"app {package}", before, {})])
        if not params["force"]:
            used = _usage(references, {"app_id": app["id"]})
            devices = sum(row.get("installed_count") or 0 for row in rows)
            if users := _named_users(used.users, devices):
                raise _in_use(package, users, "or set force=true if only devices use it")
            plan.relies_on += [(BLUEPRINTS, each) for each in used.former]
        return plan

    def deletion(self, current: Row) -> Change:
        record = self.record(current)
        return Change(f"app {label_of(current)}", {name: record[name] for name in _IDENTITY}, {})


def _validate(params: Params) -> None:
    """Raise InvalidParameter if an identifier is empty, or if keep_versions does not keep the version of the task."""
    for name in ("package_name", "id", "version_name", "version_id"):
        if params[name] is not None and not params[name].strip():
            raise InvalidParameter(f"{name} must not be empty.")
    keep = params["keep_versions"]
    if keep is not None and keep < 1:
        raise InvalidParameter(
            f"Invalid keep_versions {keep}: it must be 1 or more, because the task keeps its version."
        )
    if keep is not None and params["state"] == "absent":
        raise InvalidParameter("keep_versions requires state=present, because state=absent keeps no version.")


def _path(src: str) -> Path:
    path = Path(src).expanduser()
    if not path.is_file():
        raise InvalidParameter(f"File not found: '{path}'.")
    return path


def _with_package(params: Params) -> Params:
    """Return the options, completed from the APK file. Raise InvalidParameter if the file contradicts them, or if
    neither the file nor the options have package and version."""
    if not params["src"]:
        return params
    path = _path(params["src"])
    try:
        package = asdict(read_package(path))
    except InvalidParameter as why:
        if params["package_name"] and params["version_name"]:
            return params
        raise InvalidParameter(
            f"Cannot read package and version of '{path}': {why}. Set package_name and version_name."
        ) from None
    wrong = [name for name in _IDENTITY if params[name] not in (None, package[name])]
    if wrong:
        differences = " and ".join(f"{name} {package[name]}, not {params[name]}" for name in wrong)
        raise InvalidParameter(f"The file '{path}' has {differences}.")
    return {**params, **package}


def _names_version(wanted: Params) -> bool:
    return any(wanted[name] is not None for name in ("version_id", "version_name", "version_code"))


def _wanted_label(wanted: Params) -> str:
    """Return the text in messages for the version that a task names."""
    name, code = wanted["version_name"] or wanted["version_id"], wanted["version_code"]
    parts = [wanted["package_name"] or wanted["id"], name, f"({code})" if code is not None else None]
    return " ".join(part for part in parts if part)


def _is_wanted(row: Row, wanted: Params) -> bool:
    given = {"id": wanted["version_id"], "version_code": wanted["version_name"], "build_number": wanted["version_code"]}
    return all(str(row.get(key)) == str(value) for key, value in given.items() if value is not None)


def _planned_versions(references: References, app: Row) -> list[Row]:
    """Return the versions of an app that the same task uploads."""
    return [row for row in references.expected(APP_VERSION) if row["app_id"] == app["id"]]


def _may_be_wanted(row: Row, wanted: Params) -> bool:
    """Return whether a version that the same task uploads, whose code may be unknown, can be the one of the options."""
    known = {name: wanted[name] for name in ("version_name", "version_code") if wanted[name] is not None}
    planned = {"version_name": row["version_code"], "version_code": row["build_number"]}
    return wanted["version_id"] is None and all(planned[name] in (None, value) for name, value in known.items())


def _versions_wanted(references: References, app: Row, wanted: Params) -> list[Row]:
    """Return the versions of an app that match the options of a task.

    Raise InvalidParameter if the version code belongs to a version with another name.
    """
    # A version code is unique in its app, so the lookup by code also finds a contradiction.
    code, name = wanted["version_code"], wanted["version_name"]
    query = {"version_code": name} if code is None else {"build_number": code}
    try:
        rows = versions_of(references, app, query, _LEGACY)
    except ApiError as error:
        if error.status != 404:
            raise
        rows = []
    found = [row for row in rows if _is_wanted(row, wanted)]
    if found:
        return found
    rows += versions_of(references, app, query)
    other = next((row for row in rows if code is not None and str(row.get("build_number")) == str(code)), None)
    if other and name is not None and other.get("version_code") != name:
        raise InvalidParameter(
            f"version_code {code} of the app '{APP.label(app)}' is version_name {other['version_code']}, not {name}."
        )
    return [row for row in rows if _is_wanted(row, wanted)]


def _check_app_of(references: References, wanted: Params) -> None:
    """Raise InvalidParameter if the version ID of a task is that of a version of another app. Only the legacy family
    lists all apps with their versions."""
    for app in references.at(_LEGACY, purpose=APP.reading_all):
        for row in app.get("versions") or []:
            if is_same_id(row.get("id"), wanted["version_id"]):
                raise InvalidParameter(
                    f"version_id {wanted['version_id']} is a version of the app '{APP.label(app)}', not of"
                    f" '{wanted['package_name'] or wanted['id']}'."
                )


def _uploaded(body: Row, wanted: Params) -> Row | None:
    """Return the version in the response to an upload. Raise InvalidParameter if the file was another version."""
    app = body.get("application")
    if not isinstance(app, dict):
        return None
    rows = [_of_app(app, row, _LEGACY) for row in app.get("versions") or []]
    found = [row for row in rows if row["package_name"] == wanted["package_name"] and _is_wanted(row, wanted)]
    if not found:
        existing = ", ".join(label_of(row) for row in rows)
        raise InvalidParameter(
            f"The file '{wanted['src']}' was uploaded, but is not '{_wanted_label(wanted)}' in Esper, which now has"
            f" {existing}. Fix package_name and version_name, and delete the unwanted version."
        )
    return found[0]


def _check_bytes(current: Row, src: str | None) -> None:
    """Raise InvalidParameter if a file differs from the one that Esper has for its version."""
    known = current.get("hash_string")
    checksum = digest_like(known, _path(src)) if src else None
    if checksum and known and checksum != known.lower():
        raise InvalidParameter(
            f"The app '{label_of(current)}' exists with another checksum than '{src}'. Esper cannot replace a version:"
            " increase the version of the APK file, or delete the existing version first."
        )


def _ids(version: Row) -> dict[str, str | ResultOf]:
    return {"app_id": str(version["app_id"]), "id": str(version["id"])}


def _usage(references: References, ids: Row, version_id: t.Any = None) -> Usage:
    """Return the usage of an app, or of one of its versions. ``ids`` find the candidates, so several versions of an app
    share one request."""
    key, wanted = ("app_version_id", version_id) if version_id else ("app_id", ids["app_id"])

    def selects(settings: Row) -> bool:
        return any(is_same_id(item.get(key), wanted) for item in items_in(settings, ("android",), "apps"))

    return usage(references, {f"settings__android__{name}": value for name, value in ids.items()}, selects)


def _named_users(blueprints: list[User], devices: int) -> list[str]:
    """Return the users of an app or a version, each as part of a sentence."""
    counted = f"{devices} device{'s'[: devices != 1]}"
    return [str(user) for user in blueprints] + ([counted] if devices else [])


def _in_use(label: str, users: list[str], advice: str) -> InvalidParameter:
    return InvalidParameter(
        f"The app '{label}' is in use by {' and '.join(users)}. Remove it from there first, {advice}."
    )


def _removal(version: Row, force: bool, request_id: str | None = None) -> Step:
    """Return the deletion of a version. If the version is in use, Esper returns HTTP 200 and expects a second
    request."""

    def confirmed(answer: Response) -> Step | None:
        if answer.status != 200:
            return None
        body = answer.body if isinstance(answer.body, dict) else {}
        if force and request_id is None and body.get("request_id"):
            return _removal(version, force, body["request_id"])
        users = [f"the template '{each.get('name')}'" for each in body.get("templates") or []]
        raise _in_use(label_of(version), users or ["something"], "or set force=true")

    return Step(
        purpose=f"Deleting the app '{label_of(version)}'",
        method="DELETE",
        path=_V1 + _VERSION,
        ids=_ids(version),
        query={"request_id": request_id},
        then=confirmed,
    )


APP_VERSION = AppVersion()
