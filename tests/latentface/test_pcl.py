"""PCL's network: features, pooling of larger images, swaps, size of a checkpoint."""

import pytest
import torch
import torch.nn.functional as F

from latentface.checkpoints import load_network
from latentface.pcl import PCL, Attention, Backbone, Block


def tiny(kind=PCL, size: int = 32):
    torch.manual_seed(0)
    return kind(size=size, width=8).eval()


def images(count: int, side: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_features_of_the_shipped_size_are_2048_at_64_and_at_100_px():
    model = PCL().eval()
    for side in (64, 100):
        features = model.encode(images(2, side))
        assert features.trunk.shape == features.face.shape == features.pose.shape == (2, 2048)
        assert all(f.dtype == torch.float32 and 0.2 < float(f.detach().std()) < 3 for f in vars(features).values())
    assert model(images(2, 64)).shape == (2, 3, 64, 64)


def test_a_half_precision_checkpoint_stays_below_6_mb():
    assert sum(value.numel() for value in PCL().state_dict().values()) * 2 < 6e6


@pytest.mark.parametrize("size", [16, 32, 48, 64])
def test_pictures_have_the_models_size_and_range(size):
    model = tiny(size=size)
    features = model.encode(images(3, size))
    assert features.trunk.shape == (3, 32 * (size // 16) ** 2)
    picture = model.decode(features.face, features.pose)
    assert picture.shape == (3, 3, size, size) and picture.detach().abs().max() < 1 and picture.dtype == torch.float32


def test_a_larger_image_is_pooled_before_the_heads():
    model, image = tiny(), images(2, 64)
    maps = model.backbone.layers(image)
    pooled = torch.zeros(2, 32, 2, 2)
    for y in range(2):
        for x in range(2):
            pooled[:, :, y, x] = maps[:, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean((2, 3))
    features = model.encode(image)
    torch.testing.assert_close(features.trunk, pooled.flatten(1))
    torch.testing.assert_close(features.face, model.face_head(pooled).flatten(1))
    torch.testing.assert_close(features.pose, model.pose_head(pooled).flatten(1))


@pytest.mark.parametrize("kind", [PCL, Backbone])
def test_what_is_no_size_is_said(kind):
    with pytest.raises(ValueError, match="from 32 x 32, not"):
        tiny(kind).encode(images(1, 31))
    for size in (0, 8, 40):
        with pytest.raises(ValueError, match="multiple of 16"):
            kind(size=size)


def test_a_swap_takes_the_face_of_one_and_the_pose_of_the_other():
    model, a, b = tiny(), images(2, 32, 1), images(2, 32, 2)
    blend = model.encode(a).face + model.encode(b).pose
    blend = blend / blend.square().mean(1, keepdim=True).sqrt()
    torch.testing.assert_close(model.swap(a, b), model.decoder(blend))
    torch.testing.assert_close(model.swap(a, a), model(a))
    assert not torch.allclose(model.swap(a, b), model(a), atol=1e-4)


def test_the_decoder_does_not_mind_the_features_length():
    model, a = tiny(), images(2, 32)
    features = model.encode(a)
    torch.testing.assert_close(model.decode(5 * features.face, 5 * features.pose), model(a))


def test_blocks_begin_near_their_shortcut_and_gates_at_one():
    torch.manual_seed(0)
    maps = torch.randn(2, 32, 6, 6)
    torch.testing.assert_close(Attention(32)(maps), maps)
    change = Block(32)(maps) - F.leaky_relu(maps, 0.1)
    assert 0 < change.detach().std() < 0.4 * maps.std()


@pytest.mark.parametrize("kind", [PCL, Backbone])
def test_saved_in_half_precision_it_comes_back_in_float32(kind, tmp_path):
    model, image = tiny(kind), images(2, 32)
    before = model.encode(image).trunk
    model.half().save_pretrained(tmp_path)
    again = load_network(tmp_path, kind)
    assert next(again.parameters()).dtype == torch.float32 and not again.training and again.config.width == 8
    torch.testing.assert_close(again.encode(image).trunk, before, atol=0.02, rtol=0.02)


def test_pictures_start_without_a_grid():
    picture = tiny()(images(2, 32)).detach()
    blocks = picture.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
    torch.testing.assert_close(blocks, blocks[..., :1].expand_as(blocks))
    assert picture.std() > 0
