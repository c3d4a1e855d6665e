"""The student, listened to once in each step, whatever the number of teachers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from mmengine.model import BaseModel
from torch import nn
from torch.utils.hooks import RemovableHandle

from ckd_mm.adapters import Recorder, Step, Tap
from ckd_mm.adapters.core.semi_supervised import is_semi_supervised, student_within
from ckd_mm.engine.label_free import LabelFreeForward

__all__ = ['StudentView']


class StudentView:
    """Listens to the student's forward, and notes what terms need of it.

    Only forwards with `mode='loss'` are touched, so validation runs the stock path. In
    a semi-supervised detector, the student is the detector inside, on its labelled
    images; the forward is that of the whole.

    Args:
        model: The student, without a distributed wrapper; or the semi-supervised
            detector that trains it.
        taps: What to note.
        label_free: Runs the student in place of its own losses; `None` leaves them.

    Raises:
        ValueError: A tap names no module of the student.
    """

    def __init__(
        self,
        model: BaseModel,
        taps: Iterable[Tap],
        label_free: LabelFreeForward | None = None,
    ) -> None:
        self.model, self.label_free = model, label_free
        self.recorder = Recorder(student_within(model), taps)
        self._signature = inspect.signature(model.forward)
        self._handles: list[RemovableHandle | _LabelledBranch | _LossReplaced] = []
        self._step: Step | None = None

    def attach(
        self,
        before: Callable[[Any, Any], Step],
        after: Callable[[Step, dict[str, Any]], dict[str, Any]],
    ) -> None:
        """Put the forward hooks onto the student.

        Args:
            before: Gets the images and the data samples of each training step, before
                the student's forward; gives the step.
            after: Gets the step, and the losses that the forward returns; gives those
                to return.
        """

        def open_(inputs: Any, data_samples: Any) -> None:
            self._step = before(inputs, data_samples)
            self.recorder.open(self._step.taps)

        def pre_hook(module: nn.Module, args: tuple, kwargs: dict) -> None:
            found = self._arguments(args, kwargs)
            if found.get('mode') == 'loss' and not is_semi_supervised(self.model):
                open_(found['inputs'], found['data_samples'])

        def hook(module: nn.Module, args: tuple, kwargs: dict, output: Any) -> Any:
            if self._arguments(args, kwargs).get('mode') != 'loss':
                return None
            self.recorder.close()
            step, self._step = self._step, None
            return after(self._checked(step), output)

        self.recorder.attach()
        self._handles = [
            self.model.register_forward_pre_hook(pre_hook, with_kwargs=True),
            self.model.register_forward_hook(hook, with_kwargs=True),
        ]
        if is_semi_supervised(self.model):
            branch = _LabelledBranch(self.model, open_, self.recorder.close)
            self._handles.append(branch)
        if self.label_free is not None:
            self._handles.append(_LossReplaced(self.model, self._run_label_free))

    def detach(self) -> None:
        """Take all hooks off again."""
        self.recorder.detach()
        self._step = None
        while self._handles:
            self._handles.pop().remove()

    def forget(self) -> None:
        """Let go of the step's tensors."""
        self.recorder.forget()

    def _arguments(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        return self._signature.bind(*args, **kwargs).arguments

    def _run_label_free(self, inputs: Any, data_samples: Any) -> dict[str, Any]:
        assert self.label_free is not None and self._step is not None
        self.label_free.run(self._step)
        return {}

    def _checked(self, step: Step | None) -> Step:
        if step is None:
            raise ValueError(
                f'the {type(self.model).__name__} did not run loss_by_gt_instances '
                'in this step, and a semi-supervised detector is distilled on its '
                'labelled images; give each batch some'
            )
        return step


class _LabelledBranch:
    """Calls two functions around a wrapper's run on its labelled images.

    Args:
        model: The wrapper.
        before: Gets the images and their data samples.
        after: Gets nothing.
    """

    def __init__(
        self,
        model: Any,
        before: Callable[[Any, Any], None],
        after: Callable[[], None],
    ) -> None:
        self._model = model
        run = model.loss_by_gt_instances

        @functools.wraps(run)
        def listened_to(batch_inputs: Any, batch_data_samples: Any) -> Any:
            before(batch_inputs, batch_data_samples)
            losses = run(batch_inputs, batch_data_samples)
            after()
            return losses

        model.loss_by_gt_instances = listened_to

    def remove(self) -> None:
        """Give the wrapper its method back."""
        del self._model.loss_by_gt_instances


class _LossReplaced:
    """A model whose forward runs something else than its own losses.

    Args:
        model: It calls `loss` in its forward with `mode='loss'`.
        loss: What is called instead.
    """

    def __init__(self, model: Any, loss: Callable[[Any, Any], dict[str, Any]]) -> None:
        self._model = model
        model.loss = loss

    def remove(self) -> None:
        """Give the model its method back."""
        del self._model.loss
