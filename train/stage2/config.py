"""Settings and presets of stage 2."""

from dataclasses import dataclass, field

from latentface.paper import PaperDenoiser
from latentface.rdm import Denoiser
from train.common.config import require, require_arguments, require_choice, require_run

NETWORKS: dict[str, type[Denoiser] | type[PaperDenoiser]] = {"explorer": Denoiser, "paper": PaperDenoiser}
"""Name of a denoiser -> its class."""


@dataclass
class RDMConfig:
    """A preset of stage 2."""

    network: str = "explorer"
    """Denoiser: "explorer" (Denoiser) or "paper" (PaperDenoiser)."""
    model: dict = field(default_factory=dict)
    """Arguments of the denoiser."""
    standardized: bool = True
    """Whether codes are diffused with zero mean and unit variance; the authors diffuse them as they are."""
    images: int = 200_000
    """Length of the run in codes seen."""
    batch: int = 512
    """Codes a step."""
    lr: float = 5e-4
    """Adam's peak learning rate; warm-up over 200 steps, then a cosine to zero."""
    weight_decay: float = 5e-4
    """Weight decay."""
    decoupled: bool = True
    """Whether weight decay is AdamW's; the authors' is Adam's (L2)."""
    ema: float = 0.999
    """Decay of the averaged weights, the ones that are evaluated and shipped; 0: the weights themselves."""
    snr_gamma: float = 0.0
    """Cap of the min-SNR weight; 0 is the plain squared error."""
    more: tuple[int, int] = (0, 0)
    """Further directions of the expression subspace, of shape and of texture, beside the numbers that stage 1 lets
    change: of the other numbers, those in which people change most as a face shows it (see expression_directions)."""
    apart: float = 0.0
    """How much it counts against one of these directions that people differ along it."""
    views: int = 1
    """Crops of each frame that are encoded: the plain one, the others shifted and mirrored."""
    seed: int = 0
    """Seed of weights, crops and batches."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be, naming their flag."""
        require_run(self)
        require_choice(self, "network", NETWORKS)
        require_arguments(self, "model", NETWORKS[self.network])
        require(self, "views", least=1)
        require(self, "weight_decay", "snr_gamma", "more", "apart", least=0)


GENTLE = {"images": 10_000, "lr": 1e-4}
"""A short run, 20 steps of the warm-up: the network stays at its least-squares start. Beyond it, 1,900 people teach
nothing that holds for others; more codes are learned by heart."""
PRESETS = {
    "explorer": RDMConfig(**GENTLE),
    "explorer-128": RDMConfig(model={"width": 192}, more=(8, 0), **GENTLE),
    "explorer-small": RDMConfig(model={"width": 96, "blocks": 2}, **GENTLE),
    "paper-64": RDMConfig(network="paper", standardized=False, decoupled=False, lr=1e-4, snr_gamma=1e9, ema=0.0),
    "toy": RDMConfig(model={"width": 32, "blocks": 1}, more=(2, 0), images=20_000, batch=128, views=1),
}
