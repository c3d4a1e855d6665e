"""Any module that can be imported, or that a local repository of torch.hub builds."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from ckd_mm.registry import TEACHERS, did_you_mean
from ckd_mm.teachers.foreign.explain import explained
from ckd_mm.teachers.foreign.kind import ForeignTeacher, Loaded
from ckd_mm.teachers.foreign.traced import TracedBody
from ckd_mm.teachers.foreign.weights import weights_file
from ckd_mm.teachers.loading.checkpoint import load_weights

__all__ = ['HubTeacher', 'ModuleTeacher']


@TEACHERS.register_module(name='module')
@dataclass(frozen=True)
class ModuleTeacher(ForeignTeacher):
    """Any `nn.Module`: `teacher=dict(type='module', model='my_package.MyNet', ...)`.

    The arguments are those of :class:`ForeignTeacher`; `args` are those of the class,
    or of a function that returns a module. `mean` and `std` must be given. Without a
    checkpoint, the weights are those with which it is built.
    """

    library: ClassVar[str] = 'module'

    needed: ClassVar[tuple[str, ...]] = ('model', 'mean', 'std')

    prefix: str = ''

    def load(self, weights: bool) -> Loaded:
        with explained(self.title, '', self.args):
            model = self.made()
        if not isinstance(model, nn.Module):
            raise ValueError(
                f'{self.title} must be or return an nn.Module, got a '
                f'{type(model).__name__}'
            )
        source = 'where it is built'
        if weights and self.checkpoint is not None:
            source = str(weights_file(self.checkpoint))
            load_weights(model, source, self.prefix)
        body = TracedBody(model, self.norm, size=self.fixed_size, title=self.title)
        return Loaded(body, None, source)

    def made(self) -> Any:
        """What the class or function makes.

        Raises:
            ValueError: There is no such class.
        """
        package, _, name = self.model.rpartition('.')
        try:
            home = import_module(package) if package else None
        except ImportError as error:
            raise ValueError(
                f'teacher: {self.model!r} cannot be imported ({error}); give the path '
                'of a class or function, such as my_package.MyNet'
            ) from error
        if not hasattr(home, name):
            names = [one for one in vars(home) if one[0] != '_'] if home else []
            hint = did_you_mean(name, names)
            raise ValueError(f'teacher: {package or "it"} has no {name!r}{hint}')
        return getattr(home, name)(**self.args)


@TEACHERS.register_module(name='torch_hub')
@dataclass(frozen=True)
class HubTeacher(ModuleTeacher):
    """An entry point of a local repository of torch.hub.

    `teacher=dict(type='torch_hub', repo='FOLDER', model='dinov2_vits14', ...)`. The
    folder has a `hubconf.py`; nothing is downloaded for it. `args` are those of the
    entry point, and the rest is as for :class:`ModuleTeacher`.
    """

    library: ClassVar[str] = 'torch_hub'

    needed: ClassVar[tuple[str, ...]] = ('repo', 'model', 'mean', 'std')

    repo: str | PathLike[str] = ''

    def made(self) -> Any:
        """What the entry point makes.

        Raises:
            ValueError: There is no such repository or entry point.
        """
        folder = Path(self.repo)
        if not self.repo or not (folder / 'hubconf.py').is_file():
            raise ValueError(
                f'teacher: repo={str(self.repo)!r} must be a local folder with a '
                'hubconf.py: a checkout of the repository, or its folder in the cache '
                'of torch.hub'
            )
        known = _entry_points(folder / 'hubconf.py')
        if self.model not in known:
            raise ValueError(
                f'{folder / "hubconf.py"} has no entry point '
                f'{self.model!r}{did_you_mean(self.model, known)}'
            )
        return torch.hub.load(str(folder), self.model, source='local', **self.args)


def _entry_points(path: Path) -> list[str]:
    """The names of functions that a `hubconf.py` defines or imports."""
    names: list[str] = []
    for node in ast.parse(path.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.FunctionDef):
            names.append(node.name)
        elif isinstance(node, ast.ImportFrom):
            names += [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.Assign):
            names += [one.id for one in node.targets if isinstance(one, ast.Name)]
    return [name for name in names if not name.startswith('_')]
