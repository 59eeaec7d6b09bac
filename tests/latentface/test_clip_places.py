"""A clip's frames on the maps."""

import pytest
import torch

from app.session import Model, load
from latentface.clip_places import clip_places
from latentface.moving import Stretch, settled


@pytest.fixture(scope="module")
def model() -> Model:
    return load()


def test_a_frame_falls_where_its_codes_do_and_one_without_a_face_nowhere(model):
    codes = model.gallery.codes[[40] * 12]
    parts = model.pipeline.split(codes)
    count, seen = 12, torch.ones(12, dtype=torch.bool)
    seen[9:] = False
    none = torch.zeros(count)
    stretch = Stretch(
        torch.arange(count, dtype=torch.float64), seen, none.long(), none[:, None].expand(-1, 4),
        none[:, None, None].expand(-1, 5, 2), none[:, None].expand(-1, 3), parts.identity, parts.expression,
        codes.view, codes.light,
    )  # fmt: skip
    found, alone = clip_places(model.pipeline, model.gallery, stretch, settled(stretch)), model.place(codes[:1])
    assert found.keys() == {"identity", "expression"}
    for name, rows in found.items():
        assert torch.allclose(rows[:9], torch.tensor([[alone[name].x, alone[name].y]]), atol=1e-3)
        assert rows[9:].isnan().all()
