"""The outputs of a teacher for each image, read from a file instead of computed.

The teacher of a distilled run is frozen, so its outputs for an image depend on the
image alone. Only the random choices of the pipeline make it another image in every
epoch. FKD (arXiv:2112.01528) and TinyViT (arXiv:2207.10666) record these choices and
store them beside the teacher's outputs. Here nothing is recorded: while the pipeline
prepares a sample, all random numbers are seeded from (seed, epoch modulo the number of
cached epochs, index of the sample). So the choices are the same wherever and whenever
the sample is prepared, for any pipeline of stock transforms, with any number of
workers, processes and in any order of the samples. It does not matter how many numbers
a transform draws. A checksum of each image, stored with the teacher's values, shows in
every step that the student sees what the teacher saw.

Random choices outside of a sample's pipeline cannot be replayed by sample and are
refused: mixup and cutmix depend on the other images of the batch.

* :mod:`ckd_mm.cache.replay`: the data set whose random choices are such a function.
* :mod:`ckd_mm.cache.identity`: which data and which teacher a cache is of.
* :mod:`ckd_mm.cache.files`: what is in the folder of a cache.
* :mod:`ckd_mm.cache.store`: rows read from there.
* :mod:`ckd_mm.cache.shards`: rows written to there.

Which outputs can be cached, and how terms read them, is in `teachers/`. The command
that runs a teacher and writes its cache is :mod:`ckd_mm.commands.fill_cache`.
"""
