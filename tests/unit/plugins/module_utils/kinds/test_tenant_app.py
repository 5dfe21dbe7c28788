# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps for Apple and Windows against the simulator: what is special about them."""

from __future__ import annotations

import hashlib
import re
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

sys.path.insert(0, str(Path(__file__).resolve().parents[5] / "tests" / "simulator"))

import packages

Row = dict[str, t.Any]
TILL = {"platform": "APPLE", "package_name": "com.example.till"}
CATALOGUE = {"platform": "APPLE", "package_name": "com.example.catalogue"}
DISPLAY = {"platform": "WINDOWS", "package_name": "com.example.display"}


def app(world: World, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("tenant_app", options, check_mode=check_mode)


def ipa(folder: Path, version: str, code: str = "1", package: str = "com.example.till") -> str:
    path = folder / f"{package} {version} {code}.ipa"
    path.write_bytes(packages.ipa(package, version, code))
    return str(path)


def write(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def blueprint(world: World, settings: Row, **options: t.Any) -> Run:
    return world.must("blueprint", {"name": "Tablets", "publish": True, "settings": settings, **options})


def versions(world: World, package: str) -> list[Row]:
    run = world.must("tenant_app_info", {"package_name": package, "versions": True})
    return [each for found in run.result["tenant_apps"] for each in found["versions"]]


# --- upload -----------------------------------------------------------------------------------------------------------


def test_an_upload_needs_the_file_only(world: World, tmp_path: Path) -> None:
    src = ipa(tmp_path, "3.2.0", "320")
    predicted = app(world, src=src, description="Spring", check_mode=True)
    run = app(world, src=src, description="Spring")
    assert [each.split("/")[1:3] for each in run.writes] == [["v2", "tenant-apps"]] * 2
    assert predicted.writes == []
    assert predicted.diff == run.diff
    record = run.result["tenant_app"]
    assert {
        key: record[key] for key in ("platform", "package_name", "version_name", "version_code", "description")
    } == {
        **TILL,
        "version_name": "3.2.0",
        "version_code": "320",
        "description": "Spring",
    }
    assert record["checksum"] == hashlib.sha256(Path(src).read_bytes()).hexdigest()
    assert "Signature" not in run.shown
    again = app(world, src=src, description="Spring")
    assert not again.changed
    assert again.result["tenant_app"] == record
    # The app, its versions, and the version with its checksum.
    assert len(again.requests) == 3


def test_a_file_with_other_bytes_is_not_the_version(world: World, tmp_path: Path) -> None:
    app(world, src=ipa(tmp_path, "3.2.0"))
    other = write(tmp_path, "other.ipa", packages.ipa("com.example.till", "3.2.0", padding=1))
    run = app(world, src=other)
    assert run.message.startswith("The tenant app 'com.example.till 3.2.0 (1)' exists with another checksum than")
    assert run.writes == []


def test_an_msi_file_needs_the_names_that_esper_gives_it(world: World, tmp_path: Path) -> None:
    src = write(tmp_path, "scanner-1.4.msi", packages.msi())
    run = app(world, src=src)
    assert run.message == (
        f"The module cannot read package_name and version_name from '{src}'. Set package_name and version_name."
    )
    wrong = app(world, src=src, package_name="Scanner", version_name="1.4")
    assert "was uploaded, but is not 'Scanner 1.4' in Esper, which now has scanner 1.4." in wrong.message
    run = app(world, src=src, package_name="scanner", version_name="1.4")
    assert not run.changed
    assert run.result["tenant_app"]["product_code"].startswith("{")
    assert run.result["tenant_app"]["version_code"] is None


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("till.apk", b"PK", "unknown suffix. Valid suffixes: .ipa, .msi, .msix, .appx, .msixbundle, .appxbundle. Use"),
        ("till.zip", b"PK", "Set src to such a file."),
        ("till.ipa", b"", "is not an IPA file: it is empty. Build or download it again."),
        ("till.ipa", packages.msix("Till", "1.0"), "is not an IPA file: it does not contain Payload/NAME.app"),
        ("till.msix", packages.ipa("till", "1"), "is not an MSIX or APPX file: it does not contain AppxManifest.xml"),
        ("till.msi", packages.msix("Till", "1.0"), "is not an MSI file: it does not start like one."),
        ("till.appx", packages.archive({"AppxManifest.xml": b"<!DOCTYPE x>"}), "it declares a document type)"),
    ],
)
def test_an_invalid_file_is_not_sent(world: World, tmp_path: Path, name: str, data: bytes, error: str) -> None:
    run = app(world, src=write(tmp_path, name, data), package_name="till", version_name="1")
    assert error in run.message
    assert run.requests == []


