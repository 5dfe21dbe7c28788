# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifacts of versions of apps for Windows: other packages that an MSIX or APPX package needs, and certificates.

The contract has no operation that lists artifacts. If Esper returns those of a version with the version, they are
compared anyway.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

from ..base.checksums import check_upload
from ..base.errors import InvalidParameter, TransportError
from ..base.ids import normal_id
from ..base.row import Params, Row
from ..http.forms import Form
from ..model.conform import to_rows
from ..model.module_spec import Option, Value
from ..model.plan import ObjectDiff, Plan, Step
from .app_version import path_of
from .tenant_app_list import VERSION
from .tenant_app_package import FORMATS, check_format, format_of
from .upload import SEARCH_PATH

_DEPENDENCY, _CERTIFICATE = "UWP_DEPENDENCY", "UWP_CERTIFICATE"
_SUFFIXES = {_DEPENDENCY: (".msix", ".appx"), _CERTIFICATE: (".cer",)}
_PATH = f"{VERSION}/artifacts"
_Ids = t.Mapping[str, t.Any]

ARTIFACTS = Option(
    "artifacts",
    (
        "Artifacts of a version of an MSIX or APPX package: files that the package needs on devices.",
        "Esper does not list artifacts, so an artifact to delete is deleted again in each run.",
    ),
    type="list",
    elements="dict",
    options=(
        Option(
            "state",
            "Desired state of the artifact. V(present) uploads it, see O(artifacts_upload). V(absent) deletes it.",
            choices=("present", "absent"),
            default="present",
        ),
        Option(
            "type",
            "Type of the artifact: another package (C(.msix) or C(.appx)), or a certificate (C(.cer)).",
            choices=(_DEPENDENCY, _CERTIFICATE),
        ),
        Option(
            "src",
            ("Path of the file on the controller.", *SEARCH_PATH),
            type="path",
        ),
        Option(
            "id",
            "ID of the artifact, from RV(artifacts).",
            identifier=True,
        ),
    ),
    rules={"required_if": [("state", "present", ("type", "src")), ("state", "absent", ("id",))]},
)

ARTIFACTS_UPLOAD = Option(
    "artifacts_upload",
    (
        "When to upload O(artifacts).",
        "V(on_create) uploads them in the run that uploads the version. V(always) uploads them in each run, so the task"
        " always reports a change.",
    ),
    choices=("on_create", "always"),
    default="on_create",
)

ARTIFACTS_VALUE = Value(
    "artifacts",
    "Artifacts that the task uploads. In check mode, the IDs are null.",
    type="list",
    elements="dict",
    returned="if O(artifacts) is set",
    sample=[
        {"id": "0c5d2f0e-7f43-4a83-9d0b-9a5b3a5b1001", "type": _DEPENDENCY, "file_name": "VCLibs.x64.14.00.appx"},
    ],
)


def _given(params: Params) -> list[Row]:
    return params.get("artifacts") or []


def check_artifacts(params: Params) -> None:
    """Raise InvalidParameter if an artifact is invalid, or if the file to upload cannot have artifacts."""
    artifacts = _given(params)
    if not artifacts:
        return
    if params["state"] == "absent":
        raise InvalidParameter("artifacts requires state=present. Esper deletes artifacts with their version.")
    if params["src"] and not format_of(Path(params["src"])).has_artifacts:
        valid = ", ".join(suffix for suffix, each in FORMATS.items() if each.has_artifacts)
        raise InvalidParameter(f"artifacts requires a src with one of the suffixes {valid}.")
    for number, artifact in enumerate(artifacts):
        unused = ("id",) if artifact["state"] == "present" else ("type", "src")
        for name in unused:
            if artifact[name] is not None:
                raise InvalidParameter(
                    f"artifacts[{number}].{name} does not apply if state={artifact['state']}. Omit it."
                )
        if artifact["state"] == "present":
            _check_file(artifact, f"artifacts[{number}].src")


def _check_file(artifact: Row, option: str) -> None:
    path, suffixes = path_of(artifact["src"]), _SUFFIXES[artifact["type"]]
    if path.suffix.lower() not in suffixes:
        raise InvalidParameter(
            f"Invalid {option}: an artifact of the type {artifact['type']} has the suffix {' or '.join(suffixes)}, not"
            f" '{path.name}'."
        )
    check_upload(path)
    if artifact["type"] == _DEPENDENCY:
        check_format(path, format_of(path))


def add_artifacts(plan: Plan, version: Row, ids: _Ids, params: Params, *, is_new: bool) -> None:
    """Add the uploads and deletions of artifacts to the plan of a version. ``version`` is the version in API format
    before the task, ``ids`` are those in its path. ``is_new`` is true if the task uploads the version."""
    if not _given(params):
        return
    uploaded = plan.related.setdefault("artifacts", [])
    known = to_rows(version.get("artifacts")) if isinstance(version.get("artifacts"), list) else None
    for artifact in _given(params):
        if artifact["state"] == "absent":
            _add_deletion(plan, artifact["id"], version, ids, known)
            continue
        path = path_of(artifact["src"])
        own = {"artifact_type": artifact["type"], "file_name": path.name}
        is_known = known is not None and any(own.items() <= each.items() for each in known)
        if is_new or params["artifacts_upload"] == "always" or (known is not None and not is_known):
            record = {"id": None, "type": artifact["type"], "file_name": path.name}
            uploaded.append(record)
            plan.steps.append(_upload_step(path, own, record, _latest(plan, version), ids))
            plan.changes.append(ObjectDiff(f"artifact {path.name}", {}, {"type": artifact["type"]}))


def _latest(plan: Plan, version: Row) -> t.Callable[[], Row]:
    """Return the function that returns the version after the steps that the plan has now."""
    steps = list(plan.steps)
    return lambda: next((step.response for step in reversed(steps) if step.response is not None), version)


def _upload_step(path: Path, own: Row, record: Row, latest: t.Callable[[], Row], ids: _Ids) -> Step:
    purpose = f"Uploading the artifact '{path.name}'"

    def extract(body: Row) -> Row | None:
        record["id"] = body.get("id")
        return latest() if record["id"] else None

    def find_existing(_body: t.Any) -> Row | None:
        # A second upload could create the artifact twice, and nothing shows whether the first one did.
        raise TransportError(f"{purpose} failed: Esper does not list artifacts.", method="POST", path=_PATH)

    return Step(
        purpose=purpose,
        method="POST",
        path=_PATH,
        ids=dict(ids),
        body=Form(fields={"artifact_type": own["artifact_type"]}, files={"file": path}),
        find_existing=find_existing,
        extract_object=extract,
    )


def _add_deletion(plan: Plan, artifact_id: str, version: Row, ids: _Ids, known: list[Row] | None) -> None:
    """Add the deletion of an artifact, unless Esper returned the artifacts of the version without it."""
    artifact_id = normal_id(artifact_id.strip())
    if known is not None and all(normal_id(each.get("id")) != artifact_id for each in known):
        return
    latest = _latest(plan, version)
    plan.steps.append(
        Step(
            purpose=f"Deleting the artifact {artifact_id}",
            method="DELETE",
            path=f"{_PATH}/{{artifact_id}}",
            ids={**ids, "artifact_id": artifact_id},
            extract_object=lambda _body: latest(),
        )
    )
    plan.changes.append(ObjectDiff(f"artifact {artifact_id}", {"id": artifact_id}, {}))
