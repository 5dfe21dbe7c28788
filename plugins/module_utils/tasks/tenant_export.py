# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that writes the objects of a tenant as a tree of YAML files, which the module tenant reads.

Knows no kind of object by name. First reads the lists of all kinds at the same time, then what each kind needs in
addition, kind by kind.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..base.errors import ApiError, InvalidParameter, TransportError
from ..base.limits import LONGEST_TIME
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.exporter import ExportedFile, ExportedObject, Exporter, SecretValue, exporter_of
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.downloads import save
from ..kinds.registry import KINDS
from ..model.kind import Kind
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.values import leaves
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from ..tree.export_files import apply_changes, file_changes
from ..tree.writer import FILES, list_schema_file, schema_file, tree_files
from .tenant_deviations import OPTION as DEVIATIONS

# Esper returns these if a tenant does not have a feature, or if the API key must not read it.
_UNAVAILABLE = (403, 404)
# The maximum number of downloads at a time.
_DOWNLOADS = 6
_MODE = 0o600


def _can_export(kind: Kind) -> bool:
    """Return whether objects of a kind can be exported. Objects with files need an exporter of their own."""
    has_files = bool(set(kind.sources) - set(kind.file_options))
    return kind.tenant.export != "never" and (kind.exporter is not None or not has_files)


EXPORTED_KINDS = tuple(kind for kind in KINDS if _can_export(kind))
"""The kinds that an export can have."""


@dataclass
class _Export:
    """The objects of one kind. ``error`` says why they cannot be read, ``requests`` is the number of requests in
    addition to those for lists."""

    exporter: Exporter
    error: ApiError | None = None
    objects: list[ExportedObject] = field(default_factory=list)
    requests: int = 0

    @property
    def kind(self) -> Kind:
        """The kind of the objects."""
        return self.exporter.kind

    def read(self) -> None:
        """Read the objects."""
        self.objects = self.exporter.objects()


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    if not 0 <= params["download_deadline"] <= LONGEST_TIME:
        raise InvalidParameter(
            f"Invalid download_deadline: {params['download_deadline']:g}. It must be from 0 to {LONGEST_TIME}."
        )
    tree = _checked_dest(params["dest"])
    names = params["kinds"]
    kinds = [
        kind for kind in EXPORTED_KINDS if (kind.tenant.export == "always" if names is None else kind.name in names)
    ]
    exports = _read(view, kinds, context, is_strict=names is not None)
    complete = [each for each in exports if each.error is None]
    downloads = _downloads(tree, complete, is_wanted=params["download"])
    if not context.check_mode:
        _fetch(view, downloads, params["download_deadline"])
    wanted = {file.path for file, _target in downloads}
    files = [
        file
        for each in complete
        for file in tree_files(each.kind, [_with_files(tree, exported, wanted) for exported in each.objects])
    ]
    if files:
        # Users write this file themselves. Editors complete it, too.
        files.append(list_schema_file(DEVIATIONS))
    files += [schema_file(each.kind) for each in complete if each.objects]
    changes = file_changes(tree, files, [each.kind.tenant_option for each in complete])
    if not context.check_mode:
        apply_changes(tree, changes)
    changed = {change.path for change in changes}
    result: Row = {
        "changed": bool(changes or downloads),
        "files": [
            *({"path": change.path, "action": change.action} for change in changes),
            *({"path": f"{FILES}/{file.path}", "action": "created"} for file, _target in downloads),
        ],
        "unchanged": sum(file.path not in changed for file in files),
        "kinds": [
            {"kind": each.kind.name, "objects": len(each.objects), "requests": each.requests} for each in complete
        ],
        "omitted": [row for each in exports for row in _omitted(each, tree, wanted)],
        "variables": sorted(
            each.variable
            for export in complete
            for exported in export.objects
            for each in leaves(exported.options)
            if isinstance(each, SecretValue)
        ),
    }
    if context.diff:
        result["diff"] = [diff_entry(change.path, change.before or "", change.after or "") for change in changes]
    skipped = [f"The {each.kind.titles} are not exported. {each.error}" for each in exports if each.error]
    return ModuleResult(result, skipped)


