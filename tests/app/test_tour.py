"""The tour's stops lead to tabs that the page has."""

import gradio as gr

from app.tabs import TABS
from app.tour import STOPS, limits_link, tour


def parts(tabs: list[str]) -> dict[str, gr.HTML]:
    with gr.Blocks() as demo:
        tour(tabs)
        limits_link(tabs)
    return {str(block.elem_id): block for block in demo.blocks.values() if isinstance(block, gr.HTML)}


def test_every_stop_is_a_tab_and_its_words_are_short():
    assert 8 <= len(STOPS) <= 12 and {stop.tab for stop in STOPS} <= {tab.id for tab in TABS}
    assert STOPS[-1].tab == "limits"
    for stop in STOPS:
        assert len(f"{stop.words} {stop.task}".split()) < 60, "half a minute is read and tried"


def test_stops_at_tabs_that_are_missing_are_left_out():
    found = parts(["reconstruct", "how"])
    assert [stop["tab"] for stop in found["tour"].props["stops"]] == ["reconstruct", "reconstruct", "how"]
    assert "to-limits" not in found and "#tab=limits" in str(parts(["limits"])["to-limits"].value)
    assert "tour" not in parts(["nothing"])
