"""A classifier, its weights, and a way to load other contents into it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from torch import Tensor

from ckd_mm.teachers import build_teacher, load_weights


@pytest.fixture
def quiet() -> Iterator[None]:
    """MMEngine's logger would keep the output of the test that makes it."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def state(classifier_teacher: dict[str, Any]) -> dict[str, Tensor]:
    return torch.load(classifier_teacher['checkpoint'])['state_dict']


@pytest.fixture
def load(
    classifier_teacher: dict[str, Any], tmp_path: Path
) -> Callable[..., tuple[BaseModel, dict[str, Any]]]:
    """Load a content into the classifier of the fixture."""

    def run(content: Any, prefix: str = '') -> tuple[BaseModel, dict[str, Any]]:
        model = build_teacher(**classifier_teacher)
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.fill_(-7)
        torch.save(content, tmp_path / 'file.pth')
        return model, load_weights(model, str(tmp_path / 'file.pth'), prefix)

    return run
