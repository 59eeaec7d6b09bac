"""SimCLR (Chen et al., ICML 2020), the baseline beside PCL: the same backbone, data and budget.

    python -m train simclr --preset explorer|clips --data SHARDS --out RUN [--resume]

`explorer`: two augmentations of one image, as published, with crops and colours tuned for faces. `clips`: two frames
of one person instead, each augmented, so that features forget what changes within a clip (expression, pose).
"""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from latentface.pcl import STRIDE, Backbone
from train import losses
from train.common.config import require, require_arguments
from train.contrastive.augment import Colours, crops, view
from train.contrastive.config import ContrastiveConfig
from train.contrastive.probes import probe_features
from train.contrastive.projector import Projector
from train.contrastive.trainer import Batch, Method, Task, fit
from train.data.clips import Clips, another_frame


@dataclass
class SimCLRConfig(ContrastiveConfig):
    """A preset of SimCLR."""

    temperature: float = 0.1
    """Temperature of the contrast."""
    area: tuple[float, float] = (0.3, 1.0)
    """Smallest and largest share of the standard crop that a view shows."""
    colours: dict = field(
        default_factory=lambda: {"brightness": 0.5, "contrast": 0.5, "saturation": 0.5, "hue": 0.05, "blur": 0.5}
    )
    """Strength of colour changes, see augment.Colours. Little hue: skin is no wheel of colours."""
    frames: bool = False
    """Whether the second view is of another frame of the same person (where there is one); then no other image of that
    person is a negative."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be, naming their flag."""
        super().__post_init__()
        require_arguments(self, "model", Backbone)
        require_arguments(self, "colours", Colours)
        require(self, "area", above=0, most=1)
        if self.area[0] > self.area[1]:
            raise ValueError(f"--area is the smallest and the largest share, not {self.area[0]} and {self.area[1]}")


PRESETS = {
    "explorer": SimCLRConfig(),
    "clips": SimCLRConfig(frames=True, area=(0.5, 1.0)),
    "toy": SimCLRConfig(model={"size": 32, "width": 8}, images=512, batch=32, projection=(32, 16), lr=4e-3, warm_up=10),
}


def tasks(model: Backbone, projectors: nn.ModuleDict, config: SimCLRConfig) -> dict[str, Task]:
    """Return SimCLR's one loss by name; `projectors` receives its projector."""
    size, width = model.config["size"], model.config["width"]
    projectors["trunk"] = Projector(4 * width * (size // STRIDE) ** 2, *config.projection)
    colours = Colours(**config.colours)

    def contrast(batch: Batch) -> Tensor:
        other, rows, images = batch.stored, batch.rows, batch.clips.images
        if config.frames:
            frames = another_frame(batch.clips.people, rows, batch.generator)
            other = images[frames.to(images.device)].to(other.device)
        count, generator = len(rows), batch.generator
        image = torch.cat(
            [
                view(stored, crops(count, generator, config.area), size, colours, generator)
                for stored in (batch.stored, other)
            ]
        )
        one, two = projectors["trunk"](model(image).flatten(1)).chunk(2)
        return losses.info_nce(one, two, config.temperature, person=batch.clips.person[rows] if config.frames else None)

    return {"contrast": Task(contrast, [model, projectors["trunk"]])}


def check(model: Backbone, clips: Clips) -> tuple[dict[str, float], None]:
    """Measure a model on validation frames, see `probe_features`; there is nothing to draw."""
    return probe_features(model, clips, model.config["size"]), None


METHOD = Method(Backbone, tasks, check)


def train(config: SimCLRConfig, data: list[str], out: Path, resume: bool = False, every: int = 12_800) -> Path:
    """Train SimCLR; weights in `backbone/`, the rest as `contrastive.trainer.fit` has it."""
    return fit(METHOD, config, data, out, resume, every)
