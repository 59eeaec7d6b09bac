"""Colouring drawn triangles: paint looked up in template coordinates, light, averaging over samples.

Colours are display values in [0, 1]. Before the camera adds noise and blur,

    picture = albedo * shading + gloss        (per channel, the mean over four samples a pixel)

shading = (ambient + wrapped Lambert terms of key and fill, in linear light) ** (1 / 2): with display values that are
square roots of linear light, those of an albedo and of its product with light differ by exactly this factor.
"""

import math

import numba
import numpy as np

from train.data.parametric.materials import EYE, HAIR, MOUTH, SKIN, TEETH, TONGUE

TEXELS = 112
"""Texels a decimetre of the painted skin, about the resolution of a picture of side 160 drawn at twice its side."""
PAINT = (448, 416)
"""Height and width of the paint: template heights TOP to TOP - 4 dm, and all the way round the axis."""
TOP = 8.75
AXIS = 0.45
"""Depth (template z) of the vertical axis round which the paint is laid."""


@numba.njit(cache=True, fastmath=True, inline="always")
def _paint(texture: np.ndarray, x: float, y: float, z: float, out: np.ndarray) -> None:
    """Look the paint up bilinearly at a template position; fills `out` (channels)."""
    height, width = texture.shape[0], texture.shape[1]
    u = (math.atan2(x, z - AXIS) / (2 * math.pi) + 0.5) * width - 0.5
    v = min(max((TOP - y) * TEXELS - 0.5, 0.0), height - 1.001)
    j, i = math.floor(u), int(v)
    p, q = u - j, v - i
    j0, j1 = int(j) % width, (int(j) + 1) % width
    for k in range(texture.shape[2]):
        above = texture[i, j0, k] * (1 - p) + texture[i, j1, k] * p
        below = texture[i + 1, j0, k] * (1 - p) + texture[i + 1, j1, k] * p
        out[k] = above * (1 - q) + below * q


