"""The app's example clip: a person who does not exist, drawn by the imagined engine, who smiles, talks and turns."""

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from latentface.checkpoints import load_pipeline
from latentface.clip_files import take_apart, write_films
from latentface.film import Film, join
from latentface.moving import settled
from latentface.video import inspect
from train.common.run import record
from train.data.imagined.drawing import engine
from train.data.imagined.measurements import measured
from train.data.imagined.motion import eased, path
from train.data.imagined.people import person_style, within

SIDE, RATE = 400, 20
"""Side in pixels and frames a second of the clip."""
KEYS = 5
"""Expressions that the person eases through, from rest to rest."""
CARD = """---
license: other
license_name: research-only
---
# The example clip of the app

{seconds:.0f} seconds of a person who does not exist, drawn frame by frame. The generator's own training photos (FFHQ)
carry research terms: treat the clip, and what is made of it, as research material.

Made by `{command}` at commit {commit}.
"""


def draw(seed: int, person: int, seconds: float, out: Path) -> None:
    """Draw the clip, and its card.

    Args:
        seed: of everything drawn, with `person`.
        person: number of the person.
        seconds: its length.
        out: the folder for clip.mp4 and README.md.

    Raises:
        RuntimeError: the person's face at rest is broken: choose another.
        ImportError: a package it draws with is missing, named with the command that installs it.
    """
    generator, reader = engine()
    rng, frames = np.random.default_rng([seed, person]), round(seconds * RATE)
    w, _, _ = person_style(generator, rng)
    keys = path(rng, KEYS)
    guess = {name: float(generator.predicted(w[None], name)[0]) for name in keys}
    wishes = {name: eased([values[0], *values[1:], values[0]], frames) - guess[name] for name, values in keys.items()}
    styles = np.repeat(generator.rows(w[None]), frames, axis=0)
    styles = generator.edit(styles, within(generator, wishes))
    out.mkdir(parents=True, exist_ok=True)
    part = out / "clip_0000.mkv"
    with Film(part, RATE, SIDE, SIDE) as film:
        for number in range(frames):
            image = generator.draw(styles[number : number + 1])[0]
            if number == 0:
                still = measured(image, reader, generator.found)
                if still is None or not still.plausible:
                    raise RuntimeError(f"person {person} has no whole face: choose another --person")
            small = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            film.write(number / RATE, np.asarray(small))
            print(f"\r{number + 1} of {frames} frames", end="", flush=True)
    print()
    join([part], out / "clip.mp4")
    part.unlink()
    command = f"python -m train clip --draw --seed {seed} --person {person} --seconds {seconds:g}"
    made = record({"seed": seed, "person": person})
    (out / "README.md").write_text(CARD.format(seconds=seconds, command=command, commit=made["commit"]))


def take(checkpoint: str, out: Path) -> None:
    """Take the clip apart for the app: films.mp4, stretch.safetensors and clip.json beside it.

    Args:
        checkpoint: a bundled name.
        out: the folder with clip.mp4.
    """
    pipeline, clip, parts = load_pipeline(checkpoint), out / "clip.mp4", out / "parts"
    video = inspect(clip)
    parts.mkdir()
    try:
        steps = take_apart(pipeline, clip, parts)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                stretch = end.value
                break
        stretch.half().save(out / "stretch.safetensors")
        for _ in write_films(pipeline, clip, video, settled(stretch), parts, out / "films.mp4"):
            pass
    finally:
        shutil.rmtree(parts)
    (out / "clip.json").write_text(json.dumps({"checkpoint": checkpoint, "record": record({})}, indent=1) + "\n")
