"""Random batches for the battery, and changes of them that a loss may not notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

__all__ = [
    'PERMUTATIONS',
    'SHIFTS',
    'Change',
    'Sample',
    'draw',
    'draw_anchors',
    'exchange',
    'gradient',
    'permute_positions',
    'permute_rows',
    'permute_student_channels',
    'permute_student_rows',
    'rotate',
    'rotate_student',
    'scale_student',
    'scale_student_rows',
    'scale_teacher_rows',
    'shift_student_channels',
    'translate_both',
    'translate_student',
]


@dataclass(frozen=True)
class Sample:
    """One batch: a tensor of both models, one row per sample, and ground truth."""

    student: Tensor
    teacher: Tensor
    target: Tensor
    image_index: Tensor
    boxes: tuple[Tensor, ...] = ()
    image_size: tuple[int, int] = (40, 48)
    image_shapes: tuple[tuple[int, int], ...] = ()
    epoch: float = 2.5
    progress: float = 0.25

    @property
    def sample_index(self) -> Tensor:
        return torch.arange(len(self.student))

    @property
    def teacher_classifier(self) -> Tensor:
        """Weights (C, 3) of the layer that would give the teacher's logits."""
        generator = torch.Generator().manual_seed(11)
        classes = self.teacher.shape[1]
        return torch.randn(classes, 3, generator=generator, dtype=torch.float64)

    @property
    def assigned(self) -> Tensor:
        """Whether a row has an object."""
        return self.image_index == 1

    @property
    def scores(self) -> Tensor:
        """How sure the teacher is of an object in each row."""
        return (self.image_index.double() + 0.5) / 2

    @property
    def anchors(self) -> tuple[Tensor, ...]:
        """Of a level of 5 x 6 positions."""
        return (draw_anchors((5, 6), self.image_size),)

    @property
    def queries(self) -> Tensor:
        """Of two decoder layers and three queries (2, N, 3, C): three positions.

        In the second layer most cosines are negative.
        """
        positions = self.student.detach()[..., None].flatten(2).mT[None, :, :3]
        return positions * torch.tensor([1, -2]).reshape(2, 1, 1, 1)

    @property
    def quality(self) -> Tensor:
        """How good each query is (2, N, 3)."""
        of_query = torch.tensor([[[0.0, 1.0, 2.0]], [[0.5, 0.1, 0.1]]])
        return (self.image_index.double() + 0.5)[:, None] * of_query

    @property
    def box_target(self) -> Tensor:
        """Opposite to the student, so that most teachers are nearer to it."""
        return -self.student.detach().double()

    def map_both(self, change: Callable[[Tensor], Tensor]) -> Sample:
        return replace(self, student=change(self.student), teacher=change(self.teacher))


Change = Callable[[Sample], Sample]


