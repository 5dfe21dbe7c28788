# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps in the App Store of Apple, of which the tenant need not have any.

Based on /v2/appleappstore/ of the contract (v2.yaml), a list without limit.
"""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.reader import Reader
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading


class AppStoreReader(Reader):
    """Reads apps in the App Store. Esper cannot filter them by bundle ID."""

    def read_rows(self, params: Params) -> list[Row]:
        """Return the apps that the options select."""
        rows = super().read_rows(params)
        return [row for row in rows if params["bundle_id"] in (None, row[self.kind.id_key])]


APP_STORE = plain_reading(
    name="app_store",
    title="App Store app",
    plural="apps",
    short_description="Search for apps in the App Store with Esper",
    doc="Searches for apps in the App Store of Apple, for example to find the bundle ID of an app.",
    routes=Routes(list="/v2/appleappstore/", page_size=None, name_filter=""),
    id_key="bundle_id",
    reader=AppStoreReader,
    options=(
        Option("title", "Text to search for in the titles of apps.", required=True, identifier=True, query="title"),
        Option("bundle_id", "Only returns the app with this bundle ID, case-sensitive.", identifier=True),
    ),
    seealso=("vpp_app_info", "preferred_region"),
    fields=(
        Field("name", "Name of the app.", sample="Example Scanner"),
        Field("bundle_id", "Bundle ID of the app.", sample="com.example.scanner"),
        Field("seller", "Seller of the app.", api="seller_name", sample="Example Ltd."),
        Field("minimum_os", "Minimum version of the operating system.", sample="16.0"),
        Field("release_date", "Time of the release.", sample="2026-01-10T08:00:00Z"),
        Field("size", "Size of the app in bytes.", api="file_size_in_bytes", type="int", sample=52428800),
        Field(
            "url",
            "URL of the app in the App Store.",
            api="app_store_url",
            sample="https://apps.apple.com/app/id462054704",
        ),
        Field("icon", "URL of the icon.", sample="https://apps.apple.com/icon/com.example.scanner.png"),
    ),
)
