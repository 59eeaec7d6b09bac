"""Grids of swaps: a cell is the swap of its row and column; the sheet shows photos and cells in their places."""

import io

import numpy as np
import torch
from PIL import Image

from latentface.pictures import picture
from latentface.swap_grid import GAP, grid_sheet, swap_rows
from tests.helpers import random_codes, tiny_pipeline


def test_a_cell_is_the_swap_of_its_row_and_column():
    pipeline, down, across = tiny_pipeline(), random_codes(2, 1), random_codes(3, 2)
    rows = list(swap_rows(pipeline, down, across, 1.5, seed=3, size=16))
    assert [len(row) for row in rows] == [3, 3] and rows[0][0].shape == (16, 16, 3)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            swapped = pipeline.swap(down[i : i + 1], across[j : j + 1], 1.5, seed=3)
            alone = picture(pipeline.decode(swapped).render()[0][0].clamp(-1, 1), 16)
            assert np.abs(cell.astype(int) - alone).max() <= 1, (i, j)
    assert np.abs(rows[0][0].astype(int) - rows[0][1]).max() > 1 < np.abs(rows[0][0].astype(int) - rows[1][0]).max()


def test_the_sheet_shows_photos_at_the_edges_and_swaps_inside():
    size, colours = 8, iter(range(10, 250, 20))

    def plain():
        return np.full((size, size, 3), next(colours), np.uint8)

    down, across = [plain(), plain()], [plain(), plain(), plain()]
    rows = [[plain() for _ in across] for _ in down]
    page = np.asarray(Image.open(io.BytesIO(grid_sheet(down, across, rows))))
    step, middle = size + GAP, GAP // 2 + size // 2

    def at(row: int, column: int) -> int:
        return int(page[middle + row * step + GAP * (row > 0), middle + column * step + GAP * (column > 0), 0])

    assert [at(0, j + 1) for j in range(3)] == [int(image[0, 0, 0]) for image in across]
    assert [at(i + 1, 0) for i in range(2)] == [int(image[0, 0, 0]) for image in down]
    assert [[at(i + 1, j + 1) for j in range(3)] for i in range(2)] == [[int(c[0, 0, 0]) for c in row] for row in rows]
    assert at(0, 0) == 250, "the corner is empty"


def test_rows_come_one_by_one():
    rows = swap_rows(tiny_pipeline(), random_codes(2, 1), random_codes(1, 2), size=16)
    assert len(next(rows)) == 1 and len(list(rows)) == 1 and torch.is_grad_enabled()