def draw(rows: int, *rest: int, seed: int = 0, scale: float = 2.0) -> Sample:
    """Random float64 tensors (rows, *rest); the student's requires a gradient.

    The labels are below the first of `rest`, the classes where it is a batch of logits.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (2, rows, *rest)
    both = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
    target = torch.randint(rest[0], (rows,), generator=generator)
    boxes = tuple(draw_boxes((row + 1) % 3, generator) for row in range(rows))
    image_index = torch.randint(2, (rows,), generator=generator)
    student = both[0].clone().requires_grad_()
    shapes = tuple((40 - 7 * (row % 3), 48 - 5 * (row % 2)) for row in range(rows))
    return Sample(
        student, both[1].clone(), target, image_index, boxes, image_shapes=shapes
    )


def draw_boxes(count: int, generator: torch.Generator) -> Tensor:
    """Boxes within 48 x 48 pixels, partly beyond a smaller image."""
    corners = 24 * torch.rand(count, 2, generator=generator)
    sizes = 1 + 23 * torch.rand(count, 2, generator=generator)
    return torch.cat([corners, corners + sizes], dim=1)


def draw_anchors(size: tuple[int, int], image_size: tuple[int, int]) -> Tensor:
    """Two squares (H * W * 2, 4) around the centre of each position."""
    rows, columns = (
        (torch.arange(count) + 0.5) * pixels / count
        for count, pixels in zip(size, image_size, strict=True)
    )
    y, x = torch.meshgrid(rows, columns, indexing='ij')
    centres = torch.stack([x, y], dim=2).reshape(-1, 1, 2)
    halves = torch.tensor([6.0, 12.0])[:, None]
    return torch.cat([centres - halves, centres + halves], dim=2).reshape(-1, 4)


def gradient(value: Tensor, sample: Sample) -> Tensor:
    return torch.autograd.grad(value, sample.student)[0]


def permute_rows(sample: Sample) -> Sample:
    order = torch.arange(len(sample.target)).roll(2)
    moved = sample.map_both(lambda both: both[order])
    boxes = tuple(sample.boxes[row] for row in order)
    return replace(
        moved,
        target=sample.target[order],
        image_index=sample.image_index[order],
        boxes=boxes,
        image_shapes=tuple(sample.image_shapes[row] for row in order),
    )


def permute_columns(sample: Sample) -> Sample:
    order = torch.arange(sample.student.shape[1]).roll(1)
    moved = sample.map_both(lambda both: both[:, order])
    return replace(moved, target=order.argsort()[sample.target])


def permute_student_rows(sample: Sample) -> Sample:
    return replace(sample, student=sample.student.roll(1, dims=0))


def permute_positions(sample: Sample) -> Sample:
    return sample.map_both(lambda both: both.roll(1, dims=2).flip(3))


def permute_student_channels(sample: Sample) -> Sample:
    return replace(sample, student=sample.student.roll(1, dims=1))


def exchange(sample: Sample) -> Sample:
    return replace(sample, student=sample.teacher, teacher=sample.student)


def shift_student_rows(sample: Sample) -> Sample:
    return replace(sample, student=sample.student + 3 * _count_rows(sample.student))


def shift_teacher_rows(sample: Sample) -> Sample:
    return replace(sample, teacher=sample.teacher - 2 * _count_rows(sample.teacher))


def scale_student_rows(sample: Sample) -> Sample:
    factors = 1 + _count_rows(sample.student)
    return replace(sample, student=sample.student * factors)


def scale_teacher_rows(sample: Sample) -> Sample:
    factors = 1 + _count_rows(sample.teacher)
    return replace(sample, teacher=sample.teacher / factors)


def scale_student(sample: Sample) -> Sample:
    return replace(sample, student=3 * sample.student)


def translate_student(sample: Sample) -> Sample:
    step = torch.arange(sample.student.shape[1], dtype=torch.float64)
    return replace(sample, student=sample.student + step)


def translate_both(sample: Sample) -> Sample:
    step = torch.arange(sample.student.shape[-1], dtype=torch.float64)
    return sample.map_both(lambda both: both + step)


def shift_student_channels(sample: Sample) -> Sample:
    constants = torch.arange(1.0, 1 + sample.student.shape[1], dtype=torch.float64)
    return replace(sample, student=sample.student + constants[:, None, None])


def rotate(sample: Sample) -> Sample:
    return sample.map_both(lambda both: both @ _rotation(both.shape[1]))


def rotate_student(sample: Sample) -> Sample:
    student = sample.student
    return replace(sample, student=student @ _rotation(student.shape[1]))


PERMUTATIONS: dict[str, Change] = {
    'joint permutation of rows': permute_rows,
    'joint permutation of columns': permute_columns,
}
SHIFTS: dict[str, Change] = {
    'constant added to each student row': shift_student_rows,
    'constant added to each teacher row': shift_teacher_rows,
}


def _rotation(width: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(width, width, generator=generator, dtype=torch.float64)
    return torch.linalg.qr(noise).Q


def _count_rows(like: Tensor) -> Tensor:
    """0, 1, 2, ... along the rows, broadcastable against `like`."""
    count = torch.arange(len(like), dtype=torch.float64)
    return count.reshape(-1, *[1] * (like.ndim - 1))
