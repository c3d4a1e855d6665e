"""The tool on the command line: what it says, writes and refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from tools import make_config

from ..processes import run_script

CHOICE = ('mask-rcnn_r50-mv2_coco', 'ckd-reviewkd', '2x')
NAME = 'ckd-reviewkd_r50-mv2_mask-fpn_2x_coco.py'


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, 'argv', ['make_config.py', *map(str, arguments)])
    make_config.main()


@pytest.mark.slow
def test_it_lists_every_pair_with_its_schedules_and_methods() -> None:
    done = run_script('tools/make_config.py', '--list', fresh=True)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ['gfl_r101-r18_coco', '1x', 'ckd', 'ld', 'ld-kd', 'crosskd-edges'] in lines
    pairs = {recipe.pair for recipe in make_config.recipes()}
    assert {line[0] for line in lines} == {'PAIR', *pairs}


def test_it_writes_a_config_that_says_what_it_is(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    call(monkeypatch, *CHOICE, '--out', 'mine')
    assert capsys.readouterr().out == f'wrote mine/{NAME}\n'
    text = (tmp_path / 'mine' / NAME).read_text()
    assert text.startswith(
        '"""CKD with ReviewKD: Mask R-CNN R50 -> MobileNetV2 on COCO, 2x (24 epochs).'
    )
    assert f'\n    tools/dist_train.sh mine/{NAME} 8\n' in text
    assert 'Papers: arXiv:2404.14109, arXiv:2104.09044.' in ' '.join(text.split())
    teacher = 'teacher, mmdet::mask_rcnn/mask-rcnn_r50_fpn_2x_coco.py'
    assert f'\n| {teacher} | 39.2 | 35.4 |\n' in text
    assert '\n| student alone, mask-rcnn_mv2_fpn_2x_coco.py | not run yet |' in text
    hook = Config.fromfile(f'mine/{NAME}').custom_hooks[0]
    assert hook.distill.reviewkd.loss.loss_weight == 1.0


@pytest.mark.parametrize(
    ('choice', 'title'),
    [
        (('resnet56-resnet20_cifar100', 'simkd', '240e'), 'SimKD: ResNet-56'),
        (
            ('faster-rcnn_r50-mv2_coco', 'ckd-crosskd-boxes', '1x'),
            'CKD with CrossKD with its boxes: Faster R-CNN',
        ),
    ],
)
def test_its_title_has_the_names_of_the_methods(
    choice: tuple[str, ...],
    title: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call(monkeypatch, *choice)
    assert capsys.readouterr().out.startswith(f'"""{title}')


def test_what_it_prints_is_what_it_writes_here(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    call(monkeypatch, *CHOICE)
    printed = capsys.readouterr().out
    call(monkeypatch, *CHOICE, '--out', '.')
    assert (tmp_path / NAME).read_text() == printed


def test_it_overwrites_nothing_unless_forced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_text('mine')
    with pytest.raises(SystemExit, match=rf'error: .*{NAME} exists; .*--force'):
        call(monkeypatch, *CHOICE, '--out', tmp_path)
    assert (tmp_path / NAME).read_text() == 'mine'
    call(monkeypatch, *CHOICE, '--out', tmp_path, '--force')
    assert (tmp_path / NAME).read_text() != 'mine'


def test_a_recipe_that_is_a_file_is_not_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has the published result."""
    choice = ('resnet56-resnet20_cifar100', 'kd', '240e')
    with pytest.raises(SystemExit, match='configs/mmpretrain/cifar100/kd_.* exists'):
        call(monkeypatch, *choice, '--out', tmp_path)
    call(monkeypatch, *choice, '--out', tmp_path, '--force')
    (made,) = tmp_path.iterdir()
    assert '\n| published | 70.66 |\n' in made.read_text()


@pytest.mark.parametrize(
    ('choice', 'message'),
    [
        (('resnet56-resnet20', 'kd', '240e'), "no pair 'resnet56-resnet20'; did you"),
        (('gfl_r101-r18_coco', 'kd', '1x'), "no method 'kd'.*'ld-kd'"),
        (('gfl_r101-r18_coco', 'ld', '3x'), "no schedule '3x'.*'1x'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known(
    choice: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match=f'error: there is {message}'):
        call(monkeypatch, *choice)


def test_all_three_names_are_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        call(monkeypatch, 'gfl_r101-r18_coco', 'ld')
    assert 'give PAIR, METHOD and SCHEDULE, or --list' in capsys.readouterr().err
