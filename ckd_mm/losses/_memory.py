"""The memory of CRD: two embeddings and the class of every sample.

Shape suffixes: N samples of the data set, G rows on all ranks, B rows on this rank, D
channels, K negatives per row.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ckd_mm.distributed import gather_rows, last_of_each
from ckd_mm.functional._vectors import unit_vectors

__all__ = ['Memory']


class Memory(nn.Module):
    """Both models' embeddings of all samples, the same on all ranks.

    Args:
        num_samples: Samples of the training set.
        channels: Width of the embeddings.
        momentum: Share of the old embedding in the new one.
    """

    student: Tensor
    teacher: Tensor
    labels: Tensor

    def __init__(self, num_samples: int, channels: int, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        for name in ('student', 'teacher'):
            bank_ND = torch.rand(num_samples, channels) * 2 - 1
            self.register_buffer(name, bank_ND * (3 / channels) ** 0.5)
        self.register_buffer('labels', torch.full((num_samples,), -1))

    @torch.no_grad()
    def note_labels(self, sample_index_B: Tensor, target_B: Tensor) -> Tensor:
        """Store the classes of all ranks' samples; returns the sample indices (G,)."""
        rows_G2 = gather_rows(torch.stack([sample_index_B, target_B], dim=1))[0]
        index_G, target_G = rows_G2.unbind(dim=1)
        self.labels[index_G] = target_G
        return index_G

    @torch.no_grad()
    def draw_negatives(
        self, target_B: Tensor, num_negatives: int, generator: torch.Generator
    ) -> Tensor:
        """Draw indices (B, K) of samples that are not known to be of the row's class.

        All such samples have equal probability. In the list of all samples sorted by
        class, the row's class is one contiguous range, and the drawn position skips it.
        """
        labels_N, order_N = self.labels.sort(stable=True)
        first_B1 = torch.searchsorted(labels_N, target_B)[:, None]
        end_B1 = torch.searchsorted(labels_N, target_B, right=True)[:, None]
        num_others_B1 = len(labels_N) - (end_B1 - first_B1)
        share_BK = torch.rand(
            len(target_B),
            num_negatives,
            generator=generator,
            dtype=torch.float64,
            device=target_B.device,
        )
        position_BK = (share_BK * num_others_B1).long()
        position_BK = position_BK + (end_B1 - first_B1) * (position_BK >= first_B1)
        # if all samples are of the row's class, no other can be drawn
        return order_N[position_BK.clamp_max(len(labels_N) - 1)]

    @torch.no_grad()
    def update(self, index_G: Tensor, student_BD: Tensor, teacher_BD: Tensor) -> None:
        """Move the embeddings of all ranks' samples towards those of this step."""
        rows_G2D = gather_rows(torch.stack([student_BD, teacher_BD], dim=1))[0]
        # Samplers pad the last batch, so a sample can occur twice: both write the same.
        rows_G2D = rows_G2D[last_of_each(index_G)]
        for bank_ND, rows_GD in zip(
            (self.student, self.teacher), rows_G2D.unbind(dim=1), strict=True
        ):
            old_GD = bank_ND[index_G].to(rows_GD.dtype)
            new_GD = self.momentum * old_GD + (1 - self.momentum) * rows_GD
            bank_ND[index_G] = unit_vectors(new_GD).to(bank_ND.dtype)
