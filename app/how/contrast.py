"""Scenes of the second method: a face branch and a pose branch (PCL, Liu et al., CVPR 2023, section 3)."""

from __future__ import annotations

from math import log

import numpy as np
import torch

from app.how.scene import SMALL, Case, Drawn, Formula, HowScene, frames, pair, rounded, signed, src
from app.session import Shown
from latentface.explain.branches import TEMPERATURE, first_share
from latentface.pictures import picture

CHAPTER = "3 · Another way: face apart from pose"
MANY = 96
"""Faces of the gallery over which orthogonality is measured."""
SOURCE = "PCL, section 3"
NO_PCL = Drawn({}, "The second method, PCL, is another network: none is bundled with this app.")
TRAINED = "In training, one more small network stands between feature and cosine; it was thrown away since."


def branches(case: Case, other: Shown) -> Drawn:
    """Show two branches."""
    if case.model.pcl is None:
        return NO_PCL
    seen = case.branches
    cosines = seen.mirror_cosines()
    features = {name: seen.mirror_pair(name) for name in ("face", "pose")}
    strips = [
        {"label": f"{name.capitalize()} feature, {rows.shape[1]} numbers", "rows": rounded(rows, 2),
         "wide": 128}
        for name, rows in features.items()
    ]  # fmt: skip
    image = seen.images[0]
    return Drawn(
        frames(torch.stack([image, image.flip(-1)]), ["The photo", "Its mirror image"], "Mirror", strips=strips),
        "The second method knows no 3D. One network reads the photo, and two branches grow out of it: one is to say "
        "who is seen, the other how the head is turned. A mirror tells them apart: it keeps the face and turns the "
        "pose.",
        {"Branch": "a part of a network that gives an answer of its own.",
         "Feature": "the row of numbers that a network gives for a picture.",
         "Cosine": "how alike two rows of numbers are by direction: 1 the same, 0 unrelated, −1 opposite.",
         "PCL": "pose-disentangled contrastive learning, this second method."},
        [(block, role) for block, role in zip(seen.blocks(), ROLES, strict=True)],
        [
            Formula(
                "Photo I and its mirror image, face branch F, then pose branch P. A good face branch is near 1, a good "
                "pose branch far from it unless the head looks straight ahead.",
                r"\cos ( F(I), F(I_{\text{mirrored}}) ), \quad \cos ( P(I), P(I_{\text{mirrored}}) )",
                rf"{cosines['face']:.2f}, \quad {cosines['pose']:.2f}", SOURCE,
            ),
            Formula(
                f"The same with {len(case.others)} other people's photos, on average.",
                r"\cos ( F(I), F(I_{\text{other}}) ), \quad \cos ( P(I), P(I_{\text{other}}) )",
                rf"{cosines['other_face']:.2f}, \quad {cosines['other_pose']:.2f}",
            ),
        ],
    )  # fmt: skip


ROLES = (
    "the shared trunk, out of which both branches grow", "the face branch", "the pose branch",
    "the decoder: draws a picture of face plus pose",
)  # fmt: skip


def four(case: Case, other: Shown) -> Drawn:
    """Rebuild photo and mirror image from either face and either pose."""
    if case.model.pcl is None:
        return NO_PCL
    seen = case.branches
    errors = seen.errors()
    image = seen.images[0]
    return Drawn(
        {
            "kind": "quad", "inputs": [pair(image, "the photo"), pair(image.flip(-1), "the mirror image")],
            "results": [src(one) for one in seen.reconstructions()], "targets": [src(one) for one in seen.targets()],
            "errors": [round(error, 3) for error in errors],
        },
        "A decoder must draw the photo from a face feature and a pose feature. The trick: take the face feature from "
        "the mirror image, and the photo must still come out right. That works only if the face branch holds nothing "
        "of the pose.",
        {"Decoder": "a network that draws a picture from numbers."},
        [(block, role) for block, role in zip(seen.blocks(), ROLES, strict=True)][1:],
        [
            Formula(
                "Four pictures, one loss: the decoder D draws each face F with each pose P, and the drawing is "
                "compared with the picture I whose pose it is (s: photo, f: mirror image).",
                r"L = \sum_{i, j \in \{ s, f \}} | D(F_i + P_j) - I_j |",
                rf"{sum(errors):.3f} = {' + '.join(f'{error:.3f}' for error in errors)}", SOURCE,
            ),
        ],
    )  # fmt: skip


