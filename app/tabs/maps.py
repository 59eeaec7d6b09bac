"""Tab Maps: the gallery laid out by what the model finds alike, with the decoder behind every dot and every lasso."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import BoundedSemaphore
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from app.components.atlas import TITLES, atlas, made_by
from app.components.export import export, taken_as
from app.components.face_chips import use_buttons
from app.components.photo_box import photo_box
from app.components.pictures import figure, front, neutral_scene, seen, strip
from app.components.plotly_panel import ACCENT, FAINT, SECOND, TEXT, plotly_panel
from app.components.plotly_panel import shown as panel_content
from app.components.stage import drawn_content, stage, stage_content
from app.components.terms import explained_text, term_notes
from app.session import Model, Session, Shown, plain_error
from app.whole_files import write_whole
from latentface.gallery import MAPS, map_features
from latentface.pcl_maps import PCL_MAPS, pcl_features
from latentface.pictures import picture
from latentface.selection import (
    direction,
    mean_face,
    moved,
    nearest,
    pair_distances,
    path,
    selection_file,
    spread,
    verdict,
)

ABOUT = """Every dot is a picture of one of {people} people who do not exist; dots that are close look alike **to the
model**. A [[map]] is laid out by [[UMAP]] or by [[PCA]]. What is lit on one map is lit on all. Point at a dot to see
it, click it to hold it in 3D, **[[lasso]]** dots to see their [[average face]]. The stars are your faces."""
OTHERS = """There are no maps of the checkpoint `{checkpoint}` yet: make them with
`python -m train gallery --checkpoint {checkpoint}`, then start the app again."""
LAYOUTS = {"umap": "UMAP", "pca": "principal axes"}
"""Layouts in 3-D and their names."""
NEAR = 6
"""Neighbours that are shown."""
STEPS = 9
"""Faces on the way between two."""
SIDE = 128
"""Of small pictures, in pixels."""
LASSOS = BoundedSemaphore(4)
"""Selections that are decoded at once: they pass the queue by, and must leave the rest of the page its room."""
_PLACES: WeakKeyDictionary[Shown, dict[str, Any]] = WeakKeyDictionary()


def places(model: Model, shown: Shown) -> dict[str, Any]:
    """Find where a face falls on every map, by either layout; kept with the face."""
    if shown not in _PLACES:
        codes = shown.face.codes
        features = map_features(model.pipeline, codes, model.pipeline.split(codes))
        if model.pcl is not None:
            features |= pcl_features(model.pcl, shown.face.level)
        found: dict[str, Any] = {"umap": {}, "pca": {}, "far": {}, "features": features}
        for name in model.atlas.names:
            rows = model.atlas.shortened(name, features[name])
            place = model.atlas.place(name, rows[0])
            x, y, _ = model.atlas.along_axes(name, rows.double().numpy())[0].tolist()
            found["umap"][name], found["pca"][name] = [place.x, place.y], [x, y]
            found["far"][name] = place.far
        _PLACES[shown] = found
    return _PLACES[shown]


def stars(model: Model, shown: Shown, faces: list[Shown]) -> dict[str, Any]:
    """Put this face and all of the visitor's own on the maps, each once."""
    everyone = [*faces, *([] if any(face is shown for face in faces) else [shown])]
    listed = []
    for face in everyone:
        at = places(model, face)
        where = {method: at[method] for method in ("umap", "pca")}
        listed.append({"name": face.name, "thumbnail": face.thumbnail, "places": where, "small": face is not shown})
    return {"stars": listed}


def far_words(model: Model, shown: Shown) -> str:
    """Say on which maps a face lies far from everything."""
    far = [TITLES[name][0].lower() for name, away in places(model, shown)["far"].items() if away]
    if not far:
        return ""
    where = f"{html.escape(shown.name)} is far from anything seen on: {', '.join(far)}"
    return f"<p>★ {where}. Take its place there with care.</p>"


def gallery_face(model: Model, row: int) -> tuple[str, Shown]:
    """Show one gallery face: its pictures as HTML, and the face to carry on."""
    codes, about = model.atlas.codes[row : row + 1], model.atlas.faces[row]
    name = f"Person {about['person']}, picture {about['frame']}"
    made, neutral = model.make(codes, name), neutral_scene(model.pipeline, codes)
    crop = model.pipeline.tensor(model.atlas.crop(row, model.pipeline.size))
    shown = replace(made, face=replace(made.face, crop=crop, level=crop))
    pictures = strip(
        figure(seen(shown.scene), name, "As the model sees this picture"),
        figure(front(shown.scene), "From the front"),
        figure(front(neutral), "Neutral", "Without its expression: the identity part alone"),
    )
    return pictures, shown


