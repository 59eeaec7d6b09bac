"""What a checkpoint says of itself before it is loaded."""

import pytest

from latentface.checkpoints import ASSETS, DEFAULT, CheckpointError, bundled, shown_name, summary_of
from latentface.weights import WEIGHTS, written


def test_a_card_sums_a_checkpoint_up(tmp_path):
    assert "cruder" in summary_of("explorer-cc0") and summary_of("someone/hub-id") == "" == summary_of(tmp_path)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\nsummary: not the front matter")
    assert summary_of(tmp_path) == ""


def test_the_default_checkpoint_is_the_first_bundled_one():
    assert bundled()[0] == "explorer" and "explorer-cc0" in bundled()


def test_names_say_nothing_of_where_a_checkpoint_lies(tmp_path, monkeypatch):
    folder = tmp_path / "mine" / "pipeline"
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    assert {shown_name(path) for path in (folder, folder.parent, str(folder))} == {"mine"}
    assert shown_name(DEFAULT) == DEFAULT and shown_name(ASSETS / DEFAULT) == DEFAULT
    assert shown_name("someone/on-the-hub") == "someone/on-the-hub" and shown_name(tmp_path / "none") == "none"
    monkeypatch.chdir(folder.parent)
    assert shown_name("pipeline") == shown_name(".") == "mine"


def test_weights_that_vanish_while_they_are_looked_at_are_none(tmp_path):
    assert written(tmp_path) == 0
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / WEIGHTS).symlink_to(tmp_path / "gone")
    assert written(tmp_path) == 0
    (tmp_path / WEIGHTS).write_bytes(b"x")
    assert written(tmp_path) == (tmp_path / WEIGHTS).stat().st_mtime_ns


@pytest.mark.parametrize(
    "message, said",
    [
        ("{here} does not load: no {here}/prior/config.json", "Own does not load: no own/prior/config.json."),
        ("no checkpoint '{here}': give one", "No checkpoint 'own': give one."),
        ("no '/far/ann/x' (/etc/y), runs/z or https://hub/a/b", "No 'x' (y), runs/z or https://hub/a/b."),
        ("{assets}/gallery is no gallery", "{root}/assets/gallery is no gallery."),
    ],
)
def test_visitors_are_not_told_where_anything_lies(tmp_path, message, said):
    here = tmp_path / "of two words" / "own"
    error = CheckpointError(message.format(here=here, assets=ASSETS), here)
    root = ASSETS.parent.name
    assert error.for_visitors() == said.format(root=root[:1].upper() + root[1:])
    assert str(error) == message.format(here=here, assets=ASSETS)  # who runs it learns it
