# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t
import unicodedata
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import (
    Ambiguous,
    ApiError,
    EsperError,
    InvalidParameter,
    NotFound,
    RequestFailed,
)
from ansible_collections.esper.cloud.plugins.module_utils.engine.apply import Result, ensure, make_plan
from ansible_collections.esper.cloud.plugins.module_utils.engine.planner import planner_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.reader import reader_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.app import APP_VERSION
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint import BLUEPRINT
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_catalog import CATALOGS
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_list import BLUEPRINTS
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_names import Names
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_settings import SETTINGS
from ansible_collections.esper.cloud.plugins.module_utils.kinds.blueprint_terms import TERMS
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_group import DEVICE_GROUP
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Effect, Step
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import KnownAfterApply
from ansible_collections.esper.cloud.tests.unit.service import Exchange, Reply, Request, Server, answers, resets

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
    from ansible_collections.esper.cloud.tests.unit.conftest import MakeClient

Row = dict[str, t.Any]
MASK = "********"
PASSWORD = "correct horse"
ALWAYS = {"apply_policy": "ALWAYS APPLY"}
FIRST, SECOND = "3c1f6d0e-6d0c-4c0b-9c43-0f3a8f5b1e11", "3c1f6d0e-6d0c-4c0b-9c43-0f3a8f5b1e12"
SECRETS = ("admin_mode_password", "certificate_file_password")


@dataclass
class Tenant:
    """A tenant with blueprints and the objects that they refer to, with the routes that the tests need."""

    rows: list[Row] = field(default_factory=list)
    versions: list[Row] = field(default_factory=list)
    apps: list[Row] = field(default_factory=list)
    app_versions: dict[str, list[Row]] = field(default_factory=dict)
    contents: list[Row] = field(default_factory=list)
    groups: list[Row] = field(default_factory=list)
    devices: dict[str, int] = field(default_factory=dict)
    """The number of devices for a query parameter."""
    masks: bool = True
    defaults: Row = field(default_factory=dict)
    """Settings that Esper adds to each Android blueprint without them."""
    surprises: bool = False
    """True if the record cannot be predicted, because another client writes too."""
    without_settings: bool = False
    """True if the objects in lists have no settings."""
    troubles: dict[str, list[tuple[Reply, bool]]] = field(default_factory=dict)
    """By method, another response, and whether the request takes effect anyway."""
    sent: list[Request] = field(default_factory=list)

    def add(self, settings: t.Any = None, **values: t.Any) -> Row:
        row = {
            "id": f"b{len(self.rows) + 1}",
            "name": "Kiosks",
            "description": "",
            "comments": "",
            "settings": settings,
            "publish": True,
            "version_id": FIRST,
            "version_number": 1,
            "minor_version_number": 0,
            **values,
        }
        self.rows.append(row)
        return row

    def __call__(self, request: Request) -> Reply:
        self.sent.append(request)
        if troubles := self.troubles.get(request.method):
            reply, takes_effect = troubles.pop(0)
            if takes_effect:
                self._reply(request)
            return reply
        return self._reply(request)

    def _reply(self, request: Request) -> Reply:
        path, query = request.path.removeprefix("/api"), request.query
        if path.startswith("/v2/blueprints/"):
            return self._blueprints(request, path.removeprefix("/v2/blueprints/").strip("/").split("/"))
        if "/content/" in path:
            return _page(self.contents)
        if path == "/v2/devices/":
            (count,) = [self.devices.get(name, 0) for name in query if name != "limit"]
            return answers({"content": {"count": count, "next": None, "prev": None, "results": []}})
        if "/devicegroup/" in request.path:
            return _page(self.groups)
        parts = path.rstrip("/").split("/")
        if parts[-1] in ("version", "versions"):
            versions = self.app_versions.get(parts[-2])
            return answers({"message": "Not found."}, 404) if versions is None else _page(versions)
        package = query.get("package_name_exact") or query.get("package_name")
        return _page([app for app in self.apps if package in (None, app.get("package_name"))])

    def _blueprints(self, request: Request, parts: list[str]) -> Reply:
        if request.method == "POST":
            return self._answer(self.add(**{**request.json, "publish": False}), 201)
        if parts == [""]:
            name = request.query.get("name_exact")
            return _page([self._item(row) for row in self.rows if name in (None, row["name"])])
        row = next((row for row in self.rows if row["id"] == parts[0]), None)
        if row is None:
            return answers({"message": "Not found."}, 404)
        if parts[1:] == ["versions"]:
            return _page([self._item(version) for version in self.versions])
        if parts[1:]:
            return self._answer(next(each for each in self.versions if each["version_id"] == parts[2]))
        if request.method == "DELETE":
            self.rows.remove(row)
            return answers(None, 204)
        if request.method == "PUT":
            number = row["version_number"] + 1
            row.update({"description": "", "settings": {}, **request.json, "version_number": number})
            for name, value in self.defaults.items():
                row["settings"].setdefault("android", {}).setdefault(name, value)
        return self._answer(row)

    def _item(self, row: Row) -> Row:
        shown = self._shown(row)
        return {key: value for key, value in shown.items() if key != "settings" or not self.without_settings}

    def _answer(self, row: Row, status: int = 200) -> Reply:
        return answers({"content": self._shown(row), "message": "Blueprint", "code": "201"}, status)

    def _shown(self, row: Row) -> t.Any:
        return _masked(row) if self.masks else copy.deepcopy(row)

    @property
    def reads(self) -> list[str]:
        return [request.path.removeprefix("/api") for request in self.sent if request.method == "GET"]

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.sent if request.method != "GET"]

    @property
    def body(self) -> Row:
        """The body of the last write request."""
        return t.cast("Row", self.writes[-1].json)


def _masked(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: MASK if key in SECRETS and item else _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _page(rows: list[Row]) -> Reply:
    return answers({"content": {"count": len(rows), "next": "", "previous": "", "results": rows}})


def version(code: int | None, name: str = "", app: str = "till", **more: t.Any) -> Row:
    """A version of an Android app in the catalog."""
    return {"id": f"{app}-{code}", "version_code": name or f"{code}.0", "build_number": code and str(code), **more}


def till(code: int, **more: t.Any) -> Row:
    """An app of an Android blueprint."""
    return {
        "package_name": "com.example.till",
        "app_id": "till",
        "app_version_id": f"till-{code}",
        "installation_rule": "DURING PROVISIONING",
        "state": "SHOW",
        "type": "ENTERPRISE",
        "auto_update_mode": "autoUpdateDefault",
        **more,
    }


def android(**parts: t.Any) -> Row:
    return {"android": parts}


@pytest.fixture
def tenant(server: Server) -> Tenant:
    scripted = Tenant(
        apps=[{"id": "till", "package_name": "com.example.till"}],
        app_versions={"till": [version(1), version(2)]},
        contents=[{"id": 7, "name": "a.txt"}, {"id": 8, "name": "b.txt"}],
    )
    server.app = scripted
    return scripted


@pytest.fixture
def client(server: Server, make_client: MakeClient) -> Client:
    return make_client(server, retries=2)


class Run(t.Protocol):
    """Runs a task twice, first in check mode, which must predict all changes."""

    def __call__(self, **params: t.Any) -> Result:
        """Ensure the blueprint of the options."""


@pytest.fixture
def run(client: Client, tenant: Tenant) -> Run:
    defaults = {name: option.get("default") for name, option in BLUEPRINT.options.items()}

    def work(**params: t.Any) -> Result:
        tenant.sent.clear()
        options = {**defaults, **({} if "id" in params else {"name": "Kiosks"}), **params}
        predicted = ensure(TenantView(client), BLUEPRINT, copy.deepcopy(options), check_mode=True)
        assert not tenant.writes, "check mode wrote"
        tenant.sent.clear()
        done = ensure(TenantView(client), BLUEPRINT, copy.deepcopy(options))
        assert (predicted.changed, predicted.changes, predicted.warnings) == (done.changed, done.changes, done.warnings)
        if not tenant.surprises:
            assert _foreseen(predicted.record, predicted.record) == _foreseen(done.record, predicted.record)
        return done

    return work


def _foreseen(record: t.Any, predicted: t.Any) -> t.Any:
    """Return the values of a record that were predicted; others are null."""
    if isinstance(predicted, dict) and isinstance(record, dict):
        return {key: _foreseen(record.get(key), value) for key, value in predicted.items() if value is not None}
    if isinstance(predicted, list) and isinstance(record, list):
        return [_foreseen(*each) for each in zip(record, predicted, strict=True)]
    return record


class Again(t.Protocol):
    """Runs a task until it succeeds, and once more."""

    def __call__(self, **params: t.Any) -> Result:
        """Return the first result. Assert that the task changes something, and nothing in the second run."""


@pytest.fixture
def once(run: Run, tenant: Tenant) -> Again:
    def work(**params: t.Any) -> Result:
        done = run(**params)
        assert done.changed
        sent = [*tenant.sent]
        assert not run(**params).changed
        tenant.sent[:] = sent
        return done

    return work


@pytest.fixture
def info(client: Client, tenant: Tenant) -> t.Callable[..., Row]:
    assert BLUEPRINT.info_module
    defaults = {name: option.get("default") for name, option in BLUEPRINT.info_module.argument_spec.items()}
    return lambda **params: reader_of(TenantView(client), BLUEPRINT).get_info({**defaults, **params})


Info = t.Callable[..., Row]


def parts_of(done: Result, platform: str = "android") -> Row:
    assert done.record is not None
    return t.cast("Row", done.record["settings"][platform])


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reads"),
    [
        ({}, ["/v2/blueprints/"]),
        ({"id": "b1"}, ["/v2/blueprints/b1/"]),
        ({"settings": android(apps=[{"package_name": "com.example.till", "state": "SHOW"}])}, ["/v2/blueprints/"]),
        ({"settings": android(apps=[{"app_id": "till", "app_version_id": "till-1"}])}, ["/v2/blueprints/"]),
        ({"settings": android(files=[{"file_id": "7", "destination_path": "/a"}])}, ["/v2/blueprints/"]),
        ({"settings": android(apps=[{"package_name": "com.example.till", "version_name": "1.0"}])}, ["version/"]),
        ({"settings": android(files=[{"content": "a.txt"}])}, ["content/"]),
    ],
    ids=str,
)
def test_an_unchanged_blueprint_costs_one_request_and_one_for_each_name(
    tenant: Tenant, run: Run, said: Row, reads: list[str]
) -> None:
    tenant.add(android(apps=[till(1)], files=[{"file_id": 7, "destination_path": "/a"}]))
    assert not run(**said).changed
    expected = reads if reads[0].startswith("/v2") else ["/v2/blueprints/", *reads]
    assert len(tenant.sent) == len(expected)
    assert all(read.endswith(end) for read, end in zip(tenant.reads, expected, strict=True))


