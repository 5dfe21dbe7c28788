# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import re
import stat
import typing as t
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import (
    Ambiguous,
    ApiError,
    InvalidParameter,
    NotFound,
    TransportError,
)
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import (
    Result,
    ensure,
    ensure_all,
    make_plan,
)
from ansible_collections.esper.cloud.plugins.module_utils.engine.lookup import lookup_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.reader import reader_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.content import CONTENT
from ansible_collections.esper.cloud.plugins.module_utils.kinds.content_lookup import ContentLookup
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Plan
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import KnownAfterApply
from ansible_collections.esper.cloud.plugins.module_utils.module import argument_spec
from ansible_collections.esper.cloud.plugins.module_utils.task import (
    ModuleDefinition,
    RunContext,
    define_module,
    execute,
)
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant import TENANT
from ansible_collections.esper.cloud.tests.unit.conftest import ENTERPRISE, KEY
from ansible_collections.esper.cloud.tests.unit.service import Exchange, Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

Row = dict[str, t.Any]
USES_1: Row = {"android": {"files": [{"file_id": "1"}]}}


@dataclass
class Contents:
    """The content files and blueprints of a tenant, with the routes that the tests need."""

    algorithm: str = "md5"
    told: tuple[str, ...] = ("hash", "size")
    """The properties of the bytes that Esper returns."""
    rows: dict[int, Row] = field(default_factory=dict)
    data: dict[int, bytes] = field(default_factory=dict)
    blueprints: list[Row] = field(default_factory=list)
    published: Row = field(default_factory=dict)
    """The settings of other versions of the blueprints, by ID."""
    link: str = ""
    loses_uploads: int = 0
    rivals: list[bytes] = field(default_factory=list)
    """The bytes that another client uploads with the same name at the same time."""

    def add(self, name: str, data: bytes, **properties: t.Any) -> int:
        number = max(self.rows, default=0) + 1
        told = {"hash": hashlib.new(self.algorithm, data).hexdigest().upper(), "size": str(len(data))}
        self.rows[number] = {
            "id": number,
            "name": name,
            "tags": [],
            "description": None,
            **{key: told[key] for key in self.told},
            **properties,
        }
        self.data[number] = data
        return number

    def __call__(self, request: Request) -> Reply:
        if request.path.startswith("/storage/"):
            return answers(self.data[int(request.path.rpartition("/")[2])])
        if found := re.search(r"/blueprints/b/versions/(\w+)/$", request.path):
            return answers({"content": {"id": "b", "settings": self.published[found.group(1)]}})
        if request.path.endswith("/blueprints/b/versions/"):
            rows = [{"id": "b", "version_id": each, "publish": True} for each in self.published]
            return answers({"count": len(rows), "results": rows})
        if request.path.endswith("/blueprints/b/"):
            return answers({"content": {"id": "b", "name": "Canteen", "settings": USES_1}})
        if request.path.endswith("/blueprints/"):
            return answers({"count": len(self.blueprints), "results": self.blueprints})
        if request.method == "POST":
            return self._upload(request)
        if found := re.search(r"/content/(\d+)/$", request.path):
            return self._one(request, int(found.group(1)))
        rows = [self._shown(row) for row in self.rows.values()]
        return answers({"count": len(rows), "results": rows})

    def _upload(self, request: Request) -> Reply:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        (part,) = t.cast("list[t.Any]", message_from_bytes(head + request.body).get_payload())
        for data in self.rivals:
            self.add(part.get_filename(), data)
        number = self.add(part.get_filename(), part.get_payload(decode=True))
        if self.loses_uploads:
            self.loses_uploads -= 1
            return Exchange.reset
        return answers(self._shown(self.rows[number]))

    def _one(self, request: Request, number: int) -> Reply:
        if number not in self.rows:
            return answers({"message": "Not found."}, 404)
        if request.method == "DELETE":
            del self.rows[number]
            return answers(None, 204)
        self.rows[number].update(request.json or {})
        return answers(self._shown(self.rows[number]))

    def _shown(self, row: Row) -> Row:
        return {**row, "download_url": f"{self.link}/storage/{row['id']}?signature=s3cret"}


@pytest.fixture
def contents(server: Server) -> Contents:
    tenant = Contents(link=server.url.removesuffix("/api"))
    server.app = tenant
    return tenant


@pytest.fixture
def menu(tmp_path: Path) -> Path:
    file = tmp_path / "menu.png"
    file.write_bytes(b"soup")
    return file


def params_of(**given: t.Any) -> Row:
    defaults: Row = {name: option.get("default") for name, option in CONTENT.options.items()}
    return {**defaults, **{name: str(value) if isinstance(value, Path) else value for name, value in given.items()}}


def apply(client: Client, **given: t.Any) -> Result:
    return ensure(TenantView(client), CONTENT, params_of(**given))


