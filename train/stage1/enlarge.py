"""Trains the enlarger, which draws a face's texture at twice the model's size (Autoencoder.decode_fine).

    python -m train enlarge --preset explorer --autoencoder RUN|NAME --data SHARDS --out RUN2 [--resume]

Everything else of the autoencoder stands still, so codes, splits and all measures stay what they were. Photos are read
at twice the model's size, encoded at its size, and rebuilt at theirs. What is finer than the codes know can't be
rebuilt pixel by pixel: the perceptual distance and the discriminator ask for detail like a photo's.
"""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.nn.utils import convert_conv2d_weight_memory_format

from latentface.autoencoder import Autoencoder
from latentface.checkpoints import load_autoencoder
from train import losses
from train.common.config import require, require_run
from train.common.ema import Ema
from train.common.loop import Evaluation, Run
from train.common.perceptual import LiteFeatures
from train.common.precision import mixed_precision
from train.common.sheets import tile
from train.data.reading import read_shards
from train.stage1.detail import gradient_energy
from train.stage1.discriminator import Discriminator, discriminator_loss

WARM_UP = 100
"""Steps over which the learning rate rises."""
MEASURED = 64
"""Validation frames that the curves are of."""


@dataclass
class EnlargerConfig:
    """Settings of a run of the enlarger."""

    base: int = 64
    """Channels of the enlarger."""
    images: int = 24_000
    """Length of the run in images seen."""
    batch: int = 8
    """Images a step."""
    lr: float = 5e-4
    """Adam's peak learning rate; warm-up over 100 steps, then a cosine to zero."""
    ema: float = 0.998
    """Decay of the averaged weights, the ones that are shipped."""
    gradient: float = 1.5
    """Weight of the gradient L1 beside the L1. It asks for the photo's edges in their places, and blurs where codes do
    not know those."""
    perceptual: float = 0.4
    """Weight of the perceptual distance, taken of every second image; 0 leaves the network out."""
    adversarial: float = 0.1
    """Length of the discriminator's gradient at the picture, as a share of the other terms', from a tenth of the run
    on. With .3, white dots come into eyes and between lips."""
    seed: int = 0
    """Seed of weights and batches."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be, naming their flag."""
        require_run(self)
        require(self, "base", least=8)
        require(self, "gradient", "perceptual", "adversarial", least=0)


PRESETS = {
    "explorer": EnlargerConfig(),
    "toy": EnlargerConfig(base=8, images=64, batch=8, perceptual=0.0),
}


def learning_rate(seen: int, config: EnlargerConfig) -> float:
    """Return the learning rate after `seen` images: warm-up, then a cosine to zero."""
    share = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * seen / config.images))).item()
    return config.lr * share * min(1.0, (seen / config.batch + 1) / WARM_UP)


def a_window(size: int, generator: torch.Generator) -> tuple[slice, ...]:
    """Draw a square of half a picture's side, where the costly judges look: an index of B x 3 x 2S x 2S."""
    top, left = torch.randint(size + 1, (2,), generator=generator).tolist()
    return (slice(None), slice(None), slice(top, top + size), slice(left, left + size))


def with_enlarger(model: Autoencoder, base: int) -> Autoencoder:
    """Return the model with an enlarger of so many channels, which does nothing yet; everything else is frozen."""
    given = {name: value for name, value in model.config.items() if not name.startswith("_")}
    wider = Autoencoder(**{**given, "enlarger_base": base})
    kept = {name: value for name, value in model.state_dict().items() if not name.startswith("enlarger.")}
    wider.load_state_dict({**wider.state_dict(), **kept})
    wider.eval().requires_grad_(False)
    wider.enlarger.requires_grad_(True)
    return wider


