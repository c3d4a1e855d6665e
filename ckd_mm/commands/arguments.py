"""Run the training and testing tools of MMDetection or MMPretrain on our configs.

So their options stay those that users know. The `default_scope` of a config names its
library.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import get_installed_path

from ckd_mm.distributed import leave_process_group

__all__ = ['LIBRARIES', 'run_tool']

LIBRARIES = ('mmdet', 'mmpretrain')


def run_tool(name: str, config: str | Path, arguments: list[str]) -> None:
    """Run the tool of a config's library in this process.

    A process group that the tool started ends with it. After an error the group is left
    open, since the other ranks may be in the middle of an exchange.

    Args:
        name: File name of the tool, such as `train.py`.
        config: Path of the config, which names the library.
        arguments: What follows the tool's name on the command line.

    Raises:
        ValueError: The config belongs to neither library, or the library is not
            installed with its tools.
    """
    scope = Config.fromfile(config).get('default_scope')
    if scope not in LIBRARIES:
        raise ValueError(
            f'{config} has default_scope={scope!r}, expected one of {LIBRARIES}'
        )
    tool = Path(get_installed_path(scope)) / '.mim' / 'tools' / name
    if not tool.is_file():
        raise ValueError(
            f'{scope} is installed without its tools ({tool} is missing); install a '
            f'released package of it, or run its tools/{name} from its repository'
        )
    sys.argv = [str(tool), *arguments]
    runpy.run_path(str(tool), run_name='__main__')
    leave_process_group()
