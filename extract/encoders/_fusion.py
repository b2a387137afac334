"""Graphs of convolutional networks, with each convolution fused with the steps after it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch.fx.experimental.optimization import fuse
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import Conv2d, Identity, ReLU, ReLU6


def traced(network: torch.nn.Module) -> torch.fx.GraphModule:
    """Return the graph of a network, without identities."""
    steps = torch.fx.symbolic_trace(network.eval())
    for node in list(steps.graph.nodes):
        if _kind(steps, node) is Identity:
            node.replace_all_uses_with(node.args[0])
            steps.graph.erase_node(node)
    steps.recompile()
    return steps


def folded(network: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Return a copy with each batch norm folded into the convolution before it.

    The results are the same up to rounding.
    """
    return cast(torch.fx.GraphModule, fuse(network))


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution, with the addition and the rectifier after it, if any.

    Attributes:
        name: name of the fused step.
        conv: module of the convolution.
        path: path of the module in the network.
        x: step whose output is convolved.
        input_shape: (N, C, H, W) of that output.
        other: step whose output is added.
        overwrites: whether the sum may overwrite the output of `other`, as nothing else uses it.
        ceiling: ceiling of the rectifier: 6 for ReLU6, infinity for ReLU; None without a rectifier.
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
    """Replace each convolution, with the steps after it, by one module, in the network's order.

    Args:
        network: `folded`; it is changed.
        example: a batch, for the shapes.
        make: returns the new module, whose inputs are the outputs of `x` and, if any, of `other`.
            Its output must not share memory with them, except where it overwrites.
    """
    ShapeProp(network).propagate(example)
    nodes = list(network.graph.nodes)
    positions = {node: position for position, node in enumerate(nodes)}
    fused: set[torch.fx.Node] = set()
    for node in nodes:
        if _kind(network, node) is not Conv2d:
            continue
        steps, given = [node], [node.args[0]]
        after = _only_user(node)
        other = _added_to(node, after)
        rectifiers: dict[type | None, float] = {ReLU: math.inf, ReLU6: 6.0}
        if after is not None and other is not None and positions.get(other, -1) < positions[node]:
            steps.append(after)
            given.append(other)
            after = _only_user(after)
            del rectifiers[ReLU6]  # oneDNN does not clip sums
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
            overwrites=other in fused and {*other.users} - {steps[1]} <= fused,
            ceiling=rectifiers[kind] if steps[-1] is after else None,
        )
        network.add_module(convolution.name, make(convolution))
        with network.graph.inserting_before(node):
            step_of_all = network.graph.call_module(convolution.name, tuple(given))
        step_of_all.meta = steps[-1].meta
        fused.add(step_of_all)
        steps[-1].replace_all_uses_with(step_of_all)
        for step in reversed(steps):
            network.graph.erase_node(step)
    network.delete_all_unused_submodules()
    network.recompile()


def _kind(network: torch.fx.GraphModule, node: torch.fx.Node) -> type | None:
    # Exactly the class: a subclass may compute something else.
    return type(network.get_submodule(str(node.target))) if node.op == "call_module" else None


def _only_user(node: torch.fx.Node) -> torch.fx.Node | None:
    users = list(node.users)
    return users[0] if len(users) == 1 else None


def _added_to(node: torch.fx.Node, add: torch.fx.Node | None) -> torch.fx.Node | None:
    """Return the node that `add` adds to the first, if it is an addition of equal shapes."""
    if add is None or add.target not in (operator.add, operator.iadd):
        return None
    (other,) = [given for given in add.args if given is not node] or [None]
    return cast(torch.fx.Node, other) if _shape(other) == _shape(node) else None


def _shape(node: object) -> tuple[int, ...]:
    return tuple(getattr(getattr(node, "meta", {}).get("tensor_meta"), "shape", ()))
