"""Blocks handed out and results in order, whoever is quick and whoever is slow."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipclass.errors import WorkerError
from ipclass.workers import Workers, local_workers


def square(number: int) -> int:
    return number * number


def slow_then_quick(number: int) -> int:
    time.sleep(0.05 if number % 4 == 0 else 0.0)
    return number


def end_of_process(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


class Lazy(Executor):
    """Does nothing before a result is asked for, so that a test sees how much is under way at once."""

    def __init__(self) -> None:
        self.under_way = self.most = 0

    def submit(self, function, /, *arguments, **options):  # type: ignore[no-untyped-def]
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        executor = self

        class Asked(Future):  # type: ignore[type-arg]
            def result(self, timeout: float | None = None) -> object:
                executor.under_way -= 1
                return function(*arguments, **options)

        return Asked()


@pytest.mark.parametrize("local", [True, False])
@given(n=st.integers(0, 60), size=st.integers(1, 5))
def test_each_block_gives_one_result_in_order(local: bool, n: int, size: int) -> None:
    with ThreadPoolExecutor(size) as threads:
        found = list(Workers(threads, size, local, BrokenProcessPool, bool).map(square, range(n)))
    assert found == [number * number for number in range(n)]


@pytest.mark.parametrize("local", [True, False])
def test_a_slow_block_holds_up_the_order_and_not_the_work(local: bool) -> None:
    with ThreadPoolExecutor(3) as threads:
        assert list(Workers(threads, 3, local, BrokenProcessPool, bool).map(slow_then_quick, range(40))) == list(range(40))


@pytest.mark.parametrize(("local", "most"), [(False, 8), (True, 8)])
def test_no_more_than_a_few_blocks_a_worker_are_under_way(local: bool, most: int) -> None:
    lazy, taken, given_out = Lazy(), 0, 0

    def blocks() -> Iterator[int]:
        nonlocal taken
        for number in range(200):
            taken += 1
            yield number

    for _ in Workers(lazy, 4, local, BrokenProcessPool, bool).map(square, blocks()):
        given_out += 1
        assert taken - given_out <= 24
    assert lazy.most == most
    assert given_out == 200


def test_what_is_not_begun_when_the_reading_stops_is_called_off() -> None:
    with ThreadPoolExecutor(1) as threads:
        results = Workers(threads, 4, False, BrokenProcessPool, bool).map(slow_then_quick, range(100))
        assert next(results) == 0
        began = time.monotonic()
        results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 1


def test_a_worker_that_dies_is_told_in_one_line() -> None:
    with local_workers(2) as workers:
        workers.local = False  # else this process may be the one that meets its end
        with pytest.raises(WorkerError, match="--resume") as error:
            list(workers.map(end_of_process, iter([3] * 5)))
    assert "\n" not in str(error.value)


def test_processes_and_this_one_give_what_one_alone_gives() -> None:
    with local_workers(3) as workers:
        workers.prepare(square, 2)
        assert list(workers.map(square, range(500))) == [number * number for number in range(500)]
