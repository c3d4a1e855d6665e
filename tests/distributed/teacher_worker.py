"""Run by `test_sharded_teacher.py` in each rank: sharded teachers beside whole ones.

python teacher_worker.py FOLDER, with the teachers' options in FOLDER/cases.pt
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ckd_mm.distributed import leave_process_group
from ckd_mm.teachers import Speed, build_teacher
from ckd_mm.teachers.sharding import shard_teacher

DEVICE = torch.device('cpu')


@torch.no_grad()
def outputs(teacher: Any, speed: Speed) -> list[Tensor]:
    """All maps of a batch that is another one on each rank, and the logits."""
    images = torch.rand(
        3, 3, 32, 32, generator=torch.Generator().manual_seed(dist.get_rank())
    )
    with speed.autocast(DEVICE):
        maps = teacher.extract_feat(images)
        logits = [teacher(images, mode='tensor')]
        if hasattr(teacher.head, 'fc'):
            logits.append(teacher.head(maps))
    return [*maps, *[one for one in logits if isinstance(one, Tensor)]]


def size(teacher: Any) -> int:
    """Bytes of the parameters on this rank."""
    shares = [getattr(one, '_local_tensor', one) for one in teacher.parameters()]
    return sum(share.untyped_storage().nbytes() for share in shares)


def compared(case: dict[str, Any]) -> dict[str, Any]:
    """What a whole and a sharded teacher of these options give and keep."""
    speed = Speed(**case['speed'])
    whole, sharded = (
        speed.prepare(build_teacher(case['config'], case['checkpoint']))
        for _ in range(2)
    )
    state = torch.get_rng_state()
    shard_teacher(sharded, DEVICE)
    found = dict(
        same_random_state=torch.equal(state, torch.get_rng_state()),
        before=size(sharded),
        whole=size(whole),
        outputs=outputs(whole, speed),
        sharded=outputs(sharded, speed),
    )
    return dict(found, after=size(sharded))


def main() -> None:
    dist.init_process_group('gloo')
    folder = Path(sys.argv[1])
    cases = torch.load(folder / 'cases.pt', weights_only=False)
    found = {name: compared(case) for name, case in cases.items()}
    torch.save(found, folder / f'rank{dist.get_rank()}.pt')


if __name__ == '__main__':
    main()
    leave_process_group()
