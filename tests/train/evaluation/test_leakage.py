"""The leakage suite on perfect, random and fully entangled codes; its probes and metrics against naive twins."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from latentface.sprites import Sprites
from tests.helpers import drawn_face, tiny_pipeline, webp, write_truth
from train.__main__ import main
from train.data.blendshapes import BLENDSHAPES
from train.evaluation.answers import Answers
from train.evaluation.expressions import action_weights, known_factors, named_expressions, truth_by
from train.evaluation.leakage import PARTS, fold_of, later_half, leakage, read_faces
from train.evaluation.metrics.dci import dci
from train.evaluation.metrics.hsic import dependence, gaussian_kernel, hsic, same_kernel
from train.evaluation.metrics.scores import balanced_accuracy, correlation, r2
from train.evaluation.probe_heads.cross_validated import (
    PENALTIES,
    discriminant_by_folds,
    discriminants,
    ridge_by_folds,
    ridges,
)
from train.evaluation.probe_heads.neighbours import nearest
from train.evaluation.read_examples import drawn

PEOPLE, FRAMES = 24, 20


def world(seed: int = 0):
    """Independent factors of PEOPLE x FRAMES frames, a person's embedding among them, and person and clip."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    person = torch.arange(PEOPLE).repeat_interleave(FRAMES)
    embedding = draw(PEOPLE, 8)[person]
    chosen = torch.randint(3, (len(person),), generator=generator)
    actions = draw(len(person), 4) * 0.1
    actions[:, 0] += (chosen == 1).float()
    actions[:, 1] += (chosen == 2).float()
    factors = {"actions": actions, "expression": chosen, "yaw": draw(len(person), 1), "pitch": draw(len(person), 1)}
    return embedding, {**factors, "light": draw(len(person), 4)}, person, person.clone()


def scores(blocks: dict, factors: dict, person, clip) -> dict:
    blocks = {**blocks, "full": torch.cat([blocks[name] for name in PARTS], 1)}
    return leakage(blocks, factors, person, clip)


def test_a_perfect_code():
    embedding, factors, person, clip = world()
    view = torch.cat([factors["yaw"], factors["pitch"]], 1)
    blocks = {"identity": embedding, "expression": factors["actions"], "view": view, "light": factors["light"]}
    found = scores(blocks, factors, person, clip)
    assert found["identity_from_identity"] == found["retrieval_from_identity"] == 1
    assert found["expression_from_expression"] > 0.98 and found["actions_from_expression"] > 0.999
    assert found["actions_corr_from_expression"] > 0.999
    assert min(found["yaw_from_view"], found["pitch_from_view"], found["light_from_light"]) > 0.999
    assert found["identity_chance"] == pytest.approx(1 / PEOPLE) and found["expression_chance"] == pytest.approx(1 / 3)
    assert found["identity_leak"] < 2.5 and found["expression_leak"] < 1.25  # chance, within its spread
    for wrong in ("identity_from_view", "identity_from_light", "retrieval_from_expression", "retrieval_from_view"):
        assert found[wrong] < 0.12
    for wrong in ("actions_from_identity", "yaw_from_identity", "light_from_view", "pitch_from_expression"):
        assert found[wrong] < 0.03
    assert (
        found["dci_informativeness"] > 0.99 and found["dci_disentanglement"] > 0.9 and found["dci_completeness"] > 0.9
    )
    assert found["hsic_identity_identity"] > 0.3 and found["hsic_expression_actions"] == pytest.approx(1)
    assert found["hsic_light_light"] == pytest.approx(1) and found["hsic_view_yaw"] > 0.3
    for block, factor in itertools.product(PARTS, ("identity", "actions", "yaw", "light")):
        if (block, factor) not in (
            ("identity", "identity"),
            ("expression", "actions"),
            ("view", "yaw"),
            ("light", "light"),
        ):
            assert abs(found[f"hsic_{block}_{factor}"]) < 0.03, (block, factor)


def test_a_random_code():
    _, factors, person, clip = world()
    generator = torch.Generator().manual_seed(5)
    found = scores({name: torch.randn(len(person), 12, generator=generator) for name in PARTS}, factors, person, clip)
    for block in (*PARTS, "full"):
        assert found[f"identity_from_{block}"] < 0.12 and found[f"retrieval_from_{block}"] < 0.12
        assert found[f"expression_from_{block}"] < 0.45
        for name in ("actions", "yaw", "pitch", "light"):
            assert -0.2 < found[f"{name}_from_{block}"] < 0.05
    assert found["dci_informativeness"] < 0.05
    assert all(abs(value) < 0.03 for name, value in found.items() if name.startswith("hsic_"))


