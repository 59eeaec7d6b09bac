"""A thread that works ahead hands everything on, in order, and ends with those who take."""

import threading
import time
from itertools import count

import pytest

from latentface.ahead import ahead


def test_everything_comes_once_in_order():
    assert list(ahead(range(200), 3)) == list(range(200))
    assert list(ahead([], 1)) == []


def test_it_is_only_so_far_ahead():
    made = []

    def numbers():
        for number in range(20):
            made.append(number)
            yield number

    for number in ahead(numbers(), 2):
        time.sleep(0.005)
        assert len(made) <= number + 2 + 2  # those that wait, and one in the maker's hands


def test_what_is_raised_there_is_raised_here():
    def broken():
        yield 1
        raise ValueError("no more")

    taken = ahead(broken(), 2)
    assert next(taken) == 1
    with pytest.raises(ValueError, match="no more"):
        next(taken)


def test_closed_here_it_ends_there():
    closed = threading.Event()

    def endless():
        try:
            yield from count()
        finally:
            closed.set()

    before = threading.active_count()
    taken = ahead(endless(), 2)
    assert next(taken) == 0
    taken.close()
    assert closed.wait(2) and threading.active_count() == before


def test_a_thread_of_its_own_does_the_work():
    (name,) = set(ahead((threading.current_thread().name for _ in range(3)), 1))
    assert name != threading.current_thread().name