HOSTILE = ["a/b", "../..", "O'Brien \"&?name=x#", "{{ lookup('pipe', 'id') }}", "x" * 1000, "Größe 🛒", "100%"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_can_be_any_text(tenant: Tenant, once: Again, name: str) -> None:
    tenant.add(name="Others")
    tenant.contents.append({"id": 9, "name": name})
    tenant.apps.append({"id": "odd", "package_name": name})
    tenant.app_versions["odd"] = [version(1, name, app="odd")]
    done = once(
        name=name,
        settings=android(
            apps=[{"package_name": name, "version_name": name}], files=[{"content": name, "destination_path": name}]
        ),
    )
    assert tenant.rows[-1]["name"] == name
    assert parts_of(done)["files"] == [{"content": name, "file_id": "9", "destination_path": name}]
    # The API distinguishes the Unicode forms of a name.
    forms = list(dict.fromkeys([name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))]))
    assert [request.query["name_exact"] for request in tenant.sent if "name_exact" in request.query] == forms


@pytest.mark.parametrize("app_id", ["..", ".", ""])
def test_an_id_that_leads_to_another_path_is_not_requested(tenant: Tenant, run: Run, app_id: str) -> None:
    tenant.add({})
    app = {"package_name": "com.example.other", "app_id": app_id, "version_name": "1.0"}
    with pytest.raises(NotFound):
        run(settings=android(apps=[app]))
    assert not [path for path in tenant.reads if path.endswith("version/")]


# --- apps -------------------------------------------------------------------------------------------------------------


def test_the_latest_version_is_that_of_the_highest_code(tenant: Tenant, once: Again) -> None:
    codes = [9, 100, 20]
    tenant.app_versions["till"] = [
        version(code, created_on=f"2026-0{month}-01") for month, code in enumerate(codes, start=1)
    ]
    tenant.add(android(apps=[till(9)]))
    done = once(settings=android(apps=[{"package_name": "com.example.till", "version_name": "latest"}]))
    assert tenant.body["settings"]["android"]["apps"] == [till(100)]
    (change,) = done.changes
    assert [
        change.before["settings"]["android"]["apps"][0]["version_code"],
        parts_of(done)["apps"][0]["version_code"],
    ] == [
        9,
        100,
    ]


def test_the_latest_version_without_codes_is_the_newest(tenant: Tenant, once: Again) -> None:
    tenant.apps = [{"id": "till", "package_name": "com.example.till"}]
    tenant.app_versions["till"] = [
        {"id": f"v{day}", "version_name": f"{day}", "created_at": f"2026-03-{day}"} for day in (10, 30, 20)
    ]
    tenant.add({"ios": None})
    done = once(settings={"ios": {"apps": [{"package_name": "com.example.till", "version_name": "latest"}]}})
    # The catalog has the owner of the app, but not its type.
    sent = {"app_id": "till", "app_version_id": "v30", "app_type": "TENANT_IOS", "state": "SHOW"}
    assert tenant.body["settings"] == {"ios": {"apps": [sent]}}
    assert parts_of(done, "ios")["apps"] == [{**sent, "package_name": "com.example.till", "version_name": "30"}]


def test_the_latest_version_without_codes_can_be_a_planned_upload(tenant: Tenant, client: Client) -> None:
    tenant.apps = [{"id": "till", "package_name": "com.example.till"}]
    tenant.app_versions["till"] = [{"id": "v1", "version_code": "1", "created_on": "2026-03-01"}]
    view, pending = TenantView(client), KnownAfterApply(Step("Uploading", "POST", "/upload/"), "id")
    planned = {"id": pending, "app_id": "till", "version_code": "2", "build_number": None}
    view.add_effects([Effect(APP_VERSION, pending, planned)])
    app = {"package_name": "com.example.till", "version_name": "latest"}
    desired, _current = Names(view).resolve({"android": {"apps": [app]}}, {})
    assert desired["android"]["apps"][0]["app_version_id"] == pending


def test_other_options_of_the_latest_version_count(tenant: Tenant, run: Run) -> None:
    tenant.add({})
    app = {"package_name": "com.example.till", "version_name": "latest", "version_code": 1}
    run(settings=android(apps=[app]))
    assert tenant.body["settings"]["android"]["apps"][0]["app_version_id"] == "till-1"


@pytest.mark.parametrize(
    ("said", "error", "says"),
    [
        (
            {"apps": [{"package_name": "com.example.till", "version_name": "3.0"}]},
            Ambiguous,
            r"till 3.0 \(30\) \(ID till-30\), com.example.till 3.0 \(31\) \(ID till-31\)\). Set version_code",
        ),
        (
            {"apps": [{"package_name": "com.example.till", "version_name": "1.1"}]},
            NotFound,
            r"app 'com.example.till 1.1' was not found. Did you mean 'com.example.till 1.0 \(1\)'",
        ),
        ({"apps": [{"package_name": "com.example.tills", "version_name": "1"}]}, NotFound, "mean 'com.example.till'"),
        (
            {"apps": [{"package_name": "com.example.play", "version_name": "1", "type": "PLAYSTORE"}]},
            NotFound,
            "'com.example.play' was not found. .* Approve it with esper.cloud.google_play_app in an earlier",
        ),
        (
            {"apps": [{"package_name": "com.example.till"}]},
            InvalidParameter,
            r"apps\[0\]\.version_name of the app 'com\.example\.till' is required",
        ),
        ({"apps": [{"version_name": "1.0"}]}, InvalidParameter, r"apps\[0\]\.package_name is required"),
        ({"files": [{"content": "c.txt"}]}, Ambiguous, r"c.txt \(ID 10\), c.txt \(ID 9\)\). Set file_id instead"),
        (
            {"files": [{"content": "d.txt"}]},
            NotFound,
            "content file 'd.txt' was not found. Did you mean .* Upload it before",
        ),
        (
            {"files": [{"destination_path": "/a"}]},
            InvalidParameter,
            r"^Invalid parameters for the blueprint 'Kiosks': settings.android.files\[0\].file_id is required.$",
        ),
        (
            {"apps": [{"package_name": "com.example.till", "version_name": name} for name in ("1.0", "2.0")]},
            InvalidParameter,
            r"apps\[1\] duplicates settings.android.apps\[0\]",
        ),
    ],
    ids=str,
)
def test_an_unknown_or_ambiguous_name_is_rejected(
    tenant: Tenant, run: Run, said: Row, error: type[EsperError], says: str
) -> None:
    tenant.app_versions["till"] += [version(30, "3.0"), version(31, "3.0")]
    tenant.contents += [{"id": 9, "name": "c.txt"}, {"id": 10, "name": "c.txt"}]
    tenant.add({})
    with pytest.raises(error, match=says):
        run(settings=android(**said))
    assert tenant.writes == []


