# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subscriptions of email addresses to the daily report.

Based on /enterprise/report/subscription/ of the contract (legacy.yaml). A subscription has no name.

Choice: the subscriptions in the list belong to the tenant, not only to the user of the API key.
Choice: a subscription is the one that has at least one of the email addresses of the task, in upper or lower case.
Choice: the limit of 10 addresses, which the contract documents for POST and PUT, also applies to PATCH.
"""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.validators import email, max_items
from ..engine.lookup import Lookup
from ..model.field import Field
from ..model.kind import Routes
from ..model.plain import plain_kind


class SubscriptionLookup(Lookup):
    """Finds report subscriptions by their email addresses."""

    def task_key(self, params: Params) -> str:
        """Return the email addresses in the task, or the ID if there are none."""
        return ", ".join(sorted(params["emails"])) if params.get("emails") else str(params["id"])

    def find(self, params: Params) -> Row | None:
        """Return the subscription with the ID, or with at least one of the email addresses, or None.

        Raise Ambiguous if there are several, InvalidParameter if the task would also delete other addresses.
        """
        if params.get("id") is not None:
            return self.find_by_id(str(params["id"]))
        emails = _keys_of(params["emails"])
        rows = self.find_by_keys(emails)
        if params.get("state") == "absent":
            same = [row for row in rows if emails == _keys_of(row["email_ids"])]
            if rows and not same:
                raise InvalidParameter(
                    f"The {self.kind.phrase(rows[0])} has other email addresses than the task, so it is not deleted."
                    " List all of its addresses, or set id."
                )
            rows = same
        return self.one_or_none(rows, self.task_key(params))


def _keys_of(emails: t.Any) -> set[str]:
    return {str(email).casefold() for email in emails} if isinstance(emails, list) else set()


def _label(row: Row) -> str:
    emails = row.get("email_ids")
    return ", ".join(map(str, emails)) if isinstance(emails, list) and emails else str(row.get("id"))


REPORT_SUBSCRIPTION = plain_kind(
    name="report_subscription",
    doc=(
        "Esper sends the daily report to the email addresses of report subscriptions.",
        "A subscription has no name. If O(id) is omitted, it is the one that has at least one of O(emails), in"
        " upper or lower case.",
    ),
    keys=("emails",),
    info_short_description="Get Esper report subscriptions",
    lookup=SubscriptionLookup,
    find_keys=lambda row: _keys_of(row.get("email_ids")),
    label=_label,
    routes=Routes(
        list="/enterprise/report/subscription/", object="/enterprise/report/subscription/{id}/", name_filter=""
    ),
    fields=(
        Field("id", "ID of the report subscription.", type="int", writable=False, sample=12),
        Field(
            "emails",
            "Email addresses that get the report. Compared without order. If O(state=absent), all addresses of the"
            " subscription.",
            api="email_ids",
            type="list",
            elements="str",
            list_type="set",
            identifier=True,
            validator=email,
            list_validator=max_items(10, empty=False),
            required_by_api=True,
            returns="Email addresses that get the report.",
            sample=["operations@example.com"],
        ),
        Field(
            "subscribed",
            "If V(true), Esper sends the report. If V(false), the subscription is paused.",
            api="is_subscribed",
            type="bool",
            create_default=True,
            returns="Whether Esper sends the report.",
            sample=True,
        ),
        Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
    ),
)
