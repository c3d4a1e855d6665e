"""The 480 epochs of CKD's authors, the learning rate falling to 0 as a cosine by epoch.

Learning rate 0.05; ShuffleNets and MobileNetV2 set 0.01. One GPU, 64 images per step;
WRN-40-1, ShuffleNet V1 and MobileNetV2 set 32, as the authors do.
"""

_base_ = './cifar_240e_step.py'

param_scheduler = dict(
    _delete_=True, type='CosineAnnealingLR', by_epoch=True, T_max=480, eta_min=0.0
)

train_cfg = dict(max_epochs=480)
