"""Print the tables, or update the page.

python -m docs.cost_model                            print the tables
python -m docs.cost_model --write docs/scale.md      update the page and docs/scale.png
"""

import argparse
from pathlib import Path

from docs.cost_model.curves import draw
from docs.cost_model.tables import TABLES, updated


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", type=Path, metavar="PAGE")
    page = parser.parse_args().write
    if page is None:
        for name, table in TABLES.items():
            print(f"{name}\n\n{table()}\n")
        return
    page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")
    draw(page.with_suffix(".png"))


if __name__ == "__main__":
    main()
