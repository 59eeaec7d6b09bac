"""The Space's folder: front matter, app, library, assets, and requirements pinned as ZeroGPU accepts them."""

import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from huggingface_hub import SpaceCardData, SpaceHardware

from latentface.checkpoints import ASSETS, bundled

ROOT = Path(__file__).parents[3]
"""The checkout."""
HERE = Path(__file__).parent
NAME = "latentface"
"""Of the Space, below its owner."""
PYTHON = "3.12.12"
"""What ZeroGPU runs."""
PINS = {"torch": "2.11.0"}
"""Versions that ZeroGPU wants where other versions may be installed here."""
APP_FILE = "space.py"
PARTS = ("app", "latentface", "assets")
"""Folders of the checkout that the Space needs."""
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.pyi")
"""Files that it does not: what Python and gradio write."""


def write_space(out: Path, owner: str) -> None:
    """Write the folder.

    Args:
        out: where; it is made, and must be empty.
        owner: account on the Hub that the Space and its models belong to.

    Raises:
        ValueError: the folder holds something, or this is no checkout.
    """
    empty_folder(out)
    if not (ROOT / "requirements.txt").is_file():
        raise ValueError("the Space is made from a checkout of latentface, not from the installed package")
    for part in PARTS:
        source = ASSETS if part == "assets" else ROOT / part
        shutil.copytree(source, out / part, ignore=LEFT_OUT)
    shutil.copyfile(ROOT / "tools" / APP_FILE, out / APP_FILE)
    shutil.copyfile(ROOT / "LICENSE", out / "LICENSE")
    (out / "requirements.txt").write_text(requirements((ROOT / "requirements.txt").read_text()))
    (out / "README.md").write_text(card(owner))
    (out / ".gitattributes").write_text("*.safetensors filter=lfs diff=lfs merge=lfs -text\n")


def empty_folder(folder: Path) -> None:
    """Make a folder that holds nothing.

    Raises:
        ValueError: it holds something.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty: give a new folder")


def requirements(ranges: str) -> str:
    """Pin every requirement to the version that is installed here, or to the one in PINS.

    Args:
        ranges: text of requirements.txt.

    Raises:
        ValueError: a package is not installed, so nobody has tried it.
    """
    lines = []
    for line in ranges.splitlines():
        found = re.match(r"[A-Za-z0-9._-]+", line)
        if found is None:
            continue
        name = found[0]
        try:
            lines.append(f"{name}=={PINS.get(name) or version(name).partition('+')[0]}")
        except PackageNotFoundError as error:
            raise ValueError(f"{name} is not installed: pip install -r requirements.txt") from error
    return "\n".join([*lines, "spaces", ""])


def model_ids(owner: str) -> list[str]:
    """List the ids on the Hub of all bundled checkpoints, the default one first."""
    return [f"{owner}/{NAME}-{name}" for name in (*bundled(), "pcl")]


def card(owner: str) -> str:
    """Write the Space's README.md: front matter and a few lines for visitors."""
    about = SpaceCardData(
        title="LatentFace", emoji="🎭", colorFrom="green", colorTo="gray",
        sdk="gradio", sdk_version=version("gradio"), python_version=PYTHON, app_file=APP_FILE,
        suggested_hardware=SpaceHardware.ZERO_A10G.value, license="other", license_name="research-non-commercial",
        short_description="A face from one photo: 3D, identity, expression", pinned=False,
        thumbnail=f"https://huggingface.co/spaces/{owner}/{NAME}/resolve/main/assets/pictures/faces.webp",
        models=model_ids(owner), tags=["face", "3d", "self-supervised", "diffusion", "disentanglement"],
    )  # fmt: skip
    words = (HERE / "card.md").read_text().format(models=", ".join(f"`{one}`" for one in model_ids(owner)))
    return f"---\n{about.to_yaml()}\n---\n\n# LatentFace\n\n{words}"
