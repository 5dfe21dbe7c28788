# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of pipelines, and of the parts of a pipeline."""

from __future__ import annotations

from ..base.row import Row
from ..engine.lookup import Lookup
from .pipeline_tree import Tree, TreeReader


class PipelineLookup(Lookup):
    """Finds pipelines, and reads their parts."""

    def tree_reader(self, row: Row) -> TreeReader:
        """Return the reader of the parts of a pipeline."""
        return TreeReader(self.view, row, self.kind.phrase(row))

    def read_pipeline(self, name: str) -> tuple[Row, Tree]:
        """Return the pipeline with a name or ID, and its tree with target lists and operations, without the members of
        the target lists. Raise NotFound or Ambiguous."""
        row = self.resolve(name)
        return row, self.tree_reader(row).read(has_unattached=False)
