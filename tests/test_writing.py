"""Files are written whole or not at all, where and as the user may write them."""

import os
import stat
from pathlib import Path

import pytest

import chainrule as cr
from chainrule import atomic
from chainrule.atomic import atomic_file
from chainrule.files import load, save


def network() -> cr.Network:
    return cr.Network([3, 5, 4], activation="tanh", loss="cross_entropy", seed=1)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with atomic_file(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """A power cut in the middle finds the old content at the path, and not half of the new."""
    path = tmp_path / "m"
    path.write_bytes(b"old")
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        assert Path(file.name).parent == tmp_path  # a rename within one folder is atomic
        assert file.name != str(path)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_the_rights_that_the_user_s_mask_leaves(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        save(network(), tmp_path / "m")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    save(network(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load(tmp_path / "real").spec == network().spec


@pytest.mark.parametrize(
    ("path", "message"),
    [("nowhere/m", "there is no folder 'nowhere'"), (".", "it is not a regular file")],
)
def test_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match=message):
        save(network(), path)


def test_a_part_that_another_save_took_for_stale_is_made_anew(tmp_path, monkeypatch):
    """Another process removes it between its opening and its lock."""
    taken = []

    def stolen(file):
        if not taken:
            taken.append(Path(file.name))
            taken[0].unlink()
        return locked(file)

    locked = atomic._locked
    monkeypatch.setattr(atomic, "_locked", stolen)
    with atomic_file(tmp_path / "m") as file:
        file.write(b"whole")
    assert taken
    assert (tmp_path / "m").read_bytes() == b"whole"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
