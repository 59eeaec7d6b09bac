"""Finding expression sliders: planted directions are found, mixed and read again; what does nothing is dropped."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentface.checkpoints import ASSETS
from latentface.expression_sliders import TABLE, load_sliders
from latentface.gallery import Gallery
from tests.helpers import ROOT, drawn_clips, tiny_pipeline, webp
from train.__main__ import main
from train.data.shards import write_shards
from train.release.sliders.fit import fit_directions, fit_readings, mixed
from train.release.sliders.judging import measured
from train.release.sliders.names import NAMES, SAID, labels

PEOPLE, FRAMES, CODE = 60, 8, 12


@pytest.fixture(scope="module")
def planted():
    """Codes that move along two directions with two labels, along a third with the view, and by who it is."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    count = PEOPLE * FRAMES
    person = torch.arange(PEOPLE).repeat_interleave(FRAMES)
    view = normal(count, 1)
    found = normal(count, 2)
    found[:, 0] += 0.8 * view[:, 0]  # who smiles turns the head
    found = found - torch.stack([found[person == p].mean(0) for p in range(PEOPLE)])[person]
    found = found / found.std(0)
    directions = torch.linalg.qr(normal(CODE, 3))[0].T
    codes = (
        found @ directions[:2] + view @ directions[2:] + 5 * normal(PEOPLE, CODE)[person] + 0.1 * normal(count, CODE)
    )
    return codes, person, found, view, directions


def test_directions_follow_their_own_label_alone(planted):
    codes, person, found, view, directions = planted
    fitted = fit_directions(codes, person, found, view, ridge=1e-4)
    torch.testing.assert_close(fitted, directions[:2], atol=0.05, rtol=0)
    blind = fit_directions(codes, person, found, torch.zeros_like(view), ridge=1e-4)
    assert abs(float(blind[0] @ directions[2])) > 0.3, "an unknown view is taken for the smile"


def test_readings_predict_the_labels(planted):
    codes, person, found, _, directions = planted
    readings = fit_readings(codes, person, found, directions[:2], ridge=1e-4)
    torch.testing.assert_close((directions[:2] @ readings).diagonal(), torch.ones(2), atol=1e-4, rtol=0)
    read = codes @ readings
    read = read - torch.stack([read[person == p].mean(0) for p in range(PEOPLE)])[person]
    for k in range(2):
        assert np.corrcoef(read[:, k], found[:, k])[0, 1] > 0.98


def test_mixed_directions_move_their_own_measure_alone():
    effects = np.array([[0.8, 0.4, 0.1], [0.3, 0.5, 0.0]])
    mix = mixed(effects, [0, 1], np.zeros((2, 3), bool), ridge=1e-6)
    done = mix @ effects
    np.testing.assert_allclose(done[:, :2], np.eye(2), atol=0.06)
    free = np.array([[False, True, False], [False, False, False]])
    kept = mixed(effects, [0, 1], free, ridge=1e-6) @ effects
    assert kept[0, 0] == pytest.approx(1, abs=0.01) and kept[0, 1] > 0.3, "a free measure moves along"


def test_a_direction_without_an_effect_is_not_stretched_for_ever():
    mix = mixed(np.array([[1.0, 0.0], [0.0, 0.001]]), [0, 1], np.zeros((2, 2), bool), longest=3)
    assert np.abs(mix).max() <= 3


def test_labels_are_read_around_each_persons_mean():
    factors = [{"expression": {"mouthSmileLeft": s, "mouthSmileRight": s, "jawOpen": 0.5}} for s in (0, 1, 0.5, 0.9)]
    found, names = labels(factors, torch.tensor([0, 0, 1, 1]))
    assert [name.name for name in names] == ["smile"], "the jaw does not move"
    assert found[0, 0] == -found[1, 0] < 0 and found[2, 0] == pytest.approx(-float(found[3, 0]))
    blends = [{"blend": [0.0] * 25 + [jaw] + [0.0] * 26} for jaw in (0.0, 0.6)]
    assert [name.name for name in labels(blends, torch.tensor([0, 0]))[1]] == ["mouth open"]
    with pytest.raises(ValueError, match="no expression that changes"):
        labels([{"person": 1}, {"person": 1}], torch.tensor([0, 0]))


