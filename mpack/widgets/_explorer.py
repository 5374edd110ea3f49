"""What `mpack.widgets.explore(...)` shows: sliders, a run in the background, the standard plots."""

from __future__ import annotations

import asyncio
import base64
import html
import time
from typing import Any

import ipywidgets
import numpy as np

from mpack import _check, dynamics, figures, simulation
from mpack._box import box_for
from mpack._pairs import check_packing
from mpack.packing import Packing
from mpack.widgets._background import Background, chunks
from mpack.widgets._plots import Plots, png
from mpack.widgets._sources import SAFE

_KINDS = (
    *(dynamics.PairwiseBRO, dynamics.NonreciprocalBRO, dynamics.IndividualBRO),
    *(dynamics.SGD, dynamics.RCD),
)
RULES: dict[str, Any] = {dynamics.process_label(kind.__name__): kind for kind in _KINDS}
SIZES = {
    "eps": (0.001, 1.0),
    "alpha": (0.001, 2.0),
}  # of kicks and learning rates, in mean diameters
DENSEST = {
    2: 1.2,
    3: 0.9,
    4: 0.7,
    5: 0.5,
    6: 0.4,
}  # of the packing fractions that the slider offers
MOST_STEPS = 10_000_000
GONE = (  # shown by the front end alone, once it marks what has lost its kernel
    "<style>.mpack-gone.mpack-gone { display: none } "
    ".mpack-gone.mpack-gone.jupyter-widgets-disconnected { display: block }</style>"
    "<strong>The kernel is gone: run the cell again, or reload the page.</strong>"
)
DENSE = 130  # pixels per inch of its pictures
APART = 0.3  # seconds between two pictures


