# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of app versions in the arguments of the command and the operation INSTALL, whose requests take an ID."""

from __future__ import annotations

import typing as t

from ..base.errors import Ambiguous, InvalidValues, NotFound
from ..base.row import Params
from ..engine.tenant_view import TenantView
from ..kinds.blueprint_catalog import CATALOGS, LATEST, Catalog

INSTALL = "INSTALL"

_NAMES = ("version_name", "version_code")


def with_app_version(view: TenantView, title: str, name: str, params: Params) -> Params:
    """Return the parameters of a command or an operation with the ID of the app version that its arguments name.

    ``title`` is "command" or "operation". Raise InvalidValues, NotFound or Ambiguous if the arguments do not select one
    version, and what Client.request raises.
    """
    args = {key: value for key, value in (params["args"] or {}).items() if value is not None}
    package, names = args.get("package_name"), [key for key in _NAMES if key in args]
    if errors := list(_errors(name, args, names)):
        raise InvalidValues(errors, f"{title} {name}")
    if name != INSTALL or package is None or "app_version" in args:
        return params
    catalog = Catalog(view, CATALOGS["android"])
    app = {"package_name": str(package).strip(), **{key: args[key] for key in names}}
    if not catalog.apps(app["package_name"]):
        names_of_apps = [str(row.get("package_name")) for row in catalog.apps()]
        raise NotFound("app", app["package_name"], names_of_apps, "Upload it before you install it.")
    try:
        version = catalog.select(app, None, "args")
    except Ambiguous as error:
        advice = "Set args.version_code too, or args.app_version instead."
        raise Ambiguous("app", app["package_name"], error.candidates, advice) from None
    kept = {key: value for key, value in args.items() if key not in ("package_name", *_NAMES)}
    return {**params, "args": {**kept, "app_version": version.id}}


def _errors(name: str, args: Params, names: t.Sequence[str]) -> t.Iterator[str]:
    if names and name != INSTALL:
        yield f"args.{names[0]} is only allowed for {INSTALL}"
    elif names and "app_version" in args:
        yield f"args.{names[0]} is not allowed with args.app_version"
    elif names and "package_name" not in args:
        yield "args.package_name is required"
    elif name == INSTALL and "package_name" in args and not names and "app_version" not in args:
        yield f"args.version_name or args.version_code is required. Set version_name, for example to {LATEST}"
