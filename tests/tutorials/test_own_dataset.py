"""docs/tutorials/own_dataset.md, and the page that deploys its detector."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from mmdet.datasets import CocoDataset
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.utils import get_installed_path

from ckd_mm.commands.inspection import find_parts
from ckd_mm.teachers.loading.build import build_model

from ..processes import ROOT
from .apart import APART, needs_mmdeploy
from .page import files, run_page

PAGE = ROOT / 'docs/tutorials/own_dataset.md'
DEPLOY = ROOT / 'docs/tutorials/deploy.md'
SHORTER = {
    'num_train=300, num_val=50': 'num_train=8, num_val=2',
    'max_epochs=6, val_interval=3': 'max_epochs=1',
    'epoch_6': 'epoch_1',
    'interval=10': 'interval=1',
    '(160, 160)': '(96, 96)',
}


@pytest.fixture(scope='module')
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one who has done all that the page says."""
    folder = tmp_path_factory.mktemp('user')
    run_page(PAGE, folder, SHORTER, without=r'python tools/\w+\.py my_(gpu|zoo)')
    return folder


@pytest.mark.slow
def test_the_page_trains_a_teacher_and_both_students(user: Path) -> None:
    for run in ('my_teacher', 'my_small_student', 'my_distilled'):
        assert (user / 'work_dirs' / run / 'epoch_1.pth').is_file()


@pytest.mark.slow
@needs_mmdeploy
def test_the_page_on_deployment_exports_a_detector(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('PYTHONPATH', str(APART))
    without = 'my_student.py|python classify|accuracy|classes: 0|with the score'
    said = run_page(DEPLOY, user, {'epoch_6': 'epoch_1'}, without=without)
    assert (user / 'onnx_detector/end2end.onnx').is_file()
    assert re.search(r'^boxes: \d+$', said, re.M)


def test_the_teacher_of_the_zoo_is_the_one_that_the_page_names(tmp_path: Path) -> None:
    for name, code in files(PAGE).items():
        (tmp_path / name).write_text(code)
    config = Config.fromfile(tmp_path / 'my_zoo_teacher.py')
    assert config.model.roi_head.bbox_head.num_classes == 10
    zoo = Path(get_installed_path('mmdet'), '.mim/configs/faster_rcnn/metafile.yml')
    weights = {model['Config']: model['Weights'] for model in load(zoo)['Models']}
    named = 'configs/faster_rcnn/faster-rcnn_r101_fpn_2x_coco.py'
    assert config.load_from == weights[named]


def test_the_files_for_a_gpu_fit_together(tmp_path: Path) -> None:
    for name, code in files(PAGE).items():
        (tmp_path / name).write_text(code)
    student, distilled = (
        Config.fromfile(tmp_path / f'my_gpu_{name}.py')
        for name in ('student', 'distilled')
    )
    (hook,) = distilled.custom_hooks
    given = hook['teacher']
    teacher = Config.fromfile(tmp_path / given['config'])
    last = f'epoch_{teacher.train_cfg.max_epochs}.pth'
    assert given['checkpoint'] == f'work_dirs/{Path(given["config"]).stem}/{last}'
    assert f'work_dirs/my_gpu_distilled/{last}' in PAGE.read_text()
    assert distilled.model == student.model
    parts = find_parts(build_model(student), build_model(teacher), None)
    (part,) = (part for part in parts if part.on == hook['distill']['ckd']['on'])
    assert part.reason.startswith('not tried')


def test_the_page_lists_all_values_that_data_change() -> None:
    """What the table says is what the config sets."""
    config = files(PAGE)['my_student.py']
    table = PAGE.read_text()
    set_here = set(re.findall(r'(\w+)=[\'\d(]', config)) - {'img'}
    for name in {*set_here, 'data_root', 'val_evaluator'}:
        assert re.search(rf'^\| `{name}`', table, re.M), name


@pytest.mark.parametrize(
    ('classes', 'names'),
    [
        (('bolt', 'nut'), ['bolt', 'nut']),
        (('nut', 'bolt'), ['nut', 'bolt']),
        (('blot', 'nut'), ['blot']),
    ],
)
def test_classes_in_another_order_than_the_categories_get_wrong_names(
    tmp_path: Path, classes: tuple[str, str], names: list[str]
) -> None:
    """What the page warns of: MMDetection numbers classes in the order of the file."""
    box = dict(image_id=1, bbox=[1, 1, 9, 9], area=81, iscrowd=0)
    coco = dict(
        images=[dict(id=1, file_name='1.png', width=32, height=32)],
        categories=[dict(id=7, name='bolt'), dict(id=9, name='nut')],
        annotations=[box | dict(id=id, category_id=id) for id in (7, 9)],
    )
    (tmp_path / 'train.json').write_text(json.dumps(coco))
    data = CocoDataset(
        ann_file=str(tmp_path / 'train.json'),
        data_prefix=dict(img=''),
        metainfo=dict(classes=classes),
    )
    boxes = data.get_data_info(0)['instances']  # a bolt, and a nut
    assert [classes[box['bbox_label']] for box in boxes] == names
