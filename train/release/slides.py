"""`python -m train slides`: pictures for a lesson, one PNG a step of both methods, worked out of the loaded networks.

Pictures and numbers are those of latentface/explain, as in tab How it works. Steps that a checkpoint does not have are
left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from latentface.checkpoints import CONFIG, DEFAULT, find, load_network, load_pipeline, shown_name
from latentface.codes import Codes, Scene
from latentface.explain.branches import Branches
from latentface.explain.diffusion import Diffusion
from latentface.explain.loss import likelihoods
from latentface.explain.way import COUNTS, Way
from latentface.gallery import Gallery
from latentface.pcl import PCL
from latentface.pictures import depth_picture, normal_picture, picture
from latentface.pipeline import LatentFacePipeline
from latentface.rendering import render
from train.release.slide_page import Panel, Slide, page

SIDE = 600
"""Side in pixels of a picture before it is set."""
PEOPLE, FRAMES = 3, 6
"""People of the gallery that are shown, and pictures of each."""
SIDE_LIGHT = (0.3, 0.7, 0.5, 0.4)
"""Ambient, diffuse, x, y of the light on a relief in one colour."""
STRENGTHS = (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Factors of an expression that are drawn."""
ONE, TWO, PCL_PAPER = "LatentFace, section 3.1; Unsup3D", "LatentFace, section 3.2", "PCL, section 3"


@dataclass(frozen=True)
class Lesson:
    """The faces that the slides are about."""

    pipeline: LatentFacePipeline
    crop: Tensor
    """1 x 3 x S x S in [-1, 1], eyes level: the face that goes all the way."""
    other: Tensor
    """The same of the face whose expression is put on."""
    people: Tensor
    """P x F x 3 x S x S: pictures of several people."""
    pcl: PCL | None = None

    @cached_property
    def way(self) -> Way:
        """The face's way through stage 1."""
        return Way(self.pipeline, self.crop)

    @cached_property
    def diffusion(self) -> Diffusion:
        """Its way through stage 2."""
        return Diffusion(self.pipeline, self.way.codes)

    @cached_property
    def branches(self) -> Branches:
        """The face, and the people's first pictures, as PCL sees them."""
        assert self.pcl is not None
        crops = [self.crop, *self.people[:, 0].split(1)]
        return Branches.of_sizes(self.pcl, crops)

    def faces(self, codes: Codes) -> Tensor:
        """Draw codes from the front, B x 3 x S x S."""
        return self.pipeline.decode(codes).canonical.clamp(-1, 1)


def panel(image: Tensor, label: str = "") -> Panel:
    """Make a picture of 3 x S x S in [-1, 1]."""
    return Panel(picture(image, SIDE), label)


def grey(values: Tensor, top: float) -> Tensor:
    """Draw a map of numbers in grey.

    Args:
        values: S x S, from 0, black, to `top`, white.
        top: the largest number.

    Returns:
        3 x S x S in [-1, 1].
    """
    return (2 * values / max(top, 1e-6) - 1).clamp(-1, 1).expand(3, -1, -1)


def clay(depth: Tensor) -> Tensor:
    """Draw a relief in grey under a light from the side.

    Args:
        depth: 1 x S x S.

    Returns:
        3 x S x S.
    """
    white = torch.full((1, 3, *depth.shape[1:]), 0.3)
    light = torch.tensor([SIDE_LIGHT])
    return Scene(depth, white, torch.zeros(1, 6), light).canonical[0]


def overview(lesson: Lesson) -> Slide:
    """Show what one photo is taken apart into."""
    way = lesson.way
    scene = way.scene
    white = way.in_one_colour().canonical[0]
    row = [
        panel(way.crop[0], "photo"), panel(depth_picture(scene.depth)[0], "depth: near is bright"),
        panel(scene.albedo[0], "colour without light"), panel(white, "light alone, on white"),
        panel(scene.render()[0][0], "drawn from these parts"),
    ]  # fmt: skip
    words = "One photo goes in. Out come a shape, a colour, a light and a view. Nobody ever showed the model a depth."
    return Slide("overview", "One photo, taken apart", words, ONE, [row])


def view(lesson: Lesson) -> Slide | None:
    """Show the pose and the light that were found."""
    way = lesson.way
    if not way.is_own:
        return None
    yaw, pitch, roll = way.codes.view[0, :3].tolist()
    ambient, diffuse = way.codes.light[0, :2].tolist()
    row = [
        panel(way.crop[0], "photo"),
        panel(way.guess().render()[0][0], "the average face in that pose and light"),
    ]
    words = (
        f"Two small networks read the pose ({yaw:.0f} degrees sideways, {pitch:.0f} up, {roll:.0f} tilted) "
        f"and the light ({ambient:.0%} from everywhere, {diffuse:.0%} from a lamp)."
    )
    return Slide("view", "Which way does it look, and where is the lamp?", words, ONE, [row])


