"""`python -m train ship`: bundles a trained checkpoint in half precision, with its runs' records and curves."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import torch

from latentface.checkpoints import ASSETS, load_autoencoder, load_network, load_pipeline
from latentface.pcl import PCL
from latentface.pipeline import LatentFacePipeline
from latentface.prior import Prior
from latentface.weights import write_sums


def ship(stage1: Path, stage2: Path, name: str) -> None:
    """Bundle a trained pipeline in assets/NAME; a card there stays as it is.

    Args:
        stage1: run folder of `train autoencoder`.
        stage2: run folder of `train rdm`.
        name: the checkpoint's name.
    """
    out = ASSETS / name
    _save(load_pipeline(stage2 / "pipeline"), out)
    for stage, run in (("autoencoder", stage1), ("rdm", stage2)):
        _ship_record(run, out, f"{stage}_")


def ship_more(name: str, runs: Mapping[str, Path]) -> None:
    """Add to a checkpoint bundled in assets/NAME; the rest of it stays as it is.

    Args:
        name: the checkpoint's name.
        runs: run folders begun from this checkpoint: one of `train relief` or `train enlarge` under "relief" or
            "enlarger", one of `train prior` under "prior", or both.
    """
    before, out = load_pipeline(name), ASSETS / name
    stage1 = runs.get("relief") or runs.get("enlarger")
    network = load_autoencoder(stage1) if stage1 else before.autoencoder
    drawn = load_network(runs["prior"] / "pipeline" / "prior", Prior) if "prior" in runs else before.prior
    _save(LatentFacePipeline(network, before.denoiser, before.scheduler, drawn), out)
    for kind, run in runs.items():
        _ship_record(run, out, f"{kind}_")


def _save(pipeline: LatentFacePipeline, out: Path) -> None:
    """Save a pipeline in half precision, without where it came from."""
    pipeline.to(dtype=torch.float16).save_pretrained(out, safe_serialization=True)
    for file in (out / "model_index.json", *out.glob("*/config.json")):
        _without_origin(file)
    write_sums(out)


def ship_pcl(run: Path, name: str) -> None:
    """Bundle a PCL network in assets/NAME; projectors stay behind.

    Args:
        run: run folder of `train pcl`.
        name: the checkpoint's name.
    """
    out = ASSETS / name
    load_network(run / "pcl", PCL).half().save_pretrained(out)
    _without_origin(out / "config.json")
    write_sums(out)
    _ship_record(run, out, "")


def _without_origin(file: Path) -> None:
    """Take out of a config where the run lay, which diffusers writes down."""
    about = json.loads(file.read_text())
    about.pop("_name_or_path", None)
    file.write_text(json.dumps(about, indent=2) + "\n")


def _ship_record(run: Path, out: Path, prefix: str) -> None:
    """Write a run's record and curves as out/PREFIXrun.json and out/PREFIXcurves.jsonl."""
    about = json.loads((run / "config.json").read_text())
    about["data"] = [Path(folder).name for folder in about["data"]]
    about["command"] = re.sub(r"\S*/", "", about["command"])  # names of folders, not where they lay
    if about["config"].get("start"):
        about["config"]["start"] = Path(about["config"]["start"]).name
    (out / f"{prefix}run.json").write_text(json.dumps(about, indent=1))
    (out / f"{prefix}curves.jsonl").write_bytes((run / "curves.jsonl").read_bytes())
