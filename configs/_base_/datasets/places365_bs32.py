"""Places365-Standard in the folders of its "easy format", as ImageNet is read.

http://data.csail.mit.edu/places/places365/places365standard_easyformat.tar holds the
about 1.8 million training images and the validation images, one folder per class.
Unpack or link it to

    data/places365/train/<class>/*.jpg
    data/places365/val/<class>/*.jpg

A label is the place of its folder in alphabetical order. Crops, flips, mean and
standard deviation are those of ImageNet, as in the training script of the data set's
authors (CSAILVision/places365, `train_placesCNN.py`).
"""

_base_ = 'mmpretrain::_base_/datasets/imagenet_bs32.py'

data_preprocessor = dict(num_classes=365)

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/places365',
        data_prefix='train',
        pipeline=_base_.train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/places365',
        data_prefix='val',
        pipeline=_base_.test_pipeline,
    )
)
test_dataloader = val_dataloader
