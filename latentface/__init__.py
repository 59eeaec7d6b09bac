"""LatentFace: what a self-supervised face model has understood. Importing this package loads no model."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Autoencoder": "autoencoder",
    "Codes": "codes",
    "Scene": "codes",
    "Denoiser": "rdm",
    "PaperAutoencoder": "paper",
    "PaperDenoiser": "paper",
    "LatentFacePipeline": "pipeline",
    "load_pipeline": "checkpoints",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
