"""Stage 1: the 3D-aware autoencoder of one face (LatentFace, section 3.1; networks after Unsup3D).

A photo becomes codes of shape and texture plus view and light; the codes decode to canonical depth and albedo. Two
families of networks play the same five roles: `paper` is Unsup3D's, key for key as the authors published its weights;
`explorer` is ours. It encodes a picture in the canonical frame, not in the photo's: view and light come first, the picture
is turned to the front by them, what the head hides is filled in from its mirror side, the light is divided out, and what
is left is laid out as the average face is (layout.py) and projected onto a linear basis of faces (eigenfaces, Turk & Pentland
1991, in the frame of a morphable model, Blanz & Vetter 1999), which a convolutional network corrects and another one sharpens.
Of each code, some numbers may change from frame to frame of a person; the others are learned from other frames (train/stage1/clip_objective.py).
"""

from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from latentface.camera import BORDER_DEPTH, FAR, NEAR, pixel_grid
from latentface.rendering import render, unrender
from latentface.shading import shade, shading
from latentface.warp import Layout, gather, spread


@dataclass
class Codes:
    """What one photo is to the model; every field is a float tensor with the batch first."""

    shape: Tensor
    """B x 256 code of the canonical depth and, in `explorer`, of where the features lie."""
    texture: Tensor
    """B x 256 code of the albedo."""
    view: Tensor
    """B x 6: yaw (+ looks to the image's right), pitch (+ up), roll (+ clockwise) in degrees; x, y, z in scene units."""
    light: Tensor
    """B x 4: ambient and diffuse in [0, 1], together 1 in `explorer`; x and y of the direction in which the light travels, in [-1, 1]."""

    @property
    def face(self) -> Tensor:
        """Shape and texture side by side, B x 2C: what the RDM takes apart."""
        return torch.cat([self.shape, self.texture], 1)

    def __getitem__(self, index) -> "Codes":
        return Codes(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self, *args) -> "Codes":
        return Codes(**{f.name: getattr(self, f.name).to(*args) for f in fields(self)})


@dataclass
class Scene:
    """A decoded face: everything needed to draw it."""

    depth: Tensor
    """B x S x S canonical depth in [0.9, 1.1]."""
    albedo: Tensor
    """B x 3 x S x S, about [-1, 1]."""
    view: Tensor
    """B x 6, see Codes."""
    light: Tensor
    """B x 4, see Codes."""
    raw_depth: Tensor | None = None
    """B x S x S before tanh; training keeps it small."""

    shading_gradient: float = 1.0
    """Share of the shading's gradient that reaches depth."""
    softness: int = 1
    """Side in pixels of the squares that depth is averaged over before light falls on it (see shade)."""

    @property
    def canonical(self) -> Tensor:
        """The shaded face from the front, B x 3 x S x S."""
        return shade(self.albedo, self.lit_depth, self.light, self.softness)

    @property
    def lit_depth(self) -> Tensor:
        """Depth as light falls on it: it passes on `shading_gradient` of the gradient."""
        return (
            torch.lerp(self.depth.detach(), self.depth, self.shading_gradient)
            if self.shading_gradient < 1
            else self.depth
        )

    def render(self, size: int | None = None) -> tuple[Tensor, Tensor]:
        """The picture at the scene's view, B x 3 x size x size in about [-1, 1], and its mask B x 1 x size x size."""
        return render(self.canonical, self.depth, self.view, size)

    def half(self) -> "Scene":
        """The same face with maps of half the size."""
        smaller = F.avg_pool2d(torch.cat([self.depth[:, None], self.albedo], 1), 2)
        return replace(self, depth=smaller[:, 0], albedo=smaller[:, 1:], softness=max(1, self.softness // 2))

    def flip(self) -> "Scene":
        """The mirrored face under the same view and light (Unsup3D, "Symmetric images")."""
        return replace(self, depth=self.depth.flip(-1), albedo=self.albedo.flip(-1))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, channels // 8), channels)


VIEW_MIRROR = (-1, 1, -1, -1, 1, 1)
"""What mirroring a picture does to yaw, pitch, roll, x, y, z."""
LIGHT_MIRROR = (1, 1, -1, 1)
"""What mirroring a picture does to ambient, diffuse, x, y."""
COARSE = 64
"""Largest side at which the encoders look at a picture and the coarse maps are laid out; a bigger model adds what is finer."""


def _equivariant(network: nn.Module, image: Tensor, mirror: tuple[int, ...]) -> Tensor:
    """The network's tanh, averaged over the image and its mirror image so that mirroring changes it by `mirror` exactly.

    Without it a whole run can settle on faces that all look, and are all lit, to one side.
    """
    straight, mirrored = network(torch.cat([image, image.flip(-1)])).float().tanh().chunk(2)
    return (straight + mirrored * mirrored.new_tensor(mirror)) / 2


class Encoder(nn.Sequential):
    """Strided convolutions from size to 4 x 4, then one valid 4 x 4 convolution to a vector: B x 3 x S x S -> B x out."""

    def __init__(self, size: int, base: int, out: int):
        layers: list[nn.Module] = []
        channels, width = 3, base
        while size > 4:
            layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=False), _norm(width), nn.LeakyReLU(0.2, inplace=True)]
            channels, width, size = width, min(2 * width, 8 * base), size // 2
        super().__init__(*layers, nn.Conv2d(channels, out, 4), nn.Flatten())


