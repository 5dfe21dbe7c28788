# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of blueprints and of their versions, for other kinds too.

Choice where the contract is silent: the versions are one list without paging.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import replace

from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape

BLUEPRINT_ROUTES = Routes(
    list="/v2/blueprints/",
    object="/v2/blueprints/{id}/",
    update="PUT",
    name_filter="name_exact",
    # Blueprints are large. Esper's own tool reads 20 per page.
    page_size=20,
)

BLUEPRINTS = Kind(
    name="blueprint",
    title="blueprint",
    plural="blueprints",
    routes=BLUEPRINT_ROUTES,
    shape=Shape.READ_ONLY,
    fields=(Field("id", writable=False), Field("name")),
)
"""Blueprints by ID and name (/v2/blueprints/, v2.yaml), for other kinds. The kind with all fields is BLUEPRINT."""

_VERSIONS = f"{BLUEPRINT_ROUTES.object}versions/"
_NEWEST_FIRST = {"ordering": "-version_number,-minor_version_number"}


@functools.cache
def version_kind(kind: Kind) -> Kind:
    """Return the kind of the versions of blueprints. Their ID is ``version_id``; ``id`` is that of the blueprint."""
    return replace(kind, title="blueprint version", id_key="version_id", view_key="blueprint_version")


def list_versions(
    view: TenantView, blueprint: Row, query: Row | None = None, *, kind: Kind | None = None, purpose: str
) -> list[Row]:
    """Return all versions of a blueprint, or those that match a query, newest first. They can be without settings, and
    have the types of the fields of ``kind``, if it is set."""
    path, query = _VERSIONS.format(id=blueprint["id"]), {**_NEWEST_FIRST, **(query or {})}
    return view.list_at(
        path, query, kind=kind and version_kind(kind), page_size=None, key="version_id", purpose=purpose
    )


def read_version(view: TenantView, blueprint: Row, version_id: t.Any, *, kind: Kind | None = None, purpose: str) -> Row:
    """Return a version of a blueprint with its settings, with the types of the fields of ``kind``, if it is set."""
    ids = {"id": str(blueprint["id"]), "version_id": str(version_id)}
    return view.get_at(f"{_VERSIONS}{{version_id}}/", ids, kind=kind and version_kind(kind), purpose=purpose)
