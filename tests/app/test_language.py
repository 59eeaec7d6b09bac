"""The page in other languages: catalogues are whole, sentences are found in the sources, pages get the script."""

import json
import re
from dataclasses import astuple

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.language.catalogue import catalogue, files, with_languages
from app.language.first import LanguageFirst
from app.pages import FAILED
from app.waiting import LOADING, PAGE
from tools.sentences import python_source, script_source
from tools.sentences.check import problems
from tools.sentences.markup import keys
from tools.sentences.sources import gather, is_sentence


@pytest.mark.parametrize("file", files().values(), ids=lambda file: file.stem)
def test_a_catalogue_has_every_sentence_of_the_sources_and_no_other(file):
    found, allowed = gather()
    assert len(found) > 1000
    given = problems(catalogue(file)["sentences"], found, allowed)
    assert astuple(given) == ([], [], []), "python -m tools.sentences says more"


def test_what_is_wrong_with_a_catalogue_is_told():
    found = {"Draw": "a.py", "{1} faces": "b.py", "Keep <1>this</1>": "c.py"}
    said = {"Draw": "", "{1} faces": "{2}", "Keep <1>this</1>": "<1>x", "Gone": "x"}
    given = problems(said, found, found)
    assert astuple(given) == (["Draw"], ["Gone"], ["{1} faces", "Keep <1>this</1>"])


def test_sentences_are_read_off_python():
    source = '''
"""A docstring."""
ABOUT = f"On {len(faces)} photos. " + ("It was one." if one else "They were many.")
gr.Button("Draw again", elem_id="draw it", elem_classes="not read")
line("Look here")
found["some key"] == "some value"
print("to the console")
say(f"{count} face{'s' if count > 1 else ''} in {'one' if a else 'two'} clips")
'''
    told = {key for string in python_source.strings(source)[0] for key in keys(string)}
    assert {key for key in told if is_sentence(key)} == {
        "On {1} photos.", "It was one.", "They were many.", "Draw again", "Look here",
        "{1} face in one clips", "{1} faces in one clips", "{1} face in two clips", "{1} faces in two clips",
    }  # fmt: skip


def test_sentences_are_read_off_scripts():
    source = r"""
// "not this one"
find(".said").textContent = left > 1 ? `${left} steps ${done ? "left" : "to go"}.` : "The last step.";
const quoted = /["'] no string/, more = "It's \"here\"";
box.innerHTML = `<div class="head"><button title="Come nearer">+</button></div>`;
"""
    told = {key for string in script_source.strings(source)[0] for key in keys(string)}
    assert {key for key in told if is_sentence(key)} == {
        "{1} steps left.", "{1} steps to go.", "The last step.", 'It\'s "here"', "Come nearer",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Every **face** is [[frozen|held]] by `{name}`.", ["Every <1>face</1> is <2>held</2> by <3>{1}</3>."]),
        ("# Title\nA line\nbroken.\n\n- One\n- Two", ["Title", "A line broken.", "One", "Two"]),
        ("<p>It looks at <b>you</b>.</p><p><b>Alone</b></p>", ["It looks at <1>you</1>.", "Alone"]),
        ("<label>Light <select><option>as it is</option></select></label>", ["Light", "as it is"]),
        ("identity(A) * strength * more", ["identity(A) * strength * more"]),
    ],
)
def test_sentences_are_blocks_with_their_marks_numbered(text, found):
    assert [key for key in keys(text) if key] == found


def test_pages_begin_with_the_script_of_languages_and_nothing_else_is_touched():
    async def page(request):
        return HTMLResponse("<head><base href='./'><script>first()</script></head>")

    async def data(request):
        return JSONResponse({"html": "<script"})

    routes = [Route("/", page), Route("/data/", data)]
    client = TestClient(Starlette(routes=routes, middleware=[Middleware(LanguageFirst)]))
    answer = client.get("/")
    assert answer.text.startswith("<head><base href='./'><script>\n{\nconst LANGUAGES = ")
    assert answer.text.endswith("<script>first()</script></head>")
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert '"address": "gradio_api/file=' in answer.text
    assert client.get("/data/").json() == {"html": "<script"}


@pytest.mark.parametrize(
    "page",
    [
        PAGE.format(again="", title="One moment", why=LOADING),
        FAILED.format(why="The checkpoint a&amp;b does not load: its a/b is missing.", first="explorer"),
    ],
)
def test_pages_before_gradio_carry_the_sentences_that_they_need(page):
    whole = with_languages(page)
    [languages] = re.findall(r"const LANGUAGES = (.*);\n", whole)
    held = json.loads(languages)["zh"]["sentences"]
    assert 2 <= len(held) < 60
    assert {"One moment", LOADING} <= set(held) or {"Back to {1}", "its {1}/{2} is missing"} <= set(held)
