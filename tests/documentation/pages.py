# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the pages of the documentation: their code blocks, links and headings."""

from __future__ import annotations

import functools
import re
import textwrap
import typing as t
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[a-z ]+): (?P<value>[^\n]+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
_LINK = re.compile(r"\]\(([^)\s]+)\)|<(https?://[^>\s]+)>")
_WIDTH = 118


@dataclass(frozen=True)
class Block:
    """A code block of a page, with the comment in the line before it: ``<!-- mark: value -->``."""

    page: str
    line: int
    language: str
    text: str
    mark: str
    value: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@functools.cache
def pages() -> dict[str, str]:
    """Return the text of each page by its path."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "roles").glob("*/README.md")]
    paths += [ROOT / "tests" / "benchmarks" / "README.md", ROOT / "tests" / "faults" / "MATRIX.md"]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}


@functools.cache
def blocks() -> tuple[Block, ...]:
    """Return the code blocks of all pages."""
    return tuple(
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            found["text"],
            found["mark"] or "",
            found["value"] or "",
        )
        for page, text in pages().items()
        for found in _BLOCK.finditer(text)
    )


def prose(page: str) -> str:
    """Return the text of a page without its code blocks."""
    return _BLOCK.sub("", pages()[page])


def links(page: str) -> list[str]:
    """Return the targets of the links of a page."""
    return [found[1] or found[2] for found in _LINK.finditer(prose(page))]


def code_spans(page: str) -> list[str]:
    """Return the texts in backticks of a page, without its code blocks."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def anchors(page: str) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub derives them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def with_messages(text: str, messages: t.Mapping[str, str]) -> str:
    """Return the text of a page with the messages of a run in the blocks that quote them."""

    def replaced(found: re.Match[str]) -> str:
        if found["mark"] != "message":
            return found[0]
        message = textwrap.fill(messages[found["value"]], _WIDTH, break_long_words=False, break_on_hyphens=False)
        return f"<!-- message: {found['value']} -->\n```{found['language']}\n{message}\n```"

    return _BLOCK.sub(replaced, text)
