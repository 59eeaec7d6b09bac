"""Scenes of stage 2: what of a code stays with the person, and what changes (LatentFace, section 3.2)."""

from __future__ import annotations

import numpy as np
import torch

from app.components.pictures import uri
from app.how.scene import SMALL, Case, Drawn, Formula, HowScene, frames, pair, rounded, signed
from app.session import Model, Shown
from latentface.codes import Codes
from latentface.explain.diffusion import People, people
from latentface.pictures import picture

CHAPTER = "2 · What stays, and what changes"
PEOPLE, FRAMES = 7, 6
"""People whose pictures are laid out, and how many pictures each."""
FACE = 64
"""Side in pixels of a face among many."""
STRENGTHS = tuple(round(-1 + 0.25 * k, 2) for k in range(13))
"""Factors of an expression that are drawn."""
NO_GALLERY = Drawn({}, "This scene needs a gallery, pictures of people that this model has read: it has none.")


def faces(case: Case, codes: Codes) -> torch.Tensor:
    """Draw codes from where they stand, B x 3 x S x S."""
    return case.model.pipeline.decode(codes).canonical.clamp(-1, 1)


def rows_of(model: Model) -> list[list[int]]:
    """Choose people of the gallery with enough pictures, evenly, and some of their pictures."""
    found: dict[int, list[int]] = {}
    for row, face in enumerate(model.atlas.faces):
        found.setdefault(face["person"], []).append(row)
    enough = [rows[:FRAMES] for rows in found.values() if len(rows) >= FRAMES]
    if len(enough) < PEOPLE:
        return []
    return [enough[i] for i in np.linspace(0, len(enough) - 1, PEOPLE).round().astype(int)]


def frames_of_people(case: Case, other: Shown) -> Drawn:
    """Show that frames of a person lie together."""
    model = case.model
    rows = rows_of(model) if model.mapped else []
    if not rows:
        return NO_GALLERY
    codes = torch.stack([model.pipeline.denoiser.standardize(model.atlas.codes[own].face) for own in rows])
    laid = people(codes)
    means = faces(case, case.diffusion.faces(laid.codes))
    first = laid.places[0, 1:, 0].tolist()
    listed = " + ".join(signed(value, 1) for value in first)
    return Drawn(
        {"kind": "cloud", "people": [person(case, own, laid, at, means[at]) for at, own in enumerate(rows)]},
        f"{PEOPLE} people, {FRAMES} pictures each, placed by their codes along the two directions in which these "
        "people differ most. One person's pictures lie near each other. So the mean code of somebody's other pictures "
        "says who they are, better than any one of them: that mean is what the second stage of the model (the first "
        "made the codes) learns to guess from a single picture. Nobody needs to say who is who: pictures of one clip "
        "are of one person.",
        {"Frame": "one picture of a clip, a short film.", "Identity": "what a person's pictures share.",
         "RDM": "representation diffusion model: the second stage, which guesses identities."},
        [],
        [
            Formula(
                "The target is the mean code of the person's F − 1 other frames. Of the first person here, along the "
                "first axis of this map:",
                r"z_{\text{id}} \approx \frac{1}{F - 1} \sum_{j \quad \text{other}} z_j",
                rf"\frac{{{listed}}}{{{FRAMES - 1}}} = {sum(first) / len(first):.1f}",
                "LatentFace, section 3.2; the frame itself is left out here",
            ),
            Formula(
                "How far a picture lies from its person's mean, and how far people lie from each other, in standard "
                "deviations over all numbers of the code.",
                r"\sqrt{\mean \norm z - z_{\text{person}} \norm^2}, \quad "
                r"\sqrt{\mean \norm z_{\text{person}} - z_{\text{all}} \norm^2}",
                rf"{laid.within:.1f}, \quad {laid.between:.1f}",
            ),
        ],
    )  # fmt: skip


def person(case: Case, rows: list[int], laid: People, at: int, mean: torch.Tensor) -> dict:
    """Write one person's pictures and places for the page."""
    places, middle = (values[at] for values in laid.on_page())
    crops = [uri(case.model.atlas.crop(row, FACE)) for row in rows]
    return {
        "frames": [{"src": one, "at": place} for one, place in zip(crops, rounded(places), strict=True)],
        "mean": {"src": uri(picture(mean, SMALL)), "at": rounded(middle)},
    }  # fmt: skip


