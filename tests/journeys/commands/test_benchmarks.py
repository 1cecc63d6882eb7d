"""The benchmarks run, on little; each figure is of something that happened."""

import re

import pytest

pytestmark = pytest.mark.slow


def figures(said):
    return {line.split()[0] for line in said.splitlines() if re.search(r"\d", line)}


def test_the_log_is_measured_beside_a_locked_chain(amana):
    few = ("--entries", "3000", "--writers", "4", "--rounds", "1", "--seconds", "0.1")
    answer = amana("bench", "log", *few)

    assert answer.exit_code == 0, answer.stderr
    assert {"append", "locked", "gathered", "ratio", "seal", "proof", "memory"} <= figures(
        answer.stdout
    )
    sealed = re.search(r"seal +([\d,]+) entries", answer.stdout)[1]
    assert int(sealed.replace(",", "")) >= 3000
    assert f"in a tree of {sealed}" in answer.stdout


def test_whole_persons_are_measured_beside_whoever_is_installed(amana):
    few = ("--persons", "3", "--rounds", "1", "--seconds", "0.01", "--records", "20")
    answer = amana("bench", "vault", *few)

    assert answer.exit_code == 0, answer.stderr
    assert {"Amana,", "ratio", "rotate", "memory"} <= figures(answer.stdout)
    assert "rows of 20 records" in answer.stdout