def test_every_name_has_a_measure_that_the_judge_takes():
    pytest.importorskip("dlib")
    from train.common.judges import Reader

    face = np.asarray(Image.open(ROOT / "tests" / "data" / "imagined_face.png").convert("RGB").crop((16, 16, 144, 144)))
    found = measured(Reader(), torch.tensor(face.copy()).permute(2, 0, 1)[None] / 127.5 - 1)
    assert {name.measure for name in NAMES} <= set(found) == set(SAID)
    assert {measure for name in NAMES for measure in name.free} <= set(found)
    assert all(value.shape == (1,) for value in found.values())


@pytest.mark.slow
def test_nothing_is_written_where_no_direction_does_what_its_name_says(tmp_path, capsys):
    pytest.importorskip("dlib")
    tiny_pipeline(size=32).save_pretrained(tmp_path / "tiny")
    clips = [
        (key, images, [{**f, "expression": {"jawOpen": 0.2 * i}} for i, f in enumerate(factors)])
        for key, images, factors in drawn_clips(21, 4, 80)
    ]
    write_shards(clips, tmp_path / "shards", {"source": "drawn"})
    words = ["--checkpoint", str(tmp_path / "tiny"), "--data", str(tmp_path / "shards"), "--judged", "4"]
    assert main(["sliders", *words]) == 2
    said = capsys.readouterr()
    assert "dropped  mouth open" in said.out and "no sliders were written" in said.err
    assert not (tmp_path / "tiny" / TABLE).exists()


def actions(edits: dict[str, float]) -> dict[str, float]:
    """Measures of a gallery face beside its rest, as weights of facial actions."""
    named = {
        "smile": "mouthSmile",
        "jaw": "jawOpen",
        "brow": "browInnerUp",
        "browdown": "browDown",
        "blink": "eyeBlink",
    }
    return {f"{named[name]}{side}": v for name, v in edits.items() if name in named for side in ("Left", "Right")} | {
        named[name]: v for name, v in edits.items() if name in ("jaw", "brow")
    }


@pytest.mark.slow
def test_the_command_finds_named_directions_on_gallery_people(tmp_path):
    """The bundled model, on the gallery's pictures and how far the judges see their expressions from rest."""
    pytest.importorskip("dlib")
    gallery, checkpoint = ASSETS / "gallery", tmp_path / "explorer"
    checkpoint.mkdir()
    for part in ("autoencoder", "denoiser", "prior", "scheduler", "model_index.json"):
        (checkpoint / part).symlink_to(ASSETS / "explorer" / part)
    found = Gallery(gallery)
    of_person: dict[int, list[int]] = {}
    for row, face in enumerate(found.faces):
        of_person.setdefault(face["person"], []).append(row)
    clips = []
    for person, rows in list(of_person.items())[:22]:
        images = [webp(Image.fromarray(np.pad(found.crop(row), ((16, 16), (16, 16), (0, 0)), "edge"))) for row in rows]
        rest = found.faces[rows[0]]
        moved = [
            {name: found.faces[row][name] - rest[name] for name in ("smile", "jaw", "brow", "blink")} for row in rows
        ]
        factors = [{"person": f"{person:05d}", "frame": i, "expression": actions(one)} for i, one in enumerate(moved)]
        clips.append((f"{person:05d}", images, factors))
    write_shards(clips, tmp_path / "shards", {"source": "gallery"})
    words = ["--checkpoint", str(checkpoint), "--data", str(tmp_path / "shards"), "--judged", "3"]
    assert main(["sliders", *words]) == 0
    sliders = load_sliders(checkpoint, 512)
    assert sliders is not None and {"smile", "brows up"} <= set(sliders.names)
    assert all(slider.effect > 0.3 and slider.agreed == 1 for slider in sliders.sliders)
    assert sliders.record["data"] == ["shards"] and "/" not in sliders.record["command"]
