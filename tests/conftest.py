# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Exclude the tests themselves from garbage collection. They live until the end, and are a million objects."""
    gc.collect()
    gc.freeze()
