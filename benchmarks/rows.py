"""From turns to rows: contenders take turns, each row keeps all of them, ratios are taken turn by turn."""

import statistics
import time
from dataclasses import asdict, dataclass, field

UNITS = {"ns": 1e9, "ms": 1e3, "s": 1.0}
# The share of a core that one thread, or each of several, has to get to count as undisturbed.
QUIET, QUIET_TOGETHER = 0.95, 0.8


@dataclass(frozen=True)
class Turn:
    """Seconds of the clock and of the processor; what they are shared by (particle-steps, runs).

    A code with noise of its own says its mean activity; `died` is True where it did fewer steps
    than it was asked for.
    """

    seconds: float
    cpu: float
    count: float
    activity: float | None = None
    died: bool = False


def timed(work):
    """(what `work` returns, seconds, seconds of processor) of one call."""
    cpu, clock = time.process_time(), time.perf_counter()
    result = work()
    return result, time.perf_counter() - clock, time.process_time() - cpu


@dataclass
class Row:
    """One contender: what it did, and every turn of it, in the order in which they were taken.

    A row is of particle-steps (unit "ns"), or of whole calls, runs or processes ("ms", "s"). `waits`
    is True where the work includes waiting, say for a disk.
    """

    group: str
    name: str
    block: int = 0
    reference: str = ""
    unit: str = "ns"
    code: str = "mpack"
    door: str = ""
    threads: int = 1
    waits: bool = False
    state: dict = field(default_factory=dict)
    steps: int = 0
    activity: float | None = None
    lowest: float | None = None
    highest: float | None = None
    contacts: tuple = ()
    bytes_per_particle: float | None = None
    seconds: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    counts: list = field(default_factory=list)
    flags: list = field(default_factory=list)

    @property
    def values(self):
        """What each turn cost, in `unit` a particle-step, or a run: empty if the row is flagged."""
        if self.flags:
            return []
        return [UNITS[self.unit] * s / count for s, count in zip(self.seconds, self.counts)]

    @property
    def core(self):
        """The median share of a core that each thread got; None without turns."""
        shares = [c / (s * self.threads) for c, s in zip(self.cpu, self.seconds)]
        return statistics.median(shares) if shares else None

    @property
    def active_values(self):
        """What each turn cost an active particle-step, for rows of particle-steps."""
        if self.unit != "ns" or not self.activity:
            return []
        return [value / self.activity for value in self.values]

    @property
    def disturbed(self):
        """Whether threads that only compute got visibly less than a core each: others were at work."""
        if self.core is None or self.waits:
            return False
        if self.threads > 1:  # by the other door some of the work is one thread's
            return self.door == "kernel" and self.core < QUIET_TOGETHER
        return self.core < QUIET

    def as_dict(self):
        return asdict(self)


def spread(values):
    """(median, lower quartile, upper quartile); None of nothing."""
    if not values:
        return None
    if len(values) == 1:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def ratios(over, under):
    """Of two rows that took turns, the ratio in each turn; empty if either is flagged."""
    if over.block != under.block or over.group != under.group:
        raise ValueError(f"{over.name} and {under.name} did not take turns with each other")
    return [a / b for a, b in zip(over.values, under.values)]


def take_turns(contenders, turns):
    """Turns of each contender, (turns, contenders): whoever began one round is last in the next."""
    taken = {place: [] for place in range(len(contenders))}
    order = list(taken)
    for _ in range(turns):
        for place in order:
            taken[place].append(contenders[place].turn())
        order = order[1:] + order[:1]
    return list(taken.values())


def finish(row, turns):
    """Write the turns of a contender into its row."""
    row.seconds = [turn.seconds for turn in turns]
    row.cpu = [turn.cpu for turn in turns]
    row.counts = [turn.count for turn in turns]
    if any(turn.died or turn.count <= 0 for turn in turns) and not row.flags:
        row.flags.append("died on the way")
    seen = [turn.activity for turn in turns if turn.activity is not None]
    if seen:  # a code with noise of its own: its activity is its own, too
        row.activity, row.lowest, row.highest = statistics.fmean(seen), min(seen), max(seen)
        low, high = row.state["band"]
        if not low <= row.lowest <= row.highest <= high:
            row.flags.append(
                f"left its band: mean f_a {row.lowest:.3g} to {row.highest:.3g}, not {low:g} to {high:g}"
            )
    return row
