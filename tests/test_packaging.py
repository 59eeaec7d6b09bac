"""The wheel holds every file that the packages read at run time; tools/check_types.py counts as it says."""

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

from train.release.space.folder import PARTS

ROOT = Path(__file__).parent.parent


def tracked(*folders: str) -> list[Path]:
    """Files that git tracks below these folders and that are still there."""
    done = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(line) for line in done.stdout.splitlines() if (ROOT / line).exists()]


FLOORS = ("common", "data", "losses", "stage1", "stage2", "evaluation", "contrastive", "release", "commands")
"""Rooms of train/, from the lowest up: each may import those below it (docs/architecture.md)."""


def imports(folder: str) -> set[str]:
    """Modules that the files below a folder import, anywhere in them."""
    found = set()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
            elif isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
    return found


@pytest.mark.parametrize("room", FLOORS)
def test_no_room_of_train_imports_one_above_it(room):
    above = FLOORS[FLOORS.index(room) + 1 :]
    used = {module.split(".")[1] for module in imports(f"train/{room}") if module.startswith("train.")}
    assert not used & set(above)


@pytest.mark.parametrize(
    ("package", "never"), [("latentface", {"app", "train", "gradio"}), ("train", {"app", "gradio"}), ("app", {"train"})]
)
def test_packages_do_not_import_upward(package, never):
    assert not {module.split(".")[0] for module in imports(package)} & never


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of what git tracks, built in a folder of its own."""
    folder = tmp_path_factory.mktemp("source")
    for file in tracked():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, folder / file)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "."]
    subprocess.run([*command, "-w", str(folder / "wheel")], cwd=folder, check=True)
    return next((folder / "wheel").glob("latentface-*.whl"))


@pytest.mark.slow
def test_wheel_holds_packages_and_assets(wheel):
    installed = set(zipfile.ZipFile(wheel).namelist())
    expected = {file.as_posix() for file in tracked("app", "latentface", "train") if file.suffix != ".pyi"}
    expected |= {f"latentface/{file.as_posix()}" for file in tracked("assets")}
    assert expected <= installed
    assert not any(name.startswith(("tests", "benchmarks", "docs", "tools")) for name in installed)


@pytest.mark.slow
def test_installed_package_finds_its_assets(wheel, tmp_path):
    """Outside the checkout, from the unpacked wheel alone, as the entry point does it."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    photo = shutil.copy(ROOT / "tests" / "data" / "photo.jpg", tmp_path / "photo.jpg")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path / "site")!r})
from latentface.__main__ import main
assert {str(tmp_path)!r} in sys.modules["latentface"].__file__
sys.exit(main(["reconstruct", {str(photo)!r}, "--out", "faces"]))
"""
    subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / "faces" / "photo" / "mesh.glb").stat().st_size > 10_000


def test_python_versions_are_said_once_and_alike():
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert about["project"]["requires-python"] == ">=3.11,<3.14"
    for file in ("README.md", "requirements.txt"):
        assert "3.11 to 3.13" in (ROOT / file).read_text(), file


def test_type_check_finds_files_above_and_below_the_baseline(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    check_types = import_module("check_types")
    report = {
        "generalDiagnostics": [
            {"severity": severity, "file": str(ROOT / name)}
            for severity, name in (("error", "a.py"), ("error", "a.py"), ("warning", "a.py"), ("error", "c.py"))
        ]
    }
    found = check_types.count_errors(report)
    assert dict(found) == {"a.py": 2, "c.py": 1}
    assert check_types.compare(found, {"a.py": 1, "b.py": 1, "c.py": 1}) == (["a.py"], ["b.py"])


def test_the_container_gets_what_the_app_needs_and_can_write_nothing_else():
    lines = [line.split() for line in (ROOT / "Containerfile").read_text().splitlines() if line and line[0] not in "# "]
    copied = [source for line in lines if line[0] == "COPY" for source in line[1:-1]]
    assert all((ROOT / source).exists() for source in copied)
    assert {"app.py", *PARTS, "requirements.txt"} <= set(copied)
    steps = [line[0] for line in lines]
    assert steps.index("USER") < steps.index("CMD") and "HEALTHCHECK" in steps


def test_every_requirement_has_a_lower_bound_that_ci_installs():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(">=" in line or "==" in line for line in lines)
    assert "bash .ci/versions lowest" in (ROOT / ".ci" / "run").read_text()
