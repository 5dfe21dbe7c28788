# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import re
import threading
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.apk import Package
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter, NotFound
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import Result, ensure
from ansible_collections.esper.cloud.plugins.module_utils.engine.batch import Batch, BatchItem
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds import app_package
from ansible_collections.esper.cloud.plugins.module_utils.kinds.app import APP_VERSION
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

Row = dict[str, t.Any]
APP = {"id": "app-1", "package_name": "com.example.till", "application_name": "Till"}
DATA = b"the bytes of the package"
TILL = {"package_name": "com.example.till", "version_name": "2.0"}


@dataclass
class Apps:
    """A tenant with one app, with the routes that the tests need."""

    versions: list[Row] = field(default_factory=list)
    legacy: bool = True
    """True if the legacy family has the app."""
    raced: Row | None = None
    """The version that another client uploads first."""
    others: list[Row] = field(default_factory=list)
    """Other apps in the list of the legacy family."""
    blueprints: list[Row] = field(default_factory=list)
    """The objects that match a filter."""
    delete: list[Reply] = field(default_factory=list)
    """The responses to deletions."""
    sent: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        self.sent.append(request)
        if request.method == "DELETE":
            return self.delete.pop(0)
        if request.method == "POST" and self.raced:
            self.versions.insert(0, self.raced)
            return answers({"message": "App Upload failed as this version already exists "}, 400)
        if request.method == "POST":
            self.versions.insert(0, {"id": "new", "version_code": "2.0", "build_number": "200"})
            return answers({"application": {**APP, "versions": self.versions}}, 201)
        if request.method == "PATCH":
            return answers({**self.versions[0], **request.json})
        if request.path.endswith("/application/") and "/v1/" not in request.path:
            return _page([{**APP, "versions": self.versions}, *self.others])
        if request.path.endswith("/application/"):
            return _page([APP] if self.versions else [])
        if found := re.search(r"/v2/blueprints/b1/versions/with-(\w+)/", request.path):
            code = None if found.group(1) == "None" else int(found.group(1))
            return answers({"content": {"id": "b1", "settings": settings(code)}})
        if "/v2/blueprints/" in request.path:
            return _page(self.blueprints)
        if not self.legacy and "/v1/" not in request.path:
            return answers({"message": "Not found."}, 404)
        return _page(self.versions)

    @property
    def written(self) -> list[str]:
        return [request.method for request in self.sent if request.method != "GET"]


def _page(rows: list[Row]) -> Reply:
    return answers({"count": len(rows), "next": None, "previous": None, "results": rows})


def version(code: int, **more: t.Any) -> Row:
    return {"id": f"v{code}", "version_code": f"{code / 100}", "build_number": str(code), **more}


@pytest.fixture
def apps(server: Server) -> Apps:
    scripted = Apps()
    server.app = scripted
    return scripted


@pytest.fixture
def client(server: Server, make_client: MakeClient) -> Client:
    return make_client(server, retries=0)


@pytest.fixture
def run(client: Client, apps: Apps) -> t.Callable[..., Result]:
    defaults = {name: option.get("default") for name, option in APP_VERSION.options.items()}

    def work(**params: t.Any) -> Result:
        return ensure(TenantView(client), APP_VERSION, {**defaults, **params})

    return work


@pytest.fixture
def src(tmp_path: Path) -> str:
    path = tmp_path / "till.apk"
    path.write_bytes(DATA)
    return str(path)


Run = t.Callable[..., Result]


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_bytes_are_compared_by_the_checksum_that_esper_returns(apps: Apps, run: Run, src: str, algorithm: str) -> None:
    digest = hashlib.new(algorithm, DATA).hexdigest()
    apps.versions = [version(200, hash_string=digest.upper())]
    assert not run(src=src, **TILL).changed
    Path(src).write_bytes(b"others")
    with pytest.raises(InvalidParameter, match="with another checksum"):
        run(src=src, **TILL)


@pytest.mark.parametrize("told", [None, "", "abc", "x" * 32, "0" * 128])
def test_an_unknown_checksum_is_not_compared(apps: Apps, run: Run, src: str, told: str | None) -> None:
    apps.versions = [version(200, hash_string=told)]
    assert not run(src=src, **TILL).changed


