"""`python -m latentface convert`: the authors' published weight file as a `paper-64` pipeline folder.

The file is a dict of state dicts, one a network: netD shape, netA texture, netL light, netV view, netC confidence,
netED and netEA the denoisers of shape and texture. Sizes are read off the weights, so a model that the authors' code
trained at another width converts too.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from latentface.checkpoints import CheckpointError, first_line
from latentface.paper import PaperAutoencoder, PaperDenoiser
from latentface.pipeline import LatentFacePipeline
from latentface.rdm import make_scheduler

AUTOENCODER = ("netD", "netA", "netL", "netV", "netC")
DENOISERS = ("netED", "netEA")
"""Of shape and of texture."""
OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""diffusers up to 0.14's names of the attention's layers, and today's."""
SHOWN = 6
"""How many keys of a kind an error names."""


def convert(file: Path, out: Path, legacy_ddim: bool = False) -> list[str]:
    """Convert a published weight file into a pipeline folder.

    Args:
        file: written by torch.save; read with weights_only, so nothing in it runs.
        out: a folder, made here; it loads with `load_pipeline`.
        legacy_ddim: give the pipeline the authors' sampler (rdm.LegacyDDIMScheduler).

    Returns:
        The file's entries that are no network.

    Raises:
        CheckpointError: in one line: the file is not such a dict, or a key is missing, unexpected or of another shape.
    """
    states, beside = read_states(file)
    LatentFacePipeline(*build(states), make_scheduler(legacy_ddim)).save_pretrained(out)
    return beside


def read_states(file: Path) -> tuple[dict[str, dict[str, Tensor]], list[str]]:
    """Read the seven networks' state dicts under today's key names, and the names of the file's other entries.

    Args:
        file: written by torch.save.

    Raises:
        CheckpointError: the file holds something else.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # a file that is something else fails in as many ways as there are files
        raise CheckpointError(
            f"{file} is no file of weights that loads without running code: {first_line(error)}"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} holds a {type(content).__name__}, not a dict of the networks' state dicts")
    networks = (*AUTOENCODER, *DENOISERS)
    missing = [name for name in networks if not isinstance(content.get(name), dict)]
    unknown = [str(name) for name in content if str(name).startswith("net") and name not in networks]
    if missing or unknown:
        raise CheckpointError(
            f"{file}: {_list('networks missing', missing)}{_list('networks unknown', unknown)}".rstrip("; ")
        )
    strange = [
        f"{n}.{k}"
        for n in networks
        for k, v in content[n].items()
        if not (isinstance(k, str) and isinstance(v, Tensor))
    ]
    if strange:
        raise CheckpointError(f"{file}: {_list('entries that are no named tensors', strange)}".rstrip("; "))
    states = {name: {_renamed(key): value for key, value in content[name].items()} for name in networks}
    return states, [str(name) for name in content if name not in networks]


def build(states: dict[str, dict[str, Tensor]]) -> tuple[PaperAutoencoder, PaperDenoiser]:
    """Build the two models with these weights, on the CPU in float32, or on the meta device if the weights are there.

    Args:
        states: state dict of each network by its published name.

    Raises:
        CheckpointError: lists every key that is missing, unexpected or of another shape.
    """
    try:
        width, code = len(states["netD"]["network1.0.weight"]), len(states["netD"]["network1.11.weight"])
        shape, texture = (len(states[name]["conv_in.weight"]) for name in DENOISERS)
    except KeyError as error:
        raise CheckpointError(f"the networks' first layers are not where the published ones are: no {error}") from error
    device = next(iter(states["netD"].values())).device
    try:
        with torch.device(device):
            autoencoder = PaperAutoencoder(width=width, code=code)
            denoiser = PaperDenoiser(code=2 * code, widths=(shape, texture))
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    homes: dict[str, nn.Module] = {name: getattr(autoencoder, name) for name in AUTOENCODER}
    homes |= {name: getattr(denoiser, name) for name in DENOISERS}
    missing, unexpected, other = [], [], []
    for name, home in homes.items():
        wanted, found = home.state_dict(), states[name]
        missing += [f"{name}.{key}" for key in wanted if key not in found]
        unexpected += [f"{name}.{key}" for key in found if key not in wanted]
        other += [
            f"{name}.{key} {list(found[key].shape)} instead of {list(wanted[key].shape)}"
            for key in wanted
            if key in found and found[key].shape != wanted[key].shape
        ]
    if missing or unexpected or other:
        text = _list("missing", missing) + _list("unexpected", unexpected) + _list("of another shape", other)
        raise CheckpointError(f"the weights do not fit paper-64: {text}".rstrip("; "))
    for name, home in homes.items():
        home.load_state_dict(states[name], strict=True)
    return autoencoder.eval(), denoiser.eval()


def _renamed(key: str) -> str:
    """Give a denoiser's key today's name of the attention's layer; other keys stay."""
    *path, layer, kind = key.split(".") if ".attentions." in key else ("", "")
    return ".".join([*path, OLD_ATTENTION[layer], kind]) if layer in OLD_ATTENTION else key


def _list(what: str, names: list[str]) -> str:
    """List names as `3 missing: a, b, c; `, the first few of them, or nothing."""
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {what}: {', '.join(names[:SHOWN])}{more}; "
