"""A face in 3D, to turn by dragging."""

from __future__ import annotations

import gradio as gr


def face_viewer(mesh: str, label: str, height: int, elem_id: str) -> gr.Model3D:
    """Add a 3D viewer on a transparent ground.

    Args:
        mesh: A GLB file, as `pictures.mesh_file` writes it.
        label: What stands above it.
        height: In CSS pixels.
        elem_id: Its id on the page.
    """
    return gr.Model3D(
        mesh, label=label, height=height, clear_color=(0, 0, 0, 0), interactive=False, elem_id=elem_id
    )  # fmt: skip
