"""The 100 epochs of CKD's authors on Places365: learning rate 0.2 at 256 images.

A tenth from 30, 60 and 90, as in the stock schedule of ImageNet, which starts at 0.1.
Momentum and weight decay are those as well; the authors' weight decay for Places365 was
not found.
"""

_base_ = 'mmpretrain::_base_/schedules/imagenet_bs256.py'

optim_wrapper = dict(optimizer=dict(lr=0.2))
