# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blueprints, which contain the settings of devices.

Based on /v2/blueprints/ of the contract (v2.yaml). Each save creates a new version, which is a draft unless the same
request publishes it. The Esper API replaces a blueprint as a whole, so a change sends the unchanged settings of every
platform too.

Choices where the contract is silent: a blueprint is created as a draft and published by a second request, because only
PUT has `publish`; the versions are one list without paging; a version number means the version that was published with
this number.
"""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter, NotFound
from ..base.ids import is_uuid, last_uuid
from ..base.row import Params, Row
from ..base.validators import length
from ..engine.object_cache import References
from ..model.compare import compare
from ..model.differences import differences
from ..model.field import Field
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value, confirm_option, writable
from ..model.plan import Change, Plan, Step
from ..model.unknowns import ResultOf, filled
from ..model.values import matches
from ..model.walk import secret_paths, unknown_paths
from .blueprint_list import BLUEPRINTS, BlueprintList
from .blueprint_names import Names, exported, with_names_of
from .blueprint_settings import SETTINGS
from .device_group import DEVICE_GROUP
from .device_list import count_devices

# Values that a save changes and only Esper knows.
_UNKNOWN = ("version_id", "version_number", "minor_version_number", "latest_published_version_id", "updated_at")

_COMMENTS = "Comment on the last saved version."
_PUBLISH = "If V(true), the last saved version is published. If V(false), it is a draft."


class Blueprint(BlueprintList):
    update_method = "PUT"
    refers_to = ("app", "content")
    fields = (
        Field(
            "id",
            "ID of the blueprint. Null in check mode if the task creates the blueprint.",
            writable=False,
            sample="3c1f6d0e-6d0c-4c0b-9c43-0f3a8f5b1e11",
        ),
        Field(
            "name",
            ("Name of the blueprint, case-sensitive.", "With O(id), the new name of the blueprint."),
            identifier=True,
            normalize=str.strip,
            validator=length(1),
            returns="Name of the blueprint.",
            sample="Self-service kiosks",
        ),
        Field("description", "Description of the blueprint.", sample="Kiosks in the stores"),
        Field("comments", "Comment on the version that the task saves.", returns=_COMMENTS, sample="Spring release"),
        SETTINGS,
        Field("publish", type="bool", returns=_PUBLISH, sample=True),
        Field(
            "version_id",
            "ID of the last saved version. Null in check mode if the task saves a version.",
            writable=False,
            sample="1a1f0d3c-5a77-4dd1-9a3c-26b9e3f0a7e2",
        ),
        Field(
            "version_number",
            "Number of the last saved version. Null in check mode if the task saves a version.",
            type="int",
            writable=False,
            sample=3,
        ),
        Field(
            "minor_version_number",
            "Number of the draft. Null in check mode if the task saves a version.",
            type="int",
            writable=False,
            sample=0,
        ),
        Field(
            "latest_published_version_id",
            "ID of the latest published version. Null if Esper does not return it, and in check mode if the task"
            " publishes a version.",
            writable=False,
            sample="1a1f0d3c-5a77-4dd1-9a3c-26b9e3f0a7e2",
        ),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_at", "Time of the last save.", writable=False, sample="2026-03-02T11:00:00Z"),
    )
    module = ModuleSpec(
        short_description="Manage Esper blueprints",
        description=(
            "Creates, updates, publishes, renames and deletes blueprints, which contain the settings of devices. Also"
            " restores earlier versions.",
            "Settings you omit are not changed. The Esper API replaces a blueprint as a whole, so the module sends the"
            " unchanged settings of all platforms again.",
            "Each change is saved as a draft, unless O(publish=true). Devices never get drafts.",
            "Publishing a blueprint does not change devices. Devices get the published version when they converge: see"
            " M(esper.cloud.converge).",
            "The module looks up apps by package name and version, and content files by name. You can set their IDs"
            " instead. Wi-Fi networks, wallpapers, provisioning profiles and custom actions are set by ID.",
            "The module validates the settings before it sends a change, also in check mode. An error contains the path"
            " of each invalid or missing value.",
        ),
        options=(
            Option(
                "state",
                (
                    "Desired state of the blueprint.",
                    "A blueprint that devices or device groups use is not deleted, unless O(force=true).",
                ),
                choices=("present", "absent"),
                default="present",
            ),
            Option("id", "ID of the blueprint. The blueprint must exist unless O(state=absent).", identifier=True),
            *(each for each in writable(fields) if each.name != "publish"),
            Option(
                "publish",
                (
                    "If V(true), the module publishes the blueprint, so devices get it when they converge. It also"
                    " publishes an existing draft.",
                    "If V(false), a change is saved as a draft, and the published version stays published.",
                ),
                type="bool",
                default=False,
            ),
            Option(
                "exact",
                (
                    "If V(true), remove settings, apps, files and networks that the task does not list, for each"
                    " platform in O(settings). Other platforms are not changed.",
                    "An empty list or dictionary removes its whole content. Null is not managed: a platform, a list or"
                    " a setting with null is not changed. The diff contains the number and the names of removed items.",
                    "Default values do not count as differences. Settings unknown to this collection are kept."
                    " Passwords of settings and networks in the task are also kept, because they cannot be read.",
                ),
                type="bool",
                default=False,
            ),
            Option(
                "version",
                (
                    "Version to restore, by the number of a published version or by ID. The blueprint gets the settings"
                    " of this version, and the module publishes them as a new version.",
                    "Passwords that Esper masks cannot be restored. Set O(confirm=true) to restore the version without"
                    " them.",
                    "If the settings are already in the desired state and published, nothing changes.",
                ),
                identifier=True,
            ),
            Option(
                "update_password",
                (
                    "When to send the password O(settings.android.wifi_networks[].certificate_file_password).",
                    "Also for O(settings.android.esper_settings_apps_settings.admin_mode_password).",
                    "V(on_create) sends them if the setting or network is new, and together with any other change.",
                    "V(always) sends them in each run, so the task always reports a change.",
                    "If the Esper API returns the value unmasked, it is compared like any other option.",
                ),
                choices=("always", "on_create"),
                default="on_create",
            ),
            confirm_option("a password of a setting or network"),
            Option(
                "force",
                (
                    "If V(true), the module requests the deletion of a blueprint that devices or device groups use."
                    " Esper can still reject it.",
                    "If V(false), the module fails instead, and the error contains the devices and groups.",
                ),
                type="bool",
                default=False,
            ),
        ),
        rules={"required_one_of": [("id", "name")], "mutually_exclusive": [("version", "settings")]},
        seealso=("blueprint_info", "converge", "app", "content"),
    )
    info_module = ModuleSpec(
        short_description="Get information about Esper blueprints",
        description=(
            "Returns one blueprint by name or ID, or all blueprints of the tenant. If the blueprint does not exist, the"
            " list is empty.",
            "Can also return all versions of blueprints, the differences between two versions, and blueprints in a form"
            " that M(esper.cloud.blueprint) accepts in another tenant.",
        ),
        options=(
            Option("id", "ID of the blueprint.", identifier=True),
            Option("name", "Name of the blueprint, case-sensitive.", identifier=True),
            Option(
                "resolve_names",
                (
                    "If V(true), the module looks up the names of apps and content files. This takes one request for"
                    " each app, and one for every 250 content files, Apple apps and Windows apps.",
                    "If V(false), settings have only the IDs.",
                ),
                type="bool",
                default=True,
            ),
            Option(
                "versions",
                "If V(true), the module also returns all versions of each blueprint, drafts included, newest first.",
                type="bool",
                default=False,
            ),
            Option(
                "compare",
                "Two versions of a blueprint to compare, older version first, by the number of a published version or"
                " by ID. O(name) or O(id) is required.",
                type="list",
                elements="str",
                identifier=True,
            ),
            Option(
                "export",
                (
                    "If V(true), the module returns blueprints as options of M(esper.cloud.blueprint), with names"
                    " instead of IDs.",
                    "The export omits objects without names, such as Wi-Fi networks and wallpapers, and also passwords"
                    " and settings unknown to this collection. RV(omitted) lists them.",
                ),
                type="bool",
                default=False,
            ),
        ),
        rules={"mutually_exclusive": [("id", "name"), ("export", "compare", "versions")]},
        returns=(
            Value(
                "blueprints",
                (
                    "The blueprints that match, in the order of the Esper API.",
                    "With O(export=true), each has only the keys name, description, comments and settings.",
                ),
                type="list",
                elements="dict",
                contains=fields,
            ),
            Value(
                "versions",
                "All versions of each blueprint, newest first, with the keys of RV(blueprints).",
                type="list",
                elements="dict",
                returned="with O(versions=true)",
            ),
            Value(
                "differences",
                "Differences between the two versions.",
                type="list",
                elements="dict",
                returned="with O(compare)",
                contains=(
                    Value(
                        "path",
                        "Path of the setting. It has the package name of an app and the name of a content file.",
                        sample="settings.android.apps[com.example.kiosk].version_name",
                    ),
                    Value("before", "Value in the first version, null if it has none.", type="raw", sample="1.0.0"),
                    Value("after", "Value in the second version, null if it has none.", type="raw", sample="1.1.0"),
                ),
            ),
            Value(
                "omitted",
                "Values that the export omits, because they have no name, are passwords, or are unknown to this"
                " collection.",
                type="list",
                elements="dict",
                returned="with O(export=true)",
                contains=(
                    Value("blueprint", "Name of the blueprint.", sample="Self-service kiosks"),
                    Value("path", "Path of the value.", sample="settings.android.wifi_networks[0]"),
                ),
            ),
        ),
        check_mode=READS_ONLY,
        diff_mode=NO_DIFF,
        seealso=("blueprint",),
    )

    # --- reading ----------------------------------------------------------------------------------------------------

    def find(self, references: References, params: Params) -> Row | None:
        row = super().find(references, params)
        return None if row is None else self._whole(references, row)

    def _whole(self, references: References, row: Row) -> Row | None:
        """Return a blueprint of a list as a whole. The contract has settings in lists; if they are missing, read it."""
        return row if "settings" in row else self.get(references, str(row["id"]))

    def versions_of(self, references: References, blueprint: Row, *, whole: bool = True) -> list[Row]:
        """Return all versions of a blueprint, newest first."""
        path = f"{self.item.format(id=blueprint['id'])}versions/"
        purpose = f"Reading the versions of the blueprint '{self.label(blueprint)}'"
        newest_first = {"ordering": "-version_number,-minor_version_number"}
        rows = references.at(path, newest_first, page_size=None, key="version_id", purpose=purpose)
        return [self._whole_version(references, blueprint, row) for row in rows] if whole else rows

    def _whole_version(self, references: References, blueprint: Row, version: Row) -> Row:
        """Return a version of the list of versions as a whole, like a blueprint of a list."""
        if "settings" in version:
            return version
        purpose = f"Reading the version {version['version_id']} of the blueprint '{self.label(blueprint)}'"
        ids = {"id": str(blueprint["id"]), "version_id": str(version["version_id"])}
        return references.client.get_object(f"{self.item}versions/{{version_id}}/", ids=ids, purpose=purpose)

    def version_of(self, references: References, blueprint: Row, wanted: str) -> Row:
        """Return a version of a blueprint by ID, or the one that was published with a number. Raise NotFound."""
        rows = self.versions_of(references, blueprint, whole=False)
        published = [row for row in rows if row.get("publish")]
        for row in rows if is_uuid(wanted) else published:
            if wanted.lower() in (str(row.get("version_id")), str(row.get("version_number"))):
                return self._whole_version(references, blueprint, row)
        numbers = ", ".join(str(row.get("version_number")) for row in published) or "none"
        raise NotFound(
            "version", wanted, note=f"Published versions of the blueprint '{self.label(blueprint)}': {numbers}."
        )

    # --- planning ---------------------------------------------------------------------------------------------------

    def desired(self, references: References, params: Params) -> Row:
        desired = super().desired(references, params)
        if not params["publish"]:
            # Without publish, the published version is not managed: a change creates a draft.
            desired.pop("publish", None)
        return desired

    def plan_create(self, references: References, params: Params) -> Plan:
        if params["version"] is not None:
            raise NotFound(self.title, params["id"] or params["name"])
        params, _current = self._with_names(Names(references), params, {})
        plan = super().plan_create(references, params)
        (create,) = plan.steps
        body, planned = t.cast("Row", create.body), t.cast("Row", plan.record)
        create.read = _reading(planned)
        if body.pop("publish", False):
            publish = Step(
                purpose=f"Publishing the blueprint '{self.label(body)}'",
                method="PUT",
                path=self.item,
                ids={"id": ResultOf(create, "id")},
                body={**body, "publish": True},
                read=create.read,
                if_created=create,
            )
            plan.steps.append(publish)
        planned["publish"] = params["publish"]
        self._expect(plan, {**body, "id": ResultOf(create, "id")})
        return plan

    def _expect(self, plan: Plan, row: Row) -> None:
        """Let the kinds that blueprints refer to see the planned blueprint."""
        plan.expected.append((BLUEPRINTS, row))

    def plan_update(self, references: References, current: Row, params: Params) -> Plan:
        if params["version"] is not None:
            return self._plan_return(references, current, params)
        names = Names(references)
        params, current = self._with_names(names, params, current)
        plan = super().plan_update(references, current, params)
        plan = self._completed(names, plan, current, bool(params["publish"]))
        if params["exact"]:
            self._list_removed(plan, params["settings"] or {})
        return plan

    def _list_removed(self, plan: Plan, given: Row) -> None:
        """Add the names of removed settings and items to the diff, and warn if a whole platform is emptied."""
        for change in plan.changes:
            before, after = (side.get("settings") or {} for side in (change.before, change.after))
            changes = differences(SETTINGS, before, after, "settings")
            removed = [each["path"] for each in changes if each["after"] in (None, "", [], {})]
            if removed:
                change.after["removed"] = {"count": len(removed), "items": removed}
            for platform in [name for name, value in given.items() if value == {}]:
                lost = [path for path in removed if path.startswith(f"settings.{platform}.")]
                if lost:
                    plan.warnings.append(
                        f"The empty dictionary settings.{platform} removes {len(lost)} settings and items of the"
                        f" {change.title}: {', '.join(lost)}."
                    )

    def plan_delete(self, references: References, current: Row, params: Params) -> Plan:
        if not params["force"] and (users := _users(references, str(current["id"]))):
            raise InvalidParameter(
                f"The blueprint '{self.label(current)}' is in use by {' and '.join(users)}. Assign another blueprint to"
                " them, or set force to true to request the deletion anyway."
            )
        return super().plan_delete(references, current, params)

    def _completed(self, names: Names, plan: Plan, current: Row, publishes: bool) -> Plan:
        """Return a plan of an update with the other effects of a save."""
        for step, change in zip(plan.steps, plan.changes, strict=True):
            planned = t.cast("Row", plan.record)
            t.cast("Row", step.body)["publish"] = publishes
            step.read = _reading(planned)
            if "settings" in change.after:
                before, after = change.before["settings"] or {}, change.after["settings"]
                change.before["settings"] = names.named(before, beside=after)
                change.after["settings"] = names.named(after, beside=before)
            if current.get("publish") and not publishes:
                change.before["publish"], change.after["publish"] = True, False
            planned.update(dict.fromkeys(_UNKNOWN), publish=publishes)
            self._expect(plan, {**current, **t.cast("Row", step.body)})
            if not publishes:
                planned["latest_published_version_id"] = current.get("latest_published_version_id")
        return plan

    def _plan_return(self, references: References, current: Row, params: Params) -> Plan:
        """Return the plan that restores the settings of a version and publishes them: no request, or one."""
        settings = self.version_of(references, current, params["version"]).get("settings") or {}
        # A comparison by field would ignore unknown settings. Masked values are not compared and not sent.
        there, wanted = (compare(SETTINGS, each, None) for each in (current.get("settings") or {}, settings))
        # Settings unknown to the collection count. The types in JSON, such as a managed configuration, count too.
        same = matches(there.payload, wanted.payload) and matches(wanted.payload, there.payload)
        same = same and not list(differences(SETTINGS, there.before, wanted.before))
        without = {**params, "settings": None, "publish": True}
        # The plan is replaced if the settings differ, so only then nothing of it is lost.
        plan = super().plan_update(references, current, without if same else {**without, "confirm": True})
        if same:
            return self._completed(Names(references), plan, current, publishes=True)
        record = self.record(current)
        after = {**t.cast("Row", plan.record), "settings": wanted.before, "publish": True}
        changed = [each for each in self.fields if each.writable and record[each.name] != after[each.name]]
        body = {
            each.api_name: after[each.name] for each in self.fields if each.writable and after[each.name] is not None
        }
        step = Step(
            purpose=f"Restoring version {params['version']} of the blueprint '{self.label(current)}'",
            method=self.update_method,
            path=self.item,
            ids={"id": str(current["id"])},
            body={**body, "settings": wanted.payload},
        )
        if (lost := dict.fromkeys([*there.masked, *wanted.masked])) and not params["confirm"]:
            raise InvalidParameter(
                f"Esper masks {', '.join(lost)} of the blueprint '{self.label(current)}', so the module cannot restore"
                f" version {params['version']} with the value. Set confirm to true to restore it without the value."
            )
        before = {**record, "settings": there.shown_before} if there.masked else record
        change = Change(
            f"{self.title} {self.label(current)}",
            {each.name: before[each.name] for each in changed},
            {each.name: after[each.name] for each in changed},
        )
        return self._completed(Names(references), Plan(after, [step], [change]), current, publishes=True)

    def _with_names(self, names: Names, params: Params, current: Row) -> tuple[Params, Row]:
        if params["settings"] is None:
            return params, current
        given, there = names.resolved(params["settings"], current.get("settings") or {})
        return {**params, "settings": given}, {**current, "settings": there}

    # --- information ------------------------------------------------------------------------------------------------

    def information(self, references: References, params: Params) -> Row:
        if params["compare"] is not None and (len(params["compare"]) != 2 or not (params["id"] or params["name"])):
            raise InvalidParameter("The option compare requires two versions, and name or id.")
        rows = self._chosen(references, params)
        names = Names(references)
        if params["export"]:
            return self._export(rows, names)
        if params["compare"] is not None:
            return {
                self.plural: [self.record(row) for row in rows],
                **self._comparison(references, rows, names, params),
            }
        result = {self.plural: [self.record(self._shown(row, names, named=params["resolve_names"])) for row in rows]}
        if params["versions"]:
            versions = [each for row in rows for each in self.versions_of(references, row)]
            result["versions"] = [
                self.record(self._shown(each, names, named=params["resolve_names"])) for each in versions
            ]
        return result

    def _chosen(self, references: References, params: Params) -> list[Row]:
        if params["id"] is None and params["name"] is None:
            rows = (self._whole(references, row) for row in references.rows(self, {}))
            return [row for row in rows if row is not None]
        row = self.find(references, params)
        return [row] if row else []

    def _shown(self, row: Row, names: Names, *, named: bool) -> Row:
        settings = row.get("settings") or {}
        return {**row, "settings": names.named(settings) if named else settings}

    def _export(self, rows: list[Row], names: Names) -> Row:
        """Return blueprints as options of the module for another tenant, and the paths of omitted values."""
        records, omitted = [], []
        for row in rows:
            shown, lost = self._shown(row, names, named=True), list[str]()
            record = self.record(shown)
            options = {key: record[key] for key in ("name", "description", "comments") if record[key]}
            options["settings"] = exported(SETTINGS, record["settings"], "settings", lost)
            records.append(options)
            lost += secret_paths((SETTINGS,), {"settings": shown["settings"]})
            lost += unknown_paths(SETTINGS, shown["settings"])
            omitted += [{"blueprint": self.label(row), "path": path} for path in lost]
        return {self.plural: records, "omitted": omitted}

    def _comparison(self, references: References, rows: list[Row], names: Names, params: Params) -> Row:
        if not rows:
            raise NotFound(self.title, params["id"] or params["name"])
        old, new = (self.version_of(references, rows[0], each) for each in params["compare"])
        before, after = (self._shown(each, names, named=params["resolve_names"])["settings"] for each in (old, new))
        before, after = SETTINGS.from_api(before), SETTINGS.from_api(after)
        return {"differences": list(differences(SETTINGS, before, after, "settings"))}


def _users(references: References, blueprint_id: str) -> list[str]:
    """Return the device groups and devices that use a blueprint, each as part of a sentence."""
    groups = references.all_as_planned(DEVICE_GROUP)
    used_by = [row for row in groups if last_uuid(row.get("blueprint")) == blueprint_id.lower()]
    users = [f"the device group '{DEVICE_GROUP.label(row)}'" for row in used_by]
    for key in ("assigned_blueprint_id", "current_blueprint_id"):
        purpose = "Counting the devices of the blueprint"
        if devices := count_devices(references.client, {key: blueprint_id}, purpose=purpose):
            return [*users, f"{devices} device{'s'[: devices != 1]}"]
    return users


def _reading(planned: Row) -> t.Callable[[Row], Row]:
    """Return a function that adds planned values to a response: names in the settings, and missing fields."""

    def read(body: Row) -> Row:
        known = filled(planned.get("settings") or {})
        return {**planned, **body, "settings": with_names_of(body.get("settings", known) or {}, known)}

    return read


BLUEPRINT = Blueprint()
