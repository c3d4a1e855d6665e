"""Every patch lies where it should, at whichever size the teacher sees the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ckd_mm.teachers import TeacherInputs
from ckd_mm.teachers.foreign.fit import Fit

from ...adapters.pairs import pair
from .libraries import CASES, IMAGENET
from .steps import STUDENTS, batch_for, teacher_model

DINOV2 = CASES['transformers DINOv2']
ALONE = dict(num_hidden_layers=1)


def patches_alone(folder: Path, **options: Any) -> Any:
    """A ViT whose block adds nothing: its tokens are the patches' embeddings."""
    config = DINOV2.config(folder)
    args = {**config['args'], **ALONE}
    model = teacher_model(**{**config, **options, 'args': args, 'norm': False})
    with torch.no_grad():
        for name, value in model.model.named_parameters():
            if name.startswith('encoder') or 'position' in name or 'bias' in name:
                value.zero_()
    return model


def bright_cells(model: Any, images: Tensor) -> set[tuple[int, int]]:
    model.will_be_read({'blocks.0'})
    (maps,) = model.backbone(images)
    cells = maps.abs().sum(1)[0].nonzero()
    return {(int(row), int(column)) for row, column in cells}


@pytest.mark.parametrize(('row', 'column'), [(0, 0), (2, 5), (6, 1), (7, 9)])
def test_a_bright_patch_is_one_cell_of_the_map(
    row: int, column: int, tmp_path: Path
) -> None:
    model = patches_alone(tmp_path)
    images = torch.zeros(1, 3, 8 * 14, 10 * 14)
    images[:, :, row * 14 : row * 14 + 14, column * 14 : column * 14 + 14] = 1
    assert bright_cells(model, images) == {(row, column)}


def test_at_half_the_size_it_is_the_cell_of_twice_the_pixels(tmp_path: Path) -> None:
    model = patches_alone(tmp_path, input_size=0.5)
    images = torch.zeros(1, 3, 4 * 28, 6 * 28)
    images[:, :, 28 + 4 : 56 - 4, 84 + 4 : 112 - 4] = 1  # away from the borders
    assert bright_cells(model, images) == {(1, 3)}


def test_a_fixed_size_keeps_the_aspect_and_gives_the_cells_of_the_batch(
    tmp_path: Path,
) -> None:
    model = patches_alone(tmp_path, input_size=(112, 112))
    images = torch.zeros(1, 3, 56, 224)  # half the size, and 84 rows of padding
    images[:, :, 28 + 4 : 56 - 4, 196 + 4 : 224 - 4] = 1
    model.will_be_read({'blocks.0'})
    (maps,) = model.backbone(images)
    assert maps.shape[2:] == (2, 8)
    assert bright_cells(model, images) == {(1, 7)}


@pytest.mark.parametrize('name', ['timm ViT', 'timm DINOv3', 'transformers SigLIP'])
def test_a_whole_vit_answers_most_where_its_image_changed(
    name: str, tmp_path: Path
) -> None:
    model = teacher_model(**CASES[name].config(tmp_path))
    images = torch.zeros(1, 3, 96, 128)
    last = len(model.channels) - 1
    model.will_be_read({f'blocks.{last}'})
    found = []
    seen: list[Tensor] = []
    model.blocks[last].register_forward_hook(lambda *args: seen.append(args[2]))
    model.backbone(images)
    for row, column in ((0, 0), (3, 6), (5, 2)):
        changed = images.clone()
        changed[:, :, row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = 3
        model.backbone(changed)
        change = (seen[-1] - seen[0]).abs().sum(1)[0]
        found.append(divmod(int(change.argmax()), change.shape[1]))
    assert found == [(0, 0), (3, 6), (5, 2)]


@pytest.mark.parametrize(
    ('input_size', 'scaled', 'canvas'),
    [
        ('student', (96, 128), (98, 140)),
        (0.875, (84, 112), (84, 112)),
        (1 / 3, (32, 42), (42, 42)),
        ((56, 98), (56, 74), (56, 98)),
        ((518, 518), (388, 518), (518, 518)),
    ],
)
def test_both_axes_are_scaled_by_one_ratio_and_the_rest_is_padded(
    input_size: Any, scaled: tuple[int, int], canvas: tuple[int, int]
) -> None:
    fit = Fit(input_size, divisor=14, patch=14, pad_value=5.0)
    images = fit.scaled(torch.zeros(2, 3, 96, 128))
    assert images.shape[2:] == scaled
    padded = fit.padded(images)
    assert padded.shape[2:] == canvas
    assert (padded[:, :, scaled[0] :] == 5).all()
    assert (padded[..., scaled[1] :] == 5).all()
    assert (padded[:, :, : scaled[0], : scaled[1]] == 0).all()


def test_one_step_with_ratio_gives_maps_of_the_students_size(tmp_path: Path) -> None:
    """Patches of 14 pixels at 14 / 16 of the size are a stride of 16."""
    teacher = teacher_model(**DINOV2.config(tmp_path), input_size=14 / 16)
    student = STUDENTS['Faster R-CNN'][0]()
    on = dict(student='neck:2', teacher='blocks:-1')
    found = pair(student, teacher, batch_for(student), on)
    assert found['student'].shape[2:] == found['teacher'].shape[2:] == (6, 8)


def test_the_padding_of_each_image_has_the_mean_colour(tmp_path: Path) -> None:
    teacher = teacher_model(**DINOV2.config(tmp_path))
    student = STUDENTS['Faster R-CNN'][0]()
    both = batch_for(student)
    alone = {name: both[name][1:] for name in both}  # 70 x 90, padded to 96 x 96
    batch = student.data_preprocessor(alone, training=True)
    inputs = TeacherInputs(student.data_preprocessor, teacher.data_preprocessor)
    images = inputs(batch['inputs'], batch['data_samples'])
    assert images.shape == batch['inputs'].shape == (1, 3, 96, 96)
    assert (images[0, :, 70:] == 0).all() and (images[0, :, :, 90:] == 0).all()
    assert (images[0, :, :70, :90] != 0).all()


def test_an_order_of_channels_and_pixels_to_255_are_the_configs(
    tmp_path: Path,
) -> None:
    config = DINOV2.config(tmp_path)
    rgb = teacher_model(**config).data_preprocessor
    scaled = {name: [255 * one for one in IMAGENET[name]] for name in IMAGENET}
    bgr = teacher_model(
        **{**config, **scaled, 'white': 255, 'channel_order': 'bgr'}
    ).data_preprocessor
    torch.testing.assert_close(rgb.mean, bgr.mean)
    torch.testing.assert_close(rgb.std, bgr.std)
    assert rgb.to_rgb and not bgr.to_rgb
