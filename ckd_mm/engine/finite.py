"""Stop a run whose distillation losses are not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner

__all__ = ['FiniteCheck']

MAX_SKIPPED = 20
"""Steps in a row that a loss scaler may skip; it halves its scale at each."""


class FiniteCheck:
    """Looks at the logged loss of each term after each step.

    The values come from the message hub, which has them on the host already, so this
    costs no synchronisation. Without MMEngine's RuntimeInfoHook nobody puts them there,
    and each step waits for them here. A loss scaler (float16) skips a step that is not
    finite; then only many in a row are an error.

    Args:
        terms: The names of the terms.
    """

    def __init__(self, terms: Iterable[str]) -> None:
        self._terms = list(terms)
        self._num_broken = 0

    def __call__(self, runner: Runner, outputs: dict[str, Any]) -> None:
        """Check a step that was taken; nothing of it is saved yet.

        Raises:
            FloatingPointError: A term is NaN or infinite.
        """
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        tolerated = MAX_SKIPPED if scaler is not None and scaler.is_enabled() else 0
        broken = self._first_broken(runner, outputs)
        self._num_broken = self._num_broken + 1 if broken else 0
        if self._num_broken > tolerated:
            raise FloatingPointError(broken)

    def _first_broken(self, runner: Runner, outputs: dict[str, Any]) -> str:
        """What is wrong with the first term that is not finite; empty if all are."""
        in_hub = any(isinstance(hook, RuntimeInfoHook) for hook in runner.hooks)
        for term in self._terms:
            key = f'loss_{term}'
            value = (
                runner.message_hub.get_scalar(f'train/{key}').current()
                if in_hub
                else float(outputs[key])
            )
            if not math.isfinite(value):
                return (
                    f'distillation term {term!r} is {value} in iteration '
                    f'{runner.iter + 1}; look at the other values of this iteration: '
                    "if the student's own losses are not finite either, lower the "
                    'learning rate or clip gradients; if they are, lower the '
                    'loss_weight or raise the temperature of the term, or check the '
                    "teacher's weights with teacher=dict(evaluate=True)"
                )
        return ''
