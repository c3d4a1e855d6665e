"""Labels in place of stored logits of which the teacher is not sure."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.runner import Runner
from torch import Tensor

from ckd_mm.functional import calibrated_logits
from ckd_mm.hooks import DistillationHook
from ckd_mm.teachers import calibration, read_teachers

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
def test_a_run_compares_with_the_labels_where_the_cache_is_not_sure(
    make: Make, exact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    given: list[Tensor] = []

    def spy(teacher: Tensor, target: Tensor, **options: float) -> Tensor:
        assert options == CALIBRATE
        found = calibrated_logits(teacher, target, **options)
        seen.append((teacher, target, found))
        return found

    monkeypatch.setattr(calibration, 'calibrated_logits', spy)
    cached = dict(cache=str(exact), calibrate=CALIBRATE)
    terms = dict(kd=TERMS['kd'], at=TERMS['at'])
    runner = Runner.from_cfg(make(tmp_path, cached, terms))
    (hook,) = (one for one in runner.hooks if isinstance(one, DistillationHook))
    hook.terms[0].loss.register_forward_pre_hook(
        lambda module, args, kwargs: given.append(kwargs['teacher']), with_kwargs=True
    )
    runner.train()
    assert len(seen) == len(given) > 0
    for (teacher, target, found), got in zip(seen, given, strict=True):
        assert got is found
        expected = by_hand(teacher.double(), target, **CALIBRATE)
        torch.testing.assert_close(found.double(), torch.tensor(expected).double())
        assert not torch.equal(found, teacher)


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
