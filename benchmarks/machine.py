"""Where the figures were taken: processor, cores, versions; and the threads that all may use."""

import math
import os
import platform
import sys
import time
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def available_cores():
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_threads(threads):
    """Give this process, and those it will start, so many threads and no more.

    Variables for OpenMP and BLAS, and where the system can, cores: XLA has no other limit.
    A forced OpenBLAS kernel is dropped, so that the peers get the one of this processor.
    """
    os.environ.pop("OPENBLAS_CORETYPE", None)
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    if hasattr(os, "sched_setaffinity") and threads < available_cores():
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def memory_rate():
    """Return the bytes a second at which this machine reads what is in no cache, 256 MB."""
    import numpy as np

    x = np.ones(1 << 26, dtype=np.float32)
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        np.dot(x, x)
        best = min(best, time.perf_counter() - start)
    return x.nbytes / best


def processor():
    """Return the processor's name, and its widest vectors where the system says."""
    name, flags = platform.processor() or platform.machine(), set()
    info = Path("/proc/cpuinfo")
    if info.exists():
        fields = dict(
            (part.strip() for part in line.split(":", 1))
            for line in info.read_text().splitlines()
            if ":" in line
        )
        name, flags = fields.get("model name", name), set(fields.get("flags", "").split())
    vectors = [label for label, flag in (("AVX-512", "avx512f"), ("AVX2", "avx2")) if flag in flags]
    return f"{name} ({vectors[0]})" if vectors else name


def description(workers, threads):
    """Return what a reader needs to judge the figures."""
    versions, kernels = {}, {}
    for worker in workers:
        answer = worker.ask("describe")
        versions |= answer["versions"]
        kernels[worker.name] = sorted({_pool_name(pool) for pool in answer["pools"]})
    return {
        "processor": processor(),
        "cores": available_cores(),
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
        "thread_pools": kernels,
        "command": command(),
    }


def _pool_name(pool):
    parts = [pool.get(key) for key in ("internal_api", "version", "architecture")]
    return " ".join(str(part) for part in parts if part)


def command():
    """Return the command that was given, without the name of any folder above."""
    return " ".join(["python -m benchmarks.run", *sys.argv[1:]])
