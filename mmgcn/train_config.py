"""TrainConfig: settings of the training, the same for all models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mmgcn.config import Config, at_most, positive


@dataclass(frozen=True)
class TrainConfig(Config):
    """Settings of the training. Each model has its own defaults (`Model.train_defaults`)."""

    loss: Literal["softmax", "bpr"] = "softmax"
    """Loss: sampled softmax over negatives shared by the batch, or BPR with one negative per
    interaction."""
    temperature: float = positive(0.2)
    """Divisor of the scores before the softmax. Small values emphasise the hardest negatives."""
    num_negatives: int = positive(1024)
    """Number of uniformly drawn items that a batch shares as negatives; BPR draws one per
    interaction."""
    negatives: Literal["all", "watched"] = "all"
    """Candidates for negatives: `all` includes items without interactions, `watched` excludes
    them, so that new items are ranked by their content alone."""
    batch_size: int = positive(2048)
    """Number of interactions in a training step."""
    user_balance: float = 0.0
    """Exponent b of the weight degree(user)^-b of an interaction in sampling: 0 draws interactions
    uniformly, 1 draws users uniformly."""
    learning_rate: float = positive(2e-3, at_most=1.0)
    """Initial learning rate of AdamW."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning-rate schedule; cosine decays to a fiftieth by the last epoch."""
    l2_reg: float = 0.0
    """Weight of the mean squared norm of the batch's user and item vectors in the loss."""
    weight_decay: float = 0.0
    """Decoupled weight decay of every parameter (AdamW); 0 is Adam."""
    epochs: int = positive(40)
    """Number of epochs of the schedule. An epoch draws as many interactions as the training part
    contains, in at least 20 steps."""
    stop_epoch: float = at_most("epochs", 0.0)
    """Epoch of the schedule after which training stops, such as the best one of another run; 0
    trains all epochs. The schedules of learning rate and ensemble always follow `epochs`."""
    eval_every: int = positive(1)
    """Number of epochs between evaluations on the validation part."""
    eval_steps: int = 0
    """Number of steps between evaluations, instead of eval_every; 0 uses eval_every."""
    keep: Literal["best", "last"] = "best"
    """Parameters to keep: those of the best evaluation, or of the last one, unless the training was
    cut short."""
    patience: int = positive(10)
    """Number of evaluations without improvement after which training stops."""