def neighbours(model: Model, row: int, name: str) -> str:
    """Show a face's nearest in the true space, and its nearest on the map, as HTML."""
    true, drawn = nearest(model.atlas, name, row, NEAR)
    both = {*true} & {*drawn}

    def line(rows: list[int], words: str) -> str:
        """Draw faces in a row under some words."""
        names = [f"Person {model.atlas.faces[i]['person']}{' ✓' * (i in both)}" for i in rows]
        figures = [figure(model.atlas.crop(i), name) for i, name in zip(rows, names, strict=True)]
        return f"<p>{words}</p>{strip(*figures)}"

    title = TITLES[name][0]
    space = title if name in PCL_MAPS else title.lower()
    short = f", by its {model.atlas.features[name].shape[1]} main axes" * (name in PCL_MAPS)
    return (
        line(true, f"Nearest in the <strong>{space}</strong> space itself{short}")
        + line(drawn, f"Nearest on its UMAP map ({len(both)} of {NEAR} are the same, ✓)")
    )  # fmt: skip


def rows_of(model: Model, data: object, least: int = 0) -> list[int]:
    """Read the rows of an event.

    Args:
        model: Whose gallery.
        data: As it came with a request: anything a stranger may write.
        least: How many there must be.

    Raises:
        gr.Error: They are no rows of the gallery.
    """
    most = len(model.atlas.faces)
    if not isinstance(data, list) or len(data) > most or not all(type(i) is int and 0 <= i < most for i in data):
        raise plain_error("these faces are not on the map: select again", "No faces")
    if len(set(data)) < least:
        raise plain_error(f"select {least} pictures or more", "Too few")
    return sorted(set(data))


def average(model: Model, rows: list[int]) -> Shown:
    """Decode the mean code of gallery faces."""
    return model.make(mean_face(model.pipeline, model.atlas.codes[rows]), f"Average of {len(rows)} pictures")


@contextmanager
def in_turn() -> Iterator[None]:
    """Hold one of the few places for work outside the queue.

    Raises:
        gr.Error: All are taken.
    """
    if not LASSOS.acquire(blocking=False):
        raise plain_error("many select at this moment: draw your selection again", "Just a moment")
    try:
        yield
    finally:
        LASSOS.release()


def spread_strip(model: Model, rows: list[int]) -> str:
    """Draw what varies most in a selection, as HTML."""
    if len(rows) < 3:
        return "<p>Select three pictures or more to see what varies among them.</p>"
    faces, shares = spread(model.pipeline, model.atlas.codes[rows])
    images = [picture(image, SIDE) for image in model.pipeline.decode(faces).canonical]
    lines = [
        f"<p>Direction {k + 1}: {100 * share:.0f} % of what varies here, from −2 to +2 standard deviations</p>"
        + strip(figure(images[2 * k], "−2"), figure(images[2 * k + 1], "+2"), paired=True)
        for k, share in enumerate(shares.tolist())
    ]
    return "".join(lines)


def way_strip(model: Model, one: Shown, other: Shown) -> str:
    """Draw the way between two faces, step by step, as HTML."""
    faces = path(one.face.codes, other.face.codes, STEPS)
    images = [picture(image, SIDE) for image in model.pipeline.decode(faces).canonical]
    names = [one.name, *(f"{100 * k // (STEPS - 1)} %" for k in range(1, STEPS - 1)), other.name]
    return strip(*(figure(image, name) for image, name in zip(images, names, strict=True)))


