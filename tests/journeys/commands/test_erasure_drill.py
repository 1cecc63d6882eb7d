"""The rehearsal of a restore after an erasure, on each kind of store it knows."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
KINDS = [
    "sqlite",
    *(pytest.param(kind, marks=pytest.mark.postgres) for kind in ("pg_dump", "files")),
]
PROMISES = 5


@pytest.mark.parametrize("kind", KINDS)
def test_threat_16_after_every_kind_of_restore_the_erased_stay_so_and_the_others_are_there(kind):
    if kind != "sqlite" and not (
        shutil.which("pg_dump") and list(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    ):
        pytest.skip("no PostgreSQL to start")
    done = subprocess.run(
        [sys.executable, "docs/drills/erasure.py", kind],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == PROMISES