def test_options_must_not_contradict_the_file(world: World, tmp_path: Path) -> None:
    src = ipa(tmp_path, "3.2.0", "320")
    for option, value in (("platform", "WINDOWS"), ("version_name", "3.3"), ("version_code", "1")):
        run = app(world, src=src, **{option: value})
        assert re.search(rf"has {option} .*, not {value}\. Correct the options", run.message)
        assert run.requests == []


def test_an_upload_whose_response_is_lost_is_adopted(world: World, tmp_path: Path) -> None:
    src = ipa(tmp_path, "3.2.0")
    world.simulator.fault(kind="drop_after", method="POST")
    run = app(world, src=src, description="Spring")
    assert run.changed
    assert run.result["tenant_app"]["description"] == "Spring"
    assert len(versions(world, "com.example.till")) == 1


def test_builds_of_one_version_are_distinguished_by_their_codes(world: World, tmp_path: Path) -> None:
    for code in ("1", "2"):
        app(world, src=ipa(tmp_path, "3.2.0", code))
    run = app(world, **TILL, version_name="3.2.0", description="x")
    assert "Set version_code too" in run.message
    run = app(world, **TILL, version_name="3.2.0", version_code="2", description="x")
    assert run.result["tenant_app"]["version_code"] == "2"


def test_ids_can_be_in_upper_case_and_have_whitespace(world: World, tmp_path: Path) -> None:
    record = app(world, src=ipa(tmp_path, "3.2.0", "320")).result["tenant_app"]
    for options in (
        {"id": f" {record['id'].upper()} ", "version_name": "3.2.0"},
        {"package_name": " com.example.till ", "version_id": f"{record['version_id'].upper()}\n"},
    ):
        assert app(world, **options).result["tenant_app"] == record
        assert app(world, **options, state="absent", check_mode=True).changed


def test_apps_of_two_platforms_can_have_one_package_name(world: World, tmp_path: Path) -> None:
    app(world, src=ipa(tmp_path, "1.0", package="till"))
    app(world, src=write(tmp_path, "till.msix", packages.msix("till", "1.0")))
    assert "Set platform too" in app(world, package_name="till", version_name="1.0").message
    run = app(world, package_name="till", version_name="1.0", platform="WINDOWS")
    assert run.result["tenant_app"]["platform"] == "WINDOWS"


# --- artifacts --------------------------------------------------------------------------------------------------------


@pytest.fixture
def artifacts(tmp_path: Path) -> list[Row]:
    return [
        {"type": "UWP_DEPENDENCY", "src": write(tmp_path, "VCLibs.appx", packages.msix("VCLibs", "14.0"))},
        {"type": "UWP_CERTIFICATE", "src": write(tmp_path, "kiosk.cer", b"certificate")},
    ]