def cloud(model: Model, name: str, colour: str, layout: str) -> go.Figure:
    """Draw a map in 3-D.

    Args:
        model: The model with its gallery.
        name: Of the map.
        colour: Factor that the dots are coloured by.
        layout: "umap" or "pca".
    """
    gallery = model.atlas
    rows = gallery.spaces[name].numpy() if layout == "umap" else gallery.along_axes(name, gallery.features[name])
    values = [face[colour] for face in gallery.faces]
    words = [f"Person {face['person']}, picture {face['frame']}" for face in gallery.faces]
    marker: dict[str, Any] = {"size": 2.4, "color": values, "colorscale": "Viridis", "opacity": 0.85, "showscale": True}
    x, y, z = rows.T.round(4)
    dots = go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, text=words, hoverinfo="text")
    axis = {"showticklabels": False, "backgroundcolor": "rgba(0,0,0,0)", "gridcolor": FAINT}
    scene = {f"{k}axis": {**axis, "title": f"axis {n}" if layout == "pca" else ""} for n, k in enumerate("xyz", 1)}
    made = go.Figure(dots, layout={"scene": scene, "height": 460, "margin": {"l": 0, "r": 0, "t": 30, "b": 0}})
    trusted = gallery.trusted.get(name, {}).get(f"{layout}3")
    beside = "" if trusted is None else f"; trustworthiness {trusted:.2f}"
    made.update_layout(title=f"{TITLES[name][0]}: {LAYOUTS[layout]} in 3-D, coloured by {colour}{beside}")
    return made


