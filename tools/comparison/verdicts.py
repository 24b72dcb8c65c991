"""What a comparison allows to say: about accuracy in a sentence or two, about the loss in one more."""

from comparison.results import Comparison, Difference


def verdict(found: Comparison) -> str:
    """Return the verdict: on the accuracy, on the loss where it was kept, on the margin where one was asked for."""
    sentences = [of_accuracy(found)]
    if loss := found.find("loss"):
        sentences.append(of_loss(found, loss))
    if found.not_worse is not None and found.margin is not None:
        sentences.append(of_margin(found))
    return " ".join(sentences)


def of_accuracy(found: Comparison) -> str:
    """Say what holds for the settings where the spread between seeds is known, else for the two networks."""
    accuracy, alpha = found.find("accuracy"), 1 - found.level
    assert accuracy is not None  # every revision has it
    kind, word, luck = (
        ("better", "improvement", "a lucky") if accuracy.value > 0 else ("worse", "deterioration", "an unlucky")
    )
    lead = f"Accuracy {points(accuracy.value)} points"
    these = f"on these {found.images:,} images"

    if found.gained == found.lost == 0:
        return "The same images right and wrong."
    if seed_alone(found):
        return f"{lead}; but the parameters differ in the seed alone, and {luck} seed is no {word}."
    if accuracy.any_images is None or accuracy.these_images is None:
        p = accuracy.widest.p
        if p < alpha:
            return (
                f"{lead}: the new network is {kind} than the old one ({p_value(p)}); whether its settings are {kind}, "
                "too, is open until the spread between seeds is known (`python tools/seeds.py 10`)."
            )
        return f"{lead}: inconclusive; another choice of images could turn it round ({p_value(p)})."
    if accuracy.any_images.p < alpha:
        return (
            f"{lead}: evidence of {word} by the settings, whatever the seed, on any images of this kind "
            f"({p_value(accuracy.any_images.p)})."
        )
    if accuracy.these_images.p < alpha:
        return (
            f"{lead}: the new settings are {kind} {these}, whatever the seed ({p_value(accuracy.these_images.p)}); "
            f"on other images of this kind it is inconclusive ({p_value(accuracy.any_images.p)})."
        )
    return (
        f"{lead}: inconclusive; the seeds alone could make such a difference, even {these} "
        f"({p_value(accuracy.these_images.p)})."
    )


def of_loss(found: Comparison, loss: Difference) -> str:
    """Say in which direction the loss went, if that is sure: it also sees how sure right and wrong answers are."""
    lead, alpha = f"Loss {loss.value:+.4f} nats:", 1 - found.level
    kind = "better (lower)" if loss.value < 0 else "worse (higher)"
    if seed_alone(found) or loss.value == 0:
        return f"{lead} nothing to conclude."
    if loss.widest.p < alpha:
        whose = "whatever the seed" if loss.any_images else "of these networks"
        return f"{lead} {kind}, {whose}, on any images of this kind ({p_value(loss.widest.p)})."
    if loss.these_images and loss.these_images.p < alpha:
        these = p_value(loss.these_images.p)
        return f"{lead} {kind} on these images, whatever the seed ({these}); on others inconclusive."
    return f"{lead} inconclusive ({p_value(loss.widest.p)})."


def of_margin(found: Comparison) -> str:
    accuracy, margin = found.find("accuracy"), found.margin
    assert accuracy is not None
    assert margin is not None
    whose = "the settings" if accuracy.any_images else "these two networks"
    return (
        f"Not worse than {100 * margin:g} points: {'shown' if found.not_worse else 'NOT shown'} for {whose} "
        f"(the {100 * found.level:g} % interval begins at {points(accuracy.widest.low)})."
    )


def seed_alone(found: Comparison) -> bool:
    """Whether the parameters differ, but in seeds alone: a split by another seed would have other images."""
    return bool(found.parameters) and all(key.endswith("seed") for key in found.parameters)


def p_value(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def points(difference: float) -> str:
    return f"{100 * difference:+.2f}"
