"""Stage 1: trains the 3D-aware autoencoder (LatentFace, section 3.1; losses after Unsup3D, sections 3.1 to 3.4).

    python -m train autoencoder --preset explorer --data SHARDS --out RUN [--resume]

A run has two parts. Before the canonical frame is settled it learns on single images, or on pairs of one person; then
the frame is settled (settle.py); after that it learns on clips, four frames of each person (clip_objective.py).

Every batch is drawn from (seed, step) alone, so a run resumed on the CPU goes on bit for bit; not so with --stream.
"""

from copy import deepcopy
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import Tensor, nn

from latentface.paper import PaperAutoencoder
from train.common import sheets
from train.common.ema import Ema
from train.common.loop import Evaluation, Run
from train.common.perceptual import LiteFeatures
from train.common.precision import mixed_precision
from train.data.clips import Clips, another_frame
from train.data.reading import read_shards
from train.data.streaming import StreamedClips
from train.stage1.clip_objective import clip_objective
from train.stage1.config import PRESETS, AutoencoderConfig
from train.stage1.discriminator import Discriminator, discriminator_loss
from train.stage1.image_objective import image_objective
from train.stage1.measures import measure
from train.stage1.mixing import FRAMES, Mix, draw_clips, draw_mix
from train.stage1.networks import NETWORKS, Outputs, TrainingAutoencoder
from train.stage1.settle import settle

__all__ = ["PRESETS", "Trainer", "learning_rate", "train"]

Network = TrainingAutoencoder | PaperAutoencoder
WARP = ("layout_encoder", "layout")
"""Parts of the explorer that stand still until the canonical frame is settled."""
HELD = ("view_net", "light_net", "shape_encoder", "shape_decoder")
"""Parts of the explorer that `hold` keeps as they are, beside the average relief."""
AVERAGE = ("average_relief", "average_share")
"""State of the explorer that settling sets."""


def learning_rate(images: int, config: AutoencoderConfig) -> float:
    """Return the learning rate after `images` images: warm-up, constant, linear fall over the last quarter."""
    warm = min(1.0, (images / config.batch + 1) / 300)
    left = (config.images - images) / (0.25 * config.images)
    return config.lr * warm * min(1.0, max(0.05, left))


