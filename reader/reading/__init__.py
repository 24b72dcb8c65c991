"""From a picture to the digits on it: lines of the paper, components, digits, network."""
