"""A data set of the images in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmengine.registry import DATASETS

from ckd_mm.datasets.image_folder import ImageFolderDataset


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.zeros((8, 12, 3), np.uint8))
    (folder / 'notes.txt').write_text('no image')
    return folder


def test_it_has_all_images_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path / 'images', 'b.png', 'a/2.JPG', 'a/1.jpg')
    config = dict(
        type='ImageFolderDataset',
        data_root=str(tmp_path),
        data_prefix=dict(img='images/'),
    )
    found = DATASETS.build(config)
    paths = [Path(found[number]['img_path']) for number in range(len(found))]
    names = [path.relative_to(tmp_path / 'images').as_posix() for path in paths]
    assert names == ['a/1.jpg', 'a/2.JPG', 'b.png']
    assert found[2]['instances'] == []


def test_a_pipeline_that_reads_annotations_finds_none(tmp_path: Path) -> None:
    from mmdet.registry import DATASETS as MMDET

    write(tmp_path, 'a.png')
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='PackDetInputs'),
    ]
    found = MMDET.build(
        dict(
            type='ImageFolderDataset',
            data_root=str(tmp_path),
            pipeline=pipeline,
            _scope_='mmdet',
        )
    )[0]
    assert found['inputs'].shape == (3, 8, 12)
    assert len(found['data_samples'].gt_instances.bboxes) == 0


@pytest.mark.parametrize(
    ('folder', 'options', 'message'),
    [
        ('missing', {}, 'needs a folder of images, and .*missing.* is none'),
        ('empty', {}, 'has no images: no file in it .* ends with .jpg'),
        ('empty', dict(ann_file='a.json'), "no ann_file, got 'a.json'"),
    ],
)
def test_bad_input_is_a_sentence(
    tmp_path: Path, folder: str, options: dict[str, Any], message: str
) -> None:
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'empty/notes.txt').write_text('no image')
    with pytest.raises(ValueError, match=message):
        ImageFolderDataset(data_root=str(tmp_path / folder), **options)
