"""`amana keys`: the whole life of a version, step by step, and what each step refuses."""

from datetime import timedelta

import pytest

from policies.retention import SHRED_HORIZON
from vault import root_keys


def states(installed, name):
    """The state of each version of a key, as `status` tells them."""
    lines = installed("keys", "status").output.splitlines()
    said = (line.split() for line in lines if line.startswith(f"{name} "))
    return {int(number): state for _, number, state, *_ in said}


def test_a_root_lives_until_it_is_destroyed(installed):
    assert states(installed, "root") == {1: "active"}
    said = installed("keys", "rotate", "root", "--dry-run").output
    assert said == "root 1 would be followed by 2; nothing was done\n"
    assert states(installed, "root") == {1: "active"}
    days = f"root 1 is retired and may be destroyed in {SHRED_HORIZON.days} days"
    assert installed("keys", "rotate", "root").output == f"root 2 is active; {days}\n"
    assert states(installed, "root") == {1: "retired", 2: "active"}

    refused = installed("keys", "destroy", "root", "1", "--yes")
    assert (refused.exit_code, "its horizon has not passed" in refused.stderr) == (1, True)
    assert installed("keys", "destroy", "root", "--due").output == "destroyed: none is due\n"
    early = ("keys", "destroy", "root", "1", "--early")
    assert installed(*early, "--dry-run").output == "would be destroyed: root 1\n"
    assert states(installed, "root") == {1: "retired", 2: "active"}
    assert installed(*early, "--yes").output == "destroyed: root 1\n"
    assert states(installed, "root") == {1: "destroyed", 2: "active"}
    assert "whole" in installed("log", "verify").output


def test_what_is_due_after_erasures_is_done_by_one_command(
    installed, desk, citizens, tmp_path, monkeypatch
):
    assert installed("keys", "tend").output == "nothing is due\n"
    desk.erase(citizens[0], folder=tmp_path)
    planned = installed("keys", "tend", "--dry-run").output
    assert planned == "root 1 would be followed by 2\n"
    assert "root 2 is active; root 1 is retired" in installed("keys", "tend").output
    assert installed("keys", "tend").output == "nothing is due\n"
    monkeypatch.setattr(root_keys, "SHRED_HORIZON", timedelta(0))
    assert installed("keys", "tend", "--dry-run").output == "root 1 would be destroyed\n"
    assert installed("keys", "tend").output == "root 1 is destroyed\n"
    assert installed("keys", "tend").output == "nothing is due\n"
    assert states(installed, "root") == {1: "destroyed", 2: "active"}
    monkeypatch.setattr(root_keys, "due", due_while_in_use)
    assert "root 2 is still in use" in installed("keys", "tend").output


async def due_while_in_use(_tx):
    return [2]


@pytest.mark.parametrize("words", [(), ("1", "--due")])
def test_which_root_to_destroy_is_said_in_one_way(installed, words):
    refused = installed("keys", "destroy", "root", *words)
    assert (refused.exit_code, "name one version, or --due" in refused.stderr) == (2, True)


@pytest.mark.parametrize("version", ["1", "2", "9"])
def test_a_root_that_is_in_use_is_not_retired(installed, version):
    installed("keys", "rotate", "root")
    refused = installed("keys", "retire", "root", version)
    assert refused.exit_code == 1
    assert f"root {version}" in refused.stderr


def test_a_domain_s_version_lives_until_it_is_destroyed(installed):
    name = "blind-index"
    installed("keys", "rotate", "domain", name)
    assert states(installed, name) == {1: "decrypt-only", 2: "active"}
    early = installed("keys", "destroy", "domain", name, "1", "--yes")
    assert (early.exit_code, "is not retired" in early.stderr) == (1, True)
    retire = ("keys", "retire", "domain", name, "1")
    installed("index", "reindex")
    assert (
        installed(*retire, "--dry-run").output == f"{name} 1 would be retired; nothing was done\n"
    )
    assert states(installed, name) == {1: "decrypt-only", 2: "active"}
    assert installed(*retire).output == f"{name} 1 is retired\n"
    destroy = ("keys", "destroy", "domain", name, "1")
    said = installed(*destroy, "--dry-run").output
    assert said == f"{name} 1 would be destroyed; nothing was done\n"
    assert states(installed, name) == {1: "retired", 2: "active"}
    assert installed(*destroy, "--yes").output == f"{name} 1 is destroyed\n"
    assert states(installed, name) == {1: "destroyed", 2: "active"}


def test_a_notice_is_for_programmes_identifiers_alone(installed):
    refused = installed("keys", "retire", "domain", "boxes", "1", "--notice-over")
    assert (refused.exit_code, "is for pairwise" in refused.stderr) == (2, True)
    installed("keys", "rotate", "domain", "pairwise")
    done = installed("keys", "retire", "domain", "pairwise", "1", "--notice-over")
    assert done.output == "pairwise 1 is retired\n"


def test_boxed_secrets_are_sealed_anew(installed):
    installed("keys", "rotate", "domain", "boxes")
    refused = installed("keys", "retire", "domain", "boxes", "1")
    assert (refused.exit_code, "things still use it" in refused.stderr) == (1, True)
    assert "are under the active version; 0 do not open" in installed("keys", "reseal").output
    assert installed("keys", "retire", "domain", "boxes", "1").output == "boxes 1 is retired\n"