def test_artifacts_are_sent_with_their_version(world: World, tmp_path: Path, artifacts: list[Row]) -> None:
    src = write(tmp_path, "kiosk.msix", packages.msix("Example.Kiosk", "2.0.0.0"))
    predicted = app(world, src=src, artifacts=artifacts, check_mode=True)
    run = app(world, src=src, description="Spring", artifacts=artifacts)
    assert [each.split("/")[-1] for each in run.writes[2:]] == ["artifacts", "artifacts"]
    assert run.result["tenant_app"]["description"] == "Spring"
    assert [(each["type"], each["file_name"]) for each in run.result["artifacts"]] == [
        ("UWP_DEPENDENCY", "VCLibs.appx"),
        ("UWP_CERTIFICATE", "kiosk.cer"),
    ]
    assert all(each["id"] for each in run.result["artifacts"])
    assert [each["id"] for each in predicted.result["artifacts"]] == [None, None]
    assert not app(world, src=src, artifacts=artifacts).changed
    always = app(world, src=src, artifacts=artifacts[1:], artifacts_upload="always")
    assert [each.split("/")[-1] for each in always.writes] == ["artifacts"]
    assert always.result["tenant_app"]["version_name"] == "2.0.0.0"
    gone = app(world, src=src, artifacts=[{"id": run.result["artifacts"][0]["id"], "state": "absent"}])
    assert [each.split(" ")[0] for each in gone.writes] == ["DELETE"]
    assert gone.result["tenant_app"]["version_name"] == "2.0.0.0"


def test_artifacts_that_esper_lists_are_compared(world: World, tmp_path: Path, artifacts: list[Row]) -> None:
    src = write(tmp_path, "kiosk.msix", packages.msix("Example.Kiosk", "2.0.0.0"))
    app(world, src=src)
    listed = {
        "id": "6f1d2c3b-4a5e-4f60-9b8a-7c6d5e4f3a2b",
        "artifact_type": "UWP_CERTIFICATE",
        "file_name": "kiosk.cer",
    }

    def add(method: str, path: str, body: t.Any) -> t.Any:
        if method == "GET" and path.count("/") == 5 and "tenant-apps" in path:
            body["content"]["artifacts"] = [listed]
        return body

    world.simulator.rewrites.append(add)
    run = app(world, src=src, artifacts=artifacts)
    assert [each["file_name"] for each in run.result["artifacts"]] == ["VCLibs.appx"]
    absent = {"state": "absent", "id": "deadbeef-0000-4000-8000-00000000beef"}
    assert not app(world, src=src, artifacts=[absent]).changed
    assert app(world, src=src, artifacts=[{**absent, "id": listed["id"].upper()}]).writes[0].endswith(listed["id"])


def test_an_artifact_is_not_sent_again_after_an_unclear_failure(
    world: World, tmp_path: Path, artifacts: list[Row]
) -> None:
    src = write(tmp_path, "kiosk.msix", packages.msix("Example.Kiosk", "2.0.0.0"))
    world.simulator.fault(kind="drop_after", method="POST", path="/artifacts$")
    run = app(world, src=src, artifacts=artifacts)
    assert run.failed
    assert len([each for each in run.writes if each.endswith("/artifacts")]) == 1
    assert "Uploading the tenant app 'Example.Kiosk 2.0.0.0' was accepted" in run.message


def test_invalid_artifacts_are_found_before_the_upload(world: World, tmp_path: Path, artifacts: list[Row]) -> None:
    src = write(tmp_path, "kiosk.msix", packages.msix("Example.Kiosk", "2.0.0.0"))
    wrong = {"type": "UWP_CERTIFICATE", "src": artifacts[0]["src"]}
    empty = {"type": "UWP_CERTIFICATE", "src": write(tmp_path, "empty.cer", b"")}
    other = {"type": "UWP_DEPENDENCY", "src": write(tmp_path, "no.appx", b"text")}
    both = {**artifacts[0], "id": "6f1d2c3b-4a5e-4f60-9b8a-7c6d5e4f3a2b"}
    for run, error in (
        (app(world, src=src, artifacts=[wrong]), "Invalid artifacts[0].src: an artifact of the type UWP_CERTIFICATE"),
        (app(world, src=src, artifacts=[*artifacts, empty]), "the file is empty"),
        (app(world, src=src, artifacts=[both]), "artifacts[0].id does not apply if state=present. Omit it."),
        (app(world, src=src, artifacts=[other]), "is not an MSIX or APPX file: it is not a ZIP archive"),
        (app(world, src=ipa(tmp_path, "1"), artifacts=artifacts), "artifacts requires a src with one of the suffixes"),
        (app(world, **DISPLAY, version_name="5.0", state="absent", artifacts=artifacts), "requires state=present"),
    ):
        assert error in run.message
        assert run.writes == []


