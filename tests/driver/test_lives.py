"""An assistant's lives: whatever its user does, nothing hangs, nothing is left, no traceback is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.driver.living import all_lives

LIVES = all_lives()
TOLD = {
    "a_model_that_never_answers_ignores_its_end": "a model does not end what was given up",
    "a_model_cannot_be_closed": "could not be closed",
}
"""What goes to standard error, where something does."""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for what is left in /proc")
@pytest.mark.parametrize("name", LIVES)
def test_a_life_ends(name: str, shop_path: Path) -> None:
    # SIGINT reaches the process even where the test run ignores it.
    process = subprocess.Popen(
        [sys.executable, "-c", _BEGIN, name, str(shop_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        pytest.fail(f"it hangs: {process.communicate()}")
    assert out.splitlines() == list(LIVES[name][1])
    assert "Traceback" not in err
    assert "internal error" not in out + err
    assert (TOLD.get(name, "") in err) if name in TOLD else err == ""
    assert process.returncode == 0


_BEGIN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from tests.driver.living import main
main(*sys.argv[1:])
"""
