"""Stage 2: trains the RDM's denoiser on the codes of clips (LatentFace, section 3.2).

    python -m train rdm --preset explorer --data SHARDS --autoencoder RUN --out RUN2 [--resume]

The target of a frame is the mean code of the person's *other* frames (the frame itself would leak into its target).
"""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from latentface.autoencoder import Autoencoder
from latentface.checkpoints import load_autoencoder
from latentface.paper import PaperDenoiser
from latentface.pipeline import LatentFacePipeline
from latentface.rdm import Denoiser, Standardized, make_scheduler, split
from train.common.run import (
    Progress,
    append_curve,
    cut_curve,
    load_state,
    open_run,
    record,
    resumed,
    save_state,
    stoppable,
)
from train.data.clips import Clips
from train.data.reading import read_shards
from train.stage1.expression_subspace import changing_directions, features_moved, going_along, within_people

KINDS = ("shape", "texture")


@dataclass
class RDMConfig:
    """A preset of stage 2."""

    network: str = "explorer"
    """Which denoiser: "explorer" (Denoiser) or "paper" (PaperDenoiser)."""
    model: dict = field(default_factory=dict)
    """Arguments of the denoiser."""
    standardized: bool = True
    """Whether codes are diffused with zero mean and unit variance; the authors diffuse them as they are."""
    images: int = 200_000
    """Length of the run in codes seen."""
    batch: int = 512
    """Codes a step."""
    lr: float = 5e-4
    """Adam's peak learning rate; warm-up over 200 steps, then cosine to zero."""
    weight_decay: float = 5e-4
    """Weight decay."""
    decoupled: bool = True
    """AdamW's weight decay; the authors' is Adam's (L2)."""
    ema: float = 0.999
    """Decay of the averaged weights."""
    snr_gamma: float = 0.0
    """Cap of the min-SNR weight; 0 is the plain squared error."""
    more: tuple[int, int] = (0, 0)
    """How many directions of the other numbers, of shape and of texture, are the expression's too, beside the numbers that stage 1
    lets change: those in which people change most as a face shows it (see changing_directions)."""
    views: int = 1
    """How many shifted and mirrored crops of each frame are encoded."""
    seed: int = 0
    """Seed of weights, crops and batches."""


NETWORKS = {"explorer": Denoiser, "paper": PaperDenoiser}
GENTLE = {"images": 10_000, "lr": 1e-4}
"""The least-squares guess is where the network stays, in 20 steps of the warm-up: what 1,900 people teach beyond it is nothing that holds
for others, and more codes only learn them by heart."""
PRESETS = {
    "explorer": RDMConfig(**GENTLE),
    "explorer-128": RDMConfig(model={"width": 192}, more=(8, 0), **GENTLE),
    "explorer-small": RDMConfig(model={"width": 96, "blocks": 2}, **GENTLE),
    "paper-64": RDMConfig(network="paper", standardized=False, decoupled=False, lr=1e-4, snr_gamma=1e9, ema=0.0),
    "toy": RDMConfig(model={"width": 32, "blocks": 1}, more=(2, 0), images=20_000, batch=128, views=1),
}


@torch.no_grad()
def encode_clips(model: Autoencoder, clips: Clips, views: int, seed: int, progress=None) -> dict[str, Tensor]:
    """Codes of all frames: {"face", "view", "light"}: N x views x C; view 0 is the plain crop, the others are jittered."""
    generator = torch.Generator().manual_seed(seed)
    device = next(model.parameters()).device
    out: dict[str, list] = {name: [] for name in ("face", "view", "light")}
    rows = torch.arange(len(clips.images))
    for done, part in enumerate(rows.split(256)):
        codes = []
        for view in range(views):
            image = clips.jittered(part, model.size, generator) if view else clips.centre(part, model.size)
            codes.append(model.encode(image.to(device, memory_format=torch.channels_last)))
        for name, found in out.items():
            found.append(torch.stack([getattr(c, name).float().cpu() for c in codes], 1))
        if progress:
            progress(min(len(rows), (done + 1) * 256), len(rows))
    return {name: torch.cat(parts) for name, parts in out.items()}


def others_mean(codes: Tensor, person: Tensor) -> Tensor:
    """Mean code of the person's other frames.

    codes: N x V x C, all crops of the N frames. person: N int64. Returns N x C means over the other frames' crops; 0 where
    there is no other frame.
    """
    people = int(person.max()) + 1
    frame = codes.mean(1)
    total = torch.zeros(people, codes.shape[-1]).index_add_(0, person, frame)
    count = torch.bincount(person, minlength=people)[person]
    return (total[person] - frame) / (count - 1).clamp(min=1)[:, None]


def steadying(codes: Tensor, person: Tensor, ridge: float = 0.3) -> Tensor:
    """What Denoiser.signature multiplies codes by, C x C: the inverse square root of the covariance within people.

    codes: N x C, standardised. person: N int64. ridge: how much of the mean variance is added to every direction's, so that
    those which hardly ever change do not decide alone.
    """
    within = within_people(codes.double(), person)
    covariance = within.T @ within / len(within)
    values, axes = torch.linalg.eigh(
        covariance + ridge * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=torch.float64)
    )
    return (axes / values.sqrt()).to(codes.dtype)


