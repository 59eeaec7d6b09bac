"""Drawing a head: z-buffer over triangles at twice the resolution, paint looked up in template coordinates, light,
averaging.

Scene units and axes are those of latentface.geometry: x right, y down, z forward, field of view 10 degrees over the
standard crop. Colours are display values in [0, 1]. Before the camera adds noise and blur,

    picture = albedo * shading + gloss        (per channel, the mean over four samples a pixel)

shading = (ambient + wrapped Lambert terms of key and fill, in linear light) ** (1 / 2): with display values that are
square roots of linear light, those of an albedo and of its product with light differ by exactly this factor.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from latentface.camera import HALF_WIDTH

TEXELS = 112
"""Texels a decimetre of the painted skin, about the resolution of a picture of side 160 drawn at twice its side."""
PAINT = (448, 416)
"""Height and width of the paint: template heights TOP to TOP - 4 dm, and all the way round the axis."""
TOP = 8.75
AXIS = 0.45
"""Depth (template z) of the vertical axis round which the paint is laid."""
SKIN, MOUTH, TEETH, TONGUE, EYE, HAIR, SOLID = range(7)
"""What a triangle is made of; the first four as in mesh."""
HALF, ONE = np.float32(0.5), np.float32(1)


def focal(size: int) -> float:
    """Pixels a unit of x / z, for a standard crop of side `size` (positions -1 and 1 are centres of border pixels)."""
    return (size - 1) / 2 / HALF_WIDTH


@numba.njit(cache=True, fastmath=True)
def project(points, scale, side):
    """Points V x 3 to sample positions and inverse depth, V x 3 float32, on a grid of `side` samples a side."""
    out = np.empty((len(points), 3), np.float32)
    for i in range(len(points)):
        inverse = 1 / points[i, 2]
        out[i, 0] = points[i, 0] * inverse * scale + side / 2
        out[i, 1] = points[i, 1] * inverse * scale + side / 2
        out[i, 2] = inverse
    return out


@numba.njit(cache=True, fastmath=True)
def move(points, height, centre, turn, neck, scale, shift):
    """Template points to the camera's frame: turned about `centre`, the neck less than the head, then scaled and
    placed.

    points: V x 3, decimetres. height: V, template heights: what lies above 6.5 turns by `turn` (3 x 3), below 5.75 by
    `neck`. shift: x and y of the centre in scene units; its z is 1. Returns V x 3 float32.
    """
    out = np.empty((len(points), 3), np.float32)
    for i in range(len(points)):
        x, y, z = points[i, 0] - centre[0], centre[1] - points[i, 1], centre[2] - points[i, 2]
        stiff = min(max((height[i] - 5.75) / 0.75, 0.0), 1.0)
        stiff = stiff * stiff * (3 - 2 * stiff)
        for k in range(3):
            head = turn[k, 0] * x + turn[k, 1] * y + turn[k, 2] * z
            body = neck[k, 0] * x + neck[k, 1] * y + neck[k, 2] * z
            out[i, k] = (head * stiff + body * (1 - stiff)) * scale
        out[i, 0] += shift[0]
        out[i, 1] += shift[1]
        out[i, 2] += 1
    return out


@numba.njit(cache=True, fastmath=True)
def normals(points, triangles):
    """Area-weighted outward unit normals, V x 3 float32. Triangles are counter-clockwise seen from outside."""
    out = np.zeros((len(points), 3), np.float32)
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        e0, e1, e2 = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        f0, f1, f2 = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        n0, n1, n2 = e1 * f2 - e2 * f1, e2 * f0 - e0 * f2, e0 * f1 - e1 * f0
        for k in (a, b, c):
            out[k, 0] += n0
            out[k, 1] += n1
            out[k, 2] += n2
    for i in range(len(out)):
        length = math.sqrt(out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2) + 1e-20
        out[i] /= length
    return out


@numba.njit(cache=True, fastmath=True)
def rasterise(screen, triangles, material, place, strands, side, faces, nearest):
    """Nearest triangle at every sample.

    screen: V x 3 from `project`. place: V x 3, of hair only: position in `strands` (texels, wraps) and the share of
    strands that are left there. strands: H x W in [0, 1]. Fills faces (side x side int32, -1 for none) and nearest
    (side x side float32, inverse depth). Triangles seen from behind are left out unless they are hair.
    """
    height, width = strands.shape
    faces[:] = -1
    nearest[:] = 0
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        x0, y0, x1, y1, x2, y2 = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        thin = material[t] == HAIR
        if area > -1e-9 and not (thin and area > 1e-9):
            continue
        left, right = max(0, math.ceil(min(x0, x1, x2) - HALF)), min(side - 1, math.floor(max(x0, x1, x2) - HALF))
        top, bottom = max(0, math.ceil(min(y0, y1, y2) - HALF)), min(side - 1, math.floor(max(y0, y1, y2) - HALF))
        if left > right or top > bottom:
            continue
        inverse = ONE / area
        step0, step1 = (y1 - y2) * inverse, (y2 - y0) * inverse  # of the weights, from column to column
        x, y = left + HALF, top + HALF
        start0 = ((x1 - x) * (y2 - y) - (x2 - x) * (y1 - y)) * inverse
        start1 = ((x2 - x) * (y0 - y) - (x0 - x) * (y2 - y)) * inverse
        down0, down1 = (x2 - x1) * inverse, (x0 - x2) * inverse
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        for i in range(top, bottom + 1):
            w0, w1 = start0, start1
            for j in range(left, right + 1):
                w2 = ONE - w0 - w1
                if w0 >= 0 and w1 >= 0 and w2 >= 0:
                    z = w0 * za + w1 * zb + w2 * zc
                    if z > nearest[i, j]:
                        seen = True
                        if thin:
                            u = w0 * place[a, 0] + w1 * place[b, 0] + w2 * place[c, 0]
                            v = w0 * place[a, 1] + w1 * place[b, 1] + w2 * place[c, 1]
                            left_over = w0 * place[a, 2] + w1 * place[b, 2] + w2 * place[c, 2]
                            seen = strands[int(v) % height, int(u) % width] <= left_over
                        if seen:
                            nearest[i, j] = z
                            faces[i, j] = t
                w0 += step0
                w1 += step1
            start0 += down0
            start1 += down1


@numba.njit(cache=True, fastmath=True, inline="always")
def _paint(texture, x, y, z, out):
    """Bilinear lookup of the paint at a template position; fills `out` (channels)."""
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
    points,
    normal,
    screen,
    triangles,
    material,
    rest,
    mask,
    open_sky,
    faces,
    nearest,
    strands,
    texture,
    colours,
    eyes,
    lamps,
    picture,
    truth,
):
    """Colours every sample and averages 2 x 2 of them to a pixel.

    points, normal, rest: V x 3 (camera frame, camera frame, template; eyes: unit direction in the eyeball's own
    frame; hair hair: brightness and position in `strands`; solids: rest[:, 0] brightens). mask: V x 2: lips, depth in
    the mouth. open_sky: V, share of the sky that is seen. texture: PAINT x 4: red, green, blue, gloss. colours: 16 x
    4 (colour and gloss): 0 lips, 1 mouth, 2 teeth, 3 tongue, 5 white, 6 iris, 7 pupil, 8 hair, 9 solid, 10 iris's
    rim, 11 solid 2. eyes: iris radius, pupil radius (sines). lamps: L x 6 (unit direction towards the lamp, linear
    red, green, blue), after rows 0 and 1: light of the sky and of the ground (last three numbers). Fills picture: P x
    P x 3, and truth: P x P x 13: albedo 3, shading 3, gloss 3, normal 3, depth; and returns P x P x 2 float32: share
    of head samples, share of samples of things in front.
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
                if kind == SKIN or kind == MOUTH:
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
