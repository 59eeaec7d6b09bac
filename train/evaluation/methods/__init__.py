"""The methods that are compared, each a file here and a line of METHODS.

A method's file has `load(source) -> Method`, which turns standard crops into named blocks, each N x D: the method's
own parts, so that a probe can say which of them carries what. A baseline comes in variants (input size, how far the
crop reaches); a probe chooses among them on validation.
"""

from importlib import import_module

from latentface.checkpoints import kind_of
from train.evaluation.methods.method import Method, Variant, resized

METHODS = {
    "LatentFacePipeline": "train.evaluation.methods.latentface",
    "PCL": "train.evaluation.methods.contrastive",
    "Backbone": "train.evaluation.methods.contrastive",
    "imagenet": "train.evaluation.methods.imagenet",
    "hog": "train.evaluation.methods.hog",
    "pca": "train.evaluation.methods.pca",
}
"""The name of a baseline, or the class that a checkpoint's files name, and the module that loads it."""
__all__ = ["METHODS", "Method", "Variant", "load_method", "resized"]


def load_method(name: str) -> Method:
    """Load a method.

    Args:
        name: a baseline (imagenet, hog, pca:SHARDS), or a checkpoint (bundled name, folder or Hub id) of a class in
            METHODS; a checkpoint of no class there is loaded as a pipeline, whose error says what is wrong.

    Returns:
        The method, its `load` called with what follows the colon of a baseline, or with the checkpoint's name.

    Raises:
        CheckpointError: there is no such checkpoint.
        ShardsError: pca's shards can't be read.
        ImportError: a package is missing.
    """
    baseline, _, rest = name.partition(":")
    if baseline in METHODS and (rest or baseline == name):
        return import_module(METHODS[baseline]).load(rest)
    kind = kind_of(name)
    return import_module(METHODS.get(kind, METHODS["LatentFacePipeline"])).load(name)