def train(config: AutoencoderConfig, data: list[str], out: Path, resume: bool = False, every: int = 0) -> Path:
    """Train stage 1.

    Ctrl-C saves and stops. Under torchrun, or `accelerate launch` on GPUs, the processes share every batch. Until the
    frame is settled they walk the curve of one process; on clips, where each looks at the variances of its own part,
    near it.

    Args:
        config: the settings.
        data: shards, FOLDER[:WEIGHT] each.
        out: receives config.json, curves.jsonl, sheets, state.pt (every minute and at the end) and `autoencoder/`
            (averaged weights).
        resume: whether to go on with the run in `out`.
        every: images between two evaluations; by default a 24th of the run, 6,400 to 100,000.

    Returns:
        The run's folder.

    Raises:
        FileExistsError: when the folder holds a run and `resume` is False.
        ValueError: for a batch that the processes cannot share evenly, shards of one person, or a run that ends before
            its basis is fitted.
        FloatingPointError: when the loss is not finite.
    """
    accelerator = Accelerator(mixed_precision=mixed_precision(), cpu=not torch.cuda.is_available())
    check_batch(config, accelerator.num_processes)
    run = Run(config, data, out, resume)
    trainer = Trainer(config, run, data, accelerator)
    every = every or max(6_400, min(100_000, config.images // 24) // config.batch * config.batch)
    return run.train(trainer.step, trainer.evaluate, trainer.save, trainer.ema, every, trainer.before_step)


def check_batch(config: AutoencoderConfig, processes: int) -> None:
    """Refuse a batch that cannot be divided, or streamed.

    Raises:
        ValueError: where the processes' parts would not hold whole clips, or whole pairs; or a stream no batch.
    """
    if 0 < config.stream < config.batch:
        raise ValueError(f"--stream must hold a batch of {config.batch} at least, not {config.stream} frames")
    on_clips = config.network == "explorer" and (config.basis >= 0 or config.start)
    together = FRAMES if on_clips else 2 if config.together else 1
    if config.batch % (processes * together):
        raise ValueError(f"a batch of {config.batch} can't be shared evenly by {processes} processes")


def start_weights(model: Network, config: AutoencoderConfig) -> bool:
    """Load the weights of the run to start from, where names and shapes agree.

    Args:
        model: changed in place.
        config: with `start` and `basis`.

    Returns:
        Whether the model's canonical frame is settled already, and to be kept.
    """
    before = load_file(Path(config.start) / "autoencoder" / "diffusion_pytorch_model.safetensors")
    own = model.state_dict()
    settling = [name for name in own if name == "texture_basis.directions" or name.startswith(WARP)]
    fits = bool(settling) and all(name in before and before[name].shape == own[name].shape for name in settling)
    settled = fits and bool(before.get("average_share", 1) > 0)  # a start that never learned its warp has no basis
    if not settled:
        before = {name: value for name, value in before.items() if name not in AVERAGE}
    model.load_state_dict({**own, **{k: v for k, v in before.items() if k in own and own[k].shape == v.shape}})
    return settled and config.basis != 0


def parameter_groups(model: Network, config: AutoencoderConfig) -> list[dict]:
    """Divide the parameters into Adam's groups, each with its share of the learning rate ("scale")."""
    scales = dict.fromkeys(("texture_encoder", "refiner", "layout_encoder"), config.texture_lr)
    scales |= {"texture_basis": 0.2, "average_relief": 2.0}
    groups: dict[float, list] = {}
    for name, parameter in model.named_parameters():
        scale = scales.get(name.partition(".")[0], 1.0) if config.network == "explorer" else 1.0
        groups.setdefault(scale, []).append(parameter)
    return [{"params": parameters, "scale": scale} for scale, parameters in groups.items()]


class Trainer:
    """Networks and optimisers of a stage 1 run.

    Args:
        config: the settings.
        run: the run's folder and state; restored here.
        data: shards.
        accelerator: of this process.

    Raises:
        ValueError: see `train`.
    """

    def __init__(self, config: AutoencoderConfig, run: Run, data: list[str], accelerator: Accelerator):
        self.config, self.run, self.accelerator = config, run, accelerator
        device: torch.device = accelerator.device
        self.device = device
        torch.manual_seed(config.seed)
        network = NETWORKS[config.network]
        self.model: Network = network(**config.model).to(device, memory_format=torch.channels_last)
        kept = bool(config.start) and start_weights(self.model, config)
        self.kept_frame = kept
        """Whether the start's canonical frame is kept."""
        self.average: Network = network(**config.model).to(device)
        self.ema = Ema(self.model, self.average, config.ema)
        # fused, a CPU's last bits depend on where memory lies, and no run would resume bit for bit
        fused, betas = device.type == "cuda", (0.9, config.beta2)
        groups = parameter_groups(self.model, config)
        optimizer = torch.optim.Adam(groups, config.lr, betas, weight_decay=config.weight_decay, fused=fused)
        self.features: LiteFeatures | None = None
        if config.perceptual or config.paper_perceptual:
            self.features = LiteFeatures().to(self.device, memory_format=torch.channels_last)
        parts = {"model": self.model, "average": self.average, "optimizer": optimizer}
        self.discriminator: Discriminator | None = None
        if config.adversarial:
            discriminator = Discriminator().to(self.device, memory_format=torch.channels_last)
            self.discriminator = discriminator
            self.judging_optimizer = torch.optim.Adam(discriminator.parameters(), 2e-4, betas=(0.5, 0.99))
            parts |= {"critic": discriminator, "critic_optimizer": self.judging_optimizer}
        run.restore(optional=("critic", "critic_optimizer"), **parts)
        explorer = config.network == "explorer"
        if explorer and not kept and config.basis >= config.images:
            raise ValueError(
                f"a run of {config.images:,} images ends before its texture basis is fitted, after {config.basis:,}: "
                "make --basis less"
            )
        self.clips = self.read(data)
        self.shown = self.clips.centre(self.shown_rows(), self.model.size).to(device)
        """Validation frames for the sheets."""
        self.optimizer = accelerator.prepare(optimizer)
        self.settled = explorer and (kept or 0 <= config.basis <= run.seen - config.batch)
        """Whether the canonical frame is settled, and the run learns on clips."""
        self.prepared = self.prepare()

    def read(self, data: list[str]) -> Clips:
        """Read the shards, or the first of a stream; onto a GPU where they fit twice, or it would wait for crops.

        Raises:
            ValueError: where one person alone is in them.
        """
        if self.config.stream:
            clips = StreamedClips(data, self.model.size, self.config.stream, self.config.seed + self.run.seen)
        else:
            clips = read_shards(data, self.model.size)
        images = clips.images
        if self.device.type == "cuda" and isinstance(images, Tensor):
            clips.images = images.to(self.device) if images.nbytes < torch.cuda.mem_get_info()[0] / 2 else images
        torch.backends.cudnn.benchmark = True  # no effect on a CPU
        if clips.validation.all():
            raise ValueError("the shards hold one person only: training needs at least two, one of whom validates")
        return clips

    def shown_rows(self) -> Tensor:
        """Return rows of twelve validation frames, evenly spread."""
        rows = self.clips.validation.nonzero().flatten()
        return rows[:: max(1, len(rows) // 12)][:12]

    def prepare(self) -> nn.Module:
        """Wrap the model for training; before the frame is settled, without its warp."""
        for name in WARP if isinstance(self.model, TrainingAutoencoder) else ():
            self.model.get_submodule(name).requires_grad_(self.settled)
        if isinstance(self.model, TrainingAutoencoder) and self.settled and self.config.hold:
            for name in HELD:
                self.model.get_submodule(name).requires_grad_(False)
            self.model.average_relief.requires_grad_(False)
        return self.accelerator.prepare(self.model)

    # ---- before a step: the warm-up of depth, and settling

    def before_step(self, seen: int) -> bool:
        """Set the warm-up of depth and settle the canonical frame when it is due; False where that was stopped."""
        if not isinstance(self.model, TrainingAutoencoder) or not isinstance(self.average, TrainingAutoencoder):
            return True
        config = self.config
        # all of depth is in when the frame is settled
        warm_up = min(config.warm_up, config.basis) if config.basis > 0 else config.warm_up
        warmed = min(1.0, seen / warm_up) if warm_up and not config.start else 1.0
        self.model.warmed = self.average.warmed = warmed
        if self.settled or not 0 <= config.basis <= seen:
            return True
        return self.settle(self.model)

    def settle(self, model: TrainingAutoencoder) -> bool:
        """Settle the canonical frame; where that is stopped, put the model back and return False."""
        before = deepcopy(model.state_dict())
        try:
            settle(model, self.clips, self.config, self.run.stopping)
        except KeyboardInterrupt:  # halfway, the frame is neither the old one nor the new
            model.load_state_dict(before)
            return False
        if self.accelerator.num_processes > 1:  # decompositions may differ in the last bit, and then in a sign
            for value in model.state_dict().values():
                torch.distributed.broadcast(value, 0)
        self.ema.copy()
        self.settled = True
        self.prepared = self.prepare()
        return True

    # ---- a step

    def step(self, seen: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Train on one batch; returns the terms of the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["scale"] * learning_rate(seen, self.config)
        if isinstance(self.clips, StreamedClips):
            self.clips.refresh(self.config.batch // self.accelerator.num_processes)
        if isinstance(self.model, TrainingAutoencoder) and self.settled:
            return self.step_on_clips(self.model, seen, generator)
        return self.step_on_images(generator)

    def step_on_images(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Train on single images, or on pairs of one person, before the frame is settled."""
        config = self.config
        if config.together:
            rows = self.clips.draw(config.batch // 2, generator)
            rows = torch.stack([rows, another_frame(self.clips.people, rows, generator)], 1).flatten()
        else:
            rows = self.clips.draw(config.batch, generator)
        image = self.crops(rows, generator)
        with self.accelerator.autocast():
            more = {"features": True} if config.paper_perceptual else {}
            outputs = Outputs(*self.prepared(image, **more))
            loss, terms = image_objective(outputs, image, config, self.features, self.run.mean)
        self.descend(loss)
        return {**terms, "loss": loss.detach()}

    def step_on_clips(self, model: TrainingAutoencoder, seen: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Train on four frames each of some people; the discriminator with them where it is due."""
        config = self.config
        image = self.crops(draw_clips(self.clips, config.batch // FRAMES, generator), generator)
        half = (max(0, config.basis) + config.images) / 2
        discriminator = self.discriminator if self.kept_frame or seen >= half else None
        mix = draw_mix(config.batch, model.config["code"], config.borrowed, config.noise, generator, self.part)
        mix = Mix(mix.borrowed.to(self.device), {kind: noise.to(self.device) for kind, noise in mix.noise.items()})
        with self.accelerator.autocast():
            outputs = self.prepared(image, mix)
            if discriminator is not None:
                discriminator.requires_grad_(False)
            found = clip_objective(model, outputs, image, config, self.features, discriminator, self.run.mean)
        self.descend(found.loss)
        terms = {**found.terms, "loss": found.loss.detach()}
        if discriminator is not None:
            terms["critic"] = self.step_discriminator(discriminator, image, found.rendered)
        return terms

    @property
    def part(self) -> tuple[int, int]:
        """This process's share of a batch: index and number."""
        return self.accelerator.process_index, self.accelerator.num_processes

    def crops(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Jittered crops of this process's share of the frames `rows`, B x 3 x S x S in [-1, 1]."""
        batch = self.clips.jittered(rows, self.model.size, generator, self.part)
        return batch.to(self.device, memory_format=torch.channels_last)

    def descend(self, loss: Tensor) -> None:
        """Take one optimiser step."""
        self.run.check(loss)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.prepared.parameters(), self.config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def step_discriminator(self, discriminator: Discriminator, image: Tensor, rendered: Tensor) -> Tensor:
        """Train the discriminator on photos and rendered pictures; returns its loss."""
        discriminator.requires_grad_(True)
        with self.accelerator.autocast():
            loss = discriminator_loss(discriminator, image, rendered)
        loss.backward()
        for parameter in discriminator.parameters():
            if parameter.grad is not None:
                parameter.grad = self.run.mean(parameter.grad)
        self.judging_optimizer.step()
        self.judging_optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    # ---- evaluating and saving

    def evaluate(self, seen: int) -> Evaluation:
        """Measure and draw the averaged model."""
        self.average.eval()  # its texture basis has moved: eval() works the pseudoinverse out again
        measures = measure(self.average, self.clips)
        pictures = {"sheet": sheets.autoencoder_sheet(self.average, self.shown)}
        if self.settled and isinstance(self.average, TrainingAutoencoder):
            pictures["mixed"] = sheets.mixing_sheet(self.average, self.shown)
        return measures, pictures

    def save(self, out: Path) -> None:
        """Save the averaged model into the run's folder."""
        self.average.save_pretrained(out / "autoencoder")
