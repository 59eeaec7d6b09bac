"""Stage 1: the 3D-aware autoencoder of one face (LatentFace, section 3.1; Unsup3D, Wu et al., CVPR 2020).

One photo becomes codes of shape and texture, a view and a light; the codes decode to canonical depth and albedo.
Beside the papers, with s = min(S, 64) the side at which encoders look and C the length of a code:

| symbol   | name here                 | shape         | where                 | differs from the paper               |
| -------- | ------------------------- | ------------- | --------------------- | ------------------------------------ |
| I        | image                     | B x 3 x S x S | Unsup3D 3.1           | S up to 128                          |
| w        | Codes.view, `view_net`    | B x 6         | Unsup3D 3.1, 3.3      | mirrors exactly with the photo       |
| l        | Codes.light, `light_net`  | B x 4         | Unsup3D 3.1, 3.3      | likewise; ambient + diffuse = 1      |
| z_d      | Codes.shape               | B x C         | LatentFace 3.1        | depth code, then warp code           |
| z_a      | Codes.texture             | B x C         | LatentFace 3.1        | projection on a basis + a correction |
| d        | Scene.depth               | B x s x s     | Unsup3D 3.1           | average relief + own; no border      |
| a        | Scene.albedo              | B x 3 x S x S | Unsup3D 3.1           | basis, refined, warped to the face   |
| Λ(a,d,l) | Scene.canonical           | B x 3 x S x S | Unsup3D 3.3           | light falls on smoothed depth        |
| Π(.,d,w) | Scene.render              | B x 3 x S x S | Unsup3D eq. 1         | as there (mesh, inverse warp)        |
| a', d'   | Scene.flip                | as a, d       | Unsup3D eq. 2         | as there                             |
| σ, σ'    | `confidence` (log scales) | B x 2 x S x S | Unsup3D eq. 3, 4      | log scales instead of softplus       |
| -        | `displacement`            | B x s x s x 2 | Shu et al., ECCV 2018 | ours: see warp.py                    |
| -        | `expression_mask`         | C bool        | train/stage1          | ours: the expression subspace        |

`paper.py` has the papers' own networks; these here (`explorer`) differ in one idea. The papers encode the photo as it
is. Here view and light come first; by them the photo is turned to the front, hidden places are filled from their mirror
side, the light is divided out, the features are warped to where the average face has them, and what remains is
projected onto a linear basis (eigenfaces, Turk & Pentland 1991, in the frame of a morphable model, Blanz & Vetter
1999), which one network corrects and another sharpens.

Three names are kept as shipped weights and configs have them: `layout` for the warp (of its code, its networks, its
grid), `changing` for the sizes of the expression subspace, `average_relief` for the average face's depth less 1.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from latentface.blocks import ConfidenceNet, Decoder, Encoder, Enlarger, Refiner, TextureBasis
from latentface.camera import BORDER_DEPTH, FAR, NEAR, pixel_grid
from latentface.codes import Codes, Scene
from latentface.rendering import unrender
from latentface.shading import shading
from latentface.warp import DisplacementField, from_canonical, to_canonical

__all__ = ["Autoencoder", "CanonicalFace", "Codes", "Front", "Geometry", "Scene", "clamp_border", "depth_from_raw"]

VIEW_MIRROR = (-1, 1, -1, -1, 1, 1)
"""Factors of yaw, pitch, roll, x, y, z when a picture is mirrored."""
LIGHT_MIRROR = (1, 1, -1, 1)
"""Factors of ambient, diffuse, x, y when a picture is mirrored."""
COARSE = 64
"""Largest side of the encoders' input, of depth and of the basis; larger models enlarge and refine the results."""


class Geometry(NamedTuple):
    """View, light and own relief of B faces."""

    view: Tensor
    """B x 6, see Codes."""
    light: Tensor
    """B x 4, see Codes."""
    depth_code: Tensor
    """B x depth_code: the first part of the shape code."""
    raw_depth: Tensor
    """B x s x s relief that the depth code adds, before tanh."""


