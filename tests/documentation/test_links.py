# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links, paths and names on the pages exist."""

from __future__ import annotations

import functools
import os
import re
import sys
import typing as t
from pathlib import PurePosixPath

import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import OPTIONS
from ansible_collections.esper.cloud.tests.documentation.pages import ROOT, anchors, blocks, code_spans, links, pages

sys.path.insert(0, str(ROOT / "tests" / "checks"))

from docsite import SITE, navigation, site_page, site_target

GALAXY: dict[str, t.Any] = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
GUIDES = [page for page in pages() if page.startswith("docs/") and page != "docs/index.md"]
# The hosts of other projects that pages link to. Their pages are not checked.
OTHER_HOSTS = {
    "business.apple.com",
    "docs.ansible.com",
    "forum.ansible.com",
    "help.esper.io",
    "identity.apple.com",
    "pypi.org",
    "semver.org",
    "www.esper.io",
}
# Issues of other projects.
OTHER_REPOSITORIES = ("https://github.com/ansible/awx/issues/",)
_VARIABLES = {"ESPER_IN_PROCESS"}
_OWN_FOLDERS = "plugins|tests|docs|tools|meta|playbooks|roles|examples|changelogs"


def _target(page: str, link: str) -> str:
    """Return the path that a link of a page leads to, with its anchor, or "" if it leads to another site."""
    repository = GALAXY["repository"]
    for kind in ("blob", "tree"):
        if link.startswith(f"{repository}/{kind}/main/"):
            return link.removeprefix(f"{repository}/{kind}/main/")
    if link.startswith(f"{SITE}/"):
        return _site_source(link.removeprefix(f"{SITE}/"))
    if link.startswith(f"{repository}/actions/workflows/"):
        return f".github/workflows/{link.split('/workflows/')[1].split('/')[0]}"
    if link.startswith(("http://", "https://")):
        return ""
    if link.startswith("#"):
        return page + link
    return os.path.normpath(PurePosixPath(page).parent / link)


def _site_source(path: str) -> str:
    """Return the file that a page of the documentation site is made from."""
    if path in ("", "index.html", "reference/index.html"):
        return "docs/index.md"
    if plugin := re.fullmatch(r"reference/(\w+)_([a-z]+)\.html", path):
        folder = "modules" if plugin[2] == "module" else plugin[2]
        return f"roles/{plugin[1]}/README.md" if folder == "role" else f"plugins/{folder}/{plugin[1]}.py"
    return f"docs/{path.removesuffix('.html')}.md"


@pytest.mark.parametrize("page", pages())
def test_links_lead_to_files_and_headings(page: str) -> None:
    broken = []
    for link in links(page):
        path, _separator, anchor = _target(page, link).partition("#")
        if (path and not (ROOT / path).exists()) or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", pages())
def test_other_sites_are_known(page: str) -> None:
    urls = [link for link in links(page) if link.startswith("http") and not _target(page, link)]
    own = (GALAXY["issues"], *OTHER_REPOSITORIES)
    assert [url for url in urls if not url.startswith(own) and url.split("/")[2] not in OTHER_HOSTS] == []


def test_galaxy_links_to_the_documentation() -> None:
    assert (ROOT / _target("", GALAXY["documentation"])).exists()


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_all_guides_are_listed(page: str) -> None:
    listed = {_target(page, link).partition("#")[0] for link in links(page)}
    assert [guide for guide in GUIDES if guide not in listed] == []


@pytest.mark.parametrize("page", pages())
def test_paths_of_files_exist(page: str) -> None:
    paths = [span for span in code_spans(page) if re.fullmatch(rf"({_OWN_FOLDERS})/[\w./-]+", span)]
    # Names in capitals stand for any file.
    missing = [path for path in paths if not re.search(r"/[A-Z]+[./]", path) and not (ROOT / path).exists()]
    assert [path for path in missing if not path.startswith("tests/output")] == []


