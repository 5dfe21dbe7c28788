# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content: files in the tenant that blueprints put onto devices.

Rests on /v0/enterprise/{enterprise_id}/content/ of the contract (v0.yaml). An upload always makes another content, even
of the same name, and the bytes of one cannot be changed: to replace it is to upload the new file and to delete the old
content. The list cannot be asked for a name, so all of it is read.
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
from ..model.module_spec import argument_spec_for, writable
from ..model.plan import Change, Plan, Step
from ..model.unknowns import ResultOf
from .blueprint_list import BLUEPRINTS


def _bytes(size: t.Any) -> int | None:
    """A size, which the service tells as text."""
    return int(size) if str(size).isdecimal() else None


class Content(Resource):
    kind = "content"
    plural = "contents"
    title = "content"
    collection = "/v0/enterprise/{enterprise_id}/content/"
    item = "/v0/enterprise/{enterprise_id}/content/{id}/"
    # The service searches names and descriptions for a word, which is no name.
    name_filter = ""
    fields = (
        Field("id", type="int", writable=False),
        Field("name", writable=False),
        Field("description"),
        Field("tags", type="list", elements="str", items="set", check=length(1, 255)),
        Field("size", type="int", normalise=_bytes, writable=False),
        Field("hash", writable=False),
        Field("mime_type", api="kind", writable=False),
        Field("created_on", api="created", writable=False),
        Field("updated_on", api="modified", writable=False),
    )
    options: t.ClassVar = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "id": {"type": "int"},
        "name": {"type": "str"},
        "src": {"type": "path"},
        **argument_spec_for(writable(fields)),
        "force": {"type": "bool", "default": False},
        "upload_deadline": {"type": "float", "default": 3600.0},
    }
    sources = ("src",)
    rules: t.ClassVar = {"required_one_of": [("id", "name", "src")]}
    info_options: t.ClassVar = {
        "id": {"type": "int"},
        "name": {"type": "str"},
        "tag": {"type": "str"},
        "search": {"type": "str"},
        "dest": {"type": "path"},
    }
    info_rules: t.ClassVar = {"mutually_exclusive": [("id", "name"), ("id", "tag"), ("id", "search")]}

    # --- reading ----------------------------------------------------------------------------------------------------

    def expand(self, params: Params) -> list[Params] | None:
        if params.get("src") is None:
            return None
        source = Path(params["src"])
        try:
            is_directory = stat.S_ISDIR(source.stat().st_mode)
        except OSError as error:
            raise InvalidParameter(f"'{source}' cannot be read: {error.strerror}.") from None
        if not is_directory:
            return None
        if params.get("id") is not None or params.get("name") is not None:
            raise InvalidParameter(
                f"'{source}' is a directory, whose files have their own names: leave id and name out."
            )
        return [{**params, "src": str(file)} for file in _files_below(source)]

    def named(self, references: References, name: str) -> list[Row]:
        return [row for row in references.called(self, name) if row.get("name") == name]

    def referred(self, references: References, name: str) -> Row | None:
        """The content that another object refers to by name. Of several that are the same file, it is the oldest: while
        two upload a file at once, it is there twice. Raises Ambiguous."""
        rows = self.named(references, name)
        if len(rows) > 1 and all(_is_same_file(rows[0], row) for row in rows):
            return min(rows, key=lambda row: int(row["id"]))
        return self.only(rows, name, "Give file_id instead.")

    def find(self, references: References, params: Params) -> Row | None:
        source = _source(params)
        if params.get("id") is not None:
            row = self.get(references, str(params["id"]))
            if row is not None or source is None:
                return row
            # What was replaced has another id since.
            return next(iter(self._with_bytes(references, _name(params), source)), None)
        rows = self.named(references, _name(params))
        if len(rows) > 1 and source is not None:
            rows = self._with_bytes(references, _name(params), source)[:1] or rows
        return self.only(rows, _name(params))

    def _with_bytes(self, references: References, name: str, source: Path) -> list[Row]:
        """The contents of a name that have the bytes of a file, the oldest first."""
        rows = [row for row in self.named(references, name) if self._is_file_of(row, source)]
        return sorted(rows, key=lambda row: int(row["id"]))

    def _is_file_of(self, row: Row, file: Path) -> bool:
        return is_file_of(file, _bytes(row.get("size")), row.get("hash"))

    def _same(self, references: References, row: Row) -> list[Row]:
        """The contents older than one that certainly are the same file by the same name, the oldest first."""
        rows = [each for each in self.named(references, self.label(row)) if int(each["id"]) < int(row["id"])]
        return sorted((each for each in rows if _is_same_file(each, row)), key=lambda each: int(each["id"]))

    def _users(self, references: References, row: Row) -> list[Row]:
        """The blueprints that refer to a content: ``settings.*.files[].file_id`` (v2.yaml), a text or a number."""
        return [
            {"id": blueprint["id"], "name": blueprint["name"]}
            for blueprint in references.all_as_planned(BLUEPRINTS)
            if any(
                str(file.get("file_id")) == str(row["id"])
                for platform in (blueprint.get("settings") or {}).values()
                for file in (platform or {}).get("files") or []
            )
        ]

    # --- planning ---------------------------------------------------------------------------------------------------

    def called(self, params: Params) -> str:
        return _name(params) or str(params["id"])

    def plan_create(self, references: References, params: Params) -> Plan:
        if params.get("id") is not None:
            raise NotFound(self.title, str(params["id"]))
        source, name = _source(params), _name(params)
        if source is None:
            names = [self.label(row) for row in references.rows(self, {})]
            raise NotFound(self.title, name, names, "Give src to upload it.")
        desired = self.desired(references, params)
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
                f"The {self.title} '{old_name}' cannot be renamed to '{name}': give src to upload it by that name."
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
                f"There are more contents of the name '{name}' than the one with the id {current['id']}:"
                f" {', '.join(others)}. Delete by id what an interrupted task left over."
            )
        return plan

    def _plan_replacement(self, references: References, current: Row, params: Params, source: Path) -> Plan:
        record, desired, name = self.record(current), self.desired(references, params), _name(params)
        kept = {each.name: record[each.name] for each in self.fields if each.writable and record[each.name]}
        new = {"name": name, **kept, **desired, "size": size_of(source)}
        if digest := digest_like(record["hash"], source):
            new["hash"] = digest
        differing = [
            each.name
            for each in self.fields
            if each.name in new and not each.is_satisfied(record[each.name], new[each.name])
        ]
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
            related={"blueprints": self._users(references, current)},
            expected=[(self, {"id": ResultOf(steps[0], "id"), "name": name})],
        )

    def _outdated(self, references: References, replaced: Row) -> str:
        """A warning of the blueprints that go on referring to a content that is replaced, "" if none does."""
        users = self._users(references, replaced)
        fate = "which is replaced by another: give them the id of the new one"
        return _refer(replaced, users, fate) if users else ""

    def _upload(self, references: References, params: Params, source: Path, properties: Row) -> list[Step]:
        """What makes a file another content with these properties, which the upload itself cannot have."""
        name = _name(params)
        if why := _wrong_with(name):
            raise InvalidParameter(f"The name of a {self.title} cannot be '{name}': it {why}.")
        there = {row["id"] for row in self.named(references, name)}

        def find(_body: t.Any) -> Row | None:
            found = self._with_bytes(references, name, source)
            return next((row for row in found if row["id"] not in there), None)

        def rival(created: Row) -> Row | None:
            """Of those that were uploaded at the same time, everybody keeps the oldest."""
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
            purpose=f"Describing the {self.title} '{name}'",
            method="PATCH",
            path=self.item,
            ids={"id": ResultOf(upload, "id")},
            body=body,
        )
        return [upload, describe] if body else [upload]

    def plan_delete(self, references: References, current: Row, params: Params) -> Plan:
        plan, users = super().plan_delete(references, current, params), self._users(references, current)
        if users and not params["force"]:
            raise InvalidParameter(
                f"{_refer(current, users, 'which is to be deleted')} Take it out of them first, or set force."
            )
        plan.related["blueprints"] = users
        if users:
            plan.warnings.append(_refer(current, users, "which is deleted"))
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
            raise InvalidParameter(f"'{dest}' cannot be read: {error.strerror}.") from None
        for file, row in missing.items() if not check_mode else ():
            self._download(references.client, row, file)
        return {"changed": bool(missing), "files": [str(file) for file in files]}

    def _download(self, client: Client, row: Row, file: Path) -> None:
        """Put a content's bytes into a file, which never holds a part of them."""
        purpose = f"Downloading the {self.title} '{self.label(row)}'"
        partial = file.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with partial.open("xb") as handle:
                client.download(str(row.get("download_url")), handle, purpose=purpose)
            if not self._is_file_of(row, partial):
                raise TransportError(
                    f"{purpose} failed: what came has not the size and digest that the service tells"
                    f" ({row.get('size')} bytes, {row.get('hash')}).",
                    method="GET",
                    path=self.item,
                )
            partial.replace(file)
        except OSError as error:
            raise InvalidParameter(f"The file '{file}' cannot be written: {error.strerror}.") from None
        finally:
            with contextlib.suppress(OSError):
                partial.unlink()


