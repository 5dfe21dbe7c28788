# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content files: files in the tenant that blueprints copy to devices.

Based on /v0/enterprise/{enterprise_id}/content/ of the contract (v0.yaml).
"""

from __future__ import annotations

from ..base.validators import length
from ..model.field import Field
from ..model.kind import Kind, Routes
from ..model.module_spec import NO_DIFF, ModuleSpec, Option, Support, Value, state_option, writable
from .content_exporter import ContentExporter
from .content_file import size_in_bytes
from .content_lookup import ContentLookup
from .content_planner import ContentPlanner
from .content_reader import ContentReader
from .downloads import dest_option
from .file_checksum import checksum_option
from .upload import SEARCH_PATH, UPLOAD_DEADLINE

_FIELDS = (
    Field(
        "id",
        "ID of the content file. Null in check mode if the task uploads the content file.",
        type="int",
        writable=False,
        sample=42,
    ),
    Field("name", "Name of the content file.", writable=False, sample="menu.png"),
    Field("description", "Description of the content file.", sample="Dishes of the week"),
    Field(
        "tags",
        "Tags of the content file. Compared without order.",
        type="list",
        elements="str",
        list_type="set",
        validator=length(1, 255),
        returns="Tags of the content file.",
        sample=["menu", "summer"],
        changed=["menu", "winter"],
    ),
    Field("size", "Size in bytes.", type="int", normalize=size_in_bytes, writable=False, sample=48213),
    Field(
        "checksum",
        "Checksum in hexadecimal. Esper does not document the algorithm.",
        api="hash",
        writable=False,
        sample="9e107d9d372bb6826bd81d3542a419d6",
    ),
    Field("mime_type", "MIME type of the content file.", api="kind", writable=False, sample="image/png"),
    Field("created_on", "Time of the upload.", api="created", writable=False, sample="2026-03-01T09:30:00Z"),
    Field("updated_on", "Time of the last change.", api="modified", writable=False, sample="2026-03-02T11:00:00Z"),
)

_MODULE = ModuleSpec(
    short_description="Manage Esper content files",
    description=(
        "Uploads, replaces and deletes content files, which blueprints copy to devices, and sets their descriptions and"
        " tags.",
        "A file is uploaded only if the tenant has no content file with the same name and the same bytes. The"
        " module compares the size, and the checksum if its length is that of MD5, SHA-1 or SHA-2.",
        "Esper cannot change the bytes of a content file. To replace one, the module uploads the new file with the"
        " old description and tags, then deletes the old content file. The new content file has another ID.",
        "Before the upload, the module adds the tag V(esper.cloud:replaced) to the old content file. If the task is"
        " interrupted, the next task for the name deletes the old content file. Until then, blueprints that name the"
        " file get the new one.",
        "Blueprints refer to content files by ID, and the module does not change blueprints. If blueprints use a"
        " content file that is replaced, the module returns them as RV(blueprints) and shows a warning.",
        "Names of content files are case-sensitive and need not be unique. If several have the name, O(src) selects"
        " the oldest one with the same bytes, and a warning lists the others.",
    ),
    options=(
        state_option("content file"),
        Option(
            "src",
            (
                "Path of a file or directory to upload, on the controller. Files are sent while they are read, so"
                " uploads of any size need little memory.",
                "Esper rejects empty files, so a file to upload must not be empty.",
                *SEARCH_PATH,
                "If the path is a directory, all files in it and in its subdirectories are uploaded by their own"
                " names, with the same O(tags) and O(description). Hidden files and directories, whose names start"
                " with a dot, are skipped. The task fails if two files have the same name, or if a file or directory"
                " cannot be read.",
                "Empty files and directories of a directory are skipped with a warning, and so are links to directories"
                " and links that lead nowhere.",
                "If omitted, the content file must exist unless O(state=absent).",
                "If O(state=absent), content files with the names of these files are deleted.",
            ),
            type="path",
        ),
        Option(
            "name",
            (
                "Name of the content file, case-sensitive. Defaults to the name of the file in O(src).",
                "Slashes, backslashes, double quotes and control characters are not allowed.",
            ),
            identifier=True,
        ),
        Option(
            "id",
            (
                "ID of the content file, a number. The content file must exist unless O(state=absent).",
                "If O(state=absent), the task fails if O(name) or O(src) is the name of another content file.",
                "With O(src), the content file to replace. The replacement has another ID. If the task runs again, the"
                " module finds the replacement by its name and bytes.",
            ),
            type="int",
            identifier=True,
        ),
        checksum_option("content file", "Esper returns MD5 checksums of most content files."),
        *writable(_FIELDS),
        UPLOAD_DEADLINE,
        Option(
            "force",
            (
                "If V(true), content files that blueprints use are deleted. If V(false), the task fails, and the error"
                " lists the blueprints.",
                "A content file is in use if the published version or the latest draft of a blueprint has it."
                " Earlier versions of a blueprint do not count.",
                "M(esper.cloud.tenant) considers the blueprints after the task.",
            ),
            type="bool",
            default=False,
        ),
    ),
    rules={"required_one_of": [("id", "name", "src")]},
    returns=(
        Value(
            "content",
            "The content file after the task. In check mode, the predicted state.",
            type="dict",
            returned="if the content file exists after the task, and O(src) is not a directory",
            contains=_FIELDS,
        ),
        Value(
            "contents",
            (
                "The content files after the task, in the order of the paths of the files.",
                "Each has the same values as RV(content).",
            ),
            type="list",
            elements="dict",
            returned="if O(src) is a directory",
        ),
        Value(
            "blueprints",
            "Blueprints that use a replaced or deleted content file in the published version or the latest draft.",
            type="list",
            elements="dict",
            returned="if a content file is replaced or deleted",
            contains=(
                Value("id", "ID of the blueprint.", sample="0d5d3e0c-9a7e-4f57-8d0a-3f6f7d1f2b64"),
                Value("name", "Name of the blueprint.", sample="Retail Kiosk"),
            ),
        ),
    ),
    sources=("src",),
    seealso=("content_info",),
)

_INFO_MODULE = ModuleSpec(
    short_description="List and download Esper content files",
    description=(
        "Returns one content file by ID, the content files that match all of O(name), O(tag) and O(search), or all"
        " content files of the tenant.",
        "If no content file matches, the list is empty.",
        "Downloads the content files if O(dest) is set. Download links work without an API key, so the module does"
        " not return them.",
        "A download follows at most three redirects, and none from HTTPS to HTTP.",
    ),
    options=(
        Option("id", "ID of a content file, a number.", type="int", identifier=True),
        Option("name", "Name of the content files, case-sensitive.", identifier=True),
        Option("tag", "Tag of the content files, case-sensitive.", identifier=True),
        Option("search", "Text that Esper searches for in tags and descriptions.", identifier=True),
        dest_option(
            "content files",
            "content file",
            "Files with the right size and checksum are not downloaded again. A downloaded file is checked in the same"
            " way before it replaces another. The replaced file keeps its mode.",
        ),
        Option(
            "allow_unverified",
            (
                "If V(true), content files are downloaded although the module cannot verify them. If V(false), the task"
                " fails.",
                "This applies if Esper returns a checksum of an unknown algorithm. It also applies if Esper returns"
                " neither size nor checksum, and its storage does not state the length of the file.",
            ),
            type="bool",
            default=False,
        ),
    ),
    rules={"mutually_exclusive": [("id", "name"), ("id", "tag"), ("id", "search")]},
    returns=(
        Value(
            "contents",
            "The content files that match, in the order of the Esper API.",
            type="list",
            elements="dict",
            contains=_FIELDS,
        ),
        Value(
            "files",
            "Paths of the content files in O(dest), in the same order, including those that were not downloaded again.",
            type="list",
            elements="str",
            returned="if O(dest) is set",
            sample=["/srv/signage/menu.png"],
        ),
    ),
    check_mode=Support("full", "Reads only, and predicts whether O(dest) changes."),
    diff_mode=NO_DIFF,
    platform="Where the module runs. It uses the API over HTTPS and writes only to O(dest).",
    seealso=("content",),
)

CONTENT = Kind(
    name="content",
    title="content file",
    plural="contents",
    routes=Routes(
        list="/v0/enterprise/{enterprise_id}/content/",
        object="/v0/enterprise/{enterprise_id}/content/{id}/",
        # The filter of the API searches tags and descriptions for a word.
        name_filter="",
    ),
    fields=_FIELDS,
    lookup=ContentLookup,
    planner=ContentPlanner,
    reader=ContentReader,
    exporter=ContentExporter,
    module=_MODULE,
    info_module=_INFO_MODULE,
)
