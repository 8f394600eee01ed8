"""A fit that was stopped anywhere goes on to the same bits."""

import errno
import json
import os
import subprocess
import sys

import going_on
import numpy as np
import pytest
from going_on import ABOUT, StoppedError, new_fit, run
from rows_in_memory import SOURCE, fitted, network, order_of

from chainrule.distributed.checkpoint import CheckpointError, Checkpoints
from chainrule.distributed.fit import Fit, Held
from chainrule.theory.optimizers import AdamW
from chainrule.training.stopping import EarlyStopping


@pytest.mark.parametrize("stops", [(1,), (32, 33), (5, 40, 64, 90)])
@pytest.mark.parametrize("judged", [False, True])
def test_a_fit_that_was_stopped_has_the_same_bits(tmp_path, stops, judged):
    options = {}
    if judged:
        held = Held(SOURCE, SOURCE.rows[:50])
        options = {"held": held, "early_stopping": EarlyStopping(patience=2)}
    whole = new_fit(**options)
    run(whole, tmp_path / "whole", 1)
    for workers, stop in enumerate(stops, 2):
        with pytest.raises(StoppedError):
            run(new_fit(**options), tmp_path / "cut", workers, until=stop)
    cut = new_fit(**options)
    run(cut, tmp_path / "cut", 1)
    np.testing.assert_array_equal(cut.losses, whole.losses)
    assert cut.validation_losses == whole.validation_losses
    np.testing.assert_array_equal(cut.network.parameters.theta, whole.network.parameters.theta)


def test_a_fit_that_is_over_takes_no_step(tmp_path):
    run(new_fit(), tmp_path, 1)
    again = new_fit()
    run(again, tmp_path, 1, until=again.steps)  # would raise
    assert again.stopped == "epochs"


def test_another_fits_checkpoint_is_refused(tmp_path):
    fit = fitted(1)
    Checkpoints(tmp_path, ABOUT).keep(fit, now=True)
    other = Checkpoints(tmp_path, {"data": "made", "options": {"epochs": 4}})
    with pytest.raises(
        CheckpointError, match=r"another fit: fit\.options.epochs should be 4, got 3"
    ):
        other.go_on(new_fit())


@pytest.mark.parametrize("damage", ["cut", "flipped", "strange", "shape"])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    keeper = Checkpoints(tmp_path, ABOUT)
    keeper.keep(fitted(1), now=True)
    path = tmp_path / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[:-9]
    elif damage == "flipped":
        content[-9] ^= 1
    elif damage == "strange":
        content = bytearray(b"a table, perhaps")
    path.write_bytes(content)
    fit = Fit(network(activation="relu") if damage != "shape" else wider(), AdamW(), order_of(), 3)
    with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors"):
        keeper.go_on(fit)


def wider():
    from chainrule.training.network import Network

    return Network([5, 18, 2])


def test_a_full_disk_names_the_folder_and_keeps_what_was_there(tmp_path, monkeypatch):
    keeper = Checkpoints(tmp_path, ABOUT, seconds=0.0)
    fit = new_fit()
    with pytest.raises(StoppedError):
        run(fit, tmp_path, 1, until=3)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    fit.step = 4
    with monkeypatch.context() as context:
        context.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(full))
        with pytest.raises(OSError, match=r"checkpoint\.safetensors \(No space left on device\)"):
            keeper.keep(fit, now=True)
    assert keeper.failed
    there = new_fit()
    assert Checkpoints(tmp_path, ABOUT).go_on(there)
    assert there.step == 3


def test_a_process_that_is_killed_goes_on(tmp_path):
    for step in (7, 50):
        command = [sys.executable, going_on.__file__, str(tmp_path), str(step)]
        done = subprocess.run(command, check=False, timeout=120)
        assert done.returncode == -9
    cut, whole = new_fit(), new_fit()
    assert Checkpoints(tmp_path, ABOUT).go_on(cut)
    assert 0 < cut.step <= 50
    run(cut, tmp_path, 1)
    run(whole, tmp_path / "whole", 1)
    assert json.dumps(cut.losses.tolist()) == json.dumps(whole.losses.tolist())
    np.testing.assert_array_equal(cut.network.parameters.theta, whole.network.parameters.theta)