class Trainer:
    """Networks and optimisers of a run of the enlarger.

    Args:
        config: settings.
        model: a stage 1 network.
        data: shards, read at twice the model's size.
        run: the run's folder and state; restored here.
    """

    def __init__(self, config: EnlargerConfig, model: Autoencoder, data: list[str], run: Run):
        self.config, self.run = config, run
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(config.seed)
        self.model = with_enlarger(model, config.base)
        self.model.to(self.device)  # pyright: ignore (diffusers wraps it)
        self.average = deepcopy(self.model)
        self.ema = Ema(self.model.enlarger, self.average.enlarger, config.ema)
        self.features = LiteFeatures().to(self.device) if config.perceptual else None
        self.discriminator = Discriminator().to(self.device)
        for network in filter(None, (self.model, self.average, self.features, self.discriminator)):
            convert_conv2d_weight_memory_format(network, torch.channels_last)
        self.optimizer = torch.optim.Adam(self.model.enlarger.parameters(), config.lr, (0.9, 0.99))
        self.judging_optimizer = torch.optim.Adam(self.discriminator.parameters(), 2e-4, betas=(0.5, 0.99))
        run.restore(
            enlarger=self.model.enlarger, average=self.average.enlarger, optimizer=self.optimizer,
            critic=self.discriminator, critic_optimizer=self.judging_optimizer,
        )  # fmt: skip
        self.clips = read_shards(data, 2 * self.model.size)
        validation = self.clips.validation.nonzero().flatten()
        self.measured = validation[:: max(1, len(validation) // MEASURED)][:MEASURED]
        """Rows of the frames that the curves are of."""

    def rebuilt(self, model: Autoencoder, image: Tensor) -> tuple[Tensor, Tensor]:
        """Rebuild photos B x 3 x 2S x 2S from their codes.

        Returns:
            Pictures B x 3 x 2S x 2S with the photo's pixels where nothing is drawn, and what is drawn, B x 1 x 2S x 2S.
        """
        drawn, mask = model.decode_fine(model.encode(F.avg_pool2d(image, 2))).render()
        return torch.where(mask > 0, drawn, image), mask

    def step(self, seen: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Train on one batch; returns the terms of the loss."""
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(seen, config)
        rows = self.clips.draw(config.batch, generator)
        image = self.clips.jittered(rows, 2 * self.model.size, generator).to(self.device)
        window = a_window(self.model.size, generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed_precision() == "bf16"):
            made, mask = self.rebuilt(self.model, image)
            terms = {
                "l1": losses.masked_mean((made - image).abs(), mask),
                "gradient": config.gradient * losses.gradient_l1(made, image, mask),
            }
            photo, drawn = (part[window] for part in (image, made))
            if self.features is not None:
                some = slice(None, None, 2)
                found = losses.feature_l2(self.features(drawn[some]), self.features(photo[some]))
                terms["perceptual"] = config.perceptual * found
            loss = sum(terms.values(), image.new_zeros(()))
            self.run.check(loss)
            wish = torch.autograd.grad(loss, made, retain_graph=True)[0]
            if config.adversarial and seen >= config.images / 10:
                self.discriminator.requires_grad_(False)
                judged = -self.discriminator(drawn).mean()
                terms["adversarial"] = judged
                asked = torch.autograd.grad(judged, made, retain_graph=True)[0]
                wish = wish + config.adversarial * wish.norm() / asked.norm().clamp(min=1e-9) * asked
        self.optimizer.zero_grad(set_to_none=True)
        made.backward(wish)
        torch.nn.utils.clip_grad_norm_(self.model.enlarger.parameters(), 1.0)
        self.optimizer.step()
        shown = {name: value.detach() for name, value in terms.items()}
        if config.adversarial:
            shown["critic"] = self.step_discriminator(photo, drawn.detach())
        return shown

    def step_discriminator(self, image: Tensor, made: Tensor) -> Tensor:
        """Train the discriminator on photos and rebuilt ones; returns its loss."""
        self.discriminator.requires_grad_(True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed_precision() == "bf16"):
            loss = discriminator_loss(self.discriminator, image, made)
        self.judging_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.judging_optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def evaluate(self, seen: int) -> Evaluation:
        """Measure the averaged enlarger on people held out, and draw some of them."""
        sums, rows = torch.zeros(4), []
        for part in self.measured.split(self.config.batch):
            image = self.clips.centre(part, 2 * self.model.size).to(self.device)
            made, mask = self.rebuilt(self.average, image)
            plain, _ = self.average.decode(self.average.encode(F.avg_pool2d(image, 2))).render()
            plain = F.interpolate(plain, scale_factor=2, mode="bicubic")
            energies = [gradient_energy(one, mask) for one in (made, image, plain)]
            sums += torch.stack([losses.masked_mean((made - image).abs(), mask), *energies]).cpu() * len(part)
            rows.append(torch.stack([image, plain, made]))
        l1, own, photo, before = (sums / max(1, len(self.measured))).tolist()
        measures = {
            "val_l1": l1,
            "val_energy": own / max(photo, 1e-9),
            "val_energy_enlarged": before / max(photo, 1e-9),
        }
        return measures, {"sheet": self.sheet(torch.cat(rows, 1)[:, :6])} if rows else {}

    @staticmethod
    def sheet(rows: Tensor) -> Image.Image:
        """Draw three rows: photos, the model's pictures enlarged, the enlarger's."""
        return tile(list(rows), 1)

    def save(self, out: Path) -> None:
        """Save the autoencoder with the averaged enlarger."""
        self.average.save_pretrained(out / "autoencoder")


def train(config: EnlargerConfig, data: list[str], autoencoder: str, out: Path, resume: bool = False) -> Path:
    """Train an enlarger and write the autoencoder with it to `out/autoencoder`.

    Args:
        config: settings.
        data: shards, FOLDER[:WEIGHT] each, of pictures that are sharp at twice the model's size.
        autoencoder: a stage 1 run or a checkpoint.
        out: receives config.json, curves.jsonl, sheets, state.pt and the autoencoder.
        resume: whether to go on with the run in `out`.

    Returns:
        The run's folder.

    Raises:
        FileExistsError: where the folder holds a run and `resume` is False.
        ValueError: the network is not the explorer's.
        FloatingPointError: where the loss is not finite.
    """
    model = load_autoencoder(autoencoder)
    if not isinstance(model, Autoencoder):
        raise ValueError("only an explorer can draw its texture larger")
    trainer = Trainer(config, model, data, run := Run(config, data, out, resume))
    every = max(config.batch, config.images // 12 // config.batch * config.batch)
    return run.train(trainer.step, trainer.evaluate, trainer.save, trainer.ema, every)