def test_an_app_with_a_package_name_only_is_the_one_in_the_blueprint(tenant: Tenant, run: Run) -> None:
    # Apple apps have no package name in blueprints.
    app = {"app_id": "till", "app_version_id": "till-1", "app_type": "VPP", "state": "SHOW"}
    tenant.add({"ios": {"apps": [app]}})
    same = run(settings={"ios": {"apps": [{"package_name": "com.example.till", "state": "SHOW"}]}})
    assert not same.changed
    assert parts_of(same, "ios")["apps"] == [{**app, "package_name": "com.example.till"}]


def test_a_deleted_app_can_be_set_by_its_ids(tenant: Tenant, run: Run, once: Again) -> None:
    gone = till(1, app_id="gone", app_version_id="gone-1")
    tenant.add(android(apps=[gone]))
    ids = {"package_name": "com.example.till", "app_id": "gone", "app_version_id": "gone-1"}
    assert not run(settings=android(apps=[ids])).changed
    assert len(tenant.sent) == 1
    with pytest.raises(NotFound):
        run(settings=android(apps=[{**ids, "app_version_id": "gone-2"}]))
    # The name selects the app that the tenant has now.
    once(settings=android(apps=[{"package_name": "com.example.till", "version_name": "1.0"}]))
    assert tenant.body["settings"]["android"]["apps"] == [till(1)]
    assert len([path for path in tenant.reads if "/gone/" in path]) == 1


def test_a_version_of_one_app_is_not_sent_with_another(tenant: Tenant, run: Run) -> None:
    tenant.add(android(apps=[till(1)]))
    for other, says in (
        ({"app_id": "other"}, "app_id 'other' is not an app"),
        ({"type": "PLAYSTORE"}, "has the app with another ID or type"),
    ):
        with pytest.raises(InvalidParameter, match=says):
            run(settings=android(apps=[{"package_name": "com.example.till", **other}]))


@pytest.mark.parametrize("nameless", [{}, {"package_name": None}], ids=str)
@pytest.mark.parametrize("said", [{"app_id": "till"}, {}], ids=["id", "package"])
def test_an_app_without_a_package_name_is_found_and_gets_one(
    tenant: Tenant, once: Again, nameless: Row, said: Row
) -> None:
    app = {key: value for key, value in till(1).items() if key != "package_name"}
    tenant.add(android(apps=[{**app, **nameless}]))
    once(settings=android(apps=[{"package_name": "com.example.till", "version_name": "2.0", **said}]))
    assert tenant.body["settings"]["android"]["apps"] == [till(2)]


def test_a_preloaded_app_stays_preloaded(tenant: Tenant, once: Again) -> None:
    tenant.add(android(apps=[till(1, type="PRELOADED")]))
    once(settings=android(apps=[{"package_name": "com.example.till", "version_name": "2.0"}]))
    assert tenant.body["settings"]["android"]["apps"] == [till(2, type="PRELOADED")]


def test_unchanged_apps_and_files_are_not_looked_up(tenant: Tenant, once: Again) -> None:
    tenant.add(android(apps=[till(1, package_name="com.example.other", app_id="other"), till(1)]))
    once(settings=android(apps=[{"package_name": "com.example.till", "version_name": "2.0"}]))
    assert [path for path in tenant.reads if "/other/" in path] == []
    assert len(tenant.sent) == 3


CONTRADICTIONS: list[tuple[str, Row, str]] = [
    # Apps of the blueprint.
    ("android", {"package_name": "com.example.kiosk", "app_id": "till"}, "belongs to the app 'com.example.till'"),
    ("android", {"package_name": "com.example.till", "app_id": "kiosk"}, "belongs to the app 'com.example.kiosk'"),
    ("android", {"package_name": "com.example.none", "app_id": "till"}, "belongs to the app 'com.example.till'"),
    ("ios", {"package_name": "com.example.kiosk", "app_id": "till"}, "belongs to the app 'com.example.till'"),
    ("windows", {"package_name": "com.example.kiosk", "app_id": "none"}, "is not an app with this package name"),
    # Versions.
    (
        "android",
        {"package_name": "com.example.till", "app_version_id": "till-1", "version_name": "2.0"},
        r"version_name '2.0', but the app_version_id 'till-1' belongs to the version '1.0' \(1\)",
    ),
    (
        "android",
        {"package_name": "com.example.till", "app_version_id": "till-1", "version_code": 2},
        "version_code '2', but the app_version_id 'till-1'",
    ),
    (
        "android",
        {"package_name": "com.example.till", "app_version_id": "till-1", "version_name": "latest"},
        "version_name 'latest', but the app_version_id 'till-1'",
    ),
    (
        "android",
        {"package_name": "com.example.till", "app_version_id": "kiosk-1"},
        "app 'com.example.till 1.0' was not found.* The app has no version with the app_version_id 'kiosk-1'",
    ),
]


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize(("platform", "app", "says"), CONTRADICTIONS, ids=str)
def test_ids_and_names_of_different_apps_are_rejected(
    tenant: Tenant, run: Run, platform: str, app: Row, says: str, is_there: bool
) -> None:
    tenant.apps.append({"id": "kiosk", "package_name": "com.example.kiosk"})
    tenant.app_versions["kiosk"] = [version(1, app="kiosk")]
    known = till(1) if platform == "android" else {"app_id": "till", "app_version_id": "till-1", "state": "SHOW"}
    tenant.add({platform: {"apps": [known] if is_there else []}})
    with pytest.raises((InvalidParameter, NotFound), match=says) as caught:
        run(settings={platform: {"apps": [{"version_name": "1.0", **app}]}})
    assert all(str(value) in str(caught.value) for key, value in app.items() if key.endswith("_id"))
    assert tenant.writes == []


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_an_id_and_the_package_of_the_same_app_agree(tenant: Tenant, once: Again, platform: str) -> None:
    tenant.add({platform: {"apps": []}})
    type_field = "type" if platform == "android" else "app_type"
    app = {"package_name": "com.example.till", "app_id": "till", "app_version_id": "till-2"}
    once(settings={platform: {"apps": [app]}})
    (sent,) = tenant.body["settings"][platform]["apps"]
    assert (sent["app_id"], sent["app_version_id"]) == ("till", "till-2")
    assert sent[type_field] in ("ENTERPRISE", "TENANT_IOS")


@pytest.mark.parametrize("app_id", ["till", "6F2F7C55-7C1F-4B8E-9A39-55A8C0F6A003"])
def test_a_new_app_with_an_id_gets_its_package_name(tenant: Tenant, once: Again, app_id: str) -> None:
    own = app_id.lower()
    tenant.apps = [{"id": own, "package_name": "com.example.till"}]
    tenant.app_versions = {own: [version(1), version(2)]}
    tenant.add(android(apps=[]))
    once(settings=android(apps=[{"app_id": app_id, "version_name": "2.0"}]))
    assert tenant.body["settings"]["android"]["apps"] == [till(2, app_id=own)]


def test_ids_in_upper_case_are_those_of_the_blueprint(tenant: Tenant, run: Run) -> None:
    ids = {"app_id": FIRST, "app_version_id": SECOND}
    networks, screen = [{"wifi_network_id": FIRST}], {"homescreen": {"portrait": {"wallpaper_id": FIRST}}}
    tenant.add(
        {"android": {"apps": [till(1, **ids)], "wifi_networks": networks, "wallpaper_settings": {**ALWAYS, **screen}}}
    )
    upper = {
        "apps": [{key: value.upper() for key, value in ids.items()}],
        "wifi_networks": [{"wifi_network_id": FIRST.upper()}],
        "wallpaper_settings": {"homescreen": {"portrait": {"wallpaper_id": FIRST.upper()}}},
    }
    assert not run(settings={"android": upper}).changed


