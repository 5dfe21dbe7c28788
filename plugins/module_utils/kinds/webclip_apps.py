# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webclips as apps: the list /v2/apps (v2.yaml) has their names, and the versions that blueprints refer to.

The choices about this list are in webclip.py.
"""

from __future__ import annotations

import functools
import typing as t

from ..base.errors import EsperError
from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..model.kind import Kind
from ..model.unknowns import KnownAfterApply

WEBCLIP_APP = {"app_type": "WEBCLIP"}
"""The values of all webclips in the apps of a blueprint."""

_PATH = "/v2/apps"


def is_webclip(app: Row) -> bool:
    """Return whether an app of a blueprint is a webclip."""
    return all(app.get(key) == value for key, value in WEBCLIP_APP.items())


def webclip_apps(view: TenantView, *, purpose: str = "Reading the names of webclips") -> list[Row]:
    """Return the apps that are webclips."""
    return view.list_at(_PATH, WEBCLIP_APP, key="app_id", counts_page=True, purpose=purpose)


def webclips_by_name(view: TenantView, kind: Kind) -> list[Row]:
    """Return the IDs and the names of all webclips, as the kind has them."""
    return [{kind.id_key: app["app_id"], kind.name_key: app.get("name")} for app in webclip_apps(view)]


def apps_of_webclip(view: TenantView, webclip: Row) -> list[Row]:
    """Return the app of a webclip. That of a webclip that the task creates is read after the creation."""
    identifier = webclip["id"]
    if isinstance(identifier, KnownAfterApply):
        # A value can be resolved more than once.
        version = functools.cache(functools.partial(_version_of, view))
        return [{"app_version_id": identifier.transformed(version)}]
    return [app for app in webclip_apps(view) if str(app["app_id"]).lower() == str(identifier).lower()]


def _version_of(view: TenantView, identifier: t.Any) -> str:
    """Return the version of a new webclip. Raise EsperError if Esper does not list it."""
    purpose = f"Reading the version of the webclip {identifier}"
    apps = list_all(view.client, _PATH, query=WEBCLIP_APP, key="app_id", counts_page=True, purpose=purpose)
    for app in apps:
        if str(app["app_id"]).lower() == str(identifier).lower() and app.get("app_version_id"):
            return str(app["app_version_id"])
    raise EsperError(f"{purpose} failed: Esper does not list it yet. Run the task again.")
