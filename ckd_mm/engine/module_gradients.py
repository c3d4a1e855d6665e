"""The gradient at modules of the student: whose parameters, and how large it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ckd_mm.registry import did_you_mean

__all__ = ['absolute_sum', 'check_reach', 'trained_parameters']


def absolute_sum(gradients: Sequence[Tensor | None], device: torch.device) -> Tensor:
    """The size of a gradient: the sum of its absolute values, in float32.

    Args:
        gradients: By parameter; `None` where nothing reaches one.
        device: Where the sum is.

    Returns:
        Of shape (); 0 where nothing reaches any.
    """
    found = [
        torch.linalg.vector_norm(one, 1, dtype=torch.float32)
        for one in gradients
        if one is not None
    ]
    return torch.stack(found).sum() if found else torch.zeros((), device=device)


def check_reach(
    of_term: Sequence[Tensor | None],
    total: Sequence[Tensor | None],
    of: str | Sequence[str],
) -> None:
    """Check that a term and all losses reach the modules.

    Args:
        of_term: The gradient of the term, by parameter.
        total: That of all losses.
        of: The names of the modules.

    Raises:
        ValueError: All are `None`.
    """
    if all(one is None for one in of_term):
        raise ValueError(
            f'the loss has no gradient at of={of!r}; name a module of the student that '
            'what is compared is computed by'
        )
    if all(one is None for one in total):
        raise ValueError(
            f'no loss has a gradient at of={of!r}; name another module of the student'
        )


def trained_parameters(student: nn.Module, names: Sequence[str]) -> list[nn.Parameter]:
    """The parameters of modules that train, each once.

    Args:
        student: The model.
        names: The names of its modules.

    Raises:
        ValueError: There is no such module, or none of its parameters trains.
    """
    found = {id(p): p for name in names for p in _trained(student, name)}
    return list(found.values())


def _trained(student: nn.Module, name: str) -> list[nn.Parameter]:
    """The parameters of a module that train.

    Raises:
        ValueError: There is no such module, or none of its parameters trains.
    """
    modules: dict[str, Any] = dict(student.named_modules())
    if name not in modules:
        known = [one for one in modules if one]
        raise ValueError(
            f'schedule: of={name!r} is no module of the student'
            f'{did_you_mean(name, known)}'
        )
    found = [p for p in modules[name].parameters() if p.requires_grad]
    if not found:
        raise ValueError(
            f'schedule: of={name!r} has no parameters that train, so there is no '
            'gradient to measure; name a module that trains'
        )
    return found
