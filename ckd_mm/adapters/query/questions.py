"""The queries that both decoders answer.

Shape suffixes: N images, Q queries, D numbers of a reference point: x, y, or the center
and the size of a box; each relative to the image.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ckd_mm.adapters.core.step import Step

__all__ = ['Questions', 'random_points']

PARTS = ('query', 'query_pos', 'reference_points')
"""What a query is for a decoder, by the name of the decoder's argument."""


@dataclass(frozen=True)
class Questions:
    """Where the queries come from.

    Args:
        queries: `'teacher'`: those that the teacher's decoder gets for these images.
            `'random'`: new reference points in each step.
        number: Q of the random ones.
    """

    queries: Literal['teacher', 'random'] = 'teacher'
    number: int = 300

    def made(self, inputs: Mapping[str, Any], step: Step) -> dict[str, Tensor]:
        """The queries of a step, by the name of the decoder's argument.

        Args:
            inputs: What the teacher's decoder gets for these images.
            step: The student's step.
        """
        found = {name: inputs[name].detach() for name in PARTS if name in inputs}
        if self.queries == 'teacher':
            return found
        points_QD, name = self._points(found, step)
        queries = found['query'][:, :1]  # zeros, which are those of each anchor
        if name == 'reference_points':
            queries = found['query'][:, : self.number]
        return {
            'query': queries.expand(-1, self.number, -1),
            name: points_QD.expand(len(queries), -1, -1),
        }

    def _points(self, found: Mapping[str, Tensor], step: Step) -> tuple[Tensor, str]:
        """Random points (Q, D), and the argument of the decoder that they are for."""
        name = 'reference_points' if 'reference_points' in found else 'query_pos'
        like = found[name]
        points_QD = random_points(self.number, like.shape[2], step.epoch)
        points_QD = points_QD.to(like.device, non_blocking=True)
        if name == 'reference_points':
            points_QD = points_QD.sigmoid()
        return points_QD.to(like.dtype), name


def random_points(number: int, dims: int, epoch: float) -> Tensor:
    """Reference points (Q, D) before their sigmoid, standard normal, on the CPU.

    They depend on the epochs done and on nothing else. So they are the same on all
    ranks and after a resume, and the random states of the run stay as they are.

    >>> random_points(1, 2, epoch=0.25).equal(random_points(1, 2, epoch=0.5))
    False
    """
    seed = struct.unpack('<2I', struct.pack('<d', epoch))
    points = np.random.default_rng(seed).standard_normal((number, dims), np.float32)
    return torch.from_numpy(points)