def test_an_app_that_no_catalog_has_keeps_any_package(tenant: Tenant, run: Run) -> None:
    tenant.add({"ios": {"apps": [{"app_id": "vpp", "app_version_id": "v", "state": "SHOW", "app_type": "VPP"}]}})
    app = {"package_name": "com.example.bought", "app_id": "vpp"}
    assert not run(settings={"ios": {"apps": [app]}}).changed


# --- files ------------------------------------------------------------------------------------------------------------


def test_an_id_can_be_a_number_or_a_text(tenant: Tenant, run: Run) -> None:
    tenant.add(
        {
            "android": {"files": [{"file_id": 7, "destination_path": "/a"}], "wifi_networks": [{"wifi_network_id": 5}]},
            "linux": {"files": [{"file_id": "7", "destination_path": "/a"}]},
        }
    )
    named = [{"content": "a.txt", "destination_path": "/a"}]
    said = {"android": {"files": named, "wifi_networks": [{"wifi_network_id": "5"}]}, "linux": {"files": named}}
    assert not run(settings=said).changed


def test_a_replaced_content_file_is_replaced_in_the_blueprint(tenant: Tenant, once: Again) -> None:
    tenant.add(android(files=[{"file_id": "5", "destination_path": "/a"}, {"file_id": "6", "destination_path": "/b"}]))
    done = once(settings=android(files=[{"content": "a.txt", "destination_path": "/a"}]))
    files = [{"file_id": "7", "destination_path": "/a"}, {"file_id": "6", "destination_path": "/b"}]
    assert tenant.body["settings"]["android"]["files"] == files
    assert [file["content"] for file in parts_of(done)["files"]] == ["a.txt", None]


def test_a_content_file_can_have_two_paths(tenant: Tenant, run: Run, once: Again) -> None:
    tenant.add(android(files=[{"file_id": "7", "destination_path": "/a"}]))
    both = [{"content": "a.txt", "destination_path": place} for place in ("/b", "/a")]
    once(settings=android(files=both))
    files = [{"file_id": "7", "destination_path": "/a"}, {"file_id": "7", "destination_path": "/b"}]
    assert tenant.body["settings"]["android"]["files"] == files
    for each in both:
        assert not run(settings=android(files=[each])).changed


def test_content_files_of_one_name_are_distinguished_by_id(tenant: Tenant, run: Run, once: Again) -> None:
    tenant.contents.append({"id": 9, "name": "a.txt"})
    tenant.add(android(files=[{"file_id": "7", "destination_path": "/a"}]))
    # As blueprint_info returns them.
    both = [{"content": "a.txt", "file_id": number, "destination_path": f"/{number}"} for number in ("7", "9")]
    once(settings=android(files=both))
    files = [{"file_id": number, "destination_path": f"/{number}"} for number in ("7", "9")]
    assert tenant.body["settings"]["android"]["files"] == files


@pytest.mark.parametrize("exact", [False, True])
def test_a_content_file_is_set_by_id_name_or_both(tenant: Tenant, run: Run, exact: bool) -> None:
    files = [{"file_id": "7", "destination_path": "/a"}, {"file_id": "8", "destination_path": "/b"}]
    tenant.add(android(files=files))
    said = [{"content": "a.txt", "destination_path": "/a"}, {"file_id": "8", "destination_path": "/b"}]
    assert not run(exact=exact, settings=android(files=said)).changed
    said[1]["content"] = "b.txt"
    assert not run(exact=exact, settings=android(files=said)).changed


@pytest.mark.parametrize("platform", ["android", "linux"])
@pytest.mark.parametrize(
    ("file", "error", "says"),
    [
        (
            {"content": "a.txt", "file_id": "8"},
            InvalidParameter,
            r"files\[0\] has the content 'a.txt', but the file_id '8' belongs to the content file 'b.txt'",
        ),
        (
            {"content": "d.txt", "file_id": "7"},
            InvalidParameter,
            r"files\[0\] has the content 'd.txt', but the file_id '7' belongs to the content file 'a.txt'",
        ),
        ({"file_id": "99"}, NotFound, r"content file '99' was not found.*files\[0\] has this file_id"),
        ({"content": "a.txt", "file_id": "99"}, NotFound, "content file '99' was not found.* and the content 'a.txt'"),
        ({"content": "a.txt", "file_id": "5"}, NotFound, "content file '5' was not found.* and the content 'a.txt'"),
    ],
    ids=str,
)
def test_ids_and_names_of_different_content_files_are_rejected(
    tenant: Tenant, run: Run, platform: str, file: Row, error: type[EsperError], says: str
) -> None:
    tenant.add({platform: {"files": [{"file_id": "5", "destination_path": "/deleted"}]}})
    with pytest.raises(error, match=says):
        run(settings={platform: {"files": [{"destination_path": "/a", **file}]}})
    assert tenant.writes == []


def test_a_file_that_the_blueprint_has_is_not_looked_up(tenant: Tenant, once: Again) -> None:
    tenant.add(android(files=[{"file_id": "5", "destination_path": "/deleted"}]))
    once(settings=android(files=[{"file_id": 5, "content": None}], nfc_settings={"allow_nfc": True}))
    assert [path for path in tenant.reads if "content" in path] == []


# --- unknown and default values ---------------------------------------------------------------------------------------


def test_null_is_not_sent_back(tenant: Tenant, once: Again) -> None:
    tenant.add(
        {
            "ios": None,
            "linux": {"files": None},
            "windows": {"unknown": None},
            "android": {"apps": None, "files": None, "nfc_settings": {**ALWAYS, "allow_nfc": True}},
        }
    )
    once(settings=android(camera_settings={"allow_camera_access": False}))
    assert tenant.body["settings"] == {
        "linux": {},
        "windows": {"unknown": None},
        "android": {
            "nfc_settings": {**ALWAYS, "allow_nfc": True},
            "camera_settings": {**ALWAYS, "allow_camera_access": False},
        },
    }


@pytest.mark.parametrize("settings", [None, {}, {"android": None}], ids=str)
def test_settings_can_be_missing(tenant: Tenant, run: Run, once: Again, settings: Row | None) -> None:
    tenant.add(settings)
    assert not run(exact=True, settings=android()).changed
    assert run(description="x").changed
    done = once(settings=android(apps=[{"package_name": "com.example.till", "version_name": "1.0"}]))
    assert parts_of(done)["apps"][0]["version_name"] == "1.0"


def test_unknown_settings_are_sent_back_unchanged(tenant: Tenant, once: Again) -> None:
    unknown = {"of": ["tomorrow", None]}
    before = {
        "chromeos": {"apps": [{"id": 1}]},
        "schema": 3,
        "android": {
            "unknown": unknown,
            "apps": [till(1, unknown=unknown, state="FLOATING")],
            "nfc_settings": {"apply_policy": "ON TUESDAYS", "allow_nfc": True, "unknown": unknown},
        },
    }
    tenant.add(copy.deepcopy(before))
    once(settings=android(apps=[{"package_name": "com.example.till", "version_name": "2.0"}]))
    before["android"]["apps"][0]["app_version_id"] = "till-2"  # type: ignore[index]
    assert tenant.body["settings"] == before


def test_a_matching_list_is_not_changed(tenant: Tenant, once: Again) -> None:
    script = {"apply_policy": "IGNORE", "script": "ls", "interpreter": "bash", "alias": "a", "description": "d", "x": 1}
    numbers = {**ALWAYS, "allow_all_numbers": False, "allowed_numbers": ["2", "1"]}
    before = {
        "linux": {"custom_shell_scripts_multiple": {"shell_scripts": [script]}},
        "android": {"incoming_numbers_settings": numbers},
    }
    tenant.add(copy.deepcopy(before))
    same = [{"script": "ls", "interpreter": "bash", "alias": "a"}]
    done = once(
        settings={
            "linux": {"custom_shell_scripts_multiple": {"shell_scripts": same}},
            "android": {
                "incoming_numbers_settings": {"allowed_numbers": ["1", "2"]},
                "time_date_settings": {"allow_edit_time_date": True},
            },
        }
    )
    added = {"time_date_settings": {**ALWAYS, "allow_edit_time_date": True}}
    assert tenant.body["settings"] == {**before, "android": {**before["android"], **added}}
    (change,) = done.changes
    assert change.before["settings"]["linux"] == change.after["settings"]["linux"]


