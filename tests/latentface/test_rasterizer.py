"""Every backend against a rasteriser so plain that it is right by reading."""

import importlib
import math
import os
import subprocess
import sys
import types

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from latentface.camera import apply_view, pixel_grid, project, unproject
from latentface.rasterizer import grid_faces, interpolate, interpolate_torch, rasterize

BACKENDS = ("numba", "torch")
scenes = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**31),
        "height": st.integers(2, 20),
        "width": st.integers(2, 20),
        "size": st.integers(8, 20),
        "rough": st.floats(0.0, 1.0),
        "view": st.tuples(*[st.floats(-75, 75)] * 2, st.floats(-180, 180), *[st.floats(-0.05, 0.05)] * 3),
    }
)


def mesh(seed, height, width, rough, view, **_) -> torch.Tensor:
    """Projected vertices 1 x (height * width) x 3 of a random height field in a view."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, 3, 3, generator=generator)
    coarse = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)[0]
    depth = 0.9 + 0.2 * ((1 - rough) * coarse + rough * torch.rand(1, height, width, generator=generator))
    points = apply_view(unproject(depth), torch.tensor([view])).flatten(1, 2)
    return torch.cat([project(points), points[..., 2:]], -1)


def candidates(points, height: int, width: int, size: int) -> list[list[tuple]]:
    """What every pixel's centre meets: a list of (face, depth, how far inside in pixels, depth's slope a pixel)."""
    found = [[] for _ in range(size * size)]
    vertices = [((u + 1) * (size - 1) / 2, (v + 1) * (size - 1) / 2, z) for u, v, z in points.double().tolist()]
    faces = []
    for row in range(height - 1):
        for column in range(width - 1):
            a = row * width + column
            faces += [(a, a + 1, a + width), (a + width + 1, a + width, a + 1)]
    for number, face in enumerate(faces):
        (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = (vertices[i] for i in face)
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0:
            continue
        lengths = [math.hypot(x2 - x1, y2 - y1), math.hypot(x0 - x2, y0 - y2), math.hypot(x1 - x0, y1 - y0)]
        slope = (max(z0, z1, z2) - min(z0, z1, z2)) * max(lengths) / abs(area)
        for y in range(max(0, math.floor(min(y0, y1, y2))), min(size - 1, math.ceil(max(y0, y1, y2))) + 1):
            for x in range(max(0, math.floor(min(x0, x1, x2))), min(size - 1, math.ceil(max(x0, x1, x2))) + 1):
                w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area
                w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area
                w2 = ((x0 - x) * (y1 - y) - (x1 - x) * (y0 - y)) / area  # 1 - w0 - w1 would round an edge away
                inside = min(w * abs(area) / length for w, length in zip((w0, w1, w2), lengths, strict=True))
                if inside > -1e-3:
                    found[y * size + x].append((number, 1 / (w0 / z0 + w1 / z1 + w2 / z2), inside, slope))
    return found


@given(scene=scenes)
@settings(max_examples=40, deadline=None)
def test_backends_against_the_naive_rasteriser(scene):
    height, width, size = scene["height"], scene["width"], scene["size"]
    points = mesh(**scene)
    expected = candidates(points[0], height, width, size)
    for backend in BACKENDS:
        faces = rasterize(points, height, width, size, backend=backend)
        assert faces.shape == (1, size, size) and faces.dtype == torch.int64
        for pixel, (face, met) in enumerate(zip(faces.flatten().tolist(), expected, strict=True)):
            surely = [z + 1e-3 * slope for _, z, inside, slope in met if inside > 1e-3]
            if face < 0:
                assert face == -1 and not surely, (backend, pixel)
                continue
            chosen = [(z, slope) for number, z, _, slope in met if number == face]
            assert chosen, (backend, pixel, "the face is not there")
            z, slope = chosen[0]
            assert z <= min(surely, default=math.inf) + 1e-3 * slope + 1e-5, (backend, pixel, "hidden by a nearer face")


@given(seed=st.integers(0, 2**31), size=st.sampled_from((9, 17)))
@example(seed=25979338, size=9)
@settings(max_examples=20, deadline=None)
def test_edges_belong_to_their_faces_exactly(seed, size):
    """Vertices on a lattice of 1/8 pixel: float arithmetic is exact, so a pixel on an edge must be inside."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.randint(-8, 8 * (size + 1), (1, 36, 2), generator=generator) / 8
    points = torch.cat([place * 2 / (size - 1) - 1, 0.9 + torch.rand(1, 36, 1, generator=generator) / 5], -1)
    expected = torch.tensor([any(c[2] >= 0 for c in met) for met in candidates(points[0], 6, 6, size)])
    for backend in BACKENDS:
        faces = rasterize(points, 6, 6, size, backend=backend)
        assert torch.equal((faces >= 0).flatten(), expected), backend


def test_in_a_tie_the_lower_face_wins():
    grid = pixel_grid(5)
    points = torch.cat([grid, torch.ones(5, 5, 1)], -1).view(1, 25, 3)
    lowest = [min(c[0] for c in met) for met in candidates(points[0], 5, 5, 5)]
    for backend in BACKENDS:
        assert rasterize(points, 5, 5, 5, backend=backend).flatten().tolist() == lowest


