"""Training: the loop, evaluation, the record of a run, and runs that are kept."""

from d2l_nin.cache import cache_folder
from d2l_nin.training.evaluate import evaluate_accuracy
from d2l_nin.training.history import History, TrainingDiverged, TrainingInterrupted
from d2l_nin.training.kept import fit_cached
from d2l_nin.training.loop import fit, train_epoch
from d2l_nin.training.recipe import learning_rate

__all__ = [
    "History",
    "TrainingDiverged",
    "TrainingInterrupted",
    "cache_folder",
    "evaluate_accuracy",
    "fit",
    "fit_cached",
    "learning_rate",
    "train_epoch",
]
