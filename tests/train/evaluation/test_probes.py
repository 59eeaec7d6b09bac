"""Probes on features whose worth is known: perfect, random and constant; and the whole suite at tiny size."""

import csv
import io
import json
import tarfile

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.linear_model import Ridge

from tests.helpers import drawn_face, tiny_pipeline, webp
from train.evaluation.datasets.crops import Crops
from train.evaluation.datasets.files import Stored
from train.evaluation.datasets.forms import Classes, Pairs, Pictures, Values
from train.evaluation.methods import Method, Variant
from train.evaluation.methods.checkpoint_label import label
from train.evaluation.metrics.scores import correlation, f1
from train.evaluation.probe_heads.logistic import PENALTIES, linear_probe
from train.evaluation.probe_heads.neighbours import knn_classes, knn_values, nearest
from train.evaluation.probe_heads.ridge import PENALTIES as RIDGES
from train.evaluation.probe_heads.ridge import ridge, ridge_path
from train.evaluation.probe_heads.scale import Scale
from train.evaluation.probe_heads.similarity import pair_features, similarity, threshold, whitened
from train.evaluation.probes import classes, pairs, protocol, suite
from train.evaluation.suites import evaluate

CLASSES, PEOPLE = 3, 12


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def draw(count: int, seed: int, width: int = 6) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def labelled(kind: str, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    label = torch.arange(count) % CLASSES
    noise = draw(count, seed)
    return {"perfect": noise + 9 * F.one_hot(label, 6), "random": noise, "constant": torch.ones(count, 6)}[kind], label


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("perfect", 0.999, 1), ("random", 0.25, 0.42), ("constant", 1 / 3, 1 / 3 + 1e-6)]
)
def test_classes_are_read_from_perfect_features_and_guessed_from_others(kind, least, most):
    (x, y), held, (test, truth) = (labelled(kind, n, seed) for seed, n in enumerate((300, 150, 600)))
    guess, right = linear_probe(x, y, held, test)
    assert least <= (guess == truth).float().mean() <= most + 1e-6 and right >= least
    near, _, k = knn_classes(x, y, held, test)
    assert least - 1e-6 <= (near == truth).float().mean() <= most + 1e-6 and k <= 50


@pytest.mark.slow
@pytest.mark.parametrize("width", [3, 90])
def test_a_linear_probe_is_logistic_regression(width):
    """Against gradient descent on the same objective, for the penalty that validation takes; with more numbers than
    rows too, and where numbers hang together."""
    x, y = draw(220, 0, width) @ (torch.eye(width) + 0.5 * draw(width, 1, width) / width**0.5), torch.arange(220) % 3
    x[:, :3] += F.one_hot(y, 3)
    (x, held, test), (y, held_y, _) = x.split([60, 60, 100]), y.split([60, 60, 100])
    scale, agree = Scale.of(x), []
    guess, right = linear_probe(x, y, (held, held_y), test)
    for penalty in PENALTIES:
        weight, bias = torch.zeros(width, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
        optimizer = torch.optim.SGD([weight, bias], lr=0.4)
        for _ in range(1500):
            optimizer.zero_grad()
            (F.cross_entropy(scale(x) @ weight + bias, y) + penalty / 2 * weight.square().sum()).backward()
            optimizer.step()
        agree.append(float(((scale(test) @ weight + bias).argmax(1) == guess).float().mean()))
        if agree[-1] == max(agree):
            naive = float(((scale(held) @ weight + bias).argmax(1) == held_y).float().mean())
    assert max(agree) > 0.98 and right == pytest.approx(naive, abs=0.02)


def test_a_linear_probe_standardises_and_weighs_by_what_tells():
    x = torch.cat([draw(400, 0, 2) * torch.tensor([1e4, 1e-3]), draw(400, 1, 2)], 1)
    y = (x[:, 1] > 0).long()  # only the tiny feature tells
    guess, _ = linear_probe(x[:200], y[:200], (x[200:300], y[200:300]), x[300:])
    assert (guess == y[300:]).float().mean() > 0.95


def test_nearest_is_cosine_over_standardised_features():
    x, queries = draw(40, 0) * 3 + 5, draw(7, 1) * 3 + 5
    mean, std = x.mean(0), x.std(0)
    naive = [[float(F.cosine_similarity((q - mean) / std, (row - mean) / std, dim=0)) for row in x] for q in queries]
    assert torch.equal(nearest(x, queries, 5), torch.tensor(naive).topk(5).indices)


def test_the_majority_decides_and_the_nearer_class_breaks_a_tie():
    x = torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [-1, 0.5], [0.2, -1]])
    y = torch.tensor([0, 0, 1, 1, 2])
    guess, _, k = knn_classes(x, y, (x, y), x)
    assert k == 1 and torch.equal(guess, y)  # each is its own nearest neighbour