def front(lesson: Lesson) -> Slide | None:
    """Show the face being turned to the front."""
    if not lesson.way.is_own:
        return None
    turned = lesson.way.turning(5)
    row = [panel(image, label) for image, label in zip(turned, ("photo", "", "", "", "to the front"), strict=True)]
    words = (
        "Every point of the frontal face looks up its colour in the photo. What is hidden comes from the other half."
    )
    return Slide("front", "Turned to the front", words, "A step of this project", [row])


def unlit(lesson: Lesson) -> Slide | None:
    """Show the light being divided out."""
    if not lesson.way.is_own:
        return None
    lit = lesson.way.unlighting(4)
    shading = grey(lesson.way.front_shading[0, 0], float(lesson.way.front_shading.max()))
    row = [panel(shading, "light that falls on it"), *(panel(one) for one in lit[:-1]), panel(lit[-1], "without light")]
    words = "Dark is a dark colour, or it is shadow. Dividing by the light leaves the face's own colour, the albedo."
    return Slide("unlit", "The light is divided out", words, "A step of this project", [row])


def layout(lesson: Lesson) -> Slide | None:
    """Show features being moved to where the average face has them."""
    if not lesson.way.is_own:
        return None
    moved = lesson.way.laying_out(4)
    labels = ("this face", "", "", "laid out as the average face")
    row = [panel(image, label) for image, label in zip(moved, labels, strict=True)]
    far = lesson.way.farthest_slide()[2]
    words = f"Eyes to the average face's eyes, mouth to mouth: so colours compare. Farthest move: {far:.1f} pixels."
    return Slide("layout", "Laid out as the average face is", words, "A step of this project", [row])


def texture(lesson: Lesson) -> Slide | None:
    """Show the colours from more and more numbers."""
    way = lesson.way
    if not way.is_own:
        return None
    length = way.codes.texture.shape[1]
    counts = [count for count in COUNTS if count < length] + [length]
    labels = [f"{n} number{'s' * (n != 1)}: {way.explained_share(n):.0%}" if n else "the average face" for n in counts]
    row = [panel(way.texture_with(count)[0], label) for count, label in zip(counts, labels, strict=True)]
    words = (
        "Each number adds one picture, those first that tell people apart most. The percentage: how much of what sets "
        "this face's colours apart from the average is told."
    )
    return Slide("texture", "Its colours in a few numbers", words, "After Turk & Pentland 1991", [row])


def refined(lesson: Lesson) -> Slide | None:
    """Show the colours before and after sharpening."""
    if not lesson.way.is_own:
        return None
    coarse, fine = lesson.way.refined
    row = [panel(coarse[0], "sum of pictures"), panel(fine[0], "refined")]
    words = "One more network draws lashes, lips and skin sharper. What it adds is likely, not known."
    return Slide("refined", "Sharpened", words, "A step of this project", [row])


def relief(lesson: Lesson) -> Slide | None:
    """Show the shape as it is put together."""
    way = lesson.way
    if not way.is_own:
        return None
    labels = ("the average face", "laid out as this face is", "with this face's own relief")
    row = [panel(clay(depth), label) for depth, label in zip(way.reliefs(), labels, strict=True)]
    words = "The model found depth by itself: one shape must explain a face from all sides."
    return Slide("relief", "Its shape", words, ONE, [row])


def maps(lesson: Lesson) -> Slide:
    """Show depth, normals and shading."""
    scene = lesson.way.scene
    near, far = float(scene.depth.min()), float(scene.depth.max())
    row = [
        panel(depth_picture(scene.depth)[0], f"depth, {near:.3f} to {far:.3f}"),
        panel(normal_picture(scene.depth)[0], "normals: red faces right, green up"),
        panel(lesson.way.in_one_colour().canonical[0], "shading: how much light comes back"),
    ]
    words = "From depth follows which way the surface faces; from that and the lamp, how bright it is (Lambert's law)."
    return Slide("maps", "Depth, normals, light", words, "Unsup3D, sections 3.1 and 3.3", [row])


def rendered(lesson: Lesson) -> Slide:
    """Show the picture being drawn again."""
    scene = lesson.way.scene
    row = [
        panel(scene.albedo[0], "colour"), panel(scene.canonical[0], "times light"),
        panel(scene.render()[0][0], "turned to the photo's view"), panel(lesson.crop[0], "the photo"),
    ]  # fmt: skip
    words = (
        "Colour times light, turned to the view: it ought to be the photo again. Training makes the difference small."
    )
    return Slide("rendered", "Drawn again", words, "Unsup3D, eq. 1", [row])


