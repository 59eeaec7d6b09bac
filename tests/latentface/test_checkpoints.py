"""What a checkpoint says of itself before it is loaded."""

from latentface.checkpoints import bundled, summary_of


def test_a_card_sums_a_checkpoint_up(tmp_path):
    assert "cruder" in summary_of("explorer-cc0") and summary_of("someone/hub-id") == "" == summary_of(tmp_path)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\nsummary: not the front matter")
    assert summary_of(tmp_path) == ""


def test_the_default_checkpoint_is_the_first_bundled_one():
    assert bundled()[0] == "explorer" and "explorer-cc0" in bundled()
