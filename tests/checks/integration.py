# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the integration tests in a copy of the collection against a simulated tenant: in the controller's process, or as
modules if the first argument is "modules". With "exhaustive", also run the parts of the targets that `make test` omits.
The other arguments are targets and options of ansible-test.

All requests are checked against the contract afterwards. The simulator appends them to the file in the environment
variable SIMULATOR_JOURNAL, if it is set.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sent import flaws_in
from simulated import Simulator, variables
from stage import CHECKOUT

TESTS = CHECKOUT / "tests" / "integration"


def main() -> int:
    """Return the exit code of ansible-test, which also succeeds if there are no targets."""
    if not any(TESTS.glob("targets/*/tasks/main.yml")):
        sys.exit(f"There is no integration target in {TESTS}.")
    switches = ("modules", "exhaustive")
    arguments = [each for each in sys.argv[1:] if each not in switches]
    as_modules, exhaustive = (switch in sys.argv[1:] for switch in switches)
    options = ["--local", "--color", "no", "--continue-on-error"]
    command = ["ansible-test", "integration", *options, *arguments]
    with tempfile.TemporaryDirectory(prefix="esper-journal.") as directory:
        journal = Path(os.environ.get("SIMULATOR_JOURNAL") or Path(directory) / "journal.jsonl")
        if code := _run(command, journal, in_process=not as_modules, exhaustive=exhaustive):
            return code
        flaws = flaws_in(journal)
    print("\n".join(["Requests that the contract does not allow:", *flaws] if flaws else []))
    return 1 if flaws else 0


def _run(command: list[str], journal: Path, *, in_process: bool, exhaustive: bool) -> int:
    with Simulator(journal=str(journal)) as simulator:
        # ansible-test does not pass the environment variables of the collection to the targets.
        settings = {
            "esper_api_url": simulator.url,
            "esper_api_key": simulator.key,
            "simulator_enterprise_id": simulator.enterprise_id,
            "esper_in_process": in_process,
            "exhaustive": exhaustive,
            # ansible-test copies the targets to another directory.
            "examples_folder": str(CHECKOUT / "examples"),
            "apple_files": str(TESTS.parent / "simulator" / "apple_files.py"),
            "simulator_control_url": f"{simulator.url.removesuffix('/api')}/_simulator",
        }
        (TESTS / "integration_config.yml").write_text(json.dumps(settings))
        return subprocess.run(command, env=variables(simulator), cwd=CHECKOUT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