def test_a_version_that_only_v1_returns_exists(apps: Apps, run: Run, src: str) -> None:
    apps.versions, apps.legacy = [version(200)], False
    assert not run(src=src, **TILL).changed
    assert run(release_name="Spring", **TILL).changed
    assert "/v1/" in apps.sent[-1].path
    with pytest.raises(InvalidParameter, match="Cannot set enabled and release_comments"):
        run(release_name="Summer", release_comments="x", enabled=True, **TILL)


def test_package_and_version_are_read_from_the_file(
    apps: Apps, run: Run, src: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_package, "read_package", lambda _path: Package("com.example.till", "2.0", 200))
    done = run(src=src)
    assert done.record is not None
    assert (done.record["version_id"], done.record["version_code"]) == ("new", 200)
    assert done.changes[0].after == {**TILL, "version_code": 200}
    for wrong in ({"package_name": "com.example.other"}, {"version_name": "2.1"}, {"version_code": 201}):
        ((name, value),) = wrong.items()
        with pytest.raises(InvalidParameter, match=f"has {name} .*, not {value}"):
            run(src=src, **wrong)
    assert apps.written == ["POST"]


def test_a_concurrent_upload_of_the_same_bytes_is_adopted(apps: Apps, run: Run, src: str) -> None:
    apps.raced = version(200, hash_string=hashlib.md5(DATA).hexdigest(), release_name="Spring")
    done = run(src=src, release_name="Spring", **TILL)
    assert done.record is not None
    assert done.record["version_id"] == "v200"


def test_a_concurrent_upload_of_other_bytes_is_an_error(apps: Apps, run: Run, src: str) -> None:
    apps.raced = version(200, hash_string="0" * 32)
    with pytest.raises(InvalidParameter, match="with another checksum"):
        run(src=src, release_name="Spring", **TILL)
    assert apps.written == ["POST"]


def test_an_upload_has_its_own_deadline(apps: Apps, run: Run, client: Client, src: str) -> None:
    assert not run(src=src, state="absent", **TILL).changed
    assert client.connection.deadline == 300
    assert run(src=src, **TILL).changed
    assert client.connection.deadline == 3600


def test_an_upload_never_shortens_the_deadline(apps: Apps, run: Run, client: Client, src: str) -> None:
    assert run(src=src, upload_deadline=1, **TILL).changed
    assert client.connection.deadline == 300
    apps.versions = []
    assert run(src=src, upload_deadline=0, **TILL).changed
    assert client.connection.deadline == 0


@pytest.mark.parametrize("limit", [-1.0, 604_801.0, 1e10, float("nan")])
def test_an_upload_deadline_out_of_range_is_an_error_before_the_upload(
    apps: Apps, run: Run, src: str, limit: float
) -> None:
    with pytest.raises(InvalidParameter, match=r"Invalid upload_deadline: .* It must be from 0 to 604800"):
        run(src=src, upload_deadline=limit, check_mode=True, **TILL)
    assert apps.written == []


def test_versions_are_ordered_by_code(apps: Apps, run: Run) -> None:
    apps.versions = [version(code) for code in (90, 200, 1000, 150)]
    apps.delete = [answers(None, 204)] * 2
    assert run(keep_versions=2, **TILL).changed
    assert [request.path.split("/")[-2] for request in apps.sent if request.method == "DELETE"] == ["v90", "v150"]


@pytest.mark.parametrize(
    ("force", "answered", "says", "deletions"),
    [
        (
            False,
            [{"request_id": "r", "templates": [{"id": 1, "name": "Kiosks"}]}],
            "in use by the template 'Kiosks'",
            1,
        ),
        (False, [None], "in use by unknown objects", 1),
        (True, [{"templates": []}], "in use by unknown objects", 1),
        (True, [{"request_id": "r"}, {"request_id": "s"}], "in use by unknown objects", 2),
    ],
)
def test_a_response_with_200_is_not_a_deletion(
    apps: Apps, run: Run, force: bool, answered: list[t.Any], says: str, deletions: int
) -> None:
    apps.versions = [version(200)]
    apps.delete = [answers(each) for each in answered]
    with pytest.raises(InvalidParameter, match=says):
        run(state="absent", force=force, **TILL)
    assert apps.written == ["DELETE"] * deletions


