"""A table in parts: Parquet files of one schema, read group by group in bounded memory."""

from __future__ import annotations

import fnmatch
import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import numpy as np
import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq

from chainrule.tables.errors import TableError, listed
from chainrule.tables.parquet_files import PARQUET_SUFFIXES, in_plain_types, index_of
from chainrule.tables.table import Table

if TYPE_CHECKING:  # where it is used, it is imported: it brings pandas, where there is one
    import pyarrow.dataset as ds

BATCH_ROWS = 65_536
_WILD = "*?["
_NEAR, _FAR = 1 << 16, 1 << 20  # bytes of a column that are asked for at a time, by a network more
_READING = 1 << 21  # bytes of a column while it is read: a page of it, and its dictionary


class Stamp(NamedTuple):
    """By what one sees that a file has changed: its bytes, and when it was written (ns)."""

    size: int
    mtime: int


class Group(NamedTuple):
    """A row group: the number of its part, its own in there, its rows, and bytes to read these."""

    part: int
    number: int
    rows: int
    reading: int


@dataclass(frozen=True)
class Parts:
    """A table in parts, of which only the schema and the numbers of rows are in memory.

    Parameters
    ----------
    name : str
        What messages call the whole.
    paths : tuple of str
        Of each part, in their file system, in the order of the alphabet.
    filesystem : pyarrow.fs.FileSystem
    schema : pyarrow.Schema
        Of every part; with the columns that the names of folders tell.
    expressions : tuple
        What the folders of each part tell of its columns.
    stamps : tuple of Stamp
    groups : tuple of Group
    """

    name: str
    paths: tuple[str, ...]
    filesystem: fs.FileSystem = field(repr=False)
    schema: pa.Schema = field(repr=False)
    expressions: tuple[Any, ...] = field(repr=False)
    stamps: tuple[Stamp, ...] = field(repr=False)
    groups: tuple[Group, ...] = field(repr=False)

    @property
    def n_rows(self) -> int:
        """Rows of all parts."""
        return sum(group.rows for group in self.groups)

    @property
    def reading(self) -> int:
        """Bytes that it takes to read a group, of whichever it takes most."""
        return max(group.reading for group in self.groups)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [str(name) for name in self.schema.names]

    def __contains__(self, name: str) -> bool:
        return name in self.names

    @property
    def short_name(self) -> str:
        """The name without its folders; of a pattern, with the last one."""
        path = PurePath(self.name)
        return "/".join(path.parts[-2:]) if {"*", "?"} & {*path.name} else path.name

    @property
    def index(self) -> tuple[str, ...]:
        """The columns that are the index of the DataFrame that was written."""
        return index_of(self.schema)

    def about(self) -> dict[str, Any]:
        """Return by what one knows the same parts again, as JSON can hold it."""
        return {
            "parts": len(self.paths),
            "rows": self.n_rows,
            "files": [
                [PurePath(path).name, *stamp]
                for path, stamp in zip(self.paths, self.stamps, strict=True)
            ],
        }

    def empty(self) -> Table:
        """Return a table of the same columns without rows."""
        return Table(self.name, self.schema.empty_table(), typed=True, index=self.index)

    def tables(
        self, group: int, columns: Sequence[str], first: int = 0, batch_rows: int = BATCH_ROWS
    ) -> Iterator[Table]:
        """Yield the rows of a group from one on, some at a time; text as a dictionary of it.

        Raises
        ------
        TableError
            If the part is gone, damaged, or no longer what it was.
        """
        part, number, rows, _ = self.groups[group]
        self._require_unchanged(part)
        before = (each for each in self.groups if each.part == part and each.number < number)
        place = sum(each.rows for each in before)
        try:
            at = 0
            for batch in self._batches(part, number, columns, batch_rows):
                skipped = min(max(first - at, 0), batch.num_rows)
                where = np.arange(place + at + skipped, place + at + batch.num_rows)
                at += batch.num_rows
                if where.size:
                    data = in_plain_types(batch.slice(skipped))
                    yield Table(self.paths[part], data, typed=True, rows=where, index=self.index)
        except (MemoryError, PermissionError):
            raise
        except (pa.ArrowException, OSError) as error:
            self._require_unchanged(part)
            raise damaged(self.paths[part]) from error
        if at != rows:
            raise TableError(f"{self.paths[part]} changed: expected {rows} rows in group {number}")

    def _batches(
        self, part: int, number: int, columns: Sequence[str], batch_rows: int
    ) -> Iterator[pa.Table]:
        """Yield the rows of a group page by page; a Dataset would have all of them in memory."""
        import pyarrow.dataset as ds

        of_folders = ds.get_partition_keys(self.expressions[part])
        wanted = pa.schema([self._as_read.field(name) for name in columns])
        texts = [one.name for one in self.schema if _is_text(one.type)]
        with pq.ParquetFile(
            self.paths[part], filesystem=self.filesystem, read_dictionary=texts,
            pre_buffer=False, buffer_size=_NEAR if self._is_local else _FAR,
        ) as file:  # fmt: skip
            names = [name for name in columns if name not in of_folders]
            for batch in file.iter_batches(batch_rows, [number], names, use_threads=False):
                found = [
                    pa.repeat(pa.scalar(of_folders[name]), batch.num_rows)
                    if name in of_folders
                    else batch.column(name)
                    for name in columns
                ]
                yield pa.Table.from_arrays(found, list(columns)).cast(wanted)

    @property
    def _is_local(self) -> bool:
        return isinstance(self.filesystem, fs.LocalFileSystem)

    @cached_property
    def _as_read(self) -> pa.Schema:
        """The columns and their types; of text each different one once."""
        read = pa.dictionary(pa.int32(), pa.string())
        return pa.schema(
            [one.with_type(read) if _is_text(one.type) else one for one in self.schema]
        )

    def _require_unchanged(self, part: int) -> None:
        path = self.paths[part]
        now = _stamp(self.filesystem, path)
        if now is None:
            raise TableError(f"{path} is gone; it was there when the parts were looked at")
        if now != self.stamps[part]:
            raise TableError(
                f"{path} changed since the parts were looked at: it had {self.stamps[part].size:,} "
                f"bytes, and has {now.size:,} or was written again; begin anew with what is there"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}