def orthogonal(case: Case, other: Shown) -> Drawn:
    """Show that the branches tell different things."""
    pcl, gallery = case.model.pcl, case.model.gallery
    if pcl is None:
        return NO_PCL
    rows = np.linspace(0, len(gallery.faces) - 1, MANY).round().astype(int)
    crops = np.stack([gallery.crop(int(row), pcl.size) for row in rows])
    seen = case.branches.among(crops)
    same, apart = seen.orthogonality("face", "face"), seen.orthogonality("face", "pose")
    maps = seen.product_pictures("face", ("face", "pose"), 32)
    drawn = [picture(one).repeat(9, 0).repeat(9, 1) for one in maps]
    return Drawn(
        frames(
            drawn, [f"Face with face: {same:.1f} times chance", f"Face with pose: {apart:.1f} times chance"],
            "Which features", crisp=True,
        ),
        f"What one branch knows, the other should not. Over {MANY + 1} faces, every number of one branch is compared "
        "with every number of the other: bright means that the two vary together. The face branch with "
        "itself shows how bright it can get; face with pose should be dark.",
        {"Orthogonal": "at right angles; of features: the numbers of the one do not vary with those of the other."},
        [],
        [
            Formula(
                "A and B are the features of two branches, one row for each of N faces, centred and of length one. "
                "This is the mean square of all numbers in AᵀB over its value for unrelated features: first of the "
                "face branch with itself, then face with pose.",
                r"\frac{1}{N} \norm A^\top B \norm^2", rf"{same:.2f}, \quad {apart:.2f}",
                f"{SOURCE}; scaled by its value for unrelated features",
            ),
        ],
    )  # fmt: skip


def face_contrast(case: Case, other: Shown) -> Drawn:
    """Find the other half of the same face."""
    if case.model.pcl is None:
        return NO_PCL
    seen = case.branches
    cosines, value = seen.face_contrast()
    one, two = seen.quadrants
    names = [case.shown.name, *(face.name for face in case.others)]
    return Drawn(
        matrix(
            one, two, [f"{name}, left part" for name in names], [f"{name}, right part" for name in names],
            rounded(cosines, 2),
        ),
        "Two cut-outs of one face must have similar face features, unlike those of everybody else. Each row is a left "
        "part, each column a right part: the brightest of a row should stand on the diagonal. So the face branch "
        "learns what is one person's own, without any name.",
        {"Contrast": "learning by comparing: pull what belongs together, push what does not.",
         "InfoNCE": "the loss of a contrast: the smaller, the more surely the right one is picked out."},
        [],
        [
            Formula(
                "The share of the right partner among all, of the first row; its negative logarithm is the loss "
                f"(T = {TEMPERATURE}: the smaller, the more the largest cosine counts).",
                r"\frac{\exp ( \cos_{\text{own}} / T )}{\sum_k \exp ( \cos_k / T )}",
                rf"\frac{{\exp ( {float(cosines[0, 0]):.2f} / {TEMPERATURE} )}}{{\text{{sum of {len(names)}}}}} "
                rf"= {first_share(cosines):.2f}", f"{SOURCE}; SimCLR, eq. 1",
            ),
            Formula(
                f"The mean over all {len(names)} rows, and what guessing would cost. {TRAINED}",
                r"L = \mean ( -\log \text{share} ), \quad \log N",
                rf"{value:.2f}, \quad {log(len(names)):.2f}",
            ),
        ],
    )  # fmt: skip


def pose_contrast(case: Case, other: Shown) -> Drawn:
    """Tell the pose from its mirror image's."""
    if case.model.pcl is None:
        return NO_PCL
    seen = case.branches
    (near, far), value = seen.pose_contrast()
    anchor, positive, negative = seen.recoloured
    return Drawn(
        matrix(anchor, torch.cat([positive, negative]), [case.shown.name],
               ["Other colours", "Other colours, mirrored"], [[round(near, 2), round(far, 2)]]),
        "Other colours keep the pose, a mirror turns it. The pose branch must find the first alike and the second "
        "not. When the head looks straight ahead, the two hardly differ, and there is little to learn.",
        {},
        [],
        [
            Formula(
                "The share of the right one (+) of these two, and the loss. In the paper there are 100 mirrored ones "
                f"(−). {TRAINED}",
                r"L = -\log \frac{\exp ( \cos_{+} / T )}{\exp ( \cos_{+} / T ) + \exp ( \cos_{-} / T )}",
                rf"{value:.3f} \quad \text{{from cosines}} \quad {near:.2f}, \quad {signed(far)}", SOURCE,
            ),
        ],
    )  # fmt: skip


def matrix(
    rows: torch.Tensor, columns: torch.Tensor, row_names: list[str], column_names: list[str], values: list
) -> dict:
    """Make a table of cosines between pictures, B x 3 x S x S each."""
    return {
        "kind": "matrix",
        "rows": [{"src": src(image, SMALL), "label": name} for image, name in zip(rows, row_names, strict=True)],
        "columns": [
            {"src": src(image, SMALL), "label": name} for image, name in zip(columns, column_names, strict=True)
        ],
        "values": values,
    }  # fmt: skip


SCENES = (
    HowScene("branches", CHAPTER, "Two branches", branches),
    HowScene("four", CHAPTER, "Four pictures", four),
    HowScene("orthogonal", CHAPTER, "At right angles", orthogonal),
    HowScene("face-contrast", CHAPTER, "Whose other half?", face_contrast),
    HowScene("pose-contrast", CHAPTER, "This way or that?", pose_contrast),
)