# --- usage ------------------------------------------------------------------------------------------------------------


def test_one_task_uploads_an_app_and_uses_it_in_a_blueprint(world: World, tmp_path: Path) -> None:
    src = ipa(tmp_path, "3.2.0", "320")
    tasks: Row = {
        "blueprints": [
            {
                "name": "Tablets",
                "publish": True,
                "settings": {
                    "ios": {"apps": [{"package_name": "com.example.till", "version_name": "latest"}]},
                    "windows": {"apps": [{"package_name": "com.example.display", "version_name": "5.1"}]},
                },
            }
        ],
        "tenant_apps": [{"src": src}],
    }
    predicted = world.must("tenant", tasks, check_mode=True)
    run = world.must("tenant", tasks)
    assert predicted.writes == []
    assert run.writes[0] == "POST /v2/tenant-apps"
    assert run.result["counts"]["created"] == predicted.result["counts"]["created"] == 2
    (version,) = versions(world, "com.example.till")
    (made,) = world.must("blueprint_info", {"name": "Tablets"}).result["blueprints"]
    assert made["settings"]["ios"]["apps"][0]["app_version_id"] == version["id"]
    assert made["settings"]["ios"]["apps"][0]["app_type"] == "TENANT_IOS"
    assert not world.must("tenant", tasks).changed
    # A newer version reaches the blueprint in the same task, and the old one is no longer in use.
    tasks["tenant_apps"] = [{"src": ipa(tmp_path, "3.10.0", "1"), "keep_versions": 1}]
    predicted = world.must("tenant", tasks, check_mode=True)
    run = world.must("tenant", tasks)
    assert predicted.diff == run.diff
    assert [each.split(" ")[0] for each in run.writes] == ["POST", "PUT", "DELETE"]
    (version,) = versions(world, "com.example.till")
    (made,) = world.must("blueprint_info", {"name": "Tablets"}).result["blueprints"]
    assert made["settings"]["ios"]["apps"][0]["app_version_id"] == version["id"]
    # The version that the blueprint has is in use, unless the same task removes it from there.
    gone = [{**TILL, "version_name": "3.10.0", "state": "absent"}]
    refused = world.run("tenant", {"tenant_apps": gone})
    assert "in use by the blueprint 'Tablets' (published version)" in str(refused.result)
    both = {"tenant_apps": gone, "blueprints": [{"name": "Tablets", "state": "absent"}]}
    run = world.must("tenant", both)
    assert [each.split("/")[2] for each in run.writes] == ["blueprints", "tenant-apps"]


def test_many_apps_are_read_from_one_list(world: World, tmp_path: Path) -> None:
    tasks = [{"src": ipa(tmp_path, version, package=f"app{number}")} for number in range(6) for version in ("1", "2")]
    run = world.must("tenant", {"tenant_apps": tasks})
    assert run.result["counts"]["created"] == 12
    # The first version of an app creates the app, so the second one waits for it.
    assert len(world.must("tenant_app_info", {"package_name": "app1"}).result["tenant_apps"]) == 1
    run = world.must("tenant", {"tenant_apps": tasks})
    assert not run.changed
    # The list, the versions of each app, and each version with its checksum.
    assert len(run.requests) == 1 + 6 + 12