def test_an_entangled_code():
    embedding, factors, person, clip = world()
    everything = torch.cat([embedding, factors["actions"], factors["yaw"], factors["pitch"], factors["light"]], 1)
    generator = torch.Generator().manual_seed(6)
    turns = [torch.linalg.qr(torch.randn(18, 18, generator=generator)).Q for _ in PARTS]
    found = scores({name: everything @ turn for name, turn in zip(PARTS, turns, strict=True)}, factors, person, clip)
    for block in PARTS:
        assert found[f"identity_from_{block}"] > 0.95 and found[f"expression_from_{block}"] > 0.95
        assert min(found[f"{name}_from_{block}"] for name in ("actions", "yaw", "pitch", "light")) > 0.99
    assert found["identity_leak"] > 0.9 * PEOPLE and found["expression_leak"] > 2.8
    assert found["dci_informativeness"] > 0.95
    assert found["dci_disentanglement"] < 0.01 and found["dci_completeness"] < 0.01
    assert found["hsic_light_identity"] > 0.01 and found["hsic_identity_light"] > 0.05


def test_too_few_people_or_frames():
    embedding, factors, person, clip = world()
    blocks = dict.fromkeys((*PARTS, "full"), embedding)
    for rows in (torch.arange(3 * FRAMES), torch.arange(0, PEOPLE * FRAMES, FRAMES)):
        with pytest.raises(ValueError, match="four people or more"):
            part = {k: v[rows] for k, v in factors.items()}
            leakage({k: v[rows] for k, v in blocks.items()}, part, person[rows], clip[rows])


# What is taken for what


def test_held_out_frames_are_later_clips_or_the_later_half():
    person = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 2, 2])
    clip = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 3, 4])
    assert later_half(person, clip).tolist() == [False, False, False, True, True, False, False, True, False, True]
    assert fold_of(torch.tensor([3, 3, 3, 3, 3, 3, 3, 3, 1, 1])).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 0, 2]


def test_expressions_are_named_by_their_strongest_actions():
    rng = np.random.default_rng(0)
    rows = []
    for i in range(90):
        row = dict.fromkeys(
            ("mouthSmileLeft", "mouthSmileRight", "jawOpen", "browInnerUp"), 0.1 + 0.02 * float(rng.random())
        )
        if i % 3:
            row |= {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.8} if i % 3 == 1 else {"jawOpen": 0.7}
        rows.append({"expression": row, "pose": [1, 2, 3]})
    factors, classes = known_factors(rows)
    assert classes == ["plain", "smile", "open"] and (factors["expression"] == torch.arange(90) % 3).all()
    assert set(factors) == {"actions", "expression", "yaw", "pitch"} and factors["pitch"][0].item() == 2
    weights, names = action_weights(rows)
    assert names == ["jawOpen", "mouthSmileLeft", "mouthSmileRight"] and weights.shape == (
        90,
        3,
    )  # the brows hardly move
    still = torch.rand(200, 3)
    still[0, 0] = 50  # one open mouth among 200 is no class
    assert "open" not in named_expressions(still, names)[1]


def test_pseudo_labels_come_as_a_list():
    assert (
        len(BLENDSHAPES) == 52
        and BLENDSHAPES[25] == "jawOpen"
        and BLENDSHAPES[44:46] == ["mouthSmileLeft", "mouthSmileRight"]
    )
    rows = [{"blend": [0.0] * 25 + [i / 9] + [0.0] * 26} for i in range(10)]
    weights, names = action_weights(rows)
    assert names == ["jawOpen"] and weights[9].item() == 1
    with pytest.raises(ValueError, match="no expression"):
        action_weights([{"person": 1}] * 3)


def test_the_nearest_neighbour_by_hand():
    gallery, owner = torch.tensor([[1.0, 0], [0, 1], [-1, -1]]), torch.tensor([0, 1, 2])
    query = torch.tensor([[5.0, 0.5], [0.2, 2], [-3, -2], [4, 1]])
    taken = nearest(gallery, query, 1)[:, 0]
    found = Answers("retrieval", torch.arange(4), torch.tensor([0, 1, 2, 1]), owner[taken], taken)
    assert found.score() == 0.75 and found.misses().tolist() == [0, 0, 0, 1]