def download(client: Client, *, check_mode: bool = False, **given: t.Any) -> Row:
    assert CONTENT.info_module
    defaults: Row = dict.fromkeys(CONTENT.info_module.argument_spec)
    given = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    return reader_of(TenantView(client), CONTENT).download({**defaults, **given}, check_mode=check_mode)


def run(server: Server, definition: ModuleDefinition, **given: t.Any) -> Row:
    """Return the result of a task, as Ansible shows it."""
    defaults = {name: option.get("default") for name, option in argument_spec(definition, {}).items()}
    connection = {"api_url": server.url, "api_key": KEY, "enterprise_id": ENTERPRISE, "retries": 0}
    return execute(definition, {**defaults, **connection, **given}, RunContext(), user_agent="").result


def refusing(contents: Contents, *methods: str) -> t.Callable[[Request], Reply]:
    """Return a server that rejects requests with these methods."""
    return lambda request: answers({"message": "No."}, 403) if request.method in methods else contents(request)


def writes(server: Server) -> list[str]:
    return [request.method for request in server.requests if request.method != "GET"]


# --- comparison of bytes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_the_length_of_a_checksum_determines_its_algorithm(
    server: Server, client: Client, contents: Contents, menu: Path, algorithm: str
) -> None:
    contents.algorithm = algorithm
    contents.add("menu.png", b"soup")
    assert not apply(client, src=menu).changed
    menu.write_bytes(b"stew")
    assert apply(client, src=menu).changed
    assert writes(server) == ["PATCH", "POST", "DELETE"]


@pytest.mark.parametrize(
    ("told", "algorithm", "data", "changed"),
    [
        (("size",), "md5", b"stew", False),
        (("size",), "md5", b"soups", True),
        (("size", "hash"), "sha512", b"stew", True),
        (("size", "hash"), "sha3_224", b"stew", False),
        (("hash",), "md5", b"stew", True),
        ((), "md5", b"soups", False),
    ],
)
def test_values_that_esper_does_not_return_are_not_compared(
    client: Client, contents: Contents, menu: Path, told: tuple[str, ...], algorithm: str, data: bytes, changed: bool
) -> None:
    contents.told, contents.algorithm = told, algorithm
    contents.add("menu.png", data)
    assert apply(client, src=menu).changed is changed


# --- interrupted tasks ------------------------------------------------------------------------------------------------


def interrupt(client: Client, server: Server, contents: Contents, count: int, **params: t.Any) -> None:
    """Run a task that fails after a number of write requests, as if it were killed."""
    sent = 0

    def reply(request: Request) -> Reply:
        nonlocal sent
        sent += request.method != "GET"
        return answers({"message": "No."}, 403) if sent > count else contents(request)

    server.app = reply
    with pytest.raises(ApiError):
        apply(client, **params)
    server.app = contents


# Mark, upload, describe, delete.
STAGES = pytest.mark.parametrize("count", [0, 1, 2, 3])


@STAGES
@pytest.mark.parametrize("by_id", [False, True])
def test_the_next_run_completes_an_interrupted_replacement(
    server: Server, client: Client, contents: Contents, menu: Path, count: int, by_id: bool
) -> None:
    old = contents.add("menu.png", b"stew", tags=["old"], description="Soups")
    params: Row = {"src": menu, "description": "Dishes", **({"id": old} if by_id else {})}
    interrupt(client, server, contents, count, **params)
    assert old in contents.rows
    done = apply(client, **params)
    assert done.changed
    assert done.warnings == []
    (row,) = contents.rows.values()
    assert contents.data[row["id"]] == b"soup"
    assert (row["tags"], row["description"]) == (["old"], "Dishes")
    assert done.record is not None
    assert done.record["id"] == row["id"]
    assert writes(server).count("POST") == (2 if count == 1 else 1)
    assert not apply(client, **params).changed


@STAGES
def test_an_interrupted_replacement_leaves_a_name_that_a_blueprint_can_use(
    server: Server, client: Client, contents: Contents, menu: Path, count: int
) -> None:
    old = contents.add("menu.png", b"stew", tags=["old"])
    interrupt(client, server, contents, count, src=menu)
    assert lookup_of(TenantView(client), CONTENT).resolve("menu.png")["id"] == (old if count < 2 else old + 1)


def test_an_interrupted_replacement_is_completed_by_another_one(
    server: Server, client: Client, contents: Contents, menu: Path
) -> None:
    contents.add("menu.png", b"stew", tags=["old"])
    interrupt(client, server, contents, 2, src=menu)
    menu.write_bytes(b"salad")
    interrupt(client, server, contents, 1, src=menu)
    assert len(contents.rows) == 2
    menu.write_bytes(b"sushi")
    apply(client, src=menu)
    (row,) = contents.rows.values()
    assert (contents.data[row["id"]], row["tags"]) == (b"sushi", ["old"])


