"""On which shard a symbol lives, and what of an account's request budget each shard gets. Pure functions.

Symbols of one venue account stay together: they share its connections and its budget. Only an account with many
symbols is spread over several shards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from opensqt_actors.domain.settings import SymbolSpec

Key = tuple[str, str]
TOGETHER = 10
"""Symbols of one account that stay on one shard before it is spread."""
WHOLE = 1_000
"""Thousandths of a budget."""


def place(
    specs: Iterable[SymbolSpec],
    shards: int,
    *,
    whole: frozenset[str] = frozenset(),
    closed: frozenset[int] = frozenset(),
) -> tuple[SymbolSpec, ...]:
    """Every spec with a shard from 0 to `shards` - 1; one that has such a shard keeps it.

    whole: accounts that are never spread; closed: shards that take nothing, unless all of them are.
    """
    rows = tuple(specs)
    open_shards = [shard for shard in range(shards) if shard not in closed] or list(range(shards))
    homes: dict[str, set[int]] = {}
    load = Counter(dict.fromkeys(open_shards, 0))

    def settled(spec: SymbolSpec) -> bool:
        return spec.shard is not None and spec.shard in load

    for spec in rows:
        if settled(spec) and spec.shard is not None:
            load[spec.shard] += 1
            homes.setdefault(spec.account, set()).add(spec.shard)
    most = max(TOGETHER, -(-len(rows) // len(open_shards)))
    placed: list[SymbolSpec] = []
    for spec in rows:
        if settled(spec):
            placed.append(spec)
            continue
        home = homes.setdefault(spec.account, set())
        best = min(home or open_shards, key=lambda shard: (load[shard], shard))
        if home and load[best] >= most and spec.account not in whole:
            best = min(open_shards, key=lambda shard: (load[shard], shard))
        load[best] += 1
        home.add(best)
        placed.append(replace(spec, shard=best))
    return tuple(placed)


def shares(symbols: Mapping[int, int], waiting: Mapping[int, int]) -> dict[int, int]:
    """Thousandths of an account's budget for each shard that has symbols of it; together exactly 1,000.

    One half follows the number of symbols, the other the requests that wait, while any do.
    """
    there = sorted(shard for shard, count in symbols.items() if count > 0)
    if not there:
        return {}
    counts = {shard: symbols[shard] for shard in there}
    queues = {shard: max(waiting.get(shard, 0), 0) for shard in there}
    if not any(queues.values()):
        return _split(WHOLE, counts)
    steady, needed = _split(WHOLE // 2, counts), _split(WHOLE - WHOLE // 2, queues)
    return {shard: steady[shard] + needed[shard] for shard in there}


def _split(total: int, weights: Mapping[int, int]) -> dict[int, int]:
    """`total` in proportion to the weights, in whole numbers that add up to it: the largest remainders get the rest."""
    everything = sum(weights.values())
    parts = {shard: total * weight // everything for shard, weight in weights.items()}
    rest = total - sum(parts.values())
    by_remainder = sorted(weights, key=lambda shard: (-(total * weights[shard] % everything), shard))
    for shard in by_remainder[:rest]:
        parts[shard] += 1
    return parts