# --- exact ------------------------------------------------------------------------------------------------------------


def test_a_default_value_is_not_a_difference(tenant: Tenant, run: Run, once: Again) -> None:
    wanted = {"ios": {"siri_settings": {"allow_siri": False}}}
    tenant.add(
        {"ios": {"siri_settings": {**ALWAYS, "allow_siri": False}, "camera_settings": {"allow_camera_access": True}}}
    )
    assert not run(exact=True, settings=wanted).changed
    tenant.rows[0]["settings"]["ios"] |= {
        "camera_settings": {**ALWAYS, "allow_camera_access": True},
        "wifi_networks": [],
        "kiosk_app": {"app_id": ""},
        "unknown": {"a": 1},
    }
    assert not run(exact=True, settings=wanted).changed
    tenant.rows[0]["settings"]["ios"]["camera_settings"]["allow_camera_access"] = False
    once(exact=True, settings=wanted)
    assert tenant.body["settings"]["ios"] == {"siri_settings": {**ALWAYS, "allow_siri": False}, "unknown": {"a": 1}}


def test_defaults_that_esper_adds_are_not_a_change(tenant: Tenant, once: Again) -> None:
    tenant.surprises = True
    tenant.defaults = {
        "bluetooth_settings": {**ALWAYS, "drift_policy": "IGNORE"},
        "wifi_networks": [],
        "wallpaper_settings": {"homescreen": {**ALWAYS, "portrait": {"wallpaper_id": ""}}},
    }
    tenant.add(android(apps=[till(1)]))
    once(exact=True, settings=android(nfc_settings={"allow_nfc": True}))
    assert tenant.body["settings"]["android"] == {"nfc_settings": {**ALWAYS, "allow_nfc": True}}


def test_exact_removes_omitted_properties_of_a_listed_app(tenant: Tenant, once: Again) -> None:
    tenant.add(android(apps=[till(1, state="HIDE", managed_config={"a": 1}, unknown=1), till(1, package_name="other")]))
    once(exact=True, settings=android(apps=[{"package_name": "com.example.till"}]))
    assert tenant.body["settings"]["android"]["apps"] == [till(1, unknown=1)]


@pytest.mark.parametrize(
    "settings",
    [
        None,
        {"android": None},
        {"android": {"apps": None}},
        {"android": {"apps": None, "files": None, "nfc_settings": None, "nothing": None}},
        {"android": {"nfc_settings": {"allow_nfc": None}}},
        {"android": {"wallpaper_settings": {"homescreen": {"portrait": {"wallpaper_id": None}}}}},
        {"android": None, "ios": {"apps": None}},
    ],
    ids=str,
)
@pytest.mark.parametrize("exact", [False, True])
def test_null_is_not_managed(tenant: Tenant, run: Run, exact: bool, settings: Row | None) -> None:
    tenant.add({"android": FULL, "ios": {"wifi_networks": [{"wifi_network_id": "1"}]}})
    done = run(exact=exact, settings=settings)
    assert (done.changed, done.warnings) == (False, [])


FULL = {
    "apps": [till(1, managed_config={"a": 1}), till(2, package_name="com.example.other")],
    "files": [{"file_id": "7", "destination_path": "/a"}],
    "nfc_settings": {**ALWAYS, "allow_nfc": True},
    "bluetooth_settings": {**ALWAYS, "allow_bluetooth": True, "bluetooth_state": "ENABLE"},
    "camera_settings": {**ALWAYS, "allow_camera_access": False},
}


@pytest.mark.parametrize(
    ("given", "kept", "removed"),
    [
        # Null is kept, omitted settings are removed.
        (
            {"apps": None, "bluetooth_settings": {"allow_bluetooth": True, "bluetooth_state": None}},
            {"apps": FULL["apps"], "bluetooth_settings": FULL["bluetooth_settings"]},
            ["camera_settings", "files[a.txt]", "nfc_settings"],
        ),
        (
            {"apps": [{"package_name": "com.example.till", "managed_config": None}], "files": None},
            {"apps": FULL["apps"][:1], "files": FULL["files"]},
            ["apps[com.example.other]", "bluetooth_settings", "camera_settings", "nfc_settings"],
        ),
        (
            {"bluetooth_settings": {"allow_bluetooth": True}, "apps": None, "files": None, "camera_settings": None},
            {
                **{name: FULL[name] for name in ("apps", "files", "camera_settings")},
                "bluetooth_settings": {**ALWAYS, "allow_bluetooth": True},
            },
            ["bluetooth_settings.bluetooth_state", "nfc_settings"],
        ),
        # Only an empty list or dict removes all items.
        (
            {"apps": [], "files": None, "nfc_settings": None, "bluetooth_settings": None, "camera_settings": None},
            {**FULL, "apps": []},
            ["apps[com.example.other]", "apps[com.example.till]"],
        ),
        (
            {},
            {},
            [
                "apps[com.example.other]",
                "apps[com.example.till]",
                "bluetooth_settings",
                "camera_settings",
                "files[a.txt]",
                "nfc_settings",
            ],
        ),
    ],
    ids=["settings", "item", "setting", "list", "platform"],
)
def test_exact_shows_the_names_of_removed_items(
    tenant: Tenant, once: Again, given: Row, kept: Row, removed: list[str]
) -> None:
    tenant.add({"android": copy.deepcopy(FULL), "ios": {}})
    done = once(exact=True, settings={"android": given, "ios": None})
    assert tenant.body["settings"] == {"android": kept, "ios": {}}
    shown = done.changes[0].after["removed"]
    assert sorted(shown["items"]) == [f"settings.android.{path}" for path in removed]
    assert shown["count"] == len(removed)
    assert ["apps[com.example.till]" in warning for warning in done.warnings] == ([True] if not given else [])


def test_nothing_is_removed_without_exact(tenant: Tenant, once: Again) -> None:
    tenant.add({"android": copy.deepcopy(FULL)})
    done = once(settings={"android": {"nfc_settings": {"allow_nfc": False}, "apps": []}})
    assert tenant.body["settings"]["android"] == {**FULL, "nfc_settings": {**ALWAYS, "allow_nfc": False}}
    assert "removed" not in done.changes[0].after


# --- passwords --------------------------------------------------------------------------------------------------------

LOCKED = {
    "esper_settings_apps_settings": {**ALWAYS, "admin_mode_password": "old", "settings": {"wifi": "ADMIN"}},
    "wifi_networks": [
        {"wifi_network_id": "1", "certificate_file_password": "old"},
        {"wifi_network_id": "2", "certificate_file_password": "old"},
    ],
}
GIVEN = {"esper_settings_apps_settings": {"admin_mode_password": PASSWORD}}


@pytest.mark.parametrize(
    ("masks", "update", "password", "also", "changed"),
    [
        (True, "on_create", PASSWORD, {}, False),
        (True, "on_create", PASSWORD, {"nfc_settings": {"allow_nfc": True}}, True),
        (True, "always", PASSWORD, {}, True),
        (False, "on_create", PASSWORD, {}, True),
        (False, "on_create", "old", {}, False),
        (False, "always", "old", {}, False),
    ],
)
def test_a_password_is_compared_unless_it_is_masked(
    tenant: Tenant, run: Run, masks: bool, update: str, password: str, also: Row, changed: bool
) -> None:
    tenant.masks = masks
    tenant.add(android(**copy.deepcopy({**LOCKED, "wifi_networks": []})))
    given = {"esper_settings_apps_settings": {"admin_mode_password": password}}
    done = run(update_password=update, settings=android(**given, **also))
    assert done.changed is changed
    assert done.warnings == []
    if changed:
        sent = tenant.body["settings"]["android"]["esper_settings_apps_settings"]
        assert sent == {**LOCKED["esper_settings_apps_settings"], "admin_mode_password": password}  # type: ignore[dict-item]
        shown = done.changes[0].after["settings"]["android"]["esper_settings_apps_settings"]
        assert shown["admin_mode_password"] == "(not shown)"
    assert PASSWORD not in str(done)