def test_a_deletion_is_confirmed_by_force(apps: Apps, run: Run) -> None:
    apps.versions = [version(200, installed_count=1)]
    with pytest.raises(InvalidParameter, match="in use by 1 device\\."):
        run(state="absent", **TILL)
    apps.delete = [answers({"request_id": "r"}), answers(None, 204)]
    assert run(state="absent", force=True, **TILL).changed
    assert [request.query for request in apps.sent[-2:]] == [{}, {"request_id": "r"}]


# --- usage ------------------------------------------------------------------------------------------------------------


def blueprint(published: int | None, draft: int | None = None) -> Row:
    """A blueprint with a version of the app in its published version, and maybe another in a draft."""
    latest = published if draft is None else draft
    return {
        "id": "b1",
        "name": "Kiosks",
        "publish": draft is None,
        "version_id": f"with-{latest}",
        "latest_published_version_id": f"with-{published}",
        "settings": settings(latest),
    }


def settings(code: int | None) -> Row:
    apps = [] if code is None else [{"app_id": "app-1", "app_version_id": f"v{code}"}]
    return {"android": {"apps": apps}, "ios": None}


@pytest.mark.parametrize(
    ("row", "kept", "reads"),
    [
        # A blueprint that had the version once is found by the filter of the API, but does not use it.
        (blueprint(200), None, 1),
        (blueprint(None), None, 1),
        (blueprint(100), "published version", 1),
        (blueprint(200, draft=100), "draft", 2),
        (blueprint(100, draft=200), "published version", 2),
        (blueprint(100, draft=100), "published version and draft", 2),
    ],
)
@pytest.mark.parametrize("params", [{"keep_versions": 1, **TILL}, {**TILL, "version_name": "1.0", "state": "absent"}])
def test_a_version_is_in_use_by_the_latest_and_the_published_version_of_a_blueprint(
    apps: Apps, run: Run, row: Row, kept: str | None, reads: int, params: Row
) -> None:
    apps.versions, apps.blueprints = [version(200), version(100)], [row]
    apps.delete = [answers(None, 204)]
    if kept is None:
        assert run(**params).changed
        assert apps.written == ["DELETE"]
    elif "keep_versions" in params:
        (warning,) = run(**params).warnings
        assert warning.endswith(f"in use by the blueprint 'Kiosks' ({kept}).")
    else:
        with pytest.raises(InvalidParameter, match=rf"in use by the blueprint 'Kiosks' \({kept}\)\. Remove it"):
            run(**params)
    assert len([request for request in apps.sent if "/v2/blueprints/" in request.path]) == reads
    assert bool(apps.written) is (kept is None)


@pytest.mark.parametrize(("row", "uses"), [(blueprint(100, draft=None), True), (blueprint(None), False)])
def test_an_app_is_in_use_if_a_blueprint_has_any_of_its_versions(apps: Apps, run: Run, row: Row, uses: bool) -> None:
    apps.versions, apps.blueprints = [version(200), version(100)], [row]
    apps.delete = [answers(None, 204)]
    if uses:
        with pytest.raises(InvalidParameter, match="set force=true if only devices use it"):
            run(package_name="com.example.till", state="absent")
    else:
        assert run(package_name="com.example.till", state="absent").changed
    assert apps.written == ([] if uses else ["DELETE"])


