"""PaDIS fast and calibrated: a start that all chains share, then a mean picture and samples."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import torch
from torch import Tensor

from napari_padis.posterior.denoising_step import SteadyDenoiser
from napari_padis.posterior.evaluator import Estimated, Evaluator, Level, Run, State
from napari_padis.posterior.method import stages
from napari_padis.posterior.plug_and_play import Halves, pnp_admm
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers.corrector import aware_corrector
from napari_padis.posterior.samplers.dual import dual
from napari_padis.posterior.schedule import geometric, last_level
from napari_padis.posterior.steps import Settings, cg_steps, noisy
from napari_padis.posterior.warm import coupling

#: Noise level from which samples begin anew, at least, relative to the noise of the data, and its
#: largest value. Where these are noisy the chains remember their common start at lower levels:
#: intervals of 90 % covered 0.72 of a deblurred slice from a level of 0.05 and 0.78 from 0.15,
#: which makes them too wide by an eighth on a Gaussian problem.
FOR_SAMPLES, HIGHEST = 12.0, 0.1
#: Standard errors of the samples' mean that the mean picture may be away from it.
DRIFT = 2.0


def start_fast(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """The dual sampler down to the last level."""
    halves, rho = yield from _shared(problem, evaluator, samples, steps, settings)
    begin, descent, rest = stages(steps, settings)
    last = last_level(problem, settings["sigma_min"])
    if last < settings["sigma_min"]:
        # Nearly exact data: steep last levels would not forget the noise of those above.
        sigmas = geometric(settings["sigma_max"], last, descent + rest)
        descent = sum(sigma >= settings["sigma_switch"] for sigma in sigmas)
    else:
        sigmas = geometric(settings["sigma_max"], settings["sigma_switch"], descent)
        sigmas += geometric(sigmas[-1], last, rest + 1)[1:]
    chains = dual(problem, evaluator, halves, sigmas, rho, cg_steps(problem, settings), begin)
    return (yield from averaged(chains, descent))


def start_calibrated(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Run:
    """The dual sampler down to the switch level, and from there, with fresh noise, the corrector.

    Few ancestral steps leave too little texture, which the corrector brings.
    """
    halves, rho = yield from _shared(problem, evaluator, samples, steps, settings)
    begin, descent, rest = stages(steps, settings)
    cg, sigma_max = cg_steps(problem, settings), settings["sigma_max"]
    switch = min(FOR_SAMPLES * problem.noise, HIGHEST, 0.75 * sigma_max)
    switch = max(switch, settings["sigma_switch"])

    def chains() -> Run:
        sigmas, total = geometric(sigma_max, switch, descent), begin + descent + rest
        z = yield from dual(problem, evaluator, halves, sigmas, rho, cg, begin, total)
        return (
            yield from aware_corrector(
                problem,
                evaluator,
                noisy(evaluator, z, switch),
                geometric(switch, last_level(problem, settings["sigma_min"]), rest),
                int(settings["inner"]),
                settings["epsilon"],
                cg,
                begin + descent,
            )
        )

    return (yield from averaged(chains(), descent))


def averaged(run: Run, levels: int) -> Run:
    """Tell the mean of the estimates of all chains over the first ``levels``.

    At every noise level the mean over the chains of E[x0 | x, y] is the posterior's mean; what the
    noise of a level and the shift of the grid add to it is averaged out over the levels. The lower
    the level, the more of a sample's own is left in it. Where the start was far from its end the
    estimates still move: if their average is further from the mean of the samples than chance
    explains (DRIFT), that of the second half of the levels is taken, or else that of the samples.
    """
    means: list[Tensor] = []  # sums over all levels and over their second half
    count = 0
    while True:
        try:
            state = next(run)
        except StopIteration as done:
            samples: Tensor = done.value
            counts = (count, count - count // 2)
            found = (mean / n for mean, n in zip(means, counts, strict=True))
            yield Estimated(next((mean for mean in found if _same(mean, samples)), None))
            return samples
        if isinstance(state, Level) and count < levels:
            mean, count = state.estimate.mean(0), count + 1
            if not means:
                means = [mean, torch.zeros_like(mean)]
            else:
                means[0] = means[0] + mean
            if count > levels // 2:
                means[1] += mean
            yield Estimated(means[0] / count)
        yield state


def _same(mean: Tensor, samples: Tensor) -> bool:
    """Whether a mean may be that of the distribution of some samples."""
    count = len(samples)
    if count < 2:
        return True
    distance = (mean - samples.mean(0)).square().mean()
    return bool(distance <= DRIFT**2 * samples.var(0).mean() / count)


def _shared(
    problem: Problem, evaluator: Evaluator, samples: int, steps: int, settings: Settings
) -> Generator[State, None, tuple[Halves, float]]:
    """Plug-and-play ADMM on one image, once in a run; from there all chains go on.

    Returns
    -------
    tuple of Halves and float
        Of every chain, and the coupling of its data step.
    """
    shared = evaluator.shared
    if "halves" not in shared:
        one = evaluator.alone()
        begin, *rest = stages(steps, settings)
        rho, used = yield from coupling(problem, one, settings, begin)
        halves = Halves.at(problem.start()[None].clone())
        yield from pnp_admm(
            problem,
            SteadyDenoiser(one, shifts=1),
            halves,
            rho,
            max(1, begin - used),
            cg_steps(problem, settings),
            settings["relaxation"],
            first=used,
            levels=begin + sum(rest),
        )
        shared |= {"halves": halves, "rho": rho, "generator": one.generator.get_state()}
        shared["evaluations"] = one.count
    # Every group of chains goes on from there as the first does.
    evaluator.generator.set_state(shared["generator"])
    evaluator.counted.evaluations = shared["evaluations"]
    halves = replace(shared["halves"])
    return halves.repeated(samples), shared["rho"]
