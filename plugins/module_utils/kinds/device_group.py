# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device groups: a tree under the root "All devices".

Based on /enterprise/{enterprise_id}/devicegroup/ of the contract (legacy.yaml). The contract does not document the
following, so this file chooses: names of siblings are case-sensitive, and are compared without leading and trailing
whitespace. Moving is PATCH ?action=move, renaming PATCH without an action, and adding devices PATCH ?action=add, as in
Esper's own tools. The filter ``name`` finds any part of a name.

Choice: POST and PATCH without an action accept ``thumbnail``, which only responses of the contract have. The module
verifies that the response has it.

Esper returns the path of a group without a sign for slashes in names. The path of a group whose parent is not directly
below the root is therefore ambiguous. One request for the groups with a slash in their name, at most once for each
task, usually shows that no group has one. Otherwise the parents are read.
"""

from __future__ import annotations

from ..base.ids import last_uuid
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Kind, Tenant
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value, state_option
from ..model.names import Names
from .device_group_exporter import DeviceGroupExporter
from .device_group_lookup import DeviceGroupLookup, is_root, path_of
from .device_group_planner import DeviceGroupPlanner
from .device_group_reader import DeviceGroupReader
from .device_group_thumbnail import DEVICE_GROUP_THUMBNAIL
from .group_devices import GROUP_ROUTES
from .group_path import PATH_SYNTAX, path_text

_FIELDS = (
    Field(
        "id",
        "ID of the device group. Null in check mode if the task creates the group.",
        writable=False,
        sample="6f3a2c1e-5a3f-4a53-9f3c-0d5e3f3b7a10",
    ),
    Field("name", "Name of the device group.", sample="Berlin"),
    Field(
        "path",
        (
            "Path of the device group: the names from the root to the group, separated by slashes.",
            PATH_SYNTAX,
        ),
        normalize=path_text,
        writable=False,
        sample="All devices/Stores/Germany/Berlin",
    ),
    Field(
        "parent_id",
        "ID of the parent group. Null for the root.",
        api="parent",
        normalize=last_uuid,
        sample="0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d",
    ),
    Field(
        "device_count",
        "Number of devices in the device group, as counted by Esper.",
        type="int",
        writable=False,
        sample=12,
    ),
    Field(
        "children_count",
        "Number of device groups directly below the device group.",
        type="int",
        writable=False,
        sample=3,
    ),
    Field(
        "blueprint_id",
        "ID of the blueprint assigned to the device group. Null if there is none.",
        api="blueprint",
        normalize=last_uuid,
        writable=False,
        sample="5b1f0c0e-7f0e-4c7f-9d55-0a6a3a0f9b21",
    ),
    Field(
        "thumbnail",
        (
            "Name or ID of the device group thumbnail that the Esper console shows for the group. An empty text removes"
            " it.",
            "If Esper accepts the request without setting the thumbnail, the task fails.",
        ),
        names=Names(DEVICE_GROUP_THUMBNAIL),
        null_if_empty=True,
        returns="Name of the device group thumbnail, or its ID if the module did not read the name. Null if there is"
        " none.",
        sample="store.png",
    ),
    Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
)

DEVICE_GROUP = Kind(
    name="device_group",
    title="device group",
    plural="device_groups",
    routes=GROUP_ROUTES,
    fields=_FIELDS,
    label=path_of,
    lookup=DeviceGroupLookup,
    planner=DeviceGroupPlanner,
    reader=DeviceGroupReader,
    exporter=DeviceGroupExporter,
    tenant=Tenant(
        is_built_in=is_root,
        in_one_file=True,
        from_text=lambda path: {"path": path, "create_parents": True},
        text_doc="A text is the path of a device group. The module also creates its missing parents.",
    ),
    module=ModuleSpec(
        short_description="Manage Esper device groups",
        description=(
            "Creates, renames, moves and deletes device groups, and sets their thumbnails.",
            "Device groups form a tree under the root V(All devices). The root cannot be renamed, moved or deleted.",
            "Names are case-sensitive, except for the root. Leading and trailing whitespace is ignored.",
            "A name can belong to several device groups. In that case, address the group by O(path), by O(name) and"
            " O(parent), or by O(id).",
        ),
        options=(
            state_option("device group"),
            Option(
                "path",
                (
                    "Path of the device group, such as V(All devices/Stores/Berlin).",
                    "The root can be omitted, as in V(Stores/Berlin).",
                    PATH_SYNTAX,
                ),
                identifier=True,
            ),
            Option(
                "name",
                (
                    "Name of the device group. If several groups have this name, O(parent) is required.",
                    "It is not a path: a slash or backslash in it is part of the name.",
                    "With O(id), the new name of the group.",
                ),
                identifier=True,
            ),
            Option(
                "parent",
                (
                    "Parent of the device group: a path as in O(path), an ID, or a name that only one group has.",
                    "If omitted, a group that the task creates by O(name) is created in the root.",
                    "With O(id), the new parent of the group.",
                ),
                identifier=True,
            ),
            Option(
                "id",
                "ID of the device group. The group must exist unless O(state=absent).",
                identifier=True,
            ),
            Option(
                "new_path",
                (
                    "New path of the device group, as in O(path). The module moves and renames the group, including all"
                    " groups below it.",
                    "If a group exists at this path, and none exists at the old one, nothing is changed.",
                ),
                identifier=True,
            ),
            *(field for field in _FIELDS if field.name == "thumbnail"),
            Option(
                "create_parents",
                "If V(true), the module creates the missing parents of the group in O(path), O(new_path) or O(parent).",
                type="bool",
                default=False,
            ),
            Option(
                "recursive",
                (
                    "If V(true), O(state=absent) also deletes the device groups below the group.",
                    "If V(false), the task fails if the group has groups below it.",
                    "Deleted groups cannot be restored.",
                ),
                type="bool",
                default=False,
            ),
            Option(
                "force",
                (
                    "If V(true), O(state=absent) deletes a device group that contains devices. The module first moves"
                    " the devices to the parent.",
                    "If V(false), the task fails if the group contains devices. With O(recursive), the same applies to"
                    " the groups below it.",
                ),
                type="bool",
                default=False,
            ),
        ),
        rules={
            "required_one_of": [("id", "path", "name")],
            "mutually_exclusive": [("id", "path"), ("path", "name"), ("path", "parent"), ("id", "new_path")],
        },
        seealso=("device_group_info", "device_group_thumbnail"),
    ),
    info_module=ModuleSpec(
        short_description="Get information about Esper device groups",
        description=(
            "Returns one device group by path or ID, all device groups of a name, or all device groups of the tenant.",
            "O(subtree) adds the groups below. The groups are returned as a list and as a tree.",
            "If the device group does not exist, the list is empty.",
        ),
        options=(
            Option(
                "path",
                (
                    "Path of a device group, such as V(All devices/Stores/Berlin). The root can be omitted.",
                    PATH_SYNTAX,
                ),
                identifier=True,
            ),
            Option("name", "Name of device groups. All groups with this name are returned.", identifier=True),
            Option("id", "ID of a device group.", identifier=True),
            Option(
                "subtree",
                "If V(true), all device groups below the matching groups are also returned.",
                type="bool",
                default=False,
            ),
        ),
        rules={"mutually_exclusive": [("id", "path", "name")]},
        returns=(
            Value(
                "device_groups",
                "The device groups that match, sorted by path.",
                type="list",
                elements="dict",
                contains=_FIELDS,
            ),
            Value(
                "tree",
                (
                    "The same device groups as a tree. Each has the keys of RV(device_groups[]), and C(children), the"
                    " list of the groups directly below it.",
                    "The top of the tree are the groups whose parent is not in RV(device_groups).",
                ),
                type="list",
                elements="dict",
                sample=[{"name": "Berlin", "path": "All devices/Stores/Germany/Berlin", "children": []}],
            ),
        ),
        check_mode=READS_ONLY,
        diff_mode=NO_DIFF,
        seealso=("device_group",),
    ),
)


def device_groups(view: TenantView) -> DeviceGroupLookup:
    """Return the lookup of device groups in a view."""
    return DeviceGroupLookup(view, DEVICE_GROUP)
