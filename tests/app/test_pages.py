"""Several checkpoints, a page each: named, loaded when asked for, two in memory, one that fails said in a sentence."""

from collections.abc import Iterator

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.pages import OtherPages, slugs
from app.ui import choices, offered
from latentface.checkpoints import ASSETS, CheckpointError, load_pipeline


def test_every_checkpoint_but_the_first_gets_its_own_slug():
    assert slugs(["explorer", "explorer-cc0", "runs/a/pipeline", "runs a/pipeline", "runs-a-pipeline", "../.."]) == {
        "explorer-cc0": "explorer-cc0", "runs-a-pipeline": "runs/a/pipeline", "runs-a-pipeline-2": "runs a/pipeline",
        "runs-a-pipeline-3": "runs-a-pipeline", "checkpoint": "../..",
    }  # fmt: skip


def test_addresses_do_not_tell_where_a_checkpoint_lies(tmp_path):
    run = tmp_path / "mine"
    assert slugs(["explorer", str(run), str(run / "pipeline")]) == {"mine": str(run), "mine-2": str(run / "pipeline")}


def test_the_bundled_checkpoints_are_offered_behind_those_asked_for_and_each_once():
    assert offered([]) == ["explorer", "explorer-cc0"]
    assert offered(["explorer-cc0", "runs/mine"]) == ["explorer-cc0", "runs/mine", "explorer"]
    assert offered([], ["runs/mine", "explorer"]) == ["explorer", "explorer-cc0", "runs/mine"]
    assert offered([str(ASSETS / "explorer-cc0")]) == [str(ASSETS / "explorer-cc0"), "explorer"]


def test_links_lead_from_every_page_to_every_other():
    others = slugs(["explorer", "explorer-cc0"])
    there = {choice.name: (choice.address, choice.here) for choice in choices("explorer", others, "explorer")}
    assert there == {"explorer": ("./", True), "explorer-cc0": ("./with/explorer-cc0/", False)}
    there = {choice.name: (choice.address, choice.here) for choice in choices("explorer", others, "explorer-cc0")}
    assert there == {"explorer": ("../../", False), "explorer-cc0": ("../../with/explorer-cc0/", True)}


@pytest.fixture
def client() -> Iterator[tuple[TestClient, list[str]]]:
    """A server with the pages a and b, and broken, which does not load; and which have been loaded, in order."""
    loaded = []

    def page(checkpoint: str) -> gr.Blocks:
        if checkpoint == "broken":
            raise CheckpointError("the checkpoint <broken> does not load")
        loaded.append(checkpoint)
        with gr.Blocks(title=f"page {checkpoint}") as demo:
            word = gr.Textbox()
            word.submit(lambda word: f"{checkpoint} says {word}", word, word, api_name="say")
        return demo

    pages = Middleware(
        OtherPages, first="first", others=slugs(["first", "a", "b", "broken"]), page=page, options={"ssr_mode": False}
    )
    app = Starlette(routes=[Route("/{rest:path}", lambda request: PlainTextResponse("first"))], middleware=[pages])
    with TestClient(app) as client:
        yield client, loaded


def test_a_page_is_loaded_when_it_is_asked_for_and_answers(client):
    client, loaded = client
    assert client.get("/").text == "first" and not loaded
    assert "page a" in client.get("/with/a").text and loaded == ["a"]  # sent on to /with/a/
    assert client.get("/with/a/config").json()["title"] == "page a" and loaded == ["a"]
    sent = client.post("/with/a/gradio_api/call/say", json={"data": ["hello"]}).json()
    answer = client.get(f"/with/a/gradio_api/call/say/{sent['event_id']}").text
    assert "a says hello" in answer


def test_of_the_others_one_stays_in_memory(client):
    client, loaded = client
    client.get("/with/a/")
    assert "page b" in client.get("/with/b/").text
    gone = client.get("/with/a/config")
    assert gone.status_code == 503 and "load the page again" in gone.text and loaded == ["a", "b"]
    assert client.get("/with/b/config").status_code == 200
    assert "page a" in client.get("/with/a/").text and loaded == ["a", "b", "a"]


def test_a_checkpoint_that_fails_is_said_in_a_sentence_and_the_page_before_stays(client):
    client, _ = client
    client.get("/with/a/")
    failed = client.get("/with/broken/")
    assert failed.status_code == 503 and "The checkpoint &lt;broken&gt; does not load." in failed.text
    assert client.get("/with/a/config").status_code == 200


def test_a_page_that_fails_does_not_tell_where_checkpoints_lie(tmp_path):
    broken = tmp_path / "my runs" / "broken"
    broken.mkdir(parents=True)
    (broken / "model_index.json").write_text("{")

    def page(checkpoint: str) -> gr.Blocks:
        load_pipeline(checkpoint)
        raise AssertionError("it loads")

    pages = Middleware(OtherPages, first=str(tmp_path / "first"), others={"b": str(broken)}, page=page, options={})
    with TestClient(Starlette(middleware=[pages])) as client:
        said = client.get("/with/b/").text
    assert "The checkpoint broken does not load: " in said and "Back to first<" in said
    assert "my runs" not in said and str(tmp_path) not in said


def test_a_run_is_loaded_anew_when_asked_for_and_only_where_its_weights_are_newer(tmp_path):
    (tmp_path / "model_index.json").write_text("{}")
    weights = tmp_path / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(b"1")
    loaded = []

    def page(checkpoint: str) -> gr.Blocks:
        loaded.append(weights.read_bytes())
        with gr.Blocks() as demo:
            gr.Markdown("page")
        return demo

    pages = Middleware(OtherPages, first="first", others={"run": str(tmp_path)}, page=page, options={"ssr_mode": False})
    with TestClient(Starlette(middleware=[pages])) as client:
        for _ in range(2):
            assert client.get("/with/run/?load=newest").url.query == b"" and loaded == [b"1"]
        weights.write_bytes(b"2")
        client.get("/with/run/")
        assert loaded == [b"1"]  # who reads on is left in peace
        client.get("/with/run/?load=newest")
        assert loaded == [b"1", b"2"]


def test_other_addresses_are_the_first_pages(client):
    client, loaded = client
    for path in ("/with/", "/with/unknown/", "/with/../a/", "/withab/"):
        assert client.get(path).text == "first"
    assert not loaded
