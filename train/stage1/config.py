"""Settings of stage 1, and its presets."""

from dataclasses import dataclass, field

from train.common.config import require, require_arguments, require_choice, require_run
from train.stage1.networks import NETWORKS


@dataclass
class AutoencoderConfig:
    """Settings of a stage 1 run.

    Counts are in images. "On clips" is the part of the run after the canonical frame is settled (see settle.py), which
    learns on several frames of one person at a time.
    """

    network: str = "explorer"
    """Networks: "explorer" (Autoencoder) or "paper" (PaperAutoencoder)."""
    model: dict = field(default_factory=dict)
    """Arguments of the network."""
    images: int = 150_000
    """Length of the run in images seen."""
    batch: int = 16
    """Global batch. Steps count for more than images: after 6,400 images the validation L1 is .170 with 16, .231 with
    64."""
    lr: float = 1e-4
    """Adam's learning rate after 300 warm-up steps; falls linearly to a twentieth over the last quarter of the run."""
    beta2: float = 0.99
    """Adam's decay of the squared gradient."""
    weight_decay: float = 0.0
    """Adam's (L2) weight decay."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.998
    """Decay of the averaged weights, which are evaluated and shipped."""
    log_sigma: tuple[float, float] = (-2.5, 0.5)
    """Range that the pixels' log confidence is held in."""
    mirrored: float = 0.5
    """Weight of the mirrored reconstruction."""
    gradient: float = 2.0
    """Weight of the gradient L1."""
    perceptual: float = 0.4
    """Weight of the perceptual distance on EfficientNet-Lite0 features; 0 leaves the network out."""
    perceptual_share: float = 0.5
    """Share of every batch that the perceptual distance is taken on, one over a whole number (on all of it, it costs as
    much as the rest together)."""
    paper_perceptual: float = 0.0
    """Weight of Unsup3D's perceptual pair: a Gaussian likelihood of 1/4-size features under the features' own
    confidence, plain and mirrored. Theirs are VGG16's relu3_3, which need a download; here they are
    EfficientNet-Lite0's, over FEATURE_SPREAD."""
    raw_depth: float = 0.02
    """Weight of the squared depth before tanh: keeps tanh from saturating."""
    laplacian: float = 0.5
    """Weight of the depth's Laplacian in units of the depth range; on clips, of the relief that a face adds to the
    average."""
    average_laplacian: float = 0.5
    """On clips: weight of the whole depth's Laplacian: little, as the average relief, which is everybody's, may be
    sharp."""
    together: float = 0.0
    """Weight of a frame's reconstruction, at 32 px at most, from the shape and texture of another frame of the same
    person: two views of one face, so that turning up and down is pose and not shape. Half of every batch then are such
    partners. Texture gets no gradient of it, so that it may change with the expression."""
    basis: int = -1
    """Images after which the canonical frame is settled (see settle.py): levelled, faces warped over one another, the
    texture basis fitted. From there on the model learns on clips. 0: at once; -1: never. A start that brings its basis
    along keeps it, unless this is 0."""
    level: int = 6_400
    """Images over which the canonical frame is levelled first of all when it is settled; 0 leaves it as it is."""
    align: int = 9_600
    """Images of which pairs then teach the view."""
    layout: int = 96_000
    """Faces warped over one another then, to learn where features lie (see congealing.py). 0: the warp stays zero."""
    borrowed: float = 0.9
    """On clips: share of the frames that are rendered with the identity numbers of the person's other frames."""
    noise: float = 0.25
    """On clips: standard deviation of the noise on the expression numbers."""
    gate: float = 0.003
    """On clips: weight of the expression numbers' mean square."""
    following: float = 6.0
    """On clips: weight of the expression numbers' squared correlation with the view, or turning would look like an
    expression."""
    habits: float = 0.3
    """On clips: weight of the share of the expression numbers' variance that lies between people: a smile that never
    changes is part of the identity."""
    unsteady: float = 0.6
    """On clips: weight of the share of the identity numbers' variance that lies within people."""
    shading: float = 0.4
    """On clips: share of the shading's gradient that reaches depth. With all of it, relief stays as albedo paints it;
    with none, relief that no turn of the head shows goes wild."""
    stiffness: float = 0.03
    """On clips: weight of the warp's bending."""
    adversarial: float = 0.0
    """On clips, in their second half, or all along where a start brings its warp: weight of the discriminator, in units
    of the balance of gradients. With .3, dark hair shows a grid of dots."""
    texture_lr: float = 5.0
    """Learning rate of the networks that correct and sharpen the texture and read the warp, in units of lr; the basis
    itself takes a fifth of lr, the average relief twice lr."""
    warm_up: int = 8_000
    """Images over which the learned depth, and the gradient that shading gives it, come in on top of the bump: view and
    albedo first, or the relief is used to paint the face."""
    start: str = ""
    """Run to start the weights from, where names and shapes agree: a smaller model grows. Its depth is learned already,
    so there is no warm-up of it."""
    hold: bool = False
    """On clips: whether what says where a face is and how it is built stands still (view, light, depth), so that only
    what draws it learns (warp, texture, confidence)."""
    stream: int = 0
    """Frames that each process keeps in memory of shards that it streams, from URLs say (see train/data/streaming.py):
    draws depend on the number of processes, and a resumed run goes on, but not bit for bit. 0: the shards are read
    whole, or stay on their disk."""
    seed: int = 0
    """Seed of weights and batches."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ValueError: with one line that names the field, its value and its range.
        """
        require_choice(self, "network", NETWORKS)
        require_arguments(self, "model", NETWORKS[self.network])
        require_run(self)
        require(self, "beta2", least=0, most=0.999_999)
        require(self, "clip", above=0)
        require(self, "log_sigma")
        require(self, "perceptual_share", above=0, most=1)
        require(self, "borrowed", "shading", least=0, most=1)
        require(self, "basis", least=-1)
        require(self, "weight_decay", "noise", "texture_lr", least=0)
        require(self, "mirrored", "gradient", "perceptual", "paper_perceptual", "together", "adversarial", least=0)
        require(self, "raw_depth", "laplacian", "average_laplacian", "stiffness", least=0)
        require(self, "gate", "following", "habits", "unsteady", least=0)
        require(self, "level", "align", "layout", "warm_up", "stream", least=0)
        if self.log_sigma[0] > self.log_sigma[1]:
            raise ValueError(f"--log-sigma must be the lower bound, then the higher, not {self.log_sigma}")
        if abs(1 / self.perceptual_share - round(1 / self.perceptual_share)) > 1e-6:
            raise ValueError(f"--perceptual-share must be one over a whole number, not {self.perceptual_share}")


