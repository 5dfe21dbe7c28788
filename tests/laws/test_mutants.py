# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The laws can fail: each is broken by at least one mutant of the collection, which it must notice."""

from __future__ import annotations

import logging
import typing as t
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.task import ModuleDefinition, ModuleResult, RunContext
from ansible_collections.esper.cloud.tests.laws import documents
from ansible_collections.esper.cloud.tests.laws.laws import LAWS
from ansible_collections.esper.cloud.tests.laws.preparations import Row
from ansible_collections.esper.cloud.tests.laws.subjects import Subject, subjects
from ansible_collections.esper.cloud.tests.laws.world import Rewrite, Run, World, enter

SUBJECTS = {subject.name: subject for subject in subjects()}
# A kind without peculiarities.
PLAIN = "enterprise_policy"
# A kind whose objects Esper cannot change.
FIXED = "background_script"
_CONNECTION = ("api_url", "api_key", "enterprise_id", "retries")


@dataclass
class BrokenWorld(World):
    """A world in which responses are rewritten all the time."""

    distortions: list[Rewrite] = field(default_factory=list)

    def run(self, module: str, options: Row, *, check_mode: bool = False) -> Run:
        # The last ones, so that they also change what a law rewrites.
        laws = [each for each in self.simulator.rewrites if each not in self.distortions]
        self.simulator.rewrites = [*laws, *self.distortions]
        return super().run(module, options, check_mode=check_mode)


@dataclass(frozen=True)
class Mutant:
    """A defect: how a task runs, how Esper responds, what the description of a kind is, or what a file contains.

    ``notice`` is a pattern of the message with which the law fails.
    """

    name: str
    notice: str
    run: t.Callable[[ModuleDefinition, Row, RunContext], ModuleResult] = enter
    rewrite: Rewrite | None = None
    describe: t.Callable[[Subject], Subject] = lambda subject: subject
    tasks: tuple[tuple[str, Row], ...] = ()
    kind: str = PLAIN


# --- defects of tasks -------------------------------------------------------------------------------------------------


