"""The logits of each image of the training set, as the last epoch has left them.

Shape suffixes: N images of the training set, B rows on this rank, G rows on all ranks,
C classes, K the largest classes that are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ckd_mm.distributed import gather_rows, last_of_each, world_size
from ckd_mm.functional._labels import label_weights

__all__ = ['OutputMemory', 'num_bytes']

_LOG_OF_NOTHING = -1e4
"""Stands for the logarithm of 0; its softmax is exactly 0."""

_INDEX_BYTES = 4


def num_bytes(
    num_samples: int,
    num_classes: int,
    top_k: int | None,
    half: bool,
    num_drawn: int,
) -> int:
    """What a memory takes on each rank: all images, and those of the running epoch.

    Args:
        num_samples: N.
        num_classes: C.
        top_k: As of the memory.
        half: As of the memory.
        num_drawn: How many images all ranks draw in an epoch: more than N where the
            data set repeats them.
    """
    number = 2 if half else 4
    row = num_classes * number if top_k is None else top_k * (number + _INDEX_BYTES) + 4
    of_epoch = -(-num_drawn // world_size())
    return num_samples * (row + 1) + of_epoch * (row + 8)


class OutputMemory:
    """The last logits of each image, from epochs that have ended; equal on all ranks.

    What a running epoch gives is held back until it ends, on the rank that has drawn
    the image. Until an image has logits, its label stands for them.

    Args:
        num_samples: Images of the training set.
        num_classes: C.
        top_k: Keep so many largest logits of each row; the others become equal, so that
            their probabilities have the same sum. `None` keeps all.
        half: Keep them in float16.
        device: Where they are kept.
    """

    def __init__(
        self,
        num_samples: int,
        num_classes: int,
        top_k: int | None = None,
        half: bool = False,
        device: torch.device | None = None,
    ) -> None:
        self.num_classes, self.top_k = num_classes, top_k
        self._dtype = torch.float16 if half else torch.float32
        width = num_classes if top_k is None else top_k
        self._kept = {
            'values': torch.zeros(num_samples, width, dtype=self._dtype, device=device)
        }
        if top_k is not None:
            shape = num_samples, width
            self._kept['classes'] = torch.zeros(shape, dtype=torch.int32, device=device)
            self._kept['rest'] = torch.zeros(num_samples, 1, device=device)
        self._is_there = torch.zeros(num_samples, dtype=torch.bool, device=device)
        self._of_epoch: list[tuple[Tensor, dict[str, Tensor]]] = []

    @torch.no_grad()
    def note(self, index_B: Tensor, logits_BC: Tensor) -> None:
        """Hold the logits of a step back until the epoch ends."""
        self._of_epoch.append((index_B, self._packed(logits_BC.detach().float())))

    @torch.no_grad()
    def read(self, index_B: Tensor, target: Tensor) -> Tensor:
        """The logits of some images (B, C) from the epochs that have ended.

        Args:
            index_B: Their numbers in the training set.
            target: Their labels, class indices (B,) or soft labels (B, C): they stand
                for logits that are not there, as the logarithms of probabilities.
        """
        rows_BC = self._unpacked(
            {name: one[index_B] for name, one in self._kept.items()}
        )
        label_BC = label_weights(target, len(index_B), self.num_classes)
        label_BC = label_BC.to(rows_BC.dtype).log().clamp_min(_LOG_OF_NOTHING)
        return torch.where(self._is_there[index_B, None], rows_BC, label_BC)

    def start_epoch(self) -> None:
        """Forget what a step has noted outside of an epoch that ends."""
        self._of_epoch = []

    @torch.no_grad()
    def end_epoch(self) -> None:
        """Exchange what the ranks have held back; later rows of an image count."""
        for index_B, packed in self._of_epoch:
            index_G = gather_rows(index_B)[0]
            last_G = last_of_each(index_G)
            for name, rows_BD in packed.items():
                self._kept[name][index_G] = gather_rows(rows_BD)[0][last_G]
            self._is_there[index_G] = True
        self._of_epoch = []

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        return {**self._kept, 'is_there': self._is_there}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take what a checkpoint has kept.

        Raises:
            ValueError: It is of another memory.
        """
        ours = self.state()
        shapes, got = (
            {name: (tuple(one.shape), one.dtype) for name, one in each.items()}
            for each in (ours, state)
        )
        if shapes != got:
            raise ValueError(
                f'the checkpoint to resume from must have the memory of {shapes}, got '
                f'{got}; resume with the training set, the classes, top_k and half '
                'that the run had'
            )
        for name, tensor in ours.items():
            tensor.copy_(state[name])

    def _packed(self, logits_BC: Tensor) -> dict[str, Tensor]:
        if self.top_k is None:
            return {'values': logits_BC.to(self._dtype)}
        values_BK, classes_BK = logits_BC.topk(self.top_k, dim=1)
        others_BC = logits_BC.scatter(1, classes_BK, -torch.inf)
        num_others = self.num_classes - self.top_k
        mass_B1 = others_BC.logsumexp(dim=1, keepdim=True)
        return {
            'values': values_BK.to(self._dtype),
            'classes': classes_BK.int(),
            'rest': mass_B1 - torch.full_like(mass_B1, num_others).log(),
        }

    def _unpacked(self, packed: Mapping[str, Tensor]) -> Tensor:
        values = packed['values'].float()
        if self.top_k is None:
            return values
        rest_BC = packed['rest'].expand(-1, self.num_classes)
        return rest_BC.scatter(1, packed['classes'].long(), values)
