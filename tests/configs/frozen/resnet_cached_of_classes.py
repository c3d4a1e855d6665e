"""The cache's teacher has some classes by other names."""

_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=[
            dict(
                cache='caches/r18',
                classes=['pomme', *(f'other {number}' for number in range(99))],
                class_map={'pomme': 'apple', 'other 0': 'baby'},
            )
        ],
        distill=dict(
            kd=dict(on='logits', loss=dict(type='KDLoss', temperature=4.0)),
        ),
    )
]
