# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields bring values from playbooks to the API and back, ."""

from __future__ import annotations

from ansible_collections.esper.cloud.plugins.module_utils.base.validators import between, email, length
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import argument_spec_for, writable

MASK = "********"

POLICY = Field(
    "settings",
    api="policy",
    type="dict",
    fields=(
        Field("kiosk_mode", api="kioskMode", type="bool"),
        Field("least", type="int", validator=between(4, 10)),
        Field("numbers", type="list", elements="str", list_type="set", validator=length(1, 3)),
        Field(
            "accounts",
            type="list",
            elements="dict",
            fields=(Field("mail", api="eMail", validator=email), Field("kind", choices=("USER", "ADMIN"))),
        ),
        Field("lock", type="dict", fields=(Field("pin", secret=True), Field("tries", type="int"))),
    ),
)


def test_the_options_of_a_module_follow_from_its_fields() -> None:
    (spec,) = argument_spec_for(writable([POLICY, Field("id", writable=False)])).values()
    assert spec["type"] == "dict"
    assert spec["options"]["numbers"] == {"type": "list", "elements": "str"}
    assert spec["options"]["accounts"]["options"]["kind"] == {"type": "str", "choices": ["USER", "ADMIN"]}
    assert spec["options"]["lock"]["options"]["pin"] == {"type": "str", "no_log": True}


def test_what_was_not_said_is_left_out() -> None:
    said = {"kiosk_mode": None, "accounts": [{"mail": "a@b", "kind": None}], "lock": {"pin": None, "tries": 0}}
    assert POLICY.normalize_input(said) == {"accounts": [{"mail": "a@b"}], "lock": {"tries": 0}}