def _is_same_file(one: Row, other: Row) -> bool:
    """Whether two contents have the same bytes, as far as the service tells; what it does not tell is not the same."""
    size, digest = _bytes(one.get("size")), one.get("hash")
    return bool(size and digest) and (size, digest) == (_bytes(other.get("size")), other.get("hash"))


def _source(params: Params) -> Path | None:
    """The file to upload; to delete a content, its bytes are of no interest."""
    return None if params.get("src") is None or params.get("state") == "absent" else Path(params["src"])


def _name(params: Params) -> str:
    """The name that a task gives, or else that of its file; "" where there is an id only."""
    return str(params.get("name") or (Path(params["src"]).name if params.get("src") else ""))


def _wrong_with(name: str) -> str:
    """Why a file cannot be sent under a name, "" if it can: services cut off paths, rewrite quotes, and stumble over
    control characters in a header."""
    if name != name.strip() or name in ("", ".", ".."):
        return "is no file's name"
    unfit = any(each in '/\\"' or unicodedata.category(each) == "Cc" for each in name)
    return "has a slash, a quote or a control character in it" if unfit else ""


def _files_below(directory: Path) -> list[Path]:
    """The files of a directory tree, without what is hidden. Raises InvalidParameter for two of one name."""
    found: dict[str, Path] = {}
    for path in sorted(directory.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if hidden or not path.is_file():
            continue
        if path.name in found:
            raise InvalidParameter(
                f"The files '{found[path.name]}' and '{path}' would be contents of one name: upload them one by one,"
                " each with a name of its own."
            )
        found[path.name] = path
    return list(found.values())


def _places(dest: Path, rows: list[Row]) -> dict[Path, Row]:
    """Where each content is to go: to the one file, or into the directory by its name, which is not to be trusted."""
    if not dest.is_dir():
        if len(rows) != 1:
            raise InvalidParameter(f"'{dest}' is no directory, so that it can take one content, not {len(rows)}.")
        return {dest: rows[0]}
    places: dict[Path, Row] = {}
    for row in rows:
        name = str(row.get("name"))
        place = dest / name
        if _wrong_with(name):
            raise InvalidParameter(f"The name '{name}' of the content {row['id']} is no file's: give dest as a file.")
        if place in places:
            raise InvalidParameter(
                f"The contents {places[place]['id']} and {row['id']} have one name, '{name}': download them by id."
            )
        places[place] = row
    return places


def _refer(row: Row, users: list[Row], fate: str) -> str:
    names = ", ".join(f"'{user['name']}'" for user in users)
    return f"The blueprints {names} refer to the content '{row.get('name')}' (id {row['id']}), {fate}."


CONTENT = Content()
