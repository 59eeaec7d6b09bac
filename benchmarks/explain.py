"""What keeps the probes below published numbers: grey and small pictures, few people, short training, each measured.

    python -m benchmarks.explain --data data/imagined --truth data/truth --fer data/fer2013 --lfw data/lfw_dev.tar --out runs/explain

First, facial actions of parametric people, read off the frozen features of explorer, ImageNet's network and HOG: pictures as they
are, grey, and grey at 48 px as FER2013 has them; nothing else differs. Then SimCLR, trained anew for a few lengths and on a
quarter of the shards: FER2013 (linear) and LFW (cosine, pair classifier). Prints both tables and writes OUT/results.json; OUT
keeps what is done.
"""

import argparse
import json
import tarfile
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from train import evaluate, simclr
from train.features import Method, load_method, resized
from train.probes import probe, sample_of
from train.readers import read
from train.readers.crops import Crops
from train.run import record

METHODS = ("explorer", "imagenet", "hog")
LOOKS = {"as they are": (False, 0), "grey": (True, 0), "grey, 48 px": (True, 48)}
RUNS = {"12,800 images": (12_800, 1.0), "51,200 images": (51_200, 1.0), "51,200 images of a quarter of the shards": (51_200, 0.25)}
SHOWN = ("fer2013_linear", "lfw_similarity", "lfw_protocol")


def seen(method: Method, grey: bool, side: int) -> Method:
    """The method, shown what is left of crops B x 3 x S x S in grey and at `side` pixels (0: as they are)."""

    def encode(images: Tensor, variant) -> dict[str, Tensor]:
        size = images.shape[-1]
        if grey:
            images = (images * images.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True).expand(-1, 3, -1, -1)
        return method.encode(resized(resized(images, side), size) if side else images, variant)

    return replace(method, encode=encode)


def part_of(shards: Path, share: float, out: Path) -> Path:
    """A folder with the first tars of `shards`, that share of them."""
    tars = sorted(shards.glob("*.tar"))
    if not out.exists():
        out.mkdir(parents=True)
        for tar in tars[: round(share * len(tars))]:
            (out / tar.name).symlink_to(tar.resolve())
        manifest = json.loads((shards / "manifest.json").read_text())
        names = []
        for tar in out.glob("*.tar"):
            with tarfile.open(tar) as archive:
                names += archive.getnames()
        frames, clips = (sum(name.endswith(kind) for name in names) for kind in (".webp", ".json"))
        (out / "manifest.json").write_text(json.dumps({**manifest, "frames": frames, "clips": clips, "persons": clips}))
    return out


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "truth", "fer", "lfw", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {"looks": {}, "runs": {}}

    def keep() -> None:
        about = record({})
        about["command"] = "python -m benchmarks.explain"
        file.write_text(json.dumps({**evaluate.rounded(results), **about}, indent=1))

    task = next(task for task in read("truth", args.truth) if task.task == "actions")
    for name in METHODS:
        for look, change in LOOKS.items():
            if f"{name}, {look}" not in results["looks"]:
                found = probe(seen(load_method(name), *change), task, Crops(task.pictures, sample_of(task)), args.out / "probe.json", 0)
                results["looks"][f"{name}, {look}"] = {k: found[f"actions_{k}"] for k in ("f1", "f1_spread", "correlation")}
                keep()
    for name, (images, share) in RUNS.items():
        if name in results["runs"]:
            continue
        out = args.out / name.replace(" ", "_").replace(",", "")
        shards = args.data if share == 1 else part_of(args.data, share, args.out / f"shards_{share}")
        config = replace(simclr.PRESETS["explorer"], images=images)
        simclr.train(config, [str(shards)], out, resume=(out / "state.pt").exists())
        data = [f"fer2013:{args.fer}", f"lfw:{args.lfw}"]
        found = evaluate.evaluate("probes", [str(out / "backbone")], data, out / "probes.json")
        results["runs"][name] = {key: found[key] for key in SHOWN}
        keep()
    for table, rows in results.items():
        if table in ("looks", "runs"):
            print(f"\n{table:50}" + "".join(f"{key:>18}" for key in next(iter(rows.values()))))
            for name, row in rows.items():
                print(f"{name:50}" + "".join(f"{value:18.4f}" for value in row.values()))


if __name__ == "__main__":
    main()
