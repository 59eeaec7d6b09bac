"""What requests have used goes back to the system."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

SCRIPT = """
import sys, time
from app import memory

def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

if sys.argv[1] == "give":
    memory.EVERY = 0.05
    memory.give_back()
before = held()
pieces = [bytearray(3000) for _ in range(40_000)]
last = pieces[-1]  # lies above all others, so that the heap's end cannot shrink
del pieces
time.sleep(0.5)
print(held() - before)
"""


def left(how: str) -> float:
    """Megabytes that a process holds after it has let go of 120."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_memory_that_is_free_is_given_back():
    assert left("give") < 20 < left("keep")
