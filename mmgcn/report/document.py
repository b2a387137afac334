"""Document: one HTML file with its styles and images embedded."""

from __future__ import annotations

from pathlib import Path
from string import Template

from mmgcn.display.styles import shared_styles
from mmgcn.report.markup import Markup, element
from mmgcn.serving.table_file import replacing, write_errors_name

REPORT_STYLES = Path(__file__).parent / "report.css"
SHELL = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
$title
<style>
$styles
</style>
</head>
<body>
<main>
$body
</main>
</body>
</html>
""")


def document(title: str, body: Markup, *, styles: str = "") -> str:
    """Return the HTML of a document that loads nothing and runs no script."""
    css = shared_styles() + REPORT_STYLES.read_text(encoding="utf-8") + styles
    return SHELL.substitute(title=element("title", title), styles=css, body=body)


def write_document(path: Path, text: str) -> None:
    """Write a document atomically, and create its folder if needed.

    Raises:
        OSError: the file cannot be written; the message names the path.
    """
    with replacing(path) as partial, write_errors_name(path):
        partial.write_text(text, encoding="utf-8")