def _checked_dest(text: str) -> Path:
    """Return the directory of the tree. Raise InvalidParameter if files cannot be written there."""
    tree = Path(text)
    if tree.exists() and not tree.is_dir():
        raise InvalidParameter(f"Cannot write to '{tree}': it is not a directory.")
    parent = next(each for each in (tree, *tree.absolute().parents) if each.exists())
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InvalidParameter(f"Cannot write to '{tree}': permission denied.")
    return tree


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(view: TenantView, kinds: t.Sequence[Kind], context: RunContext, *, is_strict: bool) -> list[_Export]:
    """Return the objects of some kinds. If ``is_strict``, a kind that the tenant does not have is an error."""
    exports = [_Export(exporter_of(view, kind)) for kind in kinds]

    def preload(export: _Export) -> None:
        _attempt(export, export.exporter.preload, is_strict=is_strict)

    for _none in in_parallel(view.client, preload, exports, CONCURRENCY):
        pass
    for number, export in enumerate(exports, start=1):
        if export.error is not None:
            continue
        before = view.client.request_count
        _attempt(export, export.read, is_strict=is_strict)
        export.requests = view.client.request_count - before
        context.progress(
            f"Read {counted(len(export.objects), export.kind.title)} (kind {number} of {len(exports)})"
            if export.kind.has_ids
            else f"Read the {export.kind.title} (kind {number} of {len(exports)})"
        )
    return exports


def _attempt(export: _Export, read: t.Callable[[], None], *, is_strict: bool) -> None:
    """Call a function. Record its error if the tenant does not have the objects of the kind."""
    try:
        read()
    except ApiError as error:
        if is_strict or error.status not in _UNAVAILABLE:
            raise
        export.error = error


# --- files ------------------------------------------------------------------------------------------------------------


def _downloads(tree: Path, exports: t.Iterable[_Export], *, is_wanted: bool) -> list[tuple[ExportedFile, Path]]:
    """Return the files to download with their paths: those that the tree does not have yet."""
    if not is_wanted:
        return []
    files = {file.path: file for export in exports for exported in export.objects for file in exported.files}
    targets = [(file, tree / FILES / path) for path, file in sorted(files.items())]
    return [(file, target) for file, target in targets if not file.is_at(target)]


def _fetch(view: TenantView, downloads: list[tuple[ExportedFile, Path]], seconds: float) -> None:
    """Download files, several at a time. Each file is written as a whole, so those that are complete stay if one fails.
    Raise TransportError if a file is not the expected one."""

    def fetch(download: tuple[ExportedFile, Path]) -> None:
        file, target = download
        link = file.download()

        def check(partial: Path) -> None:
            if not file.is_at(partial):
                raise TransportError(
                    f"{link.purpose} failed: the downloaded file does not have the size and checksum that Esper"
                    " returns.",
                    method="GET",
                    path=f"{FILES}/{file.path}",
                )

        save(view.client, link, target, check, new_mode=_MODE)

    if downloads:
        view.client.extend(seconds)
    for _none in in_parallel(view.client, fetch, downloads, _DOWNLOADS):
        pass


def _with_files(tree: Path, exported: ExportedObject, downloaded: t.Container[str]) -> ExportedObject:
    """Return an object without the options of files that the tree does not have."""
    missing = {file.path for file in _missing(tree, exported, downloaded)}
    return replace(exported, options=_without(exported.options, missing)) if missing else exported


def _missing(tree: Path, exported: ExportedObject, downloaded: t.Container[str]) -> list[ExportedFile]:
    return [file for file in exported.files if file.path not in downloaded and not file.is_at(tree / FILES / file.path)]


def _without(value: t.Any, missing: t.Container[str]) -> t.Any:
    if isinstance(value, dict):
        return {
            key: _without(item, missing)
            for key, item in value.items()
            if not (isinstance(item, ExportedFile) and item.path in missing)
        }
    return [_without(item, missing) for item in value] if isinstance(value, list) else value


def _omitted(export: _Export, tree: Path, downloaded: t.Container[str]) -> t.Iterator[Row]:
    """Yield what an export does not have."""
    kind = export.kind.name
    for each in export.exporter.omitted:
        yield {"kind": kind, "name": each.name, "id": each.id, "path": None, "reason": each.reason}
    for exported in export.objects:
        for path in exported.omitted:
            reason = "Esper returns no name for this value, or a task cannot set it."
            yield {"kind": kind, "name": exported.key, "id": None, "path": path, "reason": reason}
        # A checksum in the tree names a file that it does not have.
        for file in (each for each in _missing(tree, exported, downloaded) if not each.checksum):
            reason = "The file is not in the tree. Set download=true."
            yield {"kind": kind, "name": exported.key, "id": None, "path": f"{FILES}/{file.path}", "reason": reason}


# --- the module -------------------------------------------------------------------------------------------------------

_ON_REQUEST = [kind.name for kind in EXPORTED_KINDS if kind.tenant.export == "on_request"]

