"""Result files as tables between the marks of a page."""

import json
from string import Formatter

from train.release.results import FILMS, MOVEMENTS, SUMMARY
from train.release.tables import RESULTS_OF, replace_between, results_of, summary


def test_a_cards_results_come_from_the_files_beside_it(tmp_path):
    about = {"command": "python -m train evaluate ...", "commit": "abc", "seed": 0, "hardware": "2 CPU cores"}
    group = {"n": 8, "side": 0.01234, "mad_deg": 17.26, "reconstruction_l1_head": 0.04}
    people = {"photos": 4, "people": 2, "identity_distance": 0.5678, "identity_top1": 0.5}
    files = {
        "swaps_london": {"identity_cosine": 0.8765, "across_nearer_a": 0.4, "by": {"age": {"35 and over": people}}},
        "depth_test": {"side": 0.01, "by": {"skin": {"dark": group}}},
        "clips_clips": {"n": 6}
        | {f"{film}_{m}_{figure}": 0.375 for film in FILMS for m in MOVEMENTS for figure in ("corr", "slope")}
        | {"cross_pitch_corr": 0.875},
        "leakage_test": {"identity_chance": 0.01, "expression_chance": 0.2}
        | {f"{f}_from_{b}": 0.25 for f in ("identity", "expression", "yaw") for b in ("full", "light")},
    }
    for name, found in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({**found, **about}))
    text = results_of(tmp_path)
    assert "| identity cosine (dlib), photo and reconstruction | 0.876 |" in text or "| 0.877 |" in text
    assert "| skin | dark | 8 | 0.0123 | 17.3 | 0.0400 |" in text and "| ... of a flat plate |" not in text
    assert "| age | 35 and over | 4 | 2 | 0.568 | 50% |" in text
    assert "| full | 0.25 | 0.25 | 0.25 |" in text and "| chance | 0.01 | 0.20 | 0 |" in text
    assert (
        "| another person driven, with the mean expression | " + 5 * "0.38 / 0.38 | " + "0.88 / 0.38 |" in text
        and "Moving faces: 6" in text
    )
    assert text.count("commit abc, seed 0, 2 CPU cores") == 4
    card = tmp_path / "README.md"
    card.write_text("# one\n\n<!-- results -->\nold\n<!-- end of results -->\n\nend\n")
    assert replace_between(card, RESULTS_OF, text)
    assert card.read_text() == f"# one\n\n<!-- results -->\n{text}\n<!-- end of results -->\n\nend\n"
    card.write_text("no marks")
    assert not replace_between(card, RESULTS_OF, text) and card.read_text() == "no marks"


def test_the_readmes_summary_is_filled_from_the_result_files(tmp_path):
    assert summary(tmp_path) == ""
    for number, (name, title, rows) in enumerate(SUMMARY, 1):
        texts = [title, *(text for row in rows for text in row)]
        found = {field: 0.25 for text in texts for _, field, _, _ in Formatter().parse(text) if field}
        (tmp_path / name).write_text(json.dumps(found))
        tables = summary(tmp_path).split("\n\n")
        assert len(tables) == number and len(tables[-1].splitlines()) == len(rows) + 2
        assert "{" not in tables[-1] and all(line.count("|") == 3 for line in tables[-1].splitlines())
