"""The drawing of imagined people: speed, likeness to OpenVINO's pictures, and who is who within and across clips.

    python -m benchmarks.imagined [--people 12] [--frames 8] [--seed 5]
    python -m benchmarks.imagined --shards SHARDS         the spread of skin tone, age, gender and expression in a set

Speed is that of one process of one thread, as `python -m train imagined` runs in each worker, from the style to the
WebP bytes, with every redraw; images are finished ones. Processor seconds beside it tell what a busy machine took away.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import webdataset

from train.common.judges import package_folder
from train.data.imagined.directions import EXPRESSION, POSE, load_directions
from train.data.imagined.drawing import Clip, clip_of, engine
from train.data.imagined.generator import Generator


def likeness() -> float:
    """PSNR in dB of the torch network's picture, float32, beside OpenVINO's."""
    import openvino

    folder, core = package_folder("random_face", "pip install --no-deps random-face") / "data", openvino.Core()
    network, precision = Generator(folder), {"INFERENCE_PRECISION_HINT": "f32"}
    with torch.inference_mode():
        w = 0.7 * network.mapping(torch.randn(1, 512, generator=torch.Generator().manual_seed(0)))
        found = network(w[:, None].expand(-1, 23, -1)).numpy()
    expected = core.compile_model(core.read_model(folder / "SynthesisNetwork.xml"), "CPU", precision)(w.numpy())[0]
    return float(10 * np.log10(4 / np.square(found - expected).mean()))


def identity(clips: list) -> tuple[np.ndarray, np.ndarray, float]:
    """Cosines of dlib embeddings of stored frames, within and across clips, and the share of clips' frames kept."""
    reader, embeddings, person = engine()[1], [], []
    for i, clip in enumerate(clips):
        for image, _ in clip:
            points = reader.points(image)
            if points is not None:
                embeddings.append(reader.embedding(image, points))
                person.append(i)
    unit = np.array(embeddings) / np.linalg.norm(embeddings, axis=1, keepdims=True)
    pairs = np.triu_indices(len(unit), 1)
    cosine, same = (unit @ unit.T)[pairs], np.equal.outer(person, person)[pairs]
    return cosine[same], cosine[~same]


def shares(values: list[float], edges: list[float]) -> str:
    """Share of the values in every bin, as percent."""
    counts = np.histogram(values, [-np.inf, *edges, np.inf])[0]
    return " ".join(f"{100 * count / len(values):.0f}%" for count in counts)


def spread(shards: Path) -> None:
    """Prints how evenly people and expressions are spread in a set."""
    clips = [json.loads(sample["json"]) for path in sorted(shards.glob("*.tar")) for sample in _samples(path)]
    first = [clip[0] for clip in clips]
    print(f"{len(clips)} people, {sum(map(len, clips)) / len(clips):.2f} frames each")
    print(
        "skin read off the embedding (ITA): < -30, -30 to 10, 10 to 28, 28 to 41, 41 to 55, > 55:",
        shares([f["skin"] for f in first], [-30, 10, 28, 41, 55]),
    )
    print("... off the cheeks' pixels:", shares([f["tone"] for f in first], [-30, 10, 28, 41, 55]))
    print("gender score:", shares([f["gender"] for f in first], [0]), "(female, male)")
    print("age score, sd: < -1, -1 to 0, 0 to 1, > 1:", shares([f["age"] for f in first], [-1, 0, 1]))
    for name in clips[0][0]["measured"]:
        rows = [[f["measured"].get(name, np.nan) for f in clip] for clip in clips]
        within = np.sqrt(np.mean([np.nanvar(row) for row in rows]))
        print(
            f"{name:7} sd within people {within:.2f}, "
            f"of people's means {np.nanstd([np.nanmean(row) for row in rows]):.2f}"
        )
    smiles = [[f["measured"]["smile"] for f in clip] for clip in clips]
    both = np.mean([min(row) < -0.3 and max(row) > 0.3 for row in smiles])
    print(f"people with both a smile above .3 sd and a face below -.3 sd: {100 * both:.0f}%")


def _samples(path: Path):
    return webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False)


def speed(people: int, frames: int, seed: int) -> None:
    """Prints how fast finished images come."""
    make = Clip(seed, frames, 160)
    make(10**6)  # warm
    began, used = time.perf_counter(), time.process_time()
    done = sum(len(make(i)[1]) for i in range(people))
    wall, used = time.perf_counter() - began, time.process_time() - used
    print(f"{done} of {people * frames} images: {done / wall:.2f} a second, {used / done:.3f} processor seconds each")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--speed", action="store_true", help="nothing else; start one a core to load them all")
    parser.add_argument("--shards", type=Path)
    options = parser.parse_args()
    if options.shards:
        spread(options.shards)
        return
    torch.set_num_threads(1)
    if options.speed:
        speed(options.people, options.frames, options.seed)
        return
    found = load_directions()
    print(
        f"torch beside OpenVINO, float32: {likeness():.1f} dB; "
        f"pictures read off level 6: {found['reading_psnr']:.1f} dB"
    )
    print(
        f"left-out people: gender {found['gender_accuracy']:.3f} right, "
        f"correlation of age {found['age_correlation']:.2f}, of skin {found['skin_correlation']:.2f}"
    )
    for name, value in zip(POSE + EXPRESSION, found["correlation"], strict=True):
        print(f"{name:7} strength and its measure on new faces: correlation {value:.2f}")
    speed(options.people, options.frames, options.seed)
    for name, same in (("before", np.inf), ("after", None)):
        limit = {} if same is None else {"same": same}
        clips = [clip_of(options.seed, i, options.frames, 160, **limit) for i in range(options.people)]
        within, across = identity(clips)
        print(
            f"{name} the filter: cosine within clips {within.mean():.3f} "
            f"(5th percentile {np.percentile(within, 5):.3f}), "
            f"across people {across.mean():.3f} (95th {np.percentile(across, 95):.3f})"
        )


if __name__ == "__main__":
    main()