def test_values_are_read_by_ridge_as_by_its_formula():
    x, weight = draw(200, 0), draw(6, 1, 2)
    y, held, test = x @ weight + 3, draw(50, 2), draw(80, 3)
    guesses, on_test = ridge(x, y, (held, held @ weight + 3), test)
    assert torch.allclose(guesses, held @ weight + 3, atol=1e-2) and torch.allclose(
        on_test, test @ weight + 3, atol=1e-2
    )
    noisy = y + draw(200, 4, 2) * 3
    scale = Scale.of(x)
    got = ridge(x, noisy, (held, held @ weight + 3), test)[1]
    z, t = scale(x).double(), (noisy - noisy.mean(0)).double()
    naive = [
        scale(test).double() @ torch.linalg.inv(z.T @ z + len(z) * r * torch.eye(6)) @ z.T @ t + noisy.mean(0)
        for r in RIDGES
    ]
    for column in range(2):
        assert any(torch.allclose(got[:, column].double(), option[:, column], atol=1e-4) for option in naive)


def test_ridge_with_more_numbers_than_rows_is_the_same_ridge():
    x, held = draw(30, 0, 40), draw(20, 1, 40)
    y, scale = draw(30, 2, 1), Scale.of(x)
    got = ridge(x, y, (held, held[:, :1]), held)[1].double()
    z, t = scale(x).double(), (y - y.mean(0)).double()
    naive = [
        scale(held).double() @ torch.linalg.solve(z.T @ z + 30 * r * torch.eye(40), z.T @ t) + y.mean(0) for r in RIDGES
    ]
    assert any(torch.allclose(got, option, atol=1e-4) for option in naive)