def test_nearer_side_hides_the_farther_one():
    """A strip folded over itself: both layers cover the same pixels, in either order."""
    for near_first in (True, False):
        u = torch.tensor([-1.0, 1.0, -1.0]).repeat(2, 1)
        v = torch.tensor([[-1.0], [1.0]]).expand(2, 3)
        z = torch.tensor([0.9, 1.0, 1.1] if near_first else [1.1, 1.0, 0.9]).expand(2, 3)
        points = torch.stack([u, v, z], -1).view(1, 6, 3)
        near = (0, 1) if near_first else (2, 3)
        for backend in BACKENDS:
            faces = rasterize(points, 2, 3, 9, backend=backend)
            assert set(faces[0, :, :-1].flatten().tolist()) == set(near), backend


def test_rows_of_a_batch_do_not_mix():
    points = torch.cat([mesh(s, 7, 9, 0.3, (s * 20.0, 5.0, 0.0, 0, 0, 0)) for s in range(3)])
    for backend in BACKENDS:
        together = rasterize(points, 7, 9, 12, backend=backend)
        alone = torch.cat([rasterize(p[None], 7, 9, 12, backend=backend) for p in points])
        assert torch.equal(together, alone) and not torch.equal(together[0], together[1])


def test_grid_faces_cover_every_cell():
    faces = grid_faces(3, 4)
    assert faces.shape == (12, 3)
    assert faces[0].tolist() == [0, 1, 4] and faces[1].tolist() == [5, 4, 1] and faces[-1].tolist() == [11, 10, 7]


def well_seen(points, height: int, width: int, size: int) -> torch.Tensor:
    """Faces of a picture, without the slivers at silhouettes, where float32 says little about gradients."""
    faces = rasterize(points, height, width, size, backend="numba")
    corners = points[0, grid_faces(height, width), :2] * (size - 1) / 2
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    thin = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).abs() < 0.02
    return torch.where((faces >= 0) & ~thin[faces.clamp(min=0)], faces, -1)


@given(scene=scenes)
@settings(max_examples=40, deadline=None)
def test_interpolation_and_its_gradients_are_the_same_in_numba_and_torch(scene):
    height, width, size = scene["height"], scene["width"], scene["size"]
    points = mesh(**scene)
    faces = well_seen(points, height, width, size)
    generator = torch.Generator().manual_seed(scene["seed"])
    attributes = torch.randn(height * width, 3, generator=generator)
    weight_depth, weight_values = (torch.randn(1, size, size, c, generator=generator) for c in (1, 3))
    results = []
    for backend in BACKENDS:
        leaf = points.clone().requires_grad_()
        depth, values = interpolate(faces, leaf, attributes, height, width, backend=backend)
        ((depth * weight_depth[..., 0]).sum() + (values * weight_values).sum()).backward()
        results.append((depth.detach(), values.detach(), leaf.grad))
    for found, twin in zip(*results, strict=True):
        assert torch.isfinite(found).all()
        torch.testing.assert_close(found, twin, atol=1e-4 * max(1.0, float(twin.abs().max())), rtol=1e-3)