class Explorer(ipywidgets.VBox):
    """Sliders for a run, the run itself in the background, and its standard plots; made by `mpack.widgets.explore`.

    Attributes
    ----------
    trajectory : Run or None
        The run that is shown, as far as it has come: the same, bit for bit, as `mpack.simulate`
        gives.
    error : Exception or None
        What went wrong in the last run; it is shown too.
    """

    def __init__(self, packing, dynamics, *, steps, seed, record, threads):
        self.packing = check_packing(packing)
        steps, seed = _check.integer("steps", steps, 1, SAFE), _check.integer("seed", seed, 0, SAFE)
        record = simulation.log_spaced(20) if record is None else record
        self._given, self._record, self._threads = dynamics, record, threads
        simulation.simulate(
            packing, dynamics, steps=0, seed=seed, record=record, threads=threads
        )  # refuses
        if type(getattr(dynamics, "of", dynamics)) not in RULES.values():
            raise TypeError(
                f"dynamics must be one of {', '.join(RULES)} or an approximation of one; got {dynamics!r}"
            )
        self.trajectory = self.error = self.before = None
        self._background = self._began = None
        self._plots = Plots()
        self._picture_due = self._drawing = False  # one is asked for; one is under way
        self._pictured, self._over = 0.0, True
        try:
            self._loop = asyncio.get_running_loop()  # of the kernel, which draws in its own thread
        except RuntimeError:
            self._loop = None
        self.controls = _controls(packing, dynamics, steps, seed)
        self._build()
        gone = ipywidgets.HTML(GONE)
        gone.add_class("mpack-gone")
        super().__init__(
            [gone, self._top, self._status, self._image],
            layout=ipywidgets.Layout(max_width="960px"),
        )
        self._suit()
        self._draw()

    # ------------------------------------------------------------------------------------------
    # what is shown

    def _build(self):
        button = {"layout": ipywidgets.Layout(height="44px", width="auto", min_width="88px")}
        self._run = ipywidgets.Button(
            description="Run", button_style="primary", tooltip="Begin a new run", **button
        )
        self._more = ipywidgets.Button(
            description="Go on",
            disabled=True,
            tooltip="Go on with this run by so many steps more",
            **button,
        )
        self._bar = ipywidgets.FloatProgress(
            min=0, max=1, value=0, layout=ipywidgets.Layout(flex="1 1 8em")
        )
        self._status = ipywidgets.HTML()
        self._image = ipywidgets.HTML()
        self._run.on_click(lambda _: self.stop() if self.running else self.start())
        self._more.on_click(lambda _: self.start(more=True))
        self.controls["log"].observe(lambda _: self._draw(), "value")
        for name, control in self.controls.items():
            if name not in ("log", "steps"):
                control.observe(self._moved, "value")
        columns = ipywidgets.Layout(
            display="grid", grid_template_columns="repeat(auto-fit, minmax(300px, 1fr))"
        )
        transport = ipywidgets.HBox(
            [self._run, self._more, self._bar], layout=ipywidgets.Layout(align_items="center")
        )
        self._top = ipywidgets.VBox(
            [ipywidgets.Box(list(self.controls.values()), layout=columns), transport]
        )

    def _suit(self):
        """Show the controls that the rule has."""
        descent = self.controls["rule"].value in ("SGD", "RCD")
        approximate = self.controls["approximation"]
        exactly = "batch_size" in self.controls
        shown = {
            "eps": not descent,
            "alpha": descent,
            "batch_fraction": descent,
            "batch_size": descent,
        }
        for name in shown.keys() & self.controls.keys():
            self.controls[name].layout.display = "" if shown[name] else "none"
        approximate.layout.display = "none" if descent and exactly else ""

    def _moved(self, _):
        self._suit()
        if not self.running:
            self._more.disabled = True
            self._say("Press Run to see what this does." if self.trajectory is not None else "")

    def _say(self, text, bad=False):
        colour = f' style="color:{figures.COLOURS["SGD"][0]};font-weight:600"' if bad else ""
        self._status.value = f'<p role="status"{colour}>{html.escape(text)}</p>'

    # ------------------------------------------------------------------------------------------
    # what is run

    @property
    def dynamics(self) -> dynamics.Dynamics:
        """The dynamics that the controls stand for."""
        at = {name: control.value for name, control in self.controls.items()}
        options = self._options(RULES[at["rule"]])
        if at["rule"] not in ("SGD", "RCD"):
            made = RULES[at["rule"]](eps=at["eps"], **options)
        else:
            batch = "batch_size" if "batch_size" in at else "batch_fraction"
            process = getattr(self._given, "of", self._given)
            potential = {"potential": process.potential} if hasattr(process, "potential") else {}
            options |= {batch: at[batch]} | potential
            made = RULES[at["rule"]](alpha=at["alpha"], **options)
            if batch == "batch_size":
                return made
        return made.approximation() if at["approximation"] else made

    def _options(self, kind):
        """What the rule that was given has besides what the controls have, if it is of this kind."""
        given = getattr(self._given, "of", self._given)
        named = [name for name in dynamics.OPTIONS if type(given) is kind and hasattr(given, name)]
        return {name: getattr(given, name) for name in named}

    @property
    def start_packing(self) -> Packing:
        """The start that the controls stand for: the packing given, stretched or squeezed to the packing fraction."""
        packing, phi = self.packing, self.controls["phi"].value
        if phi == packing.phi:
            return packing
        return Packing.from_fixed(
            packing.fixed, box_for(phi, packing.diameters, packing.dim), packing.diameters
        )

    def python(self) -> str:
        """The line that makes the run the controls stand for, with a packing called `packing`."""
        start, dynamics = self.start_packing, self.dynamics
        rule = getattr(dynamics, "of", dynamics)
        first = "packing"
        if start is not self.packing:
            first = f"mpack.Packing.from_fixed(packing.fixed, box={start.box!r}, diameters=packing.diameters)"
        second = f"mpack.{rule!r}".replace("potential=", "potential=mpack.")
        second += "" if rule is dynamics else ".approximation()"
        steps, seed = (self.controls[name].value for name in ("steps", "seed"))
        return f"mpack.simulate({first}, {second}, steps={steps}, seed={seed})"

    @property
    def running(self) -> bool:
        """True while a run is under way."""
        return self._background is not None and self._background.running

    def start(self, more: bool = False) -> None:
        """Begin a run as the controls stand, in the background: what *Run* does. `more`: go on with the last one."""
        if self.running:
            return
        self.error = None
        try:
            run = self.trajectory if more else self._beginning()
        except (ValueError, TypeError) as error:
            self._fail(error)
            return
        if not more and self.trajectory is not None and self.trajectory.steps:
            self.before = self.trajectory
        self.trajectory, self._began = run, (run.steps, time.perf_counter())
        self._bar.max, self._bar.value = self.controls["steps"].value, 0
        self._run.description, self._more.disabled = "Stop", True
        self._over = False
        self._background = Background(self._work, self._ended)
        self._background.start()

    def _beginning(self):
        return simulation.simulate(
            *(self.start_packing, self.dynamics),
            steps=0,
            seed=self.controls["seed"].value,
            record=self._record,
        )

    def stop(self) -> None:
        """Stop the run, and keep what it has come to: what *Stop* does."""
        if self._background is not None:
            self._background.stop()

    def wait(self) -> simulation.Run:
        """Wait until the run has ended, and draw it; raises what went wrong in it."""
        if self._background is not None:
            self._background.wait()
        self._draw()
        if self.error is not None:
            raise self.error
        return self.trajectory

    def run(self) -> simulation.Run:
        """What *Run* does, and wait for it.

        Returns
        -------
        Run
        """
        self.start()
        return self.wait()

    # ------------------------------------------------------------------------------------------ in
    # the background

    def _work(self, background):
        for run in chunks(self.trajectory, int(self._bar.max), threads=self._threads):
            self.trajectory = run
            self._report()
            self._draw_later()

    def _ended(self):
        self.error, self._over = self._background.error, True
        self._run.description = "Run"
        if self.error is not None:
            self._fail(self.error)
        else:
            self._report(over=True)
            self._more.disabled = self.trajectory.absorbed
        self._draw_later(at_once=True)

    def _fail(self, error):
        self.error = error
        known = isinstance(error, (ValueError, TypeError))
        self._say(str(error) if known else f"{type(error).__name__}: {error}", bad=True)

    def _report(self, over=False):
        run, (first, clock) = self.trajectory, self._began
        self._bar.value = run.steps - first
        speed = (run.steps - first) / max(time.perf_counter() - clock, 1e-6)
        words = [f"{run.dynamics.label}, step {run.steps:,}: activity {run.activity[-1]:.4g}"]
        if run.absorbed:
            words.append("absorbed, no particle will move again")
        elif over and run.interrupted:
            words.append("stopped; Go on takes it up exactly here")
        if run.overflows:
            words.append(
                f"{run.overflows:,} pushes were cut to half the box, so the kicks are far too large"
            )
        self._say(
            f"{'; '.join(words)}. {speed:,.0f} steps a second."
            + (f" Digest {run.digest}." if over else "")
        )

    def _draw_later(self, at_once=False):
        """Have the kernel's own thread draw when it is free: matplotlib is not made for two at once.

        A picture that is due and not begun will show this state too. One that is under way may not:
        the last state of a run, which comes `at_once`, is drawn after it.
        """
        if self._loop is None or self._picture_due or self._loop.is_closed():
            return
        rested = not self._drawing and time.perf_counter() - self._pictured > APART
        if at_once or rested:
            self._picture_due = True
            self._loop.call_soon_threadsafe(self._draw)

    # ------------------------------------------------------------------------------------------
    # pictures

    def figure(self):
        """The plots as they stand: a matplotlib figure in the house style."""
        shown = self.trajectory
        if shown is None:
            shown = self._beginning()
        return self._plots.draw(shown, self.before, self.controls["log"].value, over=self._over)

    def alt(self) -> str:
        """What the plots show, in words."""
        if self.trajectory is None:
            return "Four plots, empty but for the start: press Run."
        run = self.trajectory
        third = {2: "the packing", 3: "a slice through the middle of the packing"}.get(
            run.start.dim, "displacement"
        )
        return (
            f"Four plots of a run of {run.dynamics.label} with {run.start.n} particles: activity against steps, "
            f"{run.activity[-1]:.3g} after {run.steps} steps; energy per particle against steps, "
            f"{run.energy[-1] / run.start.n:.3g} at the end; {third}, active particles amber; the pair correlation."
        )

    def _draw(self):
        self._drawing, self._picture_due = True, False  # what comes from here on is for the next
        try:
            data = base64.b64encode(png(self.figure(), DENSE)).decode()
            look = "width:100%;background:#fff;border-radius:8px"
            alt = html.escape(self.alt())
            self._image.value = (
                f'<img style="{look}" alt="{alt}" src="data:image/png;base64,{data}">'
            )
        except Exception as error:
            self._fail(error)
        finally:
            self._pictured, self._drawing = time.perf_counter(), False


