"""What the settings of the methods are called in the dock, and what is said about each."""

from __future__ import annotations

from typing import NamedTuple


class Term(NamedTuple):
    """One setting.

    Attributes
    ----------
    label : str
    tip : str
        What it is, its unit, and what 0 means where that is allowed and special.
    zero : str
        Shown in place of 0.
    whole : bool
        Whether it counts something.
    """

    label: str
    tip: str
    zero: str = ""
    whole: bool = False


_SCALE = "on the prior's scale, on which most pixel values lie between 0 and 1"

#: By name as in ``posterior.method.RANGES``, in the order in which they are shown. The
#: iterations are set beside the steps of the other methods.
TERMS: dict[str, Term] = {
    "sigma": Term(
        "Denoiser level σ",
        f"Noise standard deviation that the denoiser is told, {_SCALE}; 0 takes the error of the "
        "direct reconstruction, as four evaluations estimate it.",
        "automatic",
    ),
    "sigma_max": Term("First level σ_max", f"Noise level of the start, {_SCALE}.", "automatic"),
    "sigma_switch": Term(
        "Switch level σ",
        "Noise level at which the descent ends, over whose levels the mean picture is averaged, "
        f"{_SCALE}.",
    ),
    "sigma_min": Term(
        "Last level σ_min",
        f"Noise level of the end, {_SCALE}; 'PaDIS fast' and 'PaDIS calibrated' end lower where "
        "the data are more precise.",
    ),
    "rho_max": Term(
        "First coupling ρ_max",
        "Standard deviation that couples the draws of likelihood and prior at the start, "
        f"{_SCALE}.",
    ),
    "rho_min": Term(
        "Last coupling ρ_min",
        "The same at the end: the smaller, the less bias, and the more alike successive draws, "
        f"{_SCALE}.",
    ),
    "start": Term(
        "Share of the start",
        "Share (0 to 1) of the network evaluations that go into the one image from which all "
        "samples go on.",
    ),
    "descent": Term(
        "Share of descent",
        "Share (0 to 1) of the network evaluations that go into the descent from the first "
        "level to the switch level.",
    ),
    "relaxation": Term(
        "Over-relaxation",
        "Factor of each step of ADMM towards the data (no unit): 1 is plain, more goes on beyond, "
        "sooner where little was measured.",
    ),
    "inner": Term(
        "Steps per level",
        "Network evaluations at each noise level, or in each draw from the prior (split Gibbs).",
        whole=True,
    ),
    "epsilon": Term(
        "Langevin step ε",
        "Step size of Langevin dynamics relative to σ² at each level (no unit): the drift is ε/2, "
        "the variance of the noise ε σ².",
    ),
    "snr": Term(
        "Corrector SNR",
        "Signal-to-noise ratio that sets the Langevin step of the corrector: norm of the score's "
        "move over that of the noise (no unit).",
    ),
    "eta": Term(
        "Stochasticity η",
        "Share (0 to 1) of new noise in a step to the next level: 0 is deterministic (DDIM, "
        "probability-flow ODE), 1 as random as ancestral sampling.",
    ),
    "refresh": Term(
        "Noise refresh ζ",
        "Share (0 to 1) of new noise at the next level: 0 keeps the noise that is in the image, "
        "1 draws all of it anew.",
    ),
    "zeta": Term(
        "Data step ζ",
        "Step size of the gradient of the data term, for a forward model of norm 1 (no unit): "
        "0 leaves the data out.",
    ),
    "lambda": Term(
        "Regularisation λ",
        "Weight of the prior in the data step, λ σ_y²/σ² (no unit): more trusts the data less.",
    ),
    "tau": Term(
        "Prior's spread τ",
        "Standard deviation of the image from which the denoiser's error variance "
        f"σ²τ²/(σ² + τ²) follows, {_SCALE}; 0 takes the error measured when the prior was made.",
        "measured",
    ),
    "strength": Term(
        "Prior's strength",
        "Factor of the logarithm of the prior (no unit): 1 is the posterior, more is smoother.",
    ),
    "weight": Term(
        "TV weight",
        f"Weight of the total variation, {_SCALE}: more is smoother; 0 chooses it from the noise "
        "level by the least predicted risk.",
        "automatic",
    ),
    "ridge": Term(
        "Ridge",
        "Weight of the Tikhonov term, as a share of the largest squared singular value of "
        "the forward model: more is smoother, 0 is plain least squares.",
    ),
    "cg": Term(
        "CG iterations",
        "Conjugate-gradient iterations of each data step, at most where it ends by a tolerance; "
        "four times as many if the data have weights.",
        whole=True,
    ),
    "hold": Term(
        "Evaluations per grid",
        "Network evaluations after which the grid of patches moves: a step over such a change "
        "is of first order.",
        whole=True,
    ),
    "shifts": Term(
        "Grids averaged",
        "Random shifts of the grid of patches that are averaged in each denoising; 0 keeps one "
        "grid throughout.",
        "one, kept",
        whole=True,
    ),
    "draws": Term(
        "Draws per chain",
        "Samples taken from each chain, the first at the end of its burn-in, which is a whole "
        "run; 'Samples' then counts chains. 1, or enough to judge how independent they are.",
        whole=True,
    ),
    "apart": Term(
        "Thinning",
        "Iterations at the last level from one draw of a chain to the next.",
        whole=True,
    ),
}

#: Added where a method finds its first level itself.
WARM = "0 takes it from the error of the direct reconstruction."