_EXPRESSION = {"changing": (8, 32, 24)}
PRESETS = {
    "explorer": AutoencoderConfig(
        model={"size": 64, "softness": 4, "layout_grid": 16, "encoder_base": 24, "refiner_base": 24, **_EXPRESSION},
        batch=32,
        lr=1.4e-4,
        laplacian=5.0,
        perceptual_share=0.25,
        together=0.5,
        basis=24_000,
    ),
    "explorer-128": AutoencoderConfig(
        model={
            "size": 128,
            "softness": 2,
            "layout_grid": 16,
            "encoder_base": 24,
            "texture_base": 24,
            "refiner_base": 96,
            "refiner_blocks": 5,
            **_EXPRESSION,
        },
        laplacian=6.0,
        raw_depth=0.003,
        perceptual_share=0.25,
        together=0.5,
        basis=24_000,
        adversarial=0.1,
        texture_lr=4.0,
    ),
    "explorer-small": AutoencoderConfig(
        model={
            "size": 64,
            "softness": 4,
            "encoder_base": 24,
            "texture_base": 8,
            "shape_base": 16,
            "refiner_base": 24,
            "small_base": 8,
            "code": 64,
            "layout_grid": 16,
            "layout_base": 12,
            "changing": (4, 12, 10),
        },
        laplacian=5.0,
        together=0.5,
        basis=24_000,
    ),
    "paper-64": AutoencoderConfig(
        network="paper",
        images=162_000 * 30,
        batch=64,
        lr=1e-4,
        weight_decay=5e-4,
        ema=0.0,
        gradient=0.0,
        perceptual=0.0,
        paper_perceptual=1.0,
        raw_depth=0.0,
        laplacian=0.0,
        warm_up=0,
        beta2=0.999,
        clip=1e9,
        log_sigma=(-16.0, 16.0),
    ),
    "toy": AutoencoderConfig(
        model={
            "size": 32,
            "encoder_base": 8,
            "texture_base": 8,
            "shape_base": 8,
            "refiner_base": 8,
            "small_base": 8,
            "code": 32,
            "layout_grid": 8,
            "layout_base": 8,
            "changing": (2, 4, 4),
        },
        images=256,
        batch=16,
        warm_up=128,
        perceptual=0.0,
        together=0.5,
        basis=160,
        level=64,
        align=64,
        layout=640,
        adversarial=0.1,
    ),
}
"""The explorers are ours, `paper-64` is the released LatentFace configuration, `toy` takes seconds."""
