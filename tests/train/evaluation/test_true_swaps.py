"""Swaps against true pictures: known pictures give known numbers, and the whole suite runs on a made-up set."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers import ROOT, gallery_file, smooth, tiny_pipeline, webp, write_truth
from train.__main__ import main
from train.common.judges import Reader
from train.evaluation.true_swaps import (
    BOX,
    SIDE,
    Faces,
    carried,
    chosen_swaps,
    frame_name,
    judge,
    measure,
    swap_name,
    true_swaps,
)

GALLERY = ROOT / "assets" / "gallery"


def test_the_share_carried_is_a_least_squares_fit():
    rng = np.random.default_rng(0)
    before, wished = rng.normal(size=(2, 5, 3))
    made = before + 0.4 * (wished - before) + 0.01 * rng.normal(size=(5, 3))
    expected = np.linalg.lstsq((wished - before).reshape(-1, 1), (made - before).ravel(), rcond=None)[0][0]
    made, before, wished = (torch.tensor(x) for x in (made, before, wished))
    assert carried(made, before, wished) == pytest.approx(expected) == pytest.approx(0.4, abs=0.02)
    assert carried(wished, before, wished) == pytest.approx(1) and carried(before, before, wished) == 0
    assert carried(made, before, before) == 0  # nothing was wished


def numbers(swap: torch.Tensor, faces: dict) -> dict:
    """What `measure` says of a swap that looks like `swap`, where `faces` gives it identity and expression by name."""
    unchanged, target = smooth((4, 3, 32, 32), 1), smooth((4, 3, 32, 32), 2)
    mask = torch.zeros(4, 32, 32, dtype=torch.bool)
    mask[:, 8:24, 8:24] = True
    rng = np.random.default_rng(0)
    identity = {name: rng.normal(size=(4, 128)) for name in ("a", "b", "true", "before")}
    expression = {name: torch.tensor(rng.normal(size=(4, 4))) for name in ("a", "b", "true")}
    identity = {name: value / np.linalg.norm(value, axis=1, keepdims=True) for name, value in identity.items()}
    expression["before"] = expression["a"]
    identity["swap"], expression["swap"] = identity[faces["identity"]], expression[faces["expression"]]
    picture = {"target": target, "unchanged": unchanged}[swap]
    return measure(
        {"swap": picture, "unchanged": unchanged, "reconstructed": target}, target, mask, identity, expression
    )


def test_a_perfect_swap_and_one_that_does_nothing():
    perfect = numbers("target", {"identity": "a", "expression": "true"})
    assert (
        perfect["l1_swap"] == 0
        and perfect["ssim_swap"] == pytest.approx(1)
        and perfect["picture_carried"] == pytest.approx(1)
    )
    assert perfect["identity_cosine_to_a"] == pytest.approx(1) and perfect["nearer_a"] == 1
    assert perfect["expression_carried"] == pytest.approx(1) and perfect["nearer_b_expression"] == 1
    assert perfect["expression_distance_to_true"] == 0
    idle = numbers("unchanged", {"identity": "b", "expression": "a"})
    assert idle["l1_swap"] == idle["l1_unchanged"] > 0.1 and idle["ssim_swap"] == idle["ssim_unchanged"] < 0.9
    assert idle["picture_carried"] == idle["expression_carried"] == 0 == idle["nearer_b_expression"] == idle["nearer_a"]
    assert idle["identity_cosine_to_b"] == pytest.approx(1) and idle["identity_cosine_to_a"] < 0.5


def test_only_the_head_counts():
    mask, target = torch.zeros(1, 32, 32, dtype=torch.bool), smooth((1, 3, 32, 32), 0)
    mask[:, 10:20, 10:20] = True
    elsewhere = torch.where(mask[:, None], target, 1.0)
    same = {name: np.eye(1, 128) for name in ("swap", "a", "b", "true")}
    still = {name: torch.zeros(1, 4) for name in ("swap", "before", "a", "true")}
    found = measure({"swap": elsewhere, "unchanged": target, "reconstructed": -target}, target, mask, same, still)
    assert found["l1_swap"] == 0 and found["ssim_swap"] == pytest.approx(1)
    expected = target[0][:, mask[0]].abs().mean().item()
    assert found["l1_reconstructed"] == pytest.approx(expected, rel=1e-5)


def test_the_judge_tells_people_and_smiles():
    images = [
        np.asarray(Image.open(GALLERY / name).convert("RGB").crop((16, 16, 144, 144)).resize((SIDE, SIDE)))
        for name in ("00372_0.webp", "00372_4.webp", "00269_0.webp")
    ]
    reader = Reader()
    embedding, measured = judge(reader, images)
    assert np.linalg.norm(embedding, axis=1) == pytest.approx([1, 1, 1])
    assert embedding[0] @ embedding[1] > embedding[0] @ embedding[2]
    assert measured["smile"].shape == (3,) and measured["smile"].std() > 0
    box = np.array(reader.box(images[0]))
    assert abs(box - np.array(BOX)).max() < 0.2 * SIDE  # where faces stand, for those the detector misses


ARRAYS = {
    "depth": np.full((160, 160), 30_000, np.uint16), "normal": np.zeros((160, 160, 3), np.int8),
    "mask": np.ones((160, 160), np.uint8),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two gallery people in two frames each; a swap within each (its true picture: the other frame) and one across."""
    folder, people = tmp_path_factory.mktemp("truth") / "validation", (13, 4)
    pairs = {p: [((p, 0), (p, 1)), ((p, 1), (q, 0))] for p, q in ((13, 4), (4, 13))}

    def image(person, frame):
        return webp(Image.open(gallery_file(person, frame)).convert("RGB"))

    def factors(person, frame, **more):
        return {"person": f"7-{person:06d}", "frame": frame, **more}

    write_truth(
        [(f"{p:06d}", [image(p, f) for f in (0, 1)], [factors(p, f) for f in (0, 1)], None) for p in people], folder
    )
    clips = []
    for p in people:
        said = [{"identity": f"{a:06d}.{i:02d}", "expression": f"{b:06d}.{j:02d}"} for (a, i), (b, j) in pairs[p]]
        clips.append(
            (f"{p:06d}", [image(p, 1), image(p, 1)], [factors(p, k, swap=s) for k, s in enumerate(said)], [ARRAYS] * 2)
        )
    write_truth(clips, folder / "swaps")
    return folder


