"""The charts of a load test's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from windrow.core.objectives import FAST_S, SURE_S
from windrow.lab.load.result import LoadResult
from windrow.pages.chart import Chart, Line, ReferenceLine, Shade, clock, objective_lines, time_ticks

SINCE = "min:s since the start"
MACHINE_COLOUR = 6
GROUP_COLOURS = (1, 2, 3, 4, 5, 7, 8, 9)
"""Of groups of processes; the other one is the whole machine's."""
EMULATOR_KEEPS_ALL = " The AWS emulator keeps all uploaded files in memory."


def latency_charts(result: LoadResult) -> list[Chart]:
    """Return the histogram, and latency over the time of arrival; nothing if nothing was delivered."""
    latency, arrivals = result.latency, result.arrivals
    if latency is None:
        return []
    near = _near(latency.max)
    longest = max(len(latency.counts) * latency.bin_s, SURE_S * 1.2 if near else 0.0)
    histogram = Chart(
        title="How long files took",
        note=f"Files by time from arrival to commit, in bins of {latency.bin_s:g} s.{_limits_told(near=near)}",
        x=[index * latency.bin_s for index in range(len(latency.counts))],
        x_end=longest,
        x_ticks=time_ticks(longest),
        x_label=lambda seconds: f"{seconds:g}",
        x_unit="latency in s",
        lines=[Line("files", latency.counts, 1)],
        marks=objective_lines(upright=True) if near else [],
        bars=latency.bin_s,
        unit="files",
    )
    over_time = Chart(
        title="Latency by time of arrival",
        note="The saw teeth are the batching window: who comes first in a batch waits for all of it."
        + _limits_told(near=near),
        x=arrivals.at_s,
        x_end=_end_s(result),
        x_ticks=time_ticks(_end_s(result)),
        x_label=clock,
        x_unit=SINCE,
        lines=[
            Line("lowest to highest", arrivals.high, 1, low=arrivals.low),
            Line("median", arrivals.median, 2),
        ],
        marks=objective_lines() if near else [],
        shades=_shades(result),
        least=SURE_S if near else 0.0,
        unit="s",
    )
    return [histogram, over_time]


def load_charts(result: LoadResult) -> list[Chart]:
    """Return rates, totals, the queue and the age of the oldest file."""
    return [*_file_charts(result), *_backlog_charts(result)]


def _file_charts(result: LoadResult) -> list[Chart]:
    series, window_s = result.series, result.plan.window_s
    steps = max(1, round(window_s / series.step_s))
    return [
        _over_time(
            result,
            "Throughput",
            f"Files a second; delivered ones come archive by archive: mean of {steps * series.step_s:g} s.",
            [
                Line("uploaded", series.uploaded_per_s, 1, style="area"),
                Line("delivered", trailing_mean(series.delivered_per_s, steps), 2),
            ],
            unit="files/s",
        ),
        _over_time(
            result,
            "Files uploaded and delivered",
            "Since the start; the gap between the two is what is not delivered yet.",
            [
                Line("uploaded", _total(series.uploaded_per_s, series.at_s), 1),
                Line("delivered", _total(series.delivered_per_s, series.at_s), 2),
            ],
            unit="files",
        ),
    ]


def _backlog_charts(result: LoadResult) -> list[Chart]:
    series = result.series
    near = _near(max(series.oldest_s, default=0.0))
    return [
        _over_time(
            result,
            "Queue depth",
            "Messages in the queue: all, and those received and not settled, including those delayed after a failure.",
            [
                Line("all", series.queued, 1, style="area"),
                Line("in flight or delayed", series.in_flight, 2),
            ],
            unit="messages",
        ),
        _over_time(
            result,
            "Backlog age",
            f"Age of the oldest file that was uploaded and not delivered.{_limits_told(near=near)}",
            [Line("oldest file", series.oldest_s, 1, style="area")],
            unit="s",
            marks=objective_lines() if near else [],
        ),
    ]


