"""Stage 1: trains the 3D-aware autoencoder (LatentFace, section 3.1; losses after Unsup3D, sections 3.1 and 3.2).

    python -m train autoencoder --preset explorer --data SHARDS --out RUN [--resume]

Every batch is drawn from (seed, step) alone, so a run resumed on the CPU goes on bit for bit.
"""

import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import Tensor

from latentface.autoencoder import COARSE, Autoencoder
from latentface.paper import PaperAutoencoder
from train import losses
from train.common import sheets
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
from train.data.clips import Clips, another_frame
from train.data.reading import read_shards
from train.stage1.canonical_frame import align_views, level, partners
from train.stage1.clip_objective import FRAMES, Critic, critic_loss, draw_clips, draw_mix, turn
from train.stage1.clip_objective import objective as clip_objective
from train.stage1.texture_basis import fit_basis, laid_out


@dataclass
class AutoencoderConfig:
    """A preset of stage 1."""

    network: str = "explorer"
    """Which networks: "explorer" (Autoencoder) or "paper" (PaperAutoencoder)."""
    model: dict = field(default_factory=dict)
    """Arguments of the network."""
    images: int = 150_000
    """Length of the run in images seen."""
    batch: int = 16
    """Global batch. Steps count for more than images: after 6,400 images the validation L1 is .170 with 16, .231 with 64."""
    lr: float = 1e-4
    """Adam's learning rate after 300 warm-up steps; falls linearly to a twentieth over the last quarter of the run."""
    beta2: float = 0.99
    """Adam's decay of the squared gradient."""
    weight_decay: float = 0.0
    """Adam's (L2) weight decay."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.998
    """Decay of the averaged weights, the ones that are looked at and shipped."""
    log_sigma: tuple[float, float] = (-2.5, 0.5)
    """Range that the pixels' log confidence is held in."""
    mirrored: float = 0.5
    """Weight of the mirrored reconstruction."""
    gradient: float = 2.0
    """Weight of the gradient L1."""
    perceptual: float = 0.4
    """Weight of the perceptual distance on EfficientNet-Lite0 features; 0 leaves the network out."""
    perceptual_share: float = 0.5
    """Share of every batch that the perceptual distance is taken on, one over a whole number (on all of it, it costs as much
    as the rest together)."""
    paper_perceptual: float = 0.0
    """Weight of Unsup3D's perceptual pair: a Gaussian likelihood of 1/4-size features under the features' own confidence,
    plain and mirrored. Theirs are VGG16's relu3_3, which need a download; here they are EfficientNet-Lite0's, over FEATURE_SPREAD."""
    raw_depth: float = 0.02
    """Weight of the squared depth before tanh: keeps tanh from saturating."""
    laplacian: float = 0.5
    """Weight of the depth's Laplacian in units of the depth range; on clips, of what a face adds to the average relief."""
    average_laplacian: float = 0.5
    """On clips: weight of the whole depth's Laplacian: little, as the average relief, which is everybody's, may be sharp."""
    together: float = 0.0
    """Weight of a frame's reconstruction, at 32 px at most, from the shape and texture of another frame of the same person: two
    views of one face, so that turning up and down is pose and not shape. Half of every batch then are such partners. Texture
    gets no gradient of it, so that it may change with the expression."""
    basis: int = -1
    """Images after which the frame is settled: levelled, faces laid out, the texture basis fitted to what is known of view, depth and
    light by then (see basis.py). From there on the model learns on clips (clips.py). 0 is at once; -1 never. A start that brings
    its basis along keeps it, unless this is 0."""
    level: int = 6_400
    """Images over which the canonical frame is levelled just before that (see frame.py); 0 leaves it as it is."""
    align: int = 9_600
    """Images of which pairs then teach the view."""
    layout: int = 96_000
    """Faces laid over one another then, to learn where features lie (see layout.py); where the model has a layout. 0: as it is."""
    borrowed: float = 0.9
    """On clips: share of the frames that are drawn from what the person's other frames say of them."""
    noise: float = 0.25
    """On clips: standard deviation of the noise on the numbers that may change."""
    gate: float = 0.003
    """On clips: weight of these numbers' mean square."""
    following: float = 6.0
    """On clips: weight of their squared correlation with the view, or turning would look like an expression."""
    habits: float = 0.3
    """On clips: weight of the share of their variance that lies between people: a smile that never changes is who someone is."""
    unsteady: float = 0.6
    """On clips: weight of the share of the other numbers' variance that lies within people."""
    shading: float = 0.4
    """On clips: share of the shading's gradient that reaches depth: with all of it, relief stays as albedo has it painted; with none,
    what no turn of the head shows goes wild."""
    stiffness: float = 0.03
    """On clips: weight of bent layouts."""
    adversarial: float = 0.0
    """On clips, in their second half, or all along where a start brings its layout: weight of the critic, in units of the balance of
    gradients. With .3, dark hair shows a grid of dots."""
    texture_lr: float = 5.0
    """Learning rate of the networks that correct and sharpen the texture and read the layout, in units of lr; the basis itself takes
    a fifth of lr, the average relief twice lr."""
    warm_up: int = 8_000
    """Images over which the learned depth, and the gradient that shading gives it, come in on top of the bump: view and
    albedo first, or the relief is used to paint the face."""
    start: str = ""
    """Run to start the weights from, where names and shapes agree: a smaller model grows. Its depth is learned already, so
    there is no warm-up of it."""
    seed: int = 0
    """Seed of weights and batches."""