@pytest.mark.parametrize("more", [{"description": "Dishes"}, {"src": True}])
def test_a_content_file_that_is_not_replaced_after_all_is_kept(
    server: Server, client: Client, contents: Contents, menu: Path, more: Row
) -> None:
    old = contents.add("menu.png", b"stew", tags=["old"])
    interrupt(client, server, contents, 1, src=menu)
    assert contents.rows[old]["tags"] != ["old"]
    menu.write_bytes(b"stew")
    more = {name: menu if value is True else value for name, value in more.items()}
    assert apply(client, name="menu.png", **more).changed
    assert contents.rows[old]["tags"] == ["old"]
    assert not apply(client, name="menu.png", **more).changed


def test_a_deletion_completes_an_interrupted_replacement(
    server: Server, client: Client, contents: Contents, menu: Path
) -> None:
    contents.add("menu.png", b"stew")
    interrupt(client, server, contents, 2, src=menu)
    contents.blueprints = [{"id": "b", "name": "Canteen", "settings": USES_1}]
    with pytest.raises(InvalidParameter, match=r"'menu\.png' \(ID 1\) is in use by"):
        apply(client, name="menu.png", state="absent")
    assert len(contents.rows) == 2
    done = apply(client, name="menu.png", state="absent", force=True)
    assert contents.rows == {}
    assert done.related["blueprints"] == [{"id": "b", "name": "Canteen"}]


def test_two_content_files_with_one_name_are_no_interrupted_replacement(
    server: Server, client: Client, contents: Contents, menu: Path
) -> None:
    old, new = contents.add("menu.png", b"stew"), contents.add("menu.png", b"soup")
    done = apply(client, src=menu)
    assert (done.changed, writes(server)) == (False, [])
    assert f"as the one with ID {new}: {old}." in done.warnings[0]


@pytest.mark.parametrize(
    ("refused", "completed"),
    [
        (("PATCH",), ""),
        (("POST",), "Marking the content file 'menu.png' as replaced was accepted (ID 1)."),
        (
            ("DELETE",),
            "Marking the content file 'menu.png' as replaced was accepted (ID 1)."
            " Uploading the content file 'menu.png' was accepted (ID 2)."
            " Updating the content file 'menu.png' was accepted (ID 2).",
        ),
    ],
)
@pytest.mark.parametrize("is_tenant", [False, True])
def test_a_failed_task_reports_what_it_has_written(
    server: Server, contents: Contents, menu: Path, refused: tuple[str, ...], completed: str, is_tenant: bool
) -> None:
    contents.add("menu.png", b"stew", tags=["old"])
    server.app = refusing(contents, *refused)
    params = params_of(src=menu)
    result = run(server, TENANT, contents=[params]) if is_tenant else run(server, define_module(CONTENT), **params)
    assert result["failed"] is True
    assert bool(result.get("changed")) is bool(completed)
    said = f". {completed} Run the task again to apply the rest."
    assert (said in result["msg"]) is bool(completed), result["msg"]


def test_a_failed_task_for_a_directory_reports_the_files_that_it_has_uploaded(
    server: Server, contents: Contents, tmp_path: Path
) -> None:
    for number in range(6):
        (tmp_path / f"{number}.txt").write_text(str(number))
    server.app = lambda request: (
        answers({"message": "No."}, 403) if request.method == "POST" and len(contents.rows) == 5 else contents(request)
    )
    result = run(server, define_module(CONTENT), src=str(tmp_path))
    assert result["changed"] is True
    assert "'2.txt' was accepted (ID 3). 2 more requests were accepted. Run the task again" in result["msg"]
    assert result["msg"].startswith("Uploading the content file '5.txt' failed")


def test_a_failed_task_that_adopted_its_lost_upload_has_changed_something(
    server: Server, contents: Contents, menu: Path
) -> None:
    contents.loses_uploads = 1
    server.app = refusing(contents, "PATCH")
    result = run(server, define_module(CONTENT), src=str(menu), tags=["new"])
    assert (result["failed"], result.get("changed")) == (True, True)


def test_the_oldest_of_several_files_with_the_same_bytes_is_used(
    client: Client, contents: Contents, menu: Path
) -> None:
    contents.add("menu.png", b"stew")
    second, third = contents.add("menu.png", b"soup"), contents.add("menu.png", b"soup")
    done = apply(client, src=menu)
    assert done.record is not None
    assert (done.changed, done.record["id"]) == (False, second)
    assert f"1, {third}." in done.warnings[0]


