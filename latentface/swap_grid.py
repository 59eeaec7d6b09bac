"""A grid of swaps: the identities of some faces down, the expressions of others across."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from latentface.codes import Codes
from latentface.pictures import picture
from latentface.pipeline import LatentFacePipeline

MOST = 6
"""Most faces down, and most across."""
GAP = 6
"""Pixels between the pictures of a sheet."""
PAPER = (250, 250, 249)
"""Colour of the sheet."""


def swap_rows(
    pipeline: LatentFacePipeline,
    identities: Codes,
    expressions: Codes,
    strength: float = 1.0,
    seed: int = 0,
    size: int = 160,
) -> Iterator[list[np.ndarray]]:
    """Draw the grid a row at a time, every face at the view and light of its identity.

    Args:
        pipeline: the model.
        identities: codes of N faces.
        expressions: codes of M faces.
        strength: of the expressions.
        seed: of the split.
        size: side of a picture in pixels.

    Yields:
        M pictures of one identity, uint8 size x size x 3.
    """
    across = len(expressions.shape)
    for row in range(len(identities.shape)):
        swapped = pipeline.swap(identities[[row] * across], expressions, strength, seed)
        drawn = pipeline.decode(swapped).render()[0].clamp(-1, 1)
        yield [picture(image, size) for image in drawn]


def grid_sheet(down: list[np.ndarray], across: list[np.ndarray], rows: list[list[np.ndarray]]) -> bytes:
    """Put a grid and the photos it is made of together as one PNG file.

    Args:
        down: photos of the N identities, uint8 size x size x 3.
        across: photos of the M expressions, of the same size.
        rows: N rows of M swaps, of the same size.

    Returns:
        The file: photos at the left and on top, the upper left corner empty.
    """
    size = down[0].shape[0]
    step = size + GAP
    page = Image.new("RGB", ((len(across) + 1) * step + 2 * GAP, (len(down) + 1) * step + 2 * GAP), PAPER)
    cells = {(0, column + 1): image for column, image in enumerate(across)}
    for number, (photo, swaps) in enumerate(zip(down, rows, strict=True), 1):
        cells |= {(number, 0): photo} | {(number, column + 1): image for column, image in enumerate(swaps)}
    for (row, column), image in cells.items():
        apart = (GAP * (column > 0), GAP * (row > 0))  # the photos stand a little off
        page.paste(Image.fromarray(image), (GAP // 2 + column * step + apart[0], GAP // 2 + row * step + apart[1]))
    buffer = io.BytesIO()
    page.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
