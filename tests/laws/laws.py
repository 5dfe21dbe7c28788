# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The laws: statements that are true for every kind. Each is a function that raises AssertionError if it is broken."""

from __future__ import annotations

import difflib
import re
import typing as t
import uuid
from dataclasses import dataclass

from ansible_collections.esper.cloud.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.esper.cloud.plugins.module_utils.model.values import leaves
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant_export import EXPORTED_KINDS
from ansible_collections.esper.cloud.tests.laws import documents, trees
from ansible_collections.esper.cloud.tests.laws.objects import Objects, objects_of, preparation_of
from ansible_collections.esper.cloud.tests.laws.preparations import Row
from ansible_collections.esper.cloud.tests.laws.subjects import Subject
from ansible_collections.esper.cloud.tests.laws.world import KEY, Run, World

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?")
# Properties whose values can be UUIDs although they are no IDs of objects in Esper.
_OWN_UUIDS = ("key", "uuid")
_IN_TREE = [kind.name for kind in EXPORTED_KINDS]
_PRUNED = [kind.name for kind in KINDS if kind.can_prune]
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
# An error of Esper that repeats the request and shows the API key.
_TELLTALE = f'{{"message": "Bearer {KEY} sent @request@", "errors": ["@request@"]}}'

Reason = str
"""Why a law does not apply to a kind, "" if it does."""


@dataclass(frozen=True)
class Law:
    """A statement about kinds. ``applies`` returns why it does not apply to a kind, "" if it does."""

    name: str
    statement: str
    applies: t.Callable[[Subject], Reason]
    check: t.Callable[[World, Subject, Objects], None]

    def reason(self, subject: Subject) -> Reason:
        """Return why the law does not apply to a kind, "" if it does."""
        return self.applies(subject) or preparation_of(subject).exceptions.get(self.name, "")

    def test(self, world: World, subject: Subject) -> None:
        """Raise AssertionError if a kind breaks the law."""
        world.begin(preparation_of(subject))
        self.check(world, subject, objects_of(subject))


LAWS: dict[str, Law] = {}


def law(
    statement: str, applies: t.Callable[[Subject], Reason]
) -> t.Callable[[t.Callable[[World, Subject, Objects], None]], t.Callable[[World, Subject, Objects], None]]:
    """Declare a law. Its name is that of the function."""

    def declare(check: t.Callable[[World, Subject, Objects], None]) -> t.Callable[[World, Subject, Objects], None]:
        LAWS[check.__name__] = Law(check.__name__, statement, applies, check)
        return check

    return declare


# --- when a law applies -----------------------------------------------------------------------------------------------


def _always(_subject: Subject) -> Reason:
    return ""


def _manages(subject: Subject) -> Reason:
    return "" if subject.module else "read only"


def _creates(subject: Subject) -> Reason:
    exists = "always exists" if subject.singleton else "" if subject.creates else "created by Esper"
    return _manages(subject) or exists


def _updates(subject: Subject) -> Reason:
    return _manages(subject) or ("" if objects_of(subject).changed else "no property changes")


def _fixes(subject: Subject) -> Reason:
    return _creates(subject) or ("" if objects_of(subject).fixed else "every property can change")


def _deletes(subject: Subject) -> Reason:
    return _creates(subject) or ("" if subject.can_delete else "never deleted")


def _reads(subject: Subject) -> Reason:
    return "" if subject.info_module else "no info module"


def _reads_named(subject: Subject) -> Reason:
    return _reads(subject) or ("" if "id" in subject.info_options else _named(subject))


def _named(subject: Subject) -> Reason:
    if subject.singleton:
        return "single object"
    return "" if subject.has_name else "no name"


def _both(subject: Subject) -> Reason:
    return _manages(subject) or _reads(subject)


def _in_tenant(subject: Subject) -> Reason:
    return _manages(subject) or ("" if subject.in_tenant else "not in tenant")


def _prunes(subject: Subject) -> Reason:
    return _in_tenant(subject) or ("" if subject.name in _PRUNED else "is not pruned")


def _in_tree(subject: Subject) -> Reason:
    return _in_tenant(subject) or ("" if subject.name in _IN_TREE else "no export")


