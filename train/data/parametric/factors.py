"""Factors of parametric people, drawn by chance: identity, expression, pose, light, camera, each from its own stream.

Nothing here looks at a factor of another kind, so identity, expression, pose and light are independent by construction.
"""

import numpy as np

from train.data.parametric.expressions import draw_expression
from train.data.parametric.mesh import AGES, ANCESTRY, Head
from train.data.parametric.talking import draw_talking

SHAPE_SPREAD = 0.26
"""Standard deviation of a face shape change; at .4 people become caricatures."""
ASYMMETRY = 0.05
"""Standard deviation of the difference between the two sides."""
AT_REST = {"l-eye-scale-incr": 0.2, "l-eye-height2-incr": 0.12}
"""Mean of a shape change, 0 for those not named: the template's eyes are small."""
YAW, TALKING_YAW = (20.0, 50.0), (16.0, 45.0)
"""Standard deviation and most of a head's yaw in degrees."""
STILL = ("head-trans", "neck-trans", "measure-neck-height", "ear-rot", "chin-triangle")
"""Changes that move the head as a whole, or look broken."""


def stream(seed: int, person: int, kind: str) -> np.random.Generator:
    """Return the random numbers of one kind of factor of one person: the same wherever and whenever they are drawn."""
    return np.random.default_rng([seed, person, *kind.encode()])


def identity(head: Head, rng: np.random.Generator) -> dict:
    """Draw a person.

    Args:
        head: the mesh.
        rng: of the draws.

    Returns:
        age in years (16 to 80, evenly), gender (0 female to 1 male), skin (0 light to 1 dark, evenly), ancestry
        weights, build, shape changes, and everything painted (all in [0, 1] unless said).
    """
    skin = rng.uniform()
    age = rng.uniform(16, 80)
    male = rng.uniform() < 0.5
    gender = min(abs(rng.normal(0, 0.13)), 0.4)
    gender = 1 - gender if male else gender
    weights = rng.dirichlet([0.25 + 0.9 * skin, 0.6, 0.25 + 0.9 * (1 - skin)])
    shapes = {}
    for name in head.changes:
        if any(part in name for part in STILL) or name.startswith("r-"):
            continue
        spread = ASYMMETRY * 1.5 if name.endswith("-out") and name[1] != "-" else SHAPE_SPREAD
        spread *= 0.4 if name == "eyebrows-angle-up" else 1  # a face at rest should neither frown nor plead
        value = rng.normal(AT_REST.get(name, 0), spread)
        if name.startswith("l-"):
            aside = rng.normal(0, ASYMMETRY)
            shapes[name], shapes["r-" + name[2:]] = value + aside, value - aside
        else:
            shapes[name] = value
    shapes = {name: float(np.clip(round(value, 4), -0.8, 0.8)) for name, value in shapes.items()}
    grey = float(np.clip((age - 48) / 35 + rng.normal(0, 0.25), 0, 1)) if age > 32 else 0.0
    beard = 0.0
    if male:
        beard = float(rng.choice([0.0, rng.uniform(0.15, 0.5), rng.uniform(0.6, 1.0)], p=[0.4, 0.3, 0.3]))
    made_up = float(rng.uniform(0.3, 1)) if (not male and rng.uniform() < 0.55) else 0.0
    style = str(
        rng.choice(["shaved", "short", "crop", "long"], p=[0.12, 0.4, 0.4, 0.08] if male else [0.02, 0.12, 0.2, 0.66])
    )
    return {
        "age": round(float(age), 2),
        "gender": round(float(gender), 4),
        "skin": round(float(skin), 4),
        "ancestry": {name: round(float(w), 4) for name, w in zip(ANCESTRY, weights, strict=True)},
        "weight": round(float(np.clip(rng.normal(0.5, 0.22), 0, 1)), 4),
        "muscle": round(float(np.clip(rng.normal(0.5, 0.2), 0, 1)), 4),
        "blood": round(float(rng.uniform()), 4),
        "freckles": round(float(max(0, rng.uniform(-2.2, 1)) * (skin < 0.5)), 4),
        "hair": style,
        "hair_length": round(float(rng.uniform()), 4),
        "hair_colour": round(float(rng.uniform()), 4),
        "grey": round(grey, 4),
        "receding": round(float(max(0, rng.normal(0.1, 0.3) + (age - 40) / 60) * male), 4),
        "brows": round(float(rng.uniform()), 4),
        "beard": round(beard, 4),
        "make_up": round(made_up, 4),
        "iris": round(float(rng.uniform()), 4),
        "glasses": int(rng.uniform() < (0.12 if age < 45 else 0.3)),
        "shapes": shapes,
    }


