"""CRD as a registered loss."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ckd_mm.checks import fraction, non_negative, positive, positive_integer
from ckd_mm.distributed import gather_rows, world_size
from ckd_mm.functional import crd_log_means, crd_loss, crd_scores
from ckd_mm.functional._inputs import check_embeddings, full_precision
from ckd_mm.functional._labels import check_class_indices
from ckd_mm.functional._rows import Reduction, reduced
from ckd_mm.functional._vectors import unit_vectors
from ckd_mm.losses._channels import check_channels
from ckd_mm.losses._indices import IndexCheck
from ckd_mm.losses._memory import Memory
from ckd_mm.losses._takes import Takes
from ckd_mm.registry import LOSSES

__all__ = ['CRDLoss']


@LOSSES.register_module()
class CRDLoss(nn.Module):
    """Contrast with a memory of all samples, see :func:`ckd_mm.functional.crd_loss`.

    For each model, a linear layer embeds the features, and the embeddings are scaled to
    length 1. The memory holds the embeddings of all samples by both models. The
    positive of a student row is the teacher's embedding of the same sample in the
    memory, and its negatives are the teacher's embeddings of samples of other classes.
    A teacher row is compared with the student's embeddings in the same way. Each step
    then moves the memory towards its embeddings. The defaults are the authors' for
    CIFAR-100.

    "Contrastive Representation Distillation", arXiv:1910.10699. Differences from
    RepDistiller, the authors' code:

    * Negatives: there, the data set draws them and knows all classes. Here, the loss
      draws them and learns the classes as it sees the samples, so in the first epoch a
      negative can be an unseen sample of the row's class.
    * Replacement: there, negatives are drawn without it if there are enough samples;
      here, always with it.
    * Ranks: there, training has one process. Here, the memory gets the embeddings of
      all ranks and is the same on all of them, and the mean of the first batch is taken
      over all ranks. If a sample occurs twice in a step, only its last occurrence
      counts.

    Args:
        num_samples: Samples of the training set.
        student_channels: Width of the student's features.
        teacher_channels: Width of the teacher's features.
        embedding_channels: Width of the embeddings.
        num_negatives: Negatives of each row.
        temperature: Divides the cosines.
        momentum: Share of the old embedding in the updated memory; from 0 to below 1.
        loss_weight: Multiplies the loss. CIFAR-100: 0.8. 0 only monitors.

    Raises:
        ValueError: An argument is out of its range.

    Examples:
        >>> import torch
        >>> from ckd_mm.losses import CRDLoss
        >>> loss = CRDLoss(num_samples=50, student_channels=2, teacher_channels=3)
        >>> student, teacher = torch.ones(1, 2), torch.ones(1, 3)
        >>> value = loss(student, teacher, torch.tensor([7]), torch.tensor([0]))
        >>> 10 < value < 50
        tensor(True)
        >>> loss.memory.labels[6:9]
        tensor([-1,  0, -1])
    """

    takes: ClassVar[Takes] = 'rows'
    log_means: Tensor

    def __init__(
        self,
        num_samples: int,
        student_channels: int,
        teacher_channels: int,
        embedding_channels: int = 128,
        num_negatives: int = 16384,
        temperature: float = 0.07,
        momentum: float = 0.5,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        width = positive_integer('embedding_channels', embedding_channels)
        self.embed_student = nn.Linear(
            positive_integer('student_channels', student_channels), width
        )
        self.embed_teacher = nn.Linear(
            positive_integer('teacher_channels', teacher_channels), width
        )
        self.memory = Memory(
            positive_integer('num_samples', num_samples),
            width,
            fraction('momentum', momentum),
        )
        self.num_samples = num_samples
        self.num_negatives = positive_integer('num_negatives', num_negatives)
        self.temperature = positive('temperature', temperature)
        self.loss_weight = non_negative('loss_weight', loss_weight)
        self.register_buffer('log_means', torch.zeros(2))
        self.num_steps = 0
        self._check_index = IndexCheck(
            'sample_index',
            'num_samples',
            num_samples,
            'set num_samples to the length of the training set',
        )

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        sample_index: Tensor,
        target: Tensor,
        reduction: Reduction = 'mean',
    ) -> Tensor:
        """The weighted loss, of shape (), or of each row.

        Args:
            student: Features (B, C); gets the gradient, as do both linear layers.
            teacher: Features (B, C').
            sample_index: Index of each row's sample in the training set (B,).
            target: Class indices (B,).

        Raises:
            ValueError: The features do not fit, an index is out of range, or the labels
                are soft: the memory has no entry for a mixture of two samples.
        """
        check_embeddings(student, teacher)
        check_channels('student', self.embed_student.in_features, student)
        check_channels('teacher', self.embed_teacher.in_features, teacher)
        check_class_indices(target, student, 'CRDLoss')
        self._check_index(sample_index)
        with full_precision(student, teacher) as pair:
            student_BD = unit_vectors(self.embed_student(pair[0]))
            teacher_BD = unit_vectors(self.embed_teacher(pair[1]))
            rows_B = self._rows(student_BD, teacher_BD, sample_index, target.long())
        return self.loss_weight * reduced(rows_B, reduction)

    def get_extra_state(self) -> Tensor:
        """The number of completed steps, which seeds the draw of the negatives."""
        return torch.tensor(self.num_steps)

    def set_extra_state(self, state: Tensor) -> None:
        self.num_steps = int(state)

    def _rows(
        self,
        student_BD: Tensor,
        teacher_BD: Tensor,
        sample_index_B: Tensor,
        target_B: Tensor,
    ) -> Tensor:
        index_G = self.memory.note_labels(sample_index_B, target_B)
        if not len(index_G):  # no rank has a row
            return (student_BD.sum(dim=1) + teacher_BD.sum(dim=1)) * 0.0
        negatives_BK = self.memory.draw_negatives(
            target_B, self.num_negatives, self._generator(target_B.device)
        )
        candidates_BK = torch.cat([sample_index_B[:, None], negatives_BK], dim=1)
        scores = (
            self._scores(student_BD, self.memory.teacher, candidates_BK),
            self._scores(teacher_BD, self.memory.student, candidates_BK),
        )
        rows_B = crd_loss(*scores, self._log_means(*scores), reduction='none')
        self.memory.update(index_G, student_BD, teacher_BD)
        self.num_steps += 1
        return rows_B

    def _scores(
        self, rows_BD: Tensor, bank_ND: Tensor, candidates_BK: Tensor
    ) -> Tensor:
        # a copy: backward needs the bank as it is before its update
        bank_ND = bank_ND.to(rows_BD.dtype, copy=True)
        return crd_scores(rows_BD, bank_ND, candidates_BK, temperature=self.temperature)

    def _log_means(self, student_BK: Tensor, teacher_BK: Tensor) -> Tensor:
        """The log means of the first batch, over all ranks."""
        if self.num_steps:
            return self.log_means
        both = [crd_log_means(scores.detach()) for scores in (student_BK, teacher_BK)]
        log_means_B2 = torch.stack(both, dim=1)
        log_means_G2 = gather_rows(log_means_B2)[0]
        log_means = log_means_G2.logsumexp(dim=0) - math.log(len(log_means_G2))
        self.log_means.copy_(log_means)
        return log_means

    def _generator(self, device: torch.device) -> torch.Generator:
        """A generator for this step and rank, separate from those of the training."""
        rank = dist.get_rank() if world_size() > 1 else 0
        return torch.Generator(device).manual_seed(self.num_steps * world_size() + rank)