def test_interpolation_gradients_against_finite_differences():
    """The torch path, in float64."""
    points = mesh(3, 4, 5, 0.5, (25.0, -10.0, 15.0, 0.01, 0, 0)).double()
    points = torch.cat([points, mesh(4, 4, 5, 0.5, (-40.0, 0.0, 0.0, 0, 0.01, 0)).double()])
    faces = torch.cat([well_seen(p[None].float(), 4, 5, 8) for p in points])
    attributes = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert (faces >= 0).sum() > 30
    assert torch.autograd.gradcheck(
        lambda p: interpolate_torch(faces, p, attributes, grid_faces(4, 5)), points.requires_grad_(), eps=1e-7
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_interpolating_places_of_an_unrotated_grid_gives_the_pixel_grid(backend):
    points = mesh(0, 9, 9, 1.0, (0.0,) * 6)
    grid = pixel_grid(9).flatten(0, 1)
    for size in (9, 14):
        faces = rasterize(points, 9, 9, size, backend=backend)
        depth, values = interpolate(faces, points, grid, 9, 9, backend=backend)
        assert (faces >= 0).all()
        assert ((depth > 0.9 - 1e-4) & (depth < 1.1 + 1e-4)).all()
        if size == 9:
            torch.testing.assert_close(values[0], pixel_grid(9), atol=1e-5, rtol=0)
            torch.testing.assert_close(depth.flatten(), points[0, :, 2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_interpolation_is_perspective_correct(backend):
    """On a slanted plane, x and y of the points are what the pixels' rays meet, which weights in the image are not."""
    plane = unproject((1 / (1 + 0.6 * pixel_grid(6)[..., 0]))[None])[0].flatten(0, 1)  # 1 / z is linear in the image
    points = torch.cat([project(plane), plane[:, 2:]], -1)[None]
    faces = rasterize(points, 6, 6, 16, backend=backend)
    depth, values = interpolate(faces, points, plane, 6, 6, backend=backend)
    expected = 1 / (1 + 0.6 * pixel_grid(16)[..., 0])
    assert (faces >= 0).all()
    torch.testing.assert_close(depth[0], expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(values[0], unproject(expected[None])[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty_pixels_are_zero_and_send_nothing_back(backend):
    points = mesh(1, 6, 6, 0.2, (30.0, 0.0, 0.0, 0, 0, 0.4)).requires_grad_()
    faces = rasterize(points, 6, 6, 16, backend=backend)
    empty = faces < 0
    assert 0 < empty.sum() < empty.numel()
    depth, values = interpolate(faces, points, torch.ones(36, 2), 6, 6, backend=backend)
    assert (depth[empty] == 0).all() and (values[empty] == 0).all()
    assert torch.allclose(values[~empty], torch.ones(()), atol=1e-5)
    ((depth + values.sum(-1)) * empty).sum().backward()
    assert (points.grad == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_mesh_beside_the_picture_leaves_it_empty(backend):
    points = mesh(1, 6, 6, 0.2, (0.0,) * 6) + torch.tensor([5.0, 0, 0])
    assert (rasterize(points, 6, 6, 16, backend=backend) == -1).all()


def test_unknown_backend():
    points = mesh(1, 3, 3, 0.2, (0.0,) * 6)
    with pytest.raises(ValueError, match="'opengl'.*numba, torch or pytorch3d"):
        rasterize(points, 3, 3, 8, backend="opengl")
    with pytest.raises(ValueError, match="'opengl'.*numba or torch"):
        interpolate(torch.zeros(1, 8, 8, dtype=torch.int64), points, points[0], 3, 3, backend="opengl")


def extension_loads() -> bool:
    """Whether pytorch3d's compiled part loads here; it is built for CUDA."""
    try:
        importlib.import_module("pytorch3d._C")
    except ImportError:
        return False
    return True


@pytest.fixture
def reference_pytorch3d(monkeypatch):
    """pytorch3d with its own slow rasteriser in the place of the compiled one, so that its branch runs anywhere."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("pytorch3d")}
    extension = types.ModuleType("pytorch3d._C")
    monkeypatch.setattr(extension, "__getattr__", lambda name: None, raising=False)
    monkeypatch.setitem(sys.modules, "pytorch3d._C", extension)
    monkeypatch.setattr("pytorch3d._C", extension, raising=False)
    module = importlib.import_module("pytorch3d.renderer.mesh.rasterize_meshes")
    monkeypatch.setattr(module, "rasterize_meshes", module.rasterize_meshes_python)
    yield
    for name in [name for name in sys.modules if name.startswith("pytorch3d") and name not in before]:
        del sys.modules[name]


def test_the_pytorch3d_branch_names_the_same_faces(reference_pytorch3d):
    """Axes, pixel centres and face numbers of a batch, by pytorch3d's reference implementation."""
    points = torch.cat(
        [mesh(5, 6, 5, 0.3, (30.0, 10.0, 5.0, 0, 0, 0)), mesh(6, 6, 5, 0.3, (-20.0, 10.0, 5.0, 0, 0, 0))]
    )
    found, ours = (rasterize(points, 6, 5, 10, backend=backend) for backend in ("pytorch3d", "torch"))
    assert found.shape == (2, 10, 10) and (ours >= 0).any() and (ours < 0).any()
    assert (found == ours).float().mean() > 0.97  # ties and edges may fall otherwise
    assert not torch.equal(found, found.flip(-1)) and not torch.equal(found, found.flip(-2))


@pytest.mark.skipif(extension_loads(), reason="pytorch3d's extension loads here")
def test_without_its_extension_pytorch3d_says_which_to_choose():
    points = mesh(5, 6, 6, 0.3, (0.0,) * 6)
    with pytest.raises(ImportError, match=r"pytorch3d's rasteriser does not load here \(.+\): choose numba or torch"):
        rasterize(points, 6, 6, 8, backend="pytorch3d")


@pytest.mark.skipif(not extension_loads(), reason="pytorch3d's extension is built for CUDA and does not load here")
def test_pytorch3ds_extension_sees_the_same_faces():
    points = mesh(5, 12, 12, 0.3, (30.0, 10.0, 5.0, 0, 0, 0))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found = rasterize(points.to(device), 12, 12, 16, backend="pytorch3d").cpu()
    ours = rasterize(points, 12, 12, 16, backend="torch")
    assert (found == ours).float().mean() > 0.97  # ties and edges may fall otherwise
    assert ((found >= 0) == (ours >= 0)).float().mean() > 0.97


def test_drawing_leaves_torch_its_threads():
    """numba's threads live in the same OpenMP as torch's: starting them once halved or doubled torch's for good."""
    code = (
        "import torch; torch.set_num_threads(2); from latentface.rendering import view_grid; "
        "view_grid(torch.ones(2, 16, 16), torch.zeros(2, 6)); print(torch.get_num_threads())"
    )
    for threads in ("1", "2"):
        environment = {**os.environ, "NUMBA_NUM_THREADS": threads}
        assert (
            subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout
            == "2\n"
        )
