"""What a result says of input pipelines: a table, the bottleneck, and the cheapest remedy."""

from statistics import median

from bench.present import tables
from bench.present.grid import Grid
from bench.present.memory import figures, size
from bench.results import estimates
from bench.results.schema import Benchmark, Document, Estimate

_CAPTION = (
    "steps/s: median of the cohorts, in these minutes. stall: share of the step lost against a resident batch, paired "
    "[95 % interval]. alone: batches per second that nobody computes with. first: seconds to the first batch. private: "
    "the host's memory that only this process has. bus: bytes a step's input moves to the GPU."
)

# From one word changed to another way of feeding: the first that helps enough is the one to try.
REMEDIES = {
    "prefetch-auto": "prefetch(tf.data.AUTOTUNE) instead of prefetch(1)",
    "shuffle-indices": "shuffling row numbers instead of rows, and gathering a batch at once",
    "vectorised": "keeping rows uint8 and converting whole batches in a parallel map",
    "prefetch-to-device": "prefetch_to_device",
    "device-resident": "keeping the whole set on the device",
}
_USUAL = "prefetch-1"
_ENOUGH = 0.5  # of the best variant's gain
_WORTH = 1.02  # what a remedy has to gain at least, surely


def table(document: Document) -> Grid:
    """A row for each case."""
    return tables.of_cases(document, ("steps/s", "stall", "alone", "first", "private", "bus"), _row, _CAPTION)


def _row(benchmark: Benchmark) -> list[str]:
    info = benchmark.extra_info
    alone, stall = info.input_alone, info.stall
    return [
        tables.rate(benchmark),
        "-" if stall is None or stall.value is None else percent(stall),
        "-" if alone is None else f"{alone.batches_per_second:,.0f}",
        f"{median(replicate.input_init_seconds for replicate in info.replicates):.2f}",
        size(figures(benchmark).private),
        size(info.replicates[0].bus_bytes),
    ]


def findings(document: Document) -> list[str]:
    """For the fastest mode: what the notebook's pipeline costs, what binds it, and what would help for least effort."""
    found = {benchmark.name: benchmark for benchmark in document.benchmarks}
    mode = next((mode for mode in ("xla", "function") if f"{mode}/{_USUAL}" in found), None)
    if mode is None or f"{mode}/resident" not in found:
        return []
    usual = found[f"{mode}/{_USUAL}"]
    stall = usual.extra_info.stall
    if stall is None or stall.value is None or stall.low is None:
        return []
    if stall.low <= 0:
        return [f"{usual.name} keeps up with the step: it loses {percent(stall)} against a resident batch."]
    sentences = [f"{usual.name} loses {percent(stall)} of the step: {_bottleneck(usual, found[f'{mode}/resident'])}."]
    return [*sentences, _remedy(mode, found, document.experiment.reference)]


def percent(share: Estimate) -> str:
    """A share with its interval, in percent."""
    assert share.value is not None
    if share.low is None or share.high is None:
        return f"{100 * share.value:.0f} %"
    return f"{100 * share.value:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def _bottleneck(usual: Benchmark, resident: Benchmark) -> str:
    alone, bound = usual.extra_info.input_alone, resident.extra_info.steps_per_second.value
    if alone is None or bound is None:
        return "what binds it was not measured"
    rate = alone.batches_per_second
    feeds = f"alone the pipeline feeds {rate:,.0f} batches a second, and the step could take {bound:,.0f}"
    if rate < bound:
        return f"the pipeline itself is too slow; {feeds}"
    return f"handing batches over and sharing the processor is what costs; {feeds}"


def _remedy(mode: str, found: dict[str, Benchmark], reference: str) -> str:
    """The first remedy that gains at least half of what the best one does, if any is surely worth it."""
    usual = estimates.replicates_of(found[f"{mode}/{_USUAL}"])
    gains = {}
    for name in REMEDIES:
        if other := found.get(f"{mode}/{name}"):
            theirs = estimates.replicates_of(other)
            ratio = estimates.paired_ratio(usual, theirs)
            if ratio.value is None and reference in found:  # they were measured in different groups
                ratio = estimates.ratio_by_reference(usual, theirs, estimates.replicates_of(found[reference]))
            if ratio.value is not None and ratio.low is not None and ratio.low > _WORTH:
                gains[name] = ratio
    if not gains:
        return f"None of the other pipelines measured here is surely faster by {100 * (_WORTH - 1):.0f} %."
    best = max((ratio.value or 1.0) - 1 for ratio in gains.values())
    name, ratio = next((name, ratio) for name, ratio in gains.items() if (ratio.value or 1.0) - 1 >= _ENOUGH * best)
    assert ratio.value is not None
    return (
        f"The cheapest remedy that helps: {REMEDIES[name]} ({mode}/{name}), {ratio.value:.2f}x "
        f"[{ratio.low:.2f}, {ratio.high:.2f}] the steps."
    )
