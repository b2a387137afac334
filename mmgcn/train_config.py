"""TrainConfig: how a model is trained; the same settings for all models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mmgcn.config import Config, SettingError, positive


@dataclass(frozen=True)
class TrainConfig(Config):
    """How a model is trained. Each model has defaults of its own (`Model.train_defaults`)."""

    loss: Literal["softmax", "bpr"] = "softmax"
    """Sampled softmax over negatives that the batch shares, or BPR with one negative for each
    interaction."""
    temperature: float = positive(0.2)
    """Scores are divided by it before the softmax. Small values emphasise the hardest negatives."""
    num_negatives: int = positive(1024)
    """Number of items, drawn uniformly, that a batch shares as negatives; BPR draws one for each
    interaction."""
    negatives: Literal["all", "watched"] = "all"
    """Which items may be negatives: `all` also draws items without interactions, `watched` leaves
    new items to be ranked by their content."""
    batch_size: int = positive(2048)
    """Number of interactions in a training step."""
    user_balance: float = 0.0
    """Interactions are drawn with weight degree(user)^-user_balance."""
    learning_rate: float = positive(2e-3, at_most=1.0)
    """Initial learning rate of AdamW."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Schedule of the learning rate; cosine decays to a fiftieth by the last epoch."""
    l2_reg: float = 0.0
    """Weight of the mean squared length of the batch's user and item vectors."""
    weight_decay: float = 0.0
    """Decoupled weight decay of every parameter (AdamW); 0 is Adam."""
    epochs: int = positive(40)
    """Number of epochs of the schedule. An epoch draws as many interactions as the training part
    contains, in at least 20 steps."""
    stop_epoch: float = 0.0
    """Epoch of the schedule after which training stops, such as the best one of another run; 0
    trains all epochs. Learning rate and ensemble follow `epochs`, whatever ends the training."""
    eval_every: int = positive(1)
    """Number of epochs between evaluations on the validation part."""
    eval_steps: int = 0
    """Number of steps between evaluations, in place of eval_every; 0 counts in epochs."""
    patience: int = positive(10)
    """Number of evaluations without improvement after which training stops."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stop_epoch > self.epochs:
            raise SettingError(
                f"stop_epoch is {self.stop_epoch:g}; it must be at most epochs, {self.epochs}"
            )
