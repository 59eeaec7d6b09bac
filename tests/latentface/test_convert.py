"""The authors' weight file: every key finds its place or is named; their sampler by its old formula."""

import json
import math
import pickle

import pytest
import torch

from latentface.__main__ import main
from latentface.checkpoints import CheckpointError, load_pipeline
from latentface.convert import OLD_ATTENTION, build, convert, read_states
from latentface.paper import PaperAutoencoder, PaperDenoiser
from latentface.rdm import LegacyDDIMScheduler, make_scheduler, split
from tests.helpers import tiny_denoiser
from tests.latentface.test_paper import TINY, faces, published

OLD = {new: old for old, new in OLD_ATTENTION.items()}


def made_up(old: bool = True) -> dict:
    """A published file's content at a small width: real key names, the denoisers' in diffusers 0.14's spelling."""
    torch.manual_seed(0)
    autoencoder, denoiser = PaperAutoencoder(**TINY), PaperDenoiser(code=32, widths=(64, 96))
    content = {name: net.state_dict() for name, net in autoencoder.named_children()}
    for name, net in denoiser.named_children():
        state = net.state_dict()
        for key in [k for k in state if old and ".to_" in k]:
            head, _, tail = key.partition(".to_")
            layer, kind = f"to_{tail}".rsplit(".", 1)
            state[f"{head}.{OLD[layer]}.{kind}"] = state.pop(key)
        content[name] = state
    return {**content, "epoch": 30, "optimizerE": {"state": {}, "param_groups": []}}


@pytest.fixture
def file(tmp_path):
    torch.save(made_up(), tmp_path / "checkpoint.pth")
    return tmp_path / "checkpoint.pth"


def test_the_old_spelling_is_diffusers_014s():
    """Spelled out: names of the one attention block in a file of that time."""
    keys = {k for k in made_up()["netED"] if "attentions" in k}
    layers = ("group_norm", "query", "key", "value", "proj_attn")
    assert keys == {f"mid_block.attentions.0.{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}


@pytest.mark.parametrize("old", [True, False])
def test_every_weight_arrives_and_the_pipeline_works(tmp_path, old):
    content = made_up(old)
    torch.save(content, tmp_path / "file.pth")
    assert convert(tmp_path / "file.pth", tmp_path / "out") == ["epoch", "optimizerE"]
    pipeline = load_pipeline(tmp_path / "out")
    for name, net in pipeline.autoencoder.named_children():
        assert all(torch.equal(value, content[name][key]) for key, value in net.state_dict().items())
    for name, net in pipeline.denoiser.named_children():
        assert sum(v.double().sum().item() for v in content[name].values()) == pytest.approx(
            sum(v.double().sum().item() for v in net.state_dict().values())
        )
        found = net.state_dict()["mid_block.attentions.0.to_out.0.weight"]
        assert torch.equal(
            found, content[name]["mid_block.attentions.0." + ("proj_attn" if old else "to_out.0") + ".weight"]
        )
    assert tuple(pipeline.denoiser.config.widths) == (64, 96)
    codes = pipeline.encode(faces(2))
    assert pipeline.decode(pipeline.swap(codes[:1], codes[1:])).render()[0].isfinite().all()


def test_the_released_sizes_fit():
    """All tensors of the table of the released checkpoint, without their 130 MB."""
    table = published()
    table["netED"] = table["netEA"] = table.pop("netEA = netED")
    states = {n: {k: torch.empty(shape, device="meta") for k, shape in rows.items()} for n, rows in table.items()}
    autoencoder, denoiser = build(states)
    assert autoencoder.config.width == 64 and autoencoder.config.code == 256
    assert tuple(denoiser.config.widths) == (128, 128)
    del states["netV"]["network.2.weight"]
    with pytest.raises(CheckpointError, match=r"1 missing: netV\.network\.2\.weight$"):
        build(states)


def test_what_does_not_fit_is_named_in_one_line(tmp_path):
    content = made_up()
    del content["netL"]["network.0.weight"]
    content["netA"]["network3.0.weight"] = torch.zeros(2)
    content["netC"]["out_net2.0.weight"] = torch.zeros(2, 16, 5, 5)
    for i in range(9):
        content["netED"][f"more.{i}"] = torch.zeros(1)
    torch.save(content, tmp_path / "file.pth")
    with pytest.raises(CheckpointError) as caught:
        convert(tmp_path / "file.pth", tmp_path / "out")
    text = str(caught.value)
    assert "1 missing: netL.network.0.weight" in text
    assert "10 unexpected: netA.network3.0.weight, netED.more.0," in text and "and 4 more" in text
    assert "1 of another shape: netC.out_net2.0.weight [2, 16, 5, 5] instead of [2, 16, 3, 3]" in text
    assert "\n" not in text and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda c: c.pop("netEA") and c, "1 networks missing: netEA"),
        (lambda c: {**c, "netX": {}}, "1 networks unknown: netX"),
        (lambda c: {**c, "netV": {"network.0.weight": 3}}, r"no named tensors: netV\.network\.0\.weight"),
        (lambda c: {**c, "netD": {}}, "first layers are not where"),
        (lambda c: [c], "holds a list"),
        (lambda c: torch.zeros(3), "holds a Tensor"),
    ],
)
def test_files_of_another_layout_are_refused(tmp_path, change, words):
    torch.save(change(made_up()), tmp_path / "file.pth")
    with pytest.raises(CheckpointError, match=words):
        build(read_states(tmp_path / "file.pth")[0])