@numba.njit(cache=True, fastmath=True)
def shade(
    points: np.ndarray,
    normal: np.ndarray,
    screen: np.ndarray,
    triangles: np.ndarray,
    material: np.ndarray,
    rest: np.ndarray,
    mask: np.ndarray,
    open_sky: np.ndarray,
    faces: np.ndarray,
    nearest: np.ndarray,
    strands: np.ndarray,
    texture: np.ndarray,
    colours: np.ndarray,
    eyes: np.ndarray,
    lamps: np.ndarray,
    picture: np.ndarray,
    truth: np.ndarray,
) -> np.ndarray:
    """Colour every sample and average 2 x 2 of them to a pixel.

    One kernel, for its branches share the sample's position, normal and weights.

    Args:
        points: V x 3, in the camera's frame.
        normal: V x 3, in the camera's frame.
        screen: V x 3 from `project`.
        triangles: T x 3.
        material: T.
        rest: V x 3, template coordinates; of eyes the unit direction in the eyeball's own frame, of hair brightness and
            position in `strands`; of solids rest[:, 0] brightens.
        mask: V x 2: lips, depth in the mouth.
        open_sky: V, share of the sky that is seen.
        faces: from `rasterise`.
        nearest: from `rasterise`.
        strands: H x W noise for hair.
        texture: PAINT x 4: red, green, blue, gloss.
        colours: 16 x 4 (colour and gloss): 0 lips, 1 mouth, 2 teeth, 3 tongue, 5 white, 6 iris, 7 pupil, 8 hair,
            9 solid, 10 iris's rim, 11 solid 2.
        eyes: iris radius, pupil radius (sines).
        lamps: L x 6 (unit direction towards the lamp, linear red, green, blue), after rows 0 and 1: light of the sky
            and of the ground (last three numbers).
        picture: P x P x 3, filled.
        truth: P x P x 13, filled: albedo 3, shading 3, gloss 3, normal 3, depth.

    Returns:
        P x P x 2 float32: share of head samples, share of samples of things in front.
    """
    side = picture.shape[0]
    cover = np.zeros((side, side, 2), np.float32)
    found = np.zeros(4, np.float32)
    colour = np.zeros(3, np.float32)
    gain = np.zeros(3, np.float32)
    picture[:] = 0
    truth[:] = 0
    for i in range(side):
        for j in range(side):
            front = np.float32(0)
            for s in range(4):
                front = max(front, nearest[2 * i + s // 2, 2 * j + s % 2])
            if front == 0:
                continue
            near = 0
            hits = 0
            whole = True  # of skin throughout, where two samples do as well as four
            for s in range(4):
                row, column = 2 * i + s // 2, 2 * j + s % 2
                t = faces[row, column]
                if t < 0 or material[t] != SKIN or front - nearest[row, column] > 0.006:
                    whole = False
            for s in range(4):
                row, column = 2 * i + s // 2, 2 * j + s % 2
                t = faces[row, column]
                if t < 0:
                    continue
                if whole and (s == 1 or s == 2):
                    cover[i, j, 0] += 0.25
                    continue
                a, b, c = triangles[t]
                x, y = column + 0.5, row + 0.5
                x0, y0, x1, y1, x2, y2 = (
                    screen[a, 0],
                    screen[a, 1],
                    screen[b, 0],
                    screen[b, 1],
                    screen[c, 0],
                    screen[c, 1],
                )
                area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
                w0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) / area * screen[a, 2]
                w1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) / area * screen[b, 2]
                w2 = ((x0 - x) * (y1 - y) - (x1 - x) * (y0 - y)) / area * screen[c, 2]
                total = w0 + w1 + w2
                depth = 1 / total
                w0, w1, w2 = w0 * depth, w1 * depth, w2 * depth
                n0 = w0 * normal[a, 0] + w1 * normal[b, 0] + w2 * normal[c, 0]
                n1 = w0 * normal[a, 1] + w1 * normal[b, 1] + w2 * normal[c, 1]
                n2 = w0 * normal[a, 2] + w1 * normal[b, 2] + w2 * normal[c, 2]
                kind = material[t]
                length = math.sqrt(n0 * n0 + n1 * n1 + n2 * n2) + 1e-12
                if kind == HAIR and n2 > 0:
                    length = -length
                n0, n1, n2 = n0 / length, n1 / length, n2 / length
                r0 = w0 * rest[a, 0] + w1 * rest[b, 0] + w2 * rest[c, 0]
                r1 = w0 * rest[a, 1] + w1 * rest[b, 1] + w2 * rest[c, 1]
                r2 = w0 * rest[a, 2] + w1 * rest[b, 2] + w2 * rest[c, 2]
                sky = w0 * open_sky[a] + w1 * open_sky[b] + w2 * open_sky[c]
                wet = np.float32(0)
                power = 4
                if kind == SKIN or kind == MOUTH:  # noqa: SIM109  numba compiles this to less
                    _paint(texture, r0, r1, r2, found)
                    lips = w0 * mask[a, 0] + w1 * mask[b, 0] + w2 * mask[c, 0]
                    inner = w0 * mask[a, 1] + w1 * mask[b, 1] + w2 * mask[c, 1]
                    lips = min(max(1.5 * lips - 0.1, 0.0), 1.0) * colours[0, 3]
                    inner = min(max(inner, 0.0), 1.0)
                    for k in range(3):
                        value = found[k] + (colours[0, k] - found[k]) * lips
                        colour[k] = value + (colours[1, k] - value) * inner
                    wet = found[3] + 0.12 * lips
                    sky *= 1 - 0.5 * inner
                elif kind == EYE:
                    angle = math.sqrt(r0 * r0 + r1 * r1)
                    iris = min(max((eyes[0] - angle) / 0.05 + 0.5, 0.0), 1.0)
                    pupil = min(max((eyes[1] - angle) / 0.05 + 0.5, 0.0), 1.0)
                    rim = math.exp(-(((angle - eyes[0]) / 0.06) ** 2))
                    spoke = 0.88 + 0.12 * math.sin(23 * math.atan2(r1, r0)) * math.sin(7 * math.atan2(r1, r0) + 1)
                    if r2 < 0:
                        iris = pupil = rim = np.float32(0)
                    red = min(max((math.fabs(r0) - 0.45) * 1.6, 0.0), 1.0)
                    for k in range(3):
                        white = colours[5, k] + (colours[1, k] * 2.2 - colours[5, k]) * 0.25 * red
                        ring = colours[6, k] * spoke * (1.25 - 0.55 * angle / eyes[0])
                        value = white + (ring - white) * iris
                        value += (colours[10, k] - value) * rim * 0.7
                        colour[k] = value + (colours[7, k] - value) * pupil
                    wet = np.float32(0.9)
                    power = 7
                elif kind == TEETH:
                    for k in range(3):
                        colour[k] = colours[2, k] * (0.7 + 0.3 * r0)
                    wet = np.float32(0.15)
                elif kind == TONGUE:
                    for k in range(3):
                        colour[k] = colours[3, k]
                    wet = np.float32(0.1)
                elif kind == HAIR:
                    strand = strands[int(0.73 * r2) % strands.shape[0], int(1.37 * r1) % strands.shape[1]]
                    for k in range(3):
                        colour[k] = colours[8, k] * r0 * (0.78 + 0.4 * strand)
                    wet = colours[8, 3] * (0.5 + 0.8 * strand)
                    power = 3
                else:
                    row_ = 9 if r1 < 0.5 else 11
                    for k in range(3):
                        colour[k] = colours[row_, k] * r0
                    wet = colours[row_, 3] * r2
                gloss0 = gloss1 = gloss2 = np.float32(0)
                lift = 0.5 - 0.5 * n1
                for k in range(3):
                    gain[k] = (lamps[0, 3 + k] * lift + lamps[1, 3 + k] * (1 - lift)) * sky
                along = math.sqrt(points[a, 0] ** 2 + points[a, 1] ** 2 + points[a, 2] ** 2)
                v0, v1, v2 = -points[a, 0] / along, -points[a, 1] / along, -points[a, 2] / along
                for lamp in range(2, len(lamps)):
                    facing = n0 * lamps[lamp, 0] + n1 * lamps[lamp, 1] + n2 * lamps[lamp, 2]
                    seen = 0.35 + 0.65 * sky
                    for k in range(3):
                        wrap = (0.28 - 0.1 * k) if kind <= MOUTH else 0.1
                        lit = max(0.0, (facing + wrap) / (1 + wrap))
                        gain[k] += lamps[lamp, 3 + k] * lit * seen
                    pull = np.float32(2.0 if kind == EYE else 1.0)  # a catch light, wherever the lamp stands
                    h0, h1, h2 = lamps[lamp, 0] + pull * v0, lamps[lamp, 1] + pull * v1, lamps[lamp, 2] + pull * v2
                    size = math.sqrt(h0 * h0 + h1 * h1 + h2 * h2) + 1e-9
                    half = max(0.0, (n0 * h0 + n1 * h1 + n2 * h2) / size)
                    if facing > 0 and wet > 0:
                        for _ in range(power):
                            half *= half
                        shine = wet * half * seen
                        gloss0 += shine * lamps[lamp, 3]
                        gloss1 += shine * lamps[lamp, 4]
                        gloss2 += shine * lamps[lamp, 5]
                hits += 1
                for k in range(3):
                    gain[k] = math.sqrt(gain[k])
                    truth[i, j, k] += colour[k]
                    truth[i, j, 3 + k] += gain[k]
                    picture[i, j, k] += colour[k] * gain[k]
                truth[i, j, 6] += gloss0
                truth[i, j, 7] += gloss1
                truth[i, j, 8] += gloss2
                cover[i, j, 0 if kind <= EYE else 1] += 0.25
                if front - total < 0.012:  # of one surface: depth and normals are no mixture of two
                    near += 1
                    truth[i, j, 9] += n0
                    truth[i, j, 10] += n1
                    truth[i, j, 11] += n2
                    truth[i, j, 12] += depth
            for k in range(9):
                truth[i, j, k] /= hits
            for k in range(3):
                picture[i, j, k] = picture[i, j, k] / hits + truth[i, j, 6 + k]
            if near > 0:
                truth[i, j, 12] /= near
                size = math.sqrt(truth[i, j, 9] ** 2 + truth[i, j, 10] ** 2 + truth[i, j, 11] ** 2) + 1e-12
                for k in range(9, 12):
                    truth[i, j, k] /= size
    return cover
