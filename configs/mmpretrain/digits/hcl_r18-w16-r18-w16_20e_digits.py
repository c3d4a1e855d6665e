"""HCL: classification of digits, ResNet-18 of width 16 -> 16, 20 epochs.

The loss of arXiv:2104.09044 without its fusion, on the four stages; weight 1 is ours.
Student and teacher have one width, as this loss needs it.

Train the teacher first; then

    python tools/train.py configs/mmpretrain/digits/hcl_r18-w16-r18-w16_20e_digits.py

Published: none, the data set is ours. Ours: not run yet.
"""

_base_ = './resnet18-w16_digits.py'

custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='{{ fileDirname }}/resnet18-w16_digits.py',
            checkpoint='work_dirs/resnet18-w16_digits/epoch_20.pth',
        ),
        distill=dict(
            hcl=dict(
                on=[
                    'module:backbone.layer1',
                    'module:backbone.layer2',
                    'module:backbone.layer3',
                    'module:backbone.layer4',
                ],
                loss=dict(type='HCLLoss'),
            ),
        ),
    )
]