def _exports(subject: Subject) -> Reason:
    return _both(subject) or ("" if "export" in subject.info_options else "no export")


# --- helpers ----------------------------------------------------------------------------------------------------------


def _create(world: World, subject: Subject, objects: Objects) -> Run:
    """Create the first object. If it exists already, such as a singleton, it gets the properties."""
    run = world.must(subject.name, objects.create)
    assert run.changed, f"The {subject.title} is already like this. Set other values in preparations.py."
    return run


def _read(world: World, subject: Subject, options: Row) -> list[Row]:
    """Return the objects that the _info module returns."""
    found = world.must(f"{subject.name}_info", options).result[subject.returned]
    return found if isinstance(found, list) else [found]


def _all(world: World, subject: Subject, objects: Objects) -> list[Row]:
    """Return all objects of a kind, as its _info module reads them."""
    rows = _read(world, subject, objects.info_all)
    inside = preparation_of(subject).inside
    return [each for row in rows for each in row[inside]] if inside else rows


def _is_unchanged(run: Run, task: str) -> None:
    assert run.writes == [], f"{task} sends {run.writes}"
    assert not run.changed, f"{task} reports a change: {run.diff}"
    assert run.diff == [], f"{task} shows a diff: {run.diff}"


def _is_predicted(world: World, subject: Subject, options: Row) -> None:
    """Check that check mode sends no write request, and predicts what the task then does."""
    predicted = world.must(subject.name, options, check_mode=True)
    assert predicted.writes == [], f"check mode sends {predicted.writes}"
    actual = world.must(subject.name, options)
    assert actual.changed, f"{options} changes nothing, so the law proves nothing"
    assert actual.writes, f"{options} reports a change, but sends no write request"
    assert predicted.changed == actual.changed, "check mode predicts no change"
    assert predicted.diff, "check mode shows no diff"
    assert predicted.diff == actual.diff, f"check mode shows {predicted.diff}, the run {actual.diff}"
    assert (shown := list(_ids_in(actual.diff))) == [], f"the diff shows IDs: {shown}"