def test_frames_are_found_by_name(folder):
    names = chosen_swaps(folder / "swaps")
    within, across = ("000013.00", "000013.01"), ("000013.01", "000004.00")
    assert len(names) == 4 and names[:2] == [within, across]
    frames, true = Faces(32), Faces(32)
    frames.read(folder, {"000013.01", "000004.00"}, frame_name)
    true.read(folder / "swaps", {within}, swap_name)
    assert set(frames.model) == {"000013.01", "000004.00"} and set(true.model) == set(true.mask) == {within}
    torch.testing.assert_close(true.model[within], frames.model["000013.01"])  # its true picture is the other frame
    assert true.judge[within].shape == (SIDE, SIDE, 3) and true.mask[within].all() and not frames.mask


@pytest.mark.slow
def test_the_suite_on_made_up_swaps(folder, tmp_path):
    tiny_pipeline(size=32).save_pretrained(tmp_path / "p")
    arguments = ["--checkpoint", str(tmp_path / "p"), "--data", f"truth:{folder}", "--out", str(tmp_path / "r.json")]
    assert main(["evaluate", "--suite", "swaps", *arguments]) == 0
    written = json.loads((tmp_path / "r.json").read_text())
    assert written["pairs"] == 4 and written["within_pairs"] == written["across_pairs"] == 2
    keys = (
        "l1_swap",
        "ssim_unchanged",
        "picture_carried",
        "nearer_a",
        "expression_carried",
        "yaw_kept",
        "identity_cosine_to_b",
    )
    assert {f"{kind}_{key}" for kind in ("within", "across") for key in keys} <= set(written)
    assert Image.open(tmp_path / "r.png").size == (2 * 5 * 32, 2 * 32)


def test_a_set_without_swaps_or_with_holes_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="no frames with a swap"):
        chosen_swaps(folder)
    image = webp(Image.new("RGB", (160, 160)))
    write_truth([("000099", [image], [{"person": "7-000099", "frame": 0}], None)], tmp_path / "x")
    (tmp_path / "x" / "swaps").symlink_to(folder / "swaps")
    with pytest.raises(ValueError, match="lacks the frames"):
        true_swaps(tiny_pipeline(size=32), tmp_path / "x")
