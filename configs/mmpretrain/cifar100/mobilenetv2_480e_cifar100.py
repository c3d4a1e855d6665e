"""The student alone: Half MobileNetV2, CIFAR-100, 480 epochs.

Task: classification, top-1 accuracy (%) on the test set. The data of the CIFAR-100
distillation benchmark, over the schedule of CKD's authors: twice as long as the usual,
so the published accuracies, of 240 epochs, do not belong here. Learning rate 0.01 and
32 images per step, as the authors set for this network.

    python tools/train.py configs/mmpretrain/cifar100/mobilenetv2_480e_cifar100.py

| run | top-1 |
|---|---|
| published | not found |
| ours | not run yet |
"""

_base_ = [
    '../../_base_/models/mobilenetv2_cifar100.py',
    '../../_base_/datasets/cifar100_weak.py',
    '../../_base_/schedules/cifar_480e_cosine.py',
    '../../_base_/cifar_runtime.py',
]

optim_wrapper = dict(optimizer=dict(lr=0.01))
train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=32)
