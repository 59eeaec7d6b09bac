"""People of the gallery are chosen so that every group is filled evenly."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from train.release.gallery_people import AGES, choose_evenly, group


@given(st.integers(1, 12), st.integers(0, 30))
def test_a_rare_group_is_taken_whole_and_the_rest_evenly(rare, more):
    people = [{"age": "old", "gender": "female"}] * 40 + [{"age": "young", "gender": "male"}] * (rare + more)
    chosen = choose_evenly(people, 2 * rare)
    filled = Counter(people[i]["age"] for i in chosen)
    assert len(set(chosen)) == 2 * rare and filled == {"old": rare, "young": rare}


def test_a_group_is_the_one_that_begins_highest_below():
    assert [group(value, AGES) for value in (-3, -0.5, 0.59, 0.6, 9)] == ["young", "middle", "middle", "old", "old"]
