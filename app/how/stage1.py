"""Scenes of stage 1: from a photo to codes and back to a picture (LatentFace, section 3.1; Unsup3D)."""

from __future__ import annotations

import torch

from app.how.scene import SIDE, Case, Drawn, Formula, HowScene, frames, pair, relief, rounded, signed, src
from app.session import Shown
from latentface.codes import Scene
from latentface.explain.blocks import Block
from latentface.explain.loss import MIRRORED, Likelihood, likelihoods
from latentface.explain.way import COUNTS, SPOT, sampled
from latentface.pictures import depth_picture, normal_picture

CHAPTER = "1 · A photo becomes a face in 3D"
COUNT = 13
"""Pictures of a movement."""
MAP = 33
"""Places each way of a map that the pointer looks things up in."""
STRAIGHT = 3.0
"""Degrees below which an angle is not worth a word."""
LOSS_SIDE = 64
"""Side of the maps of the loss on the page."""
PAPER = Drawn({}, "This model is the papers' network: it reads the photo as it is and has no such step.")
"""A step that this project added."""


def photo(case: Case, other: Shown) -> Drawn:
    """Find the face and cut it out."""
    shown, alignment = case.shown, case.shown.face.alignment
    seen = case.way.crop
    if shown.photo is None or shown.photo.around is None or alignment is None:
        return Drawn(
            frames(seen, ["The face"], "Picture"),
            f"{shown.name} was made here, not found in a photo: its own picture is what the model sees.",
        )
    wide = 2 * alignment.square[2] * alignment.scale
    size = seen.shape[-1]
    return Drawn(
        {
            "kind": "zoom", "photo": shown.photo.picture, "around": shown.photo.around, "tilt": alignment.tilt,
            "crop": src(seen[0]), "box": shown.photo.boxes[alignment.index],
        },
        "A detector finds the face and its eyes; a square around it is cut out, turned until the eyes are level, "
        f"and shrunk to {size} × {size} pixels. This crop is all that the model ever sees.",
        {"Detector": "a network, made elsewhere, that finds faces in photos.",
         "Crop": "the part of a photo that is cut out.",
         "Pixel": "one dot of a picture: three numbers, red, green and blue."},
        [],
        [
            Formula(
                "So many pixels of the photo, each way, are averaged into one pixel of the crop, which is S pixels "
                "wide.",
                r"s = \frac{\text{side of the square}}{S}",
                rf"s = \frac{{{wide:.0f}}}{{{size}}} = {wide / size:.2f}",
            ),
            Formula(
                "The crop is turned back by the angle at which the line between the eyes stands.",
                r"\theta = \text{tilt of the eyes}", rf"\theta = {alignment.tilt:.1f}\circ",
                "this project; the papers crop without turning",
            ),
        ],
    )  # fmt: skip


