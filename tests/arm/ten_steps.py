"""Ten steps of the classroom net on a batch; prints losses as JSON. See trial.sh."""

import json
import platform

import numpy

from d2l_nin import runtime  # before mxnet

# isort: split
from mxnet import autograd, gluon, init, np

from d2l_nin.datasets import load_fashion_mnist
from d2l_nin.nin import nin_classroom

runtime.seed_everything(0)
train_iter, _ = load_fashion_mnist(batch_size=128, train_size=128, seed=0)
net = nin_classroom()
net.initialize(init.Xavier())
net(np.zeros((1, 1, 28, 28)))
# The two builds draw other numbers: weights come from NumPy's generator.
rng = numpy.random.default_rng(0)
for parameter in net.collect_params().values():
    if parameter.name.endswith("weight"):
        scale = (2 / numpy.prod(parameter.shape[1:])) ** 0.5
        parameter.set_data(np.array(rng.normal(0, scale, parameter.shape)))
# The larger the rate, the more a step multiplies differences of the last digits.
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.005})
loss_fn, losses = gluon.loss.SoftmaxCrossEntropyLoss(), []
X, y = next(iter(train_iter))
for _ in range(10):
    with autograd.record():
        loss = loss_fn(net(X), y)
    loss.backward()
    trainer.step(len(X))
    losses.append(float(loss.mean()))
print(json.dumps({"machine": platform.machine(), "losses": losses}))