def turned(lesson: Lesson) -> Slide:
    """Show the face from sides that the photo does not show."""
    scene = lesson.way.scene
    angles = (-40.0, -20.0, 0.0, 20.0, 40.0)
    drawn = [
        render(scene.canonical, scene.depth, scene.view.new_tensor([[angle, 0, 0, 0, 0, 0]]))[0][0] for angle in angles
    ]
    row = [panel(image, f"{angle:.0f} degrees") for image, angle in zip(drawn, angles, strict=True)]
    words = "Once there is a shape, the face can be seen from sides that no camera saw. What was hidden is a guess."
    return Slide("turned", "From other sides", words, ONE, [row])


def loss(lesson: Lesson) -> Slide:
    """Show what training makes small."""
    plain, mirrored = likelihoods(lesson.way.scene, lesson.crop, lesson.way.log_sigma)
    top = float(torch.stack([plain.error, mirrored.error, plain.sigma, mirrored.sigma]).max())
    rows = [
        [
            panel(lesson.crop[0], "photo"), panel(one.drawn[0].clamp(-1, 1), label),
            panel(grey(one.error, top), "error"), panel(grey(one.sigma, top), "error it expects"),
        ]
        for one, label in ((plain, "drawn again"), (mirrored, "drawn with the face mirrored"))
    ]  # fmt: skip
    words = "Errors count less where the model expects them, but expecting them costs. The mirrored face must fit too."
    return Slide("loss", "How wrong is it?", words, "Unsup3D, eq. 2 to 4", rows)


def people(lesson: Lesson) -> Slide:
    """Show several pictures of each person, and their mean code drawn."""
    rows = []
    for crops in lesson.people:
        codes = lesson.pipeline.encode(crops)
        mean = lesson.diffusion.faces(lesson.pipeline.denoiser.standardize(codes.face).mean(0, keepdim=True))
        rows.append([*(panel(crop) for crop in crops), panel(lesson.faces(mean)[0])])
    words = (
        "A row is one person. Last: the mean of their codes, drawn. It shows what their pictures share, and that is "
    )
    return Slide(
        "people", "Other pictures say who you are", words + "what stage 2 learns to guess from one.", TWO, rows
    )


def noise(lesson: Lesson) -> Slide:
    """Show an identity drowning in noise."""
    diffusion = lesson.diffusion
    noisy, times = diffusion.noised(), diffusion.times
    some = list(range(0, len(times), 2)) + [len(times) - 1]
    drawn = lesson.faces(diffusion.faces(torch.cat([noisy[k] for k in some])))
    labels = [f"{diffusion.alpha(times[k]):.0%} face" for k in some]
    row = [panel(image, label) for image, label in zip(drawn, labels, strict=True)]
    words = (
        "A diffusion model learns by repairing: a code is mixed with random numbers, and it has to find it again. "
        "Drawn as a face, such numbers are nobody."
    )
    return Slide("noise", "Noise", words, f"{TWO} (DDPM); {diffusion.schedule()}".replace("β", "beta"), [row])


def denoise(lesson: Lesson) -> Slide:
    """Show the way from noise to an identity."""
    diffusion = lesson.diffusion
    steps = diffusion.denoising()
    walk = lesson.faces(diffusion.faces(torch.cat([step.noisy for step in steps] + [steps[-1].clean])))
    guess = lesson.faces(diffusion.faces(torch.cat([step.clean for step in steps])))
    above = [panel(image, f"before step {k + 1}") for k, image in enumerate(walk[:-1])] + [panel(walk[-1], "the end")]
    below = [panel(image, f"guess of step {k + 1}") for k, image in enumerate(guess)]
    told = "Its first guess is already nearly its last." if diffusion.is_settled(steps) else "Its guess changes."
    words = f"Backwards: from pure noise, told this face's code, it guesses the identity, step by step. {told}"
    return Slide("denoise", "Denoising", words, f"{TWO} (DDIM)", [above, below])


def split(lesson: Lesson) -> Slide:
    """Show one identity with more and less of its expression."""
    drawn = lesson.faces(lesson.diffusion.expressed(list(STRENGTHS)))
    row = [panel(image, f"{strength:g} x expression") for image, strength in zip(drawn, STRENGTHS, strict=True)]
    words = (
        "The guess is the identity; the rest of the code is the expression. Identity + expression = code. "
        f"This expression is {lesson.diffusion.share():.2f} times as long as what sets the code apart from the mean."
    )
    return Slide("split", "Identity and expression", words, TWO, [row])


