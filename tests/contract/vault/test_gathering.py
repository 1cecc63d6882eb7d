import asyncio

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from vault import database as db
from vault.gathering import BATCH, Gathering


class Poison(Exception):  # noqa: N818  (a test's own)
    pass


@pytest.fixture
def batches():
    return []


@pytest.fixture
def go():
    """Lets batches through; a test may hold one up."""
    event = asyncio.Event()
    event.set()
    return event


@pytest.fixture
def arrivals():
    """One item for each batch that is in flight."""
    return asyncio.Queue()


@pytest.fixture
def gathering(database, batches, go, arrivals):
    """A gathering whose door doubles numbers, remembers its batches and chokes on 13."""

    async def door(tx, questions):
        batches.append(list(questions))
        arrivals.put_nowait(None)
        await go.wait()
        if 13 in questions:
            raise Poison
        return [2 * each for each in questions]

    return Gathering(database, door, unit=db.begin)


async def test_what_arrives_together_is_answered_together(gathering, batches):
    answers = await asyncio.gather(*map(gathering.ask, range(10)))

    assert answers == [2 * each for each in range(10)]
    assert batches == [list(range(10))]


async def test_what_comes_while_a_batch_is_in_flight_waits_for_the_next(
    gathering, batches, go, arrivals
):
    go.clear()
    first = asyncio.create_task(gathering.ask(1))
    await arrivals.get()
    later = [asyncio.create_task(gathering.ask(each)) for each in (2, 3)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, *later)

    assert batches == [[1], [2, 3]]


async def test_a_batch_is_bounded(gathering, batches):
    await asyncio.gather(*map(gathering.ask, range(100, 100 + BATCH + 5)))

    assert [len(each) for each in batches] == [BATCH, 5]


async def test_a_poisoned_question_harms_only_itself(gathering, batches):
    answers = await asyncio.gather(*map(gathering.ask, (1, 13, 2)), return_exceptions=True)

    assert answers[::2] == [2, 4]
    assert isinstance(answers[1], Poison)
    assert batches == [[1, 13, 2], [1], [13], [2]]
    assert await gathering.ask(5) == 10


@pytest.mark.parametrize(
    "fault",
    [
        ConnectionRefusedError(),
        PoolTimeoutError(),
        DBAPIError("SELECT 1", None, Exception(), connection_invalidated=True),
    ],
    ids=["refused", "pool", "gone"],
)
async def test_when_the_store_is_away_nobody_waits_for_it_in_turn(database, fault):
    batches = []

    async def door(tx, questions):
        batches.append(len(questions))
        raise fault

    asked = map(Gathering(database, door, unit=db.begin).ask, range(5))
    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert answers == [fault] * 5
    assert batches == [5]


async def test_a_fault_of_a_statement_is_the_one_s_who_asked_it(database):
    batches = []

    async def door(tx, questions):
        batches.append(list(questions))
        await tx.connection.exec_driver_sql("SELECT 1" if "bad" not in questions else "SELEKT")
        return questions

    asked = map(Gathering(database, door, unit=db.begin).ask, ("good", "bad"))
    good, bad = await asyncio.gather(*asked, return_exceptions=True)

    assert good == "good"
    assert isinstance(bad, DBAPIError)
    assert batches == [["good", "bad"], ["good"], ["bad"]]


async def test_whoever_leaves_is_not_asked_for(gathering, batches, go, arrivals):
    go.clear()
    first = asyncio.create_task(gathering.ask(1))
    await arrivals.get()
    gone = asyncio.create_task(gathering.ask(2))
    leaving = asyncio.create_task(gathering.ask(3))
    await asyncio.sleep(0)
    gone.cancel()
    go.set()
    assert await first == 2
    go.clear()
    await arrivals.get()
    leaving.cancel()  # while its batch is in flight
    await asyncio.sleep(0)
    go.set()
    await gathering.drained()

    assert batches == [[1], [3]]


async def test_when_all_who_wait_left_nothing_is_asked(gathering, batches):
    leaving = [asyncio.create_task(gathering.ask(each)) for each in (1, 2)]
    await asyncio.sleep(0)
    for each in leaving:
        each.cancel()
    await gathering.drained()

    assert batches == []
    assert await gathering.ask(3) == 6


async def test_draining_answers_what_was_asked(gathering):
    waiting = asyncio.create_task(gathering.ask(4))
    await asyncio.sleep(0)
    await gathering.drained()

    assert waiting.done()
    assert await waiting == 8
    await gathering.drained()


async def test_a_door_that_only_reads_is_asked_beside_the_writer(database):
    async def door(tx, questions):
        return [(await tx.connection.exec_driver_sql("SELECT 1")).scalar_one()] * len(questions)

    async with db.begin(database):  # the embedded store has one writer, and it is taken
        reading = Gathering(database, door, unit=db.read)
        assert await asyncio.wait_for(reading.ask("?"), timeout=5) == 1
