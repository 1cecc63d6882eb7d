"""A closed loop of askers: each asks again as soon as it was answered. Counts and times."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

from api.cli.terminal import Report

WARM_UP_SECONDS: Final = 0.5

Asker = Callable[[int], Awaitable[None]]
"""Asks one question, the n-th; raises if the answer is not the right one."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one way did in one round."""

    answers: int
    seconds: float
    cpu_seconds: float
    """Of this process, all threads: the steadier figure on a shared machine."""
    latencies: tuple[float, ...]
    """Seconds, sorted."""

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What one way did over all rounds."""

    answers: int
    rate: float
    """Answers per second, median of the rounds."""
    p50: float
    p99: float
    """Milliseconds, over all rounds."""
    cpu: float
    """Microseconds of this process per answer."""


async def run(ask: Asker, *, askers: int, seconds: float) -> Round:
    """Let so many askers ask for so long, each at least once."""
    latencies: list[float] = []
    number = 0
    end = time.perf_counter() + seconds

    async def asking() -> None:
        nonlocal number
        while True:
            number += 1
            began = time.perf_counter()
            await ask(number)
            answered = time.perf_counter()
            latencies.append(answered - began)
            if answered >= end:
                break

    began, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(askers):
            group.create_task(asking())
    return Round(
        answers=len(latencies),
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - cpu,
        latencies=tuple(sorted(latencies)),
    )


async def warm_up(ways: Mapping[str, Asker], *, askers: int) -> None:
    """Let each way run for a moment that does not count."""
    for ask in ways.values():
        await run(ask, askers=askers, seconds=WARM_UP_SECONDS)


async def alternate(
    ways: Mapping[str, Asker], *, askers: int, rounds: int, seconds: float, report: Report
) -> dict[str, list[Round]]:
    """So many rounds of each way, by turns: a neighbour's load falls on all."""
    ran: dict[str, list[Round]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, ask in ways.items():
            ran[way].append(await run(ask, askers=askers, seconds=seconds))
            report(sum(map(len, ran.values())), rounds * len(ways))
    return ran


def summary(rounds: Sequence[Round]) -> Summary:
    """All rounds in a few figures."""
    latencies = sorted(each for one in rounds for each in one.latencies)
    answers = sum(one.answers for one in rounds)
    return Summary(
        answers=answers,
        rate=median(one.rate for one in rounds),
        p50=1e3 * at(latencies, 0.50),
        p99=1e3 * at(latencies, 0.99),
        cpu=1e6 * sum(one.cpu_seconds for one in rounds) / answers,
    )


def ratio(fast: Sequence[Round], plain: Sequence[Round]) -> float:
    """How many times faster, as the median over rounds that ran side by side."""
    return median(one.rate / other.rate for one, other in zip(fast, plain, strict=True))


def at(latencies: Sequence[float], share: float) -> float:
    """The latency, of sorted ones, that this share of them does not exceed."""
    return latencies[min(int(share * len(latencies)), len(latencies) - 1)]
