"""The tour: about ten stops of half a minute over the real tabs, offered by a button and never opened by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from app.components.files import text


@dataclass(frozen=True)
class Stop:
    """One stop."""

    tab: str
    """Id of the tab that is opened."""
    target: str
    """Selector of what is spoken about, which is framed; it exists once the tab is open."""
    title: str
    words: str
    """What is seen there."""
    task: str
    """One thing to try."""


STOPS = (
    Stop("reconstruct", "#stage", "A photo becomes a face in 3D",
         "The model saw one flat picture. It made up depth, colour and light, and learned how from pictures alone, "
         "without labels.", "Drag the face, or move it with the arrow keys."),
    Stop("reconstruct", "#stage .layers", "Layer by layer",
         "Depth, normals (which way the surface faces), colour and light are separate. Together they draw the photo "
         "again.",
         "Choose another layer, then go back to the first."),
    Stop("swap", "#swapped", "One person, another's expression",
         "Identity (who it is) and expression (what the face does) are numbers. Person A's identity plus person B's "
         "expression makes this face.",
         "Move the strength below it past the middle and back."),
    Stop("diffusion", "#walk", "A person out of noise",
         "A diffusion starts from noise, random numbers, and guesses anew at every step the code, the numbers that "
         "stand for a face. Nobody here exists.",
         "Play it, then ask for other noise."),
    Stop("video", "#clip-player", "A face that moves",
         "A rebuilt face follows a clip, a short film, in expression, pose and light; beside it stands its one "
         "identity.",
         "Play the example clip."),
    Stop("maps", "#map", "A map of faces",
         "Every dot is a picture of somebody who does not exist. Near dots have codes that are often alike; distances "
         "far across mean little.", "Point at dots, or choose what colours them."),
    Stop("disentangle", "#matrix", "Which part knows what",
         "Each number says how well one part of the code tells one thing, such as who it is or how the "
         "head is turned. Framed cells should be high, all others low.",
         "Find a number that is high and should not be."),
    Stop("how", "#how", "Scene by scene",
         "The same way from photo to face, one scene after the other, on this face and with its numbers.",
         "Go on one scene, then switch to formulas."),
    Stop("predict", "#quiz", "Predict, then reveal",
         "Eight questions to argue about. The loaded model works each answer out while you wait.",
         "Choose an answer and reveal it."),
    Stop("limits", "#failures-row", "What it can't do",
         "What was measured and on whom, for whom it does worse, and what it must not be used for.",
         "Find the group of people that is rebuilt worst."),
)  # fmt: skip


def tour(tabs: Sequence[str]) -> None:
    """Add the tour's button; its panel opens beside the page.

    Args:
        tabs: Ids of the tabs that the page has; stops at others are left out.
    """
    stops = [vars(stop) for stop in STOPS if stop.tab in tabs]
    if stops:
        gr.HTML(
            None, html_template=text("tour.html"), css_template=text("tour.css"), js_on_load=text("tour.js"),
            apply_default_css=False, elem_id="tour", stops=stops,
        )  # fmt: skip


def limits_link(tabs: Sequence[str]) -> None:
    """Add the line at the page's foot that leads to tab Limits, where the page has it."""
    if "limits" in tabs:
        gr.HTML('<p><a href="#tab=limits">What this can\'t do, and for whom it does worse</a></p>', elem_id="to-limits")