def is_in_parts(source: object) -> bool:
    """Return whether a source is a table in parts: a folder, a pattern, a URI, a Dataset.

    Examples
    --------
    >>> is_in_parts("parts/*.parquet"), is_in_parts("iris.csv")
    (True, False)
    """
    if isinstance(source, Parts) or _is_dataset(source):
        return True
    if not isinstance(source, str | os.PathLike):
        return False
    text = os.fspath(source)
    return Path(text).is_dir() or "://" in text or _is_wild(text)


def parts_of(source: object) -> Parts:
    """Return a table in parts, each of which has been looked at.

    Parameters
    ----------
    source : str, Path, list of str, pyarrow.dataset.Dataset or Parts
        A Parquet file, a folder of such (also in folders named ``column=value``), a pattern with
        ``*``, or any of these as a URI that Arrow opens, as ``s3://bucket/parts``.

    Raises
    ------
    TableError
        If there are none, one is damaged, has other columns or types, or there are no rows.
    """
    if isinstance(source, Parts):
        return source
    if _is_dataset(source):
        return _of_dataset(source, "the dataset")
    import pyarrow.dataset as ds

    given: list[Any] = source if isinstance(source, list) else [source]
    names = [str(os.fspath(one)) for one in given]
    filesystem, paths = _found(names)
    name = names[0] if len(names) == 1 else f"{len(names)} files"
    if not paths:
        raise TableError(f"no Parquet file is named {name}; expected a folder, a pattern or a file")
    folders = ds.partitioning(flavor="hive")
    root = os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120 (of any system)
    try:
        dataset = ds.dataset(
            paths, format="parquet", filesystem=filesystem, partitioning=folders,
            partition_base_dir=root,
        )  # fmt: skip
    except (pa.ArrowException, OSError) as error:
        raise damaged(paths[0]) from error
    return _of_dataset(dataset, name)


def damaged(path: str) -> TableError:
    """Return the error of a part that can't be read."""
    return TableError(
        f"{path} is not a whole Parquet file (truncated or damaged); copy it or write it again"
    )


def in_text(table: Table) -> Table:
    """Return a table whose dictionaries of text are written out."""
    coded = {
        name: column.cast(column.type.value_type)
        for name in table.names
        if pa.types.is_dictionary((column := table.column(name)).type)
    }
    return table.with_columns(coded) if coded else table


def _is_dataset(source: object) -> TypeGuard[ds.Dataset]:
    """Return whether it is one; who has one has imported where they come from."""
    module = sys.modules.get("pyarrow.dataset")
    return module is not None and isinstance(source, module.Dataset)


