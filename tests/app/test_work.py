"""Work that a visitor stops ends at its next step, and nothing else does."""

from types import SimpleNamespace

import pytest

from app.work import Work, number_of


def counted(closed: list[str], count: int = 5):
    try:
        yield from range(count)
    finally:
        closed.append("closed")


@pytest.mark.parametrize("number", [3, 0])
def test_work_ends_once_it_is_stopped_and_is_closed(number):
    work, closed, seen = Work(), [], []
    for step in work.until_stopped(counted(closed), number):
        seen.append(step)
        if step == 1:
            work.stop(3)
    assert seen == [0, 1] and closed == ["closed"]


def test_what_waited_in_line_when_it_was_stopped_never_begins_and_later_work_does():
    work = Work()
    work.stop(4)
    assert list(work.until_stopped(counted([]), 4)) == [] and list(work.until_stopped(counted([]), 2)) == []
    assert list(work.until_stopped(counted([]), 5)) == list(range(5))
    assert list(work.until_stopped(counted([]), 0)) == list(range(5))  # it began after the stop


def test_an_older_stop_takes_no_later_one_back():
    work = Work()
    work.stop(4)
    work.stop(1)
    assert work.watch(4)() and not work.watch(5)()


def test_another_visitors_stop_does_nothing():
    mine, other = Work(), Work()
    is_stopped = mine.watch(1)
    other.stop(9)
    assert not is_stopped()


@pytest.mark.parametrize(
    "number, read", [(7, 7), (0, 0), (-1, 0), (True, 0), (1.0, 0), ("1", 0), (None, 0), (2**40, 0)]
)
def test_a_number_that_is_none_counts_as_none(number, read):
    assert number_of(SimpleNamespace(number=number)) == read and number_of(object()) == 0
