"""The stock runtime for long runs of small networks: the latest checkpoint is kept."""

_base_ = 'mmpretrain::_base_/default_runtime.py'

default_hooks = dict(checkpoint=dict(interval=20, max_keep_ckpts=1))
