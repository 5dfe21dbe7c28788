# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A result leaves the collection without secrets and control characters, and says what was written."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.base.redaction import Disclosed
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import AcceptedWrite, TenantView
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device_group import DEVICE_GROUP
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import ModuleSpec, Option
from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Step
from ansible_collections.esper.cloud.plugins.module_utils.task import (
    Effects,
    ModuleDefinition,
    ModuleResult,
    RunContext,
    Secrets,
    diff_entry,
    execute,
)
from ansible_collections.esper.cloud.tests.unit.service import Server, answers

Row = dict[str, t.Any]

HOSTILE = "\x1b[2K\rok: [all]\n\x9b31m\u202eevil\u2066\ufeff\ud800"
ESCAPED = r"\x1b[2K\rok: [all]\n\x9b31m\u202eevil\u2066\ufeff\ud800"
SECRET = "correct horse"

OPTIONS = (
    Option("body", "Body.", type="raw"),
    Option("password", "Password.", secret=True),
    Option("name", "Name."),
)


@pytest.fixture
def run(key: str) -> t.Callable[..., ModuleResult]:
    def run(act: t.Callable[[TenantView], ModuleResult], verbosity: int = 0, **params: t.Any) -> ModuleResult:
        definition = ModuleDefinition(
            "made_up",
            ModuleSpec(short_description="Test", description=("Test.",), options=OPTIONS),
            lambda view, _params, _context: act(view),
        )
        defaults = {"tenant": "acme", "api_key": key, "body": None, "password": None, "name": None}
        return execute(definition, {**defaults, **params}, RunContext(verbosity=verbosity), user_agent="")

    return run


Run = t.Callable[..., ModuleResult]


def raising(error: Exception) -> t.Callable[[TenantView], ModuleResult]:
    def act(_view: TenantView) -> ModuleResult:
        raise error

    return act


# --- control characters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [InvalidParameter(f"No {HOSTILE}."), RuntimeError(f"No {HOSTILE}.")], ids=type)
def test_a_message_has_no_control_characters(run: Run, error: Exception) -> None:
    result = run(raising(error)).result
    assert result["msg"].endswith(f"No {ESCAPED}.")
    assert "\x1b" not in result.get("exception", "")
    assert "exception" not in result or result["exception"].count("\n") > 3


def test_warnings_and_titles_of_diffs_have_no_control_characters(run: Run) -> None:
    result: Row = {"changed": True, "diff": [diff_entry(f"device group {HOSTILE}", {"name": HOSTILE}, {})]}
    outcome = run(lambda _view: ModuleResult(result, [f"Warning {HOSTILE}"]))
    assert outcome.warnings == [f"Warning {ESCAPED}"]
    assert outcome.result["diff"] == [
        {
            "before_header": f"device group {ESCAPED}",
            "after_header": f"device group {ESCAPED}",
            "before": 'name: "{}"\n'.format(ESCAPED.replace("\\x1b", "\\u001b")),
            "after": "",
        }
    ]


def test_words_of_any_language_and_emojis_are_not_escaped(run: Run) -> None:
    # The Persian word and the couple have joiners.
    text = "Gr\u00fc\u00dfe \u05e9\u05dc\u05d5\u05dd \u0645\u06cc\u200c\u062e\u0648 \U0001f468\u200d\U0001f469"
    assert run(raising(InvalidParameter(text))).result["msg"] == text


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_a_short_secret_changes_no_id_and_a_long_one_is_masked(run: Run) -> None:
    result = {"changed": False, "id": 1, "uuid": "1f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d", "text": f"a {SECRET} 1"}
    for password, text in (("1", f"a {SECRET} 1"), (SECRET, "a ******** 1")):
        assert run(lambda _view: ModuleResult(dict(result)), password=password).result == {**result, "text": text}


BODIES = [
    {"custom": SECRET},
    [{"list": [SECRET]}],
    f'{{"custom": "{SECRET}"}}',
    SECRET,
]


@pytest.mark.parametrize("body", BODIES, ids=str)
@pytest.mark.parametrize("error", [InvalidParameter, RuntimeError])
def test_a_message_never_quotes_the_body(run: Run, body: t.Any, error: type[Exception]) -> None:
    outcome = run(raising(error(f"Invalid value '{SECRET}' of 1f5b8b52.")), body=body)
    assert SECRET not in str(outcome)
    assert "Invalid value '********' of 1f5b8b52." in outcome.result["msg"]
    warned = run(lambda _view: ModuleResult({"changed": False, "content": SECRET}, [SECRET]), body=body)
    assert (warned.warnings, warned.result["content"]) == (["********"], SECRET)


