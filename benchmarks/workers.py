"""A process for each library, asked over a pipe, so that thread pools don't disturb each other."""

import gc
import math
import multiprocessing
import signal
import time
import warnings
from contextlib import suppress

from benchmarks.peers import load


class PeerError(Exception):
    """The library could not do what was asked; the message is the reason."""


class Service:
    """The library's side: does what the parent asks, and times it itself."""

    def __init__(self, name, threads):
        self.peer = load(name, threads)
        self.task = None
        self.repeats = 1

    def describe(self):
        """Return versions, and the BLAS kernels in this process."""
        from threadpoolctl import threadpool_info

        kept = ("internal_api", "version", "architecture", "threading_layer", "num_threads")
        pools = [{key: pool[key] for key in kept if key in pool} for pool in threadpool_info()]
        return {"versions": self.peer.versions(), "pools": pools}

    def start(self, task):
        """Prepare a task; return the seconds it took, compilation and first call included."""
        self.task = task
        start = time.perf_counter()
        getattr(self.peer, f"start_{task.kind}")(task)
        return time.perf_counter() - start

    def trained(self, epochs):
        """Return (weights, biases) after so many epochs, and why they can't be compared, or ''."""
        self.peer.reset()
        self.peer.train(epochs)
        return *self.peer.parameters(), self.peer.incomparable

    def predicted(self, rows):
        """Return the outputs of the first rows."""
        import numpy as np

        return np.array(self.peer.predict()[:rows])

    def calibrate(self, seconds):
        """Choose how many epochs or calls make a round of at least so many seconds."""
        self.repeats = 1
        while (took := self._timed()) < seconds:
            more = seconds / max(took, 1e-9) * 1.05
            self.repeats = math.ceil(self.repeats * min(more, 100))
        return self.repeats

    def round(self):
        """Return the seconds of one step or one call."""
        return self._timed() / (self.repeats * self.task.units)

    def _timed(self):
        training = self.task.kind != "prediction"
        if training:
            self.peer.reset()
        gc.collect()
        gc.disable()
        start = time.perf_counter()
        if training:
            self.peer.train(self.repeats)
        else:
            predict = self.peer.predict
            for _ in range(self.repeats):
                predict()
        seconds = time.perf_counter() - start
        gc.enable()
        return seconds

    def finish(self):
        """Let go of the task's arrays."""
        kept = {k: v for k, v in vars(self.peer).items() if k in ("threads", "asked")}
        self.peer.__dict__.clear()
        self.peer.__dict__.update(kept)
        gc.collect()

    def product_rate(self, size, dtype):
        """Return the multiply-adds per second of one large matrix product, or None."""
        multiply = self.peer.product(size, dtype)
        if multiply is None:
            return None
        multiply()
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            multiply()
            seconds.append(time.perf_counter() - start)
        return size**3 / min(seconds)


def serve(connection, name, threads):
    """Answer the parent until it closes the pipe, or is gone."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    with suppress(EOFError, OSError):
        try:
            service = Service(name, threads)
        except ImportError as error:
            connection.send((False, f"not installed: {error}"))
            return
        connection.send((True, None))
        while True:
            method, arguments = connection.recv()
            connection.send(_answer(service, method, arguments))


def _answer(service, method, arguments):
    """Return (True, answer), or (False, why there is none)."""
    try:
        return True, getattr(service, method)(*arguments)
    except Exception as error:  # whatever a library raises is its reason
        lines = str(error).strip().splitlines() or [""]
        return False, f"{type(error).__name__}: {lines[0][:200]}"


class Worker:
    """The parent's side of one library's process; started when first asked, and after a failure."""

    def __init__(self, name, threads):
        self.name = name
        self.threads = threads
        self.process = None

    def _start(self):
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(
            target=serve, args=(other, self.name, self.threads), daemon=True
        )
        self.process.start()
        other.close()
        self._receive(120)

    def _receive(self, limit):
        if not self.connection.poll(limit):
            self.close()
            raise PeerError(f"no answer in {limit:.0f} s")
        try:
            fine, answer = self.connection.recv()
        except (EOFError, OSError):
            raise self._died() from None
        if not fine:
            raise PeerError(answer)
        return answer

    def ask(self, method, *arguments, limit=300.0):
        """Return the library's answer.

        Raises
        ------
        PeerError
            If it raised, died or took longer than the limit in seconds.
        """
        if self.process is None:
            self._start()
        try:
            self.connection.send((method, arguments))
        except OSError:
            raise self._died() from None
        return self._receive(limit)

    def _died(self):
        self.process.join(1)
        code = self.process.exitcode
        self.close()
        return PeerError(f"its process died (exit code {code})")

    def close(self):
        """End the process."""
        if self.process is not None:
            self.connection.close()
            self.process.join(1)
            if self.process.is_alive():
                self.process.terminate()
            self.process = None
