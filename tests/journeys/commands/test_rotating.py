"""`amana keys rotate subject`, as an operator calls it."""

import pytest
from sqlalchemy import func, select

from api.bench import stores
from api.cli import rotating
from api.demo import seeding
from identity.registry import people, population
from policies.legal_time import legal_day
from vault import database as db
from vault import rotation
from vault.subject_keys import subject_keys

PEOPLE = 300


@pytest.fixture(params=["sqlite", "postgres"])
def server(request):
    """The URL of a server to make a store on; none for the embedded one."""
    return request.getfixturevalue("postgres_server") if request.param == "postgres" else ""


async def register(held):
    async with db.begin(held.database) as tx:
        made = population.population("rotating", people=PEOPLE, on=legal_day(tx.now)).people
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
