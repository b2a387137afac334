"""Convolutional networks as graphs of steps, a convolution being one with what follows it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch.fx.experimental.optimization import fuse
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import Conv2d, Identity, ReLU, ReLU6


def traced(network: torch.nn.Module) -> torch.fx.GraphModule:
    """Return the steps of a network, without those that do nothing."""
    steps = torch.fx.symbolic_trace(network.eval())
    for node in list(steps.graph.nodes):
        if _kind(steps, node) is Identity:
            node.replace_all_uses_with(node.args[0])
            steps.graph.erase_node(node)
    steps.recompile()
    return steps


def folded(network: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Return a copy with each batch norm folded into the convolution before it.

    The numbers stay the same, but for rounding.
    """
    return cast(torch.fx.GraphModule, fuse(network))


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution, and the addition and the rectifier after it, as far as they are there.

    Attributes:
        name: of the step that they become.
        conv: with weights and shape.
        path: where the network has it.
        x: the step whose result is convolved.
        input_shape: (N, C, H, W) of that result.
        other: the step whose result is added.
        overwrites: nothing needs the result of `other` any more: the sum may take its place.
        ceiling: after rectifying, larger numbers become this one: 6 for ReLU6, infinity for ReLU;
            None where there is no rectifier.
    """

    name: str
    conv: Conv2d
    path: str
    x: torch.fx.Node
    input_shape: tuple[int, ...]
    other: torch.fx.Node | None
    overwrites: bool
    ceiling: float | None


def replace_convolutions(
    network: torch.fx.GraphModule,
    example: torch.Tensor,
    make: Callable[[Convolution], torch.nn.Module],
) -> None:
    """Let one module do each convolution and what follows it, in the order of the network.

    Args:
        network: `folded`; it is changed.
        example: a batch, to know the shapes by.
        make: returns the module; it is called with the result of `x`, and with that of `other`
            where there is one, and its own result shares memory with neither, unless it overwrites.
    """
    ShapeProp(network).propagate(example)
    nodes = list(network.graph.nodes)
    places = {node: place for place, node in enumerate(nodes)}
    made: set[torch.fx.Node] = set()
    for node in nodes:
        if _kind(network, node) is not Conv2d:
            continue
        steps, given = [node], [node.args[0]]
        after = _only_user(node)
        other = _added_to(node, after)
        rectifiers: dict[type | None, float] = {ReLU: math.inf, ReLU6: 6.0}
        if after is not None and other is not None and places.get(other, -1) < places[node]:
            steps.append(after)
            given.append(other)
            after = _only_user(after)
            del rectifiers[ReLU6]  # oneDNN does not cut off sums
        else:
            other = None
        if after is not None and (kind := _kind(network, after)) in rectifiers:
            steps.append(after)
        convolution = Convolution(
            name=f"{node.name}_fused",
            conv=cast(Conv2d, network.get_submodule(str(node.target))),
            path=str(node.target),
            x=given[0],
            input_shape=_shape(given[0]),
            other=other,
            overwrites=other in made and {*other.users} - {steps[1]} <= made,
            ceiling=rectifiers[kind] if steps[-1] is after else None,
        )
        network.add_module(convolution.name, make(convolution))
        with network.graph.inserting_before(node):
            one = network.graph.call_module(convolution.name, tuple(given))
        one.meta = steps[-1].meta
        made.add(one)
        steps[-1].replace_all_uses_with(one)
        for step in reversed(steps):
            network.graph.erase_node(step)
    network.delete_all_unused_submodules()
    network.recompile()


def _kind(network: torch.fx.GraphModule, node: torch.fx.Node) -> type | None:
    # The very class: a subclass may compute something else.
    return type(network.get_submodule(str(node.target))) if node.op == "call_module" else None


def _only_user(node: torch.fx.Node) -> torch.fx.Node | None:
    users = list(node.users)
    return users[0] if len(users) == 1 else None


def _added_to(node: torch.fx.Node, add: torch.fx.Node | None) -> torch.fx.Node | None:
    """What is added to the node, if that is what `add` does, and it has the node's shape."""
    if add is None or add.target not in (operator.add, operator.iadd):
        return None
    (other,) = [given for given in add.args if given is not node] or [None]
    return cast(torch.fx.Node, other) if _shape(other) == _shape(node) else None


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(getattr(getattr(node, "meta", {}).get("tensor_meta"), "shape", ()))
