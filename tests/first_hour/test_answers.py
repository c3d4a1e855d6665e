"""What the rows ask, on small models on a CPU."""

from __future__ import annotations

import copy
import math
import sys
import warnings
from pathlib import Path
from typing import Any

import mmcv.ops
import pytest
import torch
from mmdet.models.losses.focal_loss import py_sigmoid_focal_loss
from torch import Tensor

from device.first_hour import mmcv_ext
from device.first_hour.answers import operators, steps, streams, teachers, tests, waits
from device.first_hour.answers.benchmarks import BOTH, ratios
from device.first_hour.answers.models import faster_rcnn, gfl, step
from device.first_hour.answers.training import figures
from device.first_hour.places import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, tmp_path, dry=True)


@pytest.mark.slow
def test_weight_0_changes_nothing_and_weight_1_would_be_seen(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert '0.0e+00, between stock runs 0.0e+00' in steps.weight_zero(run)
    monkeypatch.setattr(steps, '_weighted', lambda distill, _: copy.deepcopy(distill))
    with pytest.raises(AssertionError, match='largest difference'):
        steps.weight_zero(run)


def test_losses_in_half_precision_are_finite(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert steps.amp(run, 'bfloat16').startswith('2 steps, loss_ckd ')
    monkeypatch.setattr(
        steps, 'step', lambda _: {'loss_ckd': math.nan, 'loss_cls': 1.0}
    )
    with pytest.raises(AssertionError, match=r"not finite: \['loss_ckd'\]"):
        steps.amp(run, 'bfloat16')


def test_half_precision_reaches_the_model(run: Run) -> None:
    models = gfl(run, 'bfloat16')
    seen = []
    models.student.backbone.conv1.register_forward_hook(
        lambda module, inputs, output: seen.append(output.dtype)
    )
    step(models)
    assert seen == [torch.bfloat16]


def test_a_stream_changes_no_loss(run: Run) -> None:
    assert streams.same_losses(run).startswith('loss_ckd ')


def test_a_compiled_teacher_is_compared_with_itself(run: Run) -> None:
    teacher = faster_rcnn(run).teacher
    said = teachers.compile_times(teacher, [(64, 64)], dict(backend='eager'))
    assert said.startswith('seconds: 64x64 ')
    assert said.endswith('change 0.0e+00')


def test_operators_are_compared_and_missing_ones_are_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(device: torch.device) -> Tensor:
        return mmcv_ext.chamfer_distance_forward()

    monkeypatch.setitem(operators.OPERATORS, 'missing', (missing, 0.0))
    assert operators.agree(run).endswith("missing: ['missing']")
    numbers = iter([1.0, 2.0])
    random = {'random': (lambda _: torch.tensor([next(numbers)]), 0.5)}
    monkeypatch.setattr(operators, 'OPERATORS', random)
    with pytest.raises(AssertionError, match=r'random: differs by 1\.0e\+00'):
        operators.agree(run)


def test_a_wait_is_counted_at_the_innermost_line_of_a_package() -> None:
    code = "def wait():\n    warn('called a synchronizing CUDA operation')\n"
    scope: dict[str, Any] = {'warn': warnings.warn}
    exec(compile(code, '/somewhere/mmdet/models/a.py', 'exec'), scope)
    with waits.sync_warnings() as found:
        for _ in range(2):
            scope['wait']()
        warnings.warn('something else', stacklevel=1)
    assert found == {'mmdet/models/a.py:2': 2}


def test_waits_are_those_of_a_stock_step_and_those_that_ckd_adds(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, 'set_sync_debug_mode', lambda mode: None)
    assert waits.waits(run) == 'stock 0, with CKD 0, added: none'


def test_operators_that_stand_in_compute_what_mmcvs_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corners = torch.rand(50, 2) * 10
    boxes, scores = torch.cat([corners, corners + 5], dim=1), torch.rand(50)
    rois = torch.cat([torch.zeros(50, 1), boxes], dim=1)

    def computed() -> list[Tensor]:
        maps = torch.arange(400.0).sin().reshape(1, 1, 20, 20).requires_grad_()
        rows = mmcv.ops.roi_align(maps, rois, (3, 3), 1.0, 0, 'avg', True)
        rows.square().sum().backward()
        assert maps.grad is not None
        return [rows, maps.grad, mmcv.ops.nms(boxes, scores, 0.4)[1]]

    wanted = computed()
    for name in ('roi_align', 'nms'):
        module = sys.modules[f'mmcv.ops.{name}']  # its function has the same name
        monkeypatch.setattr(module, 'ext_module', mmcv_ext)
    torch.testing.assert_close(computed(), wanted)


def test_the_focal_loss_that_stands_in_is_the_formula(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr('mmcv.ops.focal_loss.ext_module', mmcv_ext)
    labels = torch.tensor([0, 3, 4, 4])
    hot = torch.nn.functional.one_hot(labels, 5)[:, :4]
    one, two = (torch.linspace(-3, 3, 16).view(4, 4).requires_grad_() for _ in '12')
    value = mmcv.ops.sigmoid_focal_loss(one, labels, 2.0, 0.25, None, 'sum')
    wanted = py_sigmoid_focal_loss(two, hot, reduction='sum')
    value.backward()
    wanted.backward()
    torch.testing.assert_close([value, one.grad], [wanted, two.grad])


def test_the_ratios_of_a_report_are_the_answer() -> None:
    head = '| term | (a) | (c) / ((a) + (b)) | (c) / (d) |\n|---|---|---|---|\n'
    report = (
        f'# T\n\n## float32\n\n{head}| CKD | 1 | 1.03 | 0.88 |\n| AT | 1 | 1.1 | |\n'
    )
    report += f'\n## AMP\n\n{head}| CKD | 1 | 1.0 | 0.9 |\n\n## On a GPU\n\nNot run.\n'
    said = 'float32: CKD 1.03 and 0.88, AT 1.1; AMP: CKD 1.0 and 0.9'
    assert ratios(report, BOTH) == said


def test_the_figures_of_a_run_are_the_answer() -> None:
    logged = [
        {'loss': 3.0, 'loss_ckd': 2.0, 'time': 0.2, 'memory': 90},
        {'loss': 2.0, 'loss_ckd': 1.5, 'time': 0.1, 'memory': 99},
        {'coco/bbox_mAP': 0.25, 'time': 0.01},
    ]
    said = 'mAP 0.250, loss 3.000 to 2.000, loss_ckd 2.000 to 1.500, 99 MiB, 0.100 s'
    assert figures(logged) == f'{said} per step'


def test_a_failing_test_is_named(tmp_path: Path) -> None:
    file = tmp_path / 'test_sums.py'
    file.write_text('def test_one():\n    pass\n\ndef test_two():\n    assert 0\n')
    with pytest.raises(AssertionError, match='1 failed, 1 passed.*test_two'):
        tests.pytest(str(file))
    assert tests.pytest(str(file), '-k', 'one').startswith('1 passed')
