"""The tool that tries every family: its trial, its choice, its page, its processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from ..adapters.detectors import ONE_STAGE, narrow, narrow_dense
from ..processes import run_script

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / 'tools'))

import compatibility  # noqa: E402
from compatibility_configs import Choice, choose  # noqa: E402
from compatibility_report import table  # noqa: E402
from compatibility_trial import try_config  # noqa: E402


def written(path: Path, model: Any) -> str:
    Config(dict(model=model, default_scope='mmdet')).dump(path)
    return str(path)


def test_every_part_of_a_detector_is_trained_and_its_weights_are_stock(
    tmp_path: Path,
) -> None:
    model = narrow(ONE_STAGE['GFL'], narrow_dense)
    result = try_config(written(tmp_path / 'gfl.py', model))
    crossed = ('cross_logits', 'cross_boxes', 'cross_distribution')
    parts = ('backbone', 'neck', 'dense_logits', 'box_distribution', *crossed)
    assert result == dict(model='GFL', parts=dict.fromkeys(parts, ''), reason='')


def test_heads_that_begin_with_zeros_are_no_hindrance(tmp_path: Path) -> None:
    model = narrow(ONE_STAGE['GFL'], narrow_dense)
    model.bbox_head.init_cfg = dict(type='Constant', layer='Conv2d', val=0, bias=0)
    result = try_config(written(tmp_path / 'gfl.py', model))
    assert not any(result['parts'].values())


def test_a_part_whose_gradient_is_lost_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head whose input is detached gives its neck no gradient, but itself one."""
    from mmdet.models import FPN

    forward = FPN.forward

    def detached(self: FPN, inputs: Any) -> Any:
        return tuple(level.detach() for level in forward(self, inputs))

    monkeypatch.setattr(FPN, 'forward', detached)
    model = narrow(ONE_STAGE['GFL'], narrow_dense)
    parts = try_config(written(tmp_path / 'gfl.py', model))['parts']
    assert 'gradient' in parts['neck']
    assert parts['backbone'] == parts['dense_logits'] == ''


def test_weights_that_the_stock_model_does_not_have_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ckd_mm.engine.distiller import Distiller

    attach = Distiller.attach

    def and_leave_something(self: Distiller) -> None:
        attach(self)
        self.maker.student.model.register_buffer('left_behind', torch.zeros(1))

    monkeypatch.setattr(Distiller, 'attach', and_leave_something)
    model = narrow(ONE_STAGE['GFL'], narrow_dense)
    result = try_config(written(tmp_path / 'gfl.py', model))
    assert 'into the stock model ended in RuntimeError' in result['reason']
    assert 'left_behind' in result['reason']


def test_a_config_that_cannot_be_tried_is_a_sentence(tmp_path: Path) -> None:
    result = try_config(written(tmp_path / 'a.py', dict(type='NoSuchDetector')))
    assert not result['parts'] and 'NoSuchDetector' in result['reason']


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed library with these configs, which are cheap to read."""
    configs = tmp_path / 'lib/.mim/configs'

    def add(family: str, name: str, content: str) -> None:
        (configs / family).mkdir(parents=True, exist_ok=True)
        (configs / family / f'{name}.py').write_text(content)

    head = "model = dict(type='A', head=dict(type='{}'))"
    add('_base_', 'base', '')
    add('a', 'a_r101', head.format('H'))
    add('a', 'a_r18', head.format('H'))
    add('a', 'a_r50_mask', head.format('M'))
    add('b', 'b_r50', head.format('M'))
    add('data', 'only', "dataset_type = 'D'")
    add('broken', 'x', "_base_ = 'nowhere.py'")
    monkeypatch.setattr(
        'compatibility_configs.get_installed_path', lambda _: tmp_path / 'lib'
    )
    return configs


def test_each_family_has_its_cheapest_config_and_each_kind_one(library: Path) -> None:
    chosen = {(one.family, one.config): one.reason for one in choose('mmdet')}
    assert [pair for pair, reason in chosen.items() if not reason] == [
        ('a', 'a_r18.py'),
        ('a', 'a_r50_mask.py'),
        ('b', 'b_r50.py'),
    ]
    assert chosen['_base_', ''] == 'parts of other configs'
    assert 'no config of a model' in chosen['data', '']
    assert 'x.py cannot be read: FileNotFoundError' in chosen['broken', '']


def test_the_page_numbers_each_reason_once() -> None:
    parts = dict(neck='', mask_logits='the student has none')
    rows = [
        (Choice('mmdet', name, f'{name}.py'), dict(model='A', parts=parts, reason=''))
        for name in ('a', 'b')
    ]
    reason = "no file '/home/me/lib/site-packages/mmdet/x.py'"
    nothing = dict(model='', parts={}, reason=reason)
    page = table([*rows, (Choice('mmpretrain', 'c'), nothing)], 'abc1234')
    assert '- Commit: abc1234' in page
    assert '| a | a | A | `neck` | `mask_logits` (1) |' in page
    assert '| b | b | A | `neck` | `mask_logits` (1) |' in page
    assert '| c |  |  | nothing | (2) |' in page
    assert "1. the student has none\n2. no file 'mmdet/x.py'\n" in page
    assert '2 of 2 rows have parts that work' in page


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        options = ('--work-dir', str(tmp_path / 'results'), '--libraries', 'mmpretrain')
        monkeypatch.setattr(sys, 'argv', ['compatibility.py', *options, *arguments])
        compatibility.main()
        return capsys.readouterr().out

    return run


def in_its_own_process(folder: Path, *arguments: str, before: str = '') -> str:
    """What the tool prints there: where autograd has threads for GPUs, it cannot fork.

    It has them in this process, for the tests of a device.
    """
    options = ('--work-dir', str(folder / 'results'), '--libraries', 'mmpretrain')
    script = f"""
