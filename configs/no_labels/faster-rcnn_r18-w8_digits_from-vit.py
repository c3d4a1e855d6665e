"""The detector of the digit scenes, from a backbone that has learnt without labels.

First run cosinemap_vit-r18-w8_6e_digits.py; then

    python tools/train.py configs/no_labels/faster-rcnn_r18-w8_digits_from-vit.py

The config of configs/mmdet/digits, but for the weights of backbone and neck. Ours: not
run yet.
"""

_base_ = '../mmdet/digits/faster-rcnn_r18-w8_digits.py'

file = 'work_dirs/cosinemap_vit-r18-w8_6e_digits/epoch_6.pth'
model = dict(
    backbone=dict(
        init_cfg=dict(
            _delete_=True, type='Pretrained', checkpoint=file, prefix='backbone.'
        )
    ),
    neck=dict(init_cfg=dict(type='Pretrained', checkpoint=file, prefix='neck.')),
)
