# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the language finds wrong texts, and no right ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "checks"))

from language import Rules, check

RULES = Rules.load()
TASKS = """
- name: {play}
  hosts: localhost
  tasks:
    - name: {block}
      block:
        - name: {task}
          esper.cloud.device_group:
            name: They are data
      always:
        - name: Read the journal
          ansible.builtin.include_tasks: journal.yml
"""
MODULE = '''
DOCUMENTATION = r"""
short_description: {short}
description:
  - {sentence}
"""
'''
SENTENCE = "The module reads " + "one more word " * 7 + "here."


@pytest.mark.parametrize(
    ("path", "text", "phrase"),
    [
        ("docs/guide.md", "The service tells that.", "tells"),
        ("docs/guide.md", "A device\nthat is there.", "that is there"),
        ("tests/unit/test_x.py", "# It sees\n# to it.\n", "sees # to it"),
        ("tests/unit/test_x.py", 'MESSAGE = "Lest it "\\\n    "be lost."\n', "Lest"),
        ("tests/unit/test_x.py", "def test_an_empty_name_is_refused() -> None: ...\n", "refused"),
        ("tests/unit/test_x.py", '"""What a device has."""\n', '"""What'),
        ("plugins/module_utils/x.py", 'raise Error(f"{name} is to be there")\n', "is to be"),
        ("changelogs/fragments/x.yml", "bugfixes:\n  - Retries honour the header.\n", "honour"),
        ("tests/simulator/README.md", "It starts anew.", "anew"),
    ],
)
def test_a_phrase_to_avoid_is_found(path: str, text: str, phrase: str) -> None:
    found = check(path, text, RULES)
    assert phrase in [finding.text for finding in found]
    assert all(finding.advice for finding in found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("docs/guide.md", "Esper returns HTTP 401. The server refused the connection."),
        ("docs/guide.md", "The Service desk gets a message.\n\nThat\n\nis there a device?"),
        ("tests/unit/test_x.py", 'told = {"begin": refused}  # the result\n'),
        ("tests/unit/test_x.py", "def test_an_empty_name_is_rejected() -> None: ...\n"),
        ("tests/contract/api/v2.yaml", "description: The service tells that.\n"),
        ("README.md", "A connection refused by the server."),
    ],
)
def test_a_plain_text_is_right(path: str, text: str) -> None:
    assert check(path, text, RULES) == []


def test_a_finding_has_the_line_and_the_advice() -> None:
    (finding,) = check("docs/guide.md", "Run it.\n\nIt runs\nanew.\n", RULES)
    assert str(finding) == "docs/guide.md:4: 'anew': \"again\""


def test_names_start_with_a_known_verb() -> None:
    names = {"play": "Restart kiosks", "block": "Test the module", "task": "Create a group"}
    assert check("playbooks/x.yml", TASKS.format(**names), RULES) == []
    for key in names:
        found = check("playbooks/x.yml", TASKS.format(**names | {key: "The group exists"}), RULES)
        assert [finding.text for finding in found] == ["The group exists"]


def test_names_in_a_guide_have_the_line_of_the_guide() -> None:
    block = "Text.\n\n```yaml\n- name: {name}\n  esper.cloud.converge:\n```\n"
    assert check("docs/x.md", block.format(name="Converge the devices"), RULES) == []
    (finding,) = check("docs/x.md", block.format(name="Devices converge"), RULES)
    assert finding.line == 4


@pytest.mark.parametrize(
    ("short", "advice"),
    [
        ("Manage roles in an Esper tenant", "leave out"),
        ("Manage the roles, the scopes, the users and the keys of Esper", "80 columns"),
        ("Manage Esper roles", ""),
    ],
)
def test_a_short_description_fits_into_a_list(short: str, advice: str) -> None:
    found = check("plugins/modules/role_of_esper.py", MODULE.format(short=short, sentence="Text."), RULES)
    assert [advice in finding.advice for finding in found] == [True] * bool(advice)


@pytest.mark.parametrize(("sentence", "number"), [(SENTENCE, 0), (SENTENCE.replace("here", "and here"), 1)])
def test_a_sentence_has_at_most_25_words(sentence: str, number: int) -> None:
    module = MODULE.format(short="Manage Esper roles", sentence=sentence)
    assert len(check("plugins/modules/role.py", module, RULES)) == number
    # Code, tables and lists of names do not count.
    guide = f"{sentence}\n\n```text\n{sentence * 3}\n```\n\n| {sentence * 3} |\n"
    assert len(check("docs/guide.md", guide, RULES)) == number
    assert check("docs/guide.md", f"Set {'`name`, ' * 30}or more.", RULES) == []
