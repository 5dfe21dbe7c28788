# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The return values of the module pipeline_info: the trees and runs of pipelines, and their export."""

from __future__ import annotations

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..engine.exporter import exporter_of, omitted_paths, without_secrets
from ..engine.reader import Reader
from ..engine.tenant_view import TenantView
from ..http.parallel import in_parallel
from .pipeline_result import Shown
from .pipeline_tree import GROUPS, TreeReader

# Maximum number of pipelines that are read at the same time. Each of them takes parallel requests.
_PIPELINES = 4


def _reader_of(view: TenantView, row: Row) -> TreeReader:
    return TreeReader(view, row, f"pipeline '{row.get('name') or row['id']}'")


def read_unattached(view: TenantView, row: Row, _params: Params) -> list[Row]:
    """Return the target lists of a pipeline that no stage has, with their members."""
    reader = _reader_of(view, row)
    lists = reader.read(has_operations=False).unattached
    reader.read_members(lists)
    return Shown(view).target_lists(lists)


def read_runs(view: TenantView, row: Row, params: Params) -> list[Row]:
    """Return the latest runs of a pipeline."""
    return _reader_of(view, row).last_runs(params["runs"])


class PipelineReader(Reader):
    """Reads pipelines."""

    def get_info(self, params: Params) -> Row:
        """Return the pipelines that the options select, or their export."""
        if params["runs"] < 0:
            raise InvalidParameter(f"The option runs is {params['runs']}; the minimum is 0.")
        if not params["export"]:
            return super().get_info(params)
        exporter = exporter_of(self.view, self.kind)
        exported = [each for _row, each in exporter.export_each(exporter.complete(self.read_rows(params)))]
        return {
            self.kind.plural: [without_secrets(each.options) for each in exported],
            "omitted": [{"pipeline": each.key, "path": path} for each in exported for path in omitted_paths(each)],
        }

    def complete(self, rows: list[Row], params: Params) -> list[Row]:
        """Return pipelines with their stages, if the task asks for them."""
        if not params["tree"]:
            return rows
        return list(in_parallel(self.view.client, lambda row: self._with_stages(row, params), rows, _PIPELINES))

    def _with_stages(self, row: Row, params: Params) -> Row:
        reader = _reader_of(self.view, row)
        tree = reader.read(has_unattached=False)
        reader.read_members(tree.target_lists)
        if params["members"]:
            reader.read_devices([each for each in tree.target_lists if each.get("target_list_type") == GROUPS])
        return {**row, "stages": Shown(self.view).stages(tree.stages)}