class Decoder(nn.Module):
    """A code to a smooth map, depth or confidence: B x C -> B x out x S x S.

    Doubles by nearest upsampling and two 3 x 3 convolutions up to half the size, where the map has `base` channels; the
    last doubling is bilinear.
    """

    def __init__(self, size: int, base: int, code: int, out: int):
        super().__init__()
        widths = [base]
        while 8 << len(widths) <= size:
            widths.insert(0, min(2 * widths[0], 4 * base))
        layers: list[nn.Module] = [nn.Linear(code, 16 * widths[0]), nn.Unflatten(1, (widths[0], 4, 4)), nn.SiLU()]
        for before, after in zip(widths, widths[1:]):
            layers += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(before, after, 3, 1, 1, bias=False),
                _norm(after),
                nn.SiLU(),
            ]
            layers += [nn.Conv2d(after, after, 3, 1, 1, bias=False), _norm(after), nn.SiLU()]
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Conv2d(base, out, 3, 1, 1)
        self.last = nn.Upsample(scale_factor=2, mode="bilinear")
        nn.init.normal_(self.head.weight, std=1e-3)  # depth starts as its prior, confidence flat
        nn.init.zeros_(self.head.bias)

    def forward(self, code: Tensor) -> Tensor:
        return self.last(self.head(self.trunk(code)).float())


class TextureBasis(nn.Module):
    """The linear half of the texture code: a mean face and `code` directions in which albedos differ.

    Projection weighs the face above hair and background, and eyes, nose and mouth above the rest of it. `train/stage1/texture_basis.py` fits
    the directions so that codes have variance 1.
    """

    def __init__(self, size: int, code: int):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(3, size, size))
        self.directions = nn.Parameter(torch.randn(code, 3, size, size) * 0.3 / code**0.5)
        u, v = pixel_grid(size).unbind(-1)
        face, inner = (
            ((u / wide).square() + ((v - low) / high).square()).sqrt()
            for wide, low, high in ((0.75, 0.1, 0.9), (0.5, 0.15, 0.6))
        )
        weight = 0.3 + 0.7 * torch.sigmoid((1 - face) / 0.1) + torch.sigmoid((1 - inner) / 0.1)
        self.register_buffer("weight", weight, persistent=False)
        self._inverse: tuple[tuple, Tensor] | None = None

    @torch.no_grad()
    def project(self, albedo: Tensor) -> Tensor:
        """Codes B x C that draw albedos B x 3 x S x S best, by weighted least squares; no gradients."""
        with torch.autocast(
            albedo.device.type, enabled=False
        ):  # sums over a whole face: bfloat16 would lose two digits
            inverse = self._pseudoinverse()
            return F.linear((albedo.to(inverse) - self.mean).flatten(1), inverse)

    def _pseudoinverse(self) -> Tensor:
        """C x 3SS: the directions' weighted least squares, worked out again when they have changed."""
        state = self.directions._version, self.directions.data_ptr(), self.directions.device, self.directions.dtype
        if self._inverse is None or self._inverse[0] != state:
            flat, weight = self.directions.flatten(1), self.weight.expand(3, -1, -1).flatten()
            gram = (flat * weight) @ flat.mT
            gram.diagonal().add_(1e-4 * gram.diagonal().mean() + 1e-8)
            factor = torch.linalg.cholesky_ex(gram.float())[0]  # _ex: waits for no check
            weighted = (flat * weight).float()
            if flat.is_cuda:  # a product with the inverse would lose its digits in TF32
                inverse = torch.cholesky_solve(weighted, factor)
            else:  # where it takes less than half as long
                inverse = torch.cholesky_inverse(factor.double()).float() @ weighted
            self._inverse = state, inverse.to(flat)
        return self._inverse[1]

    def forward(self, code: Tensor) -> Tensor:
        """Albedos B x 3 x S x S of codes B x C."""
        return F.linear(code, self.directions.flatten(1).mT).unflatten(1, self.mean.shape) + self.mean


