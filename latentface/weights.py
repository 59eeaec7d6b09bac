"""Whether a checkpoint's files are whole: classes of a fixed list, sane settings, every weight there and finite.

A checkpoint that was shipped holds SHA256SUMS (as `sha256sum` writes it), and its weights must be those.
"""

import hashlib
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from diffusers.models.modeling_utils import ModelMixin
from safetensors import safe_open

WEIGHTS, SUMS = "diffusion_pytorch_model.safetensors", "SHA256SUMS"
"""Names of a network's weights, and of the list of their digests."""
PARTS = {
    "autoencoder": {("latentface.autoencoder", "Autoencoder"), ("latentface.paper", "PaperAutoencoder")},
    "denoiser": {("latentface.rdm", "Denoiser"), ("latentface.paper", "PaperDenoiser")},
    "prior": {("latentface.prior", "Prior"), (None, None)},
    "scheduler": {("diffusers", "DDIMScheduler"), ("latentface.rdm", "LegacyDDIMScheduler")},
}
"""Part of a pipeline -> what it may be; nothing else is ever imported."""
NEEDED = {"autoencoder", "denoiser", "scheduler"}
"""Parts that a pipeline must have."""
MOST = 100_000.0
"""Largest size of a number among the settings without bounds of its own."""
BOUNDS = {
    "size": (8, 1024),
    "code": (1, 8192),
    "max_angle": (1, 180),
    "max_shift": (0, 1),
    "softness": (1, 64),
    "blocks": (0, 64),
    "refiner_blocks": (0, 64),
    "width": (1, 16_384),
    "num_train_timesteps": (10, 10_000),
    "beta_start": (1e-8, 1),
    "beta_end": (1e-8, 1),
}
"""Setting -> least and largest value."""
FRACTIONS, COUNT = ("F16", "BF16", "F32", "F64"), "num_batches_tracked"
"""Types that weights may have, and the only weight that is a whole number: batch normalisation's."""
PREDICTIONS = ("sample", "epsilon", "v_prediction")


def read_settings(file: Path) -> dict:
    """Read a JSON file of a checkpoint; raises ValueError, with one line, where it holds no settings."""
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"its {file.parent.name}/{file.name} is missing or damaged") from error
    if not isinstance(settings, dict):
        raise ValueError(f"its {file.parent.name}/{file.name} holds no settings")
    return settings


def check_index(index: dict) -> None:
    """Check that the parts of a pipeline are classes that may be loaded.

    Args:
        index: content of model_index.json.

    Raises:
        ValueError: one is not, or is missing; it is named.
    """
    if missing := NEEDED - index.keys():
        raise ValueError(f"its model_index.json names no {', no '.join(sorted(missing))}")
    for name, kind in index.items():
        if name.startswith("_"):
            continue
        if name not in PARTS or not isinstance(kind, list) or tuple(kind) not in PARTS[name]:
            raise ValueError(f"its part {name} is {kind}, which is no class that may be loaded")


def check_settings(file: Path, kind: str | None = None) -> None:
    """Check the settings of a network or a scheduler.

    Args:
        file: its config.json or scheduler_config.json.
        kind: name of the class that it must be of.

    Raises:
        ValueError: one is out of bounds, or it is another class; it is named.
    """
    settings = read_settings(file)
    if kind and settings.get("_class_name") != kind:
        raise ValueError(f"{file.parent.name}/{file.name} holds no settings of a {kind}")
    for name in BOUNDS.keys() & settings.keys():
        if type(settings[name]) not in (int, float):
            raise ValueError(f"its setting {name} of {file.parent.name} is no number")
    for name, value in settings.items():
        for number in value if isinstance(value, list) else [value]:
            if type(number) in (int, float):
                least, most = BOUNDS.get(name, (-MOST, MOST))
                if not math.isfinite(number) or not least <= number <= most:
                    raise ValueError(f"its setting {name} of {file.parent.name} is {number}, not {least} to {most}")
    if settings.get("prediction_type", PREDICTIONS[0]) not in PREDICTIONS:
        raise ValueError(f"its setting prediction_type is not one of {', '.join(PREDICTIONS)}")