@given(st.integers(0, 1000), st.sampled_from(["retrieval", "expression", "yaw"]))
@settings(max_examples=12, deadline=None)
def test_the_spread_is_that_of_people_drawn_anew(seed, factor):
    """Against a loop over draws: the frames of a person who is drawn twice count twice."""
    rng = torch.Generator().manual_seed(seed)
    person = torch.arange(8).repeat_interleave(6)
    if factor == "yaw":
        truth = torch.randn(48, 2, generator=rng).double()
        said = truth + torch.randn(48, 2, generator=rng).double()
    else:
        truth = torch.randint(3, (48,), generator=rng)
        said = torch.where(torch.rand(48, generator=rng) < 0.6, truth, torch.randint(3, (48,), generator=rng))
    found = Answers(factor, torch.arange(48), truth, said).spread(person, seed, 3000)
    naive = []
    for chosen in torch.randint(8, (3000, 8), generator=rng):
        rows = torch.cat([(person == name).nonzero().flatten() for name in chosen])
        naive.append(Answers(factor, rows, truth[rows], said[rows]).score())
    assert found == pytest.approx(float(torch.tensor(naive).std()), rel=0.08)


@given(st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_the_spread_of_identity_is_of_its_balanced_score(seed):
    """People have 1 to 15 frames: against a loop over draws in which everybody drawn is a class of their own."""
    rng = torch.Generator().manual_seed(seed)
    person = torch.arange(8).repeat_interleave(torch.tensor([1, 2, 2, 3, 6, 9, 12, 15]))
    said = torch.where(torch.rand(50, generator=rng) < 0.6, person, torch.randint(8, (50,), generator=rng))
    whole = Answers("identity", torch.arange(50), person, said)
    assert whole.score() == pytest.approx(balanced_accuracy(said, person))
    naive = []
    for chosen in torch.randint(8, (3000, 8), generator=rng):
        one_each = [(person == name).nonzero().flatten() for name in chosen]
        truth = torch.arange(8).repeat_interleave(torch.tensor([len(rows) for rows in one_each]))
        right = torch.cat([said[rows] == person[rows] for rows in one_each])
        naive.append(balanced_accuracy(torch.where(right, truth, -1), truth))
    assert whole.spread(person, seed, 3000) == pytest.approx(float(torch.tensor(naive).std()), rel=0.08)


def test_who_tells_age_and_skin():
    rows = [{"expression": {"jawOpen": i / 9}, "age": 20 + i, "skin": i / 10, "ancestry": {}} for i in range(10)]
    found = known_factors(rows)[0]
    assert found["age"].flatten().tolist() == list(range(20, 30)) and found["skin"].shape == (10, 1)
    assert truth_by(rows) == "engine" and truth_by([*rows, {"blend": []}]) == "judges"
    assert "age" not in known_factors([*rows, {"expression": {"jawOpen": 1}}])[0]


def test_examples_are_drawn_in_one_order_for_all_cells():
    order = torch.tensor([3, 0, 2, 1, 5, 4])  # frame 1 comes first, then 3, 2, 0, 5, 4
    named = Answers("expression", torch.arange(6), torch.tensor([0, 0, 1, 1, 0, 1]), torch.tensor([0, 1, 1, 1, 0, 0]))
    assert drawn(named, order) == {"right": [3, 2, 0], "wrong": [1, 5]}
    read = Answers("yaw", torch.arange(6), torch.arange(6.0)[:, None], torch.tensor([[0.0], [1], [9], [3.1], [4], [9]]))
    assert drawn(read, order) == {"right": [1, 0, 4][:3], "wrong": [2, 5]}
    sure = Answers("yaw", torch.arange(6), torch.arange(6.0)[:, None], torch.arange(6.0)[:, None])
    assert drawn(sure, order)["wrong"] == []


# Naive twins


def table(rows: int, columns: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_ridge_against_the_normal_equations():
    x, y, test = table(30, 5, 0), table(30, 2, 1), table(7, 5, 2)
    mean, std = x.mean(0), x.std(0, correction=0)
    scaled = (x - mean) / std
    for strength, found in zip((0.1, 10.0), ridges(x, y, test, (0.1, 10.0)), strict=True):
        matrix = scaled.T @ scaled / 30 + strength * torch.eye(5)
        weight = torch.linalg.solve(matrix, scaled.T @ (y - y.mean(0)) / 30)
        torch.testing.assert_close(found, (test - mean) / std @ weight + y.mean(0))


def test_discriminant_against_distances():
    """LDA with equal priors answers the class whose mean is nearest by the (strengthened) within-class covariance."""
    label = torch.tensor([0, 2, 5] * 12)
    x = table(36, 4, 3) + table(6, 4, 4)[label]
    test = table(25, 4, 5) * 2
    mean, std = x.mean(0), x.std(0, correction=0)
    scaled, asked = (x - mean) / std, (test - mean) / std
    means = {c: scaled[label == c].mean(0) for c in (0, 2, 5)}
    within = sum((row - means[int(c)]).outer(row - means[int(c)]) for row, c in zip(scaled, label, strict=True)) / 36
    for strength, found in zip((0.01, 1.0), discriminants(x, label, test, (0.01, 1.0)), strict=True):
        inverse = torch.linalg.inv(within + strength * torch.eye(4))
        expected = [min(means, key=lambda c: float((row - means[c]) @ inverse @ (row - means[c]))) for row in asked]
        assert found.tolist() == expected
    assert len(set(expected)) == 3


def test_discriminant_is_scikit_learns_for_classes_of_equal_size():
    """Shrinkage a of its covariance S towards the mean variance m is S + a m / (1 - a), up to a factor."""
    label = torch.arange(3).repeat(14)
    x, test = table(42, 4, 3) + table(3, 4, 4)[label], table(80, 4, 5) * 2
    x = (x - x.mean(0)) / x.std(0, correction=0)
    within = x - torch.stack([x[label == c].mean(0) for c in range(3)])[label]
    middle = float((within.square().mean(0)).mean())
    for penalty, found in zip((0.01, 1.0), discriminants(x, label, test, (0.01, 1.0)), strict=True):
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=penalty / (penalty + middle))
        assert found.tolist() == model.fit(x.numpy(), label.numpy()).predict(test.numpy()).tolist()


def test_the_strength_is_chosen_without_the_test_rows():
    """Among 36 columns and 40 rows, least squares fails; the chosen strength does about what is possible."""
    x, groups = table(40, 36, 7), torch.arange(40)
    y = 2 * x[:, :1] + 0.5 * table(40, 1, 8)
    test = table(200, 36, 9)
    truth = 2 * test[:, :1]
    weakest = ridges(x, y, test, PENALTIES[:1])[0]
    assert r2(ridge_by_folds(x, y, groups, test), truth) > r2(weakest, truth) + 0.1
    nothing = table(40, 1, 10)
    assert (
        r2(ridge_by_folds(x, nothing, groups, test), table(200, 1, 11)) > -0.15
    )  # says little where there is nothing to say
    label = (x[:, 0] > 0).long() * 3
    assert balanced_accuracy(discriminant_by_folds(x, label, groups, test), (test[:, 0] > 0).long() * 3) > 0.65


def test_a_constant_column_and_an_unseen_class_do_no_harm():
    x, label = table(20, 3, 0), torch.tensor([0, 1] * 10)
    x[:, 1] = 4.0
    test = table(6, 3, 1)
    assert ridge_by_folds(x, x[:, :1], torch.arange(20), test).isfinite().all()
    assert set(discriminant_by_folds(x, label * 7, torch.arange(20), test).tolist()) <= {0, 7}


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_scores_against_numpy(seed):
    one, two = table(12, 3, seed), table(12, 3, seed + 1)
    two[:, 2] = 1.0
    a, b = one.numpy(), two.numpy()
    for k in range(2):
        assert correlation(one, two)[k].item() == pytest.approx(np.corrcoef(a[:, k], b[:, k])[0, 1])
        assert r2(one, two)[k].item() == pytest.approx(
            1 - ((a[:, k] - b[:, k]) ** 2).sum() / ((b[:, k] - b[:, k].mean()) ** 2).sum()
        )
    assert correlation(one, two)[2] == 0 and r2(two, two)[:2].tolist() == [1, 1]
    label, said = torch.tensor([0, 0, 0, 1, 4]), torch.tensor([0, 0, 1, 1, 0])
    assert balanced_accuracy(said, label) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_hsic_against_all_quadruples():
    """The unbiased estimator is the mean of k_ij (l_ij + l_qr - 2 l_iq) over quadruples of different rows."""
    one, other = gaussian_kernel(table(7, 2, 0)), gaussian_kernel(table(7, 3, 1))
    values = [
        one[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q]) for i, j, q, r in itertools.permutations(range(7), 4)
    ]
    assert hsic(one, other).item() == pytest.approx(float(sum(values)) / len(values), rel=1e-9)


