# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of Sphinx for the documentation site: see tests/checks/docsite.py."""

from __future__ import annotations

from docutils.nodes import Element, reference
from sphinx.application import Sphinx

project = "esper.cloud"
project_copyright = "esper.cloud contributors"
html_title = "esper.cloud"

# No intersphinx, because it reads files of other sites while the site is built.
extensions = ["myst_parser", "sphinx_antsibull_ext"]

# GitHub derives the same anchors from headings.
myst_heading_anchors = 4

pygments_style = "ansible"
highlight_language = "YAML+Jinja"

html_theme = "sphinx_ansible_theme"
html_theme_options = {"display_version": False}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_sourcelink = False
html_use_index = False
html_use_modindex = False

nitpicky = True

_ANSIBLE = "https://docs.ansible.com/ansible/latest"
_LABELS = {
    "action_plugins": "plugins/action.html",
    "callback_plugins": "plugins/callback.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def _ansible_url(kind: str, target: str) -> str:
    """Return the page of Ansible's documentation for a reference, or "" if there is none."""
    if kind == "envvar" and target.startswith("ANSIBLE_"):
        return f"{_ANSIBLE}/reference_appendices/config.html#envvar-{target}"
    builtin = "ansible_collections.ansible.builtin."
    if target.startswith(builtin):
        return f"{_ANSIBLE}/collections/ansible/builtin/{target.removeprefix(builtin)}.html"
    return f"{_ANSIBLE}/{_LABELS[target]}" if target in _LABELS else ""


def _resolve(_app: Sphinx, _environment: object, node: Element, content: Element) -> Element | None:
    """Return a link to Ansible's documentation for a reference that this site does not have."""
    url = _ansible_url(node.get("reftype", ""), node.get("reftarget", ""))
    return reference("", "", content, refuri=url, internal=False) if url else None


def setup(app: Sphinx) -> None:
    """Resolve references to Ansible's documentation."""
    app.connect("missing-reference", _resolve)
