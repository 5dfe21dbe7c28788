# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content files: files in the tenant that blueprints copy to devices.

Rests on /v0/enterprise/{enterprise_id}/content/ of the contract (v0.yaml). An upload always creates another content
file, even with the same name, and the bytes of one cannot be changed. A replacement uploads the new file and deletes
the old content file. The list has no filter by name, so the module reads all of it.
"""

from __future__ import annotations

import contextlib
import stat
import typing as t
import unicodedata
import uuid
from pathlib import Path

from ..base.checksums import digest_like, is_file_of, size_of
from ..base.errors import InvalidParameter, NotFound, TransportError
from ..base.row import Params, Row
from ..base.validators import length
from ..engine.object_cache import References
from ..engine.resource import Resource
from ..http.client import Client
from ..http.forms import Form
from ..model.field import Field
from ..model.module_spec import NO_DIFF, ModuleSpec, Option, Support, Value, state_option, writable
from ..model.plan import Change, Plan, Step
from ..model.unknowns import ResultOf
from .blueprint_list import BLUEPRINTS
from .blueprint_usage import Usage, is_same_id, items_in, usage
from .upload import SEARCH_PATH, UPLOAD_DEADLINE


def _bytes(size: t.Any) -> int | None:
    """Return a size as a number. The API has it as text."""
    return int(size) if str(size).isdecimal() else None


class Content(Resource):
    kind = "content"
    plural = "contents"
    title = "content file"
    collection = "/v0/enterprise/{enterprise_id}/content/"
    item = "/v0/enterprise/{enterprise_id}/content/{id}/"
    # The filter of the API searches tags and descriptions for a word.
    name_filter = ""
    fields = (
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
            "Tags of the content file, each with at most 255 characters. Compared without order.",
            type="list",
            elements="str",
            items="set",
            validator=length(1, 255),
            returns="Tags of the content file.",
            sample=["menu", "summer"],
        ),
        Field("size", "Size in bytes.", type="int", normalize=_bytes, writable=False, sample=48213),
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
    module = ModuleSpec(
        short_description="Manage Esper content files",
        description=(
            "Uploads, describes, replaces and deletes content files, which blueprints copy to devices.",
            "A file is uploaded only if the tenant has no content file with the same name and the same bytes. The"
            " module compares the size, and the checksum if its length is that of MD5, SHA-1 or SHA-256.",
            "Esper cannot change the bytes of a content file. To replace one, the module uploads the new file with the"
            " old description and tags, then deletes the old content file. The new content file has another ID.",
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
                    *SEARCH_PATH,
                    "If the path is a directory, all files in it and in its subdirectories are uploaded by their own"
                    " names, with the same O(tags) and O(description). Hidden files and directories, whose names start"
                    " with a dot, are skipped. Two files with the same name are an error.",
                    "If omitted, the content file must exist unless O(state=absent).",
                    "If O(state=absent), content files with the names of these files are deleted.",
                ),
                type="path",
            ),
            Option(
                "name",
                (
                    "Name of the content file, case-sensitive. Defaults to the name of the file in O(src).",
                    "Slashes, backslashes and double quotes are not allowed.",
                ),
                identifier=True,
            ),
            Option(
                "id",
                (
                    "ID of the content file, a number. The content file must exist unless O(state=absent).",
                    "If O(state=absent), a name of another content file in O(name) or O(src) is an error.",
                    "With O(src), the content file to replace. After the replacement, the task accepts a content file"
                    " with the same name and bytes in its place.",
                ),
                type="int",
                identifier=True,
            ),
            *writable(fields),
            UPLOAD_DEADLINE,
            Option(
                "force",
                (
                    "If V(true), content files that blueprints use are deleted. Otherwise, the task fails and the error"
                    " names the blueprints.",
                    "A content file is in use if the published version or the latest draft of a blueprint has it."
                    " Earlier versions of a blueprint do not count.",
                    "In M(esper.cloud.tenant), the blueprints count as the task plans them.",
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
                contains=fields,
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
    info_module = ModuleSpec(
        short_description="List and download Esper content files",
        description=(
            "Returns one content file by ID, the content files that match all of O(name), O(tag) and O(search), or all"
            " content files of the tenant.",
            "If no content file matches, the list is empty.",
            "Downloads the content files if O(dest) is set. Download links work without an API key, so the module does"
            " not return them.",
        ),
        options=(
            Option("id", "ID of a content file, a number.", type="int", identifier=True),
            Option("name", "Name of the content files, case-sensitive.", identifier=True),
            Option("tag", "Tag of the content files, case-sensitive.", identifier=True),
            Option("search", "Text that Esper searches for in tags and descriptions.", identifier=True),
            Option(
                "dest",
                (
                    "Path to download the content files to, on the machine where the module runs.",
                    "A directory must exist, and stores each content file by its name. Any other path is that of one"
                    " file.",
                    "Files with the right size and checksum are not downloaded again. A downloaded file is checked in"
                    " the same way before it replaces another.",
                ),
                type="path",
            ),
        ),
        rules={"mutually_exclusive": [("id", "name"), ("id", "tag"), ("id", "search")]},
        returns=(
            Value(
                "contents",
                "The content files that match, in the order of the Esper API.",
                type="list",
                elements="dict",
                contains=fields,
            ),
            Value(
                "files",
                "Paths of the content files in O(dest), in the same order, including those that were not downloaded"
                " again.",
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

    @property
    def reading_all(self) -> str:
        return "Reading the content files"

    # --- reading ----------------------------------------------------------------------------------------------------

    def expand(self, params: Params) -> list[Params] | None:
        if params.get("src") is None:
            return None
        source = Path(params["src"])
        try:
            is_directory = stat.S_ISDIR(source.stat().st_mode)
        except OSError as error:
            raise InvalidParameter(f"Cannot read '{source}': {error.strerror}.") from None
        if not is_directory:
            return None
        if params.get("id") is not None or params.get("name") is not None:
            raise InvalidParameter(
                f"'{source}' is a directory. Its files keep their names, so id and name cannot be set."
            )
        return [{**params, "src": str(file)} for file in _files_below(source)]

    def named(self, references: References, name: str) -> list[Row]:
        return [row for row in references.called(self, name) if row.get("name") == name]

    def referred(self, references: References, name: str) -> Row | None:
        """Return the content file that another object names. If several are the same file, return the oldest: two
        concurrent uploads of a file create it twice. Raise Ambiguous if they differ."""
        rows = self.named(references, name)
        if len(rows) > 1 and all(_is_same_file(rows[0], row) for row in rows):
            return min(rows, key=lambda row: int(row["id"]))
        return self.only(rows, name, "Set file_id instead.")

    def find(self, references: References, params: Params) -> Row | None:
        source = _source(params)
        if params.get("name") is not None and not params["name"].strip():
            raise InvalidParameter("name must not be empty.")
        if params.get("id") is not None:
            row = self.get(references, str(params["id"]))
            if row is not None:
                self._check_name(references, row, params)
                return row
            # After a replacement, the content file has another ID, which is higher.
            rows = [] if source is None else self._with_bytes(references, _name(params), source)
            return next((row for row in rows if int(row["id"]) > params["id"]), None)
        rows = self.named(references, _name(params))
        if len(rows) > 1 and source is not None:
            rows = self._with_bytes(references, _name(params), source)[:1] or rows
        return self.only(rows, _name(params))

    def _check_name(self, references: References, row: Row, params: Params) -> None:
        """Raise InvalidParameter if the options name another content file than the one with their ID."""
        source, name, label = _source(params), _name(params), self.label(row)
        if name in ("", label):
            return
        known = ""
        if source is not None:
            # A replacement can have a new name, but not that of another file. One with the same bytes can be its own.
            others = [each for each in self.named(references, name) if not self._is_file_of(each, source)]
            if not others:
                return
            known = f", which is the name of the {self.title} with ID {others[0]['id']}"
        elif params.get("state") != "absent":
            # An update reports that it cannot rename.
            return
        raise InvalidParameter(f"The {self.title} with ID {row['id']} is '{label}', not '{name}'{known}.")

    def _with_bytes(self, references: References, name: str, source: Path) -> list[Row]:
        """Return the content files with a name and the bytes of a file, the oldest first."""
        rows = [row for row in self.named(references, name) if self._is_file_of(row, source)]
        return sorted(rows, key=lambda row: int(row["id"]))

    def _is_file_of(self, row: Row, file: Path) -> bool:
        return is_file_of(file, _bytes(row.get("size")), row.get("hash"))

    def _same(self, references: References, row: Row) -> list[Row]:
        """Return the content files with the same name and certainly the same bytes that are older, the oldest
        first."""
        rows = [each for each in self.named(references, self.label(row)) if int(each["id"]) < int(row["id"])]
        return sorted((each for each in rows if _is_same_file(each, row)), key=lambda each: int(each["id"]))

    def _usage(self, references: References, row: Row) -> Usage:
        """Return the usage of a content file: ``settings.*.files[].file_id`` (v2.yaml), a text or a number.

        No filter of the API covers all platforms, so the list of all blueprints is read.
        """

        def selects(settings: Row) -> bool:
            return any(is_same_id(file.get("file_id"), row["id"]) for file in items_in(settings, settings, "files"))

        return usage(references, {}, selects)

    # --- planning ---------------------------------------------------------------------------------------------------

    def called(self, params: Params) -> str:
        return _name(params) or str(params["id"])

    def plan_create(self, references: References, params: Params) -> Plan:
        if params.get("id") is not None:
            raise NotFound(self.title, str(params["id"]))
        source, name = _source(params), _name(params)
        if source is None:
            names = [self.label(row) for row in references.rows(self, {})]
            raise NotFound(self.title, name, names, "Set src to upload it.")
        desired = self.desired(references, params)
        self.compared({}, desired)
        after = {"name": name, "size": size_of(source), **desired}
        steps = self._upload(references, params, source, desired)
        return Plan(
            {**dict.fromkeys(each.name for each in self.fields), "tags": [], **after},
            steps,
            [Change(f"{self.title} {name}", {}, after)],
            expected=[(self, {"id": ResultOf(steps[0], "id"), "name": name})],
        )

    def plan_update(self, references: References, current: Row, params: Params) -> Plan:
        source, old_name, name = _source(params), self.label(current), _name(params)
        if source is None and name not in ("", old_name):
            raise InvalidParameter(
                f"The {self.title} '{old_name}' cannot be renamed to '{name}'. Set src to upload it by that name."
            )
        if source is None or (name == old_name and self._is_file_of(current, source)):
            plan = super().plan_update(references, current, params)
        else:
            plan = self._plan_replacement(references, current, params, source)
        if source is None or params.get("id") is not None:
            return plan
        others = [str(row["id"]) for row in self.named(references, name) if row["id"] != current["id"]]
        if others:
            plan.warnings.append(
                f"Other content files have the same name '{name}' as the one with ID {current['id']}:"
                f" {', '.join(others)}. If an interrupted task left them behind, delete them by ID."
            )
        return plan

    def _plan_replacement(self, references: References, current: Row, params: Params, source: Path) -> Plan:
        record, desired, name = self.record(current), self.desired(references, params), _name(params)
        kept = {each.name: record[each.name] for each in self.fields if each.writable and record[each.name]}
        new = {"name": name, **kept, **desired, "size": size_of(source)}
        if checksum := digest_like(record["checksum"], source):
            new["checksum"] = checksum
        differing = [name for name, each in self.compared(current, new).items() if not each.matches]
        steps = self._upload(references, params, source, {**kept, **desired})
        return Plan(
            {**dict.fromkeys(record), "tags": [], **new},
            [*steps, self.delete_step(current)],
            [
                Change(
                    f"{self.title} {self.label(current)}",
                    {each: record[each] for each in differing},
                    {each: new[each] for each in differing},
                )
            ],
            late_warnings=[lambda: self._outdated(references, current)],
            related={"blueprints": _records(self._usage(references, current))},
            expected=[(self, {"id": ResultOf(steps[0], "id"), "name": name})],
        )

    def _outdated(self, references: References, replaced: Row) -> str:
        """Return a warning about the blueprints that still refer to a replaced content file, "" if none does."""
        used = self._usage(references, replaced)
        return f"{_in_use(replaced, used)} Its replacement has another ID: update them." if used.users else ""

    def _upload(self, references: References, params: Params, source: Path, properties: Row) -> list[Step]:
        """Return the steps that upload a file and then set its properties, which the upload does not accept."""
        name = _name(params)
        if why := _wrong_with(name):
            raise InvalidParameter(f"Invalid name '{name}' of a {self.title}: it {why}.")
        there = {row["id"] for row in self.named(references, name)}

        def find(_body: t.Any) -> Row | None:
            found = self._with_bytes(references, name, source)
            return next((row for row in found if row["id"] not in there), None)

        def rival(created: Row) -> Row | None:
            """Return the oldest of several concurrent uploads. All clients keep that one."""
            return next((row for row in self._same(references, created) if row["id"] not in there), None)

        upload = Step(
            purpose=f"Uploading the {self.title} '{name}'",
            method="POST",
            path=f"{self.collection}upload/",
            body=Form(files={"key": source}, names={"key": name}),
            find=find,
            rival=rival,
            seconds=params["upload_deadline"],
        )
        body = {each.api_name: properties[each.name] for each in self.fields if properties.get(each.name)}
        describe = Step(
            purpose=f"Updating the {self.title} '{name}'",
            method="PATCH",
            path=self.item,
            ids={"id": ResultOf(upload, "id")},
            body=body,
        )
        return [upload, describe] if body else [upload]

    def plan_delete(self, references: References, current: Row, params: Params) -> Plan:
        plan, used = super().plan_delete(references, current, params), self._usage(references, current)
        if used.users and not params["force"]:
            raise InvalidParameter(f"{_in_use(current, used)} Remove it from there first, or set force=true.")
        plan.related["blueprints"] = _records(used)
        if used.users:
            plan.warnings.append(f"{_in_use(current, used)} It is deleted because of force=true.")
        if not params["force"]:
            plan.relies_on += [(BLUEPRINTS, each) for each in used.former]
        return plan

    # --- information ------------------------------------------------------------------------------------------------

    def information(self, references: References, params: Params) -> Row:
        return {self.plural: [self.record(row) for row in self._chosen(references, params)]}

    def _chosen(self, references: References, params: Params) -> list[Row]:
        if params["id"] is not None:
            row = self.get(references, str(params["id"]))
            return [row] if row else []
        query = {"search": params["search"]} if params["search"] else {}
        return [
            row
            for row in references.rows(self, query)
            if params["name"] in (None, row.get("name"))
            and (params["tag"] is None or params["tag"] in (row.get("tags") or ()))
        ]

    def fetch(self, references: References, params: Params, *, check_mode: bool) -> Row:
        if params["dest"] is None:
            return {}
        dest, rows = Path(params["dest"]), self._chosen(references, params)
        try:
            files = _places(dest, rows)
            missing = {file: row for file, row in files.items() if not (file.is_file() and self._is_file_of(row, file))}
        except OSError as error:
            raise InvalidParameter(f"Cannot read '{dest}': {error.strerror}.") from None
        for file, row in missing.items() if not check_mode else ():
            self._download(references.client, row, file)
        return {"changed": bool(missing), "files": [str(file) for file in files]}

    def _download(self, client: Client, row: Row, file: Path) -> None:
        """Write the bytes of a content file to a file, which never holds only a part of them."""
        purpose = f"Downloading the {self.title} '{self.label(row)}'"
        partial = file.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with partial.open("xb") as handle:
                client.download(str(row.get("download_url")), handle, purpose=purpose)
            if not self._is_file_of(row, partial):
                raise TransportError(
                    f"{purpose} failed: the downloaded file does not have the size and checksum that Esper returns"
                    f" ({row.get('size')} bytes, {row.get('hash')}).",
                    method="GET",
                    path=self.item,
                )
            partial.replace(file)
        except OSError as error:
            raise InvalidParameter(f"Cannot write '{file}': {error.strerror}.") from None
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()


def _is_same_file(one: Row, other: Row) -> bool:
    """Return whether two content files have the same size and checksum. Missing values are never the same."""
    size, checksum = _bytes(one.get("size")), one.get("hash")
    return bool(size and checksum) and (size, checksum) == (_bytes(other.get("size")), other.get("hash"))


def _source(params: Params) -> Path | None:
    """Return the file to upload, None for a deletion."""
    return None if params.get("src") is None or params.get("state") == "absent" else Path(params["src"])


def _name(params: Params) -> str:
    """Return the name in the options, or else that of the file; "" if only an ID is set."""
    return str(params.get("name") or (Path(params["src"]).name if params.get("src") else ""))


def _wrong_with(name: str) -> str:
    """Return why a name is not valid for a file, "" if it is. Servers remove paths, rewrite quotes, and fail on control
    characters in a header."""
    if name != name.strip() or name in ("", ".", ".."):
        return "is not a valid file name"
    unfit = any(each in '/\\"' or unicodedata.category(each) == "Cc" for each in name)
    return "contains a slash, a quote or a control character" if unfit else ""


def _files_below(directory: Path) -> list[Path]:
    """Return the files of a directory tree without hidden ones. Raise InvalidParameter if two have the same name."""
    found: dict[str, Path] = {}
    for path in sorted(directory.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if hidden or not path.is_file():
            continue
        if path.name in found:
            raise InvalidParameter(
                f"The files '{found[path.name]}' and '{path}' have the same name. Upload them one by one, each with"
                " its own name."
            )
        found[path.name] = path
    return list(found.values())


def _places(dest: Path, rows: list[Row]) -> dict[Path, Row]:
    """Return the destination of each content file: the one file, or its name in the directory. The name is not
    trusted."""
    if not dest.is_dir():
        if len(rows) != 1:
            raise InvalidParameter(f"'{dest}' is not a directory, so it can store one content file, not {len(rows)}.")
        return {dest: rows[0]}
    places: dict[Path, Row] = {}
    for row in rows:
        name = str(row.get("name"))
        place = dest / name
        if _wrong_with(name):
            raise InvalidParameter(
                f"Invalid file name '{name}' of the content file {row['id']}. Set dest to the path of a file."
            )
        if place in places:
            raise InvalidParameter(
                f"The content files {places[place]['id']} and {row['id']} have the same name '{name}'. Download them by"
                " ID."
            )
        places[place] = row
    return places


def _in_use(row: Row, used: Usage) -> str:
    names = " and ".join(str(user) for user in used.users)
    return f"The content file '{row.get('name')}' (ID {row['id']}) is in use by {names}."


def _records(used: Usage) -> list[Row]:
    """Return the blueprints that use a content file, for the return value."""
    return [{"id": user.id, "name": user.name} for user in used.users]


CONTENT = Content()
