"""PosterImages: posters in a document, each embedded once even if it is shown repeatedly."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from extract.extras import require
from mmgcn.display.placeholders import hue_of
from mmgcn.report.markup import Markup, element

DrawPoster = Callable[[str], bytes | None]  # item_id -> JPEG, or None without a poster
WIDTH_PX = 240
QUALITY = 80


class PosterImages:
    """Posters of items as HTML elements, and the CSS rules that contain their images.

    Args:
        draw: function that returns the poster of an item.
    """

    def __init__(self, draw: DrawPoster | None = None) -> None:
        self._draw = draw or (lambda _: None)
        self._names: dict[str, str | None] = {}
        self._rules: list[str] = []

    def image(self, item_id: str) -> Markup:
        """Return the element of an item: its poster, or its id on a colour derived from it."""
        if item_id not in self._names:
            self._names[item_id] = self._added(item_id)
        name = self._names[item_id]
        blank = element("span", item_id, class_="blank") if name is None else None
        return element(
            "span",
            blank,
            class_=f"image {name}" if name else "image",
            style=f"--hue: {hue_of(item_id)}",
        )

    def styles(self) -> str:
        """Return the CSS rules of the posters used so far."""
        return "\n".join(self._rules)

    def _added(self, item_id: str) -> str | None:
        jpeg = self._draw(item_id)
        if jpeg is None:
            return None
        name = f"poster-{len(self._rules)}"
        data = b64encode(smaller(jpeg)).decode()
        self._rules.append(f".{name} {{ background-image: url(data:image/jpeg;base64,{data}) }}")
        return name


def smaller(jpeg: bytes, *, width_px: int = WIDTH_PX) -> bytes:
    """Return a JPEG scaled down to a maximum width, with the same aspect ratio.

    Raises:
        ValueError: the bytes are not a JPEG.
        ImportError: OpenCV is not installed.
    """
    require("cv2", purpose="a poster", extra="posters")
    import cv2
    import numpy as np

    image = cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("the bytes are not a JPEG")
    height, width = image.shape[:2]
    if width <= width_px:
        return jpeg
    size = (width_px, max(1, round(height * width_px / width)))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