def _ignores_check_mode(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    return enter(task, args, replace(context, check_mode=False))


def _hides_diff_in_check_mode(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    return enter(task, args, replace(context, diff=context.diff and not context.check_mode))


def _shows_ids(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    for entry in outcome.result.get("diff", ()):
        entry["after"] += "owner: 3c1f6d0e-6d0c-4c0b-9c43-0f3a8f5b1e11\n"
    return outcome


def _only_plans(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    return enter(task, args, replace(context, check_mode=True))


def _hides_change_of(action: str) -> t.Callable[[ModuleDefinition, Row, RunContext], ModuleResult]:
    """Return a task that reports no change if it creates, updates or deletes an object."""
    sides = {"create": (False, True), "update": (True, True), "delete": (True, False)}[action]

    def run(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
        outcome = enter(task, args, context)
        shown = [(bool(each["before"]), bool(each["after"])) for each in outcome.result.get("diff", ())]
        return ModuleResult({**outcome.result, "changed": outcome.result.get("changed", False) and sides not in shown})

    return run


def _always_changed(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    outcome.result["changed"] = True
    return outcome


def _also_sends(request: Row) -> t.Callable[[ModuleDefinition, Row, RunContext], ModuleResult]:
    def run(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
        outcome = enter(task, args, context)
        connection = {name: args[name] for name in _CONNECTION if name in args}
        enter(definition_of("api"), {**request, **connection}, RunContext())
        return outcome

    return run


_always_writes = _also_sends({"method": "DELETE", "path": "/enterprise/{enterprise_id}/policy/1/"})
_leaves_the_contract = _also_sends({"path": "/enterprise/{enterprise_id}/policy/", "query": {"unknown": "1"}})


def _resets_what_is_omitted(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    return enter(task, {"description": "", **args} if task.name == PLAIN else args, context)


def _never_fails(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    return ModuleResult({**outcome.result, "failed": False, "changed": True})


def _hides_the_reason(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    return ModuleResult({**outcome.result, "msg": "It failed."}) if outcome.result.get("failed") else outcome


def _never_repeats(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    return enter(task, {**args, "retries": 0}, context)


def _hides_candidates(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    outcome.result.pop("candidates", None)
    return outcome


def _ignores_unknown_options(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    known = {*task.options, *_CONNECTION}
    return enter(task, {name: value for name, value in args.items() if name in known}, context)


def _replaces_empty_names(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    blank = {name: "Any" for name, value in args.items() if isinstance(value, str) and not value.strip()}
    return enter(task, {**args, **blank}, context)


def _returns_options(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    outcome.result["options"] = {name: value for name, value in args.items() if name != "api_key"}
    return outcome


def _warns_with_key(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    return ModuleResult(outcome.result, [f"Used the key {args['api_key']}."])


def _logs_key(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    logging.getLogger("esper").debug("Authorization: Bearer %s", args["api_key"])
    return enter(task, args, context)


def _returns_more(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    if task.name in outcome.result:
        outcome.result[task.name]["surprise"] = True
    return outcome


def _returns_less_in_check_mode(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    if context.check_mode and task.name in outcome.result:
        outcome.result[task.name].popitem()
    return outcome


def _reads_differently(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    """Return another description, if one object is read."""
    outcome = enter(task, args, context)
    for rows in outcome.result.values() if task.name.endswith("_info") and args.keys() & {"id", "name"} else ():
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict):
                row["description"] = "another"
    return outcome


def _exports_differently(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    for file in Path(args["dest"]).rglob("*.yml") if task.name == "tenant_export" else ():
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("description: Self-service", "description: Service"), encoding="utf-8")
    return outcome


def _always_exports(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    outcome = enter(task, args, context)
    return ModuleResult({**outcome.result, "changed": True}) if task.name == "tenant_export" else outcome


def _finds_anything(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    named = {"id", "name"} if task.name.endswith("_info") else set()
    return enter(task, {name: value for name, value in args.items() if name not in named}, context)


def _drops_last_item(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    items = {name: args[name][:-1] for name in task.items if args.get(name)}
    return enter(task, {**args, **items}, context)


def _prunes_nothing(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    selectors = {"report_unlisted": True} if args.get("prune") else {}
    return enter(task, {**args, "prune": None, **selectors}, context)


def _prunes_everything(task: ModuleDefinition, args: Row, context: RunContext) -> ModuleResult:
    selectors = [{**each, "names": ["*"]} for each in args.get("prune") or ()]
    return enter(task, {**args, "prune": selectors, "max_deletions": 100}, context)


# --- defects of responses and descriptions ----------------------------------------------------------------------------


def _hides_rows(_method: str, _path: str, body: t.Any) -> t.Any:
    """Return all lists as if they were empty, so that nothing is found by name."""
    rows = {"results", "personal_access_tokens"} & body.keys() if isinstance(body, dict) else set()
    return {**body, **{key: [] for key in rows}, "count": 0} if rows else body


def _hides_twins(_method: str, _path: str, body: t.Any) -> t.Any:
    """Return lists with the first object only, as if there was no other of the name."""
    if isinstance(body, dict) and "results" in body:
        return {**body, "results": body["results"][:1], "count": 1}
    return body


def _adds_property(_method: str, _path: str, body: t.Any) -> t.Any:
    return {**body, "surprise": True} if isinstance(body, dict) else body


def _loses_an_option(subject: Subject) -> Subject:
    assert subject.module is not None
    return replace(subject, module=replace(subject.module, options=subject.module.options[:-1]))


_PREDICTIONS = (
    Mutant("writes in check mode", "check mode sends", _ignores_check_mode),
    Mutant("shows no diff in check mode", "check mode shows no diff", _hides_diff_in_check_mode),
    Mutant("shows IDs in its diff", "the diff shows IDs", _shows_ids),
)
_SECOND_RUNS = (
    Mutant("always writes", "the second run sends", _always_writes),
    Mutant("always reports a change", "the second run reports a change", _always_changed),
)

MUTANTS: dict[str, tuple[Mutant, ...]] = {
    "check_create": (
        *_PREDICTIONS,
        Mutant("reports no change", "changes nothing", _hides_change_of("create")),
        Mutant("only plans", "sends no write request", _only_plans),
    ),
    "check_update": (*_PREDICTIONS, Mutant("reports no change", "changes nothing", _hides_change_of("update"))),
    "check_delete": (*_PREDICTIONS, Mutant("reports no change", "changes nothing", _hides_change_of("delete"))),
    "repeat_create": _SECOND_RUNS,
    "repeat_update": (*_SECOND_RUNS, Mutant("reports no change", "changes nothing", _hides_change_of("update"))),
    "repeat_delete": (*_SECOND_RUNS, Mutant("reports no change", "reports no change", _hides_change_of("delete"))),
    "omitted": (Mutant("resets what is omitted", "a task without properties sends", _resets_what_is_omitted),),
    "fixed": (
        Mutant("reports success", "accepts another value", _never_fails, kind=FIXED),
        Mutant("hides the reason", "does not contain script", _hides_the_reason, kind=FIXED),
    ),
    "lost_create": (
        Mutant("does not find the object", "the task fails after drop_after", rewrite=_hides_rows),
        Mutant("creates a second object", "another number of objects", rewrite=_hides_rows, kind="content"),
    ),
    "lost_secret": (
        Mutant("reports success", "succeeds without the secret", _never_fails, kind="personal_access_token"),
        Mutant("creates a second object", "succeeds without", rewrite=_hides_rows, kind="personal_access_token"),
        Mutant("hides the reason", "does not say", _hides_the_reason, kind="personal_access_token"),
        Mutant("does not repeat requests", "failed", _never_repeats, kind="personal_access_token"),
    ),
    "failed_update": (
        Mutant("reports success", "the task succeeds although", _never_fails),
        Mutant("does not repeat requests", "failed: .*500", _never_repeats),
        Mutant("hides the reason", "does not contain the method", _hides_the_reason),
    ),
    "vanished": (
        Mutant("reports no change", "reports no change", _hides_change_of("delete")),
        Mutant("always writes", "the run after the fault sends", _always_writes),
    ),
    "ambiguous": (
        Mutant("takes the first", "takes one of two", rewrite=_hides_twins),
        Mutant("hides candidates", "does not list two objects", _hides_candidates),
    ),
    "unknown": (
        Mutant("finds anything", "returns", _finds_anything),
        Mutant("reports success", "does not fail", _never_fails),
        Mutant("hides the reason", "does not contain the ID", _hides_the_reason),
    ),
    "unknown_option": (
        Mutant("ignores unknown options", "accepts the option", _ignores_unknown_options),
        Mutant("hides the reason", "does not contain the option", _hides_the_reason),
    ),
    "blank": (
        Mutant("replaces empty names", "accepts name=''", _replaces_empty_names),
        Mutant("hides the reason", "does not contain name", _hides_the_reason),
    ),
    "secrets": (
        Mutant("returns the options", "settings_app_password", _returns_options),
        Mutant("warns with the key", "Used the key", _warns_with_key),
        Mutant("logs the key", "Authorization: Bearer", _logs_key),
    ),
    "contract": (
        Mutant("sends an unknown query", "Unknown query parameter", _leaves_the_contract),
        Mutant("gets an unknown property", "surprise: Not in the contract", rewrite=_adds_property),
    ),
    "returned": (
        Mutant("returns more", "surprise", _returns_more),
        Mutant("returns less in check mode", "documented are", _returns_less_in_check_mode),
    ),
    "info": (Mutant("reads differently", "_info with .* returns", _reads_differently),),
    "find": (
        Mutant("reads differently", "the ID .* finds", _reads_differently),
        Mutant("finds anything", "the ID .* finds", _finds_anything),
    ),
    "documentation": (Mutant("loses an option", "confirm is only in the documentation", describe=_loses_an_option),),
    "examples": (
        Mutant("misspells an option", "descripton", tasks=((PLAIN, {"name": "Kiosks", "descripton": ""}),)),
        Mutant("shows another module", "do not use it", tasks=(("device_group", {"name": "Berlin"}),)),
        Mutant("has an unknown module", "no module policy", tasks=((PLAIN, {"name": "Kiosks"}), ("policy", {}))),
    ),
    "tenant": (
        Mutant("drops the last item", "After tenant, the objects differ", _drops_last_item),
        Mutant("always writes", "check mode of tenant sends", _always_writes),
    ),
    "prune": (
        Mutant("prunes nothing", "'action': 'kept'", _prunes_nothing),
        Mutant("prunes everything", "'action': 'deleted'.*'action': 'deleted'", _prunes_everything),
        Mutant("always writes", "check mode of prune sends|lists one object sends", _always_writes),
    ),
    "export": (
        Mutant("reads differently", "the exported task sends", _reads_differently, kind="blueprint"),
        Mutant("always writes", "the exported task sends", _always_writes, kind="blueprint"),
    ),
    "tree": (
        Mutant("exports differently", "the exported tree sends", _exports_differently),
        Mutant("always exports", "the second export changes", _always_exports),
        Mutant("always writes", "the export sends", _always_writes),
    ),
}


def test_each_law_has_a_mutant() -> None:
    assert MUTANTS.keys() == LAWS.keys()


@pytest.mark.parametrize(
    ("law", "mutant"),
    [pytest.param(name, each, id=f"{name}-{each.name}") for name, mutants in MUTANTS.items() for each in mutants],
)
def test_the_law_notices_the_mutant(world: World, law: str, mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    if mutant.tasks:
        monkeypatch.setattr(documents, "examples", lambda _module: mutant.tasks)
    broken = BrokenWorld(world.simulator, world.contract, world.folder, mutant.run)
    broken.distortions += [mutant.rewrite] if mutant.rewrite else []
    subject = SUBJECTS[mutant.kind]
    assert not LAWS[law].reason(subject), "the law does not apply to the kind"
    with pytest.raises(AssertionError, match=mutant.notice):
        LAWS[law].test(broken, mutant.describe(subject))