def expression_readings(
    model: Autoencoder, scale: Standardized, frames: Tensor, person: Tensor, more: tuple[int, int], known: Tensor
) -> Tensor:
    """What reads an expression off shape and texture side by side, orthonormal columns 2C x K: of each kind the numbers that stage 1
    lets change, and `more` directions of its others in which people change most as a face shows it (see changing_directions).

    scale: of the codes. frames: N x 2C, standardised. person: N int64. known: N x G, what else is known of each frame.
    """
    parts = []
    halves = frames.chunk(2, 1), scale.mean.chunk(2), scale.std.chunk(2)
    for kind, count, own, mean, spread in zip(KINDS, more, *halves):
        changes = model.changes(kind).cpu()
        readings = torch.eye(len(changes))[:, changes]
        if count:
            shown = features_moved(model, kind, mean, spread)[~changes]
            found = torch.zeros(len(changes), count)
            found[~changes] = changing_directions(own[:, ~changes], person, count, known, shown)
            readings = torch.cat([readings, found], 1)
        parts.append(readings)
    return torch.block_diag(*parts)


@torch.no_grad()
def start_from_least_squares(denoiser: Denoiser, condition: Tensor, target: Tensor, ridge: float = 1e-4) -> None:
    """Sets a denoiser to the linear guess of standardised targets N x C from standardised codes N x C that errs least.

    What a code tells of its person's other frames lies partly in directions of little variance, which gradients take very long to
    find: the network starts here and learns what is left. ridge: added to the variance of every number that it sees.
    """
    kept = (condition - denoiser.expression_part(condition)).double()
    wanted, seen = target.double().mean(0), kept.mean(0)
    damped = (kept - seen).T @ (kept - seen) / len(kept) + ridge * torch.eye(kept.shape[1]).to(kept)
    weight = torch.linalg.solve(damped, (kept - seen).T @ (target.double() - wanted) / len(kept)).T
    denoiser.skip.weight.copy_(weight)
    denoiser.skip.bias.copy_(wanted - weight @ seen)
    for parameter in denoiser.outlet[-1].parameters():
        parameter.zero_()


def aim(denoiser: Denoiser | PaperDenoiser, condition: Tensor, target: Tensor) -> Tensor:
    """What a denoiser is to say of standardised codes B x C: `target`, or the codes themselves with what moves in them taken from it."""
    return denoiser.identity(condition, target) if isinstance(denoiser, Denoiser) else target


def held_error(denoiser: Denoiser | PaperDenoiser, code: Tensor, target: Tensor, **sampling) -> list[float]:
    """Mean squared errors of the identities split off codes B x C, standardised, summed over shape's code and over texture's.

    sampling: see split.
    """
    found = denoiser.standardize(split(denoiser, make_scheduler(), code, **sampling).identity)
    error = found - aim(denoiser, denoiser.standardize(code), denoiser.standardize(target))
    return error.square().unflatten(1, (2, -1)).sum(2).mean(0).tolist()


def snr_weight(alphas_cumprod: Tensor, gamma: float) -> Tensor:
    """Weight of the clean-sample error at every timestep: min(SNR, gamma) (Hang et al. 2023, eq. 4), mean 1 over t."""
    snr = alphas_cumprod / (1 - alphas_cumprod)
    weight = snr.clamp(max=gamma)
    return weight / weight.mean()


