"""The Space's folder, model repositories and the truth set's card: what the Hub reads, and that it starts."""

import ast
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import gradio
import pytest
from gradio_client import Client, handle_file
from huggingface_hub import DatasetCard, ModelCard, SpaceCard, SpaceHardware
from packaging.requirements import Requirement

from latentface.checkpoints import ASSETS, bundled
from tests.conftest import ROOT
from train.__main__ import main
from train.release.space.folder import PINS, requirements


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """What the command writes: space/ and repos/."""
    folder = tmp_path_factory.mktemp("hub")
    words = ["--out", str(folder / "space"), "--repositories", str(folder / "repos"), "--owner", "someone"]
    assert main(["space", *words]) == 0
    return folder


def test_front_matter_is_what_spaces_ask_for(written):
    about = SpaceCard.load(written / "space" / "README.md").data.to_dict()
    assert about["sdk"] == "gradio" and about["sdk_version"] == gradio.__version__
    assert about["python_version"] == "3.12.12" and (written / "space" / about["app_file"]).is_file()
    assert about["suggested_hardware"] in [one.value for one in SpaceHardware]
    assert len(about["short_description"]) <= 60 and about["license"] == "other"
    assert about["models"] == [f"someone/latentface-{name}" for name in (*bundled(), "pcl")]
    base = "https://huggingface.co/spaces/someone/latentface/resolve/main/"
    assert (written / "space" / about["thumbnail"].removeprefix(base)).is_file()


def test_requirements_are_pinned_within_the_ranges_that_the_app_has(written):
    ranges = {r.name: r.specifier for r in map(Requirement, (ROOT / "requirements.txt").read_text().split("\n")[1:-1])}
    pinned = {r.name: r for r in map(Requirement, (written / "space" / "requirements.txt").read_text().split())}
    assert pinned.keys() - {"spaces"} == ranges.keys()
    for name, allowed in ranges.items():
        (pin,) = pinned[name].specifier
        assert pin.operator == "==" and allowed.contains(pin.version), name
    assert str(pinned["torch"].specifier) == f"=={PINS['torch']}" == "==2.11.0"
    with pytest.raises(ValueError, match="not installed"):
        requirements("# a comment\nno-such-package>=1\n")


def test_a_gpu_is_lent_to_one_function_and_everything_is_said_before_torch_comes(written):
    tree = ast.parse((written / "space" / "space.py").read_text())
    modules = [node.names[0].name if isinstance(node, ast.Import) else node.module for node in tree.body
               if isinstance(node, ast.Import | ast.ImportFrom)]  # fmt: skip
    assert modules[:3] == ["os", "app.start", "spaces"]
    before = "import sys\nfrom app.start import prepare\nprint({'torch', 'gradio', 'numpy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", before], cwd=written / "space", capture_output=True, text=True)
    assert done.stdout == "set()\n"
    lent = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    assert [node.name for node in lent] == ["on_gpu"] and ast.unparse(lent[0].decorator_list[0]).startswith(
        "spaces.GPU"
    )
    for file in (written / "space").rglob("*.py"):
        assert "torch.compile" not in file.read_text(), file


def test_the_glossary_comes_along(written):
    """Terms are read while the page is built."""
    read = "from latentface.glossary import GLOSSARY, glossary\nprint(GLOSSARY, len(glossary()))"
    done = subprocess.run([sys.executable, "-c", read], cwd=written / "space", capture_output=True, text=True)
    file, count = done.stdout.split()
    assert Path(file) == written / "space" / "latentface" / "glossary.md" and int(count) > 20


def test_nothing_is_written_over(written, capsys):
    assert main(["space", "--out", str(written / "space")]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_cards_of_the_repositories(written):
    repos = written / "repos"
    for name in (*bundled(), "pcl"):
        card = ModelCard.load(repos / "models" / f"latentface-{name}" / "README.md")
        own = ModelCard.load(ASSETS / name / "README.md")
        assert card.data.get("pipeline_tag") in ("image-to-3d", "image-feature-extraction")
        assert card.data.get("license") == own.data.get("license") and "](../" not in card.text
    truth = DatasetCard.load(repos / "datasets" / "latentface-truth" / "README.md")
    assert truth.data.get("license") == "cc0-1.0" and "true swaps" in truth.text


@pytest.mark.slow
def test_a_checkpoint_loads_by_its_id(written, tmp_path):
    """As the Hub's client keeps it, for no network is here."""
    snapshot = tmp_path / "models--someone--latentface-explorer-cc0" / "snapshots" / ("0" * 40)
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(written / "repos" / "models" / "latentface-explorer-cc0")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("0" * 40)
    done = subprocess.run(
        [sys.executable, "-m", "latentface", "reconstruct", "--checkpoint", "someone/latentface-explorer-cc0", "--json",
         "--out", str(tmp_path / "out"), str(ROOT / "tests" / "data" / "photo.jpg")],
        cwd=ROOT, env={**os.environ, "HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and json.loads(done.stdout)["faces"] == 1, done.stderr


@pytest.mark.slow
def test_the_folder_starts_where_only_the_temporary_folder_can_be_written(written, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before = sorted((written / "space").rglob("*"))
    closed = "mount --bind $0 $0 && mount -o remount,bind,ro / && ! touch new 2>/dev/null && exec $1 space.py"
    shut = ["unshare", "--mount", "sh", "-c", closed, str(tmp_path)]
    may = subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
    environment = {
        **os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(tmp_path), "TMPDIR": str(tmp_path),
        "HTTPS_PROXY": "http://127.0.0.1:9", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    process = subprocess.Popen(
        [*shut, sys.executable] if may else [sys.executable, "space.py"], cwd=written / "space", env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        began = time.monotonic()
        while time.monotonic() - began < 300:
            try:
                urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
                break
            except (URLError, OSError):
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.3)
        client = Client(f"http://127.0.0.1:{port}", verbose=False, download_files=False)
        assert (
            client.predict(handle_file(ROOT / "tests" / "data" / "photo.jpg"), api_name="/reconstruct")[0]["faces"] == 1
        )
    finally:
        process.terminate()
        output = process.communicate(timeout=60)[0]
    assert "Traceback" not in output and not list(tmp_path.iterdir())
    assert sorted((written / "space").rglob("*")) == before