def view(case: Case, other: Shown) -> Drawn:
    """Find view and light."""
    codes = case.way.codes
    yaw, pitch, roll, x, y, z = codes.view[0].tolist()
    ambient, diffuse, dx, dy = codes.light[0].tolist()
    if case.way.is_own:
        scene, layer = case.way.guess(), "rebuilt"
        words = "The grey head is the average face, learned from all training pictures. "
        blocks = [("view_net", "reads the pose off the crop"), ("light_net", "reads the light off the crop")]
    else:
        scene, layer, words = case.way.in_one_colour(), "rebuilt", ""
        blocks = [("netV", "reads the pose off the crop"), ("netL", "reads the light off the crop")]
    mirrored = case.way.mirrored_codes.view[0, 0].item()
    looks = " and ".join(
        f"{abs(angle):.0f}° {ways[angle < 0]}"
        for angle, ways in ((yaw, ("to the picture's right", "to the picture's left")), (pitch, ("up", "down")))
        if abs(angle) >= STRAIGHT
    )
    return Drawn(
        relief(
            [("Turned and lit as in the photo", scene)], layer, "turn", scene.render(SIDE)[0][0], swing="own",
            beside=[pair(case.way.crop[0], "The crop")],
        ),
        f"Two small networks look at the crop. One says which way the head looks: "
        f"{looks or 'nearly straight ahead'}. The other says where the "
        f"light comes from. {words}Watch the head take that pose.",
        {
            "Network": "a chain of simple steps with numbers that training has set.",
            "View": "the head's pose: three angles (yaw: left and right, pitch: up and down, roll: tilt) and a shift.",
            "Light": "how bright it is everywhere (ambient), and how bright and from where a lamp shines (diffuse).",
        },
        named(case, blocks),
        [
            Formula(
                "Mirror the photo I and the head must look the other way. The network's answers for both are averaged "
                "so that this holds exactly: here are both yaws."
                if case.way.is_own
                else "The yaw of the mirrored photo should be the opposite of that of the photo I: here are both.",
                r"\text{yaw}(I) = -\text{yaw}(I_{\text{mirrored}})",
                rf"{yaw:.2f}\circ \approx -{signed(mirrored)}\circ", "symmetry of view: this project",
            ),
            Formula(
                "The view is six numbers: three angles in degrees, and shifts right, down and away, where the camera "
                "is 1 away from the head.",
                r"w = (\text{yaw}, \text{pitch}, \text{roll}, x, y, z)",
                rf"w = ({yaw:.1f}\circ, {pitch:.1f}\circ, {roll:.1f}\circ, {x:.3f}, {y:.3f}, {z:.3f})",
                "Unsup3D, section 3.1",
            ),
            Formula(
                "The light is four numbers: ambient and diffuse strength, then x and y of the direction in which it "
                "travels.",
                r"l = (k_s, k_d, l_x, l_y)", rf"l = ({ambient:.2f}, {diffuse:.2f}, {dx:.2f}, {dy:.2f})",
                "Unsup3D, sections 3.1 and 3.3",
            ),
        ],
    )  # fmt: skip


def front(case: Case, other: Shown) -> Drawn:
    """Turn the face to the front."""
    if not case.way.is_own:
        return PAPER
    way = case.way
    places = way.looked_up()
    start = SPOT
    at = sampled(places, MAP)
    row, column = round((start[1] + 1) / 2 * (MAP - 1)), round((start[0] + 1) / 2 * (MAP - 1))
    u, v = at[row, column].tolist()
    own_u, own_v = 2 * column / (MAP - 1) - 1, 2 * row / (MAP - 1) - 1
    return Drawn(
        {
            "kind": "probe", "left": pair(way.input[0], "The crop"), "right": pair(way.front[0], "Turned to the front"),
            "map": rounded(at.flatten(0, 1)), "side": MAP, "start": [own_u, own_v],
            "turning": [src(image) for image in way.turning(COUNT)],
        },
        "Every point of the frontal face looks up its colour in the crop: where that point of the average face lies "
        "when the head is turned. What cannot be seen is taken from the other half of the face. Move the pointer over "
        "either picture.",
        {"Frontal": "seen straight from the front."},
        named(case, [("view_net", "gives the view by which it is turned back")]),
        [
            Formula(
                "A point (u, v) of the front, each from −1 to 1, is lifted to its depth d, how far it is from the "
                "camera (h is half the width that the camera sees at depth 1), turned and shifted by the view (R, t) "
                "about c = (0, 0, 1), and projected (π) onto the crop.",
                r"p = \pi ( R (P - c) + c + t ), \quad P = d \cdot (h u, h v, 1)",
                rf"(u, v) = ({own_u:.2f}, {own_v:.2f}) \to ({u:.2f}, {v:.2f})",
                "Unsup3D, section 3.1, eq. 1 (backwards)",
            ),
        ],
    )  # fmt: skip


def unlit(case: Case, other: Shown) -> Drawn:
    """Divide the light out."""
    if not case.way.is_own:
        return PAPER
    way = case.way
    lit, share, colour = way.unlit_numbers()
    return Drawn(
        frames(
            way.unlighting(COUNT), percent("of the light taken off"), "Light taken off",
            beside=[pair(2 * way.front_shading[0].expand(3, -1, -1) - 1, "Light that falls on it")], mark=list(SPOT),
        ),
        "A dark place has a dark colour, or it lies in shadow. The shape, which a later scene shows, and the light say "
        "how much light falls on each point; dividing by it leaves the face's own colour.",
        {"Albedo": "the colour that a thing has by itself, without light and shadow."},
        named(case, [("light_net", "gives the light"), ("shape_encoder", "reads the shape off the front"),
                     ("shape_decoder", "draws that shape, on which light falls")]),
        [
            Formula(
                "Albedo is the colour seen, I, divided by the light that falls there: ambient, plus diffuse times how "
                "squarely the surface (which faces along n) meets the light (which travels along l). At the marked "
                "place on the cheek, in shares of white; a little mirrored colour may be mixed in where the face is "
                "turned away.",
                r"a = \frac{I}{k_s + k_d \max (0, -\b{n} \cdot \b{l})}",
                rf"{colour:.2f} \approx \frac{{{lit:.2f}}}{{{share:.2f}}} = {lit / share:.2f}",
                "Unsup3D, section 3.3, solved for a",
            ),
        ],
    )  # fmt: skip