def _controls(packing, given, steps, seed):
    """The controls by name, at what was given."""
    rule = getattr(given, "of", given)
    name = next(name for name, kind in RULES.items() if type(rule) is kind)
    eps = rule.eps if hasattr(rule, "eps") else rule.alpha * dynamics.MATCHED_FRACTION
    alpha = rule.alpha if hasattr(rule, "alpha") else rule.eps / dynamics.MATCHED_FRACTION
    made = {
        "rule": ipywidgets.Dropdown(
            options=list(RULES), value=name, description="dynamics", **_look()
        ),
        "approximation": ipywidgets.Checkbox(
            value=rule is not given, description="approximation", indent=True, **_look()
        ),
        "eps": _logarithmic("kick size ε", eps, *SIZES["eps"]),
        "alpha": _logarithmic("learning rate α", alpha, *SIZES["alpha"]),
    }
    if getattr(rule, "batch_size", None):
        made["batch_size"] = _whole(
            "batch of exactly B", rule.batch_size, 1, max(10**7, rule.batch_size)
        )
    else:
        fraction = getattr(rule, "batch_fraction", dynamics.MATCHED_FRACTION)
        made["batch_fraction"] = _linear(
            "batch fraction b_f", fraction, min(0.01, fraction), 1.0, 0.01
        )
    made["phi"] = _linear("packing fraction φ", packing.phi, *_densities(packing), 0.001)
    made["steps"] = _whole("steps", steps, 1, max(MOST_STEPS, steps))
    made["seed"] = _whole("seed", seed, 0, max(SAFE, seed))
    made["log"] = ipywidgets.Checkbox(
        value=True, description="logarithmic axes", indent=True, **_look()
    )
    return made


def _densities(packing):
    """The packing fractions offered: below, what keeps the box large enough for the nearest image to be unique."""
    widest = packing.phi * (packing.box / (2.001 * packing.diameters.max())) ** packing.dim
    most = max(packing.phi, min(DENSEST[packing.dim], widest))
    return min(packing.phi, 0.1 * DENSEST[packing.dim]), most


def _look():
    return {"layout": ipywidgets.Layout(width="98%"), "style": {"description_width": "10em"}}


def _logarithmic(words, value, low, high):
    ends = np.log10([min(low, value), max(high, value)])
    return ipywidgets.FloatLogSlider(
        value=value, min=ends[0] - 1e-9, max=ends[1] + 1e-9, step=0.01, description=words, readout_format=".4g",
        continuous_update=False, **_look()
    )  # fmt: skip


def _linear(words, value, low, high, step):
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=step, description=words, readout_format=".3f",
        continuous_update=False, **_look()
    )  # fmt: skip


def _whole(words, value, low, high):
    return ipywidgets.BoundedIntText(value=value, min=low, max=high, description=words, **_look())