def test_the_kernels_by_hand():
    rows = torch.tensor([[0.0, 5], [1, 5], [3, 5]])  # the second column says nothing
    std = rows[:, 0].double().std(correction=0).item()
    middle = sorted([1, 4, 9])[1] / std**2
    kernel = gaussian_kernel(rows)
    assert kernel[0, 2].item() == pytest.approx(math.exp(-9 / std**2 / (2 * middle))) and kernel[1, 1] == 1
    assert same_kernel(torch.tensor([3, 3, 1])).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert dependence(torch.ones(5, 5), kernel.new_ones(5, 5)) == 0


def test_dependence_of_the_same_and_of_nothing():
    one, other = gaussian_kernel(table(200, 3, 0)), gaussian_kernel(table(200, 3, 1))
    assert dependence(one, one) == pytest.approx(1) and abs(dependence(one, other)) < 0.03


def test_dci_by_hand():
    disentangled, complete, weight = dci(torch.eye(3))
    assert disentangled.tolist() == complete.tolist() == [1, 1, 1] and weight.tolist() == pytest.approx([1 / 3] * 3)
    disentangled, complete, weight = dci(torch.ones(2, 3))
    assert disentangled.tolist() == pytest.approx([0, 0], abs=1e-9) and complete.tolist() == pytest.approx(
        [0, 0, 0], abs=1e-9
    )
    disentangled, complete, weight = dci(torch.tensor([[3.0, 1.0], [0.0, 0.0]]))
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert disentangled.tolist() == pytest.approx([1 - entropy, 0]) and complete.tolist() == [1, 1]
    assert weight.tolist() == [1, 0]
    assert [part.abs().sum() for part in dci(torch.zeros(2, 3))] == [0, 0, 0]