def test_all_versions_to_delete_share_one_read_of_the_blueprints(apps: Apps, run: Run) -> None:
    apps.versions = [version(code) for code in (200, 190, 180, 170, 160)]
    apps.blueprints = [blueprint(180, draft=170)]
    apps.delete = [answers(None, 204)] * 2
    assert len(run(keep_versions=1, **TILL).warnings) == 2
    assert len([request for request in apps.sent if "/v2/blueprints/" in request.path]) == 2
    assert [request.path.split("/")[-2] for request in apps.sent if request.method == "DELETE"] == ["v160", "v190"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"keep_versions": 0, **TILL}, "Invalid keep_versions 0"),
        ({"keep_versions": -1, **TILL}, "Invalid keep_versions -1"),
        ({"keep_versions": 1, "package_name": "com.example.till", "state": "absent"}, "requires state=present"),
        ({"keep_versions": 0, "package_name": "com.example.till", "state": "absent"}, "Invalid keep_versions 0"),
    ],
)
def test_keep_versions_must_be_at_least_one(apps: Apps, run: Run, params: Row, error: str) -> None:
    apps.versions = [version(200), version(100)]
    with pytest.raises(InvalidParameter, match=error):
        run(**params)
    assert apps.sent == []


# --- contradictions ---------------------------------------------------------------------------------------------------

ABSENT = {"package_name": "com.example.till", "state": "absent", "force": True}


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("legacy", [True, False])
def test_a_version_code_and_the_name_of_another_version_select_neither(
    apps: Apps, run: Run, src: str, state: str, legacy: bool
) -> None:
    apps.versions, apps.legacy = [version(200), version(190)], legacy
    for more in ({}, {"src": src}):
        with pytest.raises(
            InvalidParameter, match=r"com\.example\.till': version_code 190 belongs to version_name 1\.9, not"
        ):
            run(version_code=190, state=state, force=True, **TILL, **more)
    # A code that does not exist contradicts nothing.
    assert not run(version_code=210, **ABSENT, version_name="2.0").changed
    assert apps.written == []


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("app", [{"package_name": "com.example.till"}, {"package_name": "com.example.none"}])
def test_a_version_id_of_another_app_selects_nothing(apps: Apps, run: Run, state: str, app: Row) -> None:
    apps.versions, apps.others = [version(200)], [{"id": "app-2", "package_name": "com.example.x", "versions": [OTHER]}]
    with pytest.raises(InvalidParameter, match=r"version_id other belongs to the app 'com\.example\.x'"):
        run(version_id="other", state=state, force=True, **app)
    assert apps.written == []


OTHER = {"id": "other", "version_code": "2.0", "build_number": "200"}


def test_a_version_id_that_does_not_exist_is_absent(apps: Apps, run: Run) -> None:
    apps.versions = [version(200)]
    assert not run(version_id="gone", **ABSENT).changed
    assert len(apps.sent) == 4
    with pytest.raises(NotFound, match=r"com\.example\.till gone'"):
        run(version_id="gone", package_name="com.example.till")
    assert apps.written == []


@pytest.mark.parametrize("name", ["*", "2.*", "%", "2", "2.0 ", "2.0.0", "latest"])
def test_a_version_name_is_not_a_pattern(apps: Apps, run: Run, name: str) -> None:
    apps.versions = [version(200), version(190)]
    assert not run(version_name=name, **ABSENT).changed
    assert apps.written == []


@pytest.mark.parametrize("name", ["*", "com.example.*", "com.example", "%", "COM.EXAMPLE.TILL"])
def test_a_package_name_is_not_a_pattern(apps: Apps, run: Run, name: str) -> None:
    # Even if the filter of the server is a pattern.
    apps.versions = [version(200)]
    assert not run(package_name=name, state="absent", force=True).changed
    assert apps.written == []


