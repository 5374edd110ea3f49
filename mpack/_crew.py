"""How many threads work on a step: those asked for, or one where that turns out to be faster.

Threads that share a step meet a few times in it, and some of the work is one thread's. Where a step
is short (small systems, few active particles), or where other programs want the processors, one
thread may be faster. Nobody knows before, so it is tried: no bit depends on it.
"""

import math

WORTH = 5_000  # particles from which on a run begins with all its threads
LONG = 1e-3  # seconds of a step from which on meetings cost next to nothing: nothing is tried
SHORT = 5e-5  # seconds of a shared step below which the first try does not wait
ENOUGH, TRIED = 0.01, 0.004  # seconds that a rate is taken from, usually and in a try
SOON = 4  # slices before the first try, unless steps are short or one thread is at work
WAIT, LONGEST_WAIT = 20, 160  # slices between two tries: doubled as long as nothing changes
FIRST = 0.001  # seconds that the first slice of a try would take as before: it may be far slower
WORSE = 1.3  # a step that takes so many times what the other number took last: try that at once
BETTER = 0.98  # what a try has to take, in terms of what it takes now, to be gone on with


class Crew:
    """The number of threads (`count`) for the next slice of a run, told how long each slice took.

    Parameters
    ----------
    most, n : int
        Threads asked for; particles.
    """

    def __init__(self, most, n):
        self.most = most
        self.count = most if n >= WORTH else 1
        self._patience, self._left, self._first = WAIT, SOON, True
        # While the other number is tried: seconds a step by the usual one, and what the try took,
        # None until lists have been made anew for it.
        self._before = self._seconds = self._steps = None
        self._other = math.inf  # seconds a step by the other number, when it was last at work

    def after(self, seconds, steps):
        """After a slice: how many steps the next one is to have; None where that is of no account."""
        if self.most == 1 or steps == 0:
            return None
        if self._before is not None:
            return self._tried(seconds, steps)
        per_step = seconds / steps
        if seconds < ENOUGH or per_step > LONG:
            return None
        self._left -= 1
        early = self._first and (self.count == 1 or per_step < SHORT)
        if self._left > 0 and not early and per_step < WORSE * self._other:
            return None
        self._first = False
        self._before, self._seconds = per_step, None
        self._turn()
        return 1

    def _turn(self):
        self.count = 1 if self.count > 1 else self.most

    def _tried(self, seconds, steps):
        """After a slice of a try: go on with it, or decide."""
        if self._seconds is None:  # the lists were made anew in this one
            self._seconds, self._steps = 0.0, 0
            return math.ceil(FIRST / self._before)
        self._seconds += seconds
        self._steps += steps
        if self._seconds < TRIED:
            return 2 * self._steps
        per_step = self._seconds / self._steps
        if per_step < BETTER * self._before:
            self._other, self._patience = self._before, WAIT
        else:
            self._turn()
            self._other = per_step
            self._patience = min(2 * self._patience, LONGEST_WAIT)
        self._before, self._left = None, self._patience
        return None