class Refiner(nn.Module):
    """What a linear basis blurs, sharp: the coarse albedo B x 3 x s x s and its code to the albedo B x 3 x S x S.

    Adds to the enlarged coarse albedo what residual blocks see at half the coarse size, and at the coarse size, whose channels
    the code scales and shifts (FiLM, Perez et al. 2018); nothing at first.
    """

    def __init__(self, size: int, coarse: int, base: int, code: int, blocks: int = 3):
        super().__init__()
        self.scale = size // coarse
        fine = max(8, base // 2)
        self.inlet = nn.Conv2d(3, base, 4, 2, 1)
        self.code = nn.Linear(code, 2 * base)
        self.blocks = nn.ModuleList(_residual(base) for _ in range(blocks))
        self.up = nn.Conv2d(base, 4 * fine, 1)
        self.near = nn.Conv2d(3, fine, 3, 1, 1)
        self.fine = nn.ModuleList(_residual(fine) for _ in range(2))
        self.head = nn.Conv2d(fine, 3 * self.scale**2, 3, 1, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, coarse: Tensor, code: Tensor) -> Tensor:
        scale, shift = self.code(code)[..., None, None].chunk(2, 1)
        hidden = self.inlet(coarse) * (1 + scale) + shift
        for block in self.blocks:
            hidden = hidden + block(hidden)
        hidden = F.pixel_shuffle(self.up(F.silu(hidden)), 2) + self.near(coarse)
        for block in self.fine:
            hidden = hidden + block(hidden)
        detail = F.pixel_shuffle(self.head(F.silu(hidden)), self.scale).float()
        large = coarse if self.scale == 1 else F.interpolate(coarse, scale_factor=self.scale, mode="bicubic")
        return large.float() + detail


def _residual(channels: int) -> nn.Sequential:
    """What a residual block adds; nothing at first."""
    last = nn.Conv2d(channels, channels, 3, 1, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(_norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, 1, 1), nn.SiLU(), last)


class ConfidenceNet(nn.Sequential):
    """Log scales of the pixel loss: B x 3 x S x S -> B x 2 x S x S (plain, mirrored)."""

    def __init__(self, size: int, base: int):
        super().__init__(Encoder(size, base, 64), Decoder(size, base, 64, 2))
        nn.init.constant_(self[1].head.bias, -1.5)


class Autoencoder(ModelMixin, ConfigMixin):
    """The 3D-aware autoencoder.

    size: side of images and maps in pixels (a power of two from 16 to 128); the encoders see at most 64. encoder_base,
    texture_base, small_base: channels at half that size of the encoders of shape, of texture, and of view, light and
    confidence. shape_base: channels of the depth decoder at half the size; refiner_base: of the refiner.
    code: length of the shape and texture codes. max_angle in degrees, max_shift in scene units bound the view. bump:
    height of the smooth bump that depth starts from, before tanh: convex from the first step, and too soft to be
    mistaken for shading. softness: side in pixels of the squares of depth that light falls on: with 1, the finest relief
    paints eyes and mouths in shadows; with more, they have to be albedo, and relief is what turning the head shows.
    layout_grid: side of the coarse grid of displacements that lay a face's features out (see layout.py). A quarter of the shape
    code then is depth's, the rest the layout's, read by an encoder of layout_base channels at half the size; depth is the average
    face's, laid out, and what the code adds to it. With 0, all of it is depth's and features lie where they lie.
    changing: how many numbers may change from frame to frame of a person: the last so many of depth's, of the layout's and of the
    texture code; what is left is who they are (see train/stage1/clip_objective.py). With zeros nothing is said about it. refiner_blocks: the
    refiner's residual blocks at half the coarse size.
    """

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
        layout_grid: int = 0,
        layout_base: int = 24,
        changing: tuple[int, int, int] = (0, 0, 0),
        refiner_blocks: int = 3,
    ):
        super().__init__()
        if not 16 <= size <= 2 * COARSE or size & (size - 1):
            raise ValueError(f"size must be 16, 32, 64 or 128, not {size}")
        seen = min(size, COARSE)
        self.depth_code = code // 4 if layout_grid else code
        """How many numbers of the shape code, the first, are depth's."""
        self.shape_encoder = Encoder(seen, encoder_base, self.depth_code)
        self.texture_encoder = Encoder(seen, texture_base, code)
        self.shape_decoder = Decoder(seen, shape_base, self.depth_code, 1)
        if layout_grid:
            self.layout_encoder = Encoder(seen, layout_base, code - self.depth_code)
            self.layout = Layout(code - self.depth_code, layout_grid)
            self.average_relief = nn.Parameter(torch.zeros(seen, seen))  # depth less 1, which half precision keeps well
            self.register_buffer("average_share", torch.zeros(()))  # 1 once the average is known
        self.texture_basis = TextureBasis(seen, code)
        self.refiner = Refiner(size, seen, refiner_base, code, refiner_blocks)
        self.view_net = Encoder(seen, small_base, 6)
        self.light_net = Encoder(seen, small_base, 4)
        self.confidence_net = ConfidenceNet(seen, max(8, small_base // 2))
        for net, scale in ((self.view_net, 0.1), (self.light_net, 0.1)):
            nn.init.normal_(net[-2].weight, std=scale / (net[-2].in_channels * 16) ** 0.5)
            nn.init.zeros_(net[-2].bias)
        with torch.no_grad():  # ambient 0.7, diffuse 0.35: shading must not paint the picture before albedo can
            self.light_net[-2].bias[:2] = torch.tensor([0.4, -0.3]).atanh()
        squared = pixel_grid(seen).mul(torch.tensor([1.2, 1.0])).pow(2).sum(-1)
        self.register_buffer("prior", -bump * torch.exp(-squared / 0.5), persistent=False)
        self.register_buffer("average_depth", depth_from_raw(self.prior[None])[0])
        # how near a head comes can be told apart from how large it is by other frames alone
        reach = [max_angle] * 3 + [max_shift] * 2 + [max_shift if any(changing) else 0.0]
        self.register_buffer("view_reach", torch.tensor(reach), persistent=False)
        depth_changes, layout_changes, texture_changes = changing
        masks = {"shape": torch.zeros(code, dtype=torch.bool), "texture": torch.zeros(code, dtype=torch.bool)}
        masks["shape"][self.depth_code - depth_changes : self.depth_code] = True
        masks["shape"][code - layout_changes : code if layout_grid else 0] = True
        masks["texture"][code - texture_changes :] = True
        for kind, mask in masks.items():
            self.register_buffer(f"{kind}_changes", mask, persistent=False)
        self.learned = 1.0
        """Share of the learned depth on top of the bump, and of the shading's gradient; the trainer raises it from 0."""

    @property
    def size(self) -> int:
        return self.config.size

    def encode(self, image: Tensor) -> Codes:
        """Codes of images B x 3 x S x S in [-1, 1] (the standard crop). Raises ValueError for another size."""
        return self._encode(image)[0]

    def _encode(self, image: Tensor) -> tuple[Codes, Tensor]:
        """Codes, and the raw depth B x s x s that the shape code decodes to."""
        if image.shape[-2:] != (self.size, self.size):
            raise ValueError(f"the model takes {self.size} x {self.size} crops, not {tuple(image.shape[-2:])}")
        view, light, shape, raw, albedo = self.laid_albedo(self._seen(image))
        texture = self.texture_basis.project(albedo) + self.texture_encoder(albedo)
        return Codes(shape, texture.float(), view, light), raw

    def changes(self, kind: str) -> Tensor:
        """Which numbers of the code `kind`, "shape" or "texture", may change from frame to frame of a person: C bool."""
        return getattr(self, f"{kind}_changes")

    def laid_albedo(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """View B x 6, light B x 4, shape code B x C, raw depth B x s x s of images B x 3 x s x s as the encoders look at them, and the
        albedo they show in the average face's layout, B x 3 x s x s: what the texture code is read from.
        """
        view, light, shape, raw = self.geometry(image)
        albedo = self.albedo(image, view, light, self.layout_depth(raw))
        if self.config.layout_grid:
            shape = torch.cat([shape, self.layout_encoder(albedo).float()], 1)
            albedo = gather(self.albedo(image, view, light, self._laid_depth(shape, raw)), self.moves(shape).detach())
        return view, light, shape, raw, albedo

    def layout_depth(self, raw: Tensor) -> Tensor:
        """The depth B x s x s under which the layout is read: the average one, once it has been laid out; before, the face's own."""
        return (
            torch.lerp(self._depth(raw), self.average_depth, self.average_share)
            if self.config.layout_grid
            else self._depth(raw)
        )

    def moves(self, shape: Tensor) -> Tensor:
        """The displacements that shape codes B x C lay a face out by, B x s x s x 2 (see Layout)."""
        return self.layout(shape[:, self.depth_code :], self.average_depth.shape[-1])

    def laid_out(self, texture: Tensor, shape: Tensor) -> Tensor:
        """A texture in the average face's layout, B x 3 x T x T, laid out by shape codes B x C: the canonical albedo."""
        return spread(texture, self.moves(shape)) if self.config.layout_grid else texture

    def geometry(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """View B x 6, light B x 4, depth's part of the shape code and its raw depth B x s x s of images B x 3 x s x s, as the
        encoders look at them.
        """
        view, light = _equivariant(self.view_net, image, VIEW_MIRROR), _equivariant(self.light_net, image, LIGHT_MIRROR)
        view = view * self.view_reach
        strength = light[:, :2] / 2 + 0.5
        # a dark face and a dim light draw one picture: all light has strength 1, and albedo tells how bright a face is
        light = torch.cat([strength / strength.sum(1, keepdim=True).clamp(min=1e-3), light[:, 2:]], 1)
        with torch.no_grad():  # the loss moves view, depth and light where they draw the picture
            front, _ = self.frontal(image, self.average_depth.expand(len(image), -1, -1), view)
        shape = self.shape_encoder(front).float()
        return view, light, shape, self._raw_depth(shape)

    @torch.no_grad()
    def albedo(self, image: Tensor, view: Tensor, light: Tensor, depth: Tensor) -> Tensor:
        """The albedo that images B x 3 x s x s show under a view, light and depth B x s x s; what layout and texture are read from."""
        return self.frontal(image, depth, view, light)[0]

    def frontal(self, image: Tensor, depth: Tensor, view: Tensor, light: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The picture turned to the front, and with a light the albedo that it shows under it: the inverse of render and shade.

        image: B x 3 x s x s. depth: B x s x s canonical. Returns it with hidden places filled from their mirror side, and as it
        was seen, both B x 3 x s x s.
        """
        front, seen = unrender(image, depth, view)
        if light is not None:
            shade_of = shading(depth, light, max(1, self.config.softness * depth.shape[-1] // self.size))
            front = (front + 1) / shade_of.clamp(min=0.25) - 1
        hidden = (1 - seen) * seen.flip(-1)
        return torch.lerp(front, front.flip(-1), hidden), front

    def decode(self, codes: Codes) -> Scene:
        """The canonical face of codes: depth B x S x S, albedo B x 3 x S x S, with the codes' view and light."""
        return self._decode(codes, self._raw_depth(codes.shape))

    def _decode(self, codes: Codes, raw: Tensor, coarse: bool = False) -> Scene:
        """coarse: leaves depth at 64 px, where training needs no more of it."""
        albedo = self.laid_out(self.refiner(self.texture_basis(codes.texture), codes.texture), codes.shape)
        depth = self._laid_depth(codes.shape, raw)
        if self.size > COARSE and not coarse:  # linear between samples, depth has creases that shading shows
            depth = F.interpolate(depth[:, None], size=(self.size, self.size), mode="bicubic")[:, 0]
        return Scene(depth, albedo, codes.view, codes.light, raw, self.learned, self.config.softness)

    def depth(self, shape: Tensor) -> Tensor:
        """Canonical depth B x s x s of shape codes B x C, as the encoders use it: 64 px at most."""
        return self._laid_depth(shape, self._raw_depth(shape))

    def _laid_depth(self, shape: Tensor, raw: Tensor) -> Tensor:
        """Canonical depth B x s x s: what the code adds to the average relief where a layout says how it lies, else to the prior."""
        if not self.config.layout_grid:
            return self._depth(raw)
        average = (self.average_relief / ((FAR - NEAR) / 2)).clamp(-0.99, 0.99).atanh()
        laid = spread(average.expand(len(raw), 1, -1, -1), self.moves(shape).detach())[:, 0]
        return depth_from_raw(self.learned * raw + torch.lerp(self.prior, laid, self.average_share))

    def _raw_depth(self, shape: Tensor) -> Tensor:
        return self.shape_decoder(shape[:, : self.depth_code])[:, 0].float()

    def _depth(self, raw: Tensor) -> Tensor:
        return depth_from_raw(self.learned * raw + self.prior)

    def confidence(self, image: Tensor) -> Tensor:
        """Log scales of the pixel loss, B x 2 x S x S: channel 0 for the plain, 1 for the mirrored reconstruction."""
        scales = self.confidence_net(self._seen(image)).float()
        return scales if self.size <= COARSE else F.interpolate(scales, scale_factor=2, mode="bilinear")

    def _seen(self, image: Tensor) -> Tensor:
        """The picture as the encoders look at it."""
        return image if self.size <= COARSE else F.avg_pool2d(image, self.size // COARSE)

    def mixed(self, codes: Codes, frames: int, borrowed: Tensor, noise: dict[str, Tensor]) -> Codes:
        """Codes B x C, every `frames` neighbours of one person, as training draws them: what may change with noise on it, the rest,
        where `borrowed` (B bool), the mean of the person's other frames. noise: by kind of code, B x C.
        """
        drawn = {}
        for kind, extra in noise.items():
            code, changes = getattr(codes, kind), self.changes(kind)
            clips = code.unflatten(0, (-1, frames))
            others = ((clips.sum(1, keepdim=True) - clips) / (frames - 1)).flatten(0, 1)
            drawn[kind] = torch.where(changes, code + extra, torch.where(borrowed[:, None], others, code))
        return replace(codes, **drawn)

    def forward(
        self, image: Tensor, frames: int = 0, borrowed: Tensor | None = None, noise: dict[str, Tensor] | None = None
    ) -> tuple[Codes, Scene, Tensor]:
        """Codes, scene and log confidence in one pass, so that data-parallel wrappers see every parameter.

        With frames, the scene is of the codes as `mixed` mixes them, its depth left at 64 px.
        """
        codes, raw = self._encode(image)
        confidence = self.confidence(image)
        if not frames:
            return codes, self._decode(codes, raw), confidence
        drawn = self.mixed(codes, frames, borrowed, noise)
        return codes, self._decode(drawn, self._raw_depth(drawn.shape), coarse=True), confidence


def depth_from_raw(raw: Tensor) -> Tensor:
    """Unsup3D's depth without its clamped border: B x S x S of any range to canonical depth in [0.9, 1.1]."""
    raw = raw - raw.mean((1, 2), keepdim=True)
    return (FAR + NEAR) / 2 + (FAR - NEAR) / 2 * raw.tanh()


def clamp_border(depth: Tensor) -> Tensor:
    """Depth B x S x S with its two outer columns on either side at 1.04, as Unsup3D has it."""
    border = torch.zeros_like(depth[:1])
    border[..., :2] = border[..., -2:] = 1
    return depth * (1 - border) + BORDER_DEPTH * border
