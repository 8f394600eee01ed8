"""A table in parts at the command line: trained, predicted, evaluated, gone on with."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from part_files import made, written

from chainrule import files

TABLE = made(4000, seed=3)
TRAIN = ["--target", "y", "--quality", "plain", "--epochs", "3", "--seed", "5"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("table") / "sales", TABLE)


def chainrule(*arguments, cwd, check=True, **options):
    command = [sys.executable, "-m", "chainrule", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120, **options
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def model(folder):
    done = chainrule("train", f"{folder}/*.parquet", *TRAIN, "--memory", "1GB", cwd=folder.parent)
    assert "4,000 rows" in done.stdout
    assert "GB in this process" in done.stdout
    assert "held-out rows" in done.stdout
    return folder.parent / "sales.safetensors"


def test_what_is_said_is_told_as_json(folder, tmp_path, model):
    done = chainrule("train", folder, *TRAIN, "--workers", "1", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert told["peak_memory"] > 0
    assert 0 <= told["waited"] <= 1
    ours, theirs = files.load(tmp_path / told["model"]), files.load(model)
    np.testing.assert_array_equal(ours.networks[0].w, theirs.networks[0].w)


@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
def test_predictions_are_those_of_the_table_in_memory(folder, tmp_path, model, name):
    pq.write_table(TABLE, tmp_path / "whole.parquet")
    options = ["--keep", "id", "--keep", "city", "--interval", "0.8"]
    chainrule("predict", model, folder, "-o", name, *options, cwd=tmp_path)
    chainrule("predict", model, "whole.parquet", "-o", f"whole-{name}", *options, cwd=tmp_path)
    if name.endswith(".csv"):
        assert (tmp_path / name).read_text() == (tmp_path / f"whole-{name}").read_text()
    else:
        ours, theirs = (pq.read_table(tmp_path / one) for one in (name, f"whole-{name}"))
        assert ours.equals(theirs)
        assert ours.num_rows == 4000


def test_predictions_go_to_stdout_as_csv(folder, tmp_path, model):
    lines = chainrule("predict", model, folder, cwd=tmp_path).stdout.splitlines()
    assert lines[0] == "prediction"
    assert len(lines) == 4001
    done = chainrule("predict", model, folder, "--json", cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs --output" in done.stderr


def test_a_model_is_evaluated(folder, tmp_path, model):
    pq.write_table(TABLE, tmp_path / "whole.parquet")
    ours = json.loads(chainrule("evaluate", model, folder, "--json", cwd=tmp_path).stdout)
    theirs = json.loads(
        chainrule("evaluate", model, "whole.parquet", "--json", cwd=tmp_path).stdout
    )
    assert ours["metrics"] == pytest.approx(theirs["metrics"])
    assert ours["baseline"] == pytest.approx(theirs["baseline"])
    assert ours["rows"] == theirs["rows"]


def test_a_process_that_is_killed_goes_on(folder, tmp_path):
    """Killed as soon as there is a checkpoint; then it goes on, from whatever that says."""
    train = ["train", folder, *TRAIN, "--epochs", "20", "--resume", "kept"]
    command = [sys.executable, "-m", "chainrule", *map(str, train)]
    for _ in range(2):
        seen = (tmp_path / "kept" / "checkpoint.safetensors", time.time_ns())
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
        while process.poll() is None and not newer(*seen):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    chainrule(*train, "-o", "cut.safetensors", cwd=tmp_path)
    chainrule(*train[:-2], "-o", "whole.safetensors", cwd=tmp_path)
    cut, whole = (files.load(tmp_path / f"{name}.safetensors") for name in ("cut", "whole"))
    np.testing.assert_array_equal(cut.networks[0].w, whole.networks[0].w)
    assert cut.report == whole.report


def newer(path, since):
    return path.exists() and path.stat().st_mtime_ns > since


def test_what_is_wrong_is_said_in_one_line(folder, tmp_path, refused):
    assert "no Parquet file is named nothing/*.parquet" in refused("train", "nothing/*.parquet")
    assert "memory must be a size as 2GB" in refused("train", folder, *TRAIN, "--memory", "lots")
    assert "needs a table in memory" in refused("train", folder, *TRAIN, "--held-out", "rows.csv")
    assert "are for tables of text" in refused("train", folder, *TRAIN, "--na", "-999")
    address = ("--ray", "127.0.0.1:1")
    assert "no Ray answers at 127.0.0.1:1" in refused("train", folder, *TRAIN, *address)
    broken = written(tmp_path / "broken", TABLE)
    pq.write_table(pa.table({"y": [1.0]}), broken / "part-1.parquet")
    assert "part-1.parquet lacks" in refused("train", broken, *TRAIN)


@pytest.fixture
def small_disk(tmp_path):
    """Return what makes a folder of its own disk, of so many bytes."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(size, *more):
        options = ",".join([f"size={size}", *more])
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this user can mount no disk")
        return disk

    yield mount
    subprocess.run(["umount", str(disk)], check=False, capture_output=True)


def test_a_full_disk_leaves_the_checkpoint_before(folder, tmp_path, small_disk):
    train = ["train", folder, *TRAIN, "--resume"]
    chainrule(*train, "kept", "-o", "whole.safetensors", cwd=tmp_path)
    kept = ["checkpoint.safetensors", "prepared.safetensors"]
    one, prepared = ((tmp_path / "kept" / name).stat().st_size for name in kept)
    disk = small_disk(prepared + 3 * one // 2)  # no room for a second one beside the first
    done = chainrule(*train, disk, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"can't write the checkpoint {disk}/{kept[0]} (No space left on" in done.stderr
    assert "that of step 1 is there" in done.stderr
    assert sorted(path.name for path in disk.iterdir()) == kept
    small_disk(prepared + 4 * one, "remount")
    chainrule(*train, disk, "-o", "cut.safetensors", cwd=tmp_path)
    cut, whole = (files.load(tmp_path / f"{name}.safetensors") for name in ("cut", "whole"))
    np.testing.assert_array_equal(cut.networks[0].w, whole.networks[0].w)
