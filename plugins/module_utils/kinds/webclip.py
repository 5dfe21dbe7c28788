# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Webclips: links to web pages that look like apps on Apple devices.

Based on /v2/webclips of the contract (v2.yaml). No operation changes a webclip. Responses have no ``esper_name``, so
only the filter of the list finds a webclip by its name. The number in the list is that of the page.

Choice: names are case-sensitive. Choice: a slash after the host of a URL without a path does not count. Choice: the
list /v2/apps has the ``esper_name`` of a webclip as ``name`` and its ID as ``app_id``; webclip_info uses that, and
blueprints that name webclips: see webclip_apps.py. Choice: ``app_version_id`` of that list is the version of a webclip
in blueprints.
"""

from __future__ import annotations

import re

from ..base.validators import length
from ..model.field import SEARCH_PATH, Field
from ..model.kind import Guard, Routes, Upload
from ..model.module_spec import Option
from ..model.plain import plain_kind
from .blueprint_usage import blueprints_with, in_blueprints
from .linked_file import without_query
from .webclip_exporter import WebclipExporter
from .webclip_planner import WebclipPlanner
from .webclip_reader import WebclipReader

_BARE_HOST = re.compile(r"(https?://[^/?#]+)/", re.IGNORECASE)
_USED_AS, _FILTER = "ios.apps.app_id", "settings__ios__app_id"


def _url(url: str) -> str:
    """Return a URL in the form in which URLs are compared and sent."""
    found = _BARE_HOST.fullmatch(url.strip())
    return found[1] if found else url.strip()


WEBCLIP = plain_kind(
    name="webclip",
    doc=(
        "A webclip is a link to a web page that looks like an app on Apple devices.",
        "Esper cannot change a webclip. If it differs from the task, the task fails unless O(replace=true).",
    ),
    routes=Routes(list="/v2/webclips", object="/v2/webclips/{id}", name_filter="exact_esper_name", counts_page=True),
    name_key="esper_name",
    returns_name=False,
    on_difference="replace",
    planner=WebclipPlanner,
    reader=WebclipReader,
    exporter=WebclipExporter,
    guards=(Guard(users=in_blueprints(_USED_AS, query=_FILTER)),),
    related=(blueprints_with("webclip", _USED_AS, query=_FILTER),),
    uploads=(Upload(option="icon", key="icon", required=False),),
    options=(
        Option(
            "icon",
            (
                "Path of the icon, an image on the controller. It is only sent for a new webclip.",
                *SEARCH_PATH,
                "Required for the replacement of a webclip that has an icon.",
            ),
            type="path",
        ),
        Option(
            "compare_content",
            "If V(true), the module downloads the existing icon and compares its bytes with those of O(icon). If they"
            " differ, the webclip differs. If V(false), icons are not compared.",
            type="bool",
            default=False,
        ),
    ),
    info_options=(Option("label", "Label of the webclips.", query="label"),),
    fields=(
        Field("id", "ID of the webclip.", writable=False, sample="b1d0f7de-7a2c-4d7c-8a3e-6f4e2c1a9d55"),
        Field(
            "name",
            "Name of the webclip in Esper, case-sensitive.",
            api="esper_name",
            identifier=True,
            create_only=True,
            required_by_api=True,
            normalize=str.strip,
            validator=length(1),
            returns="Name of the webclip in Esper. Null if only the ID is known.",
            sample="Menu",
        ),
        Field(
            "label",
            "Label of the webclip on devices. Defaults to O(name) on creation.",
            create_only=True,
            required_by_api=True,
            validator=length(1),
            returns="Label of the webclip on devices.",
            sample="Menu",
        ),
        Field(
            "url",
            "URL of the web page.",
            create_only=True,
            required_by_api=True,
            normalize=_url,
            validator=length(1),
            sample="https://menu.example.com",
            changed="https://menu.example.com/today",
        ),
        Field(
            "target_bundle_id",
            "Bundle ID of the app that opens the web page.",
            create_only=True,
            required_by_api=True,
            validator=length(1),
            sample="com.apple.mobilesafari",
        ),
        Field(
            "target_bundle_name",
            "Name of the app that opens the web page.",
            create_only=True,
            required_by_api=True,
            validator=length(1),
            sample="Safari",
        ),
        Field(
            "full_screen",
            "If V(true), the web page fills the screen, without the controls of the app.",
            api="is_full_screen",
            type="bool",
            create_only=True,
            create_default=False,
            returns="Whether the web page fills the screen.",
            sample=True,
        ),
        Field(
            "removable",
            "If V(true), users can remove the webclip.",
            api="is_removable",
            type="bool",
            create_only=True,
            create_default=True,
            returns="Whether users can remove the webclip.",
            sample=False,
        ),
        Field(
            "icon_url",
            "Link to the icon, without the query that grants access. Null if the webclip has no icon.",
            normalize=without_query,
            writable=False,
            sample="https://storage.example.com/icons/menu.png",
        ),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("created_by", "ID of the user who created it.", writable=False, sample="12"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_by", "ID of the user who changed it last.", writable=False, sample="12"),
    ),
)