def layout(case: Case, other: Shown) -> Drawn:
    """Lay the face out as the average face is."""
    if not case.way.is_own:
        return PAPER
    way = case.way
    (u, v), (du, dv), pixels = way.farthest_slide()
    net = way.pipeline.warp_picture(way.codes, SIDE)
    return Drawn(
        frames(
            way.laying_out(COUNT), percent("of the way"), "Way to the average layout",
            beside=[] if net is None else [pair(net[0], "A net, bent as this face bends it")],
            mark=[u, v],
        ),
        "No two faces have the mouth in the same place. Here a warp slides every feature (eyes, nose, mouth) to where "
        f"the average face has it, so that the same pixel is the same part of every face. The farthest slide here is "
        f"{pixels:.1f} of {way.crop.shape[-1]} pixels.",
        {"Warp": "a picture bent like rubber: every point moves a little.",
         "Layout": "where the features of a face lie."},
        named(case, [("layout_encoder", f"reads {way.layout_length} numbers: how the features lie"),
                     ("layout", "turns them into a slide for every point")]),
        [
            Formula(
                "A point p of the average face looks up its colour on this face at p + D(p): D is the slide. At the "
                "marked place, where this face differs most, in half widths of the picture.",
                r"\bar{a}(p) = a(p + D(p))",
                rf"\bar{{a}}({u:.2f}, {v:.2f}) = a({u + du:.3f}, {v + dv:.3f})",
                "this project, after Shu et al., ECCV 2018",
            ),
            Formula(
                "The slide is a weighted sum: each number of the code (the row of numbers that stands for a face) "
                "times its own pattern of movement. So movements of two faces can be added.",
                r"D = \sum_k z_k D_k", "", "this project",
            ),
        ],
    )  # fmt: skip


def texture(case: Case, other: Shown) -> Drawn:
    """Write the colours in a few numbers."""
    if not case.way.is_own:
        return PAPER
    way = case.way
    length = way.codes.texture.shape[1]
    counts = [count for count in COUNTS if count < length] + [length]
    shares = [way.explained_share(count) for count in counts]
    first = way.texture_axes[0][0, :3].tolist()
    return Drawn(
        frames(
            torch.cat([way.texture_with(count) for count in counts]),
            [f"{count} number{'s' * (count != 1)}: {share:.0%} of what sets this face apart" if count else
             "0 numbers: the average face" for count, share in zip(counts, shares, strict=True)],
            "Numbers of texture", beside=[pair(way.face.albedo[0], "The colours to be told")], pause=True,
        ),
        f"{length} numbers say what colours this face has: its texture code. Each number adds a picture to the "
        "average face. The first few say most, the last are small things.",
        {"Code": "the row of numbers that stands for a face inside the model.",
         "Texture": "the colours of a face, laid out in the average layout."},
        named(case, [("texture_encoder", "corrects the numbers that a projection onto the pictures gives"),
                     ("texture_basis", "adds the pictures up")]),
        [
            Formula(
                "The albedo is the average plus every number times its picture. Sorted so that the first tell most, "
                "the first three numbers of this face are these.",
                r"\bar{a} = \bar{a}_0 + \sum_k z_k a_k",
                rf"\bar{{a}} = \bar{{a}}_0 + {' + '.join(f'{signed(z, 1)} a_{k + 1}' for k, z in enumerate(first))}"
                r" + \text{…}",
                "after Turk & Pentland 1991; Blanz & Vetter 1999",
            ),
            Formula(
                f"So much of what sets this face's colours apart from the average is told by the first {counts[3]} "
                "numbers: their share of the sum of squares.",
                r"\frac{\sum_{k \le K} z_k^2}{\sum_k z_k^2}", f"{shares[3]:.3f}",
            ),
        ],
    )  # fmt: skip