def swap(lesson: Lesson) -> Slide:
    """Show another's expression being put on."""
    strengths = [0.0, 0.5, 1.0, 1.5]
    drawn = lesson.faces(lesson.diffusion.expressed(strengths, lesson.pipeline.encode(lesson.other)))
    row = [panel(lesson.crop[0], "A"), panel(lesson.other[0], "B")]
    row += [panel(image, f"A + {strength:g} x B") for image, strength in zip(drawn, strengths, strict=True)]
    words = "Parts are numbers, and numbers add up: the identity of A plus the expression of B. That is all a swap is."
    return Slide("swap", "A swap is a sum", words, TWO, [row])


def four(lesson: Lesson) -> Slide | None:
    """Show PCL's four reconstructions."""
    if lesson.pcl is None:
        return None
    seen = lesson.branches
    names = ("photo's face, photo's pose", "photo's face, mirror's pose", "mirror's face, photo's pose",
             "mirror's face, mirror's pose")  # fmt: skip
    image, errors = seen.images[0], seen.errors()
    row = [panel(image, "photo"), panel(image.flip(-1), "its mirror image")]
    row += [panel(one.clamp(-1, 1), name) for one, name in zip(seen.reconstructions(), names, strict=True)]
    words = (
        "Another method, without 3D: a branch for the face, one for the pose. A mirror keeps the face and turns the "
        f"pose. Errors of the four: {', '.join(f'{error:.2f}' for error in errors)}."
    )
    return Slide("four", "PCL: four pictures", words, PCL_PAPER, [row])


def mirror(lesson: Lesson) -> Slide | None:
    """Show how alike PCL's branches find a photo and its mirror image."""
    if lesson.pcl is None:
        return None
    seen, cosines = lesson.branches, lesson.branches.mirror_cosines()
    image = seen.images[0]
    row = [panel(image, "photo"), panel(image.flip(-1), f"face {cosines['face']:.2f}, pose {cosines['pose']:.2f}")]
    row += [panel(one, "another") for one in seen.images[1:]]
    words = (
        "How alike each branch finds photo and mirror image (1: the same, 0: unrelated). With the others, on average: "
        f"face {cosines['other_face']:.2f}, pose {cosines['other_pose']:.2f}."
    )
    return Slide("mirror", "PCL: the mirror tells face and pose apart", words, PCL_PAPER, [row])


SCENES: tuple[Callable[[Lesson], Slide | None], ...] = (
    overview, view, front, unlit, layout, texture, refined, relief, maps, rendered, turned, loss,
    people, noise, denoise, split, swap, four, mirror,
)  # fmt: skip
"""All slides in order."""


def lesson_of(checkpoint: str = DEFAULT, photo: Path | None = None) -> Lesson:
    """Load a checkpoint and the faces.

    Args:
        checkpoint: name, folder or Hub id.
        photo: the face that goes all the way; by default the first of the bundled people.

    Returns:
        The lesson; the other faces are bundled people, who do not exist.

    Raises:
        CheckpointError: the checkpoint can't be loaded.
        PhotoError: the photo can't be read.
        NoFaceError: there is no face in it.
    """
    pipeline, gallery = load_pipeline(checkpoint), Gallery()
    rows = sorted(gallery.singles)
    smiling = max(rows[1:], key=lambda row: gallery.faces[row].get("smile", 0.0))
    by_person: dict[int, list[int]] = {}
    for row, face in enumerate(gallery.faces):
        by_person.setdefault(face["person"], []).append(row)
    shown = [own[:FRAMES] for own in by_person.values() if len(own) >= FRAMES][:PEOPLE]
    crops = torch.stack(
        [torch.cat([pipeline.tensor(gallery.crop(row, pipeline.size)) for row in own]) for own in shown]
    )
    crop = pipeline.read(photo or gallery.picture(rows[0])).level
    pcl = load_network("pcl", PCL) if find("pcl", CONFIG) else None
    return Lesson(pipeline, crop, pipeline.read(gallery.picture(smiling)).level, crops, pcl)


def slides(out: Path, checkpoint: str = DEFAULT, photo: Path | None = None) -> list[Path]:
    """Draw all slides.

    Args:
        out: folder of the PNGs, 1920 x 1080 each.
        checkpoint: name, folder or Hub id.
        photo: see `lesson_of`.

    Returns:
        The files, in the lesson's order.
    """
    lesson = lesson_of(checkpoint, photo)
    whose = "The other people do not exist" if photo else "These people do not exist"
    about = f"Made by latentface from the checkpoint {shown_name(checkpoint)}. {whose}."
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for scene in SCENES:
        slide = scene(lesson)
        if slide is not None:
            written.append(out / f"{len(written) + 1:02d}_{slide.name}.png")
            page(slide, about).save(written[-1])
    return written
