"""The app as a Hugging Face Space: a GPU is lent to one function, the rest runs on the CPU.

`python -m train space` copies this file into the Space's folder, as space.py.
"""

import os

PRIVATE = "127.0.0.1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
"""Networks of the proxies before a Space, which say whose request they hand on."""
os.environ.setdefault("FORWARDED_ALLOW_IPS", PRIVATE)

from app.start import prepare  # noqa: E402

prepare()

import spaces  # noqa: E402  # before torch and gradio, in which it stands in for a GPU until one is lent

# isort: split
import gradio as gr  # noqa: E402
import torch  # noqa: E402

from app.ui import main  # noqa: E402
from latentface.checkpoints import load_pipeline  # noqa: E402
from latentface.codes import Codes  # noqa: E402
from latentface.moving import encode_and_split  # noqa: E402
from latentface.pipeline import LatentFacePipeline  # noqa: E402

SECONDS = 10
"""Of a GPU for 120 frames of a clip, its start included: the less is asked for, the sooner one is lent."""
GPU_MODEL = load_pipeline().to("cuda") if torch.cuda.is_available() else None
"""The model on the GPU; None where the hardware has none."""


@spaces.GPU(duration=SECONDS)
def on_gpu(crops: torch.Tensor) -> tuple[Codes, torch.Tensor, torch.Tensor]:
    """Encode and split the crops of a clip."""
    assert GPU_MODEL is not None, "asked for where there is a GPU"
    codes, identity, expression = encode_and_split(GPU_MODEL, crops)
    return codes.to("cpu"), identity.cpu(), expression.cpu()


def on_gpu_or_cpu(here: LatentFacePipeline, crops: torch.Tensor) -> tuple[Codes, torch.Tensor, torch.Tensor]:
    """Ask for a GPU, and use the CPU where the visitor has no share of one left."""
    try:
        return on_gpu(crops)
    except gr.Error:
        return encode_and_split(here, crops)


if __name__ == "__main__":
    raise SystemExit(main([], on_gpu_or_cpu if GPU_MODEL is not None else None))
