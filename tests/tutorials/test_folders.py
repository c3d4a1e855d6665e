"""docs/tutorials/folders.md, and the pages that go on with its runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import load
from mmengine.utils import get_installed_path
from mmpretrain.registry import METRICS
from mmpretrain.structures import DataSample

from ckd_mm.report import read_history
from ckd_mm.teachers.loading.build import build_model

from ..processes import ROOT
from .apart import APART, needs_mmdeploy
from .page import files, python, run_page

FOLDERS = ROOT / 'docs/tutorials/folders.md'
LOGS = ROOT / 'docs/tutorials/read_the_logs.md'
CHOICE = ROOT / 'docs/tutorials/choose_a_method.md'
DEPLOY = ROOT / 'docs/tutorials/deploy.md'
SHORTER = {'max_epochs=10': 'max_epochs=2', 'epoch_10': 'epoch_2'}


@pytest.fixture(scope='module')
def user(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of one who has done all that folders.md says, and what was printed."""
    folder = tmp_path_factory.mktemp('user')
    return folder, run_page(FOLDERS, folder, SHORTER)


@pytest.mark.slow
def test_the_page_on_folders_distils_by_two_methods(user: tuple[Path, str]) -> None:
    folder, _ = user
    for term in ('kd', 'ckd'):
        run = read_history(folder / f'work_dirs/my_{term}')
        assert run.terms == [term]
        assert run.statistics() and run.teacher


@pytest.mark.slow
def test_the_page_on_logs_draws_and_measures_what_it_says(
    user: tuple[Path, str],
) -> None:
    folder, said = user
    run_page(LOGS, folder, {'max_epochs=4': 'max_epochs=1'}, said)
    assert (folder / 'logs.png').stat().st_size > 10_000
    assert (folder / 'work_dirs/my_ckd/report.html').is_file()
    measured = read_history(folder / 'work_dirs/measured').train.values()
    assert all(0 < entry['ckd_share'] < 1 for entry in measured)
    assert all(0 < entry['ckd_weight'] <= 1 for entry in measured)


@pytest.mark.slow
def test_the_page_on_the_choice_compares_and_subtracts(user: tuple[Path, str]) -> None:
    folder, _ = user
    shorter = {
        'epoch_10': 'epoch_2',
        'seeds = [0, 1, 2]': 'seeds = [0]',
        "    'KD': 'my_kd.py',\n    'CKD': 'my_ckd.py',\n": '',
        'my_comparison.py --jobs 2': 'my_comparison.py --jobs 2 --no-page',
        'my_second_comparison.py --jobs 2': 'my_second_comparison.py --dry-run',
    }
    said = run_page(CHOICE, folder, shorter)
    compared = (folder / 'work_dirs/compare/my_comparison/my_comparison.md').read_text()
    (head,) = re.findall(r'^\| method .* \|$', CHOICE.read_text(), re.M)[:1]
    assert head in compared
    assert '| SP | ' in compared
    assert 'SP less CKD: +0.34 ± 6.23' in said
    for seed in (3, 4, 5, 6, 7):
        assert f'CKD, seed {seed}: ' in said


@pytest.mark.slow
@needs_mmdeploy
def test_the_page_on_deployment_exports_an_equal_classifier(
    user: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = user
    monkeypatch.setenv('PYTHONPATH', str(APART))
    shorter = {'epoch_10': 'epoch_2'}
    said = run_page(DEPLOY, folder, shorter, without='detect|zero one|bbox_mAP')
    tested = re.findall(r"accuracy/top1'?: ([\d.]+)", said)
    assert len({float(f'{float(value):.4f}') for value in tested}) == 1, tested
    pytorch, onnx = re.findall(r'class \d with the score [\d.]+', said)
    assert pytorch == onnx


def test_the_weights_of_the_teacher_are_of_the_zoo() -> None:
    (file,) = re.findall(r"load_from = '.*/(.*)'", '\n'.join(python(FOLDERS)))
    zoo = Path(get_installed_path('mmpretrain'), '.mim/configs/resnet/metafile.yml')
    assert file in {
        Path(model.get('Weights', '')).name for model in load(zoo)['Models']
    }


STOCK = re.findall(
    r'`(mmpretrain::resnet/resnet\d+_8xb32_in1k\.py)`', FOLDERS.read_text()
)


def stock(base: str, folder: Path) -> Config:
    """The student's config for a stock model, as the page says it."""
    (model,) = re.findall(
        r'`(dict\(head=dict\(num_classes=num_classes\)\))`', FOLDERS.read_text()
    )
    code = re.sub(
        r'^_base_ = .*', f"_base_ = ['{base}']", files(FOLDERS)['my_student.py']
    )
    code = re.sub(r'^model = dict\(.*?^\)', f'model = {model}', code, flags=re.M | re.S)
    (folder / 'stock.py').write_text(code)
    return Config.fromfile(folder / 'stock.py')


def test_a_stock_student_and_its_teacher_are_what_the_page_says(tmp_path: Path) -> None:
    for base, width in zip(STOCK, (512, 2048), strict=True):
        model = build_model(stock(base, tmp_path))
        assert model.head.fc.weight.shape == (10, width)


@pytest.mark.parametrize('evaluator', ['val_evaluator', 'test_evaluator'])
def test_a_stock_student_of_three_folders_is_evaluated(
    tmp_path: Path, evaluator: str
) -> None:
    """The stock config's top-5 would raise for fewer than five classes."""
    sample = DataSample().set_gt_label(1).set_pred_score(torch.tensor([0.1, 0.7, 0.2]))
    metric = METRICS.build(stock(STOCK[0], tmp_path)[evaluator])
    metric.process({}, [sample.to_dict()])
    assert metric.evaluate(1) == {'accuracy/top1': 100.0}
