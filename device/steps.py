"""Training steps with a hook on a device, beside the same without one.

What a step waits for is the stock step's, the teacher's, or ours: :meth:`Steps.added`.
The teacher's is what it waits for in code of MMDetection or MMPretrain, as a RoI
extractor that asks how many RoIs lie on each level.

Two steps are made, of the stock run as well. The first changes no weight, so that the
second has the same weights and random numbers, without what is made once. The second
does, and the changes tell the gradients.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import Tensor

from ckd_mm.adapters.core.class_names import ClassNames
from ckd_mm.engine.distiller import Distiller
from ckd_mm.engine.terms import build_terms
from ckd_mm.probing.steps import first_iteration
from ckd_mm.teachers import ModelTeacher, Speed
from device.records import Device, Record, Wait

__all__ = ['Setting', 'Steps', 'on_cpu', 'on_device', 'stock_on_device']


@dataclass(frozen=True)
class Setting:
    """Models on the CPU, a batch and terms.

    Args:
        student: The student; a copy of it trains.
        teacher: The teacher.
        batch: A batch, as a data loader gives it.
        distill: The terms; without any it is a stock step.
        speed: How the teacher's forward runs.
        names: The names of the classes of both.
        half: The data type of mixed precision, by AmpOptimWrapper.
    """

    student: BaseModel
    teacher: BaseModel
    batch: dict[str, Any]
    distill: dict[str, Any] = field(default_factory=dict)
    speed: Speed = field(default_factory=Speed)
    names: ClassNames | None = None
    half: str | None = None

    def with_term(self, on: Any, loss: str, **options: Any) -> Setting:
        """The same with one term."""
        term = dict(on=on, loss=dict(type=loss, **options))
        return replace(self, distill=dict(term=term))


@dataclass
class Steps:
    """What training steps logged, changed and waited for.

    Args:
        logs: The logged values of each step.
        records: Of each step; on the CPU none.
        of_teacher: What the teacher waited for in the last step.
        changes: By how much the last step changed each parameter.
    """

    logs: list[dict[str, float]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    of_teacher: list[Wait] = field(default_factory=list)
    changes: dict[str, Tensor] = field(default_factory=dict)

    def added(self, stock: Steps) -> Counter[str]:
        """What the last step waits for beyond the stock step and the teacher."""
        found = self.records[-1].counts()
        found.subtract(stock.records[-1].counts())
        found.subtract(Counter(map(str, self.of_teacher)))
        return +found


def stock_on_device(setting: Setting, device: Device) -> Steps:
    """Two training steps of the student alone, on the device.

    Some stock parts wait for something else from their second step on, as the sampler
    of Libra R-CNN does, which changes an option of its own in the first.
    """
    return _Run(replace(setting, distill={}), 'cuda', device).steps(2)


def on_device(setting: Setting, device: Device) -> Steps:
    """Two training steps on the device."""
    return _Run(setting, 'cuda', device).steps(2)


def on_cpu(setting: Setting) -> Steps:
    """The same training steps on the CPU."""
    return _Run(setting, 'cpu').steps(2)


class _Run:
    def __init__(
        self, setting: Setting, place: str, device: Device | None = None
    ) -> None:
        torch.manual_seed(0)
        self.setting, self.device, self.found = setting, device, Steps()
        self.student = copy.deepcopy(setting.student)
        self.student.train()  # LAD's and LD's return None
        self.student.to(place)
        self.terms = build_terms(setting.distill) if setting.distill else []
        self.distiller = self._distiller(place) if self.terms else None
        parameters = [p for p in self.student.parameters() if p.requires_grad]
        parameters += [p for term in self.terms for p in term.loss.parameters()]
        optimizer = torch.optim.SGD(parameters, lr=0.0)
        self.optimizer = (
            AmpOptimWrapper(optimizer=optimizer, dtype=setting.half, loss_scale=1.0)
            if setting.half
            else OptimWrapper(optimizer)
        )

    def steps(self, number: int) -> Steps:
        if self.distiller is not None:
            self.distiller.attach()
        for step in range(number):
            torch.manual_seed(0)
            self.found.of_teacher.clear()
            before = self._weights()
            self.optimizer.param_groups[0]['lr'] = 1e-2 * step
            self._step(copy.deepcopy(self.setting.batch))
            self.found.changes = {
                name: value - before[name] for name, value in self._weights().items()
            }
        if self.distiller is not None:
            self.distiller.detach()
        return self.found

    def _step(self, batch: dict[str, Any]) -> None:
        with first_iteration():
            if self.device is None:
                logs = self.student.train_step(batch, self.optimizer)
            else:
                with self.device.record() as record:
                    logs = self.student.train_step(batch, self.optimizer)
                self.found.records.append(record)
        self.found.logs.append({key: float(value) for key, value in logs.items()})

    def _weights(self) -> dict[str, Tensor]:
        weights = self.student.named_parameters()
        return {name: one.detach().cpu().clone() for name, one in weights}

    def _distiller(self, place: str) -> Distiller:
        """The hook's part of a step, with the teacher's waits recorded."""
        setting = self.setting
        teacher = copy.deepcopy(setting.teacher)
        teacher.eval()
        teacher.requires_grad_(False).to(place)
        prepared = setting.speed.prepare(teacher)
        teachers = [ModelTeacher(prepared, 1.0, setting.speed, setting.names)]
        distiller = Distiller(self.student, teachers, self.terms)
        if self.device is not None:
            for view in distiller.views:
                for name in ('start', 'run_teacher'):
                    setattr(view, name, self._noted(getattr(view, name), self.device))
        return distiller

    def _noted(self, run: Callable[..., None], device: Device) -> Callable[..., None]:
        def run_and_note(*arguments: Any) -> None:
            with device.record() as record:
                run(*arguments)
            self.found.of_teacher += [
                wait for wait in record.waits if not _is_ours(wait)
            ]

        return run_and_note


def _is_ours(wait: Wait) -> bool:
    return bool(wait.lines) and wait.lines[0].startswith('ckd_mm/')
