"""VariantOptions: the options of `ablate` on the variants to train."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from extract.commands.options import Flag, name_and_value

HOWS = ("drop", "shuffle")


@dataclass(frozen=True)
class VariantOptions:
    """The variants to train."""

    how: str = ",".join(HOWS)
    """Kinds of ablation: drop (train without the modality), shuffle (permute its vectors among the
    items)."""
    mask_percent: tuple[float, ...] = ()
    """Percentages of items that lose one random modality in further variants: 10,30,50."""
    variant: tuple[dict[str, str], ...] = ()
    """Changed setting of a further variant, or several separated by commas. Repeatable."""

    def hows(self) -> list[str]:
        """Return the kinds of ablation.

        Raises:
            typer.BadParameter: an unknown kind.
        """
        found = [word.strip() for word in self.how.split(",") if word.strip()]
        for word in found:
            if word not in HOWS:
                raise typer.BadParameter(
                    f"'{word}' is not one of {', '.join(HOWS)}", param_hint="--how"
                )
        return list(dict.fromkeys(found))


def _percents(text: str) -> list[float]:
    """Return percentages, separated by commas."""
    try:
        percents = [float(word) for word in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(
            f"'{text}' is not percentages separated by commas, such as 10,30,50",
            param_hint="--mask-percent",
        ) from error
    for percent in percents:
        if not 1 <= percent <= 100:
            hint = f"; for {percent:.0%} of the items pass {100 * percent:g}" if percent > 0 else ""
            raise typer.BadParameter(
                f"{percent:g} is not a percentage from 1 to 100{hint}", param_hint="--mask-percent"
            )
    return percents


def _settings(text: str) -> dict[str, str]:
    return dict(name_and_value(pair, "--variant") for pair in text.split(","))


VARIANT_FLAGS = {
    "mask_percent": Flag(parse=_percents, repeatable=False),
    "variant": Flag(parse=_settings, metavar="NAME=VALUE"),
}
