"""Networks that the explorer's autoencoder is built of (see autoencoder.py for their roles)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentface.camera import pixel_grid

NEARBY = 17
"""Side in pixels of the squares whose mean is taken off the detail that the enlarger adds."""


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation over groups of eight channels."""
    return nn.GroupNorm(max(1, channels // 8), channels)


def residual(channels: int) -> nn.Sequential:
    """Branch of a residual block; zero at first."""
    last = nn.Conv2d(channels, channels, 3, 1, 1)
    nn.init.zeros_(last.weight)
    if last.bias is not None:
        nn.init.zeros_(last.bias)
    return nn.Sequential(group_norm(channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, 1, 1), nn.SiLU(), last)


class Encoder(nn.Sequential):
    """Image to vector, B x 3 x S x S -> B x out: strided convolutions down to 4 x 4, then one valid 4 x 4 convolution.

    Args:
        size: side S of the image, a power of two from 8.
        base: channels at half the size; they double up to eight times as many.
        out: length of the vector.
    """

    def __init__(self, size: int, base: int, out: int):
        layers: list[nn.Module] = []
        channels, width = 3, base
        while size > 4:
            convolution = nn.Conv2d(channels, width, 4, 2, 1, bias=False)
            layers += [convolution, group_norm(width), nn.LeakyReLU(0.2, inplace=True)]
            channels, width, size = width, min(2 * width, 8 * base), size // 2
        super().__init__(*layers, nn.Conv2d(channels, out, 4), nn.Flatten())

    @property
    def last(self) -> nn.Conv2d:
        """The convolution that gives the vector."""
        layer = self[-2]
        assert isinstance(layer, nn.Conv2d)
        return layer


class Decoder(nn.Module):
    """Code to a smooth map such as depth or confidence, B x C -> B x out x S x S; flat at first.

    Nearest upsampling and two 3 x 3 convolutions double the size up to half of S; the last doubling is bilinear.

    Args:
        size: side S of the map, a power of two from 16.
        base: channels at half the size.
        code: length C of the code.
        out: channels of the map.
    """

    def __init__(self, size: int, base: int, code: int, out: int):
        super().__init__()
        widths = [base]
        while 8 << len(widths) <= size:
            widths.insert(0, min(2 * widths[0], 4 * base))
        layers: list[nn.Module] = [nn.Linear(code, 16 * widths[0]), nn.Unflatten(1, (widths[0], 4, 4)), nn.SiLU()]
        for before, after in zip(widths[:-1], widths[1:], strict=True):
            layers.append(nn.Upsample(scale_factor=2))
            for channels in (before, after):
                layers += [nn.Conv2d(channels, after, 3, 1, 1, bias=False), group_norm(after), nn.SiLU()]
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Conv2d(base, out, 3, 1, 1)
        self.last = nn.Upsample(scale_factor=2, mode="bilinear")
        nn.init.normal_(self.head.weight, std=1e-3)  # depth starts as its prior, confidence flat
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, code: Tensor) -> Tensor:
        """Return maps B x out x S x S of codes B x C."""
        return self.last(self.head(self.trunk(code)).float())


class TextureBasis(nn.Module):
    """Linear half of the texture code: a mean albedo and C directions (eigenfaces, Turk & Pentland 1991).

    Projecting weighs the face above hair and background, and eyes, nose and mouth above the rest of the face.
    `train/stage1/texture_basis.py` fits the directions so that codes have variance 1.

    The directions' pseudoinverse is a buffer, `inverse`, so that the encoder exports as plain products. It is made when
    the module enters evaluation mode or loads weights; call `refresh` after changing the directions in any other way.
    In training mode, where every step moves the directions, it is worked out in each projection.

    Args:
        size: side S of the albedo.
        code: number C of directions.
    """

    weight: Tensor
    inverse: Tensor

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
        self.register_buffer("inverse", torch.zeros(code, 3 * size * size), persistent=False)
        self.register_load_state_dict_post_hook(lambda module, _: module.refresh())

    def train(self, mode: bool = True) -> "TextureBasis":
        """Set the mode; evaluation mode works the pseudoinverse out."""
        super().train(mode)
        if not mode:
            self.refresh()
        return self

    def refresh(self) -> None:
        """Work the pseudoinverse out from the directions as they are."""
        if not self.directions.is_meta:
            self.inverse = self.pseudoinverse()

    @torch.no_grad()
    def project(self, albedo: Tensor) -> Tensor:
        """Project albedos onto the directions by weighted least squares; no gradients.

        Args:
            albedo: B x 3 x S x S, about [-1, 1].

        Returns:
            Codes B x C.
        """
        with torch.autocast(albedo.device.type, enabled=False):  # bfloat16 would lose two digits over a whole face
            inverse = self.pseudoinverse() if self.training else self.inverse
            return F.linear((albedo.to(inverse) - self.mean).flatten(1), inverse)

    @torch.no_grad()
    def pseudoinverse(self) -> Tensor:
        """Return the matrix C x 3SS of weighted least squares, with a ridge of 1e-4 of the directions' mean square."""
        with torch.autocast(self.directions.device.type, enabled=False):
            flat, weight = self.directions.flatten(1), self.weight.expand(3, -1, -1).flatten()
            gram = (flat * weight) @ flat.mT
            gram.diagonal().add_(1e-4 * gram.diagonal().mean() + 1e-8)
            factor = torch.linalg.cholesky_ex(gram.float())[0]  # _ex: waits for no check
            weighted = (flat * weight).float()
            if flat.is_cuda:  # a product with the inverse would lose its digits in TF32
                inverse = torch.cholesky_solve(weighted, factor)
            else:  # where it takes less than half as long
                inverse = torch.cholesky_inverse(factor.double()).float() @ weighted
            return inverse.to(flat)

    def forward(self, code: Tensor) -> Tensor:
        """Return albedos B x 3 x S x S of codes B x C."""
        return F.linear(code, self.directions.flatten(1).mT).unflatten(1, self.mean.shape) + self.mean


class Refiner(nn.Module):
    """Sharpens a blurred albedo, B x 3 x s x s and its code B x C -> B x 3 x S x S; plain enlargement at first.

    Residual blocks at half the coarse size, scaled and shifted by the code (FiLM, Perez et al. 2018), and at the coarse
    size; their output is added to the bicubically enlarged albedo.

    Args:
        size: side S of the result.
        coarse: side s of the albedo, a divisor of S.
        base: channels at half the coarse size.
        code: length C of the code.
        blocks: residual blocks at half the coarse size.
    """

    def __init__(self, size: int, coarse: int, base: int, code: int, blocks: int = 3):
        super().__init__()
        self.scale = size // coarse
        fine = max(8, base // 2)
        self.inlet = nn.Conv2d(3, base, 4, 2, 1)
        self.code = nn.Linear(code, 2 * base)
        self.blocks = nn.ModuleList(residual(base) for _ in range(blocks))
        self.up = nn.Conv2d(base, 4 * fine, 1)
        self.near = nn.Conv2d(3, fine, 3, 1, 1)
        self.fine = nn.ModuleList(residual(fine) for _ in range(2))
        self.head = nn.Conv2d(fine, 3 * self.scale**2, 3, 1, 1)
        nn.init.zeros_(self.head.weight)
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, coarse: Tensor, code: Tensor) -> Tensor:
        """Return albedos B x 3 x S x S of coarse albedos B x 3 x s x s and codes B x C."""
        return self.with_features(coarse, code)[0]

    def with_features(self, coarse: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, and the features B x max(8, base / 2) x s x s that its detail is drawn from."""
        scale, shift = self.code(code)[..., None, None].chunk(2, 1)
        hidden = self.inlet(coarse) * (1 + scale) + shift
        for block in self.blocks:
            hidden = hidden + block(hidden)
        hidden = F.pixel_shuffle(self.up(F.silu(hidden)), 2) + self.near(coarse)
        for block in self.fine:
            hidden = hidden + block(hidden)
        features = F.silu(hidden)
        detail = F.pixel_shuffle(self.head(features), self.scale).float()
        large = coarse if self.scale == 1 else F.interpolate(coarse, scale_factor=self.scale, mode="bicubic")
        return large.float() + detail, features


class Enlarger(nn.Module):
    """Draws an albedo at twice its size; plain enlargement at first.

    B x 3 x S x S -> B x 3 x 2S x 2S. Residual blocks see, at the coarse size s, the albedo folded to that size and the
    refiner's features. They add brightness alone, as a discriminator paints coloured fringes otherwise; its local mean
    is taken off, or whole faces grow brighter and darker in training.

    Args:
        size: side S of the albedo.
        coarse: side s of the features, a divisor of S.
        features: channels of the features.
        base: channels of the blocks.
        blocks: how many.
    """

    def __init__(self, size: int, coarse: int, features: int, base: int, blocks: int = 3):
        super().__init__()
        self.fold = size // coarse
        self.inlet = nn.Conv2d(3 * self.fold**2 + features, base, 3, 1, 1)
        self.blocks = nn.ModuleList(residual(base) for _ in range(blocks))
        self.head = nn.Conv2d(base, (2 * self.fold) ** 2, 3, 1, 1)
        nn.init.zeros_(self.head.weight)
        if self.head.bias is not None:
            nn.init.zeros_(self.head.bias)

    def forward(self, albedo: Tensor, features: Tensor) -> Tensor:
        """Return albedos B x 3 x 2S x 2S of albedos B x 3 x S x S and features B x F x s x s."""
        hidden = self.inlet(torch.cat([F.pixel_unshuffle(albedo, self.fold), features.to(albedo.dtype)], 1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        detail = F.pixel_shuffle(self.head(F.silu(hidden)), 2 * self.fold).float()
        detail = detail - F.avg_pool2d(detail, NEARBY, 1, NEARBY // 2, count_include_pad=False)
        # corners on corners, as warping and rendering look maps up: without detail the picture stays where it is
        return F.interpolate(albedo.float(), scale_factor=2, mode="bicubic", align_corners=True) + detail


class ConfidenceNet(nn.Sequential):
    """Log scales of the pixel loss, B x 3 x S x S -> B x 2 x S x S (plain, mirrored reconstruction).

    Args:
        size: side S.
        base: channels at half the size.
    """

    def __init__(self, size: int, base: int):
        encoder, decoder = Encoder(size, base, 64), Decoder(size, base, 64, 2)
        super().__init__(encoder, decoder)
        if decoder.head.bias is not None:
            nn.init.constant_(decoder.head.bias, -1.5)
