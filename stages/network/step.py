"""Keras' `fit`, with steps whose bytes do not depend on the machine, and many of them in one call."""

from collections.abc import Sequence

from network import arithmetic
from network.determinism import keras, tf


class BlockTrainer(keras.Model):
    """Take all steps of a block of batches in one call; measure them, and the validation images, afterwards.

    XLA then compiles the loop as well: the weights stay in place from step to step.
    """

    def __init__(self, network: keras.Sequential):
        """Raises PipelineError when `network` has a layer that arithmetic.py does not cover."""
        super().__init__()
        arithmetic.require_covered(network.layers)
        held = [arithmetic.hold(*layer.get_weights()) for layer in arithmetic.dense(network.layers)]
        names = arithmetic.Weights._fields  # by which Adam knows what not to decay
        self.held = [[keras.Variable(value, name=name) for value, name in zip(w, names, strict=True)] for w in held]
        self.measured = [keras.metrics.Mean("loss"), keras.metrics.Mean("accuracy")]
        self.built = True

    def release(self, network: keras.Sequential, adam: keras.optimizers.Adam) -> None:
        """Give the weights, and the state of the optimizer, to a network and an Adam as Keras has them."""
        adam.build(network.trainable_variables)
        mine = [*self.trainable_variables, *self.optimizer.variables]
        for variable, value in zip([*network.trainable_variables, *adam.variables], mine, strict=True):
            kernel = len(value.shape) == 3
            variable.assign(arithmetic.release(value.value, variable.shape[0]) if kernel else value)

    @property
    def metrics(self) -> Sequence[keras.metrics.Metric]:
        return self.measured

    def train_step(self, block: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> dict:
        """images (size, n, 28, 28), labels (size, n), and on how many of these batches to train."""
        images, labels, count = block
        size, n = labels.shape
        variables = self.trainable_variables

        def step(i: tf.Tensor, seen: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            weights = self.weights_now()
            passed = arithmetic.forward(weights, images[i])
            logits = tf.transpose(passed[-1])
            error = tf.transpose(arithmetic.loss_gradient(logits, labels[i]))
            gradients = arithmetic.backward(weights, passed, error)
            self.optimizer.apply([value for layer in gradients for value in layer], variables)
            return i + 1, seen.write(i, logits)

        seen = tf.TensorArray(tf.float32, size, element_shape=(n, self.held[-1][1].shape[0]))
        _, seen = tf.while_loop(lambda i, _: i < count, step, [0, seen])
        self.measure(tf.reshape(seen.stack(), (size * n, -1)), tf.reshape(labels, [-1]), n * count)
        return self.get_metrics_result()

    def test_step(self, batch: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> dict:
        """images (n, 28, 28), labels (n,), and how many of these images to measure."""
        images, labels, count = batch
        self.measure(tf.transpose(arithmetic.forward(self.weights_now(), images)[-1]), labels, count)
        return self.get_metrics_result()

    def weights_now(self) -> list[arithmetic.Weights]:
        return [arithmetic.Weights(kernel.value, bias.value) for kernel, bias in self.held]

    def measure(self, logits: tf.Tensor, labels: tf.Tensor, count: tf.Tensor) -> None:
        """Add the loss and the accuracy of the first `count` rows to those of the epoch."""
        counted = tf.range(logits.shape[0]) < count
        hits = tf.argmax(logits, 1, output_type=tf.int32) == tf.cast(labels, tf.int32)
        for metric, values in zip(self.measured, (arithmetic.cross_entropy(logits, labels), hits), strict=True):
            total = arithmetic.exact_sum(tf.where(counted, tf.cast(values, tf.float32), 0.0))
            metric.update_state(total / tf.cast(count, tf.float64), sample_weight=count)