def test_a_deletion_does_not_compare_bytes(client: Client, contents: Contents, menu: Path) -> None:
    contents.add("menu.png", b"stew")
    contents.add("menu.png", b"soup")
    with pytest.raises(Ambiguous, match=r"2 objects match \(menu.png \(ID 1\), menu.png \(ID 2\)\)"):
        apply(client, src=menu, state="absent")


def test_a_lost_response_does_not_upload_the_same_bytes_twice(
    server: Server, client: Client, contents: Contents, menu: Path
) -> None:
    """The content file with the ID has another name, and another content file has the new name."""
    old = contents.add("old.png", b"stew", tags=["t"])
    contents.add("menu.png", b"soup")
    contents.loses_uploads = 1
    apply(client, src=menu, id=old)
    assert writes(server) == ["PATCH", "POST", "PATCH", "DELETE"]
    assert sorted(contents.rows) == [2, 3]
    assert contents.rows[3]["tags"] == ["t"]


# --- contradictions ---------------------------------------------------------------------------------------------------


def test_an_id_and_the_name_of_another_content_file_delete_neither(
    server: Server, client: Client, contents: Contents, menu: Path
) -> None:
    one, _other = contents.add("old.png", b"stew"), contents.add("menu.png", b"soup")
    for more in ({"name": "menu.png"}, {"name": "nobody.png"}, {"name": "OLD.png"}, {"src": menu}):
        with pytest.raises(InvalidParameter, match=rf"with ID {one} has the name 'old\.png', not '"):
            apply(client, id=one, state="absent", force=True, **more)
    assert writes(server) == []
    # An ID that does not exist selects nothing, with any name.
    assert not apply(client, id=99, name="menu.png", state="absent", force=True).changed
    assert apply(client, id=one, name="old.png", state="absent").changed


def test_a_replacement_does_not_take_the_name_of_another_content_file(
    server: Server, client: Client, contents: Contents, menu: Path
) -> None:
    one, other = contents.add("old.png", b"stew"), contents.add("menu.png", b"salad")
    for more in ({}, {"name": "menu.png"}):
        with pytest.raises(InvalidParameter, match=rf"not 'menu\.png', .* of the content file with ID {other}\."):
            apply(client, id=one, src=menu, **more)
    assert writes(server) == []
    assert apply(client, id=one, src=menu, name="new.png").changed


def test_only_a_newer_content_file_replaces_one_that_does_not_exist(
    server: Server, client: Client, contents: Contents, menu: Path
) -> None:
    contents.add("menu.png", b"stew")
    newer = contents.add("menu.png", b"soup")
    apply(client, id=newer - 1, state="absent")
    done = apply(client, id=newer - 1, src=menu)
    assert done.record is not None
    assert (done.changed, done.record["id"]) == (False, newer)
    with pytest.raises(NotFound, match=f"The content file '{newer + 1}' was not found"):
        apply(client, id=newer + 1, src=menu, tags=["new"])
    assert writes(server) == ["DELETE"]


@pytest.mark.parametrize("name", ["*", "menu*", "%", ".*", "MENU.png", "menu.png ", "menu", "*.png"])
@pytest.mark.parametrize("more", [{}, {"force": True}])
def test_a_name_is_not_a_pattern(server: Server, client: Client, contents: Contents, name: str, more: Row) -> None:
    contents.add("menu.png", b"soup")
    contents.add("", b"salad")
    assert not apply(client, name=name, state="absent", **more).changed
    assert writes(server) == []


@pytest.mark.parametrize("name", ["", " ", "\t"])
@pytest.mark.parametrize("more", [{}, {"id": 1}, {"src": True}])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_empty_name_selects_nothing(
    server: Server, client: Client, contents: Contents, menu: Path, name: str, more: Row, state: str
) -> None:
    contents.add("menu.png", b"soup")
    contents.add("", b"salad")
    more = {key: menu if value is True else value for key, value in more.items()}
    with pytest.raises(InvalidParameter, match="name must not be empty"):
        apply(client, name=name, state=state, force=True, **more)
    assert server.requests == []


# --- files and tags that Esper rejects --------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("exists", [False, True])
def test_an_empty_file_is_rejected_in_planning(
    server: Server, client: Client, contents: Contents, menu: Path, exists: bool, check_mode: bool
) -> None:
    if exists:
        contents.add("menu.png", b"stew")
    menu.write_bytes(b"")
    with pytest.raises(InvalidParameter, match=f"^Cannot upload '{menu}': the file is empty, and Esper rejects empty"):
        ensure(TenantView(client), CONTENT, params_of(src=menu), check_mode=check_mode)
    assert writes(server) == []


def test_an_empty_file_names_a_content_file_to_delete(client: Client, contents: Contents, menu: Path) -> None:
    contents.add("menu.png", b"stew")
    menu.write_bytes(b"")
    assert apply(client, src=menu, state="absent").changed
    assert contents.rows == {}