@pytest.mark.parametrize("value", ["", " ", "\t"])
@pytest.mark.parametrize("name", ["package_name", "id", "version_name", "version_id"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_empty_identifier_selects_nothing(apps: Apps, run: Run, name: str, value: str, state: str) -> None:
    apps.versions = [version(200)]
    with pytest.raises(InvalidParameter, match=f"{name} must not be empty"):
        run(**{"package_name": "com.example.till", name: value, "state": state, "force": True})
    assert apps.sent == []


def test_an_apk_file_of_another_version_deletes_nothing(
    apps: Apps, run: Run, src: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps.versions = [version(200), version(210)]
    monkeypatch.setattr(app_package, "read_package", lambda _path: Package("com.example.till", "2.0", 200))
    for wrong in ({"package_name": "com.example.x"}, {"version_name": "2.1"}, {"version_code": 210}):
        with pytest.raises(InvalidParameter, match=r"The file .* has .*, not"):
            run(src=src, state="absent", force=True, **wrong)
    assert apps.sent == []


def test_a_directory_is_not_an_apk_file(apps: Apps, run: Run, tmp_path: Path) -> None:
    apps.versions = [version(200)]
    with pytest.raises(InvalidParameter, match="File not found"):
        run(src=str(tmp_path), state="absent", force=True, **TILL)
    assert apps.sent == []


# --- many versions in one task ----------------------------------------------------------------------------------------


@dataclass
class ManyApps:
    """A tenant with several apps. An uploaded file is its package name, version name and version code."""

    apps: list[Row] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    """Requests, and the start and the end of each upload."""
    hidden_in_legacy: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Reply:
        path = re.sub(r".*?(/v1)?/enterprise/[^/]+/application/", r"\1/", request.path)
        self.journal.append(f"{request.method} {path}")
        if request.method == "POST":
            return self._upload(request)
        if request.method == "PATCH":
            return answers({**version(100, installed_count=0, hash_string="-"), **request.json})
        if "/v2/blueprints/" in request.path:
            return _page([])
        package = request.query.get("package_name_exact")
        if path in ("/", "/v1/"):
            shown = [app for app in self.apps if package in (None, app["package_name"])]
            if path == "/":
                return _page([app for app in shown if app["id"] not in self.hidden_in_legacy])
            return _page([{key: value for key, value in app.items() if key != "versions"} for app in shown])
        app = next(each for each in self.apps if f"/{each['id']}/" in path)
        if not path.startswith("/v1/") and app["id"] in self.hidden_in_legacy:
            return answers({"message": "Not found."}, 404)
        return _page([{**row, "installed_count": 0, "is_default": True} for row in app["versions"]])

    def _upload(self, request: Request) -> Reply:
        match = re.search(rb"(com\.example\.\w+) (\S+) (\d+)", request.body)
        assert match is not None
        package, name, code = (each.decode() for each in match.groups())
        self.journal.append(f"uploading {package} {name}")
        time.sleep(0.1)
        with self.lock:
            app = next((each for each in self.apps if each["package_name"] == package), None)
            if app is None:
                app = {"id": f"{package}-{len(self.apps)}", "package_name": package, "versions": []}
                self.apps.append(app)
            app["versions"].append({"id": f"{package}-{code}", "version_code": name, "build_number": code})
            self.journal.append(f"uploaded {package} {name}")
        return answers({"application": app}, 201)


@pytest.fixture
def many(server: Server) -> ManyApps:
    scripted = ManyApps()
    server.app = scripted
    return scripted


def existing(number: int, **more: t.Any) -> Row:
    """An app with a version, as the list of all apps in the legacy family has it."""
    row = version(100, release_name="Spring", hash_string="-", **more)
    package = f"com.example.app{number}"
    return {"id": f"a{number}", "package_name": package, "versions": [{**row, "id": f"a{number}-v"}]}


def bulk(client: Client, *several: Row) -> Batch:
    defaults = {name: option.get("default") for name, option in APP_VERSION.options.items()}
    items = [BatchItem(APP_VERSION, f"apps[{place}]", {**defaults, **each}) for place, each in enumerate(several)]
    planned = Batch(TenantView(client), items)
    planned.assign_keys()
    planned.plan_all(continue_on_error=False)
    return planned


def apply(planned: Batch) -> list[str]:
    assert [str(item.error) for item in planned.failed] == []
    planned.apply_all(on_progress=lambda _count, _total: None)
    assert [str(item.error) for item in planned.failed] == []
    return [item.action for item in planned.items]


def upload(tmp_path: Path, package: str, name: str, code: int) -> Row:
    path = tmp_path / f"{package}-{code}.apk"
    path.write_text(f"{package} {name} {code}")
    return {"src": str(path), "package_name": package, "version_name": name, "version_code": code}


def test_first_versions_of_a_new_package_wait_for_the_one_that_creates_the_app(
    many: ManyApps, client: Client, tmp_path: Path
) -> None:
    versions = [upload(tmp_path, "com.example.new", f"{number}.0", number) for number in (1, 2, 3)]
    # The number of requests at a time increases with each response.
    others = [upload(tmp_path, f"com.example.other{number}", "1.0", 1) for number in range(3)]
    planned = bulk(client, *others, *versions)
    assert apply(planned) == ["created"] * 6
    uploads = [each for each in many.journal if "upload" in each and "com.example.new" in each]
    assert uploads[:2] == ["uploading com.example.new 1.0", "uploaded com.example.new 1.0"]
    assert len(uploads) == 6
    assert len({app["package_name"] for app in many.apps}) == len(many.apps) == 4


def test_versions_of_many_apps_are_read_from_one_list(many: ManyApps, client: Client) -> None:
    many.apps = [existing(number) for number in range(8)]
    same = [{"package_name": f"com.example.app{number}", "version_name": "1.0"} for number in range(8)]
    planned = bulk(client, *({**each, "release_name": "Spring"} for each in same))
    assert [item.action for item in planned.items] == ["unchanged"] * 8
    assert sorted(many.journal) == ["GET /", "GET /v1/"]


def test_only_a_version_with_missing_properties_is_read_alone(many: ManyApps, client: Client) -> None:
    many.apps = [existing(number) for number in range(8)]
    names = [{"package_name": f"com.example.app{number}", "version_name": "1.0"} for number in range(8)]
    changes: list[Row] = [{"release_name": "Summer"}, {"default": True}, {"release_name": "Spring"}, *[{}] * 5]
    planned = bulk(client, *({**each, **more} for each, more in zip(names, changes, strict=True)))
    assert sorted(many.journal) == ["GET /", "GET /a0/version/", "GET /a1/version/", "GET /v1/"]
    assert [item.action for item in planned.items] == ["updated", *["unchanged"] * 7]
    assert apply(planned)[0] == "updated"
    assert many.journal[-1] == "PATCH /a0/version/a0-v/"


def test_an_app_that_is_not_in_the_list_is_read_alone(many: ManyApps, client: Client) -> None:
    many.apps, many.hidden_in_legacy = [existing(number) for number in range(8)], {"a3"}
    names = [{"package_name": f"com.example.app{number}", "version_name": "1.0"} for number in range(8)]
    planned = bulk(client, *names[:3], {**names[3], "release_name": "Summer"}, *names[4:])
    assert sorted(many.journal) == ["GET /", "GET /a3/version/", "GET /v1/", "GET /v1/a3/version/"]
    assert apply(planned)[3] == "updated"
    assert many.journal[-1] == "PATCH /v1/a3/version/a3-v/"


def test_a_few_versions_are_read_one_by_one(many: ManyApps, client: Client) -> None:
    many.apps = [existing(number) for number in range(5)]
    bulk(client, *({"package_name": f"com.example.app{number}", "version_name": "1.0"} for number in range(5)))
    assert sorted(many.journal) == sorted(["GET /v1/"] * 5 + [f"GET /a{number}/version/" for number in range(5)])


# --- effects ----------------------------------------------------------------------------------------------------------


def test_the_deletion_of_an_app_affects_each_of_its_versions(apps: Apps, client: Client) -> None:
    apps.versions = [version(200), version(100)]
    (item,) = bulk(client, ABSENT).items
    effects = {(each.kind.key, each.id): each.row for each in item.plan.effects}
    assert effects == {("app", "app-1"): None, ("app_version", "v200"): None, ("app_version", "v100"): None}


def test_each_plan_for_a_version_states_its_effects(apps: Apps, client: Client, src: str) -> None:
    apps.versions = [version(200), version(100)]
    (item,) = bulk(client, {**TILL, "keep_versions": 1, "release_name": "Spring"}).items
    updated, deleted = item.plan.effects
    assert updated.row is not None
    assert (updated.id, updated.row["release_name"]) == ("v200", "Spring")
    assert (deleted.id, deleted.row) == ("v100", None)
    (item,) = bulk(client, {**TILL, "state": "absent"}).items
    assert [(each.id, each.row) for each in item.plan.effects] == [("v200", None)]
    apps.versions = []
    (item,) = bulk(client, {**TILL, "src": src}).items
    assert [each.kind.key for each in item.plan.effects] == ["app", "app_version"]
