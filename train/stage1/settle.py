"""Settling the canonical frame: levelled, views aligned, faces warped over one another, the texture basis fitted."""

from collections.abc import Callable

from latentface.autoencoder import Autoencoder
from train.common.run import Progress
from train.data.clips import Clips
from train.stage1.canonical_frame import align_views, level
from train.stage1.config import AutoencoderConfig
from train.stage1.expression_subspace import rotate_codes
from train.stage1.texture_basis import fit_basis, is_warped


def settle(model: Autoencoder, clips: Clips, config: AutoencoderConfig, stopping: Callable[[], bool]) -> None:
    """Settle the canonical frame of a model; where its warp is learned already, fit the texture basis alone.

    Args:
        model: changed in place.
        clips: the data set.
        config: how many images each part sees.
        stopping: asked before every step.

    Raises:
        KeyboardInterrupt: when asked to stop; the model then is neither the old one nor the new.
    """
    level_images, align_images, warp_images = (
        (0, 0, 0) if is_warped(model) else (config.level, config.align, config.layout)
    )
    progress = Progress(level_images + align_images + warp_images, unit="images that settle the frame")
    before = 0

    def tick(images: int) -> None:
        progress(before + images, line=False)
        if stopping():
            raise KeyboardInterrupt

    notes = []
    if level_images:
        pitch = level(model, clips, config.seed, level_images, tick=tick)
        notes.append(f"faces looked {'down' if pitch > 0 else 'up'} by {abs(pitch):.1f} degrees: levelled")
    before = level_images
    if align_images:
        loss = align_views(model, clips, config.seed, align_images, tick=tick)
        notes.append(f"pairs of frames from each other's view: {loss:.3f}")
    before = level_images + align_images
    fit = fit_basis(model, clips, config.seed, warp_images=warp_images, tick=tick)
    if any(model.config["changing"]):
        rotate_codes(model, clips, config.seed)
    if fit.warp_loss is not None:
        notes.append(f"faces drawn by one another's texture: {fit.warp_loss:.3f}")
    notes.append(f"texture basis of {model.config['code']} directions: {fit.variance:.1%} of the variance")
    progress(progress.total, "; ".join(notes))
