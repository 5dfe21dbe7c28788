# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every law with every kind that it applies to."""

from __future__ import annotations

import pytest
from ansible_collections.esper.cloud.tests.laws.laws import LAWS, Law
from ansible_collections.esper.cloud.tests.laws.subjects import Subject, subjects
from ansible_collections.esper.cloud.tests.laws.world import World

CASES = [
    pytest.param(subject, law, id=f"{subject}-{law.name}")
    for subject in subjects()
    for law in LAWS.values()
    if not law.reason(subject)
]


@pytest.mark.parametrize(("subject", "law"), CASES)
def test_law(world: World, subject: Subject, law: Law) -> None:
    law.test(world, subject)
