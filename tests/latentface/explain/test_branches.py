"""PCL step by step against the losses of its training and loops written from their definitions."""

import math

import pytest
import torch
import torch.nn.functional as F

from latentface.explain.branches import QUADRANT, TEMPERATURE, Branches, info_nce
from latentface.pcl import PCL
from tests.helpers import smooth
from train.losses.orthogonality import orthogonality
from train.losses.reconstruction import reconstruction


@pytest.fixture(scope="module")
def seen() -> Branches:
    torch.manual_seed(0)
    pcl = PCL(size=32, width=8).eval()
    return Branches(pcl, torch.cat([smooth((1, 3, 64, 64), seed) for seed in range(4)]))


def test_images_are_averaged_down(seen):
    torch.testing.assert_close(seen.images[2], F.avg_pool2d(smooth((1, 3, 64, 64), 2), 2)[0])


@torch.no_grad()
def test_cosines_of_a_mirror(seen):
    features, flipped = (seen.pcl.encode(images) for images in (seen.images, seen.images.flip(-1)))
    found = seen.mirror_cosines()
    for name in ("face", "pose"):
        one, two = getattr(features, name), getattr(flipped, name)
        assert found[name] == pytest.approx(float(one[0] @ two[0] / (one[0].norm() * two[0].norm())), abs=1e-5)
        others = [float(one[0] @ other / (one[0].norm() * other.norm())) for other in one[1:]]
        assert found[f"other_{name}"] == pytest.approx(sum(others) / 3, abs=1e-5)


@torch.no_grad()
def test_the_errors_add_up_to_the_training_loss(seen):
    pcl, image = seen.pcl, seen.images[:1]
    straight, mirrored = pcl.encode(image), pcl.encode(image.flip(-1))
    expected = reconstruction(
        pcl.decode, (straight.face, straight.pose), (mirrored.face, mirrored.pose), image, image.flip(-1)
    )
    assert sum(seen.errors()) == pytest.approx(float(expected), rel=1e-4)
    torch.testing.assert_close(seen.reconstructions()[1:2], pcl.decode(straight.face, mirrored.pose))
    assert torch.equal(seen.targets()[1], image[0].flip(-1)) and torch.equal(seen.targets()[2], image[0])


def test_orthogonality_is_the_training_loss_in_units_of_chance(seen):
    face, pose = seen.straight.face, seen.straight.pose
    length = face.shape[1]
    for names, pair in ((("face", "pose"), (face, pose)), (("face", "face"), (face, face))):
        expected = float(orthogonality(*pair)) * length**2 / len(face)
        assert seen.orthogonality(*names) == pytest.approx(expected, rel=1e-3)
    whole = (seen.centred("face").T @ seen.centred("pose")).abs()
    torch.testing.assert_close(seen.products("face", "pose", length), whole)
    assert float(seen.products("face", "pose", 4).mean()) == pytest.approx(float(whole.mean()), rel=1e-4)


def test_crops_come_from_two_quadrants_and_are_found_by_their_share(seen):
    one, two = seen.quadrants
    side = round(QUADRANT * 32)
    cut = seen.images[:, :, 8 : 8 + side]
    torch.testing.assert_close(
        one, F.interpolate(cut[..., 2 : 2 + side], size=(32, 32), mode="bilinear", align_corners=False)
    )
    torch.testing.assert_close(
        two, F.interpolate(cut[..., 18 : 18 + side], size=(32, 32), mode="bilinear", align_corners=False)
    )
    cosines, value = seen.face_contrast()
    total = 0.0
    for i in range(4):
        powers = [math.exp(float(cosines[i, j]) / TEMPERATURE) for j in range(4)]
        total -= math.log(powers[i] / sum(powers)) / 4
    assert value == pytest.approx(total, rel=1e-4)
    with torch.no_grad():
        a, b = seen.pcl.encode(one).face[1], seen.pcl.encode(two).face[2]
    assert float(cosines[1, 2]) == pytest.approx(float(a @ b / (a.norm() * b.norm())), abs=1e-5)


def test_poses_are_told_from_the_mirrored(seen):
    (near, far), value = seen.pose_contrast()
    anchor, positive, negative = seen.recoloured
    assert torch.equal(negative, positive.flip(-1)) and not torch.equal(anchor, positive)
    with torch.no_grad():
        a, p, n = (seen.pcl.encode(image).pose[0] for image in (anchor, positive, negative))
    assert near == pytest.approx(float(a @ p / (a.norm() * p.norm())), abs=1e-5)
    assert far == pytest.approx(float(a @ n / (a.norm() * n.norm())), abs=1e-5)
    assert value == pytest.approx(math.log1p(math.exp((far - near) / TEMPERATURE)), abs=1e-5)


def test_guessing_costs_the_logarithm_of_how_many():
    alike = torch.full((3, 5), 0.4)
    assert info_nce(alike[:, 0], alike) == pytest.approx(math.log(5), rel=1e-5)


def test_blocks(seen):
    blocks = {block.name: block for block in seen.blocks()}
    assert blocks["backbone"].shapes[0] == (3, 32, 32) and blocks["backbone"].shapes[-1] == (32, 2, 2)
    assert all(len(shape) == 3 for shape in blocks["backbone"].shapes), "gates stand beside the way"
    assert blocks["decoder"].shapes[-1] == (3, 32, 32)
