"""Hidden states of transformers' networks, and their reduction to rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from extract.config import TokenPooling
from extract.family import UnknownModel

if TYPE_CHECKING:
    import torch


def numbered_states(states: Sequence[Any] | None, index: int) -> Any:
    """Return one of the hidden states: 0 is the embedding, -1 the last layer.

    Raises:
        UnknownModel: the network has no hidden states, or fewer.
    """
    count = len(states or ())
    if states is None or not -count <= index < count:
        what = f"no layer of the network, which has {count} hidden states,"
        raise UnknownModel(what, str(index), [])
    return states[index]


def pooled_states(
    states: torch.Tensor, pooling: TokenPooling, *, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Return a row for the states of each sequence, or each map of a convolutional network.

    Shapes:
        states: (N, T, D) or (N, D, H, W); mask: (N, T), 1 for tokens and 0 for padding, on the
            right or the left; the result: (N, D).

    >>> import torch
    >>> states, mask = torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[1, 1, 0]])
    >>> [pooled_states(states, how, mask=mask).item() for how in ("mean", "cls", "last")]
    [2.0, 1.0, 3.0]
    """
    import torch

    if states.ndim == 4:
        return states.flatten(2).mean(dim=2)  # (N, D, H, W) -> (N, D)
    if mask is None:
        mask = torch.ones(states.shape[:2], device=states.device, dtype=torch.int64)
    at = torch.arange(len(states), device=states.device)
    if pooling == "cls":
        return states[at, mask.argmax(dim=1)]
    if pooling == "last":
        return states[at, states.shape[1] - 1 - mask.flip(1).argmax(dim=1)]
    weight = mask.unsqueeze(-1).to(states.dtype)  # (N, T, 1)
    return (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
