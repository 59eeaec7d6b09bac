"""The texture basis: principal components of the albedos that a model sees, against the full decomposition."""

import pytest
import torch
from tests.helpers import drawn_clips, tiny_autoencoder

from latentface.autoencoder import AVERAGE_RELIEF
from latentface.layout import gather, spread
from train.basis import canonical_albedo, fit_basis
from train.shards import read_shards, write_shards


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(21, 4, 40), folder, {"source": "drawn"})
    return read_shards([str(folder)], 16)


def albedos(model, clips, count: int, seed: int = 0) -> torch.Tensor:
    """The albedos of the crops that the basis is fitted to."""
    generator, rows = torch.Generator().manual_seed(seed), clips.draw(count, torch.Generator().manual_seed(seed))
    found = [canonical_albedo(model, clips.jittered(part, 16, generator)) for part in rows.split(256)]
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
        codes, albedo = model.encode(image), canonical_albedo(model, image)
        torch.testing.assert_close(codes.texture, model.texture_basis.project(albedo))
        torch.testing.assert_close(model.decode(codes).albedo, model.texture_basis(codes.texture))
    assert not torch.allclose(model.average_depth, tiny_autoencoder().average_depth)


def test_in_a_model_with_a_layout_the_basis_is_of_laid_out_faces(clips):
    model = tiny_autoencoder(layout_grid=4, layout_base=8)
    _, aligned = fit_basis(model, clips, count=60, layout=960)
    assert aligned > 0
    rows, generator = clips.draw(60, torch.Generator().manual_seed(0)), torch.Generator().manual_seed(0)
    image = clips.jittered(rows, 16, generator)
    some = clips.jittered(rows[:15], 16, torch.Generator().manual_seed(0))
    with torch.no_grad():
        codes = model.encode(image)
        assert model.moves(codes.shape).abs().max() > 1e-3
        torch.testing.assert_close(codes.texture.square().mean(0), torch.ones(16), atol=0.02, rtol=0)
        view, light, _, raw = model.geometry(image)
        own, depth = model._depth(raw), model.decode(codes).depth
        few = model._depth(model.geometry(some)[-1])
        average = gather(few[:, None], model.moves(model.encode(some).shape)).mean(0)
        assert (average - 1).abs().max() > 0.01
        torch.testing.assert_close(model.average_relief, average[0] - 1, atol=1e-5, rtol=1e-4)
        laid = spread(average.expand(60, -1, -1, -1), model.moves(codes.shape))[:, 0]
        torch.testing.assert_close(depth, own + AVERAGE_RELIEF * (laid - own))
        texture = gather(model.albedo(image, view, light, depth), model.moves(codes.shape))
        torch.testing.assert_close(codes.texture, model.texture_basis.project(texture))
        torch.testing.assert_close(model.decode(codes).albedo, spread(model.texture_basis(codes.texture), model.moves(codes.shape)))
    assert all(p.grad is None and not p.requires_grad for part in (model.layout, model.layout_encoder) for p in part.parameters())


def test_the_same_seed_gives_the_same_basis(clips):
    one, two, other = (tiny_autoencoder() for _ in range(3))
    fit_basis(one, clips, count=40)
    fit_basis(two, clips, count=40)
    fit_basis(other, clips, seed=1, count=40)
    assert torch.equal(one.texture_basis.directions, two.texture_basis.directions)
    assert not torch.equal(one.texture_basis.mean, other.texture_basis.mean)


def test_fewer_people_than_directions(clips):
    model = tiny_autoencoder()
    fit_basis(model, clips, count=9)
    assert (model.texture_basis.directions[8:] == 0).all() and model.texture_basis.directions[7].abs().sum() > 0
    assert torch.isfinite(model.encode(clips.centre(torch.arange(2), 16)).texture).all()
