"""python tools/cache_teacher.py resnet_replayed.py caches/r18 --epochs 2"""

_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(cache='caches/r18'),
        distill=dict(
            kd=dict(on='logits', loss=dict(type='KDLoss', temperature=4.0)),
            at=dict(on='backbone', loss=dict(type='ATLoss', loss_weight=100.0)),
            sp=dict(on='embedding', loss=dict(type='SPLoss', loss_weight=100.0)),
        ),
    )
]