def refined(case: Case, other: Shown) -> Drawn:
    """Sharpen the colours."""
    if not case.way.is_own:
        return PAPER
    coarse, fine = case.way.refined
    change = case.way.refinement()
    return Drawn(
        {"kind": "wipe", "left": pair(coarse[0], "Sum of pictures"), "right": pair(fine[0], "Refined")},
        "A sum of pictures is soft. One more network, the refiner, looks at it and at the code and draws lashes, "
        "lips and skin sharper. It has learned what faces look like: what it adds is likely, not known.",
        {"Refiner": "the network that sharpens."},
        named(case, [("refiner", "adds detail to the soft picture, heeding the code")]),
        [
            Formula(
                "The refiner is given the soft picture ā and the texture code, and adds a correction. On average it "
                "changes a colour by this much, in shares of white.",
                r"a = \bar{a} + \text{refiner}(\bar{a}, z_a)",
                rf"\mean |\text{{refiner}}| = {change:.3f}", "this project",
            ),
        ],
    )  # fmt: skip


def shape(case: Case, other: Shown) -> Drawn:
    """Give the face its relief."""
    way = case.way
    light = torch.tensor([[0.3, 0.7, 0.5, 0.4]])
    flat = torch.zeros(1, 6)
    if not way.is_own:
        scenes = [("Depth of this face", clay(way.scene.depth, flat, light))]
        formula = []
        blocks = [("netD", "draws depth")]
    else:
        steps = way.reliefs()
        labels = ("The average face", "… laid out as this face is", "… with this face's own relief")
        scenes = [(label, clay(depth, flat, light)) for label, depth in zip(labels, steps, strict=True)]
        one, two, three, own = way.relief_numbers(steps)
        formula = [
            Formula(
                "Depth at the cheek, as it is put together: average, laid out, with its own relief (r; tanh keeps "
                "depth between 0.9 and 1.1). The camera is at depth 0, the head turns about depth 1.",
                r"d = 1 + \frac{1}{10} \tanh ( r_{\text{laid out}} + r_{\text{own}} - \text{mean} )",
                rf"{one:.3f} \to {two:.3f} \to {three:.3f}",
                "Unsup3D, section 3.1; average and own: this project",
            ),
            Formula(
                "How much is this face's own: the mean height of its own relief divided by that of the average face.",
                r"\frac{\mean |d - d_{\text{laid out}}|}{\mean |d_{\text{average}} - 1|}",
                f"{own:.2f}",
            ),
        ]
        blocks = [
            ("shape_encoder", f"reads {way.net.depth_code} numbers of relief off the front"),
            ("shape_decoder", "draws that relief"),
        ]
    return Drawn(
        relief(scenes, "rebuilt", "turn", scenes[-1][1].render(SIDE)[0][0]),
        "Depth, how far away each point is, was never shown to the model. The model found depth, since one shape must "
        "explain a face from all sides. It starts from the average face and adds what is this face's own. Drag the "
        "face to turn it.",
        {"Relief": "how far each point stands out.", "Shape code": "the numbers of relief and layout together."},
        named(case, blocks), formula,
    )  # fmt: skip


def depth(case: Case, other: Shown) -> Drawn:
    """Show depth."""
    way = case.way
    numbers = way.normal_numbers()
    near, far = (float(value) for value in (way.scene.depth.min(), way.scene.depth.max()))
    return Drawn(
        relief([("Near is bright", straight(way.scene))], "depth", "turn", depth_picture(way.scene.depth)[0]),
        f"One number for each pixel: how far its point is from the camera. The nearest point of this face lies at "
        f"{near:.3f}, the farthest at {far:.3f}, where 1 is the middle of the head. How far to the side and how high "
        "the point lies follows from where its pixel is.",
        {"Depth map": "a picture whose numbers are distances."},
        named(case, decoders(case)),
        [
            Formula(
                "A pixel (u, v), each from −1 to 1, and its depth d are a point P in space; h is half the width that "
                "the camera sees at depth 1. At the cheek:",
                r"P = (h u d, h v d, d)",
                rf"P = ({numbers['px']:.3f}, {numbers['py']:.3f}, {numbers['pz']:.3f})", "Unsup3D, section 3.1",
            ),
        ],
    )  # fmt: skip