import sys
sys.path.insert(0, {str(ROOT / 'tools')!r})
import compatibility
{before}
sys.argv = ['compatibility.py', *{[*options, *arguments]!r}]
compatibility.main()
"""
    (folder / 'call.py').write_text(script)
    done = run_script(folder / 'call.py')
    assert not done.returncode, done.stderr[-3000:]
    return done.stdout


def test_families_are_tried_in_processes_and_kept(tmp_path: Path) -> None:
    """One that works, one that trains on no labels, and the second time none."""
    families = ('--only', 'lenet', 'simsiam')
    printed = in_its_own_process(tmp_path, *families, '--jobs', '2')
    assert '2 configs, 0 of them done' in printed
    assert 'mmpretrain::lenet/lenet5_mnist.py: backbone, logits' in printed
    assert 'a SimSiam does not train on images with one class label' in printed
    again = in_its_own_process(tmp_path, *families)
    assert '2 configs, 2 of them done' in again


MUCH_MEMORY = """
import mmap
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
held = mmap.mmap(-1, compatibility.MEMORY, flags=flags, prot=mmap.PROT_READ)
"""


def test_a_process_with_much_mapped_memory_can_start_trials(tmp_path: Path) -> None:
    """A trial may take a number of bytes beyond those that its parent has mapped."""
    printed = in_its_own_process(tmp_path, '--only', 'lenet', before=MUCH_MEMORY)
    assert 'mmpretrain::lenet/lenet5_mnist.py: backbone, logits' in printed


def test_a_trial_that_takes_too_long_is_ended(
    call: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compatibility, 'try_config', lambda *_: time.sleep(60))
    printed = call('--only', 'lenet', '--limit', '1')
    assert 'lenet5_mnist.py: nothing\n    not : not finished after 1 s' in printed


def test_a_trial_whose_process_dies_is_a_row(
    call: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compatibility, 'try_config', lambda *_: os._exit(9))
    assert 'its process ended with status 9' in call('--only', 'lenet')


def test_a_family_that_does_not_exist_is_refused(call: Callable[..., str]) -> None:
    with pytest.raises(SystemExit, match="no library has a folder of configs 'lennet'"):
        call('--only', 'lennet')


SAMPLE = {
    'centernet/centernet_r18_8xb16-crop512-140e_coco': ('neck', 'dense_logits'),
    'yolo/yolov3_mobilenetv2_8xb24-320-300e_coco': ('neck', 'dense_logits'),
    'ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco': ('neck', 'dense_logits'),
    'detr/detr_r18_8xb2-500e_coco': (
        *('neck', 'query_logits', 'shared_query_logits', 'shared_query_boxes'),
        'encoder',
    ),
    'yolox/yolox_nano_8xb8-300e_coco': ('neck', 'dense_logits'),
    'rtmdet/rtmdet-ins_tiny_8xb32-300e_coco': ('neck', 'dense_logits'),
}
TRIED = (
    'centernet/centernet_r18_8xb16-crop512-140e_coco',
    'detr/detr_r18_8xb2-500e_coco',
)


@pytest.mark.parametrize(
    'name',
    [
        pytest.param(
            name, marks=pytest.mark.slow if name in TRIED else pytest.mark.sweep
        )
        for name in SAMPLE
    ],
)
def test_a_sample_of_the_zoo_works_as_it_is(name: str) -> None:
    result = try_config(f'mmdet::{name}.py')
    assert not result['reason']
    assert all(result['parts'][part] == '' for part in SAMPLE[name]), result['parts']