# The command


def clips(count: int, blend: bool = False):
    """Drawn faces with two clips a person, pose, light and expression; the thirteenth clip is a swap."""
    for index in range(count):
        rng = np.random.default_rng(index)
        person, factors = index // 2, []
        for frame in range(4):
            opened, smile = rng.random(2).round(3).tolist()
            said = {"expression": {"jawOpen": opened, "mouthSmileLeft": smile, "mouthSmileRight": smile}}
            if blend:
                said = {"blend": [0.0] * 25 + [opened] + [0.0] * 18 + [smile, smile] + [0.0] * 6}
            pose, light = rng.normal(0, 10, 3).tolist(), rng.random(4).tolist()
            factors.append({"person": f"{person:03d}", "frame": frame, "pose": pose, **said})
            if not blend:
                factors[-1] |= {"light": light, "age": 20.0 + person, "skin": person / 50}
            if index == 12:
                factors[-1]["swap"] = {"identity": "0", "expression": "1"}
        yield f"{index:03d}", [webp(drawn_face(40, person, frame)) for frame in range(4)], factors, None


def test_the_command(tmp_path):
    write_truth(clips(13), tmp_path / "set")
    tiny_pipeline(size=32).save_pretrained(tmp_path / "pipeline")
    codes, factors, person, clip = read_faces(tiny_pipeline(size=32), "truth", tmp_path / "set")
    assert len(factors) == len(codes.shape) == 48 and person.tolist() == [i // 8 for i in range(48)]
    assert clip.tolist() == [i // 4 for i in range(48)]
    arguments = [
        "--checkpoint",
        str(tmp_path / "pipeline"),
        "--data",
        f"truth:{tmp_path / 'set'}",
        "--out",
        str(tmp_path / "r.json"),
    ]
    assert main(["evaluate", "--suite", "leakage", *arguments]) == 0
    written = json.loads((tmp_path / "r.json").read_text())
    assert written["people"] == 6 and written["n"] == 48 and written["expressions"][0] == "plain"
    for factor in ("identity", "retrieval", "expression", "actions", "yaw", "pitch", "light", "age", "skin"):
        for block in ("shape", "texture", "id_shape", "exp_texture", "identity", "expression", "view", "light", "full"):
            assert isinstance(written[f"{factor}_from_{block}"], (int, float))
            assert written[f"sd_{factor}_{block}"] >= 0
    assert written["truth_by"] == "judges"
    assert Image.open(tmp_path / "r.png").size[0] > 900
    found = json.loads((tmp_path / "r_examples.json").read_text())
    sheets, cell = Sprites(**found["sheets"]), found["cells"]["view"]["identity"]
    assert cell["n"] == 24 and cell["right_n"] == round(24 * written["identity_from_view"])
    tile, words, taken = cell["wrong"][0]
    assert words.endswith("taken for") and not np.array_equal(sheets.read(tmp_path, tile), sheets.read(tmp_path, taken))


def test_training_shards_give_the_people_who_validate(tmp_path):
    write_truth(clips(84, blend=True), tmp_path / "set")  # 42 people: three of them validate
    _, factors, person, clip = read_faces(tiny_pipeline(size=32), "", tmp_path / "set")
    assert sorted({f["person"] for f in factors}) == ["000", "020", "040"]
    assert clip.tolist() == [i // 4 for i in range(24)] and set(known_factors(factors)[0]) == {
        "actions",
        "expression",
        "yaw",
        "pitch",
    }
