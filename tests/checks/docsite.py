# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site from the guides and from the documentation of the plugins, without warnings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

from environments import docs
from stage import CHECKOUT, stage

OUTPUT = CHECKOUT / ".ansible" / "site"
REPOSITORY = "https://github.com/ansible-collections/esper.cloud"
SITE = "https://ansible-collections.github.io/esper.cloud"

# The kinds of plugins in the names of their pages, for each directory of plugins.
PLUGINS = {"modules": "module", "inventory": "inventory", "connection": "connection", "lookup": "lookup"}
PLUGINS["callback"] = "callback"

_CODE = re.compile(r"^```.*?^```$", re.M | re.S)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_TITLED_LINK = re.compile(r"\[([^]]+)\]\(([^)\s]+)\)")


def site_target(page: str, link: str) -> str:
    """Return the target of a link on a page of the site: another page of the site, or the file on GitHub."""
    path, _separator, anchor = link.partition("#")
    for prefix in (f"{REPOSITORY}/blob/main/", f"{REPOSITORY}/tree/main/"):
        path = path.replace(prefix, "/")
    if path.startswith(f"{SITE}/"):
        path = path.removeprefix(f"{SITE}/") or "index.html"
        return _with_anchor(path.replace(".html", ".rst" if path.startswith("reference/") else ".md"), anchor)
    if path.startswith(("https://", "http://")) or not path:
        return link
    path = os.path.normpath(path[1:] if path.startswith("/") else PurePosixPath(page).parent / path)
    if path == "README.md":
        return _with_anchor("overview.md", anchor)
    if re.fullmatch(r"docs/[\w-]+\.md", path):
        return _with_anchor(path.removeprefix("docs/"), anchor)
    if role := re.fullmatch(r"roles/(\w+)/README\.md", path):
        return f"reference/{role[1]}_role.rst"
    return _with_anchor(f"{REPOSITORY}/blob/main/{path}", anchor)


def _with_anchor(target: str, anchor: str) -> str:
    return f"{target}#{anchor}" if anchor else target


def site_page(page: str, text: str, known: dict[str, str]) -> str:
    """Return the text of a page for the site, with links to the pages of the plugins in ``known``."""

    def prose(part: str) -> str:
        part = _LINK.sub(lambda found: f"]({site_target(page, found[1])})", part)
        # A name in a link or in a heading stays as it is.
        lines = (line if line.startswith("#") else _linked(line, known) for line in part.split("\n"))
        return "\n".join(lines)

    position, parts = 0, []
    for block in _CODE.finditer(text):
        parts += [prose(text[position : block.start()]), block[0]]
        position = block.end()
    return "".join([*parts, prose(text[position:])])


def _linked(line: str, known: dict[str, str]) -> str:
    return re.sub(
        r"(?<!\[)`esper\.cloud\.(\w+)`(?!\])",
        lambda found: f"[{found[0]}](reference/{known[found[1]]}.rst)" if found[1] in known else found[0],
        line,
    )


def plugin_pages() -> dict[str, str]:
    """Return the page of each plugin and role by its name."""
    found = {
        path.stem: f"{path.stem}_{kind}"
        for folder, kind in PLUGINS.items()
        for path in (CHECKOUT / "plugins" / folder).glob("*.py")
    }
    return found | {path.name: f"{path.name}_role" for path in (CHECKOUT / "roles").iterdir()}


def navigation(text: str, page: str) -> str:
    """Return the navigation of the site: for each section of the index, the pages that its table or list links to."""
    trees, found = [], set[str]()
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        entries = []
        for name, link in _TITLED_LINK.findall(section):
            target = site_target(page, link)
            # A link to a section is not another page.
            if not target.startswith("https://") and "#" not in target and target not in found:
                found.add(target)
                entries.append(f"{name} <{target.rpartition('.')[0]}>")
        if entries:
            title = section.partition("\n")[0]
            trees.append("\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *entries, "```", ""]))
    return "\n".join(trees)


def write_guides(source: Path) -> None:
    """Write the guides for the site: the index with the navigation, the README as an overview, and the others."""
    known = plugin_pages()
    for path in sorted((CHECKOUT / "docs").glob("*.md")):
        page = f"docs/{path.name}"
        text = path.read_text(encoding="utf-8")
        trees = navigation(text, page) if path.stem == "index" else ""
        (source / path.name).write_text(site_page(page, text, known) + trees, encoding="utf-8")
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (source / "overview.md").write_text(site_page("README.md", readme, known), encoding="utf-8")


def main() -> int:
    """Return 0 if the site is built without a warning."""
    environment = docs()
    environment.install("docs", log=sys.stdout)
    collections = stage().parents[2]
    variables = environment.variables(collections)
    source, html = OUTPUT / "source", OUTPUT / "html"
    shutil.rmtree(OUTPUT, ignore_errors=True)
    reference = source / "reference"
    reference.mkdir(parents=True)
    shutil.copytree(CHECKOUT / "docs" / "docsite" / "static", source / "static")
    write_guides(source)
    plugins = ["antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error"]
    # With breadcrumbs, the navigation of each page would list all plugins.
    plugins += ["--no-breadcrumbs", "--no-add-antsibull-docs-version", "--dest-dir", str(reference), "esper.cloud"]
    pages = ["sphinx-build", "-b", "html", "-j", "2", "-q", "-W", "--keep-going", "-d", str(OUTPUT / "doctrees")]
    pages += ["-c", str(CHECKOUT / "docs" / "docsite"), str(source), str(html)]
    for command in (plugins, pages):
        if code := subprocess.run(command, env=variables, check=False).returncode:
            return code
    print(f"The site is in {html.relative_to(CHECKOUT)}: open index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
