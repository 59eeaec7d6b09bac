"""The README's commands, run at toy size: a command that is wrong there fails here.

Each code block runs line by line in a folder that holds the files the README speaks of. Lengths are shrunk by SMALLER;
everything else is taken as it stands. The two commands of "Start" run in `.ci/run`, which reads them off the README.
"""

import re
import shlex
import tarfile
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

import train.__main__
from app.ui import main as app_main
from latentface.__main__ import main as latentface_main
from tests.conftest import face_picture
from tests.helpers import ROOT, gallery_file
from tests.latentface.test_video import film
from train.data.parametric import truth

README = (ROOT / "README.md").read_text()
PHOTOS = ROOT / "tests" / "data"
SMALLER = (
    (r"--people \d+ --frames 8 --size 128(.*data/imagined)", r"--people 2 --frames 2 --size 32 --workers 1\1"),
    (r"--people \d+ --frames 8 --size 128(.*data/people)", r"--people 21 --frames 3 --size 32 --workers 1\1"),
    (r"(autoencoder|rdm) --preset explorer-128", r"\1 --preset toy"),
    (r"prior --preset explorer", "prior --preset toy"),
    (r"(train autoencoder .*)", r"\1 --images 128 --basis 48 --level 64 --align 32 --layout 16"),
    (r"(train rdm .*)", r"\1 --images 1000"),
    (r"(train truth .*)", r"\1 --size 32 --workers 1"),
)
"""Patterns in a command and what stands there in this test instead."""


def blocks(heading: str, language: str = "bash") -> list[str]:
    """Code blocks of one section of the README."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


def run(line: str) -> int | None:
    """Run one line of a block, smaller, in this process."""
    for pattern, instead in SMALLER:
        line = re.sub(pattern, instead, line)
    words = shlex.split(line, comments=True)
    mains = {
        ("python", "-m", "latentface"): latentface_main,
        ("python", "-m", "train"): train.__main__.main,
        ("python", "app.py"): app_main,
    }
    for start, main in mains.items():
        if tuple(words[: len(start)]) == start:
            return main(words[len(start) :])
    raise AssertionError(f"the README runs something that this test does not know: {line}")


def pack(file: Path, pictures: list[tuple[int, int]]) -> list[str]:
    """Gallery pictures (person, frame), see gallery_file, in a tar; returns their names."""
    names = [f"{person:05d}_{frame}.webp" for person, frame in pictures]
    with tarfile.open(file, "w") as tar:
        for name in names:
            tar.add(gallery_file(int(name[:5]), int(name[6])), name)
    return names


def london(folder: Path) -> None:
    """Three people, neutral and smiling, in the layout of the London set."""
    names = pack(folder / "london_dev.tar", [(person, frame) for person in (13, 4, 2) for frame in (0, 1)])
    rows = [f"{name},{name[:5]},{'smiling' if name[6] == '1' else 'neutral'}" for name in names]
    (folder / "london_dev.csv").write_text("\n".join(["file,person,expression", *rows]) + "\n")


def lfw(folder: Path) -> None:
    """Twelve pairs in three folds in the layout of the LFW tar."""
    people = range(6)
    pack(folder / "lfw_dev.tar", [(person, frame) for person in people for frame in (0, 1)])
    rows = ["fold,same,first,second"]
    for person in people:
        for same, other in ((1, person), (0, person ^ 1)):
            rows.append(f"{person // 2},{same},{person:05d}_0.webp,{other:05d}_1.webp")
    (folder / "lfw_dev_pairs.csv").write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Files under the names that the README gives them."""
    folder = tmp_path_factory.mktemp("readme")
    for name, source in (("photo", "photo"), ("a", "photo"), ("b", "photo_neutral")):
        (folder / f"{name}.jpg").write_bytes((PHOTOS / f"{source}.jpg").read_bytes())
    film(folder / "clip.mp4", [face_picture(36, frame).resize((320, 320)) for frame in (0, 0, 1, 1, 2, 2)], "libx264")
    for name in ("photos", "my_faces"):
        (folder / name).mkdir()
        (folder / name / "one.jpg").write_bytes((PHOTOS / "photo.jpg").read_bytes())
    return folder


@pytest.fixture(autouse=True)
def there(folder, monkeypatch) -> Iterator[None]:
    """Every command runs in that folder; the app builds its page and is not served."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setattr(gr.Blocks, "launch", lambda *_, **__: None)
    yield


def test_the_start_commands_are_those_of_ci():
    start, dev = blocks("Start")
    assert "git clone --depth 1" in start and start.strip().endswith("python app.py")
    assert dev.startswith("make dev")
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.slow
def test_use(folder):
    for line in blocks("Use")[0].strip().splitlines():
        assert run(line) == 0, line
    assert (folder / "faces" / "photo" / "mesh.glb").exists()
    assert (folder / "swapped" / "swap" / "reconstruction.png").exists()
    assert (folder / "codes.safetensors").exists()
    assert (folder / "clip" / "driven.mp4").exists()


@pytest.mark.slow
def test_python():
    names: dict = {}
    exec(blocks("Use", "python")[0], names)
    assert names["picture"].shape[1] == 3


@pytest.mark.slow
def test_train(folder):
    for line in blocks("Train")[0].strip().splitlines():
        assert run(line) == 0, line
    assert (folder / "runs" / "stage2" / "pipeline" / "model_index.json").exists()


@pytest.mark.slow
def test_import():
    line = re.search(r"`(python -m train import [^`]*)`", README)
    assert line and run(line[1]) == 0


@pytest.mark.slow
def test_measure(folder, monkeypatch):
    monkeypatch.setattr(truth, "PARTS", {"validation": range(6), "test": range(400, 402)})
    london(folder)
    lfw(folder)
    for line in blocks("Measure")[0].strip().splitlines():
        assert run(line) == 0, line
        out = re.search(r"--out (\S+\.json)", line)
        assert not out or (folder / out[1]).exists()


def commands() -> list[tuple[str, str]]:
    """Every (package, command) that the README or a page of docs/ names."""
    pages = [README, *(page.read_text() for page in (ROOT / "docs").rglob("*.md"))]
    return sorted({found for page in pages for found in re.findall(r"python -m (train|latentface) ([a-z]+)", page)})


@pytest.mark.parametrize(("package", "command"), commands())
def test_every_command_that_is_named_exists(package, command, capsys):
    main = latentface_main if package == "latentface" else train.__main__.main
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0, capsys.readouterr().err


def links() -> list[tuple[Path, str]]:
    """Every (page, relative link) of the Markdown pages that git would show first."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "assets").glob("*/README.md")]
    pages += (ROOT / "latentface").glob("*.md")
    found = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())]
    return [(page, link) for page, link in found if "://" not in link]


@pytest.mark.parametrize(("page", "link"), links(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_links_lead_somewhere(page, link):
    assert (page.parent / link).exists()


def names() -> list[tuple[str, str]]:
    """Every `file.py:name` of docs/paper-to-code.md."""
    return re.findall(r"`(\w+/[\w/]+\.py):(\w+)`", (ROOT / "docs" / "paper-to-code.md").read_text())


@pytest.mark.parametrize(("file", "name"), names())
def test_paper_to_code_names_what_exists(file, name):
    assert re.search(rf"^(class|def) {name}\b|^{name}\b", (ROOT / file).read_text(), re.M), f"{file} has no {name}"
