# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Garbage collection while a large inventory is built and used.

The garbage collector of Python examines all objects that can be part of a cycle, again and again. The hosts of a large
fleet are many such objects, and live until the program ends.
"""

from __future__ import annotations

import contextlib
import gc
import typing as t
import weakref

# The group "all" of the inventory that is excluded from collections. The inventory itself can come in a new wrapper.
_frozen_root: weakref.ref[t.Any] | None = None


@contextlib.contextmanager
def without_collections(inventory: t.Any) -> t.Iterator[None]:
    """Suspend garbage collection, and exclude what was built from later collections.

    An inventory that is refreshed is built again from nothing. What is left of the one before is collected first.
    """
    global _frozen_root
    if not gc.isenabled():
        yield
        return
    root = inventory.groups["all"]
    if _frozen_root is not None and _frozen_root() is not root:
        gc.unfreeze()
        gc.collect()
        _frozen_root = None
    gc.disable()
    try:
        yield
        gc.freeze()
        _frozen_root = weakref.ref(root)
    finally:
        gc.enable()