@functools.cache
def api_paths() -> set[str]:
    """Return the paths of the contract, with {} for each parameter."""
    found: set[str] = set()
    for file in (
        *(ROOT / "tests" / "contract" / "api").glob("*.yaml"),
        ROOT / "tests" / "contract" / "unpublished.yaml",
    ):
        found |= set(re.findall(r"^ +[\"']?(/[^\s\"']*?)[\"']?:(?: |$)", file.read_text(encoding="utf-8"), re.M))
    return {re.sub(r"\{\w+\}", "{}", path).removeprefix("/api").rstrip("/") for path in found}


@pytest.mark.parametrize("page", pages())
def test_api_paths_are_in_the_contract(page: str) -> None:
    spans = [re.sub(r"^[A-Z]+ ", "", span) for span in code_spans(page)]
    paths = [span for span in spans if re.match(r"/(v\d|enterprise|user)\b", span)]
    assert [path for path in paths if re.sub(r"\{\w+\}", "{}", path).rstrip("/") not in api_paths()] == []


@pytest.mark.parametrize("page", pages())
def test_names_of_content_exist(page: str) -> None:
    known = {
        path.stem
        for folder in ("modules", "inventory", "connection", "lookup", "callback")
        for path in (ROOT / "plugins" / folder).glob("*.py")
    }
    known |= {path.name for path in (ROOT / "roles").iterdir()} | {
        path.stem for path in (ROOT / "playbooks").glob("*.yml")
    }
    known |= {path.stem for path in (ROOT / "extensions" / "eda").rglob("*") if path.suffix in (".py", ".yml")}
    known |= {"esper", "git"}  # the action group, and the name of the repository
    text = pages()[page]
    assert {name for name in re.findall(r"\besper\.cloud\.([a-z_]+)", text) if name not in known} == set()


@pytest.mark.parametrize("page", pages())
def test_environment_variables_exist(page: str) -> None:
    known = {name for option in OPTIONS for name in option.env} | _VARIABLES
    assert set(re.findall(r"\bESPER_[A-Z_]+\b", pages()[page])) - known == set()


def test_the_site_links_to_its_own_pages() -> None:
    assert site_target("docs/inventory.md", "awx.md#project") == "awx.md#project"
    assert site_target("docs/inventory.md", "../README.md#connection-options") == "overview.md#connection-options"
    assert site_target("docs/index.md", "../roles/app_release/README.md") == "reference/app_release_role.rst"
    assert site_target("README.md", f"{GALAXY['repository']}/blob/main/docs/awx.md") == "awx.md"
    assert site_target("README.md", f"{SITE}/reference/app_module.html") == "reference/app_module.rst"
    assert site_target("README.md", f"{SITE}/") == "index.md"
    assert site_target("docs/index.md", "../SECURITY.md") == f"{GALAXY['repository']}/blob/main/SECURITY.md"
    text = "`esper.cloud.app` and `esper.cloud.git`\n```yaml\n- esper.cloud.app: {}\n# `esper.cloud.app`\n```\n"
    linked = text.replace("`esper.cloud.app` and", "[`esper.cloud.app`](reference/app_module.rst) and")
    assert site_page("docs/index.md", text, {"app": "app_module"}) == linked


def test_the_navigation_of_the_site_has_all_guides() -> None:
    trees = navigation(pages()["docs/index.md"], "docs/index.md")
    entries = set(re.findall(r"^.+ <(.+)>$", trees, re.M))
    assert entries == {PurePosixPath(guide).stem for guide in GUIDES} | {"overview", "reference/index"}


def test_the_readme_has_the_form_that_certification_requires() -> None:
    readme = pages()["README.md"]
    assert [link for link in links("README.md") if not link.startswith("https://")] == []
    assert re.findall(r"pip3? install .*ansible", readme) == []
    headings = re.findall(r"^## (.+)$", readme, re.M)
    needed = [
        "Requirements",
        "Installation",
        "Testing",
        "Support and limits",
        "Release notes and versioning",
        "License",
    ]
    assert [heading for heading in headings if heading in needed] == needed


def test_code_blocks_have_a_language() -> None:
    assert [str(block) for block in blocks() if not block.language] == []
