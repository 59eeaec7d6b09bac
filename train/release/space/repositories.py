"""Checkpoints as model repositories, and the truth set's data-set card, ready for the Hub."""

import re
import shutil
from pathlib import Path

from huggingface_hub import DatasetCardData, ModelCard

from latentface.checkpoints import ASSETS, bundled
from train.release.space.folder import NAME, empty_folder, model_ids

TASKS = {"pcl": "image-feature-extraction"}
"""What a checkpoint does, in the Hub's words, where it is not DOES."""
DOES = "image-to-3d"
USE = """
## Use

```python
from latentface import load_pipeline

pipeline = load_pipeline("{id}")
```
"""


def write_repositories(out: Path, owner: str) -> None:
    """Write a folder for each repository, each ready for `hf upload`.

    Args:
        out: where; it is made, and must be empty.
        owner: account on the Hub that they belong to.

    Raises:
        ValueError: the folder holds something.
    """
    empty_folder(out)
    for name, repository in zip((*bundled(), "pcl"), model_ids(owner), strict=True):
        folder = out / "models" / repository.partition("/")[2]
        shutil.copytree(ASSETS / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
        card = ModelCard.load(folder / "README.md")
        card.data["pipeline_tag"] = TASKS.get(name, DOES)
        if name != "pcl":
            card.text = f"{card.text.rstrip()}\n{USE.format(id=repository)}"
        card.text = without_links_elsewhere(card.text)
        card.save(folder / "README.md")
    truth = out / "datasets" / f"{NAME}-truth"
    truth.mkdir(parents=True)
    (truth / "README.md").write_text(truth_card())


def without_links_elsewhere(text: str) -> str:
    """Take links to files of the checkout out of a card; their words stay."""
    return re.sub(r"\[([^\]]*)\]\((?:\.\./)+[^)]*\)", r"\1", text)


def truth_card() -> str:
    """Write the truth set's card: front matter, and the card of the engine that draws it."""
    about = DatasetCardData(
        license="cc0-1.0", pretty_name="LatentFace truth: parametric people with exact geometry and true swaps",
        task_categories=["depth-estimation", "image-to-3d", "image-to-image"], size_categories=["1K<n<10K"],
        tags=["face", "3d", "synthetic", "webdataset"],
    )  # fmt: skip
    words = (Path(__file__).parents[2] / "data" / "parametric" / "CARD.md").read_text()
    return f"---\n{about.to_yaml()}\n---\n\n{words}"