def noise(case: Case, other: Shown) -> Drawn:
    """Add noise to this face's identity."""
    diffusion = case.diffusion
    noisy = torch.cat(diffusion.noised())
    at = len(diffusion.times) // 2
    middle = diffusion.times[at]
    alpha = diffusion.alpha(middle)
    start, gauss = float(noisy[0, 0]), float(diffusion.noise()[0, 0])
    clean = float(case.model.pipeline.denoiser.standardize(diffusion.parts.identity)[0, 0])
    return Drawn(
        frames(
            faces(case, diffusion.faces(noisy)),
            [f"t = {time}: {diffusion.alpha(time):.1%} face" for time in diffusion.times], "Noise, t",
            strips=[strip("Its code, " + f"{noisy.shape[1]} numbers", noisy)],
        ),
        "A diffusion learns by repairing. Take a clean code, here that of this face's identity, and mix in random "
        "numbers, a little or a lot: t says how much. At the end nothing of the face is left. The picture shows the "
        "noisy numbers drawn as a face, which is nobody's.",
        {"Diffusion": "a model that learns to take noise away, and so can start from noise alone.",
         "Noise": "random numbers, here of the size of the code's own."},
        [],
        [
            Formula(
                "The clean code x₀ and noise ε are mixed so that the variance stays what it is: ᾱ is the clean code's "
                "share of it, the product of 1 − β over all times up to t, β being the share of noise that one time "
                f"adds. The first number, in standard deviations, at t = {middle} (at t = 0 it is {start:.2f}):",
                r"x_t = \sqrt{\bar{\alpha}_t} x_0 + \sqrt{1 - \bar{\alpha}_t} \epsilon",
                rf"{float(noisy[at, 0]):.2f} = \sqrt{{{alpha:.3f}}} \cdot {signed(clean)} + "
                rf"\sqrt{{{1 - alpha:.3f}}} \cdot {signed(gauss)}",
                f"LatentFace, section 3.2 (DDPM, Ho et al. 2020); {diffusion.schedule()}",
            ),
        ],
    )  # fmt: skip


