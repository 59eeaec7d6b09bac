"""The block x factor matrix: what it says of toy codes, of the bundled checkpoint, and the moves of one block."""

import json
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentface.checkpoints import ASSETS
from latentface.disentanglement import (
    BLOCKS,
    FACTORS,
    OWN,
    Matrix,
    code_blocks,
    directions,
    elsewhere,
    exchange,
    how_judged,
    neighbours,
    read_matrix,
    sentences,
    separation,
    summary,
)
from latentface.results import read_comparison
from tests.helpers import random_codes, tiny_pipeline


@pytest.mark.parametrize(
    ("kind", "factor", "words"),
    [("perfect", "alone", "lie apart"), ("random", "not", "looks random"), ("entangled", "both", "entangled: both")],
)
def test_the_matrix_says_what_toy_codes_are(kind, factor, words):
    matrix = read_matrix(ASSETS / "results" / f"toy_{kind}.json")
    found = {name: separation(matrix, name) for name in matrix.factors if name != "retrieval"}
    assert found == dict.fromkeys(found, factor) and len(found) == 6
    assert words in summary(matrix)


def test_what_is_said_of_the_bundled_checkpoint_comes_from_its_files():
    matrix = read_matrix(ASSETS / "explorer" / "leakage_test.json")
    said = sentences(matrix)
    assert f"{matrix.score('expression', 'expression'):.2f} from the expression part" in said[1]
    assert separation(matrix, "identity") == "both" and "partly entangled" in summary(matrix)


def matrix_of(spread: float, **scores: float) -> Matrix:
    """A matrix of chance, but for scores by factor_block, all with one spread over people."""
    results: dict = {f"{f}_from_{b}": 0.0 for f in FACTORS for b in BLOCKS}
    results |= {f"sd_{f}_{b}": spread for f in FACTORS for b in BLOCKS}
    results |= {key.replace("__", "_from_"): value for key, value in scores.items()}
    return Matrix(list(BLOCKS), list(FACTORS), results)


@given(st.floats(0.001, 0.1), st.floats(0.01, 3), st.floats(0.01, 3))
def test_verdicts_follow_from_the_spread_alone(spread, own, other):
    """In units of the margin: beyond 1 a part tells, beyond the square root of 2 apart one tells better."""
    unit = matrix_of(spread).margin * spread
    found = matrix_of(spread, identity__identity=own * unit, identity__expression=other * unit)
    verdict = separation(found, "identity")
    if own <= 0.99 and other <= 0.99:
        assert verdict == "not"
    elif own > 1.01 and other <= 0.99:
        assert verdict == "alone"
    elif other > 1.01 and (own <= 0.99 or other - own > 1.42):
        assert verdict == "elsewhere"
    elif own > 1.01 and other > 1.01 and other - own < 1.41:
        assert verdict == "both"
    assert {separation(found, factor) for factor in OWN if factor != "identity"} == {"not"}


def test_a_leak_is_said_as_a_share_of_what_the_whole_code_tells():
    found = matrix_of(0.001, identity__full=0.8, identity__identity=0.8, identity__expression=0.2,
                      expression__full=0.5, expression__expression=0.5, expression__identity=0.2)  # fmt: skip
    assert "expression part tells 25\u00a0%" in summary(found) and "identity part 40\u00a0%" in summary(found)
    assert "0.20 from the expression part (25\u00a0%)" in sentences(found)[0]
    assert f"{found.margin:.1f} standard deviations" in how_judged(found)


def test_verdicts_without_a_spread_are_said_to_be_perhaps_chance():
    found = matrix_of(0.01, identity__identity=0.001)
    assert "may be chance" not in how_judged(found) and separation(found, "identity") == "not"
    for key in [key for key in found.results if key.startswith("sd_")]:
        del found.results[key]
    assert separation(found, "identity") == "alone"
    said = how_judged(found)
    assert "may be chance" in said and "without their spread" in said and "standard deviations" not in said


