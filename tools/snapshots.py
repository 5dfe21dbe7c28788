# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the options and return values of all plugins with the snapshots in tests/snapshots, or rewrite the snapshots.

Descriptions, examples and samples are not part of a snapshot.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Tree = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1]
SNAPSHOTS = ROOT / "tests" / "snapshots"
NAMESPACE = "esper.cloud"
INVENTORY = "devices"
LOOKUP = "id"

# Attributes of an option that the documentation and the argument spec share. "options" has another name in each.
SHARED = ("aliases", "choices", "default", "elements", "required", "type")
RULES = ("mutually_exclusive", "required_by", "required_if", "required_one_of", "required_together")


def argument_spec(module: str) -> tuple[Tree, Tree]:
    """Return the argument spec of a module and the rules between its options."""
    # The only imports from the collection. They change if the collection moves these two functions.
    from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
    from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
    from ansible_collections.esper.cloud.plugins.module_utils.module import argument_spec

    if module not in MODULES:  # device_facts is an action plugin alone.
        return {}, {}
    task = definition_of(module)
    return argument_spec(task), task.rules


def main() -> int:
    """Return 1 if a snapshot differs."""
    parser = argparse.ArgumentParser(prog="python tools/snapshots.py", description=__doc__)
    parser.add_argument("--write", action="store_true", help="rewrite the snapshots")
    write = parser.parse_args().write
    collections = collections_path()
    sys.path.insert(0, str(collections))

    names = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
    modules = documentation("module", names, collections)
    inventory = documentation("inventory", [INVENTORY], collections)
    options = {f"{name} (module)": module_options(name, modules[name]) for name in names}
    lookup = documentation("lookup", [LOOKUP], collections)[LOOKUP]
    options[f"{INVENTORY} (inventory)"] = documented(inventory[INVENTORY]["doc"])
    options[f"{LOOKUP} (lookup)"] = documented(lookup["doc"])
    returns = {f"{name} (module)": documented_returns(modules[name]["return"]) for name in names}
    returns[f"{LOOKUP} (lookup)"] = documented_returns(lookup["return"])
    trees = {"options.json": options, "returns.json": returns}
    texts = {SNAPSHOTS / name: json.dumps(tree, indent=2, sort_keys=True) + "\n" for name, tree in trees.items()}
    same = [compare_or_write(path, text, write) for path, text in texts.items()]
    return 0 if all(same) else 1


def collections_path() -> Path:
    """Return the directory that contains the collection below ansible_collections, staged if necessary."""
    if ROOT.parts[-3:] == ("ansible_collections", "esper", "cloud"):
        return ROOT.parents[2]
    sys.path.append(str(ROOT / "tests" / "checks"))
    from stage import COLLECTIONS, stage

    stage()
    return COLLECTIONS


def documentation(plugin_type: str, names: Iterable[str], collections: Path) -> Tree:
    """Return the documentation of plugins, with documentation fragments merged, by the name of the plugin."""
    program = Path(sys.executable).parent / "ansible-doc"
    with TemporaryDirectory() as home:
        output = subprocess.check_output(  # noqa: S603 - no argument comes from a user
            [program, "--json", "--type", plugin_type, *(f"{NAMESPACE}.{name}" for name in names)],
            env=os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_HOME": home},
            text=True,
        )
    found = {name.removeprefix(f"{NAMESPACE}."): plugin for name, plugin in json.loads(output).items()}
    if missing := set(names) - set(found):
        sys.exit(f"ansible-doc did not return the documentation of {', '.join(sorted(missing))}.")
    return found


def module_options(name: str, plugin: Tree) -> Tree:
    """Return the options of a module, as documented and in the argument spec."""
    spec, rules = argument_spec(name)
    return documented(plugin["doc"]) | {"argument_spec": spec_options(spec)} | named_rules(rules)


def documented(doc: Tree) -> Tree:
    """Return the documented options of a plugin and the support of its attributes."""
    attributes = doc.get("attributes") or {}
    return {
        "attributes": {name: attribute["support"] for name, attribute in attributes.items()},
        "documented": documented_options(doc["options"]),
    }


def documented_options(options: Tree) -> Tree:
    """Return documented options without prose."""
    result = {}
    for name, option in options.items():
        result[name] = shared_attributes(option)
        for source in ("cli", "env", "ini", "vars"):
            if source in option:
                result[name][source] = [without_prose(each) for each in option[source]]
        if option.get("suboptions"):
            result[name]["options"] = documented_options(option["suboptions"])
    return result


def spec_options(options: Tree) -> Tree:
    """Return the options of an argument spec, the names of environment variables included."""
    result = {}
    for name, option in options.items():
        unknown = set(option) - {*SHARED, *RULES, "fallback", "no_log", "options"}
        if unknown:
            sys.exit(f"The snapshots do not cover these attributes of the option {name}: {', '.join(sorted(unknown))}")
        result[name] = shared_attributes(option) | named_rules(option)
        if option.get("no_log") is not None:
            result[name]["no_log"] = option["no_log"]
        if "fallback" in option:
            result[name]["env"] = list(option["fallback"][1])
        if option.get("options"):
            result[name]["options"] = spec_options(option["options"])
    return result


def shared_attributes(option: Tree) -> Tree:
    """Return the attributes of an option that are set, and its type."""
    result = {"type": "str"} | {name: option[name] for name in SHARED if option.get(name)}
    # False and an empty list are defaults like others.
    if option.get("default") is not None:
        result["default"] = option["default"]
    if "choices" in result:
        # In the documentation, choices can be a dictionary with a description of each.
        result["choices"] = list(result["choices"])
    return result


def named_rules(rules: Tree) -> Tree:
    """Return the rules between options in a stable order."""
    result: Tree = {}
    for name in RULES:
        if rules.get(name):
            value = rules[name]
            result[name] = value if isinstance(value, dict) else sorted(value, key=json.dumps)
    return {"rules": result} if result else {}


def documented_returns(returns: Tree) -> Tree:
    """Return documented return values without prose."""
    result = {}
    for name, value in (returns or {}).items():
        result[name] = {key: value[key] for key in ("choices", "elements", "type") if value.get(key)}
        if value.get("contains"):
            result[name]["contains"] = documented_returns(value["contains"])
    return result


def without_prose(source: Tree) -> Tree:
    """Return a source of the value of an option, such as an environment variable."""
    return {key: value for key, value in source.items() if key in ("key", "name", "section")}


def compare_or_write(path: Path, text: str, write: bool) -> bool:
    """Write a snapshot, or print how it differs and return whether it is the same."""
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return True
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    shown = str(path.relative_to(ROOT))
    lines = before.splitlines(keepends=True), text.splitlines(keepends=True)
    sys.stdout.writelines(difflib.unified_diff(*lines, f"{shown} (snapshot)", f"{shown} (now)"))
    return before == text


if __name__ == "__main__":
    sys.exit(main())
