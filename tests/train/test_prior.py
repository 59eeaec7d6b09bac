"""Training of the prior: the velocity's error against a naive twin, a toy run that learns and resumes, its suite."""

import json

import numpy as np
import pytest
import torch

from latentface.checkpoints import load_pipeline
from latentface.prior import ConditionalDenoiser, make_prior_scheduler
from tests.helpers import drawn_clips, tiny_pipeline
from train.__main__ import main
from train.data.shards import write_shards
from train.evaluation.prior import explained, least_squares, nearest
from train.stage2.prior import PriorConfig, velocity_error


def test_the_velocity_error_is_the_papers():
    torch.manual_seed(0)
    network = ConditionalDenoiser(3, 2, 8, 1)
    torch.nn.init.normal_(network.gains.weight)
    alphas = make_prior_scheduler().alphas_cumprod
    clean, condition, known = torch.randn(5, 3), torch.randn(5, 2), torch.tensor([True, False, True, True, False])
    found = velocity_error(network, clean, condition, known, alphas, torch.Generator().manual_seed(3))
    draw = torch.Generator().manual_seed(3)
    times, noise = torch.randint(1000, (5,), generator=draw), torch.randn(5, 3, generator=draw)
    for i, t in enumerate(times.tolist()):
        signal, spread = float(alphas[t]) ** 0.5, (1 - float(alphas[t])) ** 0.5
        noisy = signal * clean[i] + spread * noise[i]
        velocity = network(noisy[None], torch.tensor([t]), condition[i : i + 1], known[i : i + 1])[0].tolist()
        wanted = [signal * e - spread * x for e, x in zip(noise[i].tolist(), clean[i].tolist(), strict=True)]
        naive = np.mean([(v - w) ** 2 for v, w in zip(velocity, wanted, strict=True)])
        assert float(found[i]) == pytest.approx(naive, rel=1e-3)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prior")
    tiny_pipeline(size=32).save_pretrained(folder / "checkpoint")
    write_shards(drawn_clips(24, 4, 80), folder / "shards", {})
    words = ["prior", "--preset", "toy", "--checkpoint", str(folder / "checkpoint"), "--data", str(folder / "shards")]
    assert main([*words, "--out", str(folder / "run")]) == 0
    return folder, words


@pytest.mark.slow
def test_a_toy_run_learns_and_its_pipeline_draws(run):
    folder, _ = run
    rows = [json.loads(line) for line in (folder / "run" / "curves.jsonl").read_text().splitlines()]
    assert rows[-1]["identity"] < rows[0]["identity"]
    assert rows[-1]["val_expression_given"] < 1.2 and 0 < rows[-1]["kept_identity"] <= 1.0001
    pipeline = load_pipeline(folder / "run" / "pipeline")
    assert torch.isfinite(pipeline.draw_people(2).result).all()
    assert list((folder / "run").glob("people_*.png"))


@pytest.mark.slow
def test_a_run_can_be_made_again_bit_for_bit_and_is_not_overwritten(run):
    folder, words = run
    assert main([*words, "--out", str(folder / "again")]) == 0
    one, other = (load_pipeline(folder / name / "pipeline").prior for name in ("run", "again"))
    assert one is not None and other is not None
    for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert main([*words, "--out", str(folder / "again")]) == 2


@pytest.mark.parametrize("wrong", [{"dropped": 1.5}, {"weight_decay": -1.0}, {"images": 0}, {"model": {"steps": 3}}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError):
        PriorConfig(**wrong)


def test_nearest_distances_agree_with_a_naive_twin():
    draw = torch.Generator().manual_seed(0)
    one, other = torch.randn(6, 3, generator=draw), torch.randn(9, 3, generator=draw)
    naive = [min(float((a - b).norm()) for b in other) for a in one]
    assert nearest(one, other).tolist() == pytest.approx(naive, abs=1e-5)
    alone = [min(float((a - b).norm()) for j, b in enumerate(one) if j != i) for i, a in enumerate(one)]
    assert nearest(one, one, same=True).tolist() == pytest.approx(alone, abs=1e-4)


def test_least_squares_foretells_what_is_linear_and_nothing_else():
    draw = torch.Generator().manual_seed(0)
    known, true = torch.randn(400, 5, generator=draw), torch.randn(5, 4, generator=draw)
    assert explained(known @ least_squares(known, known @ true), known @ true) > 0.99
    unrelated = torch.randn(400, 4, generator=draw)
    assert explained(known @ least_squares(known, unrelated), unrelated) < 0.1
    assert explained(unrelated, unrelated) == 1 and explained(torch.zeros(400, 4), unrelated) == 0
