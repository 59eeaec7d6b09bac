"""Skin tone as the individual typology angle, ITA = atan((L* - 50) / b*) (Chardon, Cretois and Hourseau 1991).

Read off a picture, light and camera shift it by tens of degrees: the same person in the shade reads darker.
"""

import numpy as np

TONES = (("very light", 55), ("light", 41), ("intermediate", 28), ("tan", 10), ("brown", -30), ("dark", -91))
"""Names of skin tones and the ITA in degrees above which they begin (Chardon et al. 1991; Del Bino & Bernerd 2013)."""


def typology_angle(rgb: np.ndarray) -> np.ndarray:
    """Compute the ITA of colours.

    Args:
        rgb: ... x 3, sRGB in [0, 255].

    Returns:
        Degrees in [-90, 90], ... (CIE L*a*b*, D65). Bluish colours count as without yellow.
    """
    colour = np.asarray(rgb, float) / 255
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    y = linear @ np.array([0.2126, 0.7152, 0.0722])
    z = linear @ np.array([0.0193, 0.1192, 0.9505]) / 1.089
    fy, fz = (np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116) for t in (y, z))
    return np.degrees(np.arctan2(116 * fy - 16 - 50, np.maximum(200 * (fy - fz), 1e-6)))


def skin_tone(image: np.ndarray, points: np.ndarray) -> float:
    """Return the ITA in degrees of the median pixel of both cheeks.

    Args:
        image: H x W x 3 uint8, sRGB.
        points: 68 x 2 landmarks in its pixels.
    """
    half, pixels = 0.09 * np.linalg.norm(points[45] - points[36]), []
    for eye, corner in ((slice(36, 42), 48), (slice(42, 48), 54)):
        x, y = 0.5 * points[eye].mean(0) + 0.5 * points[corner]
        box = image[int(y - half) : int(y + half) + 1, int(max(0, x - half)) : int(x + half) + 1]
        pixels.append(box.reshape(-1, 3))
    return float(typology_angle(np.median(np.concatenate(pixels), axis=0)))
