"""Turns before the camera."""

from app.lanes import Lanes


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_turns_are_taken_kept_given_up_and_end():
    clock = Clock()
    lanes = Lanes(2, limit=60, idle=5, clock=clock)
    assert lanes.enter("a") == 0 and lanes.enter("b") == 0
    clock.now = 4
    assert lanes.enter("a") == 0 and lanes.enter("c") == 56  # the oldest turn ends in 56 s
    clock.now = 8
    assert lanes.enter("a") == 0 and lanes.enter("c") == 0, "b has sent nothing for 8 s"
    lanes.leave("a")
    assert lanes.enter("d") == 0 and lanes.enter("e") == 60
    for clock.now in range(10, 70, 4):
        lanes.enter("c")
        lanes.enter("d")
    clock.now = 69
    assert lanes.enter("e") == 0, "the turn of the one who came first is over"
    lanes.leave("nobody")
