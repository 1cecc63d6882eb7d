"""The figures of a benchmark are what they say they are."""

import asyncio

import pytest

from api.bench import load
from api.bench.load import Round


def round_of(answers, seconds, *latencies):
    return Round(answers=answers, seconds=seconds, cpu_seconds=0.5, latencies=latencies)


def test_a_summary_takes_the_median_rate_and_all_latencies():
    rounds = [round_of(100, 1.0, 0.001), round_of(300, 1.0, 0.002), round_of(200, 1.0, 0.003)]

    told = load.summary(rounds)

    assert told.rate == 200
    assert told.answers == 600
    assert told.p50 == 2.0
    assert told.p99 == 3.0
    assert told.cpu == pytest.approx(2500)


def test_a_ratio_compares_rounds_that_ran_side_by_side():
    fast, plain = [round_of(80, 1.0), round_of(400, 1.0)], [round_of(10, 1.0), round_of(40, 1.0)]

    assert load.ratio(fast, plain) == 9.0


async def test_so_many_askers_ask_at_once_and_each_answer_is_counted():
    flying = highest = 0

    async def ask(_number):
        nonlocal flying, highest
        flying += 1
        highest = max(highest, flying)
        await asyncio.sleep(0.005)
        flying -= 1

    ran = await load.run(ask, askers=4, seconds=0.05)

    assert highest == 4
    assert ran.answers == len(ran.latencies)
    assert min(ran.latencies) >= 0.005


async def test_a_wrong_answer_ends_the_benchmark():
    async def ask(_number):
        raise ValueError("not what was asked")

    with pytest.raises(ExceptionGroup):
        await load.run(ask, askers=2, seconds=0.05)
