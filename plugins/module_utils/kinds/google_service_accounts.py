# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service account of the tenant at Google.

Based on /v2/emm/accounts/ of the contract (v2.yaml), whose list has at most one. No operation changes or deletes it.
"""

from __future__ import annotations

from ..base.row import Row
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape

GOOGLE_ACCOUNTS = Kind(
    name="google_service_account",
    title="Google service account",
    plural="google_service_accounts",
    routes=Routes(list="/v2/emm/accounts/", page_size=None, name_filter=""),
    shape=Shape.READ_ONLY,
    name_key="key_id",
    id_key="key_id",
    fields=(
        Field("key_id", "ID of the key.", sample="4f1c0d9e2b"),
        Field("google_enterprise_id", "ID of the Google enterprise at Google.", sample="LC02k9x4pz"),
        Field("name", "Name of the service account.", sample="esper@example.iam.gserviceaccount.com"),
        Field("type", "Type of the key, as a number of the Esper API.", type="int", sample=1),
        Field("public_data", "Public key.", sample="MIIC+zCCAeOgAwIBAgIIQ0..."),
        Field("is_set", "Whether the key is set.", type="bool", sample=True),
        Field("is_active", "Whether the key is active.", type="bool", sample=True),
        Field("is_synced_to_scapi", "Value of the Esper API, which does not document it.", type="bool", sample=True),
        Field("created_at", "Time of creation.", sample="2026-03-01T09:30:00Z"),
        Field("updated_at", "Time of the last change.", sample="2026-03-01T09:30:00Z"),
        Field("data", secret=True),
    ),
)
ACCOUNT_FIELDS = tuple(field for field in GOOGLE_ACCOUNTS.fields if not field.secret)


def read_account(view: TenantView) -> Row | None:
    """Return the service account, None if there is none."""
    return next(iter(view.list_objects(GOOGLE_ACCOUNTS)), None)
