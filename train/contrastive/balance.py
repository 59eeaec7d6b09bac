"""Dynamic weight averaging of several losses (Liu et al., CVPR 2019, eq. 7)."""

import math


class Balance:
    """Weights of losses: the loss that falls slowest weighs most.

    weight_k = K softmax(r_k / T), with r_k the ratio of loss k's means over the last two windows; 1 until two windows
    have passed.

    Args:
        names: the K losses.
        temperature: T.
        window: steps a window; the paper's windows are epochs.
    """

    def __init__(self, names: list[str], temperature: float = 2.0, window: int = 50):
        self.names, self.temperature, self.window = names, temperature, window
        self.means: list[list[float]] = []
        self.sums, self.steps = [0.0] * len(names), 0

    def weights(self) -> dict[str, float]:
        """Return the weight of every loss by name."""
        if len(self.means) < 2:
            return dict.fromkeys(self.names, 1.0)
        before, last = self.means
        raw = [math.exp(now / then / self.temperature) for now, then in zip(last, before, strict=True)]
        return {name: len(raw) * value / sum(raw) for name, value in zip(self.names, raw, strict=True)}

    def update(self, losses: dict[str, float]) -> None:
        """Take over one step's losses by name."""
        self.sums = [total + losses[name] for total, name in zip(self.sums, self.names, strict=True)]
        self.steps += 1
        if self.steps == self.window:
            self.means = [*self.means, [total / self.window for total in self.sums]][-2:]
            self.sums, self.steps = [0.0] * len(self.names), 0

    def state_dict(self) -> dict:
        """Return what a resumed run needs."""
        return {"means": self.means, "sums": self.sums, "steps": self.steps}

    def load_state_dict(self, state: dict) -> None:
        """Take over such a state."""
        self.means, self.sums, self.steps = state["means"], state["sums"], state["steps"]
