"""The name of a checkpoint's method in results."""

from pathlib import Path


def label(checkpoint: str) -> str:
    """Name a checkpoint by its own folder or its run's: runs/b/pipeline -> b, explorer -> explorer."""
    path = Path(checkpoint)
    return path.resolve().parent.name if path.name in ("pipeline", "model", "backbone") else path.name
