"""`stream=True`: no memory is used by two streams that nothing orders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch

from ckd_mm.teachers import Speed
from ckd_mm.teachers.streams import SideStream
from device.steps import Setting, on_device

from .test_options import MAPS, roi_logits, setting

TERMS: dict[str, dict[str, Any]] = {
    'rows': dict(ckd=roi_logits()),
    'maps': dict(fgd=MAPS['FGD']),
    'proposals': dict(ckd=roi_logits(rois='proposals', num_rois=20)),
}
SLOW = [pytest.mark.slow]


def races(hooked: Setting, mock: Any) -> list[str]:
    return [race for one in on_device(hooked, mock).records for race in one.races]


def beside(terms: str, **options: Any) -> Setting:
    speed = Speed(stream=True, **options)
    return replace(setting('faster'), distill=TERMS[terms], speed=speed)


@pytest.mark.parametrize(
    'terms', ['rows', *(pytest.param(one, marks=SLOW) for one in ('maps', 'proposals'))]
)
def test_two_steps_do_not_race(mock: Any, terms: str) -> None:
    assert races(beside(terms), mock) == []


@pytest.mark.slow
def test_other_layouts_and_types_do_not_race(mock: Any) -> None:
    assert races(beside('rows', channels_last=True, dtype='float16'), mock) == []


def test_without_the_join_they_do(mock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SideStream, 'join', lambda self: None)
    assert 'reads what another stream writes' in races(beside('rows'), mock)[0]


def test_without_the_wait_before_they_do(
    mock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def at_once(self: Any) -> Iterator[None]:
        with torch.cuda.stream(self._stream):
            yield

    monkeypatch.setattr(SideStream, 'beside', at_once)
    assert 'reads what another stream writes' in races(beside('rows'), mock)[0]


def test_values_are_those_of_one_stream(device: Any) -> None:
    plain = replace(beside('rows'), speed=Speed())
    apart, together = (on_device(one, device) for one in (beside('rows'), plain))
    for one, other in zip(apart.logs, together.logs, strict=True):
        assert one == pytest.approx(other)