def normals(case: Case, other: Shown) -> Drawn:
    """Show normals."""
    way, n = case.way, case.way.normal_numbers()
    return Drawn(
        relief([("Red faces right, green up", straight(way.scene))], "normals", "turn",
               normal_picture(way.scene.depth)[0]),
        "From each point take a step right and a step down along the surface. The arrow at right angles to both is "
        "the normal: it says which way the surface faces.",
        {"Normal": "the arrow at right angles to a surface, of length one."},
        named(case, decoders(case)),
        [
            Formula(
                "The cross product of the two steps, brought to length one. At the cheek, steps in thousandths:",
                r"\b{n} = \normalise ( \partial_v P \times \partial_u P )",
                rf"({xyz(n, 's', 1000, 1)}) \times ({xyz(n, 'r', 1000, 1)}) \to ({xyz(n, 'n', 1, 2)})",
                "Unsup3D, section 3.1",
            ),
        ],
    )  # fmt: skip


def shading(case: Case, other: Shown) -> Drawn:
    """Let light fall on the shape."""
    way, n, s = case.way, case.way.normal_numbers(), case.way.shading_numbers()
    scene = straight(way.in_one_colour())
    return Drawn(
        relief([("Light alone, on white", scene)], "rebuilt", "light", scene.canonical[0]),
        "Where the surface faces the lamp it is bright, where it turns away only the ambient light is left. Drag to "
        "move the lamp.",
        {"Shading": "how bright each point would be if the face were white."},
        named(case, [("light_net" if way.is_own else "netL", "gave these four numbers of light")]),
        [
            Formula(
                "Ambient light, plus the lamp's times how squarely the surface faces it (Lambert's law). At the cheek; "
                "the light falls on slightly smoothed depth, so the normal differs a little from the last scene's.",
                r"s = k_s + k_d \max (0, -\b{n} \cdot \b{l})",
                rf"{s['share']:.2f} = {s['ambient']:.2f} + {s['diffuse']:.2f} \cdot {s['facing']:.2f}",
                "Unsup3D, section 3.3",
            ),
            Formula(
                "The direction in which the light travels, brought to length one, and the normal.",
                r"\b{l} = \normalise (l_x, l_y, 1), \quad \b{n}",
                rf"\b{{l}} = ({s['lx']:.2f}, {s['ly']:.2f}, {s['lz']:.2f}), \quad \b{{n}} = ({xyz(n, 'n', 1, 2)})",
            ),
        ],
    )  # fmt: skip


def rendered(case: Case, other: Shown) -> Drawn:
    """Draw the face at the photo's view."""
    way, r, s = case.way, case.way.rendered_numbers(), case.way.shading_numbers()
    return Drawn(
        relief([("Rebuilt", way.scene)], "rebuilt", "turn", way.scene.render(SIDE)[0][0], swing="own",
               beside=[pair(way.crop[0], "The crop")]),
        "Colour times light gives the lit face; turned back to the view it was found at, it ought to be the photo "
        "again. Nothing but the numbers of shape, colours, light and view went from the photo to this picture.",
        {"Rendering": "drawing a picture of a shape in space."},
        named(case, decoders(case)),
        [
            Formula(
                "Lighting Λ is colour times shading. At the cheek, in shares of white:",
                r"J = \Lambda (a, d, l) = a \cdot s",
                rf"{r['lit']:.2f} \approx {r['albedo']:.2f} \cdot {s['share']:.2f}",
                "Unsup3D, section 3.3",
            ),
            Formula(
                "Rendering Π draws the lit face under the view. The cheek lands here, and the photo I has this colour "
                "there.",
                r"\hat{I} = \Pi ( \Lambda (a, d, l), d, w )",
                rf"\hat{{I}}({r['u']:.2f}, {r['v']:.2f}) = {r['lit']:.2f}, \quad I = {r['photo']:.2f}",
                "Unsup3D, eq. 1",
            ),
        ],
    )  # fmt: skip


