"""The texture basis: principal components of the albedos that a model sees, against the full decomposition."""

import pytest
import torch

from latentface.warp import from_canonical, to_canonical
from tests.helpers import drawn_clips, tiny_autoencoder
from train.data.reading import read_shards
from train.data.shards import write_shards
from train.stage1.texture_basis import fit_basis, frontal_albedo


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(21, 4, 40), folder, {"source": "drawn"})
    return read_shards([str(folder)], 16)


def albedos(model, clips, count: int, seed: int = 0) -> torch.Tensor:
    """The albedos of the crops that the basis is fitted to."""
    generator, rows = torch.Generator().manual_seed(seed), clips.draw(count, torch.Generator().manual_seed(seed))
    found = [frontal_albedo(model, clips.jittered(part, 16, generator)) for part in rows.split(256)]
    return torch.cat(found).flatten(1).clamp(-1.5, 1.5)


def test_directions_are_the_weighted_principal_components(clips):
    model = tiny_autoencoder()
    with torch.no_grad():
        held, aligned = fit_basis(model, clips, count=60)
        seen = albedos(model, clips, 60)
        basis = model.texture_basis
        root = basis.weight.sqrt().expand(3, -1, -1).flatten()
        _, spread, axes = torch.linalg.svd((seen - seen.mean(0)) * root, full_matrices=False)
        best = spread[:16].square().sum() / spread.square().sum()
        assert held == pytest.approx(float(best), abs=0.01) and held > 0.8 and aligned is None
        codes = basis.project(seen.view(-1, 3, 16, 16))
        torch.testing.assert_close(codes.square().mean(0), torch.ones(16), atol=0.02, rtol=0)
        error = ((basis(codes).flatten(1) - seen) * root).square().sum()
        assert float(error / spread.square().sum()) == pytest.approx(1 - held, abs=0.01)


def test_after_the_fit_the_code_is_the_projection_and_the_albedo_the_basis(clips):
    model = tiny_autoencoder()
    fit_basis(model, clips, count=60)
    image = clips.centre(torch.arange(4), 16)
    with torch.no_grad():
        codes, albedo = model.encode(image), frontal_albedo(model, image)
        torch.testing.assert_close(codes.texture, model.texture_basis.project(albedo))
        torch.testing.assert_close(model.decode(codes).albedo, model.texture_basis(codes.texture))
    assert not torch.allclose(model.average_depth, tiny_autoencoder().average_depth)


def with_relief():
    """A model whose faces have a relief of their own."""
    model = tiny_autoencoder()
    torch.nn.init.normal_(model.shape_decoder.head.weight, std=0.1, generator=torch.Generator().manual_seed(3))
    return model


def test_the_basis_is_of_warped_faces(clips):
    model, before = with_relief(), with_relief()
    _, aligned = fit_basis(model, clips, count=60, warp_images=960)
    assert aligned > 0 and model.average_share == 1
    rows, generator = clips.draw(60, torch.Generator().manual_seed(0)), torch.Generator().manual_seed(0)
    image = clips.jittered(rows, 16, generator)
    some = clips.jittered(rows[:15], 16, torch.Generator().manual_seed(0))
    kept = {
        k: v
        for k, v in model.state_dict().items()
        if not k.startswith(("shape_decoder", "average_share", "average_relief"))
    }
    before.load_state_dict({**before.state_dict(), **kept})  # as it was when the average was taken
    with torch.no_grad():
        _, _, shape, raw, _ = before.canonical_face(some)
        average = to_canonical(before.depth_over_prior(raw)[:, None], before.displacement(shape)).mean(0)
        assert (average - 1).abs().max() > 0.01 and raw.abs().max() > 0.1
        torch.testing.assert_close(model.average_relief, average[0] - 1, atol=1e-5, rtol=1e-4)
        codes = model.encode(image)
        assert model.displacement(codes.shape).abs().max() > 1e-3
        view, light, _, raw = model.geometry(image)
        assert raw.abs().max() < 0.03  # what a face adds to the average begins from nothing
        layout = model.layout_encoder(model.albedo(image, view, light, model.average_depth.expand(60, -1, -1)))
        torch.testing.assert_close(codes.shape[:, 4:], layout)
        laid = (
            raw
            + from_canonical(
                (model.average_relief / 0.1).atanh().expand(60, 1, -1, -1), model.displacement(codes.shape)
            )[:, 0]
        )
        depth = torch.stack([1 + 0.1 * (one - one.mean()).tanh() for one in laid])
        torch.testing.assert_close(model.decode(codes).depth, depth)
        texture = to_canonical(model.albedo(image, view, light, depth), model.displacement(codes.shape))
        torch.testing.assert_close(codes.texture, model.texture_basis.project(texture))
        seen = model.texture_basis.project(texture.clamp(-1.5, 1.5))
        torch.testing.assert_close(seen.square().mean(0), torch.ones(16), atol=0.02, rtol=0)
        torch.testing.assert_close(
            model.decode(codes).albedo,
            from_canonical(model.texture_basis(codes.texture), model.displacement(codes.shape)),
        )
    assert all(
        p.grad is None and not p.requires_grad
        for part in (model.layout, model.layout_encoder)
        for p in part.parameters()
    )


@pytest.mark.parametrize("warp_images", [0, 64])
def test_the_same_seed_gives_the_same_basis(clips, warp_images):
    """Whatever else has been drawn meanwhile."""
    one, two, other = (with_relief() for _ in range(3))
    for model, seed in ((one, 0), (two, 0), (other, 1)):
        fit_basis(model, clips, seed=seed, count=40, warp_images=warp_images)
    assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())
    assert not torch.equal(one.texture_basis.mean, other.texture_basis.mean)


def test_fewer_people_than_directions(clips):
    model = tiny_autoencoder()
    fit_basis(model, clips, count=9)
    assert (model.texture_basis.directions[8:] == 0).all() and model.texture_basis.directions[7].abs().sum() > 0
    assert torch.isfinite(model.encode(clips.centre(torch.arange(2), 16)).texture).all()