def _ids_in(value: t.Any, key: str = "") -> t.Iterator[str]:
    """Yield the IDs of objects in a diff, with their keys. Users write some UUIDs themselves."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _ids_in(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _ids_in(item, key)
    elif isinstance(value, str) and _UUID.fullmatch(value) and key not in _OWN_UUIDS:
        yield f"{key} {value}"


def _fail_writes(world: World, **fault: t.Any) -> None:
    for method in _WRITES:
        world.simulator.fault(method=method, **fault)


def _anonymous(value: t.Any) -> t.Any:
    """Return a value without what differs between two tenants with the same objects: IDs and times."""
    if isinstance(value, dict):
        return {name: _anonymous(item) for name, item in value.items() if name not in ("id", "file_id")}
    if isinstance(value, list):
        return [_anonymous(item) for item in value]
    return _TIME.sub("TIME", _UUID.sub("ID", value)) if isinstance(value, str) else value


def _portrait(world: World, subject: Subject, objects: Objects) -> list[str]:
    """Return all objects of a kind in a form that can be compared with those of another tenant."""
    return sorted(repr(_anonymous(row)) for row in _all(world, subject, objects))


def _equal(one: list[str], other: list[str], message: str) -> None:
    assert one == other, "\n".join([message, *difflib.unified_diff(one, other, lineterm="", n=0)])


# --- check mode and second runs ---------------------------------------------------------------------------------------


@law("Check mode of a create sends no write request, and predicts changed and diff.", _creates)
def check_create(world: World, subject: Subject, objects: Objects) -> None:
    _is_predicted(world, subject, objects.create)


@law("Check mode of an update sends no write request, and predicts changed and diff.", _updates)
def check_update(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    _is_predicted(world, subject, objects.update)


@law("Check mode of a deletion sends no write request, and predicts changed and diff.", _deletes)
def check_delete(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    _is_predicted(world, subject, objects.delete)


@law("The second run of a create changes nothing and sends no write request.", _manages)
def repeat_create(world: World, subject: Subject, objects: Objects) -> None:
    first = _create(world, subject, objects)
    second = world.must(subject.name, objects.create)
    _is_unchanged(second, "the second run")
    assert second.result[subject.name] == first.result[subject.name], "the second run returns another object"


@law("The second run of an update changes nothing and sends no write request.", _updates)
def repeat_update(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    assert world.must(subject.name, objects.update).changed, f"{objects.update} changes nothing"
    _is_unchanged(world.must(subject.name, objects.update), "the second run")


@law("A deletion deletes the object, and the second run changes nothing and sends no write request.", _deletes)
def repeat_delete(world: World, subject: Subject, objects: Objects) -> None:
    before = _portrait(world, subject, objects)
    _create(world, subject, objects)
    assert world.must(subject.name, objects.delete).changed, "the deletion reports no change"
    _equal(_portrait(world, subject, objects), before, "The deletion leaves something:")
    second = world.must(subject.name, objects.delete)
    _is_unchanged(second, "the second run")
    assert subject.name not in second.result, "the second run returns a deleted object"


@law("Options that are omitted are not changed.", _manages)
def omitted(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    _is_unchanged(world.must(subject.name, objects.identity), "a task without properties")


@law("A change of a property that Esper cannot change is an error with its name, and sends no write request.", _fixes)
def fixed(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    for name, value in objects.fixed.items():
        run = world.run(subject.name, {**objects.identity, name: value})
        assert run.failed, f"{subject.name} accepts another value of {name}"
        assert run.writes == [], f"a change of {name} sends {run.writes}"
        assert name in run.message, f"the message does not contain {name}: {run.message}"
    _is_unchanged(world.must(subject.name, objects.create), "the run after the errors")


# --- faults -----------------------------------------------------------------------------------------------------------


def _adopts(subject: Subject) -> Reason:
    return _creates(subject) or ("" if subject.on_lost_create == "adopt" else "useless without the response")


def _fails_if_lost(subject: Subject) -> Reason:
    return _creates(subject) or ("" if subject.on_lost_create == "fail" else "adopted")


@law("A create whose response is lost, or that never arrives, ends with exactly one object.", _adopts)
def lost_create(world: World, subject: Subject, objects: Objects) -> None:
    for kind in ("drop_after", "drop_before"):
        world.begin(preparation_of(subject))
        before = _portrait(world, subject, objects)
        world.must(subject.name, objects.create)
        expected = _portrait(world, subject, objects)
        world.begin(preparation_of(subject))
        world.simulator.fault(kind=kind, method="POST")
        run = world.run(subject.name, objects.create)
        assert any(each["fault"] == kind for each in run.requests), "no request met the fault"
        assert not run.failed, f"the task fails after {kind}: {run.message}"
        assert run.changed, "the task reports no change"
        _equal(_portrait(world, subject, objects), expected, f"After {kind}, the tenant differs:")
        assert len(expected) == len(before) + 1, "a create adds another number of objects than one"
        _is_unchanged(world.must(subject.name, objects.create), f"the run after {kind}")


@law(
    "If the lost response to a create has the only copy of a secret, the task fails and does not adopt the object.",
    _fails_if_lost,
)
def lost_secret(world: World, subject: Subject, objects: Objects) -> None:
    before = _portrait(world, subject, objects)
    world.simulator.fault(kind="drop_after", method="POST")
    run = world.run(subject.name, objects.create)
    assert run.failed, "the task succeeds without the secret"
    assert run.changed, "the task reports no change, although the object exists"
    assert len(run.writes) == 1, f"the task sends {run.writes}"
    assert "lost" in run.message, f"the message does not say that the response is lost: {run.message}"
    assert len(_portrait(world, subject, objects)) == len(before) + 1, (
        "a create adds another number of objects than one"
    )
    world.begin(preparation_of(subject))
    world.simulator.fault(kind="drop_before", method="POST")
    assert world.must(subject.name, objects.create).changed, "the task reports no change"
    assert len(_portrait(world, subject, objects)) == len(before) + 1, (
        "a create adds another number of objects than one"
    )


@law(
    "An update repeats a request after HTTP 500; if it always gets one, it fails with it and can be run again.",
    _updates,
)
def failed_update(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    _fail_writes(world, kind="status", status=500, times=None)
    run = world.run(subject.name, objects.update)
    assert run.failed, "the task succeeds although each write request gets HTTP 500"
    assert run.writes, "the task fails before it sends a write request"
    method, path = run.writes[-1].split(" ")
    assert method in run.message, f"the message does not contain the method {method}: {run.message}"
    assert "500" in run.message, f"the message does not contain the status: {run.message}"
    assert run.result.get("status") == 500, "the result does not contain the status"
    assert run.result.get("request", {}).get("method") == method, "the result does not contain the method"
    pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(str(run.result["request"].get("path"))))
    assert re.fullmatch(pattern, path), f"the result does not contain the path {path}"
    world.simulator.clear_faults()
    _fail_writes(world, kind="status", status=500)
    again = world.must(subject.name, objects.update)
    assert again.changed, "the task reports no change"
    assert [each["status"] for each in again.requests if each["method"] != "GET"][:2] == [500, 200], (
        "no request is repeated"
    )
    world.simulator.clear_faults()
    _is_unchanged(world.must(subject.name, objects.update), "the run after the fault")


@law("HTTP 404 for a deletion is success, because somebody else was faster.", _deletes)
def vanished(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    world.simulator.fault(kind="status", status=404, method="DELETE", processed=True)
    run = world.run(subject.name, objects.delete)
    assert any(each["fault"] for each in run.requests), "no request met the fault"
    assert not run.failed, f"the task fails: {run.message}"
    assert run.changed, "the task reports no change"
    _is_unchanged(world.must(subject.name, objects.delete), "the run after the fault")


# --- names ------------------------------------------------------------------------------------------------------------


@law("A name that two objects have is an error, and the message lists both.", _creates)
def ambiguous(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    path = re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(subject.list_path)))
    wanted = objects.label if "://" in objects.label else objects.label.rpartition("/")[2]
    world.simulator.rewrites.append(
        lambda method, asked, body: _with_twins(body, wanted) if path.fullmatch(asked) else body
    )
    for options in (objects.update, objects.delete) if subject.can_delete else (objects.update,):
        run = world.run(subject.name, options)
        assert run.failed, f"{options} takes one of two objects"
        assert run.writes == [], f"{options} sends {run.writes}"
        candidates = run.result.get("candidates", [])
        assert len(set(candidates)) == 2, f"the error does not list two objects: {run.message}"
        assert all(each in run.message for each in candidates), f"the message does not list both: {run.message}"


def _with_twins(value: t.Any, wanted: str) -> t.Any:
    """Return a response of the API in which each object of a name has a twin with another ID."""
    if isinstance(value, dict):
        return {name: _with_twins(item, wanted) for name, item in value.items()}
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, dict) and "id" in row and wanted in leaves(row)]
        return [*value, *({**row, "id": _other_id(row["id"])} for row in rows)]
    return value


def _other_id(value: str | int) -> str | int:
    return value + 1_000_000 if isinstance(value, int) else str(uuid.uuid5(uuid.NAMESPACE_OID, value))


@law("An ID or a name that no object has: _info returns nothing, absent changes nothing, present fails.", _reads_named)
def unknown(world: World, subject: Subject, objects: Objects) -> None:
    unknown_id = {"id": objects.by_unknown_id["id"]}
    for options in (objects.info, unknown_id) if subject.has_name and subject.creates else (unknown_id,):
        found = _read(world, subject, options)
        assert found == [], f"{options} returns {found}"
    if subject.module is None:
        return
    run = world.run(subject.name, objects.by_unknown_id)
    assert run.failed, f"{objects.by_unknown_id} does not fail"
    assert str(unknown_id["id"]) in run.message, f"the message does not contain the ID: {run.message}"
    assert run.writes == [], f"the task sends {run.writes}"
    if subject.can_delete:
        absent = {**objects.by_unknown_id, "state": "absent"}
        _is_unchanged(world.must(subject.name, absent), f"{absent}")


@law("An option that does not exist is an error with its name, and tenant shows the closest option.", _always)
def unknown_option(world: World, subject: Subject, objects: Objects) -> None:
    for module, spec in subject.specs.items():
        known = max(spec.argument_spec, key=len, default="name")
        addressed = objects.identity if module == subject.name else objects.info
        run = world.run(module, {**addressed, f"{known}x": 1})
        assert run.failed, f"{module} accepts the option {known}x"
        assert f"{known}x" in run.message, f"the message does not contain the option: {run.message}"
        assert run.requests == [], f"{module} sends {run.requests}"
        if subject.in_tenant and module == subject.name:
            run = world.run("tenant", subject.in_bulk([{**addressed, f"{known}x": 1}]))
            assert run.failed, f"tenant accepts the option {known}x"
            assert f"did you mean {known}" in run.message, f"the message does not contain {known}: {run.message}"


@law("An empty name is an error before any request is sent.", _named)
def blank(world: World, subject: Subject, objects: Objects) -> None:
    for module, options in ((subject.name, objects.identity), (f"{subject.name}_info", objects.info)):
        spec = subject.specs.get(module)
        names = [name for name, value in options.items() if isinstance(value, str)]
        for name in names if spec else ():
            for value in ("", "  "):
                run = world.run(module, {**options, name: value})
                assert run.failed, f"{module} accepts {name}={value!r}"
                assert name in run.message, f"the message does not contain {name}: {run.message}"
                assert run.requests == [], f"{module} with {name}={value!r} sends {run.requests}"


# --- secrets, contract, return values ---------------------------------------------------------------------------------


@law("No secret is in a result, a diff, an error, a warning or the log, not even with -vvv.", _always)
def secrets(world: World, subject: Subject, objects: Objects) -> None:
    # The client asks for the ID of the enterprise, and the response has the API key.
    world.connection.clear()
    runs, prepared = [], {*world.secrets}
    if subject.module:
        tasks = [objects.create, objects.update] if objects.changed else [objects.create]
        tasks += [{**objects.moved, "state": "absent"}] if subject.can_delete else []
        for options in tasks:
            runs += [world.must(subject.name, options, check_mode=check_mode) for check_mode in (True, False, False)]
        world.begin(preparation_of(subject))
        _fail_writes(world, kind="status", status=400, body=_TELLTALE, times=None)
        refused = world.run(subject.name, objects.create)
        assert refused.failed, "the task succeeds although each write request gets HTTP 400"
        own = world.secrets - prepared - {KEY}
        sent = repr([each["body"] for run in [*runs, refused] for each in run.requests])
        assert all(each in sent for each in own), f"not all of the secrets {own} are sent, so the law proves nothing"
        runs.append(refused)
        world.simulator.clear_faults()
        runs.append(world.must(subject.name, objects.create))
    if subject.info_module:
        runs += [world.must(f"{subject.name}_info", options) for options in (objects.info, objects.info_all)]
    for run in runs:
        for secret in world.secrets:
            position = run.shown.find(secret)
            assert position < 0, f"a secret is shown: ...{run.shown[max(0, position - 80) : position + 40]}..."


@law("All requests are in the words of the contract, and so are the responses that the laws rest on.", _always)
def contract(world: World, subject: Subject, objects: Objects) -> None:
    requests = []
    for module, options in _life(subject, objects):
        requests += world.must(module, options).requests
    flaws = [flaw for each in requests for flaw in _flaws(world, each)]
    assert flaws == [], "\n".join(["The requests differ from the contract:", *flaws])
    answers = [
        f"{each.method} {each.path} ({each.status}): {flaw}"
        for each in world.simulator.answers
        for flaw in world.contract.validate_answer(each.method, each.path, each.status, each.body)
    ]
    assert answers == [], "\n".join(["The simulated responses differ from the contract:", *answers])


def _life(subject: Subject, objects: Objects) -> list[tuple[str, Row]]:
    """Return the tasks of the life of an object: module and options."""
    tasks = []
    if subject.module:
        tasks.append((subject.name, objects.create))
    if subject.info_module:
        tasks += [(f"{subject.name}_info", objects.info), (f"{subject.name}_info", objects.info_all)]
    if subject.module and objects.changed:
        tasks.append((subject.name, objects.update))
    if subject.can_delete:
        tasks.append((subject.name, {**objects.moved, "state": "absent"}))
    return tasks


def _flaws(world: World, entry: Row) -> list[str]:
    method, path, body = entry["method"], entry["path"], entry["body"]
    flaws = world.contract.validate_request(method, path, entry["query"], body)
    route = world.contract.route(path)
    # The body of an upload is a form.
    if body is not None and route and method in route.operations and route.operations[method].body is not None:
        unknown_keys = body.keys() - world.contract.known(route.operations[method], body).keys()
        flaws += [f"{method} {path}: {each}: read-only or unknown" for each in sorted(unknown_keys)]
    return flaws


@law("The return values are those of the documentation, in check mode too.", _always)
def returned(world: World, subject: Subject, objects: Objects) -> None:
    tasks = _life(subject, objects)
    if subject.related:
        tasks.insert(2, (f"{subject.name}_info", {**objects.info_all, **dict.fromkeys(dict(subject.related), True)}))
    for module, options in tasks:
        documented = documents.returned(module)
        not_requested = {field for option, field in subject.related if option not in options}
        for check_mode in (True, False):
            result = world.must(module, options, check_mode=check_mode).result
            unknown_keys = result.keys() - documented.keys() - {"changed", "diff"}
            assert not unknown_keys, f"{module} returns {unknown_keys}, which the documentation does not have"
            for name, spec in documented.items():
                rows = result.get(name)
                for row in rows if isinstance(rows, list) else [rows]:
                    if isinstance(row, dict) and "contains" in spec:
                        assert row.keys() == spec["contains"].keys() - not_requested, (
                            f"{module} returns {name} with {sorted(row)}, documented are {sorted(spec['contains'])}"
                        )


@law("_info returns an object as the task that manages it does: by name, by ID, and in the list of all.", _both)
def info(world: World, subject: Subject, objects: Objects) -> None:
    for options in (objects.create, objects.update) if objects.changed else (objects.create,):
        managed = world.must(subject.name, options).result[subject.name]
        selections = [objects.info] if options is objects.create else []
        selections += [] if subject.singleton else [{**objects.info_all, "id": managed["id"]}]
        for selection in selections:
            read = _read(world, subject, selection)
            assert read == [managed], f"_info with {selection} returns {read}, the task {managed}"
        assert managed in _all(world, subject, objects), f"_info does not return {managed} in the list of all"


@law("_info returns an object of the list by its ID and by its name, with the same values.", _reads_named)
def find(world: World, subject: Subject, objects: Objects) -> None:
    if subject.module and not _read(world, subject, objects.info_all):
        _create(world, subject, objects)
    rows = _read(world, subject, objects.info_all)
    assert rows, f"the simulated tenant has no {subject.title}, so the law proves nothing"
    for row in (rows[0], rows[-1]):
        found = _read(world, subject, {**objects.info_all, "id": row["id"]})
        assert found == [row], f"the ID {row['id']} finds {found}, the list has {row}"
        names = {name: row[name] for name in objects.info.keys() - objects.info_all.keys()}
        found = _read(world, subject, {**objects.info_all, **names})
        assert row in found, f"{names} finds {found}, the list has {row}"


# --- documentation ----------------------------------------------------------------------------------------------------


@law("The documentation has the options of the argument spec: types, defaults, choices, suboptions.", _always)
def documentation(world: World, subject: Subject, objects: Objects) -> None:
    for module, spec in subject.specs.items():
        differences = list(documents.differences(documents.options(module), spec.argument_spec))
        assert differences == [], "\n".join([f"The documentation of {module} differs from its options:", *differences])


@law("The tasks in the examples are valid.", _always)
def examples(world: World, subject: Subject, objects: Objects) -> None:
    for module in subject.specs:
        tasks = documents.examples(module)
        assert any(name == module for name, _args in tasks), f"the examples of {module} do not use it"
        errors = [f"{name}: {error}" for name, args in tasks if (error := documents.invalid(name, args))]
        assert errors == [], "\n".join([f"The examples of {module} are not valid:", *errors])


# --- many objects -----------------------------------------------------------------------------------------------------


@law("A list in tenant has the same effect as its tasks one by one, and its second run changes nothing.", _in_tenant)
def tenant(world: World, subject: Subject, objects: Objects) -> None:
    steps = [[objects.create]] if subject.singleton else [[objects.create, objects.create_second]]
    if subject.can_delete:
        steps.append([objects.update, objects.delete_second])
    elif objects.changed:
        steps.append([objects.update])
    one_by_one = []
    for step in steps:
        changed = [world.must(subject.name, options).changed for options in step]
        one_by_one.append((any(changed), _portrait(world, subject, objects)))
    world.begin(preparation_of(subject))
    for step, (changes, portrait) in zip(steps, one_by_one, strict=True):
        many = subject.in_bulk(step)
        predicted, actual = world.must("tenant", many, check_mode=True), world.must("tenant", many)
        assert predicted.writes == [], f"check mode of tenant sends {predicted.writes}"
        assert predicted.changed == actual.changed == changes, "tenant reports changed differently"
        _equal(_portrait(world, subject, objects), portrait, "After tenant, the objects differ:")
        _is_unchanged(world.must("tenant", many), "the second run of tenant")


@law("tenant deletes an object that its list lacks if prune selects its name, and names it as in the list.", _prunes)
def prune(world: World, subject: Subject, objects: Objects) -> None:
    both = subject.in_bulk([objects.create, objects.create_second])
    kept, unlisted = (row["name"] for row in world.must("tenant", both).result["objects"])
    one = subject.in_bulk([objects.create])
    reported = world.must("tenant", {**one, "report_unlisted": True})
    _is_unchanged(reported, "a task that lists one object")
    extra = {row["name"]: row["action"] for row in reported.result["not_in_tree"]}
    assert extra.get(unlisted) == "kept", f"{unlisted} is not among {sorted(extra)}"
    assert kept not in extra, f"{kept} is listed"
    options = {**one, "prune": [{"kind": subject.plural, "names": [kept, unlisted]}]}
    predicted, actual = world.must("tenant", options, check_mode=True), world.must("tenant", options)
    assert predicted.writes == [], f"check mode of prune sends {predicted.writes}"
    for run in (predicted, actual):
        rows = run.result["not_in_tree"]
        assert [row["name"] for row in rows if row["action"] == "deleted"] == [unlisted], rows
        assert run.diff == actual.diff, "check mode of prune predicts another diff"
    _is_unchanged(world.must("tenant", options), "the second run of prune")
    left = {row["name"] for row in world.must("tenant", {**one, "report_unlisted": True}).result["not_in_tree"]}
    assert left == {*extra} - {unlisted}, "prune deletes other objects"


@law("The options that an export returns change nothing in the same tenant.", _exports)
def export(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    exported = _read(world, subject, {**objects.info, "export": True})
    assert len(exported) == 1, f"the export returns {len(exported)} objects"
    assert set(objects.identity) <= exported[0].keys(), f"the export does not contain {set(objects.identity)}"
    _is_unchanged(world.must(subject.name, exported[0]), "the exported task")


@law(
    "The tree that tenant_export writes changes nothing in the same tenant, and a second export is identical.", _in_tree
)
def tree(world: World, subject: Subject, objects: Objects) -> None:
    _create(world, subject, objects)
    if _creates(subject) == "":
        world.must(subject.name, objects.create_second)
    options = {"dest": str(world.folder / "tree"), "kinds": [subject.name]}
    exported = world.must("tenant_export", options)
    assert exported.writes == [], f"the export sends {exported.writes}"
    assert exported.changed, "the export writes no file"
    rows = trees.read(world.folder / "tree").get(subject.name if subject.singleton else subject.plural)
    assert rows, "the export has no object"
    _is_unchanged(world.must("tenant", subject.in_bulk(rows)), "the exported tree")
    again = world.must("tenant_export", options)
    assert not again.changed, f"the second export changes {again.result['files']}"
