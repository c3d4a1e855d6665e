"""Labels in place of stored logits of which the teacher is not sure."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.commands.fill_cache import cache_teacher
from ckd_mm.functional import at_loss, calibrated_logits
from ckd_mm.teachers import read_teachers

from ..guarantees.steps import Steps, loaded
from ..tasks import differences
from .conftest import TERMS, Make
from .test_errors import refused

CALIBRATE = dict(below=0.3, smoothing=0.2)


def by_hand(
    teacher: Tensor, target: Tensor, below: float, smoothing: float
) -> list[list[float]]:
    found = []
    for row, label in zip(teacher.tolist(), target.tolist(), strict=True):
        powers = [math.exp(one) for one in row]
        if max(powers) / sum(powers) < below:
            shares = [smoothing / len(row)] * len(row)
            shares[label] += 1 - smoothing
            row = [math.log(one) for one in shares]
        found.append(row)
    return found


def test_it_equals_a_loop_over_rows() -> None:
    torch.manual_seed(0)
    teacher, target = torch.randn(8, 5).double(), torch.arange(8) % 5
    found = calibrated_logits(teacher, target, below=0.5, smoothing=0.2)
    expected = by_hand(teacher, target, 0.5, 0.2)
    torch.testing.assert_close(found, torch.tensor(expected).double())
    changed = (found != teacher).any(dim=1)
    assert 0 < changed.sum() < 8
    half = calibrated_logits(teacher.half(), target, below=0.5)
    assert half.dtype == torch.float16 and half.isfinite().all()


@pytest.mark.slow
def test_a_run_is_the_loop_by_hand_with_labels_where_the_cache_is_not_sure(
    make: Make, classifier_teacher: dict[str, Any], tmp_path: Path
) -> None:
    """Weights after an epoch, beside a term on maps, which stay the teacher's."""
    beside = sure_of_some(classifier_teacher, tmp_path)
    cache_teacher(make(tmp_path, beside), tmp_path / 'cache', dtype='float32')
    cached = dict(cache=str(tmp_path / 'cache'), calibrate=CALIBRATE)
    cfg = make(tmp_path, cached, dict(kd=TERMS['kd'], at=TERMS['at']))
    runner, steps = Runner.from_cfg(cfg), Steps()
    runner.register_hook(steps)
    runner.train()
    changed = train_by_hand(steps, loaded(beside), cfg.optim_wrapper.optimizer)
    assert 0.1 < sum(changed) / len(changed) < 0.9
    expected = steps.student.state_dict()
    assert differences(expected, runner.model.state_dict(), tolerance=1e-3) == {}


def sure_of_some(teacher: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The teacher with larger logits, so that it is sure of some images."""
    saved = torch.load(teacher['checkpoint'], weights_only=False)
    saved['state_dict']['head.fc.weight'] *= 80
    torch.save(saved, folder / 'teacher.pth')
    return dict(teacher, checkpoint=str(folder / 'teacher.pth'))


def train_by_hand(steps: Steps, teacher: BaseModel, settings: Any) -> list[bool]:
    """Train the copy of the student; whether a label is in place of each row."""
    student, changed = steps.student.train(), list[bool]()
    options = {key: one for key, one in settings.items() if key != 'type'}
    optimizer = torch.optim.SGD(student.parameters(), **options)
    for images, labels in steps.batches:
        with torch.no_grad():
            (taught,) = teacher.backbone(images)
            answers = teacher(images, mode='tensor')
        rows = torch.tensor(by_hand(answers, labels, **CALIBRATE))
        changed += (rows - answers).abs().amax(1).gt(1e-3).tolist()
        (maps,) = student.backbone(images)
        logits = student.head.fc(student.neck((maps,))[0])
        wanted, given = (rows / 4).softmax(1), (logits / 4).log_softmax(1)
        kd = 16 * F.kl_div(given, wanted, reduction='batchmean')
        loss = F.cross_entropy(logits, labels) + kd + 100 * at_loss(maps, taught)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return changed


@pytest.mark.parametrize(
    ('calibrate', 'message'),
    [
        (0.3, 'calibrate must be a dict with below'),
        (dict(smoothing=0.1), 'calibrate must be a dict with below'),
        (dict(below=1.0), 'below of calibrate must be a number > 0 and < 1, got 1.0'),
        (dict(below=0.3, smoothing=0), 'smoothing of calibrate must be .* got 0'),
        (dict(below=0.3, smooth=0.1), "no option 'smooth'; did you mean 'smoothing'"),
    ],
)
def test_a_wrong_option_is_a_sentence(calibrate: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_teachers(dict(cache='caches/r34', calibrate=calibrate))


@pytest.mark.slow
def test_without_logits_there_is_nothing_to_calibrate(
    make: Make, exact: Path, tmp_path: Path
) -> None:
    cached = dict(cache=str(exact), calibrate=CALIBRATE)
    cfg = make(tmp_path, cached, dict(at=TERMS['at']))
    refused(cfg, "calibrate is for terms with on='logits', and none compares them")