def test_a_password_of_a_network_is_sent_alone(tenant: Tenant, run: Run) -> None:
    tenant.add(android(**copy.deepcopy(LOCKED)))
    networks = [{"wifi_network_id": "2", "certificate_file_password": PASSWORD}]
    assert not run(settings=android(wifi_networks=networks)).changed
    done = run(update_password="always", settings=android(wifi_networks=networks), confirm=True)
    sent = [{"wifi_network_id": "1"}, *networks]
    assert tenant.body["settings"]["android"]["wifi_networks"] == sent
    assert PASSWORD not in str(done)


def test_a_returned_password_is_sent_back(tenant: Tenant, once: Again) -> None:
    tenant.masks = False
    tenant.add(android(**copy.deepcopy(LOCKED)))
    parts = {"esper_settings_apps_settings": {"settings": {}}, "wifi_networks": [{"wifi_network_id": "2"}]}
    done = once(exact=True, settings=android(**parts))
    assert tenant.body["settings"]["android"] == {
        "esper_settings_apps_settings": {**ALWAYS, "admin_mode_password": "old", "settings": {}},
        "wifi_networks": [{"wifi_network_id": "2", "certificate_file_password": "old"}],
    }
    assert "old" not in str(done)


def test_a_password_of_a_new_setting_is_a_change(tenant: Tenant, once: Again) -> None:
    tenant.add(android())
    given = {"admin_mode_password": PASSWORD, "settings": {}}
    once(settings=android(esper_settings_apps_settings=given))
    sent = {**ALWAYS, "admin_mode_password": PASSWORD, "settings": {}}
    assert tenant.body["settings"]["android"]["esper_settings_apps_settings"] == sent


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ({"settings": {"ios": {"siri_settings": {"allow_siri": False}}}}, ["app", "[0]", "[1]"]),
        ({"description": "x"}, ["app", "[0]", "[1]"]),
        ({"settings": android(wifi_networks=[{"wifi_network_id": "3"}])}, ["app", "[0]", "[1]"]),
        (
            {
                "description": "x",
                "settings": android(
                    **GIVEN, wifi_networks=[{"wifi_network_id": "2", "certificate_file_password": PASSWORD}]
                ),
            },
            ["[0]"],
        ),
        ({"exact": True, "settings": android(wifi_networks=[{"wifi_network_id": "2"}])}, ["[1]"]),
        ({"exact": True, "settings": android(esper_settings_apps_settings={"settings": {}})}, ["app"]),
        ({"exact": True, "settings": android()}, []),
        ({"exact": True, "settings": {"ios": {"siri_settings": {"allow_siri": False}}}}, ["app", "[0]", "[1]"]),
    ],
    ids=str,
)
def test_a_masked_password_is_lost_only_with_confirm(tenant: Tenant, run: Run, said: Row, lost: list[str]) -> None:
    paths = {
        "app": "settings.android.esper_settings_apps_settings.admin_mode_password",
        "[0]": "settings.android.wifi_networks[0].certificate_file_password",
        "[1]": "settings.android.wifi_networks[1].certificate_file_password",
    }
    tenant.add(android(**copy.deepcopy(LOCKED)))
    if lost:
        with pytest.raises(
            InvalidParameter, match="Set it in this task, or set confirm to true to remove it"
        ) as caught:
            run(**said)
        named = [each for each in str(caught.value).replace(",", "").split() if each.startswith("settings.")]
        assert named == [paths[each] for each in lost]
        assert tenant.writes == []
    (change,) = run(**said, confirm=True).changes
    assert MASK not in str(tenant.body)
    before, after = (str(each) for each in (change.before, change.after))
    assert before.count("(not shown)") == len(lost)
    assert after.count("(not shown)") == str(said).count(PASSWORD)


# --- drafts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published", "publish", "differs", "changed", "shown"),
    [
        (True, True, False, False, None),
        (True, True, True, True, None),
        (True, False, False, False, None),
        (True, False, True, True, (True, False)),
        (False, True, False, True, (False, True)),
        (False, True, True, True, (False, True)),
        (False, False, False, False, None),
        (False, False, True, True, None),
    ],
)
def test_a_change_is_a_draft_unless_publish_is_set(
    tenant: Tenant, once: Again, run: Run, published: bool, publish: bool, differs: bool, changed: bool, shown: t.Any
) -> None:
    tenant.add(
        android(nfc_settings={**ALWAYS, "allow_nfc": True}), publish=published, latest_published_version_id=FIRST
    )
    said = {"publish": publish, "settings": android(nfc_settings={"allow_nfc": not differs})}
    done = once(**said) if changed else run(**said)
    assert done.changed is changed
    assert done.record is not None
    assert done.record["publish"] is (publish if changed else published)
    if changed:
        (change,) = done.changes
        assert tenant.body["publish"] is publish
        assert ("settings" in change.after) is differs
        assert (change.before.get("publish"), change.after.get("publish")) == (shown or (None, None))


@pytest.mark.parametrize("publish", [False, True])
def test_a_new_blueprint_is_published_by_a_second_request(tenant: Tenant, once: Again, publish: bool) -> None:
    done = once(publish=publish, settings=android(nfc_settings={"allow_nfc": True}))
    sent = {"name": "Kiosks", "settings": android(nfc_settings={**ALWAYS, "allow_nfc": True})}
    assert [(request.method, request.json) for request in tenant.writes] == [
        ("POST", sent),
        *([("PUT", {**sent, "publish": True})] if publish else []),
    ]
    assert done.changes[0].before == {}
    assert tenant.rows[0]["publish"] is publish


# --- versions ---------------------------------------------------------------------------------------------------------


def past(tenant: Tenant, settings: Row, **more: t.Any) -> None:
    """Add an earlier version of the first blueprint."""
    tenant.versions.append({**tenant.rows[0], "settings": settings, "publish": True, **more})


OLD = android(nfc_settings={**ALWAYS, "allow_nfc": True, "unknown": 1}, apps=[till(1)])


@pytest.mark.parametrize("wanted", ["1", FIRST, FIRST.upper()])
@pytest.mark.parametrize("without_settings", [False, True])
def test_a_version_is_restored_by_number_or_id(
    tenant: Tenant, once: Again, wanted: str, without_settings: bool
) -> None:
    tenant.without_settings = without_settings
    tenant.add(android(apps=[till(2)]), description="kept", version_number=2, version_id=SECOND, publish=False)
    past(tenant, android(), version_number=1, version_id=SECOND, publish=False)
    past(tenant, OLD, version_number=1, version_id=FIRST, description="old")
    done = once(version=wanted)
    assert [request.method for request in tenant.writes] == ["PUT"]
    assert tenant.body == {"name": "Kiosks", "description": "kept", "comments": "", "settings": OLD, "publish": True}
    (change,) = done.changes
    versions = [each["settings"]["android"]["apps"][0]["version_name"] for each in (change.before, change.after)]
    assert versions == ["2.0", "1.0"]
    assert parts_of(done)["nfc_settings"] == {**ALWAYS, "allow_nfc": True}


def test_a_draft_is_restored_by_its_id(tenant: Tenant, once: Again) -> None:
    tenant.add(android(), version_number=2, version_id=SECOND)
    past(tenant, OLD, version_number=1, version_id=FIRST, publish=False)
    once(version=FIRST)
    assert (tenant.body["settings"], tenant.body["publish"]) == (OLD, True)


def test_restoring_the_published_version_is_no_change(tenant: Tenant, run: Run, once: Again) -> None:
    tenant.add(copy.deepcopy(OLD))
    past(tenant, copy.deepcopy(OLD))
    assert not run(version="1").changed
    assert len(tenant.sent) == 2
    tenant.rows[0]["publish"] = False
    done = once(version="1")
    assert (done.changes[0].before, done.changes[0].after) == ({"publish": False}, {"publish": True})
    assert tenant.body["settings"] == OLD