NETWORKS = {"explorer": Autoencoder, "paper": PaperAutoencoder}
FEATURE_SPREAD = 13.0
"""Standard deviation of EfficientNet-Lite0's 1/4-size features on faces at 64 px: divided by it, they differ by about
the sigma that the confidence network starts from."""
CHANGING = {"changing": (8, 32, 24)}
PRESETS = {
    "explorer": AutoencoderConfig(
        model={"size": 64, "softness": 4, "layout_grid": 16, "encoder_base": 24, "refiner_base": 24, **CHANGING},
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
            **CHANGING,
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


def objective(
    outputs: tuple,
    image: Tensor,
    config: AutoencoderConfig,
    features=None,
    mean: Callable[[Tensor], Tensor] = lambda x: x,
) -> tuple[Tensor, dict]:
    """The loss of one batch and its terms.

    outputs: (codes, scene, log confidence[, log confidence of features]) of the model. image: B x 3 x S x S in [-1, 1].
    features: the perceptual network, or None. mean: a tensor's mean over the processes that share a batch. Each holds equal
    parts of it but unequal masks, so means over a mask are weighted to average to that over the whole batch.
    """
    _, scene, confidence = outputs[:3]
    log_sigma = confidence.clamp(*config.log_sigma)
    plain, mask = scene.render()
    big = (
        config.network == "explorer" and image.shape[-1] >= COARSE
    )  # symmetry asks for no detail: at half the size it costs a quarter
    small_image, small_sigma = (F.avg_pool2d(map, 2) if big else map for map in (image, log_sigma))
    mirrored, mirrored_mask = (scene.half() if big else scene).flip().render()
    if big:
        mirrored_mask = mirrored_mask * (F.avg_pool2d(mask, 2) == 1)
        mask = mask * F.interpolate(mirrored_mask, scale_factor=2)
    else:
        mask = mirrored_mask = mask * mirrored_mask
    seen = torch.stack([mask.sum(), mirrored_mask.sum()])
    share, mirrored_share = seen / mean(seen).clamp(min=1)  # 1 for one process
    terms = {
        "plain": share * losses.laplace(plain, image, log_sigma[:, :1], mask),
        "mirrored": mirrored_share
        * config.mirrored
        * losses.laplace(mirrored, small_image, small_sigma[:, 1:], mirrored_mask),
        "gradient": config.gradient * losses.gradient_l1(plain, image, mask),
        "raw_depth": config.raw_depth * scene.raw_depth.square().mean(),
        "laplacian": config.laplacian * 10 * losses.laplacian_l1(scene.depth),
    }
    if config.together:
        swapped, target = scene, image
        while target.shape[-1] > 32:
            swapped, target = swapped.half(), F.avg_pool2d(target, 2)
        swapped = replace(swapped, depth=partners(swapped.depth), albedo=partners(swapped.albedo).detach())
        drawn, drawn_mask = swapped.render()
        drawn_share = drawn_mask.sum() / mean(drawn_mask.sum()).clamp(min=1)
        terms["together"] = drawn_share * config.together * losses.masked_mean((drawn - target).abs(), drawn_mask)
    if features is not None and config.perceptual:
        some = slice(None, None, round(1 / config.perceptual_share))  # the same images however a batch is split
        filled = torch.where(mask[some] > 0, plain[some], image[some])
        terms["perceptual"] = config.perceptual * losses.feature_l2(features(filled), features(image[some]))
    if features is not None and config.paper_perceptual:

        def quarter(picture: Tensor) -> Tensor:
            return features(picture)[2] / FEATURE_SPREAD

        target = quarter(image)
        pairs = ((plain, outputs[3][:, :1], 1.0), (mirrored, outputs[3][:, 1:], config.mirrored))
        terms["paper_perceptual"] = (
            share
            * config.paper_perceptual
            * sum(
                weight * losses.gaussian_feature(quarter(torch.where(mask > 0, picture, image)), target, scale, mask)
                for picture, scale, weight in pairs
            )
        )
    shown = {name: value.detach() for name, value in terms.items()}
    shown["l1"] = share * losses.masked_mean((plain - image).abs().detach(), mask)
    return sum(terms.values()), shown


LAID_OUT = ("layout_encoder", "layout")
"""What stands still until there is a frame to lay faces out in (see layout.py)."""


def _groups(model: torch.nn.Module, config: AutoencoderConfig) -> list[dict]:
    """Adam's parameter groups, each with the share of the learning rate that is its own ("scale")."""
    scales = dict.fromkeys(("texture_encoder", "refiner", "layout_encoder"), config.texture_lr)
    scales |= {"texture_basis": 0.2, "average_relief": 2.0}
    groups: dict[float, list] = {}
    for name, parameter in model.named_parameters():
        scale = scales.get(name.partition(".")[0], 1.0) if config.network == "explorer" else 1.0
        groups.setdefault(scale, []).append(parameter)
    return [{"params": parameters, "scale": scale} for scale, parameters in groups.items()]


def learning_rate(images: int, config: AutoencoderConfig) -> float:
    """Learning rate after `images` images: warm-up, constant, linear fall over the last quarter."""
    warm = min(1.0, (images / config.batch + 1) / 300)
    left = (config.images - images) / (0.25 * config.images)
    return config.lr * warm * min(1.0, max(0.05, left))


@torch.no_grad()
def look(model: Autoencoder, clips: Clips, count: int = 512) -> dict:
    """Numbers that tell a living model from a collapsed one, on validation frames.

    l1: of the reconstruction. yaw_spread: standard deviation of yaw in degrees. relief: mean depth of both cheeks
    minus that of the nose (positive: convex), in units of the depth range. concave: share of faces with relief <= 0.
    yaw_corr, yaw_slope: against the engine's own pose estimate where it has one (a pseudo-label, never trained on).
    """
    rows = clips.validation.nonzero().flatten()[:count]
    yaws, reliefs, errors = [], [], []
    for part in rows.split(64):
        image = clips.centre(part, model.size).to(next(model.parameters()).device)
        scene = model.decode(model.encode(image))
        plain, mask = scene.render()
        errors.append(losses.masked_mean((plain - image).abs(), mask).cpu() * len(part))
        yaws.append(scene.view[:, 0].cpu())
        reliefs.append(relief(scene.depth).cpu())
    yaw, depth = torch.cat(yaws), torch.cat(reliefs)
    out = {
        "val_l1": float(sum(errors) / len(rows)),
        "yaw_spread": float(yaw.std()),
        "relief": float(depth.mean()),
        "concave": float((depth <= 0).float().mean()),
    }
    poses = [clips.factors[i].get("pose") for i in rows.tolist()]
    if all(poses):
        label = torch.tensor([p[0] for p in poses])
        covariance = torch.cov(torch.stack([yaw, label]))
        out["yaw_corr"] = float(covariance[0, 1] / covariance.diag().prod().sqrt())
        out["yaw_slope"] = float(covariance[0, 1] / covariance[1, 1])
    return out


def relief(depth: Tensor) -> Tensor:
    """How much nearer the nose is than the cheeks, B, in units of the depth range; depth: B x S x S canonical.

    Places in the standard crop: nose at v = 0.1, cheeks at u = +-0.45.
    """
    small = F.interpolate(depth[:, None], size=(16, 16), mode="area")[:, 0]
    nose, cheeks = small[:, 8:10, 7:9].mean((1, 2)), small[:, 8:10, [3, 4, 11, 12]].mean((1, 2))
    return (cheeks - nose) / 0.2


def settle(model: Autoencoder, clips: Clips, config: AutoencoderConfig, stopping: Callable[[], bool]) -> None:
    """Levels the canonical frame, aligns the views, lays faces out and fits the texture basis; of a model whose faces are laid out
    already, the basis alone. Raises KeyboardInterrupt when asked to stop.
    """
    if laid_out(model):
        config = replace(config, level=0, align=0)
    laid = config.layout if model.config.layout_grid and not laid_out(model) else 0
    progress, before = Progress(config.level + config.align + laid, unit="images that settle the frame"), 0

    def tick(images: int) -> None:
        progress(before + images, line=False)
        if stopping():
            raise KeyboardInterrupt

    told = []
    if config.level:
        tilt = level(model, clips, config.seed, config.level, tick=tick)
        told.append(f"faces looked {'down' if tilt > 0 else 'up'} by {abs(tilt):.1f} degrees: levelled")
    before = config.level
    if config.align:
        told.append(
            f"pairs of frames from each other's view: {align_views(model, clips, config.seed, config.align, tick=tick):.3f}"
        )
    before = config.level + config.align
    held, aligned = fit_basis(model, clips, config.seed, layout=laid, tick=tick)
    if any(model.config.changing):
        turn(model, clips, config.seed)
    if aligned is not None:
        told.append(f"faces drawn as one another's layout: {aligned:.3f}")
    told.append(f"texture basis of {model.config.code} directions: {held:.1%} of the variance")
    progress(progress.total, "; ".join(told))


def train(config: AutoencoderConfig, data: list[str], out: Path, resume: bool = False, every: int = 0) -> Path:
    """Runs stage 1 and returns the run's folder.

    out receives config.json, curves.jsonl, sheets (every `every` images; by itself a 24th of the run, 6,400 to 100,000), state.pt
    (every minute and at the end) and `autoencoder/` (averaged weights). Ctrl-C saves and stops. Under torchrun, or `accelerate
    launch` on GPUs, the processes share every batch; until the frame is settled they walk the curve of one, and on clips, where each
    looks at the variances of its own part, near it. Raises FileExistsError when the folder holds a run and resume is False,
    ValueError for a batch that the processes can't share evenly, or a run that ends before its basis is fitted.
    """
    accelerator = Accelerator(mixed_precision="bf16", cpu=not torch.cuda.is_available())
    every = every or max(6_400, min(100_000, config.images // 24) // config.batch * config.batch)
    together = (
        FRAMES if config.network == "explorer" and (config.basis >= 0 or config.start) else 2 if config.together else 1
    )
    if config.batch % (accelerator.num_processes * together):
        raise ValueError(f"a batch of {config.batch} can't be shared evenly by {accelerator.num_processes} processes")
    state_file, curves = open_run(out, resume)
    torch.manual_seed(config.seed)
    network = NETWORKS[config.network]
    model = network(**config.model).to(accelerator.device, memory_format=torch.channels_last)
    fitted = False
    if config.start:
        before = load_file(Path(config.start) / "autoencoder" / "diffusion_pytorch_model.safetensors")
        own = model.state_dict()
        settled = [name for name in own if name == "texture_basis.directions" or name.startswith(LAID_OUT)]
        kept = bool(settled) and all(
            name in before and before[name].shape == own[name].shape for name in settled
        )  # with the start
        kept = kept and bool(
            before.get("average_share", 1) > 0
        )  # a start with a layout that it never learned has no basis either
        if not kept:
            before = {name: value for name, value in before.items() if name not in ("average_relief", "average_share")}
        fitted = kept and config.basis != 0
        model.load_state_dict({**own, **{k: v for k, v in before.items() if k in own and own[k].shape == v.shape}})
    average = network(**config.model).to(accelerator.device).requires_grad_(False).eval()
    average.load_state_dict(model.state_dict())
    fused = (
        accelerator.device.type == "cuda"
    )  # on a CPU its last bits depend on where memory lies, and no run would resume bit for bit
    betas = (0.9, config.beta2)
    optimizer = torch.optim.Adam(
        _groups(model, config), config.lr, betas, weight_decay=config.weight_decay, fused=fused
    )
    seen, history = 0, []
    if resume and state_file.exists():
        state = load_state(state_file)
        history = resumed(out / "config.json", asdict(config))
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        seen = state["images"]
        cut_curve(curves, seen)
    features = None
    if config.perceptual or config.paper_perceptual:
        from train.common.perceptual import LiteFeatures

        features = LiteFeatures().to(accelerator.device, memory_format=torch.channels_last)
    if config.network == "explorer" and not fitted and config.basis >= config.images:
        raise ValueError(
            f"a run of {config.images:,} images ends before its texture basis is fitted, after {config.basis:,}: make --basis less"
        )
    clips = read_shards(data, model.size)
    if accelerator.device.type == "cuda" and getattr(clips.images, "nbytes", 0) < torch.cuda.mem_get_info()[0] / 2:
        clips.images = clips.images.to(accelerator.device)  # cropped there, or the GPU waits for the CPU
    torch.backends.cudnn.benchmark = True  # nothing on a CPU
    if clips.validation.all():
        raise ValueError("the shards hold one person only: training needs at least two, one of whom validates")
    shown = clips.validation.nonzero().flatten()
    shown = shown[:: max(1, len(shown) // 12)][:12]
    plain_model = model
    optimizer = accelerator.prepare(optimizer)
    main = accelerator.is_main_process

    critic = critic_optimizer = None
    if config.adversarial:
        critic = Critic().to(accelerator.device, memory_format=torch.channels_last)
        critic_optimizer = torch.optim.Adam(critic.parameters(), 2e-4, betas=(0.5, 0.99))
        if seen and "critic" in state:
            critic.load_state_dict(state["critic"])
            critic_optimizer.load_state_dict(state["critic_optimizer"])

    def prepared() -> torch.nn.Module:
        """The model, ready to train: before it is settled, without its layout."""
        for name in LAID_OUT if config.network == "explorer" and plain_model.config.layout_grid else ():
            plain_model.get_submodule(name).requires_grad_(settled)
        return accelerator.prepare(plain_model)

    settled = config.network == "explorer" and (fitted or 0 <= config.basis <= seen - config.batch)
    begun = max(0, config.basis)
    model = prepared()

    def save() -> None:
        state = {"model": plain_model.state_dict(), "average": average.state_dict()}
        if critic is not None:
            state |= {"critic": critic.state_dict(), "critic_optimizer": critic_optimizer.state_dict()}
        save_state(state_file, {**state, "optimizer": optimizer.state_dict(), "images": seen})
        average.save_pretrained(out / "autoencoder")
        (out / "config.json").write_text(
            json.dumps(record(asdict(config), data=data, images=seen, history=history), indent=1)
        )

    def mean(value: Tensor) -> Tensor:
        return accelerator.reduce(value, "mean")

    def stopping() -> bool:
        """Whether any process was asked to stop: they leave the loop together, or one waits for ever."""
        asked = torch.tensor(float(stopped()), device=accelerator.device)
        return bool(mean(asked) > 0) if accelerator.num_processes > 1 else stopped()

    warm_up = (
        min(config.warm_up, config.basis) if config.basis > 0 else config.warm_up
    )  # all of depth is in when it is settled
    progress, saved, since, sums, steps = Progress(config.images, seen), time.monotonic(), time.monotonic(), {}, 0
    with stoppable() as stopped:
        while seen < config.images and not stopping():
            generator = torch.Generator().manual_seed(config.seed * 1_000_003 + seen // config.batch)
            part = accelerator.process_index, accelerator.num_processes
            for group in optimizer.param_groups:
                group["lr"] = group["scale"] * learning_rate(seen, config)
            learned = min(1.0, seen / warm_up) if warm_up and not config.start else 1.0
            plain_model.learned = average.learned = learned
            if not settled and 0 <= config.basis <= seen:
                before, began = deepcopy(plain_model.state_dict()), time.monotonic()
                try:
                    settle(plain_model, clips, config, stopping)
                except KeyboardInterrupt:  # halfway, the frame is neither the old one nor the new
                    plain_model.load_state_dict(before)
                    break
                for value in plain_model.state_dict().values() if accelerator.num_processes > 1 else ():
                    torch.distributed.broadcast(
                        value, 0
                    )  # decompositions may differ in the last bit, and then in a sign
                average.load_state_dict(plain_model.state_dict())
                settled = True
                model = prepared()
                since += time.monotonic() - began
            if settled:
                rows = draw_clips(clips, config.batch // FRAMES, generator)
            elif config.together:
                rows = clips.draw(config.batch // 2, generator)
                rows = torch.stack([rows, another_frame(clips.people, rows, generator)], 1).flatten()
            else:
                rows = clips.draw(config.batch, generator)
            batch = clips.jittered(rows, plain_model.size, generator, part)
            image = batch.to(accelerator.device, memory_format=torch.channels_last)
            judging = critic if settled and (fitted or seen >= (begun + config.images) / 2) else None
            with accelerator.autocast():
                if settled:
                    mix = draw_mix(plain_model, config.batch, config.borrowed, config.noise, generator, part)
                    outputs = model(image, **mix)
                    if judging is not None:
                        judging.requires_grad_(False)
                    loss, terms, drawn = clip_objective(plain_model, outputs, image, config, features, judging, mean)
                else:
                    outputs = model(image, features=True) if config.paper_perceptual else model(image)
                    loss, terms = objective(outputs, image, config, features, mean)
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"the loss is {loss.item()} after {seen:,} images; --resume goes on from the last save"
                )
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if judging is not None:
                judging.requires_grad_(True)
                with accelerator.autocast():
                    terms["critic"] = critic_loss(judging, image, drawn)
                terms["critic"].backward()
                terms["critic"] = terms["critic"].detach()
                for parameter in judging.parameters():
                    parameter.grad = mean(parameter.grad)
                critic_optimizer.step()
                critic_optimizer.zero_grad(set_to_none=True)
            decay = min(config.ema, (1 + seen / config.batch) / (10 + seen / config.batch))
            torch._foreach_lerp_(list(average.parameters()), list(plain_model.parameters()), 1 - decay)
            seen, steps = seen + config.batch, steps + 1
            for name, value in {**terms, "loss": loss.detach()}.items():
                sums[name] = sums.get(name, 0) + value
            due = seen % every < config.batch or seen >= config.images
            if due:
                sums, rows = {}, {k: float(mean(v)) / steps for k, v in sums.items()}
                rate = (
                    steps * config.batch / (time.monotonic() - since)
                )  # since the last row, without looking and settling
            if due and main:
                row = {"images": seen, **rows, **look(average, clips)}
                row["rate"] = rate
                append_curve(curves, row)
                progress(seen, " ".join(f"{k} {row[k]:.3f}" for k in row if k not in ("images", "rate")))
                faces = clips.centre(shown, plain_model.size).to(accelerator.device)
                sheets.autoencoder_sheet(average, faces).save(out / f"sheet_{seen:07d}.png")
                if settled:
                    sheets.mixing_sheet(average, faces).save(out / f"mixed_{seen:07d}.png")
            elif main:
                progress(seen, line=False)
            if due:
                steps, since = 0, time.monotonic()
            if main and time.monotonic() - saved > 55:
                save()
                saved = time.monotonic()
    if stopped() and main:
        print(f"\nstopped after {seen:,} images; --resume goes on from here", flush=True)
    if main:
        save()
    accelerator.wait_for_everyone()
    return out
