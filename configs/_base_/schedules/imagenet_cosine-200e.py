"""The 200 epochs of CKD's authors on ImageNet: the learning rate falls from 0.2 to 0.

As a cosine, by epoch, with 512 images per step; momentum and weight decay (1e-4) are
those of the stock 100 epochs.
"""

_base_ = 'mmpretrain::_base_/schedules/imagenet_bs256.py'

optim_wrapper = dict(optimizer=dict(lr=0.2))
param_scheduler = dict(
    _delete_=True, type='CosineAnnealingLR', by_epoch=True, T_max=200, eta_min=0.0
)

train_cfg = dict(max_epochs=200)
auto_scale_lr = dict(base_batch_size=512)
