"""Which chains run together."""

from __future__ import annotations

from itertools import pairwise

from napari_padis.engine.kept import Samples
from napari_padis.engine.plan import Plan
from napari_padis.engine.store import SampleStore


def groups_of(plan: Plan, kept: Samples) -> list[range]:
    """Groups of chains that are still to be run, in their order.

    Independent chains go on from those that are kept. Coupled ones keep the groups in which
    they were begun.
    """
    finished = kept.finished // plan.draws
    if plan.method.coupled:
        chains = kept.chains if isinstance(kept, SampleStore) else plan.chains
        return [g for g in groups(0, plan.samples, chains) if g.stop > finished]
    return groups(finished, plan.samples, plan.chains)


def groups(first: int, last: int, most: int) -> list[range]:
    """Numbers from ``first`` to ``last - 1`` in groups of ``most`` at most, of like sizes.

    Like sizes, so that no coupled sample is left over alone.
    """
    count = last - first
    parts = -(-count // most)
    edges = [first + (count * i) // parts for i in range(parts + 1)] if parts else []
    return [range(a, b) for a, b in pairwise(edges)]
