# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Common parts of the checks that run Ansible against a simulated tenant."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stage import CHECKOUT

sys.path.append(str(CHECKOUT / "tests" / "simulator"))
from contract import Contract
from process import Simulator

__all__ = ["Contract", "Simulator", "variables"]


def variables(simulator: Simulator, **others: str | Path) -> dict[str, str]:
    """Return environment variables for the simulated tenant, without those for other tenants."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ESPER_")}
    no_proxy = own.get("no_proxy") or own.get("NO_PROXY")
    return own | {
        "ESPER_API_KEY": simulator.key,
        "ESPER_API_URL": simulator.url,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "no_proxy": f"127.0.0.1,{no_proxy}" if no_proxy else "127.0.0.1",
        **{name: str(value) for name, value in others.items()},
    }
