"""What training makes small."""

from __future__ import annotations

from mxnet.gluon import HybridBlock


class Objective(HybridBlock):
    """Summed cross-entropy with smoothed labels, and hits, of one batch."""

    def __init__(self, label_smoothing: float):
        super().__init__()
        self.label_smoothing = label_smoothing

    def hybrid_forward(self, F, scores, y):
        log_p = F.npx.log_softmax(scores.astype("float32"), axis=-1)
        loss = -F.npx.pick(log_p, y, axis=-1)
        if self.label_smoothing:
            uniform = -F.np.mean(log_p, axis=-1)
            loss = (1 - self.label_smoothing) * loss + self.label_smoothing * uniform
        best = F.np.argmax(scores, axis=-1).astype("float32")
        hits = F.np.sum(best == y.astype("float32"))
        # Hits that are NaN tell of scores that are NaN or infinite.
        return F.np.sum(loss), hits + F.np.sum(scores.astype("float32") * 0)


class LossOfHeads:
    """(loss, hits) of a net's scores; auxiliary heads add to the loss only."""

    def __init__(self, label_smoothing: float, aux_weight: float):
        self.objective, self.aux_weight = Objective(label_smoothing), aux_weight
        self.objective.hybridize()

    def __call__(self, scores, y) -> tuple:
        main, *sides = scores if isinstance(scores, (tuple, list)) else [scores]
        loss, hits = self.objective(main, y)
        for side_scores in sides:
            loss = loss + self.aux_weight * self.objective(side_scores, y)[0]
        return loss, hits
