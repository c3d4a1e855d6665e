"""The digit data sets: their contents, and that the stock readers read them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image
from pycocotools.coco import COCO

from ckd_mm.datasets.digits import (
    load_digits,
    split_digits,
    write_digit_images,
    write_digit_scenes,
)
from ckd_mm.datasets.scenes import ink_mask

CLASSES = tuple(str(label) for label in range(10))


@pytest.fixture(scope='module')
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty training and ten validation scenes."""
    root = tmp_path_factory.mktemp('scenes') / 'detection'
    write_digit_scenes(root, num_train=30, num_val=10)
    return root


@pytest.fixture(scope='module')
def masked_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with masks."""
    root = tmp_path_factory.mktemp('masked') / 'detection'
    write_digit_scenes(root, num_train=30, num_val=10, masks=True)
    return root


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('images') / 'classification'
    write_digit_images(root)
    return root


def coco_file(scenes: Path, split: str) -> dict:
    return json.loads((scenes / 'annotations' / f'{split}.json').read_text())


def pixels(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file))


def test_a_third_of_each_class_is_held_out() -> None:
    _, labels_N = load_digits()
    split = split_digits(labels_N)
    assert {name: len(indices) for name, indices in split.items()} == {
        'train': 1201,
        'val': 596,
    }
    assert sorted(np.concatenate(list(split.values()))) == list(range(1797))
    for label in range(10):
        held_out = int((labels_N[split['val']] == label).sum())
        assert held_out == int((labels_N == label).sum()) // 3


def test_the_split_is_the_one_that_was_fixed() -> None:
    held_out = split_digits(load_digits()[1])['val']
    digest = hashlib.sha256(held_out.astype('<i8').tobytes()).hexdigest()
    assert digest.startswith('7b542cc7c8069596')


@pytest.mark.parametrize('split', ['train', 'val'])
def test_scenes_show_only_digits_of_their_own_split(scenes: Path, split: str) -> None:
    _, labels_N = load_digits()
    allowed = set(split_digits(labels_N)[split].tolist())
    entries = coco_file(scenes, split)['annotations']
    assert {entry['digit'] for entry in entries} <= allowed
    for entry in entries:
        assert entry['category_id'] == labels_N[entry['digit']] + 1


@pytest.mark.parametrize('split', ['train', 'val'])
def test_scenes_have_2_to_6_digits_inside_that_do_not_overlap(
    scenes: Path, split: str
) -> None:
    coco = coco_file(scenes, split)
    for image in coco['images']:
        covered = np.zeros((160, 160), dtype=int)
        boxes = [
            entry['bbox']
            for entry in coco['annotations']
            if entry['image_id'] == image['id']
        ]
        assert 2 <= len(boxes) <= 6
        for x, y, w, h in boxes:
            assert 20 <= h <= 56
            assert x >= 0 and y >= 0 and x + w <= 160 and y + h <= 160
            covered[y : y + h, x : x + w] += 1
        assert covered.max() == 1


def test_a_box_holds_its_digit(scenes: Path) -> None:
    """Dark or light ink differs from the background in the box, not around it."""
    coco = coco_file(scenes, 'train')
    boxes = [
        e['bbox']
        for e in coco['annotations']
        if e['image_id'] == coco['images'][0]['id']
    ]
    scene = pixels(scenes / 'train' / coco['images'][0]['file_name']).astype(int)
    is_ink = np.asarray(((scene < 55) | (scene > 200)).all(axis=2))
    for x, y, w, h in boxes:
        assert is_ink[y : y + h, x : x + w].any()
        is_ink[y : y + h, x : x + w] = False
    assert not is_ink.any()


def test_scenes_are_the_same_on_every_machine(scenes: Path) -> None:
    digest = hashlib.sha256(
        (scenes / 'annotations/train.json').read_bytes()
    ).hexdigest()
    assert digest.startswith('6b8b43fe818c2b8e')
    sums = [int(pixels(scenes / 'train' / f'{i:06d}.png').sum()) for i in range(3)]
    assert sums == [8589650, 8853302, 9526615]


def test_a_scene_does_not_depend_on_how_many_there_are(
    scenes: Path, tmp_path: Path
) -> None:
    write_digit_scenes(tmp_path / 'few', num_train=2, num_val=1)
    for name in ('train/000001.png', 'val/000000.png'):
        assert (pixels(tmp_path / 'few' / name) == pixels(scenes / name)).all()


def test_another_seed_gives_other_scenes(scenes: Path, tmp_path: Path) -> None:
    write_digit_scenes(tmp_path / 'other', num_train=1, num_val=1, seed=1)
    name = 'train/000000.png'
    assert (pixels(tmp_path / 'other' / name) != pixels(scenes / name)).any()


def test_masks_leave_all_else_as_it_is(scenes: Path, masked_scenes: Path) -> None:
    for split in ('train', 'val'):
        coco = coco_file(masked_scenes, split)
        for entry in coco['annotations']:
            assert entry['segmentation']
            entry['segmentation'] = []
        assert coco == coco_file(scenes, split)
        for image in coco['images']:
            name = f'{split}/{image["file_name"]}'
            assert (masked_scenes / name).read_bytes() == (scenes / name).read_bytes()


def test_a_mask_is_the_ink_of_its_digit_and_fills_its_box(masked_scenes: Path) -> None:
    """As the stock reader decodes it."""
    coco = COCO(str(masked_scenes / 'annotations/train.json'))
    for image in coco.dataset['images']:
        scene = pixels(masked_scenes / 'train' / image['file_name']).astype(int)
        is_ink = ((scene < 55) | (scene > 200)).all(axis=2)
        covered = np.zeros((160, 160), dtype=int)
        for entry in coco.imgToAnns[image['id']]:
            mask = coco.annToMask(entry)
            rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
            x, y, w, h = entry['bbox']
            assert (rows[0], columns[0]) == (y, x)
            assert (rows[-1], columns[-1]) == (y + h - 1, x + w - 1)
            covered += mask
        assert covered.max() == 1
        assert covered[is_ink].all()


def test_a_mask_leaves_out_what_is_no_ink() -> None:
    ring = np.zeros((8, 8), dtype=np.int64)
    ring[2:6, 2:6] = 16
    ring[3:5, 3:5] = 0
    mask = ink_mask(ring, (30, 40, 20, 20))
    assert mask[40, 30] and mask[59, 49]
    assert not mask[47:53, 37:43].any()
    assert not mask[:, :30].any() and not mask[60:].any()


@pytest.mark.parametrize('height', [20, 56])
def test_a_mask_fills_its_box_for_every_digit(height: int) -> None:
    """Also at the smallest size, where resizing blurs the edges most."""
    images_NHW, _ = load_digits()
    for image_HW in images_NHW:
        ink = image_HW >= 4
        rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
        shape = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        width = round(height * shape[1] / shape[0])
        mask = ink_mask(image_HW, (3, 5, width, height))[5 : 5 + height, 3 : 3 + width]
        assert mask[0].any() and mask[-1].any()
        assert mask[:, 0].any() and mask[:, -1].any()


def test_the_stock_pipeline_reads_the_masks(masked_scenes: Path) -> None:
    from mmdet.datasets import CocoDataset

    with DefaultScope.overwrite_default_scope('mmdet'):
        dataset = CocoDataset(
            data_root=str(masked_scenes),
            ann_file='annotations/train.json',
            data_prefix=dict(img='train/'),
            metainfo=dict(classes=CLASSES),
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            ],
        )
    found = dataset[0]
    boxes = found['gt_masks'].get_bboxes('hbox').tensor
    assert (boxes == found['gt_bboxes'].tensor).all()


def test_images_are_the_digits_of_scikit_learn(images: Path) -> None:
    images_NHW, labels_N = load_digits()
    for split, indices in split_digits(labels_N).items():
        files = sorted((images / split).glob('*/*.png'), key=lambda file: file.name)
        assert [int(file.stem) for file in files] == indices.tolist()
        for file in files[:20]:
            index = int(file.stem)
            assert file.parent.name == str(labels_N[index])
            # 0 to 16 on 0 to 255 and back
            restored = -(-pixels(file).astype(int) * 16 // 255)
            assert (restored == images_NHW[index]).all()


def test_the_stock_custom_dataset_reads_the_images(images: Path) -> None:
    from mmpretrain.datasets import CustomDataset

    dataset = CustomDataset(data_root=str(images / 'val'), pipeline=[])
    dataset.full_init()
    assert len(dataset) == 596
    assert tuple(dataset.CLASSES) == CLASSES
    info = dataset.get_data_info(100)
    assert Path(info['img_path']).parent.name == CLASSES[info['gt_label']]


def test_the_stock_coco_dataset_reads_the_scenes(scenes: Path) -> None:
    from mmdet.datasets import CocoDataset

    dataset = CocoDataset(
        data_root=str(scenes),
        ann_file='annotations/train.json',
        data_prefix=dict(img='train/'),
        metainfo=dict(classes=CLASSES),
        pipeline=[],
    )
    coco = coco_file(scenes, 'train')
    assert len(dataset) == 30
    info = dataset.get_data_info(4)
    assert pixels(Path(info['img_path'])).shape == (info['height'], info['width'], 3)
    expected = [
        (entry['category_id'] - 1, entry['bbox'][0])
        for entry in coco['annotations']
        if entry['image_id'] == 5
    ]
    found = [(item['bbox_label'], item['bbox'][0]) for item in info['instances']]
    assert found == expected


def test_the_stock_coco_metric_gives_the_ground_truth_full_marks(scenes: Path) -> None:
    from mmdet.evaluation import CocoMetric
    from torch import tensor

    file = scenes / 'annotations/val.json'
    metric = CocoMetric(ann_file=str(file), metric='bbox')
    metric.dataset_meta = dict(classes=CLASSES)
    coco = coco_file(scenes, 'val')
    for image in coco['images']:
        own = [e for e in coco['annotations'] if e['image_id'] == image['id']]
        boxes = tensor([e['bbox'] for e in own]).float()
        boxes[:, 2:] += boxes[:, :2]
        prediction = dict(
            bboxes=boxes,
            scores=tensor([1.0] * len(own)),
            labels=tensor([e['category_id'] - 1 for e in own]),
        )
        sample = dict(
            img_id=image['id'], ori_shape=(160, 160), pred_instances=prediction
        )
        metric.process({}, [sample])
    assert metric.evaluate(len(coco['images']))['coco/bbox_mAP'] == 1.0