def train(config: RDMConfig, data: list[str], autoencoder: Path, out: Path, resume: bool = False) -> Path:
    """Runs stage 2 on a stage 1 run and writes the whole pipeline to `out/pipeline`.

    data: what people's expressions are learned from should show each of them with any expression, as parametric people do; where a
    person always smiles, the smile is taken for theirs. Shards of weight 0 ("SHARDS:0") are left out of all but the signature, for
    which every kind of face is welcome. autoencoder: a stage 1 run, or its `autoencoder` folder. out receives config.json,
    curves.jsonl, state.pt (every minute and at the end). Ctrl-C saves and stops. Raises FileExistsError when the folder holds a run
    and resume is False, ValueError as one of several processes, or where nobody to train on has two frames.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise ValueError(
            "stage 2 takes minutes and runs as one process: start it without torchrun or accelerate launch"
        )
    state_file, curves = open_run(out, resume)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_autoencoder(autoencoder).to(device, memory_format=torch.channels_last)
    clips = read_shards(data, model.size)
    weighs = torch.ones_like(clips.validation) if clips.weight is None else clips.weight > 0
    drawn, usable = ~clips.validation & weighs, torch.bincount(clips.person)[clips.person] > 1
    rows, held = ((usable & part).nonzero().flatten() for part in (drawn, clips.validation & weighs))
    if not len(rows):
        raise ValueError("no person to train on has two frames: the RDM learns from several frames of one person")
    reading = Progress(len(clips.images), unit="frames encoded")
    codes = encode_clips(model, clips, config.views, config.seed, lambda done, _: reading(done, line=False))
    torch.manual_seed(config.seed)
    network, arguments = NETWORKS[config.network], {**config.model, "code": codes["face"].shape[-1]}
    rank = 0
    if network is Denoiser and any(model.config.get("changing", ())):
        rank = sum(int(model.changes(kind).sum()) for kind in KINDS) + sum(config.more)
        arguments["changing"] = rank
    denoiser, average = network(**arguments).to(device), network(**arguments).to(device).eval()
    flat = codes["face"][drawn].flatten(0, 1)
    if config.standardized:
        denoiser.mean.copy_(flat.mean(0))
        denoiser.std.copy_(flat.std(0).clamp(min=1e-4))
    targets = others_mean(codes["face"], clips.person)
    if network is Denoiser:
        frames = denoiser.standardize(codes["face"][:, 0].to(device)).cpu()
        halves = frames[~clips.validation].chunk(
            2, 1
        )  # each by itself: side by side, cosines know fewer photos of a person again
        denoiser.steady.copy_(torch.block_diag(*(steadying(half, clips.person[~clips.validation]) for half in halves)))
        if rank:
            known = torch.cat([codes["view"], codes["light"], codes["view"].square()], 2)[drawn, 0]
            readings = expression_readings(model, denoiser, frames[drawn], clips.person[drawn], config.more, known)
            denoiser.readings.copy_(readings)
            denoiser.directions.copy_(going_along(frames[drawn], clips.person[drawn], readings, known))
        start_from_least_squares(denoiser, frames[rows].to(device), denoiser.standardize(targets[rows].to(device)))
    average.load_state_dict(denoiser.state_dict())
    parameters, average_parameters = list(denoiser.parameters()), list(average.parameters())
    optimizer = (torch.optim.AdamW if config.decoupled else torch.optim.Adam)(
        parameters, config.lr, weight_decay=config.weight_decay
    )
    seen, history = 0, []
    if resume and state_file.exists():
        state = load_state(state_file)
        history = resumed(out / "config.json", asdict(config))
        denoiser.load_state_dict(state["denoiser"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        seen = state["images"]
        cut_curve(curves, seen)
    scheduler = make_scheduler()
    alphas = scheduler.alphas_cumprod.to(device)
    weight = snr_weight(alphas, config.snr_gamma) if config.snr_gamma else torch.ones_like(alphas)

    def save() -> None:
        state = {"denoiser": denoiser.state_dict(), "average": average.state_dict()}
        save_state(state_file, {**state, "optimizer": optimizer.state_dict(), "images": seen})
        LatentFacePipeline(model, average, scheduler).save_pretrained(out / "pipeline")
        (out / "config.json").write_text(
            json.dumps(record(asdict(config), data=data, images=seen, history=history), indent=1)
        )

    progress, saved, total, steps = Progress(config.images, seen, "codes"), time.monotonic(), 0.0, 0
    every = max(config.batch, config.images // 20 // config.batch * config.batch)
    with stoppable() as stopped:
        while seen < config.images and not stopped():
            generator = torch.Generator().manual_seed(config.seed * 1_000_003 + seen // config.batch)
            batch = clips.draw(config.batch, generator, rows)
            view = torch.randint(config.views, (config.batch,), generator=generator)
            t = torch.randint(1000, (config.batch,), generator=generator).to(device)
            share = 0.5 * (1 + torch.cos(torch.tensor(torch.pi * seen / config.images))).item()
            for group in optimizer.param_groups:
                group["lr"] = config.lr * share * min(1.0, (seen / config.batch + 1) / 200)
            condition = denoiser.standardize(codes["face"][batch, view].to(device))
            target = aim(denoiser, condition, denoiser.standardize(targets[batch].to(device)))
            noise = torch.randn(target.shape, generator=generator).to(device)
            noisy = alphas[t, None].sqrt() * target + (1 - alphas[t, None]).sqrt() * noise
            error = 2 * (denoiser(noisy, t, condition) - target).square().mean(
                1
            )  # of shape and of texture, as the authors add them up
            loss = (weight[t] * error).mean()
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"the loss is {loss.item()} after {seen:,} codes; --resume goes on from the last save"
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            decay = min(config.ema, (1 + seen / config.batch) / (10 + seen / config.batch))
            with torch.no_grad():
                torch._foreach_lerp_(average_parameters, parameters, 1 - decay)
            seen, total, steps = seen + config.batch, total + loss.detach(), steps + 1
            if seen % every < config.batch or seen >= config.images:
                row = {"images": seen, "loss": float(total) / steps, "rate": progress.rate(seen)}
                if len(held):
                    errors = held_error(average, codes["face"][held, 0].to(device), targets[held].to(device))
                    row |= {f"val_{kind}": error for kind, error in zip(KINDS, errors)}
                append_curve(curves, row)
                progress(seen, " ".join(f"{k} {v:.4f}" for k, v in row.items() if k not in ("images", "rate")))
                total, steps = 0.0, 0
            if time.monotonic() - saved > 55:
                save()
                saved = time.monotonic()
    if stopped():
        print(f"\nstopped after {seen:,} codes; --resume goes on from here", flush=True)
    save()
    return out