@pytest.mark.parametrize("where", ["version", "blueprint"])
def test_a_restore_loses_masked_values_only_with_confirm(tenant: Tenant, run: Run, once: Again, where: str) -> None:
    locked, other = android(**copy.deepcopy(LOCKED)), android(apps=[till(1)])
    tenant.add(other if where == "version" else locked)
    past(tenant, locked if where == "version" else other)
    with pytest.raises(InvalidParameter, match="Set confirm to true to restore it without the value") as caught:
        run(version="1")
    assert "esper_settings_apps_settings.admin_mode_password" in str(caught.value)
    assert tenant.writes == []
    done = once(version="1", confirm=True)
    assert str(done.changes[0].before).count("(not shown)") == (0 if where == "version" else 3)
    assert "old" not in str(tenant.body)
    assert MASK not in str(tenant.body)


@pytest.mark.parametrize("wanted", ["2", "99", SECOND, "latest", "x" * 1000])
def test_a_version_that_was_not_published_under_a_number_is_not_found(tenant: Tenant, run: Run, wanted: str) -> None:
    tenant.add({})
    past(tenant, {}, version_number=2, publish=False, version_id="draft")
    past(tenant, {}, version_number=1)
    with pytest.raises(NotFound, match="Published versions of the blueprint 'Kiosks': 1"):
        run(version=wanted)


def test_a_blueprint_that_does_not_exist_has_no_versions(tenant: Tenant, run: Run) -> None:
    with pytest.raises(NotFound, match="blueprint 'Kiosks' was not found"):
        run(version="1")


# --- responses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("takes_effect", [False, True])
def test_a_blueprint_is_created_once_and_published_if_a_response_is_lost(
    tenant: Tenant, run: Run, method: str, takes_effect: bool
) -> None:
    tenant.troubles = {method: [(resets, takes_effect)]}
    done = run(publish=True, settings=android(apps=[{"package_name": "com.example.till", "version_name": "1.0"}]))
    assert done.record is not None
    assert done.record["publish"]
    assert parts_of(done)["apps"][0]["version_name"] == "1.0"
    assert len(tenant.rows) == 1
    assert tenant.rows[0]["publish"]


def test_the_next_run_publishes_after_a_failure(tenant: Tenant, run: Run) -> None:
    tenant.troubles = {"PUT": [(answers({"message": "No."}, 403), False)]}
    with pytest.raises(ApiError, match="Publishing the blueprint 'Kiosks' failed"):
        run(publish=True)
    assert run(publish=True).changed
    assert [request.method for request in tenant.writes] == ["PUT"]
    assert len(tenant.rows) == 1


def test_a_concurrent_change_loses_nothing(tenant: Tenant, run: Run) -> None:
    def others(exchange: Exchange) -> None:
        tenant.add({"ios": {"siri_settings": {**ALWAYS, "allow_siri": False}}}, description="theirs")
        answers({"message": "Blueprint with this name already exists."}, 400)(exchange)

    tenant.troubles, tenant.surprises = {"POST": [(others, False)]}, True
    done = run(publish=True, settings=android(nfc_settings={"allow_nfc": True}))
    assert done.changed
    assert [request.method for request in tenant.writes] == ["POST", "PUT"]
    assert tenant.body == {
        "name": "Kiosks",
        "description": "theirs",
        "comments": "",
        "settings": {
            "ios": {"siri_settings": {**ALWAYS, "allow_siri": False}},
            "android": {"nfc_settings": {**ALWAYS, "allow_nfc": True}},
        },
        "publish": True,
    }


@pytest.mark.parametrize(
    "answer",
    [None, {"message": "Blueprint updated"}, {"content": None}, {"content": {"id": "b1", "name": "Kiosks"}}],
    ids=str,
)
def test_an_incomplete_response_is_completed_from_the_plan(tenant: Tenant, run: Run, answer: t.Any) -> None:
    tenant.add(android(apps=[till(1)]))
    tenant.troubles = {"PUT": [(answers(answer), True)]}
    done = run(settings=android(apps=[{"package_name": "com.example.till", "version_name": "2.0"}]))
    assert done.record is not None
    assert done.record["id"] == "b1"
    assert [app["version_name"] for app in parts_of(done)["apps"]] == ["2.0"]


@pytest.mark.parametrize(
    ("trouble", "error"), [(answers({"message": "No."}, 403), ApiError), (resets, RequestFailed)], ids=["403", "lost"]
)
def test_a_catalog_that_cannot_be_read_is_an_error(
    tenant: Tenant, run: Run, trouble: Reply, error: type[EsperError]
) -> None:
    tenant.add(android(apps=[till(1)]))
    tenant.troubles = {"GET": []}
    lists = answers({"content": {"count": 1, "results": [tenant.rows[0]]}})
    tenant.troubles["GET"] = [(lists, False), *[(trouble, False)] * 3]
    with pytest.raises(error, match="Reading the versions of the app till failed"):
        run(settings=android(apps=[{"package_name": "com.example.till", "version_name": "2.0"}]))


# --- information ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"name": "Kiosks"}, {"id": "b1"}, {"export": True}], ids=str)
def test_a_list_without_settings_is_completed(tenant: Tenant, info: Info, options: Row) -> None:
    tenant.without_settings = True
    tenant.add(android(nfc_settings={**ALWAYS, "allow_nfc": True}))
    (row,) = info(**options)["blueprints"]
    assert row["settings"] == android(nfc_settings={**ALWAYS, "allow_nfc": True})


def test_versions_of_a_list_without_settings_are_completed(tenant: Tenant, info: Info) -> None:
    tenant.without_settings = True
    tenant.add(android())
    past(tenant, OLD, version_number=2, version_id=SECOND)
    past(tenant, android(), version_number=1)
    assert info(name="Kiosks", versions=True)["versions"][0]["settings"]["android"]["nfc_settings"]["allow_nfc"]
    assert info(name="Kiosks", compare=["1", "2"])["differences"]


def test_unknown_and_deleted_objects_can_be_read(tenant: Tenant, info: Info) -> None:
    gone = till(1, app_id="gone")
    tenant.add(
        {
            "chromeos": {"apps": [{"app_id": "x"}], "files": [{"file_id": 1}]},
            "schema": 3,
            "ios": None,
            "android": {"apps": [gone, till(3), {"state": "SHOW"}], "files": [{"file_id": "5"}, {"file_id": 7}]},
        }
    )
    tenant.add(android(apps=[gone]), name="Others")
    first, second = info()["blueprints"]
    assert [app.get("package_name") for app in first["settings"]["android"]["apps"]] == ["com.example.till"] * 2 + [
        None
    ]
    assert [app["version_name"] for app in first["settings"]["android"]["apps"]] == [None] * 3
    assert [file["content"] for file in first["settings"]["android"]["files"]] == [None, "a.txt"]
    assert second["settings"]["android"]["apps"] == first["settings"]["android"]["apps"][:1]
    # A deleted object costs one request, an object without an ID none.
    assert len(tenant.sent) == 4


def test_an_export_lists_omitted_values(tenant: Tenant, info: Info) -> None:
    tenant.add(
        {
            "chromeos": {"a": 1},
            "android": {
                **LOCKED,
                "unknown": 1,
                "nothing": None,
                "apps": [till(1, unknown={"a": 1}), till(3, package_name="com.example.gone")],
                "files": [{"file_id": "5", "destination_path": "/a"}, {"file_id": "7", "destination_path": "/b"}],
            },
            "ios": {"kiosk_app": {"app_id": "till"}},
        }
    )
    taken = info(export=True)
    assert sorted(each["path"] for each in taken["omitted"]) == [
        "settings.android.apps[0].unknown",
        "settings.android.apps[1]",
        "settings.android.esper_settings_apps_settings.admin_mode_password",
        "settings.android.files[0]",
        "settings.android.unknown",
        "settings.android.wifi_networks[0]",
        "settings.android.wifi_networks[0].certificate_file_password",
        "settings.android.wifi_networks[1]",
        "settings.android.wifi_networks[1].certificate_file_password",
        "settings.chromeos",
        "settings.ios.kiosk_app.app_id",
    ]
    parts = taken["blueprints"][0]["settings"]["android"]
    assert parts["files"] == [{"content": "a.txt", "destination_path": "/b"}]
    assert [(app["package_name"], app["version_name"]) for app in parts["apps"]] == [("com.example.till", "1.0")]


def test_an_export_has_no_setting_whose_values_are_all_lost(tenant: Tenant, info: Info) -> None:
    screen = {"homescreen": {**ALWAYS, "portrait": {"wallpaper_id": FIRST}}}
    tenant.add({"android": {"wallpaper_settings": screen}}, name="Others")
    taken = info(name="Others", export=True)
    assert taken["omitted"] == [
        {"blueprint": "Others", "path": "settings.android.wallpaper_settings.homescreen.portrait.wallpaper_id"}
    ]
    assert "settings" not in taken["blueprints"][0]


