"""What a run does outside the GUI thread. Free of Qt and napari."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from napari_padis.engine.control import Control
from napari_padis.engine.events import Event, Notice, Result
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import PadisError, ReconstructionError
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.world import ORIGIN, Place
from napari_padis.scan.geometry import Geometry
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.volume import Volume

Runner = Callable[[Recipe, Measurement, Control], Iterator[Event]]
Simulator = Callable[[Volume, "Simulation", int], Measurement]


@dataclass(frozen=True)
class Simulation:
    """How to simulate a measurement from a volume.

    Parameters
    ----------
    geometry : Geometry
    noise : {'none', 'gaussian', 'poisson'}
    share : float
        Gaussian noise: standard deviation as a share of the RMS of the data (of real and
        imaginary parts of the measured samples in k-space).
    sigma : float, optional
        Gaussian noise: standard deviation of the data itself, in place of the share.
    photons : float
        Poisson noise: photons per ray without an object.
    slices : tuple of int
        First and one-past-last slice.
    """

    geometry: Geometry
    noise: str = "none"
    share: float = 0.005
    sigma: float | None = None
    photons: float = 1e5
    slices: tuple[int, int] = (0, 1)


@dataclass(frozen=True)
class Request:
    """Everything a run needs, fixed when the button is pressed.

    ``place`` is where the reconstruction lies in the viewer's world;
    ``limits`` are contrast limits to use instead of those of the FBP.
    """

    recipe: Recipe
    measurement: Measurement | None = None
    volume: Volume | None = None
    simulation: Simulation | None = None
    place: Place = ORIGIN
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Stage:
    """What is being done before the first event of the engine."""

    message: str


@dataclass(frozen=True)
class Simulated:
    """The measurement that was simulated for this run."""

    measurement: Measurement


@dataclass(frozen=True)
class Failed:
    """The run ended with an error; ``details`` is the traceback for the log."""

    error: PadisError
    details: str = ""


@dataclass(frozen=True)
class Ended:
    """Always the last thing a job posts."""


@contextmanager
def reporting(mailbox: Mailbox) -> Iterator[None]:
    """Post whatever goes wrong in a job, and its end; nothing is raised."""
    try:
        yield
    except PadisError as error:
        mailbox.post(Failed(error, traceback.format_exc()))
    except Exception as error:
        mailbox.post(Failed(as_padis_error(error), traceback.format_exc()))
    finally:
        mailbox.post(Ended())


def simulate(volume: Volume, simulation: Simulation, seed: int) -> Measurement:
    """Measure a volume and add noise."""
    from napari_padis.likelihood.simulated_noise import add_noise, root_mean_square
    from napari_padis.likelihood.simulation import simulate as measure

    clean = measure(volume, simulation.geometry, seed=seed, slices=slice(*simulation.slices))
    if simulation.noise == "none":
        return clean
    if simulation.noise == "poisson":
        return add_noise(clean, Noise("poisson", photons=simulation.photons), seed)
    sigma = simulation.sigma
    if sigma is None:
        sigma = simulation.share * root_mean_square(clean)
    return add_noise(clean, Noise("gaussian", sigma=sigma), seed)


def run_engine(recipe: Recipe, measurement: Measurement, control: Control) -> Iterator[Event]:
    """The real engine; imported here so that torch loads in the worker thread."""
    from napari_padis.engine.run import run

    return run(recipe, measurement, control)


def work(
    request: Request,
    control: Control,
    mailbox: Mailbox,
    runner: Runner = run_engine,
    simulator: Simulator = simulate,
) -> None:
    """Simulate if asked to, run the engine, post every event; never raises.

    A plain function, not a generator worker: superqt takes every RuntimeError of a
    generator (torch's out-of-memory error is one) for a deleted worker and drops it.
    """
    with reporting(mailbox):
        measurement = request.measurement
        if measurement is None and request.volume is not None and request.simulation is not None:
            mailbox.post(Stage("Simulating the measurement …"))
            measurement = simulator(request.volume, request.simulation, request.recipe.seed)
            mailbox.post(Simulated(measurement))
        if measurement is None:
            raise ReconstructionError("Nothing to reconstruct: choose a volume or a measurement.")
        if control.stopped:
            return
        mailbox.post(Stage("Preparing the reconstruction …"))
        for event in runner(request.recipe, measurement, control):
            mailbox.post(event)


def save(result: Result, folder: Path, mailbox: Mailbox) -> None:
    """Write a result to a folder; never raises."""
    with reporting(mailbox):
        from napari_padis.engine.save import save_result

        save_result(result, folder)
        mailbox.post(Notice(f"Saved to {folder}."))


def as_padis_error(error: Exception) -> ReconstructionError:
    """One readable sentence for an error that nobody foresaw."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ImportError):
        message = f"A needed package could not be loaded: {text}"
    elif isinstance(error, MemoryError) or "out of memory" in text.lower():
        message = "Memory ran out: use fewer samples or slices, or another device."
    else:
        message = f"The reconstruction failed ({type(error).__name__}): {text[:300]}"
    wrapped = ReconstructionError(message)
    wrapped.__cause__ = error
    return wrapped