@pytest.mark.parametrize(("platform", "identity", "version"), [("ios", CATALOGUE, "1.0"), ("windows", DISPLAY, "5.0")])
def test_what_a_blueprint_has_is_deleted_by_force_only(
    world: World, platform: str, identity: Row, version: str
) -> None:
    used = {"package_name": identity["package_name"], "version_name": version}
    blueprint(world, {platform: {"apps": [used]}})
    for selected in ({**identity, "version_name": version}, identity):
        run = app(world, **selected, state="absent")
        # A simulated device has the latest version of the app for Apple.
        assert re.search(r"in use by the blueprint 'Tablets' \(published version\)( and 1 device)?\. Re", run.message)
        assert run.writes == []
    assert app(world, **identity, state="absent", force=True).changed
    assert versions(world, identity["package_name"]) == []
    assert not app(world, **identity, state="absent").changed


def test_a_version_on_a_device_is_in_use(world: World) -> None:
    def install(method: str, path: str, body: t.Any) -> t.Any:
        if path == "/v2/device-apps":
            body["content"] |= {"count": 2, "results": [{"device_id": "a"}, {"device_id": "b"}]}
        return body

    world.simulator.rewrites.append(install)
    run = app(world, **CATALOGUE, version_name="1.0", state="absent")
    assert "The tenant app 'com.example.catalogue 1.0 (10)' is in use by 2 devices." in run.message
    run = app(world, **CATALOGUE, state="absent")
    assert "The tenant app 'com.example.catalogue' is in use by 4 devices." in run.message
    shown = world.must("tenant_app_info", {"name": "Guide", "devices": True}).result["tenant_apps"]
    assert shown[0]["versions"][0]["devices"] == [{"id": "a"}, {"id": "b"}]


def test_old_versions_are_removed_unless_they_are_in_use(world: World, tmp_path: Path) -> None:
    # The codes of Apple start again with each version, and texts have another order.
    for version, code in (("1.9", "7"), ("1.10", "1"), ("1.10.0", "2"), ("1.2", "9")):
        app(world, src=ipa(tmp_path, version, code))
    blueprint(world, {"ios": {"apps": [{"package_name": "com.example.till", "version_name": "1.2"}]}})
    src = ipa(tmp_path, "2.0", "1")
    predicted = app(world, src=src, keep_versions=2, check_mode=True)
    run = app(world, src=src, keep_versions=2)
    assert predicted.diff == run.diff
    assert [each["version_name"] for each in versions(world, "com.example.till")] == ["1.10.0", "1.2", "2.0"]
    assert run.warnings == [
        "The tenant app 'com.example.till 1.2 (9)' is kept, because it is in use by the blueprint 'Tablets' (published"
        " version)."
    ]
    run = app(world, **TILL, version_name="1.2", keep_versions=1)
    assert run.message.startswith(
        "keep_versions 1 does not keep the version of the task: the tenant app 'com.example.till' has 1 with higher"
        " version numbers (2.0 (1))."
    )
    app(world, src=ipa(tmp_path, "Spring"))
    run = app(world, **TILL, version_name="2.0", keep_versions=1)
    assert "unknown version number of com.example.till Spring (1)" in run.message
    assert run.writes == []


# --- information ------------------------------------------------------------------------------------------------------


