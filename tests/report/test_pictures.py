"""Labels of boxes in the pictures of a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ckd_mm.report import pictures


def test_labels_of_boxes_stay_inside_of_the_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures: list[Any] = []
    monkeypatch.setattr(pictures, 'embed', figures.append)
    corners = [(0, 0), (110, 0), (0, 100), (110, 100), (50, 3), (126, 40)]
    image = np.zeros((128, 128, 3), np.uint8)
    pictures.boxes(image, [(x, y, 18, 28, '8 0.97') for x, y in corners])
    (figure,) = figures
    figure.set_dpi(pictures.DPI)
    FigureCanvasAgg(figure).draw()
    inside = figure.bbox.padded(1)
    for text in figure.axes[0].texts:
        label = text.get_bbox_patch().get_window_extent()
        assert inside.contains(*label.min) and inside.contains(*label.max)


@pytest.mark.parametrize('shape', [(128, 128), (480, 640), (640, 480)])
def test_labels_of_boxes_that_overlap_do_not_hide_each_other(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Any] = []
    monkeypatch.setattr(pictures, 'embed', figures.append)
    height, width = shape
    starts = [(0.3, 0.4), (0.31, 0.41), (0.33, 0.4), (0.5, 0.42), (0.3, 0.02)]
    boxes = [
        (x * width, y * height, 0.2 * width, 0.2 * height, f'{number} 0.97')
        for number, (x, y) in enumerate(starts)
    ]
    pictures.boxes(np.zeros((*shape, 3), np.uint8), boxes)
    (figure,) = figures
    figure.set_dpi(pictures.DPI)
    FigureCanvasAgg(figure).draw()
    texts = figure.axes[0].texts
    assert [text.get_text() for text in texts] == [box[4] for box in boxes]
    labels = [text.get_bbox_patch().get_window_extent() for text in texts]
    for number, label in enumerate(labels):
        assert not label.count_overlaps(labels[number + 1 :])
