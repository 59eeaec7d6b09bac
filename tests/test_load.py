"""The benchmark of load lets no fault pass: its own, those of the burst, uploads that are refused."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from benchmarks.load import TASKS, Server, Visitor, faults, outcome, together


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    """A visitor without photos, of a server that is not there."""
    visitor = Visitor(Server("http://127.0.0.1:9/", psutil.Process(), Path()), 0, [], {})
    yield visitor
    visitor.http.close()


def test_what_ends_a_visitor_ends_the_benchmark(visitor):
    with pytest.raises(IndexError):
        together([visitor], {}, 5)
    assert together([visitor], {}, 0) == []


@pytest.mark.parametrize("status", [413, 429, 500])
def test_an_upload_that_is_refused_is_an_error(visitor, status):
    visitor.photos = [b"photo"] * len(TASKS)
    visitor.http.close()
    answers = httpx.MockTransport(lambda request: httpx.Response(status, text="Too many files."))
    visitor.http = httpx.Client(base_url="http://127.0.0.1:9/", transport=answers)
    with pytest.raises(httpx.HTTPStatusError):
        visitor.upload(0)
    assert faults([outcome(visitor, TASKS[0], {})]) == 1


def test_a_full_queue_is_no_fault_and_mixed_answers_are():
    assert faults([("swap", "ok", 1.0), ("swap", "refused: the queue is full", 1.0)]) == 0
    assert faults([("swap", "mixed", 1.0), ("swap", "error: ReadTimeout", 1.0), ("swap", "ok", 1.0)]) == 2