@pytest.mark.parametrize(
    ("tag", "error"),
    [
        ("", r"tags\[1\] must not be empty"),
        (" ", r"tags\[1\] must not be only whitespace"),
        ("\t\n", r"tags\[1\] must not be only whitespace"),
        ("x" * 256, r"tags\[1\] has 256 characters; the maximum is 255"),
    ],
)
@pytest.mark.parametrize("exists", [False, True])
def test_an_invalid_tag_is_rejected_with_its_path(
    server: Server, client: Client, contents: Contents, menu: Path, exists: bool, tag: str, error: str
) -> None:
    if exists:
        contents.add("menu.png", b"soup")
    with pytest.raises(InvalidParameter, match=f"{error}\\.$"):
        apply(client, src=menu, tags=["menu", tag])
    assert writes(server) == []
    assert apply(client, src=menu, tags=["menu", " x "]).changed


# --- effects ----------------------------------------------------------------------------------------------------------


def planned_by_name(client: Client, **params: t.Any) -> tuple[Plan, list[Row]]:
    """Return a plan, and the content files that have the name menu.png once it is applied."""
    view = TenantView(client)
    plan = make_plan(view, CONTENT, params_of(**params))
    view.add_effects(plan.effects)
    return plan, view.candidates_by_name(CONTENT, "menu.png")


def test_an_upload_states_the_new_content_file(client: Client, contents: Contents, menu: Path) -> None:
    plan, found = planned_by_name(client, src=menu, tags=["new"], description="Soup")
    (effect,) = plan.effects
    assert effect.row == {
        "id": KnownAfterApply(plan.steps[0], "id"),
        "name": "menu.png",
        "size": "4",
        "tags": ["new"],
        "description": "Soup",
    }
    assert found == [effect.row]


def test_a_replacement_states_the_new_content_file_and_the_end_of_the_old_one(
    client: Client, contents: Contents, menu: Path
) -> None:
    old = contents.add("menu.png", b"stew", tags=["old"])
    plan, found = planned_by_name(client, src=menu)
    new = KnownAfterApply(plan.steps[1], "id")
    assert [(each.id, each.row and each.row["tags"]) for each in plan.effects] == [(old, None), (new, ["old"])]
    assert [row["id"] for row in found] == [new]


def test_a_change_of_properties_states_the_content_file_with_them(
    client: Client, contents: Contents, menu: Path
) -> None:
    number = contents.add("menu.png", b"soup", tags=["old"])
    plan, found = planned_by_name(client, src=menu, tags=["new"])
    assert [(each.id, each.row and each.row["tags"]) for each in plan.effects] == [(number, ["new"])]
    assert [row["tags"] for row in found] == [["new"]]
    assert planned_by_name(client, src=menu)[0].effects == []


def test_a_deletion_states_the_end_of_the_content_file(client: Client, contents: Contents) -> None:
    number = contents.add("menu.png", b"soup")
    plan, found = planned_by_name(client, name="menu.png", state="absent")
    assert [(each.id, each.row) for each in plan.effects] == [(number, None)]
    assert found == []


def test_a_reference_to_a_planned_and_an_existing_file_of_one_name_is_ambiguous(
    client: Client, contents: Contents, menu: Path
) -> None:
    old = contents.add("old.png", b"stew")
    contents.add("menu.png", b"soup")
    view = TenantView(client)
    view.add_effects(make_plan(view, CONTENT, params_of(id=old, src=menu)).effects)
    with pytest.raises(Ambiguous, match="Set file_id instead"):
        lookup_of(view, CONTENT).resolve("menu.png")
    # Both have the bytes of the file of a task.
    existing, planned = ContentLookup(view, CONTENT).with_bytes("menu.png", menu)
    assert existing["id"] == 2
    assert isinstance(planned["id"], KnownAfterApply)


# --- blueprints -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "uses"),
    [
        ({"android": {"files": [{"file_id": "1"}]}}, True),
        ({"ios": {}, "linux": {"files": [{"file_id": 2}, {"file_id": 1}]}}, True),
        ({"android": {"files": [{"file_id": "11"}], "apps": [{"file_id": "1"}]}}, False),
        ({"android": {"files": None}, "windows": None}, False),
        (None, False),
    ],
)
def test_a_blueprint_uses_the_content_files_in_its_settings(
    client: Client, contents: Contents, settings: t.Any, uses: bool
) -> None:
    contents.add("menu.png", b"soup")
    contents.blueprints = [{"id": "b", "name": "Canteen", "publish": True, "settings": settings}]
    done = apply(client, name="menu.png", state="absent", force=True)
    assert done.related == {"blueprints": [{"id": "b", "name": "Canteen"}] if uses else []}
    assert bool(done.warnings) is uses


