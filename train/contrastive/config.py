"""Settings that PCL and SimCLR share."""

from dataclasses import dataclass, field

from train.common.config import require, require_run


@dataclass
class ContrastiveConfig:
    """A preset of PCL or SimCLR."""

    model: dict = field(default_factory=dict)
    """Arguments of the network."""
    images: int = 300_000
    """Length of the run in images seen."""
    batch: int = 128
    """Global batch; all other images of a process's share are negatives."""
    lr: float = 1e-3
    """Adam's learning rate after the warm-up; falls to zero along a cosine."""
    warm_up: int = 100
    """Steps over which the learning rate rises."""
    weight_decay: float = 1e-4
    """Adam's (L2) weight decay."""
    clip: float = 1.0
    """Largest norm of a loss's gradient."""
    ema: float = 0.998
    """Decay of the averaged weights, the ones that are evaluated and shipped; 0: the weights themselves."""
    temperature: float = 0.07
    """Temperature of every contrast."""
    projection: tuple[int, int] = (1024, 256)
    """Hidden and output width of a projector."""
    seed: int = 0
    """Seed of weights and batches."""
    start: str = ""
    """Model to start the weights from, a name such as `pcl` or a folder; what only training needs starts anew."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be, naming their flag."""
        require_run(self)
        require(self, "batch", least=2)  # every image needs a negative
        require(self, "warm_up", "projection", least=1)
        require(self, "weight_decay", least=0)
        require(self, "clip", "temperature", above=0)