def loss(case: Case, other: Shown) -> Drawn:
    """Show what training makes small."""
    way = case.way
    plain, mirrored = likelihoods(way.scene, way.crop, way.log_sigma)
    total = plain.mean + MIRRORED * mirrored.mean
    start, (error, sigma, value) = plain.worst()
    return Drawn(
        {
            "kind": "pixels", "photo": pair(way.crop[0], "Photo"), "side": LOSS_SIDE,
            "parts": [maps(plain, "As it is"), maps(mirrored, "Mirrored face")],
            "start": start,
        },
        "Training makes one number small: how far the drawn picture and the photo lie apart, pixel by pixel. The "
        "network may say where it expects to be wrong, and is then blamed less there, but pays for saying so. The same "
        "is done with the face mirrored: that is how the network learned that faces have two like halves. Move the "
        "pointer over the pictures.",
        {"Loss": "the number that training makes small.",
         "Confidence": "how small an error the network expects at a pixel; σ is that error."},
        named(case, [("confidence_net" if way.is_own else "netC", "says where errors are to be expected")]),
        [
            Formula(
                "An error e costs more where a small error σ was expected; expecting more costs a little everywhere. "
                "At this face's worst pixel (colours go from −1 to 1):",
                r"\frac{\sqrt{2} e}{\sigma} + \log \sigma",
                rf"\frac{{\sqrt{{2}} \cdot {error:.2f}}}{{{sigma:.2f}}} + \log {sigma:.2f} = {value:.2f}",
                "Unsup3D, eq. 3",
            ),
            Formula(
                "The mean over the picture, plus half of that of the mirrored face.",
                r"L = L(\hat{I}, I) + \frac{1}{2} L(\hat{I}_{\text{mirrored}}, I)",
                rf"{total:.2f} = {plain.mean:.2f} + 0.5 \cdot {signed(mirrored.mean)}", "Unsup3D, eq. 2 and 4",
            ),
        ],
    )  # fmt: skip


def maps(likelihood: Likelihood, label: str) -> dict:
    """Write one reconstruction's maps for the page."""
    error, sigma, mask = likelihood.thinned(LOSS_SIDE)
    return {
        "label": label, "src": src(likelihood.drawn[0].clamp(-1, 1)), "error": rounded(error.flatten()),
        "sigma": rounded(sigma.flatten()), "mask": [int(value) for value in mask.flatten().tolist()],
    }  # fmt: skip


def clay(depth: torch.Tensor, view: torch.Tensor, light: torch.Tensor) -> Scene:
    """Make a grey relief of depth 1 x S x S."""
    return Scene(depth, torch.full((1, 3, *depth.shape[1:]), 0.6), view, light)


def straight(scene: Scene) -> Scene:
    """Turn a scene to the front, its light as it is."""
    return Scene(scene.depth, scene.albedo, torch.zeros_like(scene.view), scene.light, softness=scene.softness)


def xyz(numbers: dict[str, float], name: str, factor: float, digits: int) -> str:
    """Write three coordinates."""
    return ", ".join(f"{factor * numbers[name + axis]:.{digits}f}" for axis in "xyz")


def percent(words: str) -> list[str]:
    """Caption the pictures of a movement."""
    return [f"{k / (COUNT - 1):.0%} {words}" for k in range(COUNT)]


def decoders(case: Case) -> list[tuple[str, str]]:
    """Name the networks that draw depth."""
    return [("shape_decoder", "draws depth from the shape code")] if case.way.is_own else [("netD", "draws depth")]


def named(case: Case, roles: list[tuple[str, str]]) -> list[tuple[Block, str]]:
    """Find the networks of stage 1 by name."""
    return [(case.way.blocks[name], role) for name, role in roles]


SCENES = (
    HowScene("photo", CHAPTER, "Find the face", photo),
    HowScene("view", CHAPTER, "Pose and light", view),
    HowScene("front", CHAPTER, "Turn it to the front", front),
    HowScene("unlit", CHAPTER, "Take the light off", unlit),
    HowScene("layout", CHAPTER, "Lay it out like the average face", layout),
    HowScene("texture", CHAPTER, "Its colours in a few numbers", texture),
    HowScene("refined", CHAPTER, "Sharpen", refined),
    HowScene("relief", CHAPTER, "Its shape", shape),
    HowScene("depth", CHAPTER, "How far away?", depth),
    HowScene("normals", CHAPTER, "Which way does it face?", normals),
    HowScene("shading", CHAPTER, "Put the light back", shading),
    HowScene("rendered", CHAPTER, "Draw it again", rendered),
    HowScene("loss", CHAPTER, "How wrong is it?", loss),
)