TENANT_EXPORT = ModuleDefinition(
    "tenant_export",
    ModuleSpec(
        short_description="Export an Esper tenant as a tree of files",
        description=(
            "Writes the objects of a tenant as YAML files in a directory, for version control and for"
            " M(esper.cloud.tenant).",
            "Each object has a file with the options of its module. Device groups have one file together. The files"
            " have names in place of IDs, and neither times nor default values of Esper.",
            "Two exports of an unchanged tenant are identical. If an object is renamed, one file moves.",
            "A secret is not exported. The file has a variable in its place, see RV(variables). If the variable is not"
            " set, M(esper.cloud.tenant) does not change the secret.",
            "Deletes the files of earlier exports whose objects no longer exist. Other files are neither replaced nor"
            " deleted.",
        ),
        options=(
            Option(
                "dest",
                (
                    "Directory of the tree, on the machine where the module runs. The module creates it.",
                    "Only the owner can read the files.",
                ),
                type="path",
                required=True,
            ),
            Option(
                "kinds",
                (
                    "Kinds of objects to export, by the names of their modules. Files of other kinds are not changed.",
                    f"If omitted, all kinds except {', '.join(f'V({name})' for name in _ON_REQUEST)}. If the tenant"
                    " does not have a kind, or if the API key cannot read it, the module warns and keeps its files.",
                ),
                type="list",
                elements="str",
                choices=tuple(kind.name for kind in EXPORTED_KINDS),
            ),
            Option(
                "download",
                (
                    "If V(true), downloads the files of the objects to C(files) in O(dest), several at a time. Files"
                    " with the right size and checksum are not downloaded again. A downloaded file is checked in the"
                    " same way.",
                    "If V(false), options with the paths of missing files are omitted. The option C(checksum) of an"
                    " object names its file in both cases.",
                    "Esper returns no checksums of wallpapers, thumbnails and tile icons, so the module always reads"
                    " these pictures to compute them.",
                ),
                type="bool",
                default=False,
            ),
            Option(
                "download_deadline",
                (
                    "Time limit of the task in seconds, measured from the start of the downloads. It applies if"
                    " O(deadline) leaves less time.",
                    f"V(0) sets no limit. At most V({LONGEST_TIME}), a week.",
                ),
                type="float",
                default=3600.0,
            ),
        ),
        returns=(
            Value(
                "files",
                "Files that the module changed. In check mode, those that it would change.",
                type="list",
                elements="dict",
                contains=(
                    Value("path", "Path of the file in O(dest).", sample="blueprints/self-service-kiosks.yml"),
                    Value("action", "V(created), V(updated) or V(deleted).", sample="created"),
                ),
            ),
            Value("unchanged", "Number of the files that the module did not change.", type="int", sample=41),
            Value(
                "kinds",
                "Kinds of the objects in the export.",
                type="list",
                elements="dict",
                contains=(
                    Value("kind", "Kind of the objects, the name of their module.", sample="role"),
                    Value("objects", "Number of the objects.", type="int", sample=4),
                    Value(
                        "requests",
                        "Number of requests in addition to those for the list of the objects. The Esper API returns"
                        " some values only with requests for each object, such as the scopes of a role.",
                        type="int",
                        sample=4,
                    ),
                ),
            ),
            Value(
                "omitted",
                "Objects and values that the export does not have.",
                type="list",
                elements="dict",
                contains=(
                    Value("kind", "Kind of the object, the name of its module.", sample="blueprint"),
                    Value("name", "Name of the object in a task.", sample="Self-service kiosks"),
                    Value("id", "ID of an object that is omitted, otherwise V(null).", type="raw", sample=None),
                    Value(
                        "path",
                        "Path of the option or file that is omitted. V(null) if the object is omitted.",
                        sample="settings.android.wifi_networks[0]",
                    ),
                    Value(
                        "reason",
                        "Reason, as a sentence.",
                        sample="Esper returns no name for this value, or a task cannot set it.",
                    ),
                ),
            ),
            Value(
                "variables",
                "Names of the variables with the secrets. Set them with Ansible Vault, for example.",
                type="list",
                elements="str",
                sample=["esper_secret_enterprise_policy_kiosks_settings_settings_app_password"],
            ),
        ),
        check_mode=Support("full", "Predicts the changes, and writes no file."),
        diff_mode=Support("full", "Shows the changes of the YAML files."),
        platform="Where the module runs. It uses the API over HTTPS and writes only to O(dest).",
        notes=(
            "Git does not keep the mode of a file. A file has no secret, but some values can be confidential, such as"
            " scripts.",
        ),
        seealso=("tenant",),
    ),
    _run,
)
