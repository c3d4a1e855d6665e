"""All losses of logits, beside the student's own at a tenth."""

_base_ = ['./students/resnet18_w8_cifar100.py']
custom_imports = dict(imports=['ckd_mm'], allow_failed_imports=False)
custom_hooks = [
    dict(
        type='DistillationHook',
        teacher=dict(
            config='teachers/resnet18_w16_cifar100.py',
            checkpoint='work_dirs/resnet18_w16/epoch_200.pth',
        ),
        distill=dict(
            ckd=dict(
                on='logits',
                loss=dict(
                    type='CKDLoss',
                    temperature=1.0,
                    loss_weight=10.0,
                    gather_distributed=True,
                ),
            ),
            kd=dict(
                on='logits', loss=dict(type='KDLoss', temperature=4.0, loss_weight=0.9)
            ),
            dkd=dict(
                on='logits',
                loss=dict(type='DKDLoss', alpha=1.0, beta=8.0, temperature=4.0),
                schedule=dict(warmup=20),
            ),
            dist=dict(
                on='logits',
                loss=dict(type='DISTLoss', beta=2.0, gamma=2.0, temperature=4.0),
            ),
            ctkd=dict(on='logits', loss=dict(type='CTKDLoss', ramp_epochs=1.0)),
            mlkd=dict(
                on='logits', loss=dict(type='MLKDLoss', temperatures=[2, 3, 4, 5, 6])
            ),
            nkd=dict(
                on='logits', loss=dict(type='NKDLoss', gamma=1.5, temperature=1.0)
            ),
            ofa=dict(on='logits', loss=dict(type='OFALoss', epsilon=1.5)),
            pld=dict(on='logits', loss=dict(type='PLDLoss', temperature=1.0)),
            js=dict(on='logits', loss=dict(type='JSLoss', temperature=4.0)),
            sinkd=dict(on='logits', loss=dict(type='SinKDLoss', loss_weight=0.064)),
            bdkd=dict(
                on='logits', loss=dict(type='BDKDLoss', emphasis=2.0, temperature=4.0)
            ),
        ),
        student_loss_weight=0.1,
    )
]
