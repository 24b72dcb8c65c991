"""Keras' `fit`, with steps whose bytes do not depend on the machine, and many of them in one call."""

from collections.abc import Sequence

from common import arithmetic
from common.determinism import keras, tf


class BlockTrainer(keras.Model):
    """Take all steps of a block of batches in one call; measure them, and the validation images, afterwards.

    XLA then compiles the loop as well: the weights stay in place from step to step.
    """

    def __init__(self, network: keras.Sequential):
        """Raises PipelineError when `network` has a layer that arithmetic.py does not cover."""
        super().__init__(network.inputs, network.outputs)
        arithmetic.require_covered(self.layers)
        self.measured = [keras.metrics.Mean("loss"), keras.metrics.Mean("accuracy")]

    @property
    def metrics(self) -> Sequence[keras.metrics.Metric]:
        return self.measured

    def train_step(self, block: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> dict:
        """images (size, n, 28, 28), labels (size, n), and on how many of these batches to train."""
        images, labels, count = block
        (size, n), classes = labels.shape, self.output_shape[-1]
        weights = self.trainable_variables

        def step(i: tf.Tensor, seen: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            with tf.GradientTape() as tape:
                logits = arithmetic.logits(self.layers, images[i])
            error = arithmetic.loss_gradient(logits, labels[i])
            self.optimizer.apply(tape.gradient(logits, weights, error), weights)
            return i + 1, seen.write(i, logits)

        seen = tf.TensorArray(tf.float32, size, element_shape=(n, classes))
        _, seen = tf.while_loop(lambda i, _: i < count, step, [0, seen])
        self.measure(tf.reshape(seen.stack(), (size * n, classes)), tf.reshape(labels, [-1]), n * count)
        return self.get_metrics_result()

    def test_step(self, batch: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> dict:
        """images (n, 28, 28), labels (n,), and how many of these images to measure."""
        images, labels, count = batch
        self.measure(arithmetic.logits(self.layers, images), labels, count)
        return self.get_metrics_result()

    def measure(self, logits: tf.Tensor, labels: tf.Tensor, count: tf.Tensor) -> None:
        """Add the loss and the accuracy of the first `count` rows to those of the epoch."""
        counted = tf.range(logits.shape[0]) < count
        hits = tf.argmax(logits, 1, output_type=tf.int32) == tf.cast(labels, tf.int32)
        for metric, values in zip(self.measured, (arithmetic.cross_entropy(logits, labels), hits), strict=True):
            total = arithmetic.exact_sum(tf.where(counted, tf.cast(values, tf.float32), 0.0))
            metric.update_state(total / tf.cast(count, tf.float64), sample_weight=count)
