"""What a handful of seeds say: mean, spread and the interval of a mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

# Two-sided 95 % points of Student's t for 1 to 9 degrees of freedom, where the series is not exact.
T_95 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622)


def spread(values: Sequence[float]) -> float | None:
    """Return the standard deviation over n - 1, None for a single value.

    >>> spread([1.0, 3.0]), spread([1.0])
    (1.4142135623730951, None)
    """
    return stdev(values) if len(values) > 1 else None


def interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Return the mean and the ends of its 95 % interval by Student's t.

    The ends are None for a single value, which says nothing of its error.

    >>> interval([1.0, 3.0, 2.0])[0]
    2.0
    """
    mean = fmean(values)
    if len(values) < 2:
        return mean, None, None
    half = t_95(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def t_95(degrees: int) -> float:
    """Return the two-sided 95 % point of Student's t.

    Source: for ten degrees and more, the expansion about the normal point in Abramowitz, Stegun,
    Handbook of Mathematical Functions, 26.7.5; its error is below 0.001.
    """
    if degrees < 1:
        raise ValueError(f"Student's t has at least one degree of freedom, not {degrees}")
    if degrees <= len(T_95):
        return T_95[degrees - 1]
    z = NormalDist().inv_cdf(0.975)
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )
