"""Steps of a training, in the arithmetic of arithmetic.py or with Keras' own layers; a block of them in one call."""

from collections.abc import Callable, Iterable

from network import arithmetic, layers
from network.batches import Arrays
from network.determinism import keras, tf, uncovered


class Canonical:
    """Answers, losses and gradients of the layers in layers.py, on packed copies of the weights."""

    xla = True  # faster, and a step becomes one program whose sums can be put in order

    def __init__(self, network: keras.Model):
        self.layers = network.layers
        packed = [arithmetic.pack(*layer.get_weights()) for layer in self.layers if layer.weights]
        names = arithmetic.Weights._fields  # by which Adam knows the biases
        self.packed = [[keras.Variable(value, name=name) for value, name in zip(w, names, strict=True)] for w in packed]
        self.trained = [variable for layer in self.packed for variable in layer]
        self.state = [*self.trained, *network.non_trainable_variables]  # the seeds of dropout
        self.classes = network.output_shape[-1]
        self.once = keras.Variable(1, trainable=False, dtype="int32")

    def logits(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        weights = [arithmetic.Weights(*map(tf.convert_to_tensor, layer)) for layer in self.packed]
        return layers.logits(self.layers, weights, images, training)

    def answer(self, images: tf.Tensor) -> tf.Tensor:
        """Return the logits, (n, classes), for images (n, 28, 28)."""
        return layers.in_slices(self.logits, images)

    def losses(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Return the cross-entropy of each row, (n,)."""
        return arithmetic.cross_entropy(logits, labels)

    def gradients(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Return the logits, and the gradients of the mean loss by the variables `trained`.

        In a loop of one round, which XLA cannot know, so it compiles no sum of a gradient together with Adam: there the
        compiler fuses multiplications with additions in whole vectors but not in what is left over, and vectors have
        other widths on other CPUs. (XLA drops its own OptimizationBarrier too early.)
        """

        def compute(done: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, ...]:
            with tf.GradientTape() as tape:
                logits = self.logits(images, training=True)
            found = tape.gradient(logits, self.trained, arithmetic.loss_gradient(logits, labels))
            return done + 1, logits, *found

        start = [0, tf.zeros((images.shape[0], self.classes)), *(tf.zeros(variable.shape) for variable in self.trained)]
        _, logits, *gradients = tf.while_loop(lambda done, *_: done < self.once.value, compute, start)
        return logits, gradients


class Layered:
    """Answers, losses and gradients of any network, by Keras' own layers."""

    xla = False  # which on a CPU takes several times as long for convolutions and for random masks

    def __init__(self, network: keras.Model):
        self.network = network
        self.trained, self.state = network.trainable_variables, network.variables

    def answer(self, images: tf.Tensor) -> tf.Tensor:
        """Return the probabilities, (n, classes), for images (n, 28, 28)."""
        return self.network(images, training=False)

    def losses(self, probabilities: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Return the cross-entropy of each row, (n,)."""
        return keras.losses.sparse_categorical_crossentropy(labels, probabilities)

    def gradients(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Return the probabilities, and the gradients of the mean loss by the variables `trained`."""
        with tf.GradientTape() as tape:
            probabilities = self.network(images, training=True)
            loss = tf.add_n([tf.reduce_mean(self.losses(probabilities, labels)), *self.network.losses])
        return probabilities, tape.gradient(loss, self.trained)


class Trainer:
    """Trains a network with Adam, block by block.

    state: the variables that the next step depends on: weights, statistics, seeds, the optimizer's moments and count.
    """

    def __init__(self, network: keras.Model, adam: keras.optimizers.Adam):
        self.network, self.adam = network, adam
        self.kind = Layered(network) if uncovered(network) else Canonical(network)
        adam.build(self.kind.trained)  # otherwise TensorFlow traces the step twice
        self.state = [*self.kind.state, *adam.variables]
        self.means = {"accuracy": keras.metrics.Mean(), "loss": keras.metrics.Mean()}
        self.train_block, self.test_batch = (
            tf.function(call, autograph=False, jit_compile=self.kind.xla) for call in (self._train, self._test)
        )

    def train(self, blocks: Iterable[Arrays]) -> list[float]:
        """Train on blocks as batches.shuffled yields them; return accuracy and loss, each step's before it is taken."""
        return self.mean(self.train_block, blocks)

    def test(self, batches: Iterable[Arrays]) -> list[float]:
        """Return accuracy and loss on batches as batches.in_order yields them."""
        return self.mean(self.test_batch, batches)

    def mean(self, call: Callable[..., None], blocks: Iterable[Arrays]) -> list[float]:
        for mean in self.means.values():
            mean.reset_state()
        for block in blocks:
            call(*map(tf.constant, block))
        return [float(mean.result()) for mean in self.means.values()]

    def _train(self, images: tf.Tensor, labels: tf.Tensor, count: tf.Tensor) -> None:
        size, n = labels.shape

        def step(i: tf.Tensor, seen: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            answers, gradients = self.kind.gradients(images[i], labels[i])
            self.adam.apply(gradients, self.kind.trained)
            return i + 1, seen.write(i, answers)

        seen = tf.TensorArray(tf.float32, size, element_shape=(n, self.network.output_shape[-1]))
        _, seen = tf.while_loop(lambda i, _: i < count, step, [0, seen])
        self.measure(tf.reshape(seen.stack(), (size * n, -1)), tf.reshape(labels, [-1]), n * count)

    def _test(self, images: tf.Tensor, labels: tf.Tensor, count: tf.Tensor) -> None:
        self.measure(self.kind.answer(images), labels, count)

    def measure(self, answers: tf.Tensor, labels: tf.Tensor, count: tf.Tensor) -> None:
        """Add the accuracy and the loss of the first `count` rows to the means."""
        counted = tf.range(answers.shape[0]) < count
        hits = tf.argmax(answers, 1, output_type=tf.int32) == tf.cast(labels, tf.int32)
        for mean, values in zip(self.means.values(), (hits, self.kind.losses(answers, labels)), strict=True):
            total = arithmetic.exact_sum(tf.where(counted, tf.cast(values, tf.float32), 0.0))
            mean.update_state(total / tf.cast(count, tf.float64), sample_weight=count)

    def finish(self, adam: keras.optimizers.Adam) -> None:
        """Give the network the trained weights, and compile it with `adam` in the trained state, for those who load it.

        Keras' own form of both: packed kernels and their moments become (..., units) again.
        """
        adam.build(self.network.trainable_variables)
        for variable, mine in zip(
            [*self.network.trainable_variables, *adam.variables],
            [*self.kind.trained, *self.adam.variables],
            strict=True,
        ):
            packed = tuple(mine.shape) != tuple(variable.shape)
            variable.assign(arithmetic.unpack(mine.value, variable.shape) if packed else mine.value)
        self.network.compile(adam, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