def control(head: Head, who: dict) -> np.ndarray:
    """Return the person's neutral control mesh, N x 3 float32."""
    names = list(AGES)
    years = np.array(list(AGES.values()))
    at = np.interp(who["age"], years, np.arange(3))
    ages = {names[i]: max(0.0, 1 - abs(at - i)) for i in range(3)}
    genders = {"female": 1 - who["gender"], "male": who["gender"]}

    def thirds(value: float) -> dict[str, float]:
        return {"min": max(0, 1 - 2 * value), "average": 1 - abs(2 * value - 1), "max": max(0, 2 * value - 1)}

    out = head.template.copy()
    for age, a in ages.items():
        for gender, g in genders.items():
            if a * g == 0:
                continue
            for race, r in who["ancestry"].items():
                out += np.float32(a * g * r) * head.macro[f"{race}-{gender}-{age}"]
            for muscle, m in thirds(who["muscle"]).items():
                for weight, w in thirds(who["weight"]).items():
                    if m * w > 0:
                        out += (
                            np.float32(a * g * m * w)
                            * head.macro[f"universal-{gender}-{age}-{muscle}muscle-{weight}weight"]
                        )
    for name, value in who["shapes"].items():
        negative, positive = head.changes[name]
        out += np.float32(abs(value)) * (positive if value > 0 else negative)
    return out


