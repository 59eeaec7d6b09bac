"""The registry of tabs: what the page has is what the list says."""

import gradio as gr
import pytest

from app.session import Model, Session, load
from app.tabs import TABS, Tab
from app.ui import build


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def tiny(session: Session) -> None:
    """A tab as small as one can be."""
    gr.Markdown(f"Hello from {session.model.checkpoint}", elem_id="tiny")


def tabs(demo: gr.Blocks) -> dict[str, gr.Tab]:
    return {str(block.label): block for block in demo.blocks.values() if isinstance(block, gr.Tab)}


def test_a_tab_is_one_line(model):
    demo = build(model, [*TABS, Tab("Tiny", "tiny", tiny)])
    page = tabs(demo)
    assert list(page)[:2] == ["Reconstruct", "Swap"] and list(page)[-1] == "Tiny"
    heading, inside = page["Tiny"].children
    assert isinstance(heading, gr.HTML) and "<h2>Tiny</h2>" in str(heading.value)
    assert isinstance(inside, gr.Markdown) and inside.value == "Hello from explorer"


def test_tabs_do_not_need_each_other(model):
    for tab in TABS:
        assert list(tabs(build(model, [tab]))) == [tab.name]


def test_a_tab_that_is_not_shown_is_not_built(model):
    def never(session: Session) -> None:
        pytest.fail("built all the same")

    assert not tabs(build(model, [Tab("Hidden", "hidden", never, lambda session: False)]))


def test_names_and_ids_are_unique():
    assert len({tab.name for tab in TABS}) == len({tab.id for tab in TABS}) == len(TABS)
