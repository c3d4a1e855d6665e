"""What the two students of tools/demo.py predict for a few validation images.

Both are loaded with the config of the student alone: the distilled student's checkpoint
is a plain one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from demo_report import Panel
from mmengine.registry import init_default_scope
from numpy.typing import NDArray
from PIL import Image

from ckd_mm.compare import Run

__all__ = ['EXAMPLES']

MIN_SCORE = 0.3
SCENES = 2


def detection_examples(student: Run, distilled: Run, data: Path) -> list[list[Panel]]:
    """Ground truth and both students' boxes for the first validation scenes."""
    from mmdet.apis import inference_detector, init_detector

    init_default_scope('mmdet')
    coco = json.loads((data / 'annotations/val.json').read_text())
    scenes = coco['images'][:SCENES]
    names = {category['id']: category['name'] for category in coco['categories']}
    rows: list[list[Panel]] = []
    for entry in scenes:
        boxes = [
            (*annotation['bbox'], names[annotation['category_id']])
            for annotation in coco['annotations']
            if annotation['image_id'] == entry['id']
        ]
        rows.append(
            [Panel('ground truth', _read(data / 'val' / entry['file_name']), boxes)]
        )
    files = [str(data / 'val' / entry['file_name']) for entry in scenes]
    for run in (student, distilled):
        model = init_detector(
            student.config_file, str(run.checkpoint), device=_device()
        )
        for row, sample in zip(rows, inference_detector(model, files), strict=True):
            found = sample.pred_instances.cpu().numpy()
            boxes = [
                (x, y, right - x, bottom - y, f'{label} {score:.2f}')
                for (x, y, right, bottom), label, score in zip(
                    found.bboxes, found.labels, found.scores, strict=True
                )
                if score >= MIN_SCORE
            ]
            title = f'{run.title}\nscore from {MIN_SCORE}'
            row.append(Panel(title, row[0].image, boxes))
    return rows


def classification_examples(
    student: Run, distilled: Run, data: Path
) -> list[list[Panel]]:
    """Up to 12 validation images on which the students differ, over all classes."""
    from mmpretrain import ImageClassificationInferencer

    init_default_scope('mmpretrain')
    files = sorted((data / 'val').glob('*/*.png'))
    predictions = []
    for run in (student, distilled):
        inferencer = ImageClassificationInferencer(
            str(student.config_file), pretrained=str(run.checkpoint), device=_device()
        )
        results = inferencer([str(file) for file in files], batch_size=100)
        predictions.append([result['pred_label'] for result in results])
    differing = [
        triple
        for triple in zip(files, *predictions, strict=True)
        if triple[1] != triple[2]
    ]
    spread = differing[:: max(len(differing) // 12, 1)][:12]
    panels = [
        Panel(f'{file.parent.name}: alone {alone}, with CKD {with_ckd}', _read(file))
        for file, alone, with_ckd in spread
    ]
    return [panels[start : start + 4] for start in range(0, len(panels), 4)]


EXAMPLES: dict[str, Callable[[Run, Run, Path], list[list[Panel]]]] = {
    'detection': detection_examples,
    'classification': classification_examples,
}


def _read(file: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(file).convert('RGB'))


def _device() -> str:
    return 'cuda:0' if torch.cuda.is_available() else 'cpu'
