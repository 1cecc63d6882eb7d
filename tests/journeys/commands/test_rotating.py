"""`amana keys rotate`, as an operator calls it."""

import re
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select, update

from api.bench import stores
from api.cli import rotating
from api.demo import seeding
from identity.registry import people, population
from policies.legal_time import legal_day
from vault import database as db
from vault import domain_keys, log_retagging, log_tables, rotation
from vault.subject_keys import subject_keys

PEOPLE = 300


@pytest.fixture(params=["sqlite", "postgres"])
def server(request):
    """The URL of a server to make a store on; none for the embedded one."""
    return request.getfixturevalue("postgres_server") if request.param == "postgres" else ""


async def register(held, seed="rotating", count=PEOPLE):
    async with db.begin(held.database) as tx:
        made = population.population(seed, people=count, on=legal_day(tx.now)).people
        await people.register_all(tx, held.keyring, made, by=seeding.DEMO)
    return len(made)


async def versions(held):
    counted = select(subject_keys.c.version, func.count()).where(subject_keys.c.kind == "data")
    async with db.read(held.database) as tx:
        rows = await tx.connection.execute(counted.group_by(subject_keys.c.version))
        return dict(rows.all())


def test_every_record_gets_a_new_key_and_the_command_says_what_comes_next(installed, desk):
    entered = desk.do(register)
    told = installed("keys", "rotate", "subject", "--dry-run")
    assert told.output == f"{entered} records; nothing was done\n"
    done = installed("keys", "rotate", "subject", "--processes", "1")
    assert done.exit_code == 0, done.output
    assert f"{entered} records have new keys\nrotate the root next" in done.stdout
    assert desk.do(versions) == {2: entered}
    assert "unfinished" not in installed("keys", "status").output


def test_more_processes_than_lanes_are_refused(installed):
    refused = installed("keys", "rotate", "subject", "--processes", "9")
    assert refused.exit_code == 2
    assert "--processes" in refused.output


@pytest.mark.slow
async def test_several_processes_do_a_pass_between_them(server, monkeypatch):
    async with stores.thrown_away(server) as held:
        entered = await register(held)
        real, ours = rotation.take_part, []

        async def counted(*all_of_it, of=1, **more):
            ours.append(of)
            await real(*all_of_it, of=of, **more)

        monkeypatch.setattr(rotation, "take_part", counted)
        said = []
        done = await rotating.rotate(held, 3, lambda *at: said.append(at))
        assert (done.done, done.total, done.errors) == (entered, entered, 0)
        assert ours == [3]
        assert said[-1] == (entered, entered)
        assert await versions(held) == {2: entered}


@pytest.mark.slow
async def test_what_a_child_that_died_left_is_done_by_who_began(monkeypatch):
    async with stores.thrown_away("") as held:
        entered = await register(held)
        real = rotating._start

        async def killed(*all_of_it):
            child = await real(*all_of_it)
            child.kill()
            return child

        monkeypatch.setattr(rotating, "_start", killed)
        done = await rotating.rotate(held, 2, lambda *_: None)
        assert (done.done, done.errors) == (entered, 0)
        assert await versions(held) == {2: entered}


def test_what_finds_entries_is_made_anew_and_the_older_key_goes(installed, desk, monkeypatch):
    monkeypatch.setattr(log_retagging, "STALE", timedelta(0))
    desk.do(register)
    domain = "log-reference"
    told = installed("keys", "rotate", "domain", domain, "--dry-run")
    assert told.output == f"{domain} 1 would be followed by 2; nothing was done\n"
    assert "2 is active" in installed("keys", "rotate", "domain", domain).output
    refused = installed("keys", "retire", "domain", domain, "1")
    assert (refused.exit_code, "things still use it" in refused.output) == (1, True)
    done = installed("log", "retag")
    assert done.exit_code == 0, done.output
    assert "waiting" not in done.stderr
    assert re.search(r"version 2 finds [1-9]\d* entries, .*/s; 0 do not open", done.stdout)
    assert "is retired" in installed("keys", "retire", "domain", domain, "1").output
    assert "whole" in installed("log", "verify").output


@pytest.mark.parametrize("domain", domain_keys.DOMAINS)
def test_every_domain_s_key_is_rotated_and_the_log_stays_whole(installed, desk, domain):
    desk.do(partial(register, seed="before", count=5))
    assert "2 is active" in installed("keys", "rotate", "domain", domain).output
    desk.do(partial(register, seed="after", count=5))
    assert "whole" in installed("log", "verify").output


def test_the_apps_roles_are_told_that_they_may_not_change_the_log(installed, monkeypatch):
    async def no(_tx):
        return False

    monkeypatch.setattr(log_tables, "may_be_edited", no)
    for command in (("log", "retag"), ("erase", "logs")):
        refused = installed(*command)
        assert refused.exit_code == 1
        assert "as the owner of the database" in refused.stderr


def test_what_does_not_open_is_told_and_the_command_fails(installed, desk, monkeypatch):
    monkeypatch.setattr(log_retagging, "STALE", timedelta(0))
    desk.do(register)
    desk.do(cut_a_log_key)
    installed("keys", "rotate", "domain", "log-reference")
    told = installed("log", "retag")
    assert told.exit_code == 1
    assert "the older version is still needed" in told.stderr


async def cut_a_log_key(held):
    of_log = subject_keys.c.kind == "log"
    async with db.begin(held.database) as tx:
        query = select(subject_keys.c.subject, subject_keys.c.wrapped).where(of_log).limit(1)
        subject, wrapped = (await tx.connection.execute(query)).one()
        one = update(subject_keys).where(of_log, subject_keys.c.subject == subject)
        await tx.connection.execute(one.values(wrapped=wrapped[:-1]))
