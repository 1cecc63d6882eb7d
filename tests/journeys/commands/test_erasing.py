"""People erased by the command line, alone and in batches."""

import json
import os
import re
from datetime import timedelta
from functools import partial

import pytest

from api.cli import erasing_files
from api.cli.erasing_files import Slip
from identity.registry import erasing
from policies import retention


def test_a_dry_run_tells_what_would_go_and_nothing_goes(desk, installed, citizens):
    answer = installed("erase", "--idcs", citizens[0].idcs, "--dry-run")
    assert "1: would erase 1 keys, 1 heads" in answer.stdout
    assert desk.on_register(citizens[0])
    unknown = installed("erase", "--idcs", "2345678903", "--dry-run")
    assert "no such number" in unknown.stdout


def test_it_asks_before_it_acts(desk, installed, citizens, tmp_path):
    words = ("erase", "--idcs", citizens[0].idcs, "--case", "D-1", "--out", str(tmp_path))
    assert installed(*words, input="n\n").exit_code == 1
    assert desk.on_register(citizens[0])
    assert installed(*words, input="y\n").exit_code == 0
    assert not desk.on_register(citizens[0])


def test_the_certificate_is_checked_by_anyone_and_the_salt_shows_whose_it_is(
    desk, installed, citizens, tmp_path
):
    told = desk.erase(citizens[0], folder=tmp_path / "out")
    assert told.exit_code == 0, told.output
    salt = re.search(r"salt: ([0-9a-f]{64})", told.stdout)[1]
    (file,) = (tmp_path / "out").glob("*.jws")
    keys = tmp_path / "keys.json"
    keys.write_text(installed("erase", "keys").stdout)

    alone = installed("erase", "verify", str(file), "--keys", str(keys))
    assert json.loads(alone.stdout)["rows"]["keys"] == 1
    assert citizens[0].idcs not in alone.stdout
    whose = ("erase", "verify", str(file), "--salt", salt, "--idcs")
    assert "about this number" in installed(*whose, citizens[0].idcs).stderr
    assert "somebody else" in installed(*whose, citizens[1].idcs).stderr
    file.write_text(file.read_text().replace(".", ".A", 1))
    assert "no certificate of ours" in installed("erase", "verify", str(file)).stderr


@pytest.mark.parametrize(
    "words", [(), ("--idcs", "1", "--file", __file__), ("--idcs", "2345678903")]
)
def test_a_call_that_says_too_little_or_too_much_is_a_usage_error(amana, words):
    assert amana("erase", *words).exit_code == 2


def test_a_hold_is_told_and_lifted(desk, installed, citizens, tmp_path):
    whose = ("--idcs", citizens[0].idcs, "--kind", "dispute")
    assert installed("erase", "hold", *whose).exit_code == 0
    answer = desk.erase(citizens[0], folder=tmp_path)
    assert (answer.exit_code, "kept: dispute" in answer.stderr) == (1, True)
    assert list(tmp_path.glob("*.slip")) == []
    assert "kept: dispute" in installed("erase", *whose[:2], "--dry-run").stdout
    assert installed("erase", "lift", *whose).exit_code == 0
    assert installed("erase", "lift", *whose).exit_code == 1
    assert installed("erase", "hold", "--idcs", "2345678903", "--kind", "audit").exit_code == 1
    assert desk.erase(citizens[0], folder=tmp_path).exit_code == 0
    assert list(tmp_path.glob("*.new")) == []


def test_a_batch_goes_on_where_it_stopped(desk, installed, citizens, tmp_path, monkeypatch):
    file, out = tmp_path / "numbers", tmp_path / "out"
    file.write_text("".join(f"{each.idcs}\n" for each in citizens[:2]))
    words = ("erase", "--file", str(file), "--case", "D-2", "--out", str(out), "--yes")

    def unplugged(_slip, _jws):
        raise RuntimeError

    with monkeypatch.context() as between, pytest.raises(RuntimeError):
        between.setattr(Slip, "finish", unplugged)  # after the commit, before the certificate
        installed(*words)
    assert not desk.on_register(citizens[0])
    assert desk.on_register(citizens[1])
    again = installed(*words)
    assert again.exit_code == 0, again.output
    assert sorted(each.name for each in out.glob("*.jws")) == ["000001.jws", "000002.jws"]
    assert installed("erase", "verify", str(out / "000001.jws")).exit_code == 0
    salt = json.loads((out / "000001.slip").read_text())["salt"]
    verified = installed(
        "erase", "verify", str(out / "000001.jws"), "--idcs", citizens[0].idcs, "--salt", salt
    )
    assert verified.exit_code == 0
    assert installed(*words).exit_code == 0


def test_a_second_batch_with_the_same_folder_is_refused_and_skips_nobody(desk, citizens):
    one, other, third = (each.idcs for each in citizens)
    assert desk.batch("first", one).exit_code == 0
    for numbers in ([other], [other, one]):
        refused = desk.batch("second", *numbers)
        assert refused.exit_code == 2
        assert "000001.slip is about somebody else than line 1" in refused.stderr
        assert not {other, third} & set(refused.output.split())
    assert desk.on_register(citizens[1])
    # The same batch, grown at its end, is the same batch.
    assert desk.batch("first", one, other).exit_code == 0
    assert not desk.on_register(citizens[1])


@pytest.mark.parametrize("left", [None, b"", b'{"salt":"00"}', b"\0" * 40])
def test_a_certificate_whose_slip_does_not_say_whom_it_is_about_is_nobodys(
    desk, citizens, tmp_path, left
):
    assert desk.batch("first", citizens[0].idcs).exit_code == 0
    slip = tmp_path / "out" / "000001.slip"
    slip.unlink() if left is None else slip.write_bytes(left)
    refused = desk.batch("second", citizens[1].idcs)
    assert (refused.exit_code, "another --out" in refused.stderr) == (2, True)
    assert desk.on_register(citizens[1])


def test_a_line_that_is_no_number_is_told_by_its_line_and_the_others_are_erased(desk, citizens):
    answer = desk.batch("file", "not a number", citizens[0].idcs)
    assert "1: no such number on the register" in answer.stderr
    assert not desk.on_register(citizens[0])


def test_a_power_cut_while_a_slip_is_written_leaves_the_old_one_or_none(
    tmp_path, citizens, monkeypatch
):
    (slip,) = erasing_files.slips(tmp_path, [citizens[0].idcs], numbered=True)
    slip.write()
    before = (tmp_path / "000001.slip").read_bytes()

    def cut(_descriptor):
        raise OSError

    monkeypatch.setattr(os, "fsync", cut)
    for write in (slip.write, lambda: slip.finish("signed")):
        with pytest.raises(OSError):  # noqa: PT011  (the power cut)
            write()
    assert (tmp_path / "000001.slip").read_bytes() == before
    assert not slip.is_done
    (again,) = erasing_files.slips(tmp_path, [citizens[0].idcs], numbered=True)
    assert again == slip


def test_log_keys_are_kept_until_their_term_and_then_all_of_them_go(
    desk, installed, citizens, tmp_path, monkeypatch
):
    for person in citizens:
        desk.erase(person, folder=tmp_path)
    assert "0 log keys destroyed" in installed("erase", "logs").stdout
    monkeypatch.setattr(retention, "LOG_TERM", timedelta(0))
    one_at_a_time = partial(erasing.forget_logs, limit=1)
    monkeypatch.setattr(erasing, "forget_logs", one_at_a_time)
    assert "3 log keys destroyed" in installed("erase", "logs").stdout