def steadiness(model: Model, faces: list[Shown]) -> tuple[go.Figure, str]:
    """Compare the distances between some faces with those of the gallery, in every block.

    Args:
        model: The model.
        faces: Two or more, taken to be of one person.

    Returns:
        A chart, and the verdict as HTML.
    """
    made, said = go.Figure(), []
    for block in MAPS:
        pairs = pair_distances(model.atlas, block)
        rows = np.stack([places(model, face)["features"][block][0].double().numpy() for face in faces])
        own = [float(np.linalg.norm(a - b)) for i, a in enumerate(rows) for b in rows[i + 1 :]]
        scale, title = float(np.median(pairs.other)), TITLES[block][0]
        for far, name, colour in ((pairs.same, "One person", ACCENT), (pairs.other, "Two people", FAINT)):
            some = far[:: max(1, len(far) // 1500)] / scale
            made.add_trace(go.Box(
                x=some.round(3), y=[title] * len(some), name=name, legendgroup=name, showlegend=block == MAPS[0],
                orientation="h", marker={"color": colour}, boxpoints=False, offsetgroup=name,
            ))  # fmt: skip
        made.add_trace(go.Scatter(
            x=[d / scale for d in own], y=[title] * len(own), mode="markers", name="Your photos", legendgroup="yours",
            showlegend=block == MAPS[0],
            marker={"color": SECOND, "size": 13, "symbol": "diamond", "line": {"color": TEXT, "width": 1}},
        ))  # fmt: skip
        said.append(f"<li>{html.escape(verdict(title, float(np.mean(own)), pairs))}</li>")
    made.update_layout(
        title="Distances between your photos, beside the gallery's", boxmode="group", height=420,
        xaxis={"title": "distance; 1 is usual between two people"}, legend={"orientation": "h", "y": -0.25},
        margin={"l": 90, "r": 10, "t": 40, "b": 60},
    )  # fmt: skip
    note = "<p>Identity should be as between pictures of one person, expression may be anything. "
    note += "The gallery's people are drawn, so this is no identification.</p>"
    return made, f"<ul>{''.join(said)}</ul>{note}"


QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
VIEWED: dict[str, Any] = {**QUIET, "concurrency_limit": 1, "concurrency_id": "viewed"}
"""Of what puts a face on the maps' stage: one after the other, or an earlier answer could come last and stay."""


def build(session: Session) -> None:
    """Build the tab inside the current gr.Blocks. The face of the Reconstruct tab is on the maps from the start."""
    model = session.model
    if not model.mapped:
        gr.Markdown(OTHERS.format(checkpoint=model.name))
        return
    start = 0 if model.own else model.examples[1]
    pictures, face = gallery_face(model, start)
    picked, before = gr.State(face), gr.State(None)
    groups = {side: gr.State([]) for side in ("a", "b")}
    term_notes()
    explained_text(ABOUT.format(people=f"{len({face['person'] for face in model.atlas.faces}):,}"))
    chart = atlas(model.atlas, stars(model, session.shown.value, []), start, "map")
    connect_export(session, "map")
    note = gr.HTML(far_words(model, session.shown.value), elem_id="map-far")
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            viewer = stage(model.pipeline, face, "map-viewer")
            use_buttons(session, picked, "map-use")
            photo_box(session, session.shown, "This face (★)", "map-photo")
        with gr.Column(scale=7, min_width=300):
            chosen = gr.HTML(pictures, elem_id="chosen")
            varied = gr.HTML("", elem_id="map-spread")
            near = gr.HTML(neighbours(model, start, "identity"), elem_id="map-near")
            way_button = gr.Button("The way from the dot before to this one", size="sm", elem_id="map-way-button")
            way = gr.HTML("", elem_id="map-way")
            amount = gr.Slider(
                -2,
                2,
                0,
                step=0.05,
                label="This face (★) along the way from A to B",
                elem_id="map-direction",
                interactive=True,
            )
            groups_said = gr.HTML(
                "<p>Keep one selection as A and another as B: the slider moves your face along the way between.</p>",
                elem_id="map-groups",
            )
    connect_faces(session, chart, note, viewer, chosen, near, picked, before)
    connect_lasso(session, chart, viewer, chosen, varied, picked)
    connect_groups(session, chart, groups, amount, groups_said, viewer, picked)

    def walk(now: Shown, earlier: Shown | None) -> str:
        """Draw the way between the last two faces that were held."""
        if earlier is None:
            return "<p>Click one dot, then another: this shows the faces between them.</p>"
        return way_strip(model, earlier, now)

    way_button.click(walk, [picked, before], way, **QUIET)
    with gr.Accordion("Does my identity stay put when I smile?", open=False, elem_id="steady"):
        build_steadiness(session)
    with gr.Accordion("Maps in 3-D", open=False, elem_id="cloud"):
        build_cloud(model)


def connect_faces(
    session: Session, chart: gr.HTML, note: gr.HTML, viewer: gr.HTML, chosen: gr.HTML, near: gr.HTML,
    picked: gr.State, before: gr.State,
) -> None:  # fmt: skip
    """Connect the visitor's faces to the stars, and a click on a dot to the stage."""
    model = session.model

    def follow(shown: Shown, faces: list[Shown]) -> tuple[dict, str]:
        """Move the stars to where the visitor's faces fall now."""
        return stars(model, shown, faces), far_words(model, shown)

    def pick(now: Shown, event: gr.EventData) -> tuple:
        """Show the face of the gallery that was clicked."""
        (row,) = rows_of(model, [getattr(event, "index", None)])
        name = getattr(event, "map", None)
        pictures, face = gallery_face(model, row)
        near = neighbours(model, row, name if name in model.atlas.names else "identity")
        return stage_content(model.pipeline, face), pictures, near, face, now

    gr.on(
        [session.shown.change, session.faces.change], follow, [session.shown, session.faces], [chart, note],
        trigger_mode="always_last", **QUIET,
    )  # fmt: skip
    chart.select(pick, picked, [viewer, chosen, near, picked, before], trigger_mode="always_last", **VIEWED)


def connect_lasso(
    session: Session, chart: gr.HTML, viewer: gr.HTML, chosen: gr.HTML, varied: gr.HTML, picked: gr.State
) -> None:
    """Connect a selection to its average face, then to what varies in it."""
    model, rows_now = session.model, gr.State([])

    def take(event: gr.EventData) -> tuple:
        """Show the average face of the selected dots; an empty selection changes nothing."""
        rows = rows_of(model, getattr(event, "rows", None))
        if not rows:
            return gr.skip(), "", gr.skip(), []
        with in_turn():
            face = average(model, rows)
        return drawn_content(model.pipeline, face, neutral=False), "", face, rows

    def complete(face: Shown, rows: list[int]) -> object:
        """Add the neutral face, which takes as long as the average itself."""
        return stage_content(model.pipeline, face) if rows else gr.skip()

    def vary(rows: list[int]) -> str:
        """Draw what varies most among the selected faces."""
        return spread_strip(model, rows) if rows else ""

    # at once, for the queue costs as much time as the face
    lassoed = chart.lasso(
        take, None, [viewer, varied, picked, rows_now], queue=False, trigger_mode="multiple", **QUIET
    )  # fmt: skip
    lassoed.then(complete, [picked, rows_now], viewer, **VIEWED).then(vary, rows_now, varied, **QUIET)


def connect_export(session: Session, chart_id: str) -> None:
    """Add what can be taken along of the maps: rows, figure, and the codes as a file of arrays."""
    gallery = session.model.atlas
    caption = made_by(gallery, "Maps of a gallery of faces")
    files = export(chart_id, taken_as("selection", caption), codes=True)
    made = gr.DownloadButton("File", visible="hidden", elem_id=f"{chart_id}-made")

    def write(event: gr.EventData) -> str:
        """Write the codes of the rows that are lit."""
        rows = rows_of(session.model, getattr(event, "rows", None), 1)
        return write_whole(selection_file(gallery, rows, caption), "selection.npz")

    hand_over = f"() => document.querySelector('#{chart_id}-made').click()"
    files.codes(write, None, made, concurrency_limit=1, concurrency_id="downloads", **QUIET).success(
        None, None, None, js=hand_over, **QUIET
    )


def connect_groups(
    session: Session, chart: gr.HTML, groups: dict[str, gr.State], amount: gr.Slider, said: gr.HTML, viewer: gr.HTML,
    picked: gr.State,
) -> None:  # fmt: skip
    """Connect two kept selections to the slider that moves this face along the way between them."""
    model = session.model

    def hold(a: list[int], b: list[int], event: gr.EventData) -> tuple:
        """Keep the selection as group A or group B."""
        rows, side = rows_of(model, getattr(event, "rows", None), 1), getattr(event, "side", None)
        if side not in groups:
            raise plain_error("a selection is kept as A or as B", "No group")
        a, b = (rows, b) if side == "a" else (a, rows)
        words = f"A holds {len(a)} pictures, B holds {len(b)}."
        return a, b, f"<p>{words} {'Move the slider.' if a and b else 'Select and keep the other group too.'}</p>"

    def move(shown: Shown, a: list[int], b: list[int], far: float) -> tuple:
        """Move this face along the way from group A to group B."""
        if not a or not b:
            raise plain_error("keep one selection as A and another as B first", "No direction")
        way = direction(model.atlas.codes[a], model.atlas.codes[b])
        face = model.make(
            moved(shown.face.codes, way, float(np.clip(far, -2, 2))), f"{shown.name}, {far:+.2f} from A to B"
        )
        return stage_content(model.pipeline, face), face

    chart.group(hold, [groups["a"], groups["b"]], [groups["a"], groups["b"], said], **QUIET)
    amount.input(
        move, [session.shown, groups["a"], groups["b"], amount], [viewer, picked], trigger_mode="always_last", **VIEWED
    )


def build_steadiness(session: Session) -> None:
    """Add the question whether one person's photos stay together."""
    model = session.model
    gr.Markdown("Choose two or more photos of yourself, at rest and smiling say.")
    choice = gr.CheckboxGroup([], label="Your photos", elem_id="steady-photos")
    ask = gr.Button("Compare", size="sm", elem_id="steady-ask")
    words, chart = gr.HTML("", elem_id="steady-words"), plotly_panel(None, "steady-chart")
    caption = made_by(model.atlas, "Distances between a visitor's photos, and the gallery's")
    export("steady-chart", taken_as("distances", caption))

    def offer(faces: list[Shown]) -> object:
        """List the visitor's photos, all of them chosen."""
        names = [(face.name, i) for i, face in enumerate(faces)]
        return gr.CheckboxGroup(names, value=[i for _, i in names])

    def compare(faces: list[Shown], numbers: list[int]) -> tuple:
        """Compare the chosen photos with each other in every block."""
        some = [faces[i] for i in numbers or [] if type(i) is int and 0 <= i < len(faces)]
        if len(some) < 2:
            return "<p>Bring two or more photos of your own first, then choose them here.</p>", None
        made, said = steadiness(model, some)
        return said, panel_content(made)

    session.faces.change(offer, session.faces, choice, **QUIET)
    ask.click(compare, [session.faces, choice], [words, chart], **QUIET)


def build_cloud(model: Model) -> None:
    """Add a map in 3-D, by UMAP or its principal axes."""
    layouts = [(name, key) for key, name in LAYOUTS.items() if key == "pca" or model.atlas.spaces]
    names = [(TITLES[name][0], name) for name in model.atlas.names]
    with gr.Row():
        which = gr.Dropdown(names, value="identity", label="Map", elem_id="cloud-map")
        layout = gr.Dropdown(layouts, value=layouts[0][1], label="Laid out by", elem_id="cloud-layout")
        colour = gr.Dropdown(
            model.atlas.factors, value=model.atlas.factors[-1], label="Coloured by", elem_id="cloud-colour"
        )
    chart = plotly_panel(None, "cloud-chart")
    export("cloud-chart", taken_as("map-in-3d", made_by(model.atlas, "A map in 3-D")))
    show = gr.Button("Draw", size="sm", elem_id="cloud-draw")

    def draw(name: str, factor: str, layout: str) -> dict | None:
        """Draw the chosen map."""
        return panel_content(cloud(model, name, factor, layout))

    show.click(draw, [which, colour, layout], chart, **QUIET)
