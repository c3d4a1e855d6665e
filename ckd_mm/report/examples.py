"""What students predict for validation images: pictures with their captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ckd_mm.report import pictures

__all__ = ['MIN_SCORE', 'Example', 'examples']

MIN_SCORE = 0.3


@dataclass(frozen=True)
class Example:
    """One picture and what stands below it."""

    picture: str
    caption: str


def examples(
    samples: Sequence[dict[str, Any]],
    predictions: Mapping[str, Sequence[Any]],
    names: Sequence[str],
) -> list[list[Example]]:
    """A row for each image; detectors get a picture for the truth and each student.

    Args:
        samples: From the validation set, with ground truth.
        predictions: The samples' predictions by the name of the student.
        names: The names of the classes.

    Raises:
        ValueError: The models predict neither boxes nor one label for each image.
    """
    rows = []
    for number, sample in enumerate(samples):
        truth = sample['data_samples']
        found = {name: values[number] for name, values in predictions.items()}
        path = truth.get('img_path')
        if path is None:
            raise ValueError(
                'the validation set does not name the files of its images; add '
                "'img_path' to the meta_keys of its pipeline"
            )
        image = np.asarray(Image.open(Path(path)).convert('RGB'))
        if all('pred_label' in one for one in found.values()):
            rows.append([_labelled(image, truth, found, names)])
        elif all('pred_instances' in one for one in found.values()):
            rows.append(_boxed(image, truth, found, names))
        else:
            raise ValueError(
                'the models predict neither boxes nor labels of images; the rest of '
                'the report needs no pictures of predictions'
            )
    return rows


def _labelled(
    image: NDArray[np.uint8], truth: Any, found: Mapping[str, Any], names: Sequence[str]
) -> Example:
    texts = [f'truth: {_name(names, int(truth.gt_label[0]))}']
    for student, one in found.items():
        score = float(one.pred_score.max())
        texts.append(f'{student}: {_name(names, int(one.pred_label[0]))} ({score:.2f})')
    return Example(pictures.plain(image), '\n'.join(texts))


def _boxed(
    image: NDArray[np.uint8], truth: Any, found: Mapping[str, Any], names: Sequence[str]
) -> list[Example]:
    gt = truth.gt_instances
    scale = np.tile(np.asarray(truth.get('scale_factor', (1.0, 1.0))), 2)
    corners = np.asarray(getattr(gt.bboxes, 'tensor', gt.bboxes)) / scale
    labels = [_name(names, int(label)) for label in gt.labels]
    row = [Example(pictures.boxes(image, _boxes(corners, labels)), 'ground truth')]
    for student, one in found.items():
        sure = one.pred_instances[one.pred_instances.scores >= MIN_SCORE].cpu()
        texts = [
            f'{_name(names, int(label))} {float(score):.2f}'
            for label, score in zip(sure.labels, sure.scores, strict=True)
        ]
        picture = pictures.boxes(image, _boxes(np.asarray(sure.bboxes), texts))
        row.append(Example(picture, f'{student}, score from {MIN_SCORE}'))
    return row


def _boxes(corners: NDArray[Any], texts: Sequence[str]) -> list[pictures.Box]:
    return [
        (float(left), float(top), float(right - left), float(bottom - top), text)
        for (left, top, right, bottom), text in zip(corners, texts, strict=True)
    ]


def _name(names: Sequence[str], label: int) -> str:
    return str(names[label]) if label < len(names) else str(label)