class Front(NamedTuple):
    """Pictures turned to the front, B x 3 x s x s each."""

    filled: Tensor
    """With hidden places filled from their mirror side."""
    seen: Tensor
    """As seen: hidden places show whatever lies over them."""


class CanonicalFace(NamedTuple):
    """B faces with view, light and warp taken off."""

    view: Tensor
    """B x 6, see Codes."""
    light: Tensor
    """B x 4, see Codes."""
    shape: Tensor
    """B x C shape code."""
    raw_depth: Tensor
    """B x s x s relief that the depth code adds, before tanh."""
    albedo: Tensor
    """B x 3 x s x s albedo with every feature where the average face has it: the texture code's input."""


class Autoencoder(ModelMixin, ConfigMixin):
    """The 3D-aware autoencoder.

    Args:
        size: side S of images and maps in pixels: 16, 32, 64 or 128; the encoders see at most 64.
        encoder_base: channels of the depth code's encoder at half the size.
        texture_base: the same of the texture code's encoder.
        shape_base: channels of the depth decoder at half the size.
        refiner_base: channels of the refiner at half the coarse size.
        small_base: channels at half the size of the networks of view, light and confidence.
        code: length C of the shape code and of the texture code.
        max_angle: bound of the view's angles in degrees.
        max_shift: bound of the view's translation in scene units.
        bump: height, before tanh, of the smooth bump that depth starts from: convex from the first step.
        softness: side in pixels of the squares of depth that light falls on. With 1 the finest relief paints eyes and
            mouths by shadows; with more, those have to be albedo.
        layout_grid: side of the coarse grid of displacements (see warp.py), at least 2. A quarter of the shape code is
            depth's, the rest the warp's.
        layout_base: channels of the warp code's encoder at half the size.
        changing: sizes of the expression subspace: how many of the depth code's, the warp code's and the texture code's
            last numbers may change from frame to frame of one person (see train/stage1/clip_objective.py). With zeros
            codes are not divided.
        refiner_blocks: residual blocks of the refiner at half the coarse size.
        relief_grid: side of the coarse grid of a relief that the whole shape code adds, linearly, to what is shown; see
            train/stage1/parallax.py. 0: none. Encoding does not heed it.
        enlarger_base: channels of the network that draws the albedo at twice the size for `decode_fine`; see
            train/stage1/enlarge.py. 0: none. Encoding and `decode` do not heed it.

    Raises:
        ValueError: for another size or a smaller grid.
    """

    prior: Tensor
    average_depth: Tensor
    average_share: Tensor
    view_reach: Tensor
    shape_expression: Tensor
    texture_expression: Tensor

    @register_to_config
    def __init__(
        self,
        size: int = 64,
        encoder_base: int = 40,
        texture_base: int = 16,
        shape_base: int = 32,
        refiner_base: int = 48,
        small_base: int = 16,
        code: int = 256,
        max_angle: float = 60.0,
        max_shift: float = 0.1,
        bump: float = 0.6,
        softness: int = 1,
        layout_grid: int = 16,
        layout_base: int = 24,
        changing: tuple[int, int, int] = (0, 0, 0),
        refiner_blocks: int = 3,
        relief_grid: int = 0,
        enlarger_base: int = 0,
    ):
        super().__init__()
        if not 16 <= size <= 2 * COARSE or size & (size - 1):
            raise ValueError(f"size must be 16, 32, 64 or 128, not {size}")
        if layout_grid < 2:
            raise ValueError(f"layout_grid must be at least 2, not {layout_grid}")
        seen = min(size, COARSE)
        self.depth_code = code // 4
        """Length of the depth code, the first part of the shape code."""
        self.shape_encoder = Encoder(seen, encoder_base, self.depth_code)
        self.texture_encoder = Encoder(seen, texture_base, code)
        self.shape_decoder = Decoder(seen, shape_base, self.depth_code, 1)
        self.layout_encoder = Encoder(seen, layout_base, code - self.depth_code)
        self.layout = DisplacementField(code - self.depth_code, layout_grid)
        if relief_grid:
            self.relief = nn.Linear(code, relief_grid**2)
            nn.init.zeros_(self.relief.weight)
            nn.init.zeros_(self.relief.bias)
        self.average_relief = nn.Parameter(torch.zeros(seen, seen))  # depth less 1, which half precision keeps well
        self.register_buffer("average_share", torch.zeros(()))  # 1 once the average relief is known
        self.texture_basis = TextureBasis(seen, code)
        self.refiner = Refiner(size, seen, refiner_base, code, refiner_blocks)
        if enlarger_base:
            self.enlarger = Enlarger(size, seen, self.refiner.head.in_channels, enlarger_base)
        self.view_net = Encoder(seen, small_base, 6)
        self.light_net = Encoder(seen, small_base, 4)
        self.confidence_net = ConfidenceNet(seen, max(8, small_base // 2))
        for net in (self.view_net, self.light_net):
            nn.init.normal_(net.last.weight, std=0.1 / (net.last.in_channels * 16) ** 0.5)
            if net.last.bias is not None:
                nn.init.zeros_(net.last.bias)
        if self.light_net.last.bias is not None:
            with torch.no_grad():  # ambient 0.7, diffuse 0.35: shading must not paint the picture before albedo can
                self.light_net.last.bias[:2] = torch.tensor([0.4, -0.3]).atanh()
        squared = pixel_grid(seen).mul(torch.tensor([1.2, 1.0])).pow(2).sum(-1)
        self.register_buffer("prior", -bump * torch.exp(-squared / 0.5), persistent=False)
        self.register_buffer("average_depth", depth_from_raw(self.prior[None])[0])
        # distance and size of a head can be told apart by other frames alone
        reach = [max_angle] * 3 + [max_shift] * 2 + [max_shift if any(changing) else 0.0]
        self.register_buffer("view_reach", torch.tensor(reach), persistent=False)
        depth_count, warp_count, texture_count = changing
        shape_mask, texture_mask = (torch.zeros(code, dtype=torch.bool) for _ in range(2))
        shape_mask[self.depth_code - depth_count : self.depth_code] = True
        shape_mask[code - warp_count :] = True
        texture_mask[code - texture_count :] = True
        self.register_buffer("shape_expression", shape_mask, persistent=False)
        self.register_buffer("texture_expression", texture_mask, persistent=False)

    @property
    def size(self) -> int:
        """Side S of images and maps in pixels."""
        return self.config["size"]

    # ---- photo to codes

    def encode(self, image: Tensor) -> Codes:
        """Encode standard crops.

        Args:
            image: B x 3 x S x S in [-1, 1].

        Returns:
            Codes of B faces.

        Raises:
            ValueError: for images of another size.
        """
        face = self.canonical_face(self.encoder_input(image))
        return Codes(face.shape, self.texture_code(face.albedo), face.view, face.light)

    def encoder_input(self, image: Tensor) -> Tensor:
        """Scale images B x 3 x S x S down to the encoders' size, B x 3 x s x s.

        Raises:
            ValueError: for images of another size.
        """
        if image.shape[-2:] != (self.size, self.size):
            raise ValueError(f"the model takes {self.size} x {self.size} crops, not {tuple(image.shape[-2:])}")
        return image if self.size <= COARSE else F.avg_pool2d(image, self.size // COARSE)

    def geometry(self, image: Tensor) -> Geometry:
        """Estimate view, light and own relief of images B x 3 x s x s in [-1, 1]."""
        view = _equivariant(self.view_net, image, VIEW_MIRROR) * self.view_reach
        light = _equivariant(self.light_net, image, LIGHT_MIRROR)
        strength = light[:, :2] / 2 + 0.5
        # a dark face and a dim light draw one picture: all light has strength 1, and albedo tells how bright a face is
        light = torch.cat([strength / strength.sum(1, keepdim=True).clamp(min=1e-3), light[:, 2:]], 1)
        with torch.no_grad():  # the loss moves view, depth and light where they draw the picture
            front = self.frontal(image, self.average_depth.expand(len(image), -1, -1), view).filled
        code = self.shape_encoder(front).float()
        return Geometry(view, light, code, self.raw_depth(code))

    def canonical_face(self, image: Tensor) -> CanonicalFace:
        """Take view, light and warp off images B x 3 x s x s in [-1, 1]."""
        view, light, depth_code, raw = self.geometry(image)
        # the warp code is read under the average depth; until that is known, under the face's own
        depth = torch.lerp(self.depth_over_prior(raw), self.average_depth, self.average_share)
        warp_code = self.layout_encoder(self.albedo(image, view, light, depth)).float()
        shape = torch.cat([depth_code, warp_code], 1)
        albedo = self.albedo(image, view, light, self.depth_over_average(shape, raw))
        albedo = to_canonical(albedo, self.displacement(shape).detach())
        return CanonicalFace(view, light, shape, raw, albedo)

    def texture_code(self, albedo: Tensor) -> Tensor:
        """Encode albedos B x 3 x s x s in the average face's layout to texture codes B x C."""
        return (self.texture_basis.project(albedo) + self.texture_encoder(albedo)).float()

    @torch.no_grad()
    def albedo(self, image: Tensor, view: Tensor, light: Tensor, depth: Tensor) -> Tensor:
        """Undo view and light of images.

        Args:
            image: B x 3 x s x s in [-1, 1].
            view: B x 6, see Codes.
            light: B x 4, see Codes.
            depth: B x s x s canonical depth.

        Returns:
            Albedo B x 3 x s x s as the face itself lays its features out, without gradients.
        """
        return self.frontal(image, depth, view, light).filled

    def frontal(self, image: Tensor, depth: Tensor, view: Tensor, light: Tensor | None = None) -> Front:
        """Turn pictures to the front; the inverse of render, and with a light of shade.

        Args:
            image: B x 3 x s x s in [-1, 1].
            depth: B x s x s canonical depth.
            view: B x 6, see Codes.
            light: B x 4, see Codes; None leaves the shading on.

        Returns:
            The frontal pictures, filled and as seen.
        """
        front, seen = unrender(image, depth, view)
        if light is not None:
            softness = max(1, self.config["softness"] * depth.shape[-1] // self.size)
            front = (front + 1) / shading(depth, light, softness).clamp(min=0.25) - 1
        hidden = (1 - seen) * seen.flip(-1)
        return Front(torch.lerp(front, front.flip(-1), hidden), front)

    def confidence(self, image: Tensor) -> Tensor:
        """Estimate log scales of the pixel loss, B x 2 x S x S, of images B x 3 x S x S in [-1, 1].

        Channel 0 is for the plain, 1 for the mirrored reconstruction.
        """
        scales = self.confidence_net(self.encoder_input(image)).float()
        return scales if self.size <= COARSE else F.interpolate(scales, scale_factor=2, mode="bilinear")

    # ---- codes to scene

    def decode(self, codes: Codes) -> Scene:
        """Decode codes to a scene under the codes' view and light.

        Returns:
            Scene with depth B x S x S and albedo B x 3 x S x S.
        """
        return self.enlarge_depth(self.coarse_scene(codes, self.raw_depth(codes.shape)))

    def decode_fine(self, codes: Codes) -> Scene:
        """Decode codes for the eye.

        Returns:
            As `decode`, but with an albedo B x 3 x 2S x 2S where the model has an enlarger.
        """
        if not self.config["enlarger_base"]:
            return self.decode(codes)
        texture, features = self.refiner.with_features(self.texture_basis(codes.texture), codes.texture)
        albedo = from_canonical(self.enlarger(texture, features), self.displacement(codes.shape))
        scene = Scene(self.depth(codes.shape), albedo, codes.view, codes.light, softness=self.config["softness"])
        return self.enlarge_depth(scene)

    def enlarge_depth(self, scene: Scene) -> Scene:
        """Bring the depth of a coarse scene to the model's size, B x S x S."""
        if self.size <= COARSE:
            return scene
        size = (self.size, self.size)  # bicubic: linear interpolation leaves creases that shading shows
        return replace(scene, depth=F.interpolate(scene.depth[:, None], size=size, mode="bicubic")[:, 0])

    def coarse_scene(self, codes: Codes, raw_depth: Tensor) -> Scene:
        """Decode codes with depth at the encoders' size, B x s x s, which training needs no finer.

        Args:
            codes: of B faces.
            raw_depth: B x s x s, of the codes' shape.

        Returns:
            Scene with albedo B x 3 x S x S and depth B x s x s.
        """
        texture = self.refiner(self.texture_basis(codes.texture), codes.texture)
        albedo = from_canonical(texture, self.displacement(codes.shape))
        depth = self.depth_over_average(codes.shape, raw_depth) + self.added_relief(codes.shape)
        return Scene(depth, albedo, codes.view, codes.light, raw_depth, softness=self.config["softness"])

    def displacement(self, shape: Tensor) -> Tensor:
        """Displacements B x s x s x 2 of shape codes B x C, in half widths of the map (see warp.py)."""
        return self.layout(shape[:, self.depth_code :], self.average_depth.shape[-1])

    def raw_depth(self, shape: Tensor) -> Tensor:
        """Relief B x s x s that shape codes B x C, or depth codes alone, add; before tanh."""
        return self.shape_decoder(shape[:, : self.depth_code])[:, 0].float()

    def depth(self, shape: Tensor) -> Tensor:
        """Canonical depth B x s x s of shape codes B x C."""
        return self.depth_over_average(shape, self.raw_depth(shape)) + self.added_relief(shape)

    def added_relief(self, shape: Tensor) -> Tensor:
        """Relief that whole shape codes B x C add, in scene units: B x s x s, or 0 where the model has none."""
        grid = self.config["relief_grid"]
        if not grid:
            return shape.new_zeros(())
        with torch.autocast(shape.device.type, enabled=False):
            coarse = self.relief(shape.float()).view(-1, 1, grid, grid)
        size = self.average_depth.shape[-2:]
        return F.interpolate(coarse, size=size, mode="bicubic", align_corners=True)[:, 0]

    def depth_over_prior(self, raw_depth: Tensor) -> Tensor:
        """Canonical depth B x s x s of the prior bump and a relief B x s x s."""
        return depth_from_raw(raw_depth + self.prior)

    def depth_over_average(self, shape: Tensor, raw_depth: Tensor) -> Tensor:
        """Canonical depth B x s x s of the average relief, warped to each face, and its own relief.

        Args:
            shape: B x C shape codes, which give the warp.
            raw_depth: B x s x s, of the same codes.

        Returns:
            Depth in [0.9, 1.1]; over the prior bump until the average relief is known.
        """
        average = (self.average_relief / ((FAR - NEAR) / 2)).clamp(-0.99, 0.99).atanh()
        displacement = self.displacement(shape).detach()
        warped = from_canonical(average.expand(len(raw_depth), 1, -1, -1), displacement)[:, 0]
        return depth_from_raw(raw_depth + torch.lerp(self.prior, warped, self.average_share))

    # ---- the expression subspace

    def expression_mask(self, kind: str) -> Tensor:
        """Mark the numbers of a code that may change from frame to frame of one person.

        Args:
            kind: "shape" or "texture".

        Returns:
            C bool.
        """
        return self.get_buffer(f"{kind}_expression")


def _equivariant(network: nn.Module, image: Tensor, mirror: tuple[int, ...]) -> Tensor:
    """Average a network's tanh over an image and its mirror image, so that mirroring changes it by `mirror` exactly.

    Without this a whole run can settle on faces that all look, and are all lit, to one side.
    """
    straight, mirrored = network(torch.cat([image, image.flip(-1)])).float().tanh().chunk(2)
    return (straight + mirrored * mirrored.new_tensor(mirror)) / 2


def depth_from_raw(raw: Tensor) -> Tensor:
    """Map raw depth B x S x S to canonical depth in [0.9, 1.1].

    As in Unsup3D, but without its clamped border.
    """
    raw = raw - raw.mean((1, 2), keepdim=True)
    return (FAR + NEAR) / 2 + (FAR - NEAR) / 2 * raw.tanh()


def clamp_border(depth: Tensor) -> Tensor:
    """Set the two outer columns on either side of depth B x S x S to 1.04, as Unsup3D does."""
    border = torch.zeros_like(depth[:1])
    border[..., :2] = border[..., -2:] = 1
    return depth * (1 - border) + BORDER_DEPTH * border