def test_an_export_works_in_another_tenant(tenant: Tenant, info: Info, once: Again) -> None:
    tenant.contents.append({"id": 9, "name": "c.txt"})
    settings = android(
        apps=[till(1, managed_config={"a": "{{ b }}"})],
        files=[{"file_id": "7", "destination_path": place} for place in ("/a", "/b")],
    )
    tenant.add(settings, name="Others")
    (options,) = info(name="Others", export=True)["blueprints"]
    once(**{**options, "name": "Kiosks"})
    assert tenant.body == {"name": "Kiosks", "settings": settings}


@pytest.mark.parametrize("options", [{"compare": ["1", "2"]}, {"name": "Kiosks", "compare": ["1"]}], ids=str)
def test_invalid_comparisons_send_no_request(tenant: Tenant, info: Info, options: Row) -> None:
    with pytest.raises(InvalidParameter, match="The option compare requires two versions"):
        info(**options)
    assert tenant.sent == []


def test_versions_are_compared_by_names_at_any_depth(tenant: Tenant, info: Info) -> None:
    tenant.add({})
    script = {**ALWAYS, "script": "ls", "interpreter": "bash", "alias": "a"}
    ios = {"app_id": "till", "app_version_id": "till-1", "app_type": "VPP", "state": "SHOW"}
    tenant.app_versions["till"] = [
        {**each, "version_name": each["version_code"]} for each in tenant.app_versions["till"]
    ]
    before = {
        "android": {
            "apps": [till(1, managed_config={"a": 1, "b": 2})],
            "files": [{"file_id": "7", "destination_path": "/a"}, {"file_id": "7", "destination_path": "/b"}],
        },
        "ios": {"apps": [ios], "camera_settings": {**ALWAYS, "allow_camera_access": True}},
        "linux": {"custom_shell_scripts_multiple": {"shell_scripts": [{**script, "description": "d"}]}},
    }
    after: Row = copy.deepcopy(before)
    after["android"]["apps"][0]["managed_config"].pop("b")
    after["android"]["files"][1]["destination_path"] = "/c"
    after["ios"] = {"apps": [{**ios, "app_version_id": "till-2"}]}
    after["linux"]["custom_shell_scripts_multiple"]["shell_scripts"] = [script]
    past(tenant, after, version_number=2, version_id=SECOND)
    past(tenant, before, version_number=1)
    assert info(name="Kiosks", compare=["1", "1"])["differences"] == []
    found = {
        each["path"]: (each["before"], each["after"]) for each in info(name="Kiosks", compare=["1", "2"])["differences"]
    }
    script_path = "settings.linux.custom_shell_scripts_multiple.shell_scripts"
    assert found == {
        "settings.android.apps[com.example.till].managed_config": ({"a": 1, "b": 2}, {"a": 1}),
        "settings.android.files[a.txt].destination_path": ("/b", "/c"),
        "settings.ios.apps[com.example.till].app_version_id": ("till-1", "till-2"),
        "settings.ios.apps[com.example.till].version_name": ("1.0", "2.0"),
        "settings.ios.apps[com.example.till].version_code": (1, 2),
        script_path: ([{**script, "description": "d"}], [script]),
    }
    back = {
        each["path"]: (each["after"], each["before"]) for each in info(name="Kiosks", compare=["2", "1"])["differences"]
    }
    assert back == found


# --- deletion ---------------------------------------------------------------------------------------------------------

GROUPS = [
    {"id": "g1", "name": "Shops", "path": "All devices/Shops", "parent": None, "blueprint": None},
    {"id": "g2", "name": "Kiosks", "path": "All devices/Kiosks", "parent": None, "blueprint": SECOND},
]


@pytest.mark.parametrize(
    ("groups", "devices", "users"),
    [
        (GROUPS, {}, "the device group 'All devices/Kiosks'"),
        (GROUPS[:1], {"assigned_blueprint_id": 1}, "1 device"),
        (GROUPS[:1], {"current_blueprint_id": 3}, "3 devices"),
        (GROUPS, {"assigned_blueprint_id": 2}, "the device group 'All devices/Kiosks' and 2 devices"),
    ],
)
def test_a_blueprint_in_use_is_not_deleted_unless_forced(
    tenant: Tenant, run: Run, groups: list[Row], devices: dict[str, int], users: str
) -> None:
    tenant.add({}, id=SECOND)
    tenant.groups, tenant.devices = groups, devices
    with pytest.raises(InvalidParameter, match=f"The blueprint 'Kiosks' is in use by {users}. .* set force=true"):
        run(state="absent")
    assert tenant.writes == []
    assert run(state="absent", force=True).changed
    assert [request.method for request in tenant.writes] == ["DELETE"]
    assert not run(state="absent").changed


def test_an_unused_blueprint_is_deleted(tenant: Tenant, run: Run) -> None:
    tenant.add({}, id=SECOND)
    tenant.groups = GROUPS[:1]
    assert run(state="absent").changed
    assert tenant.rows == []


# --- effects on other objects of the task -----------------------------------------------------------------------------


@pytest.fixture
def planned(client: Client, tenant: Tenant) -> t.Callable[..., Row | None]:
    """Plan a task. Return the blueprint after it, for the apps and content files of the same task."""
    defaults = {name: option.get("default") for name, option in BLUEPRINT.options.items()}

    def plan(**params: t.Any) -> Row | None:
        view = TenantView(client)
        plan = make_plan(view, BLUEPRINT, {**defaults, "name": "Kiosks", **params})
        assert len(plan.effects) == bool(plan.steps)
        view.add_effects(plan.effects)
        assert [view.is_deleted(BLUEPRINTS, each.id) for each in plan.effects if each.row is None] in ([], [True])
        assert tenant.writes == []
        return next(iter(view.planned(BLUEPRINTS)), None)

    return plan


def test_a_plan_states_the_blueprint_after_the_task(tenant: Tenant, planned: t.Callable[..., Row | None]) -> None:
    apps = [{"package_name": "com.example.till", "version_name": "2.0"}]
    new = planned(settings=android(apps=apps))
    assert new
    assert isinstance(new["id"], KnownAfterApply)
    assert (new["name"], new["settings"], new["publish"]) == ("Kiosks", android(apps=[till(2)]), False)
    assert planned(publish=True)["settings"] == {}  # type: ignore[index]
    tenant.add(android(apps=[till(1)]), id=SECOND)
    tenant.groups = GROUPS[:1]
    past(tenant, OLD)
    assert planned() is None
    changed = planned(settings=android(apps=apps))
    assert changed
    assert (changed["id"], changed["settings"], changed["publish"]) == (SECOND, android(apps=[till(2)]), False)
    assert planned(id=SECOND, name="Tills", publish=True)["name"] == "Tills"  # type: ignore[index]
    restored = planned(version="1")
    assert restored
    assert (restored["settings"], restored["publish"]) == (OLD, True)
    assert planned(state="absent") is None


def test_a_group_that_the_task_changes_counts_as_planned(tenant: Tenant, client: Client) -> None:
    row = tenant.add({}, id=SECOND)
    tenant.groups = GROUPS
    view = TenantView(client)
    planner, params = planner_of(view, BLUEPRINT), {"force": False}
    with pytest.raises(InvalidParameter, match="in use by the device group 'All devices/Kiosks'"):
        planner.plan_delete(row, params)
    view.add_effects([Effect(DEVICE_GROUP, "g2", None)])
    assert planner.plan_delete(row, params).steps


def test_the_references_of_the_settings_are_those_that_names_stand_for() -> None:
    named = {
        (platform.name, each.name, reference.kind)
        for platform in SETTINGS.fields
        for each in platform.fields
        for reference in each.references
        if reference.options
    }
    apps = {(platform, "apps", "app" if platform == "android" else "tenant_app") for platform in CATALOGS}
    files = {(platform, "files", "content") for platform in ("android", "linux")}
    terms = {("ios", "apps", "webclip"), ("ios", "provisioning_profiles", "provisioning_profile")}
    assert named == apps | files | terms
    assert BLUEPRINT.depends_on >= {"app", "tenant_app", "content", *TERMS}