@pytest.mark.parametrize("width", [6, 90])
def test_ridge_is_scikit_learns(width):
    x, y, queries = draw(60, 0, width).double(), draw(60, 1, 2).double(), draw(9, 2, width).double()
    for penalty, (answer,) in zip(RIDGES, ridge_path(x, y, [queries], RIDGES), strict=True):
        model = Ridge(alpha=penalty * len(x), fit_intercept=False).fit(x.numpy(), y.numpy())
        assert np.allclose(answer.numpy(), model.predict(queries.numpy()), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("kind", ["random", "constant"])
def test_values_of_nothing_stay_near_the_mean(kind):
    x, held, test = (labelled(kind, n, seed)[0] for seed, n in enumerate((400, 200, 300)))
    y, y_held = draw(400, 9, 2) + 2, draw(200, 10, 2) + 2
    on_test = ridge(x, y, (held, y_held), test)[1]
    assert (on_test - 2).abs().max() < 0.6
    assert correlation(on_test, draw(300, 11, 2)).abs().max() < 0.2
    near = knn_values(x, y, (held, y_held), test)
    assert (near - 2).abs().mean() < 0.3


@pytest.mark.parametrize(("kind", "least", "most"), [("perfect", 1, 1), ("random", 0.4, 0.62), ("constant", 0.5, 0.5)])
def test_similarity_tells_the_same_person_where_features_do(kind, least, most):
    person = torch.arange(200) % 20
    base = {
        "perfect": draw(20, 0, 32)[person] + 0.05 * draw(200, 1, 32),
        "random": draw(200, 2, 32),
        "constant": torch.ones(200, 32),
    }
    a, b = torch.arange(200), torch.cat([(torch.arange(100) + 20) % 200, (torch.arange(100, 200) + 7) % 200])
    same, x = person[a] == person[b], base[kind]
    assert same.float().mean() == 0.5
    options = {s: similarity(x[a], x[b], s, x) for s in ("raw", "centred", "standardised")} | whitened(x[a], x[b], x)
    for scores in options.values():
        cut, _ = threshold(scores[::2], same[::2])
        assert least - 1e-6 <= ((scores[1::2] >= cut) == same[1::2]).float().mean() <= most + 1e-6


def test_the_threshold_is_the_best_there_is():
    generator = torch.Generator().manual_seed(0)
    for trial in range(30):
        scores = torch.randint(0, 6 + 10 * (trial % 2), (25,), generator=generator).float()
        same = torch.rand(25, generator=generator) < 0.5
        cut, right = threshold(scores, same)
        naive = max(float(((scores >= at) == same).float().mean()) for at in (*scores.tolist(), 99.0))
        assert right == pytest.approx(naive) == pytest.approx(float(((scores >= cut) == same).float().mean()))


def test_pair_features_do_not_know_an_order_and_tell_pairs_apart():
    a, b = draw(5, 0), draw(5, 1)
    assert torch.equal(pair_features(a, b), pair_features(b, a)) and pair_features(a, b).shape == (5, 18)
    assert torch.equal(pair_features(a, a)[:, :6], torch.zeros(5, 6))


def test_f1_and_correlation_as_written_out():
    said, true = torch.rand(60, 3) > 0.5, torch.rand(60, 3) > 0.7
    for column in range(3):
        s, t = said[:, column].tolist(), true[:, column].tolist()
        hits = sum(x and y for x, y in zip(s, t, strict=True))
        precision, recall = hits / sum(s), hits / sum(t)
        assert float(f1(said, true)[column]) == pytest.approx(2 * precision * recall / (precision + recall))
    a, b = torch.randn(60, 2), torch.randn(60, 2)
    assert np.allclose(correlation(a, b), [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(2)], atol=1e-5)
    assert f1(torch.zeros(4, 1) > 1, torch.zeros(4, 1) > 1) == 0 and correlation(torch.ones(4, 1), a[:4, :1]) == 0


# The suite. A picture's colour carries its label, its brightness the person.


def pictures(folder, colours: list[tuple[int, int, int]], form: str = "standard") -> Pictures:
    files = []
    for number, colour in enumerate(colours):
        Image.new("RGB", (20, 20), colour).save(folder / f"{number}.png")
        files.append(Stored(folder / f"{number}.png"))
    return Pictures([f"{n}.png" for n in range(len(colours))], files, form)


def colour_method(kind: str) -> Method:
    """Features that are the picture's mean colour, noise, or always the same."""

    def encode(images, variant):
        mean = images.mean((2, 3))
        seed = int((mean.sum() * 1e4).abs()) % 2**31
        noise = torch.randn(len(mean), 3, generator=torch.Generator().manual_seed(seed))
        return {"block": {"perfect": mean, "random": noise, "constant": torch.ones_like(mean)}[kind]}

    return Method(kind, "made up", [Variant(8)], encode)


@pytest.mark.parametrize(("kind", "least", "most"), [("perfect", 1, 1), ("random", 0.15, 0.55), ("constant", 0.3, 0.4)])
def test_the_class_probe(kind, least, most, tmp_path):
    count = 240
    label = np.arange(count) % CLASSES
    rng = np.random.default_rng(0)
    shown = [tuple(200 if c == own else int(rng.integers(20, 90)) for c in range(3)) for own in label]
    part = np.where(np.arange(count) < 160, "train", "test")
    task = Classes("made", pictures(tmp_path, shown), label, ["a", "b", "c"], part, np.arange(count) // 4)
    results = suite.probe(colour_method(kind), task, Crops(task.pictures, np.arange(160)), tmp_path / "r.json", 0)
    assert least <= results["made_linear"] <= most and least - 0.05 <= results["made_knn"] <= most + 0.05
    assert results["made_linear_block"] == "block" and results["made_n"] == 80 and results["made_n_train"] == 160
    assert results["made_chance"] == pytest.approx(27 / 80) and np.sum(results["made_confusion"]) == 80
    assert np.trace(results["made_confusion"]) / 80 == pytest.approx(results["made_linear"], abs=0.25)
    json.dumps(results)


def test_the_other_seeds_probe_the_headline_block_alone(tmp_path, monkeypatch):
    """A block that tells the class beside two that tell nothing: three fits of the first, one of each other."""
    label = np.arange(90) % CLASSES
    shown = [tuple(200 if c == own else 40 for c in range(3)) for own in label]
    part = np.where(np.arange(90) < 60, "train", "test")
    task = Classes("made", pictures(tmp_path, shown), label, ["a", "b", "c"], part, np.arange(90))

    def encode(images, variant):
        mean = images.mean((2, 3))
        return {"wide": torch.ones(len(mean), 7), "colour": mean, "narrow": torch.ones(len(mean), 2)}

    widths = []
    monkeypatch.setattr(
        classes, "linear_probe", lambda x, *rest: (widths.append(x.shape[1]), linear_probe(x, *rest))[1]
    )
    method, crops = Method("m", "made up", [Variant(8)], encode), Crops(task.pictures, np.arange(60))
    results = suite.probe(method, task, crops, tmp_path / "r.json", 0)
    assert sorted(widths) == [2, 3, 3, 3, 7] and results["made_linear_block"] == "colour"
    assert results["made_linear"] == results["made_linear_colour"] == 1 and results["made_linear_spread"] == 0
    assert results["made_linear_wide"] == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("perfect", 0.99, 1), ("random", 0.3, 0.7), ("constant", 0.5, 0.5)]
)
def test_the_pair_probe(kind, least, most, tmp_path):
    rng = np.random.default_rng(0)
    people = 40  # each 4 pictures of one colour
    base = rng.integers(30, 220, (people, 3))
    shown = [tuple(int(v) for v in base[n // 4] + rng.integers(-2, 3, 3)) for n in range(4 * people)]
    first, second, same, fold = [], [], [], []
    for person in range(people):
        for j in (1, 2, 3):
            other = person // 10 * 10 + (person + 3) % 10
            for mate, is_same in ((person, True), (other, False)):
                first.append(4 * person)
                second.append(4 * mate + j)
                same.append(is_same)
                fold.append(person // 10)
    task = Pairs("made", pictures(tmp_path, shown), *map(np.array, (first, second, same, fold)))
    results = suite.probe(colour_method(kind), task, Crops(task.pictures, np.arange(160)), tmp_path / "r.json", 0)
    assert least - (0.1 if kind == "perfect" else 0) <= results["made_similarity"] <= most
    assert results["made_chance"] == 0.5 and results["made_n"] == 240 and results["made_folds"] == 4
    assert least - 0.15 <= results["made_protocol"] <= most + 0.05
    assert sum(results["made_histogram"]["same"]) == sum(results["made_histogram"]["different"]) == 120
    json.dumps(results)


def test_nothing_in_a_fold_chooses_for_it(tmp_path):
    """With the labels of one fold turned round, its accuracy becomes 1 minus the former, whatever else is chosen."""
    rng = np.random.default_rng(1)
    colours = rng.integers(30, 220, (80, 3))
    same = np.arange(80) % 2 == 0
    shown = [tuple(map(int, c)) for c in colours] + [
        tuple(map(int, c if s else 255 - c)) for c, s in zip(colours, same, strict=True)
    ]
    fold = np.arange(80) // 20
    _crops, found = None, []
    for turned in (False, True):
        truth = np.where((fold == 2) & turned, ~same, same)
        task = Pairs("made", pictures(tmp_path, shown), np.arange(80), np.arange(80) + 80, truth, fold)
        blocks = {
            "block": protocol.extract(
                colour_method("perfect"), Crops(task.pictures, np.arange(9)), np.arange(160), (Variant(8), "standard")
            )["block"]
        }
        scores = pairs.fold_scores(task, blocks, {i: i for i in range(160)}, np.arange(80), 2)
        best = max(scores, key=lambda option: scores[option][0])
        here = torch.from_numpy(fold == 2)
        found.append(
            (best, float(((scores[best][2][here] >= scores[best][1]) == torch.from_numpy(truth)[here]).float().mean()))
        )
    assert found[0][0] == found[1][0] and found[0][1] + found[1][1] == pytest.approx(1)


@pytest.mark.parametrize("kind", ["perfect", "random", "constant"])
@pytest.mark.parametrize("active", [None, 0.5])
def test_the_value_probe(kind, active, tmp_path):
    count = 180
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 255, (count, 3))
    value = colours / 255.0 if active else colours / 255.0 * 60 - 30
    names = ["yaw", "pitch", "roll"] if active is None else ["smile", "jaw", "brow"]
    part = np.where(np.arange(count) < 120, "train", "test")
    task = Values(
        "made",
        pictures(tmp_path, [tuple(map(int, c)) for c in colours]),
        value,
        names,
        part,
        np.arange(count) // 3,
        active,
    )
    results = suite.probe(colour_method(kind), task, Crops(task.pictures, np.arange(120)), tmp_path / "r.json", 0)
    json.dumps(results)
    if active is None:
        assert results["made_chance"] == pytest.approx(15, abs=2)
        low, high = {"perfect": (0, 0.3), "random": (12, 19), "constant": (13, 17)}[kind]
        assert low <= results["made_mae"] <= high and low <= results["made_yaw"] <= high + 3
    else:
        assert 0.5 < results["made_chance"] < 0.8  # saying "active" always
        low, high = {"perfect": (0.95, 1), "random": (0.3, 0.8), "constant": (0.3, 0.8)}[kind]
        assert low <= results["made_f1"] <= high
        assert results["made_correlation"] > 0.99 if kind == "perfect" else abs(results["made_correlation"]) < 0.25
        assert len(results["made_each_f1"]) == 3
    assert (tmp_path / results["made_sheet"]).exists()
    assert {row["kind"] for row in results["made_examples"]} == {"right", "wrong"}


def test_validation_never_shares_a_person_with_training(tmp_path):
    task = Classes("made", Pictures([], []), np.zeros(100), ["a"], np.full(100, "train", "<U10"), np.arange(100) // 5)
    held_sets = []
    for seed in range(3):
        train, held = protocol.splits(task, seed)
        assert not set(task.group[train]) & set(task.group[held]) and len(train) + len(held) == 100 and len(held) == 10
        held_sets.append(tuple(held.tolist()))
    assert len(set(held_sets)) > 1
    task.part[:10] = "validation"
    assert all(protocol.splits(task, seed)[1].tolist() == list(range(10)) for seed in range(2))


@pytest.mark.slow
def test_the_suite_on_a_checkpoint_and_a_baseline(tmp_path):
    """The whole command: tiny LatentFace and HOG on a made-up truth set and pairs, flat JSON with its record."""
    for folder, people in (("validation", range(8)), ("test", range(8, 14))):
        (tmp_path / "truth" / folder).mkdir(parents=True)
        with tarfile.open(tmp_path / "truth" / folder / "00000.tar", "w") as tar:
            for person in people:
                factors = []
                for frame in range(4):
                    add(tar, f"{person:05d}.{frame:02d}.webp", webp(drawn_face(40, person, frame)))
                    factors.append(
                        {
                            "person": str(person),
                            "pose": [10.0 * (frame % 3 - 1), float(frame), 0.0],
                            "expression": {"jaw": frame / 3},
                        }
                    )
                add(tar, f"{person:05d}.json", json.dumps(factors).encode())
    with tarfile.open(tmp_path / "pairs.tar", "w") as tar, open(tmp_path / "pairs_pairs.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["fold", "same", "first", "second"])
        for person in range(6):
            for frame in range(2):
                add(tar, f"{person}_{frame}.webp", webp(drawn_face(64, person, frame)))
            rows.writerow([person // 2, 1, f"{person}_0.webp", f"{person}_1.webp"])
            rows.writerow([person // 2, 0, f"{person}_0.webp", f"{person ^ 1}_1.webp"])
    tiny_pipeline().save_pretrained(tmp_path / "tiny")
    data = [f"truth:{tmp_path / 'truth'}", f"lfw:{tmp_path / 'pairs.tar'}"]
    results = evaluate("probes", [str(tmp_path / "tiny"), "hog"], data, tmp_path / "out" / "r.json")
    written = json.loads((tmp_path / "out" / "r.json").read_text())
    assert {"commit", "command", "data", "seed", "seeds", "published", "methods"} <= set(written)
    assert set(written["methods"]) == {"tiny", "hog"}
    for task in ("pose_mae", "pose_chance", "pose_n", "actions_f1", "lfw_similarity", "lfw_protocol", "lfw_n"):
        assert written[task] == written["methods"]["tiny"][task] and task in written["methods"]["hog"]
    assert written["pose_n"] == 24 and written["lfw_n"] == 12
    assert "lfw_similarity_authors_verification" in written and "pose_mae_authors_verification" not in written
    assert "lfw_protocol_authors" in written and results["methods"]["tiny"]["actions_names"] == ["jaw"]
    assert (tmp_path / "out" / "r_tiny_pose.webp").exists() and not (tmp_path / "out" / "r.partial.json").exists()
    del written["methods"]["tiny"]["commit"]  # a row from before rows told theirs
    (tmp_path / "out" / "r.json").write_text(json.dumps({**written, "commit": "abc1234"}))
    evaluate("probes", ["hog"], data[1:], tmp_path / "out" / "r.json")
    again = json.loads((tmp_path / "out" / "r.json").read_text())["methods"]
    assert again["tiny"] == {**written["methods"]["tiny"], "commit": "abc1234"}  # kept
    assert again["hog"]["lfw_similarity"] == written["methods"]["hog"]["lfw_similarity"]
    assert again["hog"]["commit"] != "abc1234" and "pose_mae" not in again["hog"]


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def test_pictures_of_two_tasks_are_shown_to_a_method_once(tmp_path):
    crops, rows, calls = Crops(pictures(tmp_path, [(9, 9, 9), (200, 9, 9)]), np.arange(2)), np.arange(2), []
    first, other = (Variant(8), "standard"), (Variant(10), "standard")

    def encode(images, variant):
        calls.append(len(images))
        return {"b": images.mean((2, 3))}

    def get(count, way):
        return protocol.extract(Method("m", "made up", [Variant(8)], encode), crops, rows[:count], way)

    assert get(2, first) is not get(2, first) and len(calls) == 2
    crops.kept = {}
    blocks = [get(2, first), get(2, first), get(1, first), get(2, other)]
    assert blocks[0] is blocks[1] and len(calls) == 5 and [len(b["b"]) for b in blocks] == [2, 2, 1, 2]


def test_300wlp_and_aflw2000_become_one_task():
    def values(task, part, count):
        made = Pictures([f"{task}{i}" for i in range(count)], [None] * count)
        return Values(task, made, np.ones((count, 3)), ["yaw", "pitch", "roll"], np.full(count, part), np.arange(count))

    train, test = values("300wlp", "train", 4), values("aflw2000", "test", 3)
    (both,) = suite.joined([test, train])
    assert both.task == "aflw2000" and both.part.tolist() == ["train"] * 4 + ["test"] * 3 and len(set(both.group)) == 7
    assert both.pictures.names[0] == "300wlp0" and both.value.shape == (7, 3)
    with pytest.raises(ValueError, match="give both"):
        suite.joined([test])


def test_labels_of_checkpoints():
    assert label("runs/stage2/pipeline") == "stage2" and label("explorer") == "explorer"
    assert label("runs/simclr/backbone") == "simclr"
