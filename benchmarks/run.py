"""chainrule and its peers, alternating in one run: ``python -m benchmarks.run``.

Every library has a process of its own, gets the same arrays, starting weights, batches, dtype and
threads, is warmed up, and is checked against float64 NumPy; then they take turns, round by round.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks import machine, report
from benchmarks.cases import odd_tasks, prediction_tasks, training_tasks
from benchmarks.measure import TOLERANCES, best_product, measure
from benchmarks.peers import OWN, PEERS
from benchmarks.workers import PeerError, Worker

FULL = {"rounds": 7, "seconds": 0.2, "product": 2048, "minutes": 12.0}
QUICK = {"rounds": 3, "seconds": 0.05, "product": 1024, "minutes": 4.0}


def parse(arguments=None):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--only", action="append", metavar="SHAPE", help="as 784-30-10; may be repeated")
    add("--work", choices=("training", "many", "prediction"), help="leave out the others")
    add("--peers", metavar="A,B", help=f"of {', '.join(PEERS)}; all without it")
    add("--optimizer", choices=("sgd", "adam"), help="leave out the other")
    add("--threads", type=int, metavar="N", help="for every library; all cores without it")
    add("--dtype", choices=("float32", "float64"), default="float32")
    add("--shuffle", action="store_true", help="each library shuffles, in its own order")
    add("--rounds", type=int, metavar="N", help=f"{FULL['rounds']} without it")
    add("--seconds", type=float, metavar="S", help=f"of a round, {FULL['seconds']} without it")
    add("--minutes", type=float, metavar="M", help="fewer rounds where the rows would take longer")
    add("--quick", action="store_true", help="short rounds, few of them: noisy")
    add("--json", type=Path, metavar="FILE", help="write every figure")
    add(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="write the tables as a page; RESULTS.md where all are measured",
    )
    add("--plot", type=Path, metavar="FILE", help="measure and draw width and batch (.svg, .png)")
    add("--odd", action="store_true", help="odd widths, depths, batches, both dtypes instead")
    add("--sweep", action="store_true", help="look for cliffs in chainrule alone, nothing else")
    options = parser.parse_args(arguments)
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name, None) is None:
            setattr(options, name, value)
    _validate(parser, options)
    return options


def _validate(parser, options):
    cores = machine.available_cores()
    options.threads = options.threads or cores
    if not 1 <= options.threads <= cores:
        parser.error(f"--threads must be between 1 and {cores}, got {options.threads}")
    if options.rounds < 1 or options.seconds <= 0:
        parser.error("--rounds must be >= 1 and --seconds > 0")
    chosen = options.peers.split(",") if options.peers else list(PEERS)
    if unknown := set(chosen) - set(PEERS):
        parser.error(f"--peers: unknown {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    options.libraries = [name for name in PEERS if name in chosen or name in OWN]
    options.tasks = _tasks(options)
    parts = (options.only, options.work, options.peers, options.optimizer, options.quick,
             options.odd)  # fmt: skip
    if not any(parts) and not options.shuffle and options.dtype == "float32":
        options.markdown = options.markdown or Path(__file__).with_name("RESULTS.md")
    if not options.tasks:
        parser.error("no task fits --only and --work")


def _tasks(options):
    if options.odd:
        tasks = odd_tasks(options.quick)
    else:
        training = training_tasks(options.dtype, options.shuffle, options.quick)
        tasks = [*training, *prediction_tasks(options.dtype)]
    return [
        task
        for task in tasks
        if (not options.only or task.shape in options.only)
        and options.work in (None, task.kind)
        and options.optimizer in (None, getattr(task, "optimizer", None))
    ]


def _present(names, threads, console):
    """Return the workers whose libraries are installed; say why the others are missing."""
    workers = []
    for name in names:
        worker = Worker(name, threads)
        try:
            worker.ask("describe")
        except PeerError as reason:
            console.print(f"{name} left out: {reason}", style="yellow", highlight=False)
            worker.close()
        else:
            workers.append(worker)
    return workers


def _measured(workers, tasks, options, log, keep=lambda _: None):
    """Return the results; each task has its share of the time that is left for all."""
    results, end = [], time.monotonic() + 60 * options.minutes
    for i, task in enumerate(tasks):
        now = time.monotonic()
        deadline = now + (end - now) / (len(tasks) - i)
        results.append(measure(workers, task, options.rounds, options.seconds, deadline))
        log.print(report.line(results[-1]), style="dim", highlight=False, soft_wrap=True)
        keep(results)
    return results


def _curves(workers, options, log):
    from benchmarks.picture import curve_tasks, draw

    curves = {}
    for name, points in curve_tasks(options.dtype, options.quick).items():
        results = _measured(workers, [task for _, task in points], options, log)
        curves[name] = [(x, result) for (x, _), result in zip(points, results, strict=True)]
    draw(curves, options.plot)
    return curves


def _show(console, results, peak, legend):
    for kind in report.UNITS:
        made = report.table(results, kind, peak)
        if made is not None:
            console.print(made)
    for sentence in [*legend, *report.notes(results), *report.behind(results)]:
        console.print(f"• {sentence}", highlight=False)


def _write(options, results, curves, place, peak, library, legend, threads=()):
    if options.json:
        content = {
            "machine": place,
            "options": {name: getattr(options, name) for name in ("rounds", "seconds", "dtype")},
            "shuffle": options.shuffle,
            "best_library_product": {"multiply_adds_per_second": peak, "library": library},
            "results": [result.to_dict(peak) for result in results],
            "curves": {
                name: [{"at": x} | result.to_dict(peak) for x, result in points]
                for name, points in curves.items()
            },
        }
        options.json.write_text(json.dumps(content, indent=1) + "\n")
    if options.markdown:
        from benchmarks.page import page, sections_alone, with_section

        settings = f"up to {options.rounds} rounds of at least {options.seconds} s, {options.dtype}"
        settings += f", shuffled: {'yes' if options.shuffle else 'no'}"
        picture = options.plot.name if options.plot else None
        text = page(results, place, peak, legend, settings, picture, threads)
        kept = sections_alone(options.markdown.read_text()) if options.markdown.exists() else []
        for section in kept:
            text = with_section(text, section)
        options.markdown.write_text(text)


def _threads(options, console):
    """Return the section about threads where RESULTS.md is written."""
    if not options.markdown or options.only:
        return ()
    from benchmarks.threads import threads_section

    section = threads_section(options.dtype)
    console.print("\n".join(section), highlight=False)
    return section


def compare(options, console, log):
    """Measure all tasks, show and write the results; return whether every check held."""
    workers = _present(options.libraries, options.threads, log)
    try:
        place = machine.description(workers, options.threads)
        log.print(f"{place['processor']}, {place['threads']} threads", highlight=False)
        peak, library = best_product(workers, 3, options.product, options.dtype)
        legend = report.legend(peak, library, options.product, TOLERANCES)

        def keep(results, curves=None, threads=()):
            _write(options, results, curves or {}, place, peak, library, legend, threads)

        results = _measured(workers, options.tasks, options, log, keep)
        if peak and any(result.kind == "prediction" for result in results):
            legend += report.limits(results, peak, machine.memory_rate(), options.dtype)
        curves = _curves(workers, options, log) if options.plot else {}
    finally:
        for worker in workers:
            worker.close()
    _show(console, results, peak, legend)
    keep(results, curves, _threads(options, console))
    return not any(result.failures for result in results)


def main(arguments=None):
    """Run; the exit status is 1 if a library's result differs."""
    options = parse(arguments)
    machine.limit_threads(options.threads)
    console, log = Console(), Console(stderr=True)
    if not console.is_terminal:
        console = Console(width=140)
    if options.sweep:
        from benchmarks.sweep import sweep

        rows = sweep(console, options.threads, 3, 0.01, options.quick)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1) + "\n")
        return 0
    return 0 if compare(options, console, log) else 1


if __name__ == "__main__":
    sys.exit(main())