def denoise(case: Case, other: Shown) -> Drawn:
    """Walk from noise to the identity."""
    diffusion = case.diffusion
    steps = diffusion.denoising()
    walk = torch.cat([step.noisy for step in steps] + [steps[-1].clean])
    step = steps[len(steps) // 2]
    after = steps[len(steps) // 2 + 1].noisy
    a, b, x, clean = step.alpha, step.alpha_before, float(step.noisy[0, 0]), float(step.clean[0, 0])
    error = (x - a**0.5 * clean) / (1 - a) ** 0.5
    end = faces(case, diffusion.faces(torch.cat([one.clean for one in steps])))
    labels = [f"Before step {k + 1}: t = {one.time}" for k, one in enumerate(steps)] + ["The end: the identity"]
    return Drawn(
        frames(
            faces(case, diffusion.faces(walk)), labels, "Steps", strips=[strip("The noisy code", walk)],
            beside=[pair(end[0], "What step 1 takes it to be"), pair(end[-1], "What the last step takes it to be")],
        ),
        "Backwards: start from pure noise, let the network guess the clean code, go a part of the way there, guess "
        "again. It is told this face's code and asked for what this person keeps from picture to picture. "
        + ("Its first guess is already nearly its last: given a face, there is one answer."
           if diffusion.is_settled(steps) else "Its guess changes from step to step."),
        {"Denoiser": "the network that guesses the clean code.",
         "Condition": "what it is told besides: the frame's own code."},
        [(diffusion.block(), "guesses the clean code from noisy code, time and condition")],
        [
            Formula(
                f"One step of DDIM, the rule by which it goes on, from t = {step.time}: what the guess x̂₀ leaves over "
                "counts as noise ε̂, and both are mixed again with less of it. The first number of the code:",
                r"x_{\text{next}} = \sqrt{\bar{\alpha}_{\text{next}}} \hat{x}_0 + "
                r"\sqrt{1 - \bar{\alpha}_{\text{next}}} \hat{\epsilon}",
                rf"{float(after[0, 0]):.2f} = \sqrt{{{b:.3f}}} \cdot {signed(clean)} + "
                rf"\sqrt{{{1 - b:.3f}}} \cdot {signed(error)}",
                f"LatentFace, section 3.2 (DDIM, Song et al. 2021: {len(steps)} steps; η = 0: no new noise)",
            ),
        ],
    )  # fmt: skip


def split(case: Case, other: Shown) -> Drawn:
    """Take a code apart."""
    diffusion = case.diffusion
    loud = diffusion.loudest()
    drawn = faces(case, diffusion.expressed(list(STRENGTHS)))
    parts = [
        strip("Code", case.model.pipeline.denoiser.standardize(case.way.codes.face).expand(len(STRENGTHS), -1)),
        strip("Expression, as strong as shown", diffusion.strengthened(list(STRENGTHS))),
    ]
    return Drawn(
        frames(
            drawn, [f"Identity {'+' if s >= 0 else '−'} {abs(s):g} × expression" for s in STRENGTHS],
            "Strength of the expression", strips=parts, start=STRENGTHS.index(1.0),
        ),
        "The denoiser's guess is the identity. What is left of the code when the identity is taken away is the "
        "expression. Add it back once and the face is itself again; leave it out and what this person's pictures share "
        "is left; add it twice and it overacts.",
        {"Expression": "what a person's face does at this moment."},
        [],
        [
            Formula(
                f"Code less identity is expression. Number {loud['index']} of the code, where this face's expression "
                "is largest, in standard deviations:",
                r"z_{\text{exp}} = z - z_{\text{id}}",
                rf"{loud['expression']:.2f} = {signed(loud['code'])} - {signed(loud['identity'])}",
                "LatentFace, section 3.2",
            ),
            Formula(
                "How long the expression is, divided by the length of all that sets this code apart from the mean "
                "code.",
                r"\frac{\norm z_{\text{exp}} \norm}{\norm z - z_{\text{mean}} \norm}", f"{diffusion.share():.2f}",
            ),
        ],
    )  # fmt: skip


def swap(case: Case, other: Shown) -> Drawn:
    """Put another's expression on."""
    diffusion, codes = case.diffusion, other.face.codes
    loud = diffusion.loudest(codes)
    drawn = faces(case, diffusion.expressed(list(STRENGTHS), codes))
    total = loud["identity"] + loud["theirs"]
    return Drawn(
        frames(
            drawn, [f"Identity of A {'+' if s >= 0 else '−'} {abs(s):g} × expression of B" for s in STRENGTHS],
            "Strength of B's expression", start=STRENGTHS.index(1.0),
            beside=[pair(case.way.crop[0], f"A: {case.shown.name}"), pair(other.face.level[0], f"B: {other.name}")],
        ),
        "Once apart, the parts are numbers, and numbers can be added: identity of A, this face, plus expression "
        "of B. That is all a swap is. (B is chosen in tab Swap.)",
        {"Swap": "one person's face with another's expression."},
        [],
        [
            Formula(
                f"Number {loud['index']} of the code, where B's expression is largest, in standard deviations; "
                "strength s = 1:",
                r"z = z_{\text{id}}^A + s \cdot z_{\text{exp}}^B",
                rf"{total:.2f} = {signed(loud['identity'])} + 1 \cdot {signed(loud['theirs'])}",
                "LatentFace, section 3.2; the strength s is this project's",
            ),
        ],
    )  # fmt: skip


def strip(label: str, numbers: torch.Tensor) -> dict:
    """Make a row of numbers that follows the pictures, of N x C."""
    return {"label": label, "rows": rounded(numbers, 2)}


SCENES = (
    HowScene("people", CHAPTER, "Other pictures say who you are", frames_of_people),
    HowScene("noise", CHAPTER, "Noise", noise),
    HowScene("denoise", CHAPTER, "Denoising", denoise),
    HowScene("split", CHAPTER, "Identity and expression", split),
    HowScene("swap", CHAPTER, "A swap is a sum", swap, takes_both=True),
)