def _of_dataset(dataset: ds.Dataset, name: str) -> Parts:
    import pyarrow.dataset as ds

    fragments = sorted(dataset.get_fragments(), key=lambda one: str(getattr(one, "path", "")))
    if not fragments or not all(isinstance(one, ds.ParquetFileFragment) for one in fragments):
        raise TableError(f"{name}: expected a dataset of Parquet files")
    schema, groups, stamps = dataset.schema, [], []
    first = None
    for part, fragment in enumerate(fragments):
        stamp = _stamp(fragment.filesystem, fragment.path)
        if stamp is None:
            raise TableError(f"{fragment.path} is gone, or no file")
        try:
            metadata = pq.read_metadata(fragment.path, filesystem=fragment.filesystem)
        except PermissionError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise damaged(fragment.path) from error
        first = first or (fragment.path, metadata.schema.to_arrow_schema())
        _require_same(fragment.path, metadata.schema.to_arrow_schema(), *first)
        stamps.append(stamp)
        for k in range(metadata.num_row_groups):
            group = metadata.row_group(k)
            reading = min(group.total_byte_size, _READING * group.num_columns)
            groups.append(Group(part, k, group.num_rows, reading))
    if not sum(group.rows for group in groups):
        raise TableError(f"{name} has no rows in {len(fragments)} parts; expected at least one")
    return Parts(
        name,
        tuple(fragment.path for fragment in fragments),
        fragments[0].filesystem,
        schema,
        tuple(fragment.partition_expression for fragment in fragments),
        tuple(stamps),
        tuple(groups),
    )


def _require_same(path: str, schema: pa.Schema, other: str, expected: pa.Schema) -> None:
    """Refuse a part that has other columns, or other types of these, than the first one."""
    found, wanted = ({one.name: one.type for one in each} for each in (schema, expected))
    lacking, more = [k for k in wanted if k not in found], [k for k in found if k not in wanted]
    what = ""
    if lacking or more:
        what = (
            f"lacks {listed(map(repr, lacking))}" if lacking else f"has {listed(map(repr, more))}"
        )
        what += f", which {other} {'has' if lacking else 'lacks'}"
    elif different := [name for name in wanted if found[name] != wanted[name]]:
        name = different[0]
        what = f"has {found[name]} in column {name!r}, and {other} has {wanted[name]}"
    if what:
        raise TableError(f"{path} {what}; write all parts with the same columns")


def _stamp(filesystem: fs.FileSystem, path: str) -> Stamp | None:
    info = filesystem.get_file_info(path)
    return Stamp(info.size, info.mtime_ns or 0) if info.is_file else None


def _is_wild(name: str) -> bool:
    return any(sign in name for sign in _WILD) and not Path(name).exists()


def _found(names: Sequence[str]) -> tuple[fs.FileSystem, list[str]]:
    """Return the file system, and the paths of all that is named, sorted."""
    if not any("://" in name for name in names):
        local = fs.LocalFileSystem()
        found = [path for name in names for path in _local(name)]
        return local, sorted(dict.fromkeys(found))
    if len(names) > 1:
        raise TableError("expected one URI, or paths of files")
    name = names[0]
    base = (
        name[: min(name.index(sign) for sign in _WILD if sign in name)] if _is_wild(name) else name
    )
    base = base.rpartition("/")[0] if base != name else base
    try:
        filesystem, path = fs.FileSystem.from_uri(base)
        pattern = path + name.removeprefix(base)
        infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(f"{name} can't be opened: {str(error).splitlines()[0]}") from error
    files = [one.path for one in infos if one.is_file]
    wanted = [one for one in files if pattern == path or fnmatch.fnmatch(one, pattern)]
    return filesystem, sorted(filter(_is_part, wanted))


def _local(name: str) -> list[str]:
    path = Path(name)
    if path.is_dir():
        return [str(one) for one in path.rglob("*") if one.is_file() and _is_part(str(one))]
    if path.exists():
        if path.suffix.lower() not in PARQUET_SUFFIXES:
            raise TableError(f"{name} is no Parquet file; a table in parts is Parquet files")
        return [name]
    return [one for one in glob.glob(name, recursive=True) if Path(one).is_file()]  # noqa: PTH207


def _is_part(path: str) -> bool:
    """Return whether a file of a folder is a part: not what other programs leave beside them."""
    name = PurePath(path)
    hidden = any(one.startswith((".", "_")) for one in name.parts[-1:])
    return name.suffix.lower() in PARQUET_SUFFIXES and not hidden


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
