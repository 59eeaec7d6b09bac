"""Clips and mixing: which frames of a person stand together, and how their codes are mixed, against plain loops."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import random_codes, tiny_autoencoder
from train.data.clips import Clips
from train.stage1.mixing import FRAMES, Mix, draw_clips, draw_mix, mix_codes

EXPRESSION = {"changing": (1, 3, 4)}


def people_of(frames: list[int], seed: int = 0) -> Clips:
    """Clips of people with so many frames each, their rows in any order."""
    person = torch.arange(len(frames)).repeat_interleave(torch.tensor(frames))
    person = person[torch.randperm(len(person), generator=torch.Generator().manual_seed(seed))]
    return Clips(
        torch.zeros(len(person), 3, 1, 1, dtype=torch.uint8),
        person,
        [{}] * len(person),
        torch.zeros(len(person)).bool(),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 5), st.integers(0, 1000))
def test_every_four_neighbours_are_frames_of_one_person(frames, people, seed):
    """Four of them where there are so many, else all, some of them again."""
    clips = people_of(frames, seed)
    rows = draw_clips(clips, people, torch.Generator().manual_seed(seed))
    assert rows.shape == (FRAMES * people,)
    for clip in rows.split(FRAMES):
        whose = set(clips.person[clip].tolist())
        assert len(whose) == 1 and len(set(clip.tolist())) == min(FRAMES, frames[whose.pop()])
    assert torch.equal(rows, draw_clips(clips, people, torch.Generator().manual_seed(seed)))


def test_every_frame_is_as_likely_and_who_validates_is_not_drawn():
    clips = people_of([6, 6, 2])
    clips.validation = clips.person == 1
    rows = draw_clips(clips, 3000, torch.Generator().manual_seed(0))
    drawn = torch.bincount(rows, minlength=14)
    assert (drawn[clips.person == 1] == 0).all()
    assert drawn[clips.person == 0].tolist() == pytest.approx(
        [0.75 * 3000 * 4 / 6] * 6, rel=0.1
    )  # people come by their frames
    assert drawn[clips.person == 2].tolist() == pytest.approx([0.25 * 3000 * 4 / 2] * 2, rel=0.1)


def test_processes_share_what_is_drawn_beside_the_frames():
    whole, *parts = (
        draw_mix(8, 16, 0.5, 0.3, torch.Generator().manual_seed(0), part) for part in ((0, 1), (0, 2), (1, 2))
    )
    assert torch.equal(whole.borrowed, torch.cat([part.borrowed for part in parts]))
    for kind in ("shape", "texture"):
        assert torch.equal(whole.noise[kind], torch.cat([part.noise[kind] for part in parts]))
    many = draw_mix(4000, 16, 0.75, 0.3, torch.Generator().manual_seed(0))
    assert many.borrowed.float().mean().item() == pytest.approx(0.75, abs=0.03)
    assert many.noise["shape"].std().item() == pytest.approx(0.3, rel=0.02)


def test_codes_are_mixed_as_in_a_loop():
    model, codes = tiny_autoencoder(**EXPRESSION), random_codes(12)
    generator = torch.Generator().manual_seed(1)
    noise = {kind: torch.randn(12, 16, generator=generator) for kind in ("shape", "texture")}
    borrowed = torch.rand(12, generator=generator) < 0.5
    found = mix_codes(codes, Mix(borrowed, noise), {k: model.expression_mask(k) for k in noise})
    assert torch.equal(found.view, codes.view) and torch.equal(found.light, codes.light) and 0 < borrowed.sum() < 12
    for kind in ("shape", "texture"):
        code, changes = getattr(codes, kind), model.expression_mask(kind).tolist()
        for row in range(12):
            others = [i for i in range(row // 4 * 4, row // 4 * 4 + 4) if i != row]
            for c in range(16):
                own = float(code[row, c])
                mean = sum(float(code[i, c]) for i in others) / 3
                expected = own + float(noise[kind][row, c]) if changes[c] else mean if borrowed[row] else own
                assert float(getattr(found, kind)[row, c]) == pytest.approx(expected, abs=1e-5)
