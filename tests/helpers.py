"""Tiny real things that several tests need: models, a pipeline, a photo, drawn faces in shards."""

import io
import json
from pathlib import Path

import numpy as np
import torch
import webdataset
from PIL import Image, ImageDraw
from torch import Tensor

from latentface.autoencoder import Autoencoder, Codes, Scene
from latentface.camera import pixel_grid
from latentface.pipeline import LatentFacePipeline
from latentface.prior import Prior
from latentface.rdm import Denoiser, make_scheduler

ROOT = Path(__file__).parent.parent
FACE = ROOT / "tests" / "data" / "imagined_face.png"  # 160 x 160, a person who does not exist
PEOPLE = (36, 73, 109, 145, 223, 269, 319, 372, 464, 616)  # of the bundled gallery, with all eight pictures in files


def gallery_file(person: int, frame: int = 0) -> Path:
    """A picture of the bundled gallery: a person who does not exist, by number in PEOPLE, again from the first."""
    return ROOT / "assets" / "gallery" / f"{PEOPLE[person % len(PEOPLE)]:05d}_{frame}.webp"


TINY = {
    "size": 16, "encoder_base": 8, "texture_base": 8, "shape_base": 8, "refiner_base": 8, "small_base": 8, "code": 16,
    "layout_grid": 4, "layout_base": 8,
}  # fmt: skip


def tiny_autoencoder(seed: int = 0, **changes) -> Autoencoder:
    torch.manual_seed(seed)
    return Autoencoder(**{**TINY, **changes}).eval()


def tiny_denoiser(seed: int = 0, code: int = 16) -> Denoiser:
    """With a mean and a spread, so that forgetting to standardise shows."""
    torch.manual_seed(seed)
    denoiser = Denoiser(code=code, width=16, blocks=1).eval()
    denoiser.mean.normal_()
    denoiser.std.uniform_(0.5, 2)
    return denoiser


def tiny_pipeline(seed: int = 0, **changes) -> LatentFacePipeline:
    model = tiny_autoencoder(seed, **changes)
    code = model.config.code
    return LatentFacePipeline(model, tiny_denoiser(seed + 1, 2 * code), make_scheduler())


def tiny_prior(seed: int = 0) -> Prior:
    """With random weights everywhere: as built, its last layers are zero and heed nothing."""
    torch.manual_seed(seed)
    prior = Prior(code=32, identity_axes=6, expression_axes=4, width=16, blocks=1).eval()
    for part in prior.parameters():
        torch.nn.init.normal_(part, std=0.3)
    return prior


def random_codes(count: int, seed: int = 0, length: int = 16) -> Codes:
    generator = torch.Generator().manual_seed(seed)

    def draw(columns: int) -> Tensor:
        return torch.randn(count, columns, generator=generator)

    light = torch.rand(count, 4, generator=generator) * torch.tensor([1, 1, 2, 2]) - torch.tensor([0, 0, 1, 1])
    view = draw(6) * torch.tensor([20, 10, 5, 0.03, 0.03, 0])
    return Codes(draw(length), draw(length), view, light)


def smooth(shape: tuple[int, ...], seed: int, coarse: int = 4) -> Tensor:
    """A smooth random map in [-1, 1] of shape ... x S x S."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, int(np.prod(shape[:-2])), coarse, coarse, generator=generator) * 2 - 1
    return (
        torch.nn.functional.interpolate(small, shape[-2:], mode="bicubic", align_corners=True).clamp(-1, 1).view(shape)
    )


def bump(size: int, height: float = 0.08) -> Tensor:
    """1 x S x S: a convex, mirror-symmetric canonical depth, something like a head."""
    squared = (pixel_grid(size) * torch.tensor([1.2, 1.0])).square().sum(-1)
    return 1.04 - height * torch.exp(-squared / 0.5)[None]


def tiny_scene(size: int = 16, yaw: float = 0.0) -> Scene:
    view = torch.tensor([[yaw, 0, 0, 0, 0, 0]])
    return Scene(bump(size), smooth((1, 3, size, size), 0), view, torch.tensor([[0.4, 0.6, 0.3, 0.2]]))


def photo(path: Path, left: int = 120, size: tuple[int, int] = (400, 300)) -> Path:
    """The imagined face on a grey canvas, written to path."""
    canvas = Image.new("RGB", size, (150, 155, 160))
    canvas.paste(Image.open(FACE).convert("RGB"), (left, 70))
    canvas.save(path)
    return path


def photo_of(*faces: tuple[int, int, int], size: tuple[int, int] = (400, 300), mirror: bool = False) -> np.ndarray:
    """A grey photo of size (width, height) with the face pasted at (left, top, side), every one after another."""
    canvas = Image.new("RGB", size, (150, 155, 160))
    for left, top, side in faces:
        face = Image.open(FACE).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
        canvas.paste(face, (left, top))
    pixels = np.array(canvas)
    return np.ascontiguousarray(pixels[:, ::-1]) if mirror else pixels


def drawn_face(side: int, person: int, frame: int) -> Image.Image:
    """A drawn face: skin and eyes follow the person, mouth and place the frame."""
    rng = np.random.default_rng(person)
    skin, shirt, eyes = (tuple(rng.integers(60, 255, 3).tolist()) for _ in range(3))
    shift = (frame % 3 - 1) * side / 16
    image = Image.new("RGB", (side, side), shirt)
    draw = ImageDraw.Draw(image)
    middle, top, bottom = side / 2 + shift, 0.15 * side, 0.9 * side
    draw.ellipse((middle - 0.3 * side, top, middle + 0.3 * side, bottom), fill=skin)
    for dx in (-0.13, 0.13):
        x, y, r = middle + dx * side, 0.42 * side, 0.05 * side
        draw.ellipse((x - r, y - r, x + r, y + r), fill=eyes)
    opened = (0.01 + 0.02 * (frame % 4)) * side
    draw.ellipse(
        (middle - 0.12 * side, 0.7 * side - opened, middle + 0.12 * side, 0.7 * side + opened), fill=(120, 20, 20)
    )
    return image


def webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def drawn_clips(people: int, frames: int, side: int):
    """Clips of drawn faces as write_shards takes them."""
    for person in range(people):
        images = [webp(drawn_face(side, person, frame)) for frame in range(frames)]
        yield f"{person:05d}", images, [{"person": f"{person:05d}", "frame": frame} for frame in range(frames)]


def write_truth(clips, folder: Path) -> Path:
    """A shards folder of (key, WebP frames, factors, arrays of each frame or None), as engines with truth write it."""
    folder.mkdir(parents=True)
    frames = count = 0
    with webdataset.TarWriter(str(folder / "00000.tar")) as writer:
        for key, images, factors, arrays in clips:
            sample = {f"{i:02d}.webp": image for i, image in enumerate(images)}
            for i, known in enumerate(arrays or ()):
                buffer = io.BytesIO()
                np.savez_compressed(buffer, **known)
                sample[f"{i:02d}.npz"] = buffer.getvalue()
            writer.write({"__key__": key, **sample, "json": json.dumps(factors).encode()})
            frames, count = frames + len(images), count + 1
    (folder / "manifest.json").write_text(json.dumps({"clips": count, "frames": frames, "margin": 1.25}))
    return folder