class Easing:
    """Values at the keys of a clip, eased to its frames: still at the keys, smooth between.

    Args:
        frames: of the clip.
        keys: moments drawn, at least 2; by default one for every three frames and two more.
    """

    def __init__(self, frames: int, keys: int = 0):
        self.frames, self.keys = frames, keys or 2 + max(1, round(frames / 3))
        self.time = np.linspace(0, 1, frames) if frames > 1 else np.array([0.5])

    def __call__(self, rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
        """Ease values (keys x n), the inner keys at random times: frames x n."""
        knots = np.linspace(0, 1, self.keys)
        knots[1:-1] += rng.uniform(-0.3, 0.3, self.keys - 2) / self.keys
        at = np.interp(self.time, knots, np.arange(self.keys))
        low = np.minimum(at.astype(int), self.keys - 2)
        part = (at - low)[:, None]
        part = part * part * (3 - 2 * part)
        return values[low] * (1 - part) + values[low + 1] * part


def clip_factors(head: Head, frames: int, seed: int, person: int, talking: bool = False) -> list[dict]:
    """Draw expression, gaze, pose, light and camera of every frame of one clip, moving smoothly.

    Args:
        head: the mesh.
        frames: of the clip.
        seed: of everything drawn.
        person: number of the person.
        talking: whether frames are moments, far apart, of a person who talks and pulls faces (see talking.py), instead
            of a few emotions one after another.

    Returns:
        Dictionaries with "expression" {action: weight}, "pose" [yaw, pitch, roll] in degrees, "lamps" (rows of
        direction towards the lamp and linear colour, see shading.shade), "camera" {...}, "jitter" [scale, x, y].
    """
    eased, names = Easing(frames, max(2, frames) if talking else 0), sorted(head.actions)
    rng = stream(seed, person, "expression")
    table = _talking(rng, eased, names) if talking else _emotions(rng, eased, names)
    table = _with_looks(rng, eased, names, table)
    poses, jitter = _poses(stream(seed, person, "pose"), eased, TALKING_YAW if talking else YAW)
    lamps = _lamps(stream(seed, person, "light"), eased.time)
    camera = _camera(stream(seed, person, "camera"))
    out = []
    for i in range(frames):
        expression = {n: round(float(v), 4) for n, v in zip(names, table[i], strict=True) if v > 0.0005}
        out.append(
            {
                "expression": expression,
                "pose": [round(float(v), 3) for v in poses[i]],
                "lamps": lamps[i],
                "camera": camera,
                "jitter": [round(float(v), 5) for v in jitter[i]],
            }
        )
    return out


def _talking(rng: np.random.Generator, eased: Easing, names: list[str]) -> np.ndarray:
    """Weights of the actions `names` in every frame, frames x 52: a talking face at every key."""
    table = np.zeros((eased.keys, len(names)))
    for row in table:
        for name, value in draw_talking(rng, names).items():
            row[names.index(name)] = value
    return eased(rng, table)


def _emotions(rng: np.random.Generator, eased: Easing, names: list[str]) -> np.ndarray:
    """Weights of the actions `names` in every frame, frames x 52: an emotion or a mouth shape at every key."""
    keys = eased.keys
    subtle = rng.uniform() < 0.2
    table = np.zeros((keys, len(names)))
    order = rng.permutation(keys)  # the neutral frame is not always the first
    for k in range(keys):
        strength = 0.15 if order[k] == 0 else (rng.uniform(0.25, 0.45) if subtle else rng.uniform(0.75, 1.0))
        for name, value in draw_expression(rng, strength, names).items():
            table[k, names.index(name)] = value
    return eased(rng, table)


def _with_looks(rng: np.random.Generator, eased: Easing, names: list[str], table: np.ndarray) -> np.ndarray:
    """Add small wandering, looks and blinks to weights, frames x 52, and hold them in what a face can do."""
    frames, keys = eased.frames, eased.keys
    table = table + eased(rng, rng.normal(0, 0.035, (keys, len(names)))).clip(0)
    blink = rng.uniform(size=frames) < 0.05
    look = eased(rng, rng.normal(0, [0.32, 0.22], (keys, 2)) * (rng.uniform(size=(keys, 1)) < 0.75))
    for i in range(frames):
        w = dict(zip(names, table[i], strict=True))
        for side, sign in (("Left", 1), ("Right", -1)):  # + looks to the person's left
            w[f"eyeLookOut{side}"], w[f"eyeLookIn{side}"] = max(0, sign * look[i, 0]), max(0, -sign * look[i, 0])
            w[f"eyeLookUp{side}"], w[f"eyeLookDown{side}"] = max(0, look[i, 1]), max(0, -look[i, 1])
            lid = max(w[f"eyeBlink{side}"], rng.uniform(0.7, 1) if blink[i] else 0)
            w[f"eyeBlink{side}"] = lid
            w[f"eyeSquint{side}"] *= 1 - 0.6 * min(lid, 1)
            w[f"eyeWide{side}"] *= 1 - min(lid, 1)
        w["mouthClose"] = min(w["mouthClose"], 0.6 * w["jawOpen"])
        w["tongueOut"] *= min(1, 4 * w["jawOpen"])
        table[i] = [min(1, w[name]) for name in names]
    return table


def _poses(rng: np.random.Generator, eased: Easing, yaw: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Yaw, pitch and roll in degrees, frames x 3; and the crop's jitter, frames x 3. yaw: see YAW."""
    spread = np.array([yaw[0], 9, 4])
    base = rng.normal(0, 1, 3)
    poses = eased(rng, (0.75 * base + 0.66 * rng.normal(0, 1, (eased.keys, 3))) * spread)
    return np.clip(poses, [-yaw[1], -24, -14], [yaw[1], 24, 14]), rng.normal(0, [0.02, 0.012, 0.012], (eased.frames, 3))


def _lamps(rng: np.random.Generator, time: np.ndarray) -> list[np.ndarray]:
    """Rows of sky, ground, key light and fill light at every time, see shading.shade."""
    key_at = rng.normal(0, [0.75, 0.45])  # right and up of the camera
    strength = rng.uniform(0.35, 1.1)
    drift = rng.normal(0, 0.25, 2) * (rng.uniform() < 0.4)
    warm, cool = rng.normal(0, 0.07), rng.normal(0, 0.05)
    sky = rng.uniform(0.22, 0.6)
    ground = sky * rng.uniform(0.35, 0.85)
    fill_at = rng.normal(0, [0.8, 0.4])
    fill = rng.uniform(0, 0.35) * strength

    def colour(amount: float, tint: float) -> list[float]:
        return [amount * (1 + tint), amount, amount * (1 - tint)]

    lamps = []
    for now in time:
        rows = [[0, 0, 0, *colour(sky, cool)], [0, 0, 0, *colour(ground, cool + 0.05)]]
        for at, power, tint in ((key_at + drift * (now - 0.5), strength, warm), (fill_at, fill, -warm)):
            direction = np.array([at[0], -at[1], -1.0])
            rows.append([*(direction / np.linalg.norm(direction)), *colour(power, tint)])
        lamps.append(np.array(rows, np.float32))
    return lamps


def _camera(rng: np.random.Generator) -> dict:
    """Noise, blur, cast and contrast, the same throughout a clip."""
    return {
        "noise": round(float(max(0, rng.normal(0.008, 0.01))), 5),
        "blur": round(float(max(0, rng.normal(0.25, 0.3))), 4),
        "cast": [round(float(c), 4) for c in 1 + rng.normal(0, 0.035, 3)],
        "contrast": round(float(rng.uniform(0.92, 1.1)), 4),
    }
