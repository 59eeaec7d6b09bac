"""Checkpoints: names, folders and Hub ids, resolved and loaded in one place.

A checkpoint is a bundled name ("explorer"), a folder that diffusers' `save_pretrained` wrote, or the id of a Hub
repository. Only safetensors are read: nothing in a checkpoint runs.
"""

import json
import logging as levels
import os
import re
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import torch
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import logging
from torch.nn.utils import convert_conv2d_weight_memory_format

from latentface.autoencoder import Autoencoder
from latentface.doubts import read_doubts
from latentface.paper import PaperAutoencoder
from latentface.pipeline import LatentFacePipeline
from latentface.weights import check_index, check_settings, check_shapes, check_sums, check_weights, read_settings

PACKAGE = Path(__file__).parent
ASSETS = PACKAGE / "assets" if (PACKAGE / "assets").is_dir() else PACKAGE.parent / "assets"
"""Bundled checkpoints, one folder a name, gallery and results: in an installed package, or beside it in a checkout."""
DEFAULT = "explorer"
"""Name of the checkpoint that is shown out of the box."""
INDEX, CONFIG = "model_index.json", "config.json"
"""Files that tell a folder with a pipeline, and one with a single network."""

PIPELINE = "pipeline"
"""Folder of a run that holds its checkpoint."""

ABSOLUTE = re.compile(r"""(?<![\w.:/])/(?:[^\s/'"]+/)*([^\s/'"]+)""")
"""An absolute path in a text, and its last name."""

Network = TypeVar("Network", bound=ModelMixin)


class CheckpointError(ValueError):
    """A checkpoint can't be found or loaded; the message says what to do.

    Args:
        message: one line for whoever runs the program.
        places: paths that may stand in it.
    """

    def __init__(self, message: str, *places: str | Path):
        super().__init__(message)
        self.places = places

    def for_visitors(self) -> str:
        """Say it in a sentence without where on this machine anything lies."""
        words = str(self)
        for place in (*self.places, PACKAGE.parent):
            for form in (str(place), str(Path(place).resolve())):
                if os.path.isabs(form):
                    words = words.replace(form, shown_name(form))
        words = ABSOLUTE.sub(r"\1", words)
        return f"{words[:1].upper()}{words[1:]}."


def find(checkpoint: str | Path, holding: str = INDEX) -> Path | None:
    """Find the folder of a checkpoint on this machine.

    Args:
        checkpoint: a bundled name, which goes first, a folder, or a run's, whose checkpoint is its folder `pipeline`.
        holding: file that the folder must hold.

    Returns:
        The folder, or None where there is none, as for a Hub id.
    """
    folders = (ASSETS / str(checkpoint), Path(checkpoint), Path(checkpoint) / PIPELINE)
    return next((folder for folder in folders if (folder / holding).exists()), None)


def folder_of(checkpoint: str | Path) -> Path | None:
    """Find the folder that a bundled name or a path means, whatever it holds; None for a Hub id."""
    folders = (find(checkpoint), ASSETS / str(checkpoint), Path(checkpoint))
    return next((folder.resolve() for folder in folders if folder is not None and folder.is_dir()), None)


def bundled() -> list[str]:
    """List the names of the bundled pipelines, the default one first."""
    names = (file.parent.name for file in ASSETS.glob(f"*/{INDEX}"))
    return sorted(names, key=lambda name: (name != DEFAULT, name))


def resolved(checkpoint: str | Path) -> str:
    """Name a checkpoint by its folder where it has one, so that `explorer` and `assets/explorer` are the same."""
    return str(folder_of(checkpoint) or checkpoint)


def shown_name(checkpoint: str | Path) -> str:
    """Name a checkpoint for others to read: by its folder or its run's, not by where on this machine."""
    if folder_of(checkpoint) is None and not Path(checkpoint).is_absolute():
        return str(checkpoint)
    path = Path(os.path.abspath(checkpoint))
    return path.parent.name if path.name == PIPELINE else path.name


def summary_of(checkpoint: str | Path) -> str:
    """Give the line `summary:` of a checkpoint's card on this machine; "" where there is none."""
    folder = folder_of(checkpoint)
    card = folder / "README.md" if folder is not None else None
    if card is None or not card.is_file():
        return ""
    head = card.read_text(encoding="utf-8").removeprefix("---").partition("\n---")[0]
    lines = (line.partition(":") for line in head.splitlines())
    return next((value.strip() for key, _, value in lines if key == "summary"), "")