def test_contradictions_are_said_and_only_those():
    comparison = read_comparison()
    assert comparison is not None
    found = comparison.results["methods"]["explorer"]
    for part in ("exp", "id"):
        for code in ("shape", "texture"):
            found[f"fer2013_linear_{part}_{code}"] = {"exp": 0.5, "id": 0.4}[part]
            found[f"lfw_similarity_{part}_{code}"] = 0.6
    found |= {"lfw_similarity_exp_texture": 0.61, "lfw_n": 100_000}
    fer, lfw = elsewhere(comparison, "explorer")
    assert "contradicts" not in fer and "50.0 %" in fer
    assert lfw.endswith("the expression part of texture tells them better.") and "61.0 %" in lfw
    found["lfw_n"] = 3000  # the same difference is chance among few pairs: 0.8 of its standard deviation
    assert "contradicts" not in elsewhere(comparison, "explorer")[1]
    assert elsewhere(comparison, "someone's") == []


@pytest.mark.parametrize(
    "odd",
    [{"people": "600"}, {"n": [1]}, {"config": "explorer"}, {"sd_identity_identity": "x"}, {"hsic_view_yaw": "y"},
     {"identity_chance": 1}, {"yaw_chance": None}],
)  # fmt: skip
def test_a_file_of_others_whose_numbers_are_none_is_no_matrix(tmp_path, odd):
    file, results = tmp_path / "x.json", json.loads((ASSETS / "explorer" / "leakage_test.json").read_text())
    file.write_text(json.dumps(results))
    assert read_matrix(file).results == results
    file.write_text(json.dumps(results | odd))
    with pytest.raises(ValueError, match="is no result"):
        read_matrix(file)


def test_a_file_that_is_no_matrix(tmp_path):
    for content in ("{", "[]", '{"identity_from_full": 1}', json.dumps({"identity_from_identity": "x"})):
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(ValueError, match="no result of"):
            read_matrix(tmp_path / "x.json")


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(list(BLOCKS)), st.integers(0, 1000))
def test_exchanging_a_block_moves_that_block_alone(block, seed):
    pipeline, codes = tiny_pipeline(), random_codes(2, seed)
    a, b = codes[:1], codes[1:]
    after = exchange(pipeline, a, b, block)
    moved = {f.name for f in fields(a) if not torch.allclose(getattr(after, f.name), getattr(a, f.name), atol=1e-4)}
    whole = {"full": {"shape", "texture", "view", "light"}, "identity": {"shape", "texture"}}
    whole["expression"] = whole["identity"]
    assert moved == whole.get(block, {block.rpartition("_")[2]})


def test_both_parts_of_a_code_exchanged_are_the_code_exchanged():
    pipeline, codes = tiny_pipeline(), random_codes(2)
    a, b = codes[:1], codes[1:]
    both = exchange(pipeline, a, b, "id_shape").shape + exchange(pipeline, a, b, "exp_shape").shape - a.shape
    torch.testing.assert_close(both, b.shape, atol=1e-4, rtol=0)


def test_the_nearest_by_one_block_is_the_face_itself():
    blocks = code_blocks(tiny_pipeline(), random_codes(30))
    assert set(blocks) == set(BLOCKS)
    for values in blocks.values():
        assert neighbours(values, values[7], 3)[0] == 7 and len(neighbours(values, values[7], 3)) == 3


@pytest.mark.parametrize("block", BLOCKS)
def test_a_film_moves_its_block_alone_and_begins_at_the_average(block):
    pipeline, codes = tiny_pipeline(), random_codes(40)
    films = directions(pipeline, codes, code_blocks(pipeline, codes), block, 2, [-1.0, 0.0, 1.0])
    average = pipeline.frontal(codes.face.mean(0, keepdim=True))
    assert len(films) == 2
    for film in films:
        torch.testing.assert_close(film[1:2].face, average.face)
        moved = {f.name for f in fields(film) if (getattr(film, f.name) - getattr(average, f.name)).abs().max() > 1e-3}
        whole = {"full": {"shape", "texture", "view", "light"}, "identity": {"shape", "texture"}}
        whole["expression"] = whole["identity"]
        assert moved <= whole.get(block, {block.rpartition("_")[2]}) and moved
        torch.testing.assert_close(film[2:].face + film[:1].face, 2 * average.face, atol=1e-4, rtol=1e-4)