def check_shapes(kind: type[ModelMixin], folder: Path) -> None:
    """Check that a file holds all weights of a network and no others, before memory is taken for it.

    Args:
        kind: class of the network.
        folder: that holds its config.json and WEIGHTS.

    Raises:
        ValueError: it does not; the first one that is wrong is named.
    """
    with torch.device("meta"):
        network: Any = kind.from_config(read_settings(folder / "config.json"))  # type: ignore[attr-defined]
    ours = network.state_dict()
    if not (folder / WEIGHTS).is_file():
        raise ValueError(f"its {folder.name}/{WEIGHTS} is missing")
    with safe_open(folder / WEIGHTS, "pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (no dictionary)
        theirs = {name: tuple(part.get_shape()) for name, part in slices.items()}
        types = {name: part.get_dtype() for name, part in slices.items()}
    if missing := sorted(ours.keys() - theirs.keys()):
        raise ValueError(f"{folder.name}/{WEIGHTS} lacks {len(missing)} weights, such as {missing[0]}")
    if extra := sorted(theirs.keys() - ours.keys()):
        raise ValueError(f"{folder.name}/{WEIGHTS} has {len(extra)} weights too many, such as {extra[0]}")
    for name, tensor in ours.items():
        if theirs[name] != tuple(tensor.shape):
            shapes = f"{list(theirs[name])}, and its settings ask for {list(tensor.shape)}"
            raise ValueError(f"{folder.name}/{WEIGHTS} holds {name} of the shape {shapes}")
        if types[name] not in FRACTIONS and not name.endswith(COUNT):
            raise ValueError(f"{folder.name}/{WEIGHTS} holds {name} as {types[name]}, not as fractions")


def check_weights(network: ModelMixin, folder: Path) -> None:
    """Check that a network's weights are finite numbers.

    Args:
        network: as it was loaded from the folder.
        folder: that holds WEIGHTS.

    Raises:
        ValueError: they are not; the first one that is wrong is named.
    """
    for name, tensor in network.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{folder.name}/{WEIGHTS} holds numbers in {name} that are none")


def check_sums(folder: Path) -> None:
    """Check the digests of a shipped checkpoint's weights; one that lists none passes.

    Args:
        folder: the checkpoint.

    Raises:
        ValueError: a file is not the one that was shipped; it is named.
    """
    if not (folder / SUMS).is_file():
        return
    for line in (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        file = (folder / name).resolve()
        if not file.is_relative_to(folder.resolve()) or not file.is_file() or digest_of(file) != digest:
            raise ValueError(f"{name} is not the file that was shipped: get the checkpoint again")


def write_sums(folder: Path) -> None:
    """List the digests of all weights below a folder in its SHA256SUMS."""
    files = sorted(folder.rglob(WEIGHTS))
    lines = [f"{digest_of(file)}  {file.relative_to(folder).as_posix()}\n" for file in files]
    (folder / SUMS).write_text("".join(lines))


def digest_of(file: Path) -> str:
    """Compute a file's SHA-256."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of_all(folder: Path) -> str:
    """Compute one SHA-256 of all weights below a folder, so that results can name the weights they were measured on."""
    lines = [f"{digest_of(file)}  {file.relative_to(folder).as_posix()}" for file in sorted(folder.rglob(WEIGHTS))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def written(folder: Path) -> int:
    """Give when the newest weights below a folder were written, in nanoseconds since 1970; 0 where there are none."""
    newest = 0
    for file in folder.rglob(WEIGHTS):
        with suppress(FileNotFoundError):  # a trainer is putting another in its place
            newest = max(newest, file.stat().st_mtime_ns)
    return newest
