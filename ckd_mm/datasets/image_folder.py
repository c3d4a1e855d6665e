"""Images without labels: a data set of the files in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine import fileio
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

__all__ = ['EXTENSIONS', 'ImageFolderDataset']

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif', '.tiff', '.webp')


@DATASETS.register_module()
class ImageFolderDataset(BaseDataset):
    """All images in a folder and the folders inside it, without annotations.

    It suits MMDetection's and MMPretrain's pipelines. Steps that read annotations find
    none: `LoadAnnotations` gives no boxes. Images are in the order of their names.
    Several folders are joined by MMEngine's `ConcatDataset`.

    Args:
        data_root: The folder, or the start of its path.
        data_prefix: The rest of the path, as `dict(img='unlabeled2017/')`.
        extensions: The ends of the names of images, in small letters.
        kwargs: As for `BaseDataset`: `pipeline`, `indices`, `max_refetch` and others.

    Raises:
        ValueError: There is no such folder, or it has no images.
    """

    with_label = False
    """As MMPretrain's `CustomDataset` says that it has no labels."""

    def __init__(
        self,
        data_root: str = '',
        data_prefix: Mapping[str, str] | None = None,
        extensions: Sequence[str] = EXTENSIONS,
        **kwargs: Any,
    ) -> None:
        if 'ann_file' in kwargs:
            raise ValueError(
                'ImageFolderDataset reads images without labels, and no ann_file, got '
                f'{kwargs["ann_file"]!r}; leave ann_file out'
            )
        self.extensions = tuple(one.lower() for one in extensions)
        prefix = dict(data_prefix or {'img': ''})
        super().__init__(data_root=str(data_root), data_prefix=prefix, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry for each image: its path, and that it has no instances.

        Raises:
            ValueError: There is no such folder, or it has no images.
        """
        (folder,) = self.data_prefix.values()
        if not folder or not fileio.isdir(folder):
            raise ValueError(
                f'ImageFolderDataset needs a folder of images, and {folder!r} is none; '
                'check data_root and data_prefix'
            )
        names = fileio.list_dir_or_file(folder, list_dir=False, recursive=True)
        images = sorted(one for one in names if one.lower().endswith(self.extensions))
        if not images:
            raise ValueError(
                f'the folder {folder!r} has no images: no file in it or in its folders '
                f'ends with {", ".join(self.extensions)}; check data_root and '
                'data_prefix, or give extensions'
            )
        return [
            dict(img_path=fileio.join_path(folder, name), img_id=number, instances=[])
            for number, name in enumerate(images)
        ]
