"""One slide, 1920 x 1080: a title, rows of pictures with captions, a sentence, and where all of it comes from."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1920, 1080
EDGE, GAP = 80, 24
"""Pixels: free at the sides, and between pictures."""
TOP, BOTTOM = 190, 800
"""Pixels between which the pictures stand."""
INK, GREY = (20, 20, 20), (105, 105, 105)
FACE = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Panel:
    """One picture of a slide."""

    picture: np.ndarray
    """uint8 S x S x 3."""
    label: str = ""
    """Stands below it."""


@dataclass(frozen=True)
class Slide:
    """What stands on one slide."""

    name: str
    """Of its file."""
    title: str
    sentence: str
    source: str
    """Paper and section."""
    rows: list[list[Panel]]
    """All rows of a slide stand in the same columns."""


@cache
def _font(size: int) -> FACE:
    """Load Pillow's own font, which is there on every machine."""
    return ImageFont.load_default(size)


def wrapped(text: str, font: FACE, width: float) -> list[str]:
    """Break a text into lines.

    Args:
        text: words with spaces between.
        font: in which it is written.
        width: of a line at most, in pixels; a longer word has a line of its own.
    """
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def page(slide: Slide, about: str) -> Image.Image:
    """Draw a slide.

    Args:
        slide: its content.
        about: the model and the people, for the last line.

    Returns:
        RGB, 1920 x 1080.
    """
    sheet = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((EDGE, 70), slide.title, INK, _font(64))
    _rows(sheet, draw, slide.rows)
    for number, line in enumerate(wrapped(slide.sentence, _font(38), WIDTH - 2 * EDGE)):
        draw.text((EDGE, BOTTOM + 30 + 52 * number), line, INK, _font(38))
    draw.text((EDGE, HEIGHT - 50), f"{slide.source}. {about}", GREY, _font(22))
    return sheet


def _rows(sheet: Image.Image, draw: ImageDraw.ImageDraw, rows: list[list[Panel]]) -> None:
    """Set the pictures, as large as there is room, in the middle of where they may stand."""
    columns, font, line = max(len(row) for row in rows), _font(26), 32
    side = (WIDTH - 2 * EDGE - GAP * (columns - 1)) // columns

    def heights() -> list[int]:
        """Measure what every row's labels take at this side."""
        return [
            line * max(len(wrapped(panel.label, font, side)) if panel.label else 0 for panel in row) for row in rows
        ]

    while len(rows) * side + sum(heights()) + GAP * (len(rows) - 1) > BOTTOM - TOP:
        side -= 1
    left, y = (WIDTH - columns * side - GAP * (columns - 1)) // 2, TOP
    y += (BOTTOM - TOP - len(rows) * side - sum(heights()) - GAP * (len(rows) - 1)) // 2
    for row, height in zip(rows, heights(), strict=True):
        for column, panel in enumerate(row):
            x = left + column * (side + GAP)
            kind = Image.Resampling.LANCZOS if len(panel.picture) > side else Image.Resampling.BICUBIC
            sheet.paste(Image.fromarray(panel.picture).resize((side, side), kind), (x, y))
            for number, text in enumerate(wrapped(panel.label, font, side) if panel.label else []):
                draw.text((x + side / 2, y + side + 20 + line * number), text, INK, font, anchor="mm")
        y += side + height + GAP
