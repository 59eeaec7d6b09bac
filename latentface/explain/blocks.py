"""The blocks of a network with the shapes that really pass through them: recorded while it runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import get_ident

from torch import Tensor, nn


@dataclass
class Block:
    """One network as a row of layers."""

    name: str
    parameters: int
    """How many numbers training sets."""
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    """Of what goes in, of what every layer that changes the shape gives, and of what comes out; without the batch."""


def recorded(
    networks: Mapping[str, nn.Module], run: Callable[[], object], aside: Collection[nn.Module] = ()
) -> list[Block]:
    """Run networks and record the shapes in them.

    Args:
        networks: name -> network; one that is not called stays without shapes.
        run: calls them, each with a batch of any size; what other threads do with them meanwhile is passed over.
        aside: layers beside the way of the data, such as gates, which are passed over.

    Returns:
        A block a network, in their order.
    """
    blocks = [Block(name, sum(p.numel() for p in net.parameters())) for name, net in networks.items()]
    skipped = {id(inner) for one in aside for inner in one.modules()}
    with ExitStack() as hooks:
        for block, network in zip(blocks, networks.values(), strict=True):
            _watch(block, network, skipped, hooks)
        run()
    return blocks


def _watch(block: Block, network: nn.Module, skipped: set[int], hooks: ExitStack) -> None:
    """Write down what passes through a network the first time that this thread calls it."""
    thread, calls = get_ident(), []

    def first() -> bool:
        """Tell whether this is the call to write down."""
        return get_ident() == thread and not calls

    def begin(_: nn.Module, inputs: tuple) -> None:
        """Note what goes in."""
        if first():
            block.shapes.append(tuple(inputs[0].shape[1:]))

    def note(_: nn.Module, __: tuple, output: object) -> None:
        """Note what a layer gives."""
        if first() and block.shapes and isinstance(output, Tensor) and tuple(output.shape[1:]) != block.shapes[-1]:
            block.shapes.append(tuple(output.shape[1:]))

    def end(layer: nn.Module, inputs: tuple, output: object) -> None:
        """Note what comes out; later calls are not written down."""
        note(layer, inputs, output)
        if get_ident() == thread:
            calls.append(True)

    hooks.callback(network.register_forward_pre_hook(begin).remove)
    for layer in _leaves(network, skipped):
        hooks.callback(layer.register_forward_hook(note).remove)
    hooks.callback(network.register_forward_hook(end).remove)


def _leaves(network: nn.Module, skipped: set[int]) -> Iterator[nn.Module]:
    """Go through the layers that hold no others."""
    return (layer for layer in network.modules() if not list(layer.children()) and id(layer) not in skipped)
