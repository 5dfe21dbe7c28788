# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all threads that are started here have in common."""

from __future__ import annotations

import contextlib
import signal
import typing as t


@contextlib.contextmanager
def without_signals() -> t.Iterator[None]:
    """Threads that are started within leave signals to those that there are.

    Python handles a signal in the main thread, and a signal that another one gets does not wake that: Ctrl-C would take
    effect when the service answers, if it does. ansible-core sends several at once, which the system spreads out.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