def test_an_id_in_the_body_is_quoted(run: Run, enterprise: str) -> None:
    error = InvalidParameter(f"The device {enterprise} is offline.")
    assert run(raising(error), body={"devices": [enterprise]}).result["msg"] == str(error)


@pytest.mark.parametrize(
    ("module", "option"), [("api", "body"), ("device_command", "args"), ("operation", "extra_args")]
)
def test_modules_have_the_options_whose_values_are_not_quoted(module: str, option: str) -> None:
    assert option in definition_of(module).options
    secrets = Secrets.of({option: {"anything": SECRET}})
    assert secrets.in_messages.text(f"No {SECRET}.") == "No ********."


def test_arguments_are_shown_without_secrets(key: str) -> None:
    params = {"api_key": key, "method": "POST", "body": {"password": "1", "list": [{"psk": 5}]}, "page_size": 1}
    assert Secrets.of(params).arguments(params) == {
        "api_key": "********",
        "method": "POST",
        "body": {"password": "********", "list": [{"psk": "********"}]},
        "page_size": 1,
    }


def test_a_server_that_repeats_the_body_does_not_show_it(server: Server, key: str) -> None:
    server.app = lambda request: answers({"message": f"Bad {request.json}", "errors": [request.json]}, 400)
    definition = definition_of("api")
    params = {name: option.get("default") for name, option in definition.options.items()}
    connection = {"api_url": server.url, "api_key": key}
    task = {"method": "POST", "path": "/v2/things/", "body": {"note": SECRET, "pin": 1234}}
    outcome = execute(definition, {**params, **connection, **task}, RunContext(verbosity=3), user_agent="")
    assert outcome.result["failed"]
    assert "note" in outcome.result["msg"]
    assert not [secret for secret in (SECRET, "1234") if secret in str(outcome)]


def test_a_secret_in_a_response_is_only_shown_where_the_task_asks_for_it(server: Server, run: Run) -> None:
    server.replies(answers({"message": f"No {SECRET}."}, 400))

    def act(view: TenantView) -> ModuleResult:
        early = f"early {SECRET}"
        view.client.hide(SECRET)
        with pytest.raises(ApiError) as caught:
            view.client.get(f"/v2/{SECRET}/", purpose="Reading")
        diff = diff_entry("token", {}, {"text": SECRET})
        result = {"changed": False, "token": Disclosed(SECRET), "texts": [early, SECRET, str(caught.value)]}
        return ModuleResult({**result, "diff": [diff]}, [early])

    outcome = run(act, api_url=server.url, tenant=None, enterprise_id=None, verbosity=3)
    assert outcome.result.pop("token") == SECRET
    assert outcome.result["texts"][:2] == ["early ********", "********"]
    assert outcome.warnings == ["early ********"]
    assert len(outcome.result["requests"]) == 1
    assert not [text for text in (SECRET, quote(SECRET)) if text in str(outcome)]


@pytest.mark.parametrize("error", [InvalidParameter, RuntimeError])
def test_an_error_after_a_response_does_not_show_its_secret(run: Run, error: type[Exception]) -> None:
    def act(view: TenantView) -> ModuleResult:
        view.client.hide(SECRET)
        raise error(f"No {SECRET}.")

    outcome = run(act)
    assert "No ********." in outcome.result["msg"]
    assert SECRET not in str(outcome)


# --- accepted write requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [InvalidParameter, RuntimeError])
def test_a_failed_task_says_what_esper_accepted(run: Run, error: type[Exception]) -> None:
    def act(view: TenantView) -> ModuleResult:
        for number in range(5):
            step = Step(f"Creating the device group '{number}'", "POST", "/groups/", response={"id": f"id-{number}"})
            view.accepted.append(AcceptedWrite(DEVICE_GROUP, step))
        raise error("The response is broken.")

    result = run(act).result
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"].endswith(
        "The response is broken. Creating the device group '0' was accepted (ID id-0). Creating the device group '1'"
        " was accepted (ID id-1). Creating the device group '2' was accepted (ID id-2). 2 more requests were accepted."
    )


def test_a_failed_task_that_wrote_nothing_reports_no_change(run: Run) -> None:
    assert "changed" not in run(raising(InvalidParameter("No."))).result


def test_a_request_that_completes_during_an_interrupt_is_named() -> None:
    effects = Effects()

    class Accepted(list[str]):
        """A list to which another thread moves the waiting requests after it was read."""

        def __iter__(self) -> t.Iterator[str]:
            before = [*super().__iter__()]
            self += effects.writes.waiting
            effects.writes.waiting.clear()
            return iter(before)

    effects.writes.accepted = Accepted()
    effects.writes.waiting.append("Creating it")
    assert effects.after_interrupt() == "Esper can also have accepted requests without a response: creating it."