def resource_charts(result: LoadResult) -> list[Chart]:
    """Return concurrency, processors, memory, the load average, open files and threads."""
    series, cores = result.series, result.machine.cores
    return [
        _over_time(
            result,
            "Concurrency",
            "Batches running at once in handler processes; the highest of each second.",
            [Line("batches", series.busy, 3, style="steps")],
            unit="batches",
            least=2.0,
            least_step=1.0,
        ),
        _over_time(
            result,
            "Processors",
            "Cores in use, the highest of each step; the whole machine counts other programs too.",
            [
                Line("whole machine", series.machine_cores, MACHINE_COLOUR, style="area"),
                *_by_group(series.cores),
            ],
            unit="cores",
            least=cores,
        ),
        _over_time(
            result,
            "Memory",
            f"Resident memory.{'' if result.plan.servers == 'fast' else EMULATOR_KEEPS_ALL}",
            _by_group(series.rss_mb),
            unit="MB",
        ),
        _over_time(
            result,
            "Load average of the machine",
            f"Over one minute; above {cores} (its cores), programs wait for a processor.",
            [Line("load", series.load, MACHINE_COLOUR)],
            unit="programs",
            marks=[ReferenceLine(f"{cores} cores", cores)],
        ),
        *_holding_charts(result),
    ]


def _holding_charts(result: LoadResult) -> list[Chart]:
    """Return open files and threads; nothing for results of before they were sampled."""
    series = result.series
    held = [
        ("Open files", "Open file descriptors: files, sockets and pipes.", "files", series.handles),
        ("Threads", "Threads of the processes.", "threads", series.threads),
    ]
    return [
        _over_time(
            result,
            title,
            note,
            _by_group(groups),
            unit=unit,
        )
        for title, note, unit, groups in held
        if groups
    ]


def _by_group(values: Mapping[str, Sequence[float]]) -> list[Line]:
    """Return a line for each group of processes."""
    return [Line(name, each, GROUP_COLOURS[index]) for index, (name, each) in enumerate(values.items())]


def _near(longest_s: float) -> bool:
    """Return whether the objective's limits fit on the scale: in a test of seconds they flatten all else."""
    return longest_s >= FAST_S / 4


def _limits_told(*, near: bool) -> str:
    return "" if near else " The limits of 2 and 3 minutes are far off this scale."


def trailing_mean(values: list[float], steps: int) -> list[float]:
    """Return moving averages: the mean of each value and those before it, ``steps`` in all at most."""
    sums = [0.0, *accumulate(values)]
    return [
        round((sums[index + 1] - sums[max(0, index + 1 - steps)]) / min(steps, index + 1), 2)
        for index in range(len(values))
    ]


def _over_time(
    result: LoadResult,
    title: str,
    note: str,
    lines: list[Line],
    *,
    unit: str,
    marks: Sequence[ReferenceLine] = (),
    least: float = 0.0,
    least_step: float = 0.0,
) -> Chart:
    return Chart(
        title=title,
        note=note,
        x=result.series.at_s,
        x_end=_end_s(result),
        x_ticks=time_ticks(_end_s(result)),
        x_label=clock,
        x_unit=SINCE,
        lines=lines,
        unit=unit,
        marks=marks,
        shades=_shades(result),
        least=least,
        least_step=least_step,
    )


def _shades(result: LoadResult) -> list[Shade]:
    disturbance = result.disturbance
    return [Shade("destination down", disturbance.span.start_s, disturbance.span.end_s)] if disturbance else []


def _end_s(result: LoadResult) -> float:
    return max([*result.series.at_s[-1:], *result.arrivals.at_s[-1:], 1.0])


def _total(rates: list[float], at_s: list[float]) -> list[float]:
    spans = [after - before for before, after in zip([0.0, *at_s], at_s, strict=False)]
    return [float(round(total)) for total in accumulate(rate * span for rate, span in zip(rates, spans, strict=True))]