@pytest.mark.parametrize(
    ("blueprint", "published", "uses", "reads"),
    [
        ({"publish": True, "version_id": "v1", "latest_published_version_id": "v1"}, {}, "", 0),
        ({"publish": True, "settings": USES_1}, {}, "published version", 0),
        ({"latest_published_version_id": "v1"}, {"v1": USES_1}, "published version", 1),
        ({"latest_published_version_id": "v1"}, {"v1": {}}, "", 1),
        ({"latest_published_version_id": "v1", "settings": USES_1}, {"v1": {}}, "draft", 1),
        ({"latest_published_version_id": "v1", "settings": USES_1}, {"v1": USES_1}, "published version and draft", 1),
        # The latest version is the published one only if the IDs agree.
        (
            {"publish": True, "version_id": "v2", "latest_published_version_id": "v1"},
            {"v1": USES_1},
            "published version",
            1,
        ),
        # Never published.
        ({"latest_published_version_id": None, "settings": USES_1}, {}, "draft", 0),
        # The property is missing.
        ({"settings": {}}, {"v1": USES_1}, "published version", 2),
        ({"settings": USES_1}, {}, "draft", 1),
    ],
)
def test_the_latest_and_the_published_version_of_a_blueprint_count(
    server: Server, client: Client, contents: Contents, blueprint: Row, published: Row, uses: str, reads: int
) -> None:
    contents.add("menu.png", b"soup")
    row = {"id": "b", "name": "Canteen", "publish": False, "version_id": "v2", "settings": {}, **blueprint}
    contents.blueprints, contents.published = [row], published
    if uses:
        with pytest.raises(InvalidParameter, match=rf"in use by the blueprint 'Canteen' \({uses}\)\. Remove it"):
            apply(client, name="menu.png", state="absent")
    else:
        assert apply(client, name="menu.png", state="absent").changed
    assert len([request for request in server.requests if "/versions/" in request.path]) == reads


def test_a_list_of_blueprints_without_settings_does_not_mean_that_nothing_is_used(
    client: Client, contents: Contents
) -> None:
    contents.add("menu.png", b"soup")
    contents.blueprints = [{"id": "b", "name": "Canteen", "publish": True}]
    with pytest.raises(InvalidParameter, match="in use by the blueprint 'Canteen'"):
        apply(client, name="menu.png", state="absent")


def test_the_published_version_is_read_once_for_a_task(server: Server, client: Client, contents: Contents) -> None:
    several = [params_of(id=contents.add(f"{each}.png", b"soup"), state="absent") for each in range(3)]
    row = {"id": "b", "name": "Canteen", "version_id": "v2", "latest_published_version_id": "v1", "settings": {}}
    contents.blueprints, contents.published = [row], {"v1": {}}
    ensure_all(TenantView(client), CONTENT, several)
    assert len([request for request in server.requests if "/blueprints/" in request.path]) == 2


def test_blueprints_are_read_only_for_deletions(server: Server, client: Client, contents: Contents, menu: Path) -> None:
    apply(client, src=menu)
    apply(client, src=menu, description="What there is")
    assert not [request for request in server.requests if "blueprints" in request.path]


def test_if_a_published_version_cannot_be_read_nothing_is_deleted(
    server: Server, make_client: MakeClient, contents: Contents
) -> None:
    client = make_client(server, retries=0)
    contents.add("menu.png", b"soup")
    contents.blueprints = [
        {"id": "b", "name": name, "version_id": "v2", "latest_published_version_id": version, "settings": {}}
        for name, version in (("One", "v1"), ("Two", "v3"))
    ]
    contents.published = {"v1": {}, "v3": {}}
    server.app = lambda request: answers({}, 500) if "/versions/" in request.path else contents(request)
    view = TenantView(client)
    with pytest.raises(ApiError, match="Reading the published version of the blueprint 'One' failed"):
        ensure(view, CONTENT, params_of(name="menu.png", state="absent"))
    assert writes(server) == []
    # The client still works.
    server.app = contents
    assert ensure(TenantView(client), CONTENT, params_of(name="menu.png", state="absent")).changed


# --- concurrent clients -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [None, b"salad"])
def test_of_concurrent_uploads_of_one_file_the_first_is_kept(
    server: Server, client: Client, contents: Contents, menu: Path, there: bytes | None
) -> None:
    before = 0 if there is None else contents.add(menu.name, there)
    contents.rivals = [menu.read_bytes()] * 2
    done = apply(client, src=menu, tags=["new"])
    assert done.changed
    assert {number: row["tags"] for number, row in contents.rows.items()} == {before + 1: ["new"], before + 2: []}
    assert done.record is not None
    assert done.record["id"] == before + 1


def test_concurrent_uploads_of_different_files_are_both_kept(client: Client, contents: Contents, menu: Path) -> None:
    contents.rivals = [b"x" * len(menu.read_bytes())]
    apply(client, src=menu)
    assert len(contents.rows) == 2