def info(world: World, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.must("tenant_app_info", options, check_mode=check_mode)


def test_apps_are_found_by_all_options(world: World) -> None:
    def names(**options: t.Any) -> list[str]:
        return [each["package_name"] for each in info(world, **options).result["tenant_apps"]]

    assert names() == ["com.example.catalogue", "com.example.guide", "com.example.display"]
    assert names(platform="WINDOWS") == ["com.example.display"]
    assert names(name="Guide") == ["com.example.guide"]
    # Esper finds any part, in any case.
    assert names(name="guide") == names(package_name="com.example") == []
    (app_id,) = (each["id"] for each in info(world, name="Guide").result["tenant_apps"])
    assert names(id=app_id.upper()) == ["com.example.guide"]
    assert names(id="deadbeef-0000-4000-8000-00000000beef") == []


def test_the_latest_version_is_downloaded_once(world: World, tmp_path: Path) -> None:
    dest = tmp_path / "apps"
    assert info(world, platform="APPLE", dest=f"{dest}/", check_mode=True).changed
    assert not dest.exists()
    run = info(world, platform="APPLE", dest=f"{dest}/")
    assert [Path(each).name for each in run.result["files"]] == [
        "com.example.catalogue-1.1.ipa",
        "com.example.guide-3.2.ipa",
    ]
    assert (dest / "com.example.guide-3.2.ipa").read_bytes() == packages.ipa("com.example.guide", "3.2", "32")
    assert "Signature" not in str(run.result)
    assert not info(world, platform="APPLE", dest=str(dest)).changed
    uploaded = app(world, src=str(dest / "com.example.guide-3.2.ipa"))
    assert not uploaded.changed
    empty = world.run("tenant_app_info", {"dest": str(dest / "one.ipa")})
    assert "3 tenant apps match, not one" in empty.message


def test_a_download_with_other_bytes_is_discarded(world: World, tmp_path: Path) -> None:
    def change(method: str, path: str, body: t.Any) -> t.Any:
        if "app_sha256_hash" in (body.get("content") or {}):
            body["content"]["app_sha256_hash"] = "0" * 64
        return body

    world.simulator.rewrites.append(change)
    run = world.run("tenant_app_info", {"name": "Guide", "dest": str(tmp_path / "guide.ipa")})
    assert "the downloaded file does not have the checksum that Esper returns" in run.message
    assert list(tmp_path.glob("*guide*")) == []


@pytest.mark.parametrize("link", ["http://[", None, 5])
def test_an_invalid_download_link_is_an_error(world: World, tmp_path: Path, link: t.Any) -> None:
    def change(method: str, path: str, body: t.Any) -> t.Any:
        if "app_download_url" in (body.get("content") or {}):
            body["content"]["app_download_url"] = link
        return body

    world.simulator.rewrites.append(change)
    run = world.run("tenant_app_info", {"name": "Guide", "dest": f"{tmp_path}/apps/"})
    assert run.message.startswith("Downloading the tenant app 'com.example.guide 3.2 (32)' failed")


def test_an_unknown_platform_is_an_error_before_a_deletion(world: World) -> None:
    def change(method: str, path: str, body: t.Any) -> t.Any:
        if path == "/v2/tenant-apps":
            for each in body["content"]["results"] or []:
                each["platform"] = "LINUX"
        return body

    world.simulator.rewrites.append(change)
    run = app(world, package_name="com.example.guide", version_name="3.2", state="absent")
    assert "Esper returned the unknown platform 'LINUX'" in run.message
    assert run.writes == []


def test_esper_apps_are_ordered_by_their_codes(world: World) -> None:
    def codes(**options: t.Any) -> list[str]:
        return [each["version_code"] for each in world.must("esper_app_info", options).result["esper_apps"]]

    assert codes(architecture="arm64_v8a") == ["8040", "980", "9"]
    assert codes(architecture="arm64_v8a", limit=1) == ["8040"]
    assert codes(package_name="com.example") == []
    run = world.must("esper_app_info", {"limit": 1, "details": True})
    assert run.result["esper_apps"][0]["version_name"] == "8040.0"
    assert "Signature" not in run.shown
    assert "the minimum is 1" in world.run("esper_app_info", {"limit": 0}).message


def test_an_esper_app_without_an_id_has_no_details(world: World) -> None:
    def change(method: str, path: str, body: t.Any) -> t.Any:
        for each in body["content"]["results"]:
            del each["app_id"]
        return body

    world.simulator.rewrites.append(change)
    (row,) = world.must("esper_app_info", {"limit": 1, "details": True}).result["esper_apps"]
    assert (row["app_id"], row["version_name"]) == (None, None)
