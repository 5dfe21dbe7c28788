# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages quote the messages that the collection prints. Each one is provoked: see messages.yml."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.documentation.pages import Block, blocks, pages, with_messages
from ansible_collections.esper.cloud.tests.documentation.provoke import Ansible, cases, provoke

if t.TYPE_CHECKING:
    from process import Simulator

QUOTED = [block for block in blocks() if block.mark == "message"]


@pytest.fixture(scope="session")
def messages(
    simulator: Simulator, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> dict[str, str]:
    simulator.reset()
    provoked = provoke(Ansible(simulator, tmp_path_factory.mktemp("messages")))
    if checkout := pytestconfig.getoption("--write-messages"):
        for page, text in pages().items():
            (Path(checkout) / page).write_text(with_messages(text, provoked), encoding="utf-8")
    return provoked


@pytest.mark.parametrize("block", QUOTED, ids=[f"{block.page}-{block.value}" for block in QUOTED])
def test_a_page_quotes_the_message_that_is_printed(
    block: Block, messages: dict[str, str], pytestconfig: pytest.Config
) -> None:
    if pytestconfig.getoption("--write-messages"):
        pytest.skip("The pages were written.")
    assert " ".join(block.text.split()) == messages[block.value], (
        "Update the pages: python -m pytest tests/documentation --write-messages CHECKOUT"
    )


def test_each_message_is_quoted() -> None:
    assert {block.value for block in QUOTED} == set(cases())


def test_each_text_is_a_message_that_is_provoked() -> None:
    # Other output is in blocks of the language `console`.
    assert [str(block) for block in blocks() if block.language == "text" and block.mark != "message"] == []
