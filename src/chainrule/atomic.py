"""Files that are written whole or not at all."""

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PART = ".part"
_LONGEST = 200  # bytes of a name, which with what is added must not be more than 255
_WRITTEN: deque[tuple[Path, int]] = deque(maxlen=16)  # and the inode


@contextlib.contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file whose content replaces ``path`` in one step, when all of it is on the disk.

    Raises
    ------
    OSError
        If it can't be written. On this and on any other exception nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "note.txt")
    >>> with atomic_file(path) as file:
    ...     _ = file.write(b"whole")
    >>> path.read_text()
    'whole'
    """
    target = writable(path)
    _remove_stale(target)
    file, temporary = _new_part(target)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            _WRITTEN.append((target, os.fstat(file.fileno()).st_ino))
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.filename is None and error.errno is not None:  # a full disk names no file
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def written() -> list[Path]:
    """Return the files that this process has put in their place, each whole.

    Examples
    --------
    >>> all(path.exists() for path in written())
    True
    """
    return [path for path, inode in _WRITTEN if path.exists() and path.stat().st_ino == inode]


def _prefix(target: Path) -> str:
    """Return how the names of a target's temporary files begin."""
    return f".{os.fsdecode(os.fsencode(target.name)[:_LONGEST])}."


def _new_part(target: Path) -> tuple[BinaryIO, Path]:
    """Return a new file beside a target, open and locked, and its path."""
    while True:
        path = target.with_name(f"{_prefix(target)}{os.urandom(4).hex()}{_PART}")
        file = path.open("xb")
        _locked(file)
        if os.fstat(file.fileno()).st_nlink:
            return file, path
        file.close()  # another process took it for stale, before the lock


def _remove_stale(target: Path) -> None:
    """Remove what killed processes have left beside a target; one that still writes has a lock."""
    for left in target.parent.iterdir():
        if not (left.name.startswith(_prefix(target)) and left.name.endswith(_PART)):
            continue
        with contextlib.suppress(OSError), left.open("rb") as file:
            if _locked(file):
                left.unlink()


def _locked(file: BinaryIO) -> bool:
    """Whether this process now has the lock of a file; without locks there is none to have."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def writable(path: str | Path) -> Path:
    """Return the file that a path leads to, where one can be written.

    Raises
    ------
    OSError
        If there is no such folder, it takes no files, or something else than a file is there.

    Examples
    --------
    >>> writable("nowhere/model.safetensors")
    Traceback (most recent call last):
    ...
    OSError: can't write nowhere/model.safetensors: there is no folder 'nowhere'
    """
    target = Path(os.path.realpath(path))
    with contextlib.suppress(FileNotFoundError):
        os.lstat(target)  # a name too long
    if target.exists() and not target.is_file():
        raise OSError(f"can't write {path}: it is not a regular file")
    if not target.parent.is_dir():
        raise OSError(f"can't write {path}: there is no folder {str(Path(path).parent)!r}")
    if not os.access(target.parent, os.W_OK):
        raise OSError(f"can't write {path}: its folder takes no files from this user")
    return target


def _sync_folder(folder: Path) -> None:
    """Put the new name on the disk, where the system can open a folder."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
