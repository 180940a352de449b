"""The contest between generator and critic: WGAN with a gradient penalty, and reconstruction weighted by edges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.errors import InputError
from workbench.frameworks import Players

#: Who owns which parameters, in the order of their turns.
PARTS = {"discriminator": ("discriminator.",), "generator": ("generator.",)}


def make_contest(
    nn: Any,  # noqa: ARG001
    F: Any,
    ops: Any,
    *,
    penalty: float,
    critic: float,
    adversarial: float,
    reconstruction: float,
    total_variation: float,
) -> Players:
    """Return the losses of both players (Yang et al. 2021, with the weights of the reference code).

    With pictures with a lesion l and normal ones n, the generator's normal picture h(.) and lesion e(.)::

        critic:     critic * (-E[D(n)] + E[D(h(l))] + penalty * E[(|grad D| - 1)^2])
        generator:  adversarial * (-E[D(h(l))]) + total_variation * TV(e(l)) + reconstruction * (
                        |w_n (h(n) + e(n) - n)| + |w_n (h(n) - n)| + |w_l (h(l) + e(l) - l)|)

    ``w`` are `edge_weights`, |.| is the mean of absolute values, and the penalty is taken between n and h(l). The
    critic sees n and h(l) in one batch. A batch of pictures is cut into its lesions and its normal ones, half as many
    pairs as it has pictures, repeated where there are fewer; one that has no picture of a kind teaches nothing about
    it.

    Parameters
    ----------
    penalty, critic, adversarial, reconstruction, total_variation : float
        Weights of the terms: l, s, a, g and tv of the reference code.
    """

    def mean_slope_penalty(network: Any, real: Any, made: Any, scores: Any, seed: int) -> Any:
        share = np.random.default_rng(seed).uniform(size=(real.shape[0], 1, 1, 1)).astype(np.float32)
        share = ops.tensor(share, device=real.device)
        between = ops.detach(share * real + (1 - share) * made)
        ones = ops.ones_like(scores)
        _, slope = ops.autograd.functional.vjp(network.discriminator, between, ones, create_graph=True)
        norm = ops.sqrt(ops.sum(slope * slope, dim=(1, 2, 3)) + 1e-12)
        return ops.mean((norm - 1) ** 2)

    def judged(network: Any, real: Any, made: Any) -> tuple[Any, Any]:
        # in one batch: apart, batch normalisation takes away what all of one side have in common, such as a lesion
        scores = network.discriminator(ops.cat([real, made], dim=0))
        return scores[: real.shape[0]], scores[real.shape[0] :]

    def judge(network: Any, lesions: Any, normals: Any, both: Any, seed: int) -> dict[str, Any]:
        made = ops.detach(network.generator(lesions)["normal"])
        real, fake = judged(network, normals, made)
        distance = ops.mean(real) - ops.mean(fake)
        slope = mean_slope_penalty(network, normals, made, real, seed)
        return {
            "loss": critic * both * (penalty * slope - distance),
            "wasserstein": both * distance,
            "gradient_penalty": both * slope,
        }

    def pretend(network: Any, lesions: Any, normals: Any, both: Any, has_lesion: Any, has_normal: Any) -> Any:
        count = lesions.shape[0]
        pictures = ops.cat([lesions, normals], dim=0)
        made = network.generator(pictures)
        normal, lesion = made["normal"], made["lesion"]
        weights = edge_weights(F, ops, pictures)
        whole = weights * ops.abs(normal + lesion - pictures)
        same = weights * ops.abs(normal - pictures)
        kept = has_normal * (ops.mean(whole[count:]) + ops.mean(same[count:])) + has_lesion * ops.mean(whole[:count])
        fooled = both * ops.mean(judged(network, normals, normal[:count])[1])
        terms = {"reconstruction": kept, "adversarial": -fooled}
        total = reconstruction * kept - adversarial * fooled
        if total_variation:
            terms["total_variation"] = has_lesion * variation(ops, lesion[:count])
            total = total + total_variation * terms["total_variation"]
        return {"loss": total, **terms}

    def loss(network: Any, inputs: Any, targets: Mapping[str, Any], player: str, seed: int) -> dict[str, Any]:
        sick = (targets["label"] > 0).to(inputs.dtype)
        pairs = (inputs.shape[0] + 1) // 2
        lesions, normals = inputs[chosen(ops, sick, pairs)], inputs[chosen(ops, 1 - sick, pairs)]
        has_lesion, has_normal = ops.amax(sick), ops.amax(1 - sick)
        both = has_lesion * has_normal
        if player == "discriminator":
            return judge(network, lesions, normals, both, seed)
        return pretend(network, lesions, normals, both, has_lesion, has_normal)  # type: ignore[no-any-return]

    return Players(PARTS, loss)


def chosen(ops: Any, wanted: Any, count: int) -> Any:
    """Return `count` places [count] where `wanted` [n] is 1, in order and from the first again; 0 if there is none."""
    rank = ops.cumsum(wanted, 0) - 1
    total = ops.sum(wanted)
    total = ops.where(total > 0, total, ops.ones_like(total))
    slots = ops.arange(count, device=wanted.device).to(wanted.dtype)
    turn = slots - ops.floor(slots / total) * total
    match = (rank.reshape(1, -1) == ops.unsqueeze(turn, 1)).to(wanted.dtype) * wanted.reshape(1, -1)
    return ops.argmax(match, dim=1)


def edge_weights(F: Any, ops: Any, pictures: Any) -> Any:
    """Return ``(m + 1)^2`` for pictures between -1 and 1, m being the Sobel magnitude on a scale from 0 to 1.

    The magnitude is ``sqrt(gx^2 + gy^2)`` of each channel; pixels beyond the border continue those at it.
    """
    p = F.pad(ops.detach(pictures) / 2 + 0.5, (1, 1, 1, 1), mode="replicate")
    gx = p[:, :, :-2, 2:] + 2 * p[:, :, 1:-1, 2:] + p[:, :, 2:, 2:]
    gx = gx - p[:, :, :-2, :-2] - 2 * p[:, :, 1:-1, :-2] - p[:, :, 2:, :-2]
    gy = p[:, :, 2:, :-2] + 2 * p[:, :, 2:, 1:-1] + p[:, :, 2:, 2:]
    gy = gy - p[:, :, :-2, :-2] - 2 * p[:, :, :-2, 1:-1] - p[:, :, :-2, 2:]
    return (ops.sqrt(gx * gx + gy * gy) + 1) ** 2


def variation(ops: Any, pictures: Any) -> Any:
    """Return the mean absolute difference between neighbours along both axes (anisotropic total variation)."""
    down = ops.mean(ops.abs(pictures[:, :, 1:] - pictures[:, :, :-1]))
    return down + ops.mean(ops.abs(pictures[:, :, :, 1:] - pictures[:, :, :, :-1]))


def check_weights(**weights: float) -> None:
    """Check that no term is weighed below zero.

    Raises
    ------
    InputError
        With the weight that is.
    """
    for name, value in weights.items():
        if not value >= 0:
            raise InputError(f"The weight of a loss term is zero or more, got {name}={value}.")
