"""The generator with its directions: styles of people, edited layer by layer (StyleGAN, arXiv:1812.04948, sec. 3)."""

from collections.abc import Mapping

import numpy as np
import torch

from train.common.judges import package_folder
from train.data.imagined.directions import LAYERS, kind, load_directions
from train.data.imagined.generator import Generator, Reading


class Imagined:
    """The generator with its directions. Nothing is fetched or written.

    Args:
        found: the table of load_directions; the bundled one if None. Without "reading_weight" only `whole` draws.
        device: of the network; on a CPU it runs in bfloat16, one picture at a time, the fastest there.

    Attributes:
        sides: side in pixels of the feature map that each style row scales, coarse to fine; 23 integers.
        mean: 512 float32, the mean style (4,096 draws of a fixed seed), towards which psi pulls.

    Raises:
        ImportError: `random-face` is not installed.
    """

    def __init__(self, found: dict[str, np.ndarray] | None = None, device: str | None = None):
        folder = package_folder("random_face", "pip install --no-deps random-face==2021.7.21.1") / "data"
        self.found = load_directions() if found is None else found
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        # the mapping stays in float32: styles are cheap, and what bfloat16 rounds in them would move every picture
        self.mapper = Generator(folder)
        self.sides = self.mapper.sides
        self.mean = self._mapped(np.random.default_rng(0).standard_normal((4096, 512))).mean(axis=0)
        network = Generator(folder).to(self.device, torch.bfloat16)
        self.network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.batch = 16 if self.device.type == "cuda" else 1
        if "reading_weight" in self.found:
            parts = (torch.from_numpy(self.found[f"reading_{part}"]) for part in ("weight", "bias"))
            self.reading = Reading(*parts).to(self.device, torch.bfloat16)

    def _mapped(self, z: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.mapper.mapping(torch.from_numpy(np.asarray(z, dtype=np.float32))).numpy()

    def styles(self, z: np.ndarray, psi: float | np.ndarray) -> np.ndarray:
        """Return styles w of people.

        Args:
            z: N x 512, standard normal.
            psi: truncation, a number or one for each of the N: 0 is the mean face, 1 the generator's full variety.

        Returns:
            N x 512 float32.
        """
        return (self.mean + np.reshape(psi, (-1, 1)) * (self._mapped(z) - self.mean)).astype(np.float32)

    def rows(self, w: np.ndarray) -> np.ndarray:
        """Repeat styles for every layer, coarse to fine: w N x 512 -> N x 23 x 512."""
        return np.repeat(w[:, None], len(self.sides), axis=1)

    def edit(self, styles: np.ndarray, strengths: Mapping[str, float | np.ndarray]) -> np.ndarray:
        """Move styles along directions, each on the layers of its kind only.

        Args:
            styles: N x 23 x 512.
            strengths: name of a direction -> a number, or one a style (N).

        Returns:
            N x 23 x 512.
        """
        edited = styles.copy()
        for name, strength in strengths.items():
            step = np.reshape(strength, (-1, 1, 1)) * self.found[name]
            layers = np.isin(self.sides, LAYERS[kind(name)]) if kind(name) in LAYERS else np.ones(len(self.sides), bool)
            edited[:, layers] += step.astype(np.float32)
        return edited

    def predicted(self, w: np.ndarray, name: str) -> np.ndarray:
        """Predict a measure of the faces of w (N x 512) linearly: N, in standard deviations."""
        return (w - self.found["mean"]) @ self.found[f"read_{name}"]

    def draw(self, styles: np.ndarray, whole: bool = False) -> np.ndarray:
        """Draw pictures, framed as FFHQ.

        Args:
            styles: N x 23 x 512.
            whole: through all levels, at 1024 px instead of 512.

        Returns:
            N x 512 x 512 x 3 uint8 RGB, or N x 1024 x 1024 x 3.

        Raises:
            ValueError: styles are of another shape.
        """
        if styles.ndim != 3 or styles.shape[1:] != (len(self.sides), 512):
            raise ValueError(f"styles must be N x {len(self.sides)} x 512, not {styles.shape}")
        drawn = []
        with torch.inference_mode():
            for rows in torch.from_numpy(styles).split(self.batch):
                rows = rows.to(self.device, torch.bfloat16)
                pictures = self.network(rows) if whole else self.network.small(rows, self.reading)
                pictures = pictures.float().clamp(-1, 1).mul(127.5).add(128).clamp(max=255)
                drawn.append(pictures.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy())
        return np.concatenate(drawn)
