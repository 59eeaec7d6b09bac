"""The way of one photo through stage 1, step by step, with the pictures and the numbers of every step.

LatentFace, section 3.1; Unsup3D, sections 3.1 and 3.3. Every step is worked out when it is asked for, once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from latentface.autoencoder import Autoencoder, CanonicalFace
from latentface.camera import apply_view, normals_from_depth, pixel_grid, project, unproject
from latentface.codes import Codes, Scene
from latentface.explain.blocks import Block, recorded
from latentface.pipeline import LatentFacePipeline
from latentface.rendering import render
from latentface.shading import shade, shading
from latentface.warp import to_canonical

COUNTS = (0, 1, 4, 16, 64, 256)
"""How many numbers of the texture are shown; 0 is the average face."""
SPOT = (-0.36, 0.22)
"""The place whose numbers are put into formulas: on the cheek, left in the picture, in half widths of the map."""
DARKEST = 0.25
"""Shading below which light is not divided out any further (see Autoencoder.frontal)."""


class Way:
    """One face on its way through stage 1.

    Args:
        pipeline: the model.
        crop: 1 x 3 x S x S in [-1, 1], the eyes level.
    """

    def __init__(self, pipeline: LatentFacePipeline, crop: Tensor):
        self.pipeline, self.crop = pipeline, crop

    @property
    def net(self) -> Autoencoder:
        """The autoencoder where it is this project's own; see `is_own`."""
        net = self.pipeline.autoencoder
        assert isinstance(net, Autoencoder)
        return net

    @property
    def is_own(self) -> bool:
        """Whether the model turns, lights and lays out the photo before it reads it; the papers' network does not."""
        return isinstance(self.pipeline.autoencoder, Autoencoder)

    # ---- photo to codes

    @cached_property
    def codes(self) -> Codes:
        """Codes of the crop."""
        return self.pipeline.encode(self.crop)

    @cached_property
    def input(self) -> Tensor:
        """The crop as the encoders see it, 1 x 3 x s x s."""
        return self.net.encoder_input(self.crop)

    @cached_property
    def mirrored_codes(self) -> Codes:
        """Codes of the mirrored crop, whose view and light show the symmetry of both networks."""
        return self.pipeline.encode(self.crop.flip(-1))

    def guess(self) -> Scene:
        """Give the average face under the view and the light that were found, in one colour."""
        depth = self.net.average_depth[None]
        white = torch.zeros_like(depth)[:, None].expand(-1, 3, -1, -1) + 0.7
        return Scene(depth, white, self.codes.view, self.codes.light, softness=1)

    @cached_property
    @torch.no_grad()
    def front(self) -> Tensor:
        """The picture turned to the front under the average depth, hidden places filled, 1 x 3 x s x s."""
        return self.net.frontal(self.input, self.net.average_depth[None], self.codes.view).filled

    @torch.no_grad()
    def turning(self, count: int) -> Tensor:
        """Draw the turn: the picture under less and less of its view, count x 3 x s x s."""
        depth, view = self.net.average_depth[None], self.codes.view
        shares = torch.linspace(1, 0, count)[1:].tolist()
        return torch.cat([self.input, *(render(self.front, depth, view * share)[0] for share in shares)])

    def looked_up(self) -> Tensor:
        """Find the place in the photo of every place of the front, s x s x 2 in half widths."""
        return project(apply_view(unproject(self.net.average_depth[None]), self.codes.view))[0]

    @cached_property
    @torch.no_grad()
    def face(self) -> CanonicalFace:
        """The face with view, light and warp taken off."""
        return self.net.canonical_face(self.input)

    @cached_property
    @torch.no_grad()
    def own_depth(self) -> Tensor:
        """Depth of the face under which its light is divided out, 1 x s x s."""
        return self.net.depth_over_average(self.face.shape, self.face.raw_depth)

    @cached_property
    def lit_front(self) -> Tensor:
        """Turn the picture to the front under the face's own depth, with its light, 1 x 3 x s x s."""
        return self.net.frontal(self.input, self.own_depth, self.codes.view).filled

    @cached_property
    def unlit(self) -> Tensor:
        """Take the light off: the face's colours, where the face itself has them."""
        return self.net.albedo(self.input, self.codes.view, self.codes.light, self.own_depth)

    @cached_property
    def front_shading(self) -> Tensor:
        """Compute the share of light at every place of the front, 1 x 1 x s x s."""
        softness = max(1, self.net.config["softness"] * self.own_depth.shape[-1] // self.net.size)
        return shading(self.own_depth, self.codes.light, softness).clamp(min=DARKEST)

    def unlighting(self, count: int) -> Tensor:
        """Draw the division: with all light, with less and less of it, without, count x 3 x s x s."""
        shares = torch.linspace(0, 1, count).tolist()
        light = [torch.lerp(torch.ones_like(self.front_shading), self.front_shading, share) for share in shares]
        return torch.cat([(self.lit_front + 1) / one - 1 for one in light[:-1]] + [self.unlit])

    @cached_property
    @torch.no_grad()
    def displacement(self) -> Tensor:
        """Compute how far each place of the average face moves to this face, 1 x s x s x 2 in half widths."""
        return self.net.displacement(self.face.shape)

    def farthest_slide(self) -> tuple[tuple[float, float], tuple[float, float], float]:
        """Give the place that moves farthest, and how far it moves.

        Returns:
            Place and move, x and y in half widths; and the length of the move in pixels of the crop.
        """
        moved = self.displacement[0]
        far = moved.norm(dim=-1)
        row, column = divmod(int(far.argmax()), far.shape[1])
        last = far.shape[0] - 1
        du, dv = moved[row, column].tolist()
        place = 2 * column / last - 1, 2 * row / last - 1
        return place, (du, dv), float(far.max()) * self.crop.shape[-1] / 2

    @property
    def layout_length(self) -> int:
        """How many numbers of the shape code tell the layout."""
        return self.codes.shape.shape[1] - self.net.depth_code

    def laying_out(self, count: int) -> Tensor:
        """Draw the warp: the face's own layout, more and more of the average face's, count x 3 x s x s."""
        shares = torch.linspace(0, 1, count).tolist()
        return torch.cat([to_canonical(self.unlit, self.displacement * share) for share in shares])

    # ---- codes to scene

    @cached_property
    @torch.no_grad()
    def texture_axes(self) -> tuple[Tensor, Tensor]:
        """Rotate the texture's numbers so that the first tell most: coordinates 1 x C and albedos C x 3 x s x s.

        The network's own numbers stand in no order. Sorted are the principal axes of all albedos that the basis draws
        for codes spread as the training codes are.
        """
        basis, denoiser, length = self.net.texture_basis, self.pipeline.denoiser, self.codes.texture.shape[1]
        mean, std = (part[-length:] for part in (denoiser.mean, denoiser.std))
        drawn = basis.directions.flatten(1)
        axes = torch.linalg.svd(std[:, None] * drawn, full_matrices=False)[2]
        coordinates = (self.codes.texture - mean) @ drawn @ axes.T
        return coordinates, axes.unflatten(1, basis.directions.shape[1:])

    @torch.no_grad()
    def texture_with(self, count: int) -> Tensor:
        """Draw the albedo, in the average face's layout, from the first numbers of the texture, 1 x 3 x s x s."""
        coordinates, axes = self.texture_axes
        length = coordinates.shape[1]
        average = self.net.texture_basis(self.pipeline.denoiser.mean[None, -length:])
        return average + torch.einsum("bk,kcij->bcij", coordinates[:, :count], axes[:count])

    def explained_share(self, count: int) -> float:
        """Give the share of what sets this face's colours apart from the average that so many numbers tell."""
        coordinates = self.texture_axes[0][0]
        return float(coordinates[:count].square().sum() / coordinates.square().sum().clamp(min=1e-12))

    @cached_property
    @torch.no_grad()
    def refined(self) -> tuple[Tensor, Tensor]:
        """The albedo before and after refining, both 1 x 3 x S x S in the average face's layout."""
        coarse = self.net.texture_basis(self.codes.texture)
        large = F.interpolate(coarse, size=self.crop.shape[-2:], mode="bicubic") if self.net.size > 64 else coarse
        return large, self.net.refiner(coarse, self.codes.texture)

    def refinement(self) -> float:
        """Give the mean change of a colour by refining, in shares of white."""
        coarse, fine = self.refined
        return float((fine - coarse).abs().mean() / 2)

    @torch.no_grad()
    def reliefs(self) -> list[Tensor]:
        """Give depth, 1 x s x s each: the average face's, that laid out as this face, and its own."""
        net, zero = self.net, torch.zeros_like(self.face.raw_depth)
        laid_out = net.depth_over_average(self.codes.shape, zero)
        return [net.average_depth[None], laid_out, net.depth(self.codes.shape)]

    @cached_property
    def scene(self) -> Scene:
        """The decoded face under its own view and light."""
        return self.pipeline.decode(self.codes)

    @cached_property
    @torch.no_grad()
    def log_sigma(self) -> Tensor:
        """Where the network expects errors, 1 x 2 x S x S, see Autoencoder.confidence."""
        return self.pipeline.autoencoder.confidence(self.crop)

    def in_one_colour(self) -> Scene:
        """Give the decoded face in white: what is seen of it is its shading."""
        return replace(self.scene, albedo=torch.ones_like(self.scene.albedo))

    # ---- the numbers of one place

    @cached_property
    def spot(self) -> tuple[int, int]:
        """Row and column of SPOT in a map of the decoded scene."""
        last = self.scene.depth.shape[-1] - 1
        return round((SPOT[1] + 1) / 2 * last), round((SPOT[0] + 1) / 2 * last)

    def spot_in(self, side: int) -> tuple[int, int]:
        """Give row and column of SPOT in a map of another side."""
        last = self.scene.depth.shape[-1] - 1
        row, column = (round(index / last * (side - 1)) for index in self.spot)
        return row, column

    def unlit_numbers(self) -> tuple[float, float, float]:
        """Give at the spot the lit colour, the share of light, and the colour without light, grey in [0, 1]."""
        row, column = self.spot_in(self.unlit.shape[-1])
        lit, colour = (float((one[0, :, row, column].mean() + 1) / 2) for one in (self.lit_front, self.unlit))
        return lit, float(self.front_shading[0, 0, row, column]), colour

    def relief_numbers(self, steps: list[Tensor]) -> tuple[float, float, float, float]:
        """Give depth at the spot in each of `reliefs`, and the own relief's mean height over that of the average."""
        row, column = self.spot_in(steps[0].shape[-1])
        one, two, three = (float(depth[0, row, column]) for depth in steps)
        return one, two, three, float((steps[2] - steps[1]).abs().mean() / (steps[0] - 1).abs().mean())

    def normal_numbers(self) -> dict[str, float]:
        """Give the surface at the spot: its point, the steps to its neighbours right and below, and its normal."""
        row, column = self.spot
        points = unproject(self.scene.depth)[0]
        right = points[row, column + 1] - points[row, column - 1]
        down = points[row + 1, column] - points[row - 1, column]
        normal = normals_from_depth(self.scene.depth)[0, row, column]
        named = {"p": points[row, column], "r": right, "s": down, "n": normal}
        return {
            f"{name}{axis}": float(value) for name, xyz in named.items() for axis, value in zip("xyz", xyz, strict=True)
        }

    def shading_numbers(self) -> dict[str, float]:
        """Give light and surface at the spot, and how much light it reflects."""
        row, column = self.spot
        light, scene = self.codes.light, self.scene
        direction = F.normalize(torch.cat([light[0, 2:], light.new_ones(1)]), dim=0)
        share = shading(scene.depth, light, scene.softness)[0, 0, row, column]
        ambient, diffuse = light[0, :2].tolist()
        facing = (float(share) - ambient) / diffuse if diffuse else 0.0
        named = dict(zip(("lx", "ly", "lz"), direction.tolist(), strict=True))
        return named | {"ambient": ambient, "diffuse": diffuse, "facing": facing, "share": float(share)}

    def rendered_numbers(self) -> dict[str, float]:
        """Give the spot's colour, lit colour, place in the photo, and the photo's own colour there, grey in [0, 1]."""
        row, column = self.spot
        scene = self.scene
        point = unproject(scene.depth)[:, row : row + 1, column : column + 1]
        where = project(apply_view(point, scene.view))
        canonical = shade(scene.albedo, scene.depth, scene.light, scene.softness)
        photo = F.grid_sample(self.crop, where, align_corners=True, padding_mode="border")
        named = {
            "albedo": scene.albedo[..., row, column],
            "lit": canonical[..., row, column],
            "photo": photo[..., 0, 0],
        }
        u, v = where[0, 0, 0].tolist()
        return {name: float((colour.mean() + 1) / 2) for name, colour in named.items()} | {"u": u, "v": v}

    # ---- what they are made of

    @cached_property
    def blocks(self) -> dict[str, Block]:
        """The networks of stage 1 with the shapes that pass through them, by name."""
        net = self.pipeline.autoencoder
        names = [name for name, child in net.named_children() if any(True for _ in child.parameters())]

        @torch.no_grad()
        def run() -> None:
            """Go the whole way once."""
            net.decode(net.encode(self.crop))
            net.confidence(self.crop)

        gates = (self.net.refiner.code,) if self.is_own else ()
        found = recorded({name: net.get_submodule(name) for name in names}, run, gates)
        return {block.name: block for block in found}


def sampled(places: Tensor, count: int) -> Tensor:
    """Take a map of places, s x s x 2, at even positions: count x count x 2."""
    grid = pixel_grid(count, device=places.device, dtype=places.dtype)[None]
    found = F.grid_sample(places.permute(2, 0, 1)[None], grid, align_corners=True, padding_mode="border")
    return found[0].permute(1, 2, 0)
