"""From a picture to digits as MNIST has them: image, prepare, components, lines, digits, network, show."""
