"""Networks as stage 1 trains them: the forward pass with mixed codes, the warm-up of depth, and their saving."""

import json

import torch
import torch.nn.functional as F

from latentface.autoencoder import Autoencoder, depth_from_raw
from latentface.shading import shade
from tests.helpers import TINY, random_codes, smooth
from train.stage1.mixing import draw_mix, mix_codes
from train.stage1.networks import TrainingAutoencoder


def training_autoencoder(seed: int = 0, **changes) -> TrainingAutoencoder:
    torch.manual_seed(seed)
    return TrainingAutoencoder(**{**TINY, **changes}).eval()


def test_without_a_mix_it_is_the_librarys_autoencoder(tmp_path):
    """Saved under its name, too."""
    model, image = training_autoencoder(), smooth((2, 3, 16, 16), 0)
    torch.nn.init.normal_(model.shape_decoder.head.weight, std=0.1)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["_class_name"] == "Autoencoder"
    library = Autoencoder.from_pretrained(tmp_path)
    with torch.no_grad():
        codes, scene, confidence, _ = model(image)
        own = library.encode(image)
        decoded = library.decode(own)
    for name in ("shape", "texture", "view", "light"):
        assert torch.equal(getattr(codes, name), getattr(own, name)), name
    assert torch.equal(scene.depth, decoded.depth) and torch.equal(scene.albedo, decoded.albedo)
    assert torch.equal(confidence, library.confidence(image))


def test_warm_up_holds_back_depth_and_the_gradient_of_its_shading():
    model = training_autoencoder()
    with torch.no_grad():
        model.shape_decoder.head.weight.normal_()
    codes = random_codes(2)
    codes.view.zero_()
    model.warmed = 0.0
    scene = model.decode(codes)
    torch.testing.assert_close(scene.depth, depth_from_raw(model.prior[None]).expand(2, -1, -1))
    grads = {}
    for share in (0.0, 0.5, 1.0):
        scene.shading_gradient = share
        grads[share] = torch.autograd.grad(
            scene.canonical.square().sum(), scene.depth, allow_unused=True, retain_graph=True
        )[0]
        torch.testing.assert_close(scene.canonical, shade(scene.albedo, scene.depth, scene.light))
    assert grads[1.0].abs().max() > 1e-3 and (grads[0.0] == 0).all()
    torch.testing.assert_close(grads[0.5], grads[1.0] / 2)
    model.warmed = 1.0
    assert (model.decode(codes).depth - scene.depth).abs().max() > 1e-3


def test_the_scene_is_of_the_mixed_codes():
    """Drawn as decode draws them; of a big model, with depth at 64 px."""
    for size in (16, 128):
        model, image = training_autoencoder(size=size, changing=(1, 3, 4)), smooth((4, 3, size, size), 0)
        for layer in (model.shape_decoder.head, model.layout.displacement, model.refiner.head):
            torch.nn.init.normal_(layer.weight, std=0.05)
        mix = draw_mix(4, 16, 0.5, 0.5, torch.Generator().manual_seed(2))
        with torch.no_grad():
            codes, scene, confidence = model(image, mix)[:3]
            plain, _, same = model(image)[:3]
            drawn = model.decode(mix_codes(codes, mix, {k: model.expression_mask(k) for k in mix.noise}))
        assert torch.equal(codes.texture, plain.texture) and torch.equal(confidence, same)
        torch.testing.assert_close(scene.albedo, drawn.albedo)
        assert scene.depth.shape == (4, min(size, 64), min(size, 64))
        if size > 64:
            small = F.interpolate(scene.depth[:, None], (128, 128), mode="bicubic")[:, 0]
            torch.testing.assert_close(small, drawn.depth)
        else:
            torch.testing.assert_close(scene.depth, drawn.depth)
        assert not torch.allclose(model.decode(codes).albedo, drawn.albedo, atol=1e-3)
