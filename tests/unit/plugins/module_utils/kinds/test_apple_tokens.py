# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push certificates, DEP tokens and VPP tokens against the simulator: requests, uploads and yearly renewals."""

from __future__ import annotations

import builtins
import stat
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import apple_files
import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]
ACCOUNT = "mdm@example.com"
OTHER = "com.apple.mgmt.External.other"
APNS = "/tenant/v0/apnscertificates/"
DEP = "/tenant/v0/deptokens/"
VPP = "/tenant/v0/vpptokens/"


@pytest.fixture
def write(tmp_path: Path) -> t.Callable[[str, bytes], str]:
    """A function that writes a file and returns its path."""

    def write(name: str, data: bytes) -> str:
        (tmp_path / name).write_bytes(data)
        return str(tmp_path / name)

    return write


def in_days(days: float) -> datetime:
    return (datetime.now(timezone.utc) + timedelta(days=days)).replace(microsecond=0)


def text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "value"), [("apns_certificate", "csr"), ("dep_token", "public_key")])
def test_a_request_is_written_once_and_byte_for_byte(world: World, tmp_path: Path, module: str, value: str) -> None:
    dest = tmp_path / "new" / "request"
    options = {"state": "requested", "dest": str(dest)}
    predicted = world.must(module, options, check_mode=True)
    assert (predicted.changed, predicted.writes, value in predicted.result, dest.exists()) == (True, [], False, False)
    first = world.must(module, options)
    assert predicted.diff == first.diff
    assert dest.read_bytes().decode() == first.result[value]
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert first.result[module]["state"] == "CSR_GENERATED"
    second = world.must(module, options)
    assert (second.changed, second.writes, second.result[module]) == (False, [], first.result[module])
    # Without the file, or with an empty one, the text is lost.
    dest.write_bytes(b"")
    assert world.must(module, options, check_mode=True).changed
    dest.unlink()
    third = world.must(module, options)
    assert third.result[module]["id"] != first.result[module]["id"]
    assert f"already (ID {first.result[module]['id']}), but does not return it again" in third.warnings[0]
    assert world.must(module, {"state": "requested", "force": True}).changed
    info = world.must(f"{module}_info", {"state": "CSR_GENERATED"}).result[f"{module}s"]
    assert len(info) == 3
    assert world.must(f"{module}_info", {"id": info[0]["id"]}).result[f"{module}s"] == info[:1]


def test_a_list_has_pages(world: World) -> None:
    for _number in range(11):
        world.must("dep_token", {"state": "requested", "force": True})
    run = world.must("dep_token_info", {})
    assert len({each["id"] for each in run.result["dep_tokens"]}) == 11
    assert [each["query"] for each in run.requests] == [{}, {"offset": "10"}]


def test_a_lost_request_is_not_repeated(world: World, tmp_path: Path) -> None:
    dest = tmp_path / "request"
    world.simulator.fault(kind="drop_after", method="POST")
    run = world.run("apns_certificate", {"state": "requested", "dest": str(dest)})
    assert run.writes == [f"POST {APNS}"]
    assert "Run the task again: another signing request does no harm." in run.message
    assert not list(tmp_path.iterdir())
    assert world.must("apns_certificate", {"state": "requested", "dest": str(dest)}).changed


def test_a_request_is_not_sent_without_a_place_for_it(world: World, tmp_path: Path) -> None:
    run = world.run("dep_token", {"state": "requested", "dest": str(tmp_path)})
    assert (run.message, run.writes) == (f"Cannot write '{tmp_path}': it is a directory.", [])
    run = world.run("dep_token", {"state": "requested", "name": "Retail"})
    assert run.message == "name cannot be combined with state=requested."


def test_a_failure_after_a_request_returns_the_text(world: World) -> None:
    world.simulator.fault(kind="status", status=403, method="GET", path=APNS, after=1, times=None)
    run = world.run("apns_certificate", {"state": "requested"})
    assert (run.failed, run.changed) == (True, True)
    assert "Esper created a signing request." in run.message
    assert run.result["csr"]


# --- push certificates ------------------------------------------------------------------------------------------------