@pytest.mark.parametrize("told", [(), ("hash",), ("size",)])
def test_files_that_can_differ_are_kept(client: Client, contents: Contents, menu: Path, told: tuple[str, ...]) -> None:
    contents.told, contents.rivals = told, [menu.read_bytes()]
    apply(client, src=menu)
    assert len(contents.rows) == 2


def test_a_reference_selects_the_oldest_of_identical_files(client: Client, contents: Contents) -> None:
    numbers = [contents.add("menu.png", b"soup") for _time in range(2)]
    found = lookup_of(TenantView(client), CONTENT).resolve("menu.png")
    assert found["id"] == numbers[0]
    contents.add("menu.png", b"stew")
    with pytest.raises(Ambiguous):
        lookup_of(TenantView(client), CONTENT).resolve("menu.png")


# --- directories ------------------------------------------------------------------------------------------------------


def test_a_directory_stands_for_its_files(server: Server, client: Client, contents: Contents, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("z.txt", "a/b.txt", ".hidden"):
        (tmp_path / name).write_text(name)
    view = TenantView(client)
    several = lookup_of(view, CONTENT).expand(params_of(src=tmp_path)) or []
    assert [each["src"] for each in several] == [str(tmp_path / "a" / "b.txt"), str(tmp_path / "z.txt")]
    assert view.warnings() == []
    ensure_all(view, CONTENT, several)
    assert [row["name"] for row in contents.rows.values()] == ["b.txt", "z.txt"]
    assert [request.method for request in server.requests] == ["GET", "POST", "GET", "POST", "GET"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_empty_directory_stands_for_nothing(
    server: Server, client: Client, contents: Contents, tmp_path: Path, state: str
) -> None:
    contents.add("menu.png", b"soup")
    (tmp_path / ".menu.png").write_bytes(b"soup")
    (tmp_path / "empty").mkdir()
    view = TenantView(client)
    several = lookup_of(view, CONTENT).expand(params_of(src=tmp_path, state=state, force=True))
    assert several == []
    assert ensure_all(view, CONTENT, several) == []
    assert server.requests == []
    nothing, skipped = view.warnings()
    assert nothing == f"The directory '{tmp_path}' contains no files, so it has no effect."
    assert skipped.endswith(f"entries that are skipped: '{tmp_path}/empty' is empty.")


@pytest.mark.parametrize("state", ["present", "absent"])
def test_skipped_entries_of_a_directory_are_a_warning(client: Client, tmp_path: Path, state: str) -> None:
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").touch()
    (tmp_path / "lost").symlink_to(tmp_path / "missing")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    (tmp_path / "tree").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    view = TenantView(client)
    several = lookup_of(view, CONTENT).expand(params_of(src=tmp_path, state=state)) or []
    # An empty file still names a content file to delete.
    assert [Path(each["src"]).name for each in several] == (["a.txt"] if state == "present" else ["a.txt", "b.txt"])
    (warning,) = view.warnings()
    assert ("b.txt' is empty" in warning) is (state == "present")
    for said in (
        "lost' is a link that leads nowhere",
        "round' is a link that",
        "tree' is a link to a",
        "pipe' is not a",
    ):
        assert said in warning


def test_all_errors_of_a_directory_are_reported_at_once(
    server: Server, contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("below/menu.png", "closed/x.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    for name in ("menu.png", 'bad"name', "bad\\name", "new\nline", " blank ", "secret.txt"):
        (tmp_path / name).write_text(name)
    scandir, open_file = os.scandir, Path.open

    def deny(path: t.Any, *options: t.Any) -> t.Any:
        # The tests can run as root, who reads everything.
        if str(path).endswith(("closed", "secret.txt")):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path) if not options else open_file(path, *options)

    monkeypatch.setattr(os, "scandir", deny)
    monkeypatch.setattr(Path, "open", deny)
    for definition, params in (
        (define_module(CONTENT), {"src": str(tmp_path)}),
        (TENANT, {"contents": [params_of(src=tmp_path)]}),
    ):
        message = run(server, definition, **params)["msg"]
        assert f"'{tmp_path}/below/menu.png' and '{tmp_path}/menu.png' have the same name" in message
        assert f"the directory '{tmp_path}/closed' cannot be read (Permission denied)" in message
        assert f"the file '{tmp_path}/secret.txt' cannot be read (Permission denied)" in message
        assert message.count("contains a slash, a quote or a control character") == 3
        assert f"the name of '{tmp_path}/ blank ' is not a valid file name" in message
        assert "\n" not in message
    assert server.requests == []


def test_only_files_and_directories_can_be_uploaded(client: Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidParameter, match="is neither a file nor a directory"):
        lookup_of(TenantView(client), CONTENT).expand(params_of(src=tmp_path / "pipe"))


# --- downloads --------------------------------------------------------------------------------------------------------


def test_a_download_does_not_send_the_api_key(
    server: Server, client: Client, contents: Contents, tmp_path: Path
) -> None:
    contents.add("menu.png", b"soup")
    assert download(client, name="menu.png", dest=tmp_path, check_mode=True) == {
        "changed": True,
        "files": [str(tmp_path / "menu.png")],
    }
    assert list(tmp_path.iterdir()) == []
    assert download(client, name="menu.png", dest=tmp_path)["changed"]
    assert (tmp_path / "menu.png").read_bytes() == b"soup"
    assert "authorization" not in server.requests[-1].headers
    assert not download(client, name="menu.png", dest=tmp_path)["changed"]


def test_a_damaged_download_does_not_replace_a_file(client: Client, contents: Contents, tmp_path: Path) -> None:
    number = contents.add("menu.png", b"soup")
    contents.data[number] = b"stew"
    (tmp_path / "menu.png").write_bytes(b"older")
    with pytest.raises(TransportError, match="the downloaded file does not have the size and checksum"):
        download(client, id=number, dest=tmp_path)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("menu.png", b"older")]


@pytest.mark.parametrize("name", ["../menu.png", "/etc/menu.png", "..", "", "a\\b"])
def test_the_name_of_a_content_file_cannot_leave_the_directory(
    client: Client, contents: Contents, tmp_path: Path, name: str
) -> None:
    contents.add(name, b"soup")
    with pytest.raises(InvalidParameter, match="Set dest to the path of a file"):
        download(client, dest=tmp_path)


def test_a_replaced_file_keeps_its_mode(client: Client, contents: Contents, tmp_path: Path) -> None:
    contents.add("menu.png", b"soup")
    for mode in (0o600, 0o644, 0o777):
        (tmp_path / "menu.png").write_bytes(b"older")
        (tmp_path / "menu.png").chmod(mode)
        assert download(client, name="menu.png", dest=tmp_path)["changed"]
        assert stat.S_IMODE((tmp_path / "menu.png").stat().st_mode) == mode


def test_missing_directories_are_created(client: Client, contents: Contents, tmp_path: Path) -> None:
    contents.add("menu.png", b"soup")
    contents.add("prices.pdf", b"prices")
    new = f"{tmp_path}/new/files/"
    files = [f"{new}menu.png", f"{new}prices.pdf"]
    assert download(client, dest=new, check_mode=True) == {"changed": True, "files": files}
    assert list(tmp_path.iterdir()) == []
    assert download(client, dest=new) == {"changed": True, "files": files}
    assert download(client, dest=new) == {"changed": False, "files": files}
    download(client, name="menu.png", dest=tmp_path / "other" / "soup.png")
    assert (tmp_path / "other" / "soup.png").read_bytes() == b"soup"
    with pytest.raises(InvalidParameter, match=r"The path of a new directory ends with a slash\."):
        download(client, dest=new.replace("new", "newer").rstrip("/"))


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_checksum_of_an_unknown_algorithm_cannot_be_verified(
    server: Server, client: Client, contents: Contents, tmp_path: Path, check_mode: bool
) -> None:
    contents.add("menu.png", b"soup", hash="crc32:1c291ca3")
    with pytest.raises(InvalidParameter, match=r"have an unknown algorithm: 1\. Set allow_unverified to true"):
        download(client, dest=tmp_path, check_mode=check_mode)
    assert len(server.requests) == 1
    assert download(client, dest=tmp_path, check_mode=check_mode, allow_unverified=True)["changed"]


@pytest.mark.parametrize("told", [(), ("hash",), ("size",)])
def test_a_file_of_unknown_length_is_downloaded_if_size_or_checksum_are_known(
    server: Server, client: Client, contents: Contents, tmp_path: Path, told: tuple[str, ...]
) -> None:
    contents.told = told
    contents.add("menu.png", b"soup")
    server.app = lambda request: (
        (lambda exchange: exchange.send(200, {}, b"soup"))
        if request.path.startswith("/storage/")
        else contents(request)
    )
    if not told:
        with pytest.raises(TransportError, match="returned neither its size nor its checksum"):
            download(client, dest=tmp_path)
        assert list(tmp_path.iterdir()) == []
    assert download(client, dest=tmp_path, allow_unverified=not told)["changed"]
    assert (tmp_path / "menu.png").read_bytes() == b"soup"


def test_a_file_that_cannot_be_written_is_an_error(client: Client, contents: Contents, tmp_path: Path) -> None:
    contents.add("menu.png", b"soup")
    (tmp_path / "file").touch()
    with pytest.raises(InvalidParameter, match=r"Cannot write .*: Not a directory"):
        download(client, dest=tmp_path / "file" / "menu.png")
