# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blueprints, which contain the settings of devices.

Based on /v2/blueprints/ of the contract (v2.yaml). Each save creates a new version, which is a draft unless the same
request publishes it. The Esper API replaces a blueprint as a whole, so a change sends the unchanged settings of every
platform too.
"""

from __future__ import annotations

from ..base.validators import length
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Guard, Kind
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value, confirm_option, writable
from .blueprint_exporter import BlueprintExporter
from .blueprint_history import HISTORY, VERSION_FILTER
from .blueprint_list import BLUEPRINT_ROUTES
from .blueprint_lookup import BlueprintLookup, users_of
from .blueprint_planner import BlueprintPlanner
from .blueprint_reader import BlueprintReader
from .blueprint_settings import SETTINGS

_COMMENTS = "Comment on the last saved version."
_PUBLISH = "If V(true), the last saved version is published. If V(false), it is a draft."

_FIELDS = (
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

_MODULE = ModuleSpec(
    short_description="Manage Esper blueprints",
    description=(
        "Creates, updates, publishes, renames and deletes blueprints, which contain the settings of devices. Also"
        " restores earlier versions.",
        "Settings you omit are not changed. The Esper API replaces a blueprint as a whole, so the module sends the"
        " unchanged settings of all platforms again. If another client saved a version at the same time, the module"
        " merges both changes, with a warning.",
        "Each change is saved as a draft, unless O(publish=true). Devices never get drafts.",
        "Publishing a blueprint does not change devices. Devices get the published version when they converge: see"
        " M(esper.cloud.converge).",
        "The module looks up apps by package name and version, and content files, wallpapers, webclips,"
        " provisioning profiles and custom actions by name. You can set their IDs instead. Wi-Fi networks are set by"
        " ID.",
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
        *(field for field in writable(_FIELDS) if field.name != "publish"),
        Option(
            "publish",
            (
                "If V(true), the module publishes the blueprint, so devices get it when they converge. It also"
                " publishes an existing draft.",
                "If V(false), the module saves a change as a draft. The published version stays published.",
            ),
            type="bool",
            default=False,
        ),
        Option(
            "exact",
            (
                "If V(true), the module removes settings, apps, files and networks that the task does not list, for"
                " each platform in O(settings). Other platforms are not changed.",
                "An empty list or dictionary removes its whole content. A platform, list or setting with null is not"
                " changed. The diff contains the number and the names of removed items.",
                "Default values do not count as differences. Settings unknown to this collection are kept."
                " Passwords of settings and networks in the task are also kept, because they cannot be read.",
            ),
            type="bool",
            default=False,
        ),
        Option(
            "remove",
            (
                "Paths of settings and items to remove, as in diffs and in the differences of"
                " M(esper.cloud.blueprint_info), for example V(android.camera_settings),"
                " V(android.apps[com.example.kiosk]), V(android.files[menu.html]) or"
                " V(android.apps[com.example.kiosk].managed_config.server).",
                "The name of an item is its package name, file name, webclip, path on the device, or ID.",
                "All other settings are kept. A path that has no value is not an error.",
            ),
            type="list",
            elements="str",
            identifier=True,
        ),
        Option(
            "version",
            (
                "Version to restore, by the number of a published version or by ID. The blueprint gets the settings"
                " of this version, and the module publishes them as a new version.",
                "V(previous) restores the newest published version whose settings differ from those of the latest"
                " published version. After that, V(previous) changes nothing until another version is published. To"
                " restore an even earlier version, set its number.",
                "Passwords that Esper masks cannot be restored. Set O(confirm=true) to restore the version without"
                " them.",
                "If the settings are already in the desired state and published, nothing changes.",
            ),
            identifier=True,
            numbers=True,
        ),
        Option(
            "update_password",
            (
                "When to send the passwords O(settings.android.wifi_networks[].certificate_file_password) and"
                " O(settings.android.esper_settings_apps_settings.admin_mode_password).",
                "V(on_create) sends a password if the setting or network has none, and together with any other change.",
                "V(always) sends them in each run, so the task always reports a change.",
                "If the Esper API returns the value unmasked, it is compared like any other option. An empty text"
                " removes a password.",
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
                "If V(false), the task fails, and the error lists the device groups and the number of devices.",
            ),
            type="bool",
            default=False,
        ),
    ),
    rules={"required_one_of": [("id", "name")], "mutually_exclusive": [("version", "settings"), ("version", "remove")]},
    seealso=("blueprint_info", "converge", "app", "tenant_app", "content"),
)

_INFO_MODULE = ModuleSpec(
    short_description="Get information about Esper blueprints",
    description=(
        "Returns one blueprint by name or ID, or all blueprints of the tenant. If the blueprint does not exist, the"
        " list is empty.",
        "Can also return all versions of blueprints, their history, the differences between two versions, and"
        " blueprints in a form that M(esper.cloud.blueprint) accepts in another tenant.",
    ),
    options=(
        Option("id", "ID of the blueprint.", identifier=True),
        Option("name", "Name of the blueprint, case-sensitive.", identifier=True),
        Option(
            "resolve_names",
            (
                "If V(true), the module looks up the names of apps, content files, wallpapers, webclips, provisioning"
                " profiles and custom actions. This takes one request for each app and provisioning profile, and at"
                " least one for each other kind of object that the blueprints use.",
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
            "history",
            "If V(true), the module also returns who saved each version of each blueprint, when, and the differences to"
            " the version before.",
            type="bool",
            default=False,
        ),
        VERSION_FILTER,
        Option(
            "compare",
            "Two versions of a blueprint to compare, older version first, by the number of a published version or"
            " by ID. Requires O(name) or O(id).",
            type="list",
            elements="str",
            identifier=True,
            numbers=True,
        ),
        Option(
            "export",
            (
                "If V(true), the module returns blueprints as options of M(esper.cloud.blueprint), with names"
                " instead of IDs.",
                "The export omits objects without names, such as Wi-Fi networks, and also passwords and"
                " settings unknown to this collection. RV(omitted) lists them.",
            ),
            type="bool",
            default=False,
        ),
    ),
    rules={"mutually_exclusive": [("id", "name"), ("export", "compare", "versions"), ("export", "compare", "history")]},
    returns=(
        Value(
            "blueprints",
            (
                "The blueprints that match, in the order of the Esper API.",
                "With O(export=true), each has only the keys name, description, comments and settings.",
            ),
            type="list",
            elements="dict",
            contains=_FIELDS,
        ),
        Value(
            "versions",
            "Versions of each blueprint that match O(version_filter), newest first, with the keys of RV(blueprints).",
            type="list",
            elements="dict",
            returned="with O(versions=true)",
        ),
        HISTORY,
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

BLUEPRINT = Kind(
    name="blueprint",
    title="blueprint",
    plural="blueprints",
    routes=BLUEPRINT_ROUTES,
    fields=_FIELDS,
    guards=(Guard(users=users_of, advice="Assign another blueprint to them"),),
    module=_MODULE,
    info_module=_INFO_MODULE,
    lookup=BlueprintLookup,
    planner=BlueprintPlanner,
    reader=BlueprintReader,
    exporter=BlueprintExporter,
)


def blueprints(view: TenantView) -> BlueprintLookup:
    """Return the lookup of blueprints in a view."""
    return BlueprintLookup(view, BLUEPRINT)