def apns(world: World, src: str, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("apns_certificate", {"src": src, "apple_id": ACCOUNT, **options}, check_mode=check_mode)


@pytest.fixture
def certificate(world: World, write: t.Callable[[str, bytes], str]) -> str:
    """The certificate in force."""
    world.must("apns_certificate", {"state": "requested"})
    src = write("apns.pem", apple_files.certificate(expires=in_days(20.5)))
    predicted = apns(world, src, check_mode=True)
    run = apns(world, src)
    assert run.writes == [f"PUT {APNS}{run.result['apns_certificate']['id']}/"]
    assert (predicted.writes, predicted.diff) == ([], run.diff)
    keys = ("state", "topic", "apple_id", "issued_at", "expires_at", "days_left")
    assert [predicted.result["apns_certificate"][key] for key in keys] == [
        run.result["apns_certificate"][key] for key in keys
    ]
    return src


def test_the_same_certificate_is_not_sent_again(world: World, certificate: str) -> None:
    for options in ({}, {"topic": apple_files.TOPIC}, {"apple_id": ACCOUNT.upper()}):
        run = apns(world, certificate, **options)
        assert (run.changed, run.writes, run.diff, run.warnings) == (False, [], [], [])
    assert world.must("apns_certificate", {}).result["apns_certificate"]["days_left"] == 20
    pending = world.must("apns_certificate", {"state": "requested"}).result["apns_certificate"]["id"]
    assert world.run("apns_certificate", {"id": pending}).message.startswith(
        f"The signing request '{pending}' waits for its certificate."
    )
    # Another account goes to the same object, although a signing request waits.
    world.simulator.apple(rejects_renewals=True)
    assert apns(world, certificate, apple_id="new@example.com").failed
    world.simulator.apple()
    run = apns(world, certificate, apple_id=" new@example.com ")
    assert (run.changed, run.result["apns_certificate"]["apple_id"]) == (True, "new@example.com")
    assert len(world.must("apns_certificate_info", {"state": "COMPLETED"}).result["apns_certificates"]) == 1
    assert apns(world, certificate, apple_id="new@example.com", force=True).changed


def test_a_renewal_goes_to_the_newest_request_and_then_to_the_certificate(
    world: World, certificate: str, write: t.Callable[[str, bytes], str]
) -> None:
    first = world.must("apns_certificate", {}).result["apns_certificate"]
    der = write("new.cer", apple_files.certificate(expires=in_days(400), der=True))
    # The same key pair.
    run = apns(world, der)
    assert run.result["apns_certificate"]["id"] == first["id"]
    assert run.diff[0]["before"]["expires_at"] == first["expires_at"]
    world.must("apns_certificate", {"state": "requested"})
    pending = world.must("apns_certificate", {"state": "requested", "force": True}).result["apns_certificate"]
    newer = write("newer.cer", apple_files.certificate(expires=in_days(500)))
    run = apns(world, newer)
    assert run.result["apns_certificate"]["id"] == pending["id"]
    assert not apns(world, newer).changed
    # Now two certificates have the topic, of which a check selects the one that expires last.
    assert world.must("apns_certificate", {"apple_id": ACCOUNT}).result["apns_certificate"]["id"] == pending["id"]
    absent = {"state": "absent", "confirm": True}
    assert "is ambiguous: 2 objects match" in world.run("apns_certificate", absent).message
    assert apns(world, newer, id=first["id"]).changed


def test_a_certificate_of_another_topic_needs_a_confirmation(
    world: World, certificate: str, write: t.Callable[[str, bytes], str]
) -> None:
    current = world.must("apns_certificate", {}).result["apns_certificate"]
    world.must("apns_certificate", {"state": "requested"})
    other = write("other.pem", apple_files.certificate(OTHER))
    for options in ({}, {"id": current["id"]}, {"force": True}):
        run = apns(world, other, **options)
        assert run.writes == []
        assert f"has the topic {OTHER}, and the current topic is {apple_files.TOPIC}." in run.message
        assert "or set confirm=true" in run.message
    assert f"has the topic {OTHER}, not {apple_files.TOPIC}" in apns(world, other, topic=apple_files.TOPIC).message
    assert apns(world, other, confirm=True).changed
    assert not apns(world, other).changed
    assert not apns(world, certificate).changed


def test_the_topic_of_an_expired_certificate_is_not_the_current_one(
    world: World, certificate: str, write: t.Callable[[str, bytes], str]
) -> None:
    world.must("apns_certificate", {"state": "requested"})
    assert apns(world, write("other.pem", apple_files.certificate(OTHER)), confirm=True).changed
    world.must("apns_certificate", {"state": "requested"})

    def expire(_method: str, path: str, body: t.Any) -> t.Any:
        for row in body["content"]["results"] if path == APNS else ():
            if row["meta"].get("topic") == apple_files.TOPIC:
                row["meta"]["cert_expiry_on"] = "2024-06-01T09:30:00Z"
        return body

    renewal = write("renewal.pem", apple_files.certificate(expires=in_days(365)))
    assert apns(world, renewal, check_mode=True).changed
    world.simulator.rewrites.append(expire)
    run = apns(world, renewal)
    assert (run.writes, f"the current topic is {OTHER}." in run.message) == ([], True)


def test_a_rejected_upload_of_a_certificate_that_esper_has_is_no_change(world: World, certificate: str) -> None:
    world.simulator.apple(rejects_renewals=True)
    run = apns(world, certificate, force=True)
    assert (run.failed, run.changed, "returned HTTP 400" in run.message) == (True, False, True)
    world.simulator.apple()
    world.simulator.fault(kind="drop_before", method="PUT")
    assert len(apns(world, certificate, force=True).writes) == 2


def test_the_newest_request_is_not_the_one_with_the_latest_text(
    world: World, write: t.Callable[[str, bytes], str]
) -> None:
    first, second = (
        world.must("apns_certificate", {"state": "requested", "force": True}).result["apns_certificate"]["id"]
        for _number in range(2)
    )
    times = {first: "2026-03-01T10:30:00Z", second: "2026-03-01T04:00:00-07:00"}

    def move(_method: str, path: str, body: t.Any) -> t.Any:
        for row in body["content"]["results"] if path == APNS else ():
            row["created_at"] = times[row["id"]]
        return body

    world.simulator.rewrites.append(move)
    assert apns(world, write("apns.pem", apple_files.certificate())).writes == [f"PUT {APNS}{second}/"]


@pytest.mark.parametrize("state", [[[]], None, ""])
def test_nothing_is_replaced_if_a_state_is_unknown(
    world: World, certificate: str, write: t.Callable[[str, bytes], str], state: t.Any
) -> None:
    world.must("dep_token", {"state": "requested"})
    token = write("first.p7m", apple_files.dep_token(in_days(5)))
    assert dep(world, token).changed
    for module in ("apns_certificate", "dep_token"):
        world.must(module, {"state": "requested"})

    def hide(_method: str, path: str, body: t.Any) -> t.Any:
        for row in body["content"]["results"] if path in (APNS, DEP) else ():
            row["state"] = state if row["state"] == "COMPLETED" else row["state"]
        return body

    world.simulator.rewrites.append(hide)
    for run in (apns(world, certificate, apple_id="new@example.com"), dep(world, token)):
        assert run.writes == []
        assert "Esper did not return the state of" in run.message


def test_an_unknown_topic_is_not_replaced(world: World, certificate: str, write: t.Callable[[str, bytes], str]) -> None:
    def hide(_method: str, path: str, body: t.Any) -> t.Any:
        for row in body["content"]["results"] if path == APNS else ():
            row["meta"] = {}
        return body

    world.simulator.rewrites.append(hide)
    assert "the current topic is unknown" in apns(world, certificate, id=next(iter_ids(world))).message


def iter_ids(world: World) -> t.Iterator[str]:
    return (each["id"] for each in world.must("apns_certificate_info", {}).result["apns_certificates"])


@pytest.mark.parametrize("rejects", [False, True])
def test_a_lost_response_to_an_upload_is_found_in_the_list(
    world: World, write: t.Callable[[str, bytes], str], rejects: bool
) -> None:
    """The repeated upload could be rejected, so the object is read first."""
    world.simulator.apple(rejects_renewals=rejects)
    world.must("apns_certificate", {"state": "requested"})
    src = write("apns.pem", apple_files.certificate())
    for kind, writes in (("drop_after", 1), ("drop_before", 2)):
        world.simulator.fault(kind=kind, method="PUT")
        run = apns(world, src)
        assert (run.failed, run.changed, len(run.writes)) == (False, True, writes)
        assert run.result["apns_certificate"]["topic"] == apple_files.TOPIC
        assert not apns(world, src).changed
        world.must("apns_certificate", {"state": "absent", "confirm": True})
        world.must("apns_certificate", {"state": "requested"})


def test_a_rejected_upload_says_what_to_do(
    world: World, certificate: str, write: t.Callable[[str, bytes], str]
) -> None:
    world.simulator.apple(rejects_renewals=True)
    run = apns(world, write("new.pem", apple_files.certificate()))
    assert "returned HTTP 400" in run.message
    assert "The file was uploaded before" in run.message
    assert "If Apple issued the certificate for another signing request, set id to the one" in run.message


def test_files_that_are_no_push_certificate_are_not_sent(world: World, write: t.Callable[[str, bytes], str]) -> None:
    world.must("apns_certificate", {"state": "requested"})
    expired = in_days(-1)
    files = {
        "is not a certificate in PEM or DER format": b"signing request",
        "has a private key": b"-----BEGIN PRIVATE KEY-----\n",
        "is not a push certificate, because its subject has no user ID": apple_files.certificate(""),
        f"expired on {text(expired)}. Create a new one with Apple.": apple_files.certificate(expires=expired),
        "the file is empty": b"",
        "exceeds 1 MiB": b"x" * 2**21,
        "is encrypted with Ansible Vault. Decrypt it first": b"$ANSIBLE_VAULT;1.1;AES256\n",
    }
    for message, data in files.items():
        run = apns(world, write("file.pem", data))
        assert message in run.message
        assert run.writes == []
    assert "No such file" in apns(world, "/nowhere/apns.pem").message


def test_the_library_is_only_needed_for_a_certificate(
    world: World, certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(name: str, *args: t.Any, **others: t.Any) -> t.Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return original(name, *args, **others)

    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    run = apns(world, certificate)
    assert "The Python library cryptography is missing for " in run.message
    assert "Install it (pip install cryptography)" in run.message
    assert not world.must("apns_certificate", {}).changed


def test_a_certificate_is_deleted_only_with_a_confirmation(world: World, certificate: str) -> None:
    pending = world.must("apns_certificate", {"state": "requested"}).result["apns_certificate"]["id"]
    assert world.must("apns_certificate", {"state": "absent", "id": pending}).writes == [f"DELETE {APNS}{pending}/"]
    run = world.run("apns_certificate", {"state": "absent"})
    assert (run.writes, "set confirm=true" in run.message) == ([], True)
    for options in ({"topic": OTHER}, {"apple_id": "other@example.com"}, {"id": pending}):
        assert not world.must("apns_certificate", {"state": "absent", "confirm": True, **options}).changed
    predicted = world.must("apns_certificate", {"state": "absent", "confirm": True}, check_mode=True)
    run = world.must("apns_certificate", {"state": "absent", "confirm": True})
    assert (predicted.writes, predicted.diff, len(run.writes)) == ([], run.diff, 1)
    assert not world.must("apns_certificate", {"state": "absent", "confirm": True}).changed
    message = world.run("apns_certificate", {}).message
    assert message.startswith("The tenant has no APNs certificate. Create a signing request with state=requested")
    assert "The APNs certificate 'other@example.com' was not found." in (
        world.run("apns_certificate", {"apple_id": "other@example.com"}).message
    )


# --- DEP tokens -------------------------------------------------------------------------------------------------------


def dep(world: World, src: str, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("dep_token", {"name": "Retail", "src": src, **options}, check_mode=check_mode)


def test_a_token_is_renewed_when_it_is_due(world: World, write: t.Callable[[str, bytes], str]) -> None:
    first = write("first.p7m", apple_files.dep_token(in_days(20.5)))
    assert "No public key waits for the token." in dep(world, first).message
    world.must("dep_token", {"state": "requested"})
    predicted, run = dep(world, first, check_mode=True), dep(world, first)
    assert (predicted.writes, predicted.diff) == ([], run.diff)
    token = run.result["dep_token"]
    assert (token["name"], token["state"], token["days_left"]) == ("Retail", "COMPLETED", 20)
    assert run.writes == [f"PUT {DEP}{token['id']}/"]
    assert not dep(world, first).changed
    assert not dep(world, first, renew_within=20).changed
    assert world.must("dep_token_info", {"expiring_within": 20}).result["dep_tokens"] == []
    assert world.must("dep_token_info", {"expiring_within": 21, "state": "COMPLETED"}).result["dep_tokens"] == [token]
    # The renewal is for the same key, also if another one waits.
    world.must("dep_token", {"state": "requested"})
    second = write("second.p7m", apple_files.dep_token(in_days(365)))
    run = dep(world, second, renew_within=30)
    assert (run.changed, run.result["dep_token"]["id"]) == (True, token["id"])
    assert run.diff[0]["before"] == {"name": "Retail", "expires_at": token["expires_at"]}
    assert not dep(world, second, renew_within=30).changed
    assert dep(world, second, force=True).changed
    # An old file again.
    run = dep(world, first, force=True, renew_within=30)
    assert f"expires on {token['expires_at']}. Download a new token" in run.warnings[0]


def test_an_expired_token_is_reported_with_its_date(world: World, write: t.Callable[[str, bytes], str]) -> None:
    expired = in_days(-2.5)
    world.must("dep_token", {"state": "requested"})
    warning = dep(world, write("old.p7m", apple_files.dep_token(expired))).warnings[0]
    assert warning.startswith(f"The uploaded DEP token 'Retail' expired on {text(expired)}. Download a new")
    for options in ({}, {"name": "Retail"}):
        run = world.must("dep_token", options)
        assert run.warnings == [f"The DEP token 'Retail' expired on {text(expired)}. Renew it."]
        assert not run.changed
    assert world.must("dep_token_info", {"name": "Retail"}).result["dep_tokens"][0]["days_left"] == -3
    assert dep(world, write("new.p7m", apple_files.dep_token())).changed


@pytest.mark.parametrize("rejects", [False, True])
def test_a_lost_response_to_the_upload_of_a_token(
    world: World, write: t.Callable[[str, bytes], str], rejects: bool
) -> None:
    world.simulator.apple(rejects_renewals=rejects)
    world.must("dep_token", {"state": "requested"})
    world.simulator.fault(kind="drop_after", method="PUT")
    run = dep(world, write("new.p7m", apple_files.dep_token()))
    assert (run.failed, run.changed, len(run.writes)) == (False, True, 1)
    assert run.result["dep_token"]["state"] == "COMPLETED"
    assert not dep(world, write("new.p7m", apple_files.dep_token())).changed


def test_a_lost_renewal_is_not_taken_for_the_old_token(world: World, write: t.Callable[[str, bytes], str]) -> None:
    world.must("dep_token", {"state": "requested"})
    dep(world, write("old.p7m", apple_files.dep_token(in_days(1))))
    world.simulator.fault(kind="drop_before", method="PUT")
    run = dep(world, write("new.p7m", apple_files.dep_token(in_days(365))), renew_within=30)
    assert len(run.writes) == 2
    assert run.result["dep_token"]["days_left"] > 300


def test_other_tokens_and_files_are_left_alone(world: World, write: t.Callable[[str, bytes], str]) -> None:
    token = write("token.p7m", apple_files.dep_token())
    key = write("key.pem", b"-----BEGIN CERTIFICATE-----\n")
    assert "is not a token: it is in PEM format" in dep(world, key).message
    for name in ("Retail", "Office"):
        world.must("dep_token", {"state": "requested"})
        assert dep(world, token, name=name).changed
    assert "ambiguous" in world.run("dep_token", {}).message
    run = world.run("dep_token", {"name": "Retial"})
    assert run.message.startswith("The DEP token 'Retial' was not found. Create a public key")
    assert dep(world, token, id="deadbeef-0000-4000-8000-00000000beef").message.startswith("The DEP token 'deadbeef-")
    office = world.must("dep_token", {"name": "Office"}).result["dep_token"]
    # Another name for the token of the ID.
    assert dep(world, token, name="Stores", id=office["id"]).result["dep_token"]["id"] == office["id"]
    assert dep(world, token, renew_within=-1).message == "Invalid renew_within: -1. It must be 0 or more."


def test_an_expiry_that_is_no_time_is_no_reason_for_an_upload(
    world: World, write: t.Callable[[str, bytes], str]
) -> None:
    token = write("token.p7m", apple_files.dep_token())
    world.must("dep_token", {"state": "requested"})
    dep(world, token)

    def spoil(_method: str, path: str, body: t.Any) -> t.Any:
        for row in body["content"]["results"] if path == DEP else ():
            row["meta"] = {"token_expiry_on": "next year"}
        return body

    world.simulator.rewrites.append(spoil)
    run = dep(world, token, renew_within=30)
    assert (run.changed, run.warnings) == (
        False,
        ["Esper returned no valid time at which the DEP token 'Retail' expires."],
    )


# --- VPP tokens -------------------------------------------------------------------------------------------------------

SECRET = "T0ken-Of-Apple-With-Secrets"


def vpp_file(organization: str = "Example Retail", days: float = 365) -> bytes:
    return apple_files.vpp_token(organization, in_days(days), SECRET)


def vpp(world: World, src: str, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("vpp_token", {"src": src, **options}, check_mode=check_mode)


def test_a_token_that_cannot_be_compared_is_uploaded_once(world: World, write: t.Callable[[str, bytes], str]) -> None:
    src = write("retail.vpptoken", vpp_file())
    predicted, run = vpp(world, src, check_mode=True), vpp(world, src)
    assert (predicted.changed, predicted.writes, predicted.diff) == (True, [], run.diff)
    assert run.writes == [f"POST {VPP}"]
    second = vpp(world, src)
    assert (second.changed, second.writes) == (False, [])
    assert "is not uploaded, because Esper does not return enough to compare it with" in second.warnings[0]
    assert vpp(world, src, force=True).changed


def test_a_token_is_compared_with_what_esper_returns(world: World, write: t.Callable[[str, bytes], str]) -> None:
    world.simulator.apple(returns_meta=True)
    src = write("retail.vpptoken", vpp_file(days=20.5))
    first = vpp(world, src).result["vpp_token"]
    assert first["days_left"] == 20
    unchanged = vpp(world, src)
    assert (unchanged.changed, unchanged.warnings) == (False, [])
    assert unchanged.result["vpp_token"] == first
    assert vpp(world, src, force=True).writes == []
    assert world.must("vpp_token_info", {"expiring_within": 21}).result["vpp_tokens"] == [first]
    # A renewal, which keeps the old token.
    new = write("new.vpptoken", vpp_file())
    run = vpp(world, new)
    assert (run.changed, len(run.writes)) == (True, 1)
    assert f"Esper keeps older tokens of Example Retail ({first['id']})" in run.warnings[0]
    # A renewal that replaces it.
    newer = write("newer.vpptoken", vpp_file(days=400))
    run = vpp(world, newer, id=first["id"])
    assert run.writes == [f"POST {VPP}", f"DELETE {VPP}{first['id']}"]
    assert not vpp(world, newer, id=first["id"]).changed
    assert "ambiguous" in world.run("vpp_token", {}).message


def test_a_lost_response_to_the_upload_of_a_vpp_token(world: World, write: t.Callable[[str, bytes], str]) -> None:
    src = write("retail.vpptoken", vpp_file())
    for kind, writes in (("drop_after", 1), ("drop_before", 2)):
        world.simulator.fault(kind=kind, method="POST")
        run = vpp(world, src, force=True)
        assert (run.failed, run.changed, len(run.writes)) == (False, True, writes)
    assert len(world.must("vpp_token_info", {}).result["vpp_tokens"]) == 2


def test_a_second_token_that_is_rejected(world: World, write: t.Callable[[str, bytes], str]) -> None:
    world.simulator.apple(accepts_one_token=True)
    src = write("retail.vpptoken", vpp_file())
    vpp(world, src)
    run = vpp(world, src, force=True)
    assert "delete the other one first: set state to absent with its ID" in run.message


def test_a_replacement_whose_deletion_fails_names_the_upload(
    world: World, write: t.Callable[[str, bytes], str]
) -> None:
    src = write("retail.vpptoken", vpp_file())
    first = vpp(world, src).result["vpp_token"]["id"]
    world.simulator.fault(kind="status", status=403, method="DELETE")
    run = vpp(world, src, id=first, force=True)
    assert (run.failed, run.changed) == (True, True)
    assert "Uploading the VPP token 'retail.vpptoken' was accepted" in run.message
    assert run.message.endswith("To delete the older token, set state to absent with its ID.")


def test_a_replacement_is_completed_by_the_next_run(world: World, write: t.Callable[[str, bytes], str]) -> None:
    world.simulator.apple(returns_meta=True)
    first = vpp(world, write("retail.vpptoken", vpp_file())).result["vpp_token"]
    new = write("new.vpptoken", vpp_file(days=400))
    world.simulator.fault(kind="status", status=403, method="DELETE")
    assert vpp(world, new, id=first["id"]).failed
    predicted, run = vpp(world, new, id=first["id"], check_mode=True), vpp(world, new, id=first["id"])
    assert (predicted.changed, predicted.writes, predicted.diff) == (True, [], run.diff)
    assert run.writes == [f"DELETE {VPP}{first['id']}"]
    assert world.must("vpp_token_info", {}).result["vpp_tokens"] == [run.result["vpp_token"]]
    # The token of the ID is never deleted because of itself.
    assert not vpp(world, new, id=run.result["vpp_token"]["id"]).changed


def test_the_token_of_another_client_is_not_that_of_a_lost_upload(
    world: World, write: t.Callable[[str, bytes], str]
) -> None:
    world.simulator.apple(returns_meta=True)
    reads: list[str] = []

    def add_another(method: str, path: str, body: t.Any) -> t.Any:
        if (method, path) == ("GET", VPP):
            reads.append(path)
            meta = {"name": "Example Retail", "expiry": text(in_days(100))}
            body["content"]["results"] += [{"id": "another", "meta": meta}] if len(reads) > 1 else []
        return body

    world.simulator.rewrites.append(add_another)
    world.simulator.fault(kind="drop_before", method="POST")
    run = vpp(world, write("retail.vpptoken", vpp_file()))
    assert (run.changed, len(run.writes)) == (True, 2)


def test_the_token_is_never_shown(world: World, write: t.Callable[[str, bytes], str]) -> None:
    world.simulator.apple(returns_meta=True)
    data = vpp_file()
    src = write("retail.vpptoken", b"\n".join([data[:60], data[60:], b""]))
    echo = f'{{"message": "{SECRET} {data.decode()}", "detail": "{data.decode()[:60]}"}}'
    world.simulator.fault(kind="status", status=400, method="POST", body=echo)
    runs = [vpp(world, src), vpp(world, src), world.must("vpp_token_info", {})]
    assert [run.failed for run in runs] == [True, False, False]
    issued = world.simulator._server._service.tenant.issued
    assert issued
    for run in runs:
        assert not [each for each in (SECRET, data.decode()[:60], *issued) if each in run.shown]
    assert runs[2].result["vpp_tokens"][0]["meta"] == {}


def test_files_that_are_no_content_token_are_not_sent(world: World, write: t.Callable[[str, bytes], str]) -> None:
    expired = in_days(-1)
    for data in (b"token", b"\xff", b"e30=", b"W10=", b'{"token": "x"}'):
        run = vpp(world, write("file", data))
        assert "is not a content token (.vpptoken)" in run.message
        assert run.requests == []
    run = vpp(world, write("file", apple_files.vpp_token(expires=expired)))
    assert f"expired on {text(expired)}. Download a new one" in run.message


def test_a_vpp_token_is_deleted_only_with_a_confirmation(world: World, write: t.Callable[[str, bytes], str]) -> None:
    assert world.run("vpp_token", {}).message == "The tenant has no VPP token. Set src to upload one."
    first = vpp(world, write("retail.vpptoken", vpp_file())).result["vpp_token"]["id"]
    run = world.run("vpp_token", {"state": "absent"})
    assert ("set confirm=true" in run.message, run.writes) == (True, [])
    assert "src cannot be combined with state=absent" in vpp(world, "x", state="absent").message
    run = world.must("vpp_token", {"state": "absent", "confirm": True})
    assert run.writes == [f"DELETE {VPP}{first}"]
    assert not world.must("vpp_token", {"state": "absent", "confirm": True, "id": first}).changed
