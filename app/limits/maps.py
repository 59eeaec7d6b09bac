"""What distances on a map do not mean: a pair that only the map puts together, and one that it tears apart."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from app.components.pictures import figure
from app.session import Model
from latentface.explain.map_distances import NEAREST, MapDistances, Pair, map_distances

SIDE = 128
"""Side of a picture in pixels."""
NO_MAP = (
    "<p>This checkpoint has no map of its own: <code>python -m train gallery --checkpoint RUN</code> makes one.</p>"
)
_found: WeakKeyDictionary[Model, MapDistances] = WeakKeyDictionary()


def maps_html(model: Model) -> str:
    """Write the section; worked out once a model."""
    if not model.mapped:
        return NO_MAP
    if model not in _found:
        _found[model] = map_distances(model.atlas)
    found = _found[model]
    return (
        f"<p>The map of identities, one dot a picture, lays {model.atlas.features['identity'].shape[1]} numbers out on "
        f"2. For {found.kept:.0%} of its {found.count:,} pictures, the nearest on the map is one of the {NEAREST} "
        f"nearest in the code; for the other {1 - found.kept:.0%} it is not. What is near may be alike; what is far "
        "may be too. Gaps, axes and the size of a cloud mean nothing.</p>"
        f"<div class=pairs>{pair_html(model, found.false, 'Neighbours on the map, strangers in the code')}"
        f"{pair_html(model, found.torn, 'Neighbours in the code, far apart on the map')}</div>"
        "<p class=data>Gallery of the checkpoint, people who do not exist; worked out now from its codes and its map. "
        "Only pairs of different people are shown.</p>"
    )


def pair_html(model: Model, pair: Pair, title: str) -> str:
    """Write two pictures and how many others come between them."""
    pictures = "".join(
        figure(model.atlas.crop(row, SIDE), f"person {model.atlas.faces[row]['person']}") for row in pair.rows
    )
    return (
        f"<section><h4>{title}</h4><div class=two>{pictures}</div><p>Nearer to the first than the second is: "
        f"{pair.on_map:.1%} of all pictures on the map, and {pair.in_code:.1%} in the code.</p></section>"
    )
