import asyncio

import pytest
from structlog.testing import capture_logs

from api import observing, rounds


async def test_rounds_follow_each_other_while_the_block_runs():
    went = asyncio.Queue()

    async def work():
        await went.put("round")
        return 0.0

    async with rounds.beside("work", work):
        for _ in range(3):
            assert await asyncio.wait_for(went.get(), 5) == "round"


async def test_the_end_waits_for_the_round_under_way_and_for_no_pause():
    began, ended = asyncio.Event(), []

    async def work():
        began.set()
        await asyncio.sleep(0.05)
        ended.append("whole")
        return 3600.0

    async with asyncio.timeout(5), rounds.beside("work", work):
        await began.wait()
    assert ended == ["whole"]


async def test_a_fault_is_logged_and_the_next_round_starts_anew(monkeypatch):
    monkeypatch.setattr(rounds, "PAUSE_AFTER_FAULT_SECONDS", 0.0)
    again = asyncio.Event()
    rounds_gone = []

    async def work():
        rounds_gone.append(1)
        if len(rounds_gone) == 1:
            raise OSError("the store is away")
        again.set()
        return 0.0

    observing.configure_logging("info")
    with capture_logs() as logs:
        async with rounds.beside("work", work):
            await asyncio.wait_for(again.wait(), 5)
    assert [(each["event"], each["log_level"]) for each in logs] == [("work", "error")]


async def test_a_fault_of_the_block_ends_the_rounds_too():
    async def work():
        return 0.0

    with pytest.raises(ValueError, match="of the block"):
        async with rounds.beside("work", work):
            raise ValueError("of the block")
    assert asyncio.all_tasks() == {asyncio.current_task()}
