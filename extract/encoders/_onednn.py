"""Convolutions on an x86 processor, each in one pass with what follows it."""

from __future__ import annotations

import operator
import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def is_available() -> bool:
    """Whether this build of torch has oneDNN's fused convolutions, and the processor suits them."""
    import torch

    ops = ("_convolution_pointwise", "_reorder_convolution_weight")
    return (
        platform.machine() in ("x86_64", "AMD64")
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and all(hasattr(torch.ops.mkldnn, name) for name in ops)
    )


def fused_convolutions(
    network: torch.fx.GraphModule, example: torch.Tensor
) -> torch.fx.GraphModule:
    """Let oneDNN do a convolution, the addition and the rectifier after it in one pass.

    `conv -> relu` and `conv -> add -> relu` become one call, other convolutions a call each, and
    their weights are laid out for the processor once, not at every batch. What torch.compile makes
    of such a network in minutes, this does in milliseconds; the sums are the same.

    Args:
        network: traced, its batch norm folded; it is changed.
        example: a batch, to know the shapes by.
    """
    from torch.fx.passes.shape_prop import ShapeProp
    from torch.nn import Conv2d, ReLU

    ShapeProp(network).propagate(example[:1])  # one picture says all shapes but the batch's
    graph, modules = network.graph, dict(network.named_modules())

    def is_module(node: torch.fx.Node | None, kind: type) -> bool:
        # Not a subclass: it may compute something else.
        return (
            node is not None
            and node.op == "call_module"
            and type(modules.get(str(node.target))) is kind
        )

    for conv in list(graph.nodes):
        if not is_module(conv, Conv2d):
            continue
        replaced, given = [conv], [conv.args[0]]
        if (add := _only_user(conv)) and (other := _added_to(conv, add)):
            if is_module(relu := _only_user(add), ReLU):
                replaced, given = [conv, add, relu], [conv.args[0], other]
        elif is_module(add, ReLU):
            replaced = [conv, add]
        name = f"{conv.target}_onednn".replace(".", "_")
        size = len(example), *conv.args[0].meta["tensor_meta"].shape[1:]
        network.add_module(name, _convolution(modules[conv.target], size, len(replaced) > 1))
        last = replaced[-1]
        with graph.inserting_before(last):
            fused = graph.call_module(name, tuple(given))
        fused.meta = last.meta
        last.replace_all_uses_with(fused)
        for node in reversed(replaced):
            graph.erase_node(node)
    network.delete_all_unused_submodules()
    network.recompile()
    return network


def _only_user(node: torch.fx.Node) -> torch.fx.Node | None:
    users = list(node.users)
    return users[0] if len(users) == 1 else None


def _added_to(node: torch.fx.Node, add: torch.fx.Node) -> Any:
    """What is added to the node, if that is what `add` does, and it has the node's shape."""
    if add.target not in (operator.add, operator.iadd):
        return None
    (other,) = [given for given in add.args if given is not node] or [None]
    shape = getattr(getattr(other, "meta", {}).get("tensor_meta"), "shape", None)
    return other if shape == node.meta["tensor_meta"].shape else None


def _convolution(conv: torch.nn.Conv2d, size: Sequence[int], rectifies: bool) -> torch.nn.Module:
    import torch

    ops = torch.ops.mkldnn
    how = (conv.padding, conv.stride, conv.dilation, conv.groups)
    rectifier = "relu" if rectifies else "none"

    class Convolution(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = conv.bias
            self.weight = ops._reorder_convolution_weight(conv.weight, *how, list(size))

        def forward(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
            if other is None:
                found = ops._convolution_pointwise(
                    x, self.weight, self.bias, *how, rectifier, [], ""
                )
            else:
                found = ops._convolution_pointwise.binary(
                    x, other, self.weight, self.bias, *how, "add", 1.0, rectifier, [], ""
                )
            return found  # type: ignore[no-any-return]

    return Convolution()
