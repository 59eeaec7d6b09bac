"""Learning where features lie: on faces whose one feature moves, and against naive twins."""

import pytest
import torch

from latentface.camera import pixel_grid
from latentface.warp import to_canonical
from tests.helpers import smooth, tiny_autoencoder
from train.stage1.congealing import Components, bending, face_oval, learn_warp


def test_components_against_the_full_decomposition():
    few, weight = smooth((5, 3, 8, 8), 0), face_oval(8)
    textures = torch.einsum("nk,kcij->ncij", torch.randn(40, 5), few) + 0.02 * torch.randn(40, 3, 8, 8)
    drawn = Components(textures, weight, 5)(textures)
    root = weight.sqrt().expand(3, -1, -1).flatten()
    flat = (textures - textures.mean(0)).flatten(1) * root
    left, spread, axes = torch.linalg.svd(flat, full_matrices=False)
    wanted = (left[:, :5] * spread[:5]) @ axes[:5] / root + textures.mean(0).flatten()
    torch.testing.assert_close(drawn.flatten(1), wanted, atol=1e-2, rtol=0)
    all_of_it = Components(textures[:4], weight, 64)(textures[:4])
    torch.testing.assert_close(all_of_it, textures[:4], atol=1e-4, rtol=0)


def test_only_bent_displacements_cost():
    u, v = pixel_grid(16).unbind(-1)
    straight = torch.stack([0.1 + 0.2 * u - 0.3 * v, 0.4 * u], -1)[None]
    assert bending(straight).item() == pytest.approx(0, abs=1e-4)
    bent = torch.stack([u.square(), torch.zeros_like(u)], -1)[None]
    assert bending(bent).item() == pytest.approx(1, rel=1e-4)  # second derivative 2 along x, of one of two columns


def moving_mouths(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Faces with a dark mouth at a random height (in half widths), of people with skins of their own, eight each."""
    generator = torch.Generator().manual_seed(0)
    u, v = pixel_grid(32).unbind(-1)
    height = 0.4 + 0.2 * (torch.rand(count, generator=generator) - 0.5)
    mouth = torch.exp(-((u / 0.4).square() + ((v - height[:, None, None]) / 0.12).square()))[:, None]
    person = torch.arange(count) // 8
    skin = 0.2 + 0.3 * torch.rand(int(person.max()) + 1, 3, generator=generator)[person][..., None, None]
    return skin - mouth * skin.new_tensor([0.5, 0.9, 0.8])[:, None, None], person, height


@pytest.mark.slow
def test_a_mouth_that_moves_comes_to_lie_over_the_others():
    albedo, person, height = moving_mouths(256)
    model = tiny_autoencoder(size=32, layout_grid=8, layout_base=8)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    learn_warp(model, albedo.half(), person, 0, 9_600, lr=2e-3)
    for name, value in model.state_dict().items():
        assert torch.equal(value, kept[name]) != name.startswith("layout"), name
    with torch.no_grad():
        moves = model.layout(model.layout_encoder(albedo), 32)
        laid = to_canonical(albedo, moves)
    shade = [images - images.mean((2, 3), keepdim=True) for images in (albedo, laid)]
    before, after = (images[:, :, 14:28, 8:24].var(0).mean() for images in shade)
    assert after < 0.35 * before
    here = moves[:, 21:24, 14:18, 1].mean((1, 2))  # around (0, 0.4): lower mouths are fetched from farther down
    assert torch.corrcoef(torch.stack([here, height]))[0, 1] > 0.9


def test_what_tick_raises_stops_it():
    albedo, person, _ = moving_mouths(16)

    def tick(seen: int) -> None:
        if seen >= 64:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn_warp(tiny_autoencoder(size=32, layout_grid=8), albedo.half(), person, 0, 3_200, tick=tick)
