"""Weights of terms that follow what happens in training.

A schedule says by its `factor` how much a term counts in an iteration, and knows only
the iteration. One that is told more builds a :class:`Controller` as well: its weight,
a tensor on the device, multiplies the loss, and the factor after it. A plugin writes
both; `docs/schedules.md` has one.

A controller keeps what it has learnt in buffers. They are saved, resumed and started
equal on all ranks as those of losses are (`engine/connectors.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from ckd_mm.adapters.core.semi_supervised import student_within

__all__ = ['Controller', 'Controllers', 'Gradients', 'naming_the_term']


class Controller(nn.Module):
    """The weight of one term, as a tensor; this one stays at 1."""

    weight: Tensor
    """Multiplies the loss, of shape (). Replace it in :meth:`begin`, never in place:
    the graph of a step has it until the backward pass is done."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('weight', torch.ones(()))

    def attach(
        self, student: nn.Module, beside: Sequence[Controller | None], alone: bool
    ) -> None:
        """Look at the student before training, once the buffers are on its device.

        Args:
            student: The model that is distilled.
            beside: The controllers of the other terms; `None` for a term without.
            alone: Whether the student's own losses do not count.

        Raises:
            ValueError: The schedule does not fit the student or the other terms.
        """

    def begin(self, iteration: int, iters_per_epoch: int, is_new_update: bool) -> bool:
        """Set the weight for an iteration, and say whether to observe it.

        Must not wait for the device, and must say the same on all ranks.

        Args:
            iteration: Counted from 0.
            iters_per_epoch: As many batches are in an epoch.
            is_new_update: Whether the optimizer has used all gradients before this
                iteration. With accumulation it has not in most of them, and the weight
                must stay what it is.
        """
        return False

    def observe(self, loss: Tensor, factor: float, gradients: Gradients) -> None:
        """See the losses of an iteration, before its backward pass.

        Args:
            loss: The term's own, not weighed.
            factor: What the schedule multiplies it by, beside :attr:`weight`.
            gradients: Computes gradients; all ranks must ask for the same.
        """

    def statistics(self) -> dict[str, Tensor]:
        """Figures for the log, by name; MMEngine sums names that contain `loss`."""
        return {'weight': self.weight}


class Gradients:
    """Gradients of the losses of one step on this rank, each computed once.

    They are those of the loss of one batch: not clipped, not accumulated, not averaged
    over ranks, and multiplied by the scale of the loss scaler. Nothing is added to the
    gradients that the parameters have.

    Args:
        total: The sum of all losses as MMEngine takes it.
        scale: Multiplies by the loss scale, without which gradients in float16 vanish.
    """

    def __init__(self, total: Tensor, scale: Callable[[Tensor], Tensor]) -> None:
        self._total, self._scale = total, scale
        self._found: dict[tuple[int, ...], list[Tensor | None]] = {}

    def of_all_losses(self, parameters: Sequence[Tensor]) -> list[Tensor | None]:
        """By parameter; `None` where no loss reaches one."""
        return self.of(self._total, parameters)

    def of(self, loss: Tensor, parameters: Sequence[Tensor]) -> list[Tensor | None]:
        """By parameter; `None` where the loss does not reach one.

        Raises:
            ValueError: The student recomputes activations in a way that allows no
                gradient but that of the backward pass.
        """
        key = (id(loss), *map(id, parameters))
        if key not in self._found:
            self._found[key] = self._computed(loss, parameters)
        return self._found[key]

    def _computed(
        self, loss: Tensor, parameters: Sequence[Tensor]
    ) -> list[Tensor | None]:
        if not loss.requires_grad:  # of no rows, for one
            return [None] * len(parameters)
        with torch.autocast(loss.device.type, enabled=False):
            try:
                found = torch.autograd.grad(
                    loss,
                    parameters,
                    self._scale(torch.ones_like(loss)),
                    retain_graph=True,
                    allow_unused=True,
                )
            except RuntimeError as error:
                if 'heckpoint' not in str(error):
                    raise
                raise ValueError(
                    'the schedule needs gradients of single losses, which re-entrant '
                    'activation checkpointing does not give; take with_cp=True out of '
                    "the student, or use MMEngine's activation_checkpointing"
                ) from error
        return list(found)


class Controllers:
    """The controllers of all terms that have one.

    Args:
        student: The student, without a distributed wrapper; or the semi-supervised
            detector that trains it.
        controllers: By term; `None` for a term without.
        alone: Whether the student's own losses do not count.

    Raises:
        ValueError: A schedule does not fit the student or the other terms.
    """

    def __init__(
        self,
        student: BaseModel,
        controllers: Mapping[str, Controller | None],
        alone: bool = False,
    ) -> None:
        self._student = student
        self._by_term = {
            name: one for name, one in controllers.items() if one is not None
        }
        self._observing: list[str] = []
        self._scale: Callable[[Tensor], Tensor] = _unscaled
        for name, controller in self._by_term.items():
            beside = [one for other, one in controllers.items() if other != name]
            with naming_the_term(name):
                controller.attach(student_within(student), beside, alone)

    def begin(
        self, iteration: int, iters_per_epoch: int, optim_wrapper: Any = None
    ) -> None:
        """Set all weights for an iteration.

        Args:
            iteration: Counted from 0.
            iters_per_epoch: As many batches are in an epoch.
            optim_wrapper: MMEngine's, for its accumulation and loss scale.
        """
        if not self._by_term:
            return
        is_new = optim_wrapper is None or optim_wrapper.should_update()
        scaler = getattr(optim_wrapper, 'loss_scaler', None)
        self._scale = _unscaled if scaler is None else scaler.scale
        self._observing = [
            name
            for name, controller in self._by_term.items()
            if controller.begin(iteration, iters_per_epoch, is_new)
        ]

    def weighed(self, term: str, loss: Any) -> Tensor:
        """The loss of a term, times its weight.

        Raises:
            ValueError: It is no tensor.
        """
        if not isinstance(loss, Tensor):
            raise ValueError(
                'its loss must return one tensor of shape (), got a '
                f'{type(loss).__name__}; return what statistics() is for from there'
            )
        if term not in self._by_term:
            return loss
        return loss * self._by_term[term].weight

    # Dynamo would take the gradients into the graph of the forward pass.
    @torch.compiler.disable
    def observe(
        self,
        unweighed: Mapping[str, Tensor],
        factors: Mapping[str, float],
        losses: Mapping[str, Any],
    ) -> dict[str, Tensor]:
        """Show the losses of a step to the controllers.

        Args:
            unweighed: The loss of each active term, not weighed.
            factors: What the schedules multiply them by.
            losses: All losses of the step, weighed, as the student's forward returns
                them.

        Returns:
            What is to be logged, by key.
        """
        observing = [name for name in self._observing if name in unweighed]
        if observing:
            total, _ = self._student.parse_losses(losses)
            gradients = Gradients(total, self._scale)
            for name in observing:
                with naming_the_term(name):
                    self._by_term[name].observe(
                        unweighed[name], factors[name], gradients
                    )
        return {
            f'{name}_{key}': value
            for name, controller in self._by_term.items()
            if name in unweighed
            for key, value in controller.statistics().items()
        }


@contextmanager
def naming_the_term(name: str) -> Iterator[None]:
    """Have errors name the term."""
    try:
        yield
    except ValueError as error:
        if f'term {name!r}' in str(error):
            raise
        raise ValueError(f'term {name!r}: {error}') from error


def _unscaled(loss: Tensor) -> Tensor:
    return loss
