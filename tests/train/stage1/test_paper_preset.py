"""The preset paper-64 trains with the same trainers, resumes, and its pipeline loads in a fresh process."""

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from latentface.paper import PaperAutoencoder
from train.common.perceptual import LiteFeatures
from train.data.shards import write_shards
from train.stage1 import trainer as autoencoder
from train.stage1.image_objective import image_objective
from train.stage1.networks import NETWORKS, Outputs
from train.stage2 import trainer as rdm
from train.stage2.config import PRESETS as RDM_PRESETS

TINY = {"width": 8, "code": 16}


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Three people of three frames each; the first validates."""
    noise = np.random.default_rng(0)

    def frame() -> bytes:
        small = Image.fromarray(noise.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        file = io.BytesIO()
        small.resize((160, 160), Image.Resampling.BICUBIC).save(file, "WEBP")
        return file.getvalue()

    clips = [(f"{p:05d}", [frame() for _ in range(3)], [{"person": p}] * 3) for p in range(3)]
    folder = tmp_path_factory.mktemp("shards")
    write_shards(clips, folder, {"source": "noise", "licence": "none"})
    return [str(folder)]


def test_the_presets_are_the_papers():
    stage1, stage2 = autoencoder.PRESETS["paper-64"], RDM_PRESETS["paper-64"]
    assert (stage1.lr, stage1.weight_decay, stage1.batch, stage1.mirrored, stage1.ema) == (1e-4, 5e-4, 64, 0.5, 0.0)
    assert stage1.gradient == stage1.raw_depth == stage1.laplacian == 0
    assert (stage2.lr, stage2.weight_decay, stage2.standardized) == (1e-4, 5e-4, False)
    assert NETWORKS[stage1.network] is PaperAutoencoder
    assert json.loads(json.dumps(stage1.clip)) == stage1.clip  # the run's record stays JSON


def test_both_stages_run_and_a_fresh_process_loads_the_result(shards, tmp_path):
    config = replace(autoencoder.PRESETS["paper-64"], model=TINY, images=16, batch=8)
    autoencoder.train(config, shards, tmp_path / "one")
    autoencoder.train(replace(config, images=24), shards, tmp_path / "one", resume=True)
    row = json.loads((tmp_path / "one" / "curves.jsonl").read_text().splitlines()[-1])
    assert row["images"] == 24 and "paper_perceptual" in row
    second = replace(RDM_PRESETS["paper-64"], model={"widths": (64, 64)}, images=32, batch=8, views=1)
    rdm.train(second, shards, tmp_path / "one", tmp_path / "two")
    program = (
        "import latentface, torch\n"
        f"pipeline = latentface.load_pipeline({str(tmp_path / 'two' / 'pipeline')!r})\n"
        "codes = pipeline.encode(torch.zeros(2, 3, 64, 64))\n"
        "print(type(pipeline.denoiser).__name__, *pipeline.decode(pipeline.swap(codes[:1], codes[1:])).depth.shape)\n"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    assert out.stdout.split() == ["PaperDenoiser", "1", "64", "64"], out.stderr
    assert "Expected types" not in out.stderr


def test_the_objective_weighs_four_terms():
    """Equal pictures and sigmas: each mirrored term is half of the plain one."""
    config = autoencoder.PRESETS["paper-64"]
    torch.manual_seed(0)
    model, image = PaperAutoencoder(**TINY), torch.rand(2, 3, 64, 64) * 2 - 1
    codes, scene, pixels, places = model(image, features=True)
    scene.depth = (scene.depth + scene.depth.flip(-1)) / 2
    scene.albedo = (scene.albedo + scene.albedo.flip(-1)) / 2
    outputs = Outputs(codes, scene, pixels[:, :1].expand(-1, 2, -1, -1), places[:, :1].expand(-1, 2, -1, -1))
    features = LiteFeatures()
    loss, terms = image_objective(outputs, image, config, features)
    torch.testing.assert_close(terms["mirrored"], terms["plain"] / 2)
    assert terms["gradient"] == terms["raw_depth"] == terms["laplacian"] == 0
    alone = image_objective(outputs, image, replace(config, mirrored=0.0), features)[1]
    torch.testing.assert_close(terms["paper_perceptual"], 1.5 * alone["paper_perceptual"])
    torch.testing.assert_close(loss.detach(), 1.5 * (alone["plain"] + alone["paper_perceptual"]))
