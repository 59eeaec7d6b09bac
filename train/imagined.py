"""Clips of people who do not exist: one face drawn by a generator, then the same face with other expression and pose.

The generator is MobileStyleGAN (Belousov 2021, arXiv:2104.04767), distilled from StyleGAN2 on FFHQ, as the wheel
`random-face` ships it. What is trained on its pictures is for research, not for sale. An edit moves the style of some
layers only (StyleGAN, arXiv:1812.04948, section 3): the coarse layers turn the head, the middle ones move the face.

    python -m train.imagined --find-directions      once: measure drawn faces, write imagined_directions.npz
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from latentface.alignment import five_points, standard_crop

from .judges import Reader, measures, package_folder
from .shards import MARGIN

POSE = ("yaw", "pitch")
EXPRESSION = ("smile", "jaw", "brow", "blink")
LAYERS = {"pose": (4, 8, 16), "expression": (16, 32)}
"""Side in pixels of the feature maps whose styles an edit of this kind moves."""
FREE = {"smile": ("jaw",)}
"""A smile may part the lips; held shut it needs so long a step that the person changes."""
DIRECTIONS = Path(__file__).with_name("imagined_directions.npz")
SAME_PERSON = 0.5
"""Largest embedding distance to frame 0. dlib's own threshold is 0.6, but of two drawn people 1 in 30 is that near."""


