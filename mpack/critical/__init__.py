"""Absorbing or active: steady activity, relaxation time, survival, and where the transition lies.

Two states are open to a driven packing. It may find a configuration in which nothing overlaps and
stop for ever (absorbed), or stay active with a steady share f_inf of its particles moving. f_inf
rises from zero at phi_c and the time tau_r to reach either state diverges there (Zhang and
Martiniani, arXiv:2411.11834). Everything here is the statistics of recorded series, without a loop
over particles: times in steps, activities in [0, 1].

One run and its time

    steady_activity     f_inf of one run: value, error, autocorrelation time, and whether to trust them
    late_activity       of a run that is not quite steady
    activity_until      as an observer sees it who stops early
    relaxation_time     tau_r of one run
    autocorrelation_time

Many runs

    mean_activity       f_a(k) over all runs, or over those that survive
    survival            the chance that a run is still active (Kaplan-Meier)
    relaxation_table    tau_r of each packing fraction
    lifetimes           mean lifetime of each size, where some outlive their time
    octaves             mean activity in octaves of time: whether steady is what it is
    octave_table, octave_ratio, octave_limit, octave_forecast

Where the transition lies

    last_quiet          phi_c by the paper's criterion: a bracket between two scanned packing fractions
    divergence          phi_c where the absorption time diverges, from below
    lineages            what the logarithm of the size in that time needs, from two sizes
    onset               phi_c where the steady activity vanishes, from above
    locate              phi_c of every group of a sweep's runs
    as_if_stopped       both sides, as seen by who stops early
    scans, invented     the runs of a table; runs that obey the law, to try an analysis on

Without a steady state, by how the activity decays

    local_exponents     -d ln f/d ln t in windows of time
    crossings           where the local exponents of successive windows are equal, and whether that moves
    decay               phi_c, delta and nu_parallel of all windows together
    moment_ratio        <f^2>/<f>^2 of what survives, whose value at phi_c tells the class

The limit of small kicks, and how sure it is

    to_zero             by a polynomial
    limit               by a line, by swollen spheres, or by a law of one's own
    limits              of several curves with one swelling
    swollen, shrinkage  how kicks lower phi_c
    finite_size_factor  from a shift between two sizes to that to infinity
    Budget              what moves a result when one choice of its analysis is changed at a time

Exponents

    exponent            nu_parallel from absorption times
    onset_exponent      beta from steady activities

What has a value and an error has the property `estimate`, an `mpack.statistics.Estimate`. Where data
are well formed but too few, or determine nothing, `Undetermined`, a ValueError, says so.
"""

from mpack._fits import Undetermined
from mpack.critical._series import FEWEST
from mpack.critical.activity import (
    STEADY_SIGMAS,
    TRUSTED,
    SteadyActivity,
    activity_until,
    autocorrelation_time,
    late_activity,
    mean_activity,
    moment_ratio,
    steady_activity,
)
from mpack.critical.ageing import (
    octave_forecast,
    octave_limit,
    octave_ratio,
    octave_table,
    octaves,
)
from mpack.critical.decay import (
    Crossing,
    Decay,
    LocalExponents,
    crossings,
    decay,
    local_exponents,
)
from mpack.critical.exponents import Onset, exponent, onset_exponent
from mpack.critical.location import Located, Scan, Sides, as_if_stopped, invented, locate, scans
from mpack.critical.relaxation import (
    Relaxation,
    lifetimes,
    relaxation_table,
    relaxation_time,
    survival,
)
from mpack.critical.small_kicks import (
    Limit,
    Limits,
    finite_size_factor,
    limit,
    limits,
    shrinkage,
    swollen,
    to_zero,
)
from mpack.critical.transition import (
    BETA,
    CRITERION,
    NU_PARALLEL,
    NU_PERP,
    Bracket,
    CriticalPoint,
    divergence,
    last_quiet,
    lineages,
    onset,
)
from mpack.critical.uncertainty import Budget, Change

__all__ = [
    "BETA",
    "CRITERION",
    "FEWEST",
    "NU_PARALLEL",
    "NU_PERP",
    "STEADY_SIGMAS",
    "TRUSTED",
    "Bracket",
    "Budget",
    "Change",
    "CriticalPoint",
    "Crossing",
    "Decay",
    "Limit",
    "Limits",
    "LocalExponents",
    "Located",
    "Onset",
    "Relaxation",
    "Scan",
    "Sides",
    "SteadyActivity",
    "Undetermined",
    "activity_until",
    "as_if_stopped",
    "autocorrelation_time",
    "crossings",
    "decay",
    "divergence",
    "exponent",
    "finite_size_factor",
    "invented",
    "last_quiet",
    "late_activity",
    "lifetimes",
    "limit",
    "limits",
    "lineages",
    "local_exponents",
    "locate",
    "mean_activity",
    "moment_ratio",
    "octave_forecast",
    "octave_limit",
    "octave_ratio",
    "octave_table",
    "octaves",
    "onset",
    "onset_exponent",
    "relaxation_table",
    "relaxation_time",
    "scans",
    "shrinkage",
    "steady_activity",
    "survival",
    "swollen",
    "to_zero",
]
