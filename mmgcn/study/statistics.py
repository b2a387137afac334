"""Statistics over seeds and users: standard deviations, intervals of means, and p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev, variance

# Two-sided 95 % points of Student's t for 1 to 9 degrees of freedom, where the series is inexact.
T_95 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622)
NORMAL_DEGREES = 1_000  # with more, Student's t differs from the normal by less than 0.0003


def spread(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation (n - 1), None for a single value.

    >>> spread([1.0, 3.0]), spread([1.0])
    (1.4142135623730951, None)
    """
    return stdev(values) if len(values) > 1 else None


def interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Return the mean and the bounds of its 95 % interval by Student's t.

    The bounds are None for a single value, whose error is unknown.

    >>> interval([1.0, 3.0, 2.0])[0]
    2.0
    """
    mean = fmean(values)
    if len(values) < 2:
        return mean, None, None
    low, high, _ = student(mean, [(variance(values) / len(values), len(values) - 1)])
    return mean, low, high


def student(mean: float, errors: Sequence[tuple[float, int]]) -> tuple[float, float, float]:
    """Return the bounds of a mean's 95 % interval, and the p-value of a mean of zero.

    Args:
        errors: independent sources of error, each a squared standard error with its degrees of
            freedom. The sum of squares has Satterthwaite's degrees of freedom, rounded down.

    Source: Welch: The generalization of Student's problem, Biometrika 1947; Satterthwaite: An
    approximate distribution of estimates of variance components, Biometrics 1946.
    """
    total = math.fsum(square for square, _ in errors)
    if total == 0:
        return mean, mean, float(mean == 0)
    # Shares, whose squares do not underflow; 1e-6 so that rounding errors do not lose a degree.
    shares = math.fsum((square / total) ** 2 / degrees for square, degrees in errors)
    degrees = int(1 / shares + 1e-6)
    half = t_95(degrees) * math.sqrt(total)
    return mean - half, mean + half, p_value(mean / math.sqrt(total), degrees)


def t_95(degrees: int) -> float:
    """Return the two-sided 95 % point of Student's t.

    Source: for ten degrees and more, the expansion about the normal point in Abramowitz, Stegun,
    Handbook of Mathematical Functions, 26.7.5; its error is below 0.001.
    """
    _check(degrees)
    if degrees <= len(T_95):
        return T_95[degrees - 1]
    z = NormalDist().inv_cdf(0.975)
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )


def p_value(t: float, degrees: int) -> float:
    """Return the two-sided p-value of t: the probability of a value as extreme without an effect.

    Source: Abramowitz, Stegun, 26.7.3 and 26.7.4, exact sums; the normal distribution above a
    thousand degrees.

    >>> p_value(1.0, 1)  # of one degree, a quarter of the distribution lies above 1
    0.5
    """
    _check(degrees)
    if degrees > NORMAL_DEGREES:
        return math.erfc(abs(t) / math.sqrt(2))
    sine = abs(t) / math.hypot(t, math.sqrt(degrees))
    cosine_squared = degrees / (t * t + degrees)
    odd = degrees % 2
    # Odd: cos (1 + 2/3 cos^2 + 2*4/(3*5) cos^4 + ...); even: 1 + 1/2 cos^2 + 1*3/(2*4) cos^4 + ...
    term, total = math.sqrt(cosine_squared) if odd else 1.0, 0.0
    for step in range(degrees // 2):
        total += term
        term *= cosine_squared * (2 * step + 1 + odd) / (2 * step + 2 + odd)
    within = sine * total
    if odd:
        within = 2 / math.pi * (math.asin(sine) + within)
    return min(max(1 - within, 0.0), 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for multiple comparisons, in the given order.

    The smallest is multiplied by their number, the next by one less, and so on; the results are
    made monotone.

    Source: Holm: A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics, 1979.

    >>> holm([0.5, 0.25, 0.0625])  # 0.0625 * 3, 0.25 * 2, 0.5 * 1
    [0.5, 0.5, 0.1875]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    for rank, index in enumerate(order):
        largest = max(largest, min(p_values[index] * (len(p_values) - rank), 1.0))
        corrected[index] = largest
    return corrected


def _check(degrees: int) -> None:
    if degrees < 1:
        raise ValueError(f"Student's t has at least one degree of freedom, not {degrees}")
