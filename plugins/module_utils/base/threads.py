# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals and threads."""

from __future__ import annotations

import contextlib
import signal
import typing as t


@contextlib.contextmanager
def block_signals() -> t.Iterator[None]:
    """Block all signals in the threads that are started in this context.

    Python handles signals in the main thread. A signal that another thread receives does not interrupt the main thread,
    so Ctrl-C would take effect only after a response. ansible-core sends several signals at once, and the operating
    system distributes them over the threads.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