def kind_of(checkpoint: str | Path) -> str:
    """Tell the class of a checkpoint on this machine: LatentFacePipeline, PCL, ...; "" where there is none."""
    for file in (INDEX, CONFIG):
        if (folder := find(checkpoint, file)) is not None:
            return str(json.loads((folder / file).read_text()).get("_class_name", ""))
    return ""


def load_pipeline(checkpoint: str | Path = DEFAULT) -> LatentFacePipeline:
    """Load a pipeline in float32, ready to use.

    Args:
        checkpoint: a bundled name, a folder, or a Hub id.

    Returns:
        The pipeline on the CPU, its networks in evaluation mode.

    Raises:
        CheckpointError: there is no such checkpoint, or it does not load.
    """
    folder = find(checkpoint)
    bars, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()  # a bar over three small files says nothing
    logging.set_verbosity(levels.CRITICAL)  # what fails is said below, once
    try:
        here = folder or Path(LatentFacePipeline.download(str(checkpoint), use_safetensors=True))
        index = read_settings(here / INDEX)
        check_index(index)
        networks = [name for name in ("autoencoder", "denoiser", "prior") if index.get(name, [None])[0]]
        for name in networks:
            check_settings(here / name / CONFIG, index[name][1])
            check_shapes(getattr(import_module(index[name][0]), index[name][1]), here / name)
        check_settings(here / "scheduler" / "scheduler_config.json", index["scheduler"][1])
        check_sums(here)
        pipeline = LatentFacePipeline.from_pretrained(
            here, use_safetensors=True, dtype=torch.float32, low_cpu_mem_usage=False, local_files_only=True
        )
        for name in networks:
            check_weights(getattr(pipeline, name), here / name)
        pipeline.doubts = read_doubts(here)
    except Exception as error:
        if folder is not None:
            raise CheckpointError(f"the checkpoint {folder} does not load: {first_line(error)}", folder) from error
        names = ", ".join(bundled()) or "none"
        raise CheckpointError(
            f"no checkpoint {checkpoint!r}: give a bundled name ({names}), a folder that holds {INDEX}, "
            f"or the id of a Hub repository you can reach ({type(error).__name__})",
            checkpoint,
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
    pipeline.autoencoder.eval()
    if isinstance(pipeline.autoencoder, Autoencoder):  # a third faster, and equal but for 1e-6
        convert_conv2d_weight_memory_format(pipeline.autoencoder.refiner, torch.channels_last)
        if pipeline.autoencoder.config["enlarger_base"]:
            convert_conv2d_weight_memory_format(pipeline.autoencoder.enlarger, torch.channels_last)
    return pipeline


def load_network(checkpoint: str | Path, *kinds: type[Network]) -> Network:
    """Load a single network in float32, ready to use.

    Args:
        checkpoint: a bundled name, or a folder that `save_pretrained` or `train ship` wrote.
        kinds: classes that are welcome; config.json names the one.

    Returns:
        The network on the CPU in evaluation mode.

    Raises:
        CheckpointError: there is no such checkpoint, it holds another class, or it does not load.
    """
    folder = find(checkpoint, CONFIG)
    if folder is None:
        raise CheckpointError(
            f"no checkpoint {str(checkpoint)!r}: give a bundled name, or a folder that holds {CONFIG}", checkpoint
        )
    try:
        name = read_settings(folder / CONFIG).get("_class_name")
        kind = {kind.__name__: kind for kind in kinds}.get(str(name))
        if kind is None:
            raise ValueError(f"it holds a {name}, not a {' or '.join(kind.__name__ for kind in kinds)}")
        check_settings(folder / CONFIG, name)
        check_shapes(kind, folder)
        check_sums(folder)
        network = kind.from_pretrained(folder, use_safetensors=True, local_files_only=True, low_cpu_mem_usage=False)
        check_weights(network, folder)
    except Exception as error:
        raise CheckpointError(f"the checkpoint {folder} does not load: {first_line(error)}", folder) from error
    return network.float().eval()


def load_autoencoder(checkpoint: str | Path) -> Autoencoder | PaperAutoencoder:
    """Load an autoencoder in float32, ready to use.

    Args:
        checkpoint: a pipeline (bundled name, folder, Hub id), a stage 1 run's folder, or its folder `autoencoder`.

    Returns:
        The autoencoder on the CPU in evaluation mode.

    Raises:
        CheckpointError: there is no such checkpoint, or it does not load.
    """
    kinds = (Autoencoder, PaperAutoencoder)
    if find(checkpoint) is None:
        for folder in (Path(checkpoint) / "autoencoder", Path(checkpoint)):
            if (folder / CONFIG).exists():
                return load_network(folder, *kinds)
    return load_pipeline(checkpoint).autoencoder


def first_line(error: Exception) -> str:
    """Shorten an error to its first line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
