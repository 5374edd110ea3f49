"""Runs in a thread of their own, for what must stay responsive: the explorer, and figures that the library drives."""

import threading
import time

from mpack.simulation import simulate, stoppable


class Background:
    """Something done in a thread of its own, that can be stopped, and whose error is kept and not lost.

    Parameters
    ----------
    work : function of this object
        It looks at `stopped` between pieces of work, or waits with `pause`; simulations in it end
        early by themselves when it is to stop.
    ended : function, optional
        Called in that thread once the work has ended, also after an error.

    Attributes
    ----------
    error : Exception or None
        What the work raised.
    """

    def __init__(self, work, ended=None):
        self.error = None
        self._work, self._ended = work, ended
        self._asked = []  # what `stoppable` looks at: has an item once it is to stop
        self._news = threading.Condition()
        self._thread = threading.Thread(
            target=self._whole, name="mpack in the background", daemon=True
        )

    def start(self):
        """Begin."""
        self._thread.start()

    @property
    def running(self):
        """True until the work has ended."""
        return self._thread.is_alive()

    @property
    def stopped(self):
        """True once it is to stop."""
        return bool(self._asked)

    def stop(self):
        """Ask it to stop, which it does within about a tenth of a second."""
        with self._news:
            self._asked.append("stop")
            self._news.notify_all()

    def wake(self):
        """End a `pause` early if its condition holds by now."""
        with self._news:
            self._news.notify_all()

    def pause(self, ready=lambda: False, seconds=None):
        """In the work: wait until `ready()`, a stop, or so many seconds; True if `ready()`."""
        with self._news:
            self._news.wait_for(lambda: self.stopped or ready(), seconds)
        return ready()

    def wait(self, seconds=None):
        """Wait for the end, at most so long; an interrupt (Ctrl-C) stops the work and waits for it. True if ended."""
        try:
            self._thread.join(seconds)
        except KeyboardInterrupt:
            self.stop()
            self._thread.join()
        return not self.running

    def _whole(self):
        try:
            with stoppable(self._asked):
                self._work(self)
        except Exception as error:
            self.error = error
        finally:
            if self._ended:
                self._ended()


def chunks(run, steps, seconds=0.2, threads=1):
    """Go on with a run by so many steps, and yield it after every few; the same bits as in one piece.

    Parameters
    ----------
    run : Run
    steps : int
    seconds : float
        About so long between two of what it yields.
    threads : int

    Yields
    ------
    Run
        Ends when the steps are done, or the run is absorbed or interrupted.
    """
    until, span = run.steps + steps, 1
    while run.steps < until and not run.absorbed:
        clock = time.perf_counter()
        run = simulate(run, steps=min(span, until - run.steps), threads=threads)
        took = max(time.perf_counter() - clock, 1e-6)
        span = max(1, min(2**40, round(span * min(4.0, seconds / took))))
        yield run
        if run.interrupted:
            return