class Imagined:
    """The generator. Loading reads two OpenVINO IR files from the wheel; nothing is fetched or written.

    Attributes:
        sides: side in pixels of the feature map that each style row modulates, coarse to fine; 23 integers.
        mean: 512 float32, the mean style (4,096 draws of a fixed seed), towards which `psi` pulls.

    Raises:
        ImportError: `openvino` or `random-face` is not installed.
    """

    def __init__(self):
        try:
            import openvino as ov
        except ImportError as error:
            raise ImportError("drawing imagined people needs openvino: pip install openvino") from error
        folder = package_folder("random_face", "pip install --no-deps random-face") / "data"
        core = ov.Core()
        mapping = core.read_model(folder / "MappingNetwork.xml")
        mapping.reshape([-1, 512])
        # float32 here: the styles are cheap, and what bfloat16 rounds in them would move every picture
        self._mapping = core.compile_model(mapping, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        synthesis = core.read_model(folder / "SynthesisNetwork.xml")
        self.sides = _one_style_a_layer(synthesis)
        hint = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        self._synthesis = core.compile_model(synthesis, "CPU", {"INFERENCE_PRECISION_HINT": hint})
        z = np.random.default_rng(0).standard_normal((4096, 512))
        self.mean = self._map(z).mean(axis=0)

    def _map(self, z: np.ndarray) -> np.ndarray:
        return self._mapping(np.ascontiguousarray(z, dtype=np.float32))[0].copy()

    def styles(self, z: np.ndarray, psi: float | np.ndarray) -> np.ndarray:
        """Styles of people.

        Args:
            z: N x 512, standard normal.
            psi: truncation, a number or one for each of the N: 0 is the mean face, 1 the generator's full variety.

        Returns:
            N x 23 x 512 float32, one style a layer, coarse to fine; the 23 rows of a person are equal.
        """
        w = self.mean + np.reshape(psi, (-1, 1)) * (self._map(z) - self.mean)
        return np.repeat(w[:, None].astype(np.float32), len(self.sides), axis=1)

    def draw(self, styles: np.ndarray) -> np.ndarray:
        """Pictures of styles N x 23 x 512: N x 1024 x 1024 x 3 uint8 RGB, framed as FFHQ. Raises ValueError."""
        if styles.ndim != 3 or styles.shape[1:] != (len(self.sides), 512):
            raise ValueError(f"styles must be N x {len(self.sides)} x 512, not {styles.shape}")
        images = np.empty((len(styles), 1024, 1024, 3), np.uint8)
        for image, style in zip(images, styles):
            drawn = self._synthesis(np.ascontiguousarray(style[None], dtype=np.float32))[0][0]
            image[:] = (np.clip(drawn, -1, 1) * 127.5 + 128).clip(0, 255).transpose(1, 2, 0)
        return images

    def edit(self, styles: np.ndarray, directions: dict[str, np.ndarray], strengths: dict[str, float]) -> np.ndarray:
        """Styles N x 23 x 512 moved along directions (512 each) by strengths, each on the layers of its kind only."""
        edited = styles.copy()
        for name, strength in strengths.items():
            kind = "pose" if name in POSE else "expression"
            edited[:, np.isin(self.sides, LAYERS[kind])] += np.asarray(strength * directions[name], dtype=np.float32)
        return edited


def _one_style_a_layer(model) -> np.ndarray:
    """Rewire the synthesis network from style 1 x 512 to 1 x 23 x 512, one row a layer; returns the rows' sides."""
    from openvino import opset8 as op

    style = model.inputs[0]
    readers = list(style.get_target_inputs())

    def side(reader) -> int:
        """Side of the first feature map downstream of a layer's style."""
        nodes = [reader.get_node()]
        while nodes:
            node = nodes.pop(0)
            shape = node.output(0).get_partial_shape()
            if shape.rank.get_length() == 4 and shape[3].get_length() > 1:
                return shape[3].get_length()
            nodes += [target.get_node() for target in node.output(0).get_target_inputs()]
        raise ValueError("not the synthesis network of random-face 2021.7.21.1: a style that reaches no layer")

    layers = [reader for reader in readers if reader.get_node().get_type_name() == "MatMul"]
    layers.sort(key=lambda reader: (side(reader), reader.get_node().get_friendly_name()))
    rows = op.parameter([1, len(layers), 512], np.float32, name="styles")
    for reader in readers:  # the one reader that is no layer asks for the batch size only
        index = layers.index(reader) if reader in layers else 0
        reader.replace_source_output(op.gather(rows, np.int64(index), np.int64(1)).output(0))
    model.add_parameters([rows])
    model.remove_parameter(style.get_node())
    model.validate_nodes_and_infer_types()
    return np.array([side(reader) for reader in layers])


def fit_directions(
    w: np.ndarray, values: dict[str, np.ndarray], ridge: float = 0.3, free: dict[str, tuple[str, ...]] = FREE
) -> dict[str, np.ndarray]:
    """Directions in W that each change one measure and leave the others alone, by ridge regression of measures on W.

    With B the regression's weights, a column a measure, the directions are D = B (B'B)^-1: then B'D = 1, and every
    direction is orthogonal to what the other measures are read from.

    Args:
        w: N x D styles.
        values: name -> N measures of the faces drawn from them.
        ridge: penalty as a share of the styles' total variance.
        free: name -> names of measures that may change along with it.

    Returns:
        name -> D float64; a step of strength 1 raises the measure by one standard deviation, as the fit predicts it.
    """
    x = w - w.mean(axis=0)
    y = np.stack([(v - v.mean()) / v.std() for v in values.values()], axis=1)
    gram = x @ x.T
    weights = x.T @ np.linalg.solve(gram + ridge * np.trace(gram) / len(x) * np.eye(len(x)), y)
    fit = x @ weights
    weights *= (fit * y).sum(axis=0) / (fit * fit).sum(axis=0)  # undo the shrinkage of the ridge
    names, directions = list(values), {}
    for name in names:
        held = [other for other in names if other not in free.get(name, ())]
        columns = weights[:, [names.index(other) for other in held]]
        directions[name] = np.linalg.pinv(columns)[held.index(name)]
    return directions


def _measured(generator: Imagined, reader: Reader, faces: int, seed: int, psi: float, report) -> tuple[np.ndarray, ...]:
    """Styles (N x 512) and landmarks (N x 68 x 2) of the drawn faces that the detector finds."""
    styles = generator.styles(np.random.default_rng(seed).standard_normal((faces, 512)), psi)
    kept, points = [], []
    for i, style in enumerate(styles):
        found = reader.points(generator.draw(style[None])[0])
        if found is not None:
            kept.append(style[0])
            points.append(found)
        if i % 50 == 49:
            report(f"{i + 1} of {faces} faces drawn")
    return np.array(kept, dtype=np.float64), np.array(points)


def find_directions(faces: int = 600, held_out: int = 12, seed: int = 0, psi: float = 0.9, report=print) -> dict:
    """Draws and measures faces, fits the directions, then sets each one's length by drawing edits of new faces.

    Returns:
        name -> 512 float64 for the six directions (as measured on the new faces, strength 1 moves the measure by 0.8 to
        1 standard deviations: long steps bend); `centre` and `spread`, 7 each, means and standard deviations of
        the measures; `correlation`, 6, on the new faces, of strength (-1.5, 1.5) with the change of its measure;
        `leak`, 6 x 7, the change of measure j for strength 1 of direction i, in standard deviations of j.
    """
    generator, reader = Imagined(), Reader()
    w, points = _measured(generator, reader, faces, seed, psi, report)
    values = measures(points)
    directions = {name: d for name, d in fit_directions(w, values).items() if name in POSE + EXPRESSION}
    spread = np.array([v.std() for v in values.values()])
    base = generator.styles(np.random.default_rng([seed, 1]).standard_normal((held_out, 512)), 0.75)
    names, strengths = tuple(directions), (-1.5, 1.5)
    correlation, leak = np.zeros(len(names)), np.zeros((len(names), len(values)))
    for i, name in enumerate(names):
        first = _response(generator, reader, base, directions, name, strengths, spread)
        directions[name] = directions[name] / _slope(*first)[i]
        steps, changes = _response(generator, reader, base, directions, name, strengths, spread)
        leak[i], correlation[i] = _slope(steps, changes), np.corrcoef(steps, changes[:, i])[0, 1]
        report(f"{name}: correlation {correlation[i]:.2f}, effects {dict(zip(values, leak[i].round(2).tolist()))}")
    centre = np.array([v.mean() for v in values.values()])
    return {**directions, "centre": centre, "spread": spread, "correlation": correlation, "leak": leak}


def _slope(steps: np.ndarray, changes: np.ndarray) -> np.ndarray:
    return steps @ changes / (steps @ steps)


def _response(generator, reader, base, directions, name, strengths, spread) -> tuple[np.ndarray, np.ndarray]:
    """Strengths (M) and the changes they make in all measures (M x 7), in standard deviations, on faces `base`."""
    steps, changes = [], []
    for style in base:
        drawn = [generator.draw(generator.edit(style[None], directions, {name: s}))[0] for s in strengths]
        found = [reader.points(image) for image in drawn]
        if all(points is not None for points in found):
            read = np.stack(list(measures(np.array(found)).values()), axis=1) / spread
            steps += strengths
            changes += list(read - read.mean(axis=0))
    return np.array(steps), np.array(changes)


def load_directions(path: str | Path = DIRECTIONS) -> dict[str, np.ndarray]:
    """What find_directions found, as float32, from an .npz without pickles. Raises FileNotFoundError or ValueError."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


def crop_box(points: np.ndarray, margin: float = MARGIN) -> tuple[float, float, float, float]:
    """The standard crop of a face, widened by margin: left, top, right, bottom in pixels (68 x 2 landmarks, iBUG).

    With e the midpoint of the eye centres and m that of the mouth corners: centre e + 0.36 (m - e), half side
    1.36 max(|m - e|, 1.1 |eye - eye|), no rotation.
    """
    x, y, half = standard_crop(five_points(points), margin)
    return x - half, y - half, x + half, y + half


def crop(image: np.ndarray, points: np.ndarray, size: int, margin: float = MARGIN) -> np.ndarray:
    """The crop as size x size x 3 uint8, resized with Lanczos; what lies outside the image is mirrored in."""
    box = np.array(crop_box(points, margin))
    height, width = image.shape[:2]
    pad = max(0, int(np.ceil(max(-box[0], -box[1], box[2] - width, box[3] - height))))
    if pad:
        image = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="symmetric")
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS, box=tuple(box + pad)))


def wished(rng: np.random.Generator, now: dict[str, float]) -> dict[str, float]:
    """Edit strengths of one frame, a pose and one or two expressions, for a face that measures `now` (in sd)."""
    strengths = {"yaw": rng.uniform(-1.6, 1.6) - 0.5 * now["yaw"], "pitch": rng.uniform(-1.1, 1.1) - 0.5 * now["pitch"]}
    chosen = rng.choice(EXPRESSION, size=rng.integers(1, 3), replace=False)
    for name in chosen:
        # away from where the face already is, so that a smiling one is not asked to smile more
        sign = -1 if now[name] > rng.normal(0, 0.7) else 1
        strengths[str(name)] = sign * rng.uniform(1.0, 1.9) * (1.0 if len(chosen) == 1 else 0.85)
    return {name: round(float(strength), 3) for name, strength in strengths.items()}


def clips(
    people: int,
    frames: int,
    size: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    directions: dict[str, np.ndarray] | None = None,
) -> Iterator[list[tuple[np.ndarray, dict]]]:
    """Clips of people who do not exist; the same arguments give the same pictures on the same kind of processor.

    Args:
        people: how many clips, one a person.
        frames: most frames a clip; one that loses its face or its identity is redrawn with weaker edits, then dropped.
        size: side of a picture in pixels: the standard crop with margin, so its middle 1 / 1.25 is the standard crop.
        seed: of everything drawn.
        progress: called with (people done, people) after each.
        directions: from load_directions; the bundled ones if None.

    Yields:
        For each person a list of (size x size x 3 uint8 RGB, factors). Factors: person, frame (0 as drawn; numbers of
        dropped frames are missing), psi, edit {name: strength in standard deviations of the measure} and distance, the
        embedding's distance to frame 0.

    Raises:
        ImportError: a package it draws or reads with is missing, named with the command that installs it.
        ValueError: people, frames or size is below 1.
        RuntimeError: 50 draws in a row gave no clip, which only wrong directions can do.
    """
    if min(people, frames, size) < 1:
        raise ValueError(f"people, frames and size must be 1 or more, not {people}, {frames}, {size}")
    generator, reader = Imagined(), Reader()
    directions = load_directions() if directions is None else directions
    for person in range(people):
        for attempt in range(50):
            rng = np.random.default_rng([seed, person, attempt])
            clip = _clip(generator, reader, directions, rng, person, frames, size)
            if len(clip) >= min(4, frames):
                break
        else:
            raise RuntimeError(f"no clip of person {person} in 50 draws: are these the generator's directions?")
        if progress:
            progress(person + 1, people)
        yield clip


def _clip(generator, reader, directions, rng, person: int, frames: int, size: int) -> list[tuple[np.ndarray, dict]]:
    psi = round(float(rng.uniform(0.65, 0.85)), 3)
    base = generator.styles(rng.standard_normal((1, 512)), psi)
    image = generator.draw(base)[0]
    points = reader.points(image)
    if points is None:
        return []
    itself = reader.embedding(image, points)
    read = measures(points[None])
    now = {
        name: (float(value[0]) - centre) / spread
        for (name, value), centre, spread in zip(read.items(), directions["centre"], directions["spread"])
    }
    clip = [(crop(image, points, size), dict(person=person, frame=0, psi=psi, edit={}, distance=0.0))]
    for frame in range(1, frames):
        wish = wished(rng, now)
        for weaker in (1.0, 0.6, 0.36):
            edit = {name: round(weaker * strength, 3) for name, strength in wish.items()}
            image = generator.draw(generator.edit(base, directions, edit))[0]
            points = reader.points(image)
            distance = np.inf if points is None else float(np.linalg.norm(reader.embedding(image, points) - itself))
            if distance <= SAME_PERSON:
                factors = dict(person=person, frame=frame, psi=psi, edit=edit, distance=round(distance, 3))
                clip.append((crop(image, points, size), factors))
                break
    return clip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.imagined", description=__doc__.splitlines()[0])
    parser.add_argument("--find-directions", action="store_true", required=True, help="search and save the directions")
    parser.add_argument("--faces", type=int, default=600, help="how many faces to draw and measure")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=DIRECTIONS, help="the .npz to write")
    options = parser.parse_args(arguments)
    found = find_directions(options.faces, seed=options.seed)
    np.savez(options.out, **{name: value.astype(np.float16) for name, value in found.items()})


if __name__ == "__main__":
    main()
