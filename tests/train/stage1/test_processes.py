"""Stage 1 on two processes walks the curve of one process with the same global batch."""

import json
import os
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers import ROOT, TINY, drawn_clips
from train.data.shards import write_shards
from train.stage1.config import AutoencoderConfig
from train.stage1.image_objective import image_objective
from train.stage1.networks import Outputs
from train.stage1.trainer import train

pytestmark = pytest.mark.slow

CONFIG = AutoencoderConfig(
    model={**TINY, "changing": (1, 3, 4)}, images=80, batch=8, perceptual=0.0, warm_up=32, lr=2e-3,
    basis=32, level=16, align=16, layout=32, adversarial=0.1,
    # a direction's sign is arbitrary, and each process has these terms of its own people
    noise=0.0, following=0.0, habits=0.0, unsteady=0.0,
)  # fmt: skip
SCRIPT = """
import json
import sys
from pathlib import Path
from accelerate import PartialState
from train.stage1.config import AutoencoderConfig
from train.stage1.trainer import train
train(AutoencoderConfig(**json.loads(sys.argv[3])), [sys.argv[1]], Path(sys.argv[2]), every=16)
assert PartialState().num_processes == 2
"""
TERMS = ("loss", "l1", "plain", "mirrored", "gradient", "raw_depth", "laplacian", "val_l1", "yaw_spread")


def launch(python: str, script: Path, *arguments) -> subprocess.CompletedProcess:
    """Runs a script in two processes. On CPUs that is torchrun: `accelerate launch --cpu` starts one."""
    command = [python, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHON_EXEC": python}
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(21, 3, 40), folder, {"source": "drawn"})
    return str(folder)


def curve(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]


def test_two_processes_walk_the_curve_of_one(shards, tmp_path, python):
    train(CONFIG, [shards], tmp_path / "one", every=16)
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    done = launch(python, script, shards, tmp_path / "two", json.dumps(asdict(CONFIG)))
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert [row["images"] for row in one] == [row["images"] for row in two] == [16, 32, 48, 64, 80]
    for a, b in zip(one, two, strict=True):
        settled = (
            a["images"] > 32
        )  # under the critic's weight, the mean of two ratios, and with bfloat16's rounding in their bases
        for term in TERMS if not settled else TERMS[1:]:
            near = {"rel": 0.02, "abs": 2e-3} if settled else {"rel": 1e-3, "abs": 1e-4}
            assert a[term] == pytest.approx(b[term], **near), (a["images"], term)
    assert (
        abs(one[0]["loss"] - one[-1]["loss"]) > 0.05 and "critic" in one[-1].keys() & two[-1].keys()
    )  # there is a curve to follow
    weights = [load_file(next((tmp_path / name / "autoencoder").glob("*.safetensors"))) for name in ("one", "two")]
    for name in weights[0]:  # what has no arbitrary signs in it
        if name.startswith(("view_net", "light_net", "shape_encoder", "confidence_net", "average_depth")):
            torch.testing.assert_close(weights[0][name], weights[1][name], atol=5e-3, rtol=0)


@pytest.mark.parametrize("batch", [7, 12])
def test_a_batch_that_can_not_be_shared_is_refused(shards, tmp_path, monkeypatch, batch):
    """Twelve are three clips."""
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 2)
    with pytest.raises(ValueError, match=f"a batch of {batch} can't be shared evenly by 2 processes"):
        train(replace(CONFIG, batch=batch), [shards], tmp_path / "out")


def test_parts_of_unequal_masks_average_to_the_whole():
    """The mean of the processes' losses is the whole batch's, however much of a face each part shows."""
    from tests.helpers import random_codes, smooth, tiny_autoencoder

    model = tiny_autoencoder()
    image, codes = smooth((4, 3, 16, 16), 3), random_codes(4)
    codes.view[:, 0] = torch.tensor([0.0, 5, 55, -50])  # the second half sees less

    def loss(rows: slice, mean=lambda x: x):
        scene = model.decode(codes[rows])
        return image_objective(
            Outputs(codes[rows], scene, model.confidence(image[rows])), image[rows], replace(CONFIG), None, mean
        )

    whole, terms = loss(slice(0, 4))
    seen = []
    for rows in (slice(0, 2), slice(2, 4)):
        loss(rows, lambda x: seen.append(x) or x)
    assert abs(seen[0][0] - seen[1][0]) > 20  # unequal masks

    def average(x):
        return (seen[0] + seen[1]) / 2

    parts = [loss(rows, average) for rows in (slice(0, 2), slice(2, 4))]
    torch.testing.assert_close((parts[0][0] + parts[1][0]) / 2, whole, rtol=1e-5, atol=1e-6)
    for name, value in terms.items():
        torch.testing.assert_close((parts[0][1][name] + parts[1][1][name]) / 2, value, rtol=1e-5, atol=1e-6)
    careless = [loss(rows)[0] for rows in (slice(0, 2), slice(2, 4))]
    assert abs((careless[0] + careless[1]) / 2 - whole) > 1e-3  # without the weights they would not