class Trap:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code of the file has run')",))


def test_nothing_in_the_file_runs(tmp_path):
    torch.save({**made_up(), "metrics_trace": Trap()}, tmp_path / "trap.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Trap(), protocol=2))
    (tmp_path / "text.pth").write_text("not a file of weights\n")
    (tmp_path / "empty.pth").touch()
    for name in ("trap", "plain", "text", "empty"):
        with pytest.raises(CheckpointError, match="without running code"):
            read_states(tmp_path / f"{name}.pth")


def test_command(file, tmp_path, capsys):
    assert main(["convert", str(file), "--out", str(tmp_path / "a")]) == 0
    assert "left out, no network: epoch, optimizerE" in capsys.readouterr().out
    assert type(load_pipeline(tmp_path / "a").scheduler).__name__ == "DDIMScheduler"
    assert main(["convert", str(file), "--out", str(tmp_path / "b"), "--legacy-ddim"]) == 0
    legacy = load_pipeline(tmp_path / "b")
    assert isinstance(legacy.scheduler, LegacyDDIMScheduler) and legacy.scheduler.config.clip_sample
    assert json.loads((tmp_path / "b" / "model_index.json").read_text())["scheduler"] == [
        "latentface.rdm",
        "LegacyDDIMScheduler",
    ]
    for arguments in ([str(tmp_path / "none.pth")], [str(tmp_path)]):
        assert main(["convert", *arguments, "--out", str(tmp_path / "c")]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    codes = legacy.encode(faces(2))
    assert not torch.allclose(
        legacy.split(codes).shape.identity, load_pipeline(tmp_path / "a").split(codes).shape.identity
    )


def old_formula(denoiser, code, noise, steps):
    """diffusers 0.14.0's DDIMScheduler.step with prediction_type "sample", clip_sample and eta 0, one row, by hand."""
    alphas, product = [], 1.0
    for t in range(1000):
        product *= 1 - (1e-4 + (0.02 - 1e-4) * t / 999)
        alphas.append(product)
    condition, sample, clean = (code - denoiser.mean) / denoiser.std, noise, []
    for i in reversed(range(steps)):
        t = i * (1000 // steps)
        previous = t - 1000 // steps
        alpha = alphas[previous] if previous >= 0 else 1.0
        with torch.no_grad():
            output = denoiser(sample[None], torch.tensor([t]), condition[None])[0]
        x0 = torch.tensor([max(-1.0, min(1.0, value)) for value in output.tolist()])
        sample = (
            math.sqrt(alpha) * x0 + math.sqrt(1 - alpha) * output
        )  # the direction takes x0, unclipped, for the noise
        clean.append(x0)
    return [*clean, sample]


@pytest.mark.parametrize("steps, samples", [(5, 1), (3, 2)])
def test_legacy_sampling_against_the_old_formula(steps, samples):
    denoiser = tiny_denoiser()
    with torch.no_grad():
        denoiser.outlet[-1].bias += torch.linspace(-2, 2, 16)  # beyond the clip
    codes = torch.randn(3, 16, generator=torch.Generator().manual_seed(7)) * 2
    found = split(denoiser, make_scheduler(legacy_ddim=True), codes, steps=steps, samples=samples, seed=11)
    noise = torch.randn(samples, 1, 16, generator=torch.Generator().manual_seed(11))[:, 0]
    for row in range(3):
        runs = [old_formula(denoiser, codes[row], one, steps) for one in noise]
        *clean, last = [torch.stack(parts).mean(0) * denoiser.std + denoiser.mean for parts in zip(*runs, strict=True)]
        torch.testing.assert_close(found.identity[row], last, atol=1e-4, rtol=1e-4)
        for mine, twin in zip(found.steps, clean, strict=True):
            torch.testing.assert_close(mine[row], twin, atol=1e-4, rtol=1e-4)
    today = split(denoiser, make_scheduler(), codes, steps=steps, samples=samples, seed=11)
    assert (today.identity - found.identity).abs().max() > 0.1


def test_legacy_sampler_wants_its_steps_first():
    scheduler, zero = make_scheduler(legacy_ddim=True), torch.zeros(1, 4)
    with pytest.raises(ValueError, match="set_timesteps first"):
        scheduler.step(zero, 0, zero)
    scheduler.set_timesteps(5)
    with pytest.raises(ValueError, match="eta 0"):
        scheduler.step(zero, 0, zero, eta=0.5)
