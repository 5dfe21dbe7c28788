# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices with values of their own: the items of a list, or the rows of a CSV file.

A value that is empty is the same as one that is omitted, because the empty cells of a CSV file are empty texts.
"""

from __future__ import annotations

import csv
import functools
import io
import typing as t
from pathlib import Path

from ..base.errors import EsperError, InvalidParameter
from ..base.row import Params, Row
from ..base.text import counted, did_you_mean
from ..base.text_file import read_text
from ..model.module_spec import Option
from .device_batch import Desired, DeviceTarget

_TAG_LISTS = ("tags", "add_tags", "remove_tags")
_COLUMNS = ("device", "alias", "group", *_TAG_LISTS)
# The separators of columns, which the header of a file shows.
_DELIMITERS = (",", ";", "\t")

_name = functools.partial(Option, identifier=True, may_be_blank=True)

ASSIGNMENTS = Option(
    "assignments",
    (
        "Devices with their own alias, group and tags. An empty list changes nothing.",
        "Empty values are the same as omitted ones, so the rows of a CSV file can have empty cells. List each device"
        " once.",
    ),
    type="list",
    elements="dict",
    options=(
        _name("device", "Device by name, alias, serial number or ID."),
        Option("alias", "Alias of the device."),
        _name("group", "Device group of the device, as in O(group)."),
        _name(
            "tags", "Tags of the device, as in O(tags). An empty list removes all tags.", type="list", elements="str"
        ),
        _name("add_tags", "Tags to add, as in O(add_tags).", type="list", elements="str"),
        _name("remove_tags", "Tags to remove, as in O(remove_tags).", type="list", elements="str"),
    ),
)
SRC = Option(
    "src",
    (
        "CSV file with the items of O(assignments), in UTF-8. The first line has the names of the columns: C(device),"
        " C(alias), C(group), C(tags), C(add_tags) and C(remove_tags), in any order.",
        "The columns are separated by commas, semicolons or tabs, and the tags in a cell by commas. Empty cells change"
        " nothing.",
        "Other columns are an error, unless O(columns) is set.",
    ),
    type="path",
)
COLUMNS = Option(
    "columns",
    (
        "Names of the columns in O(src), for a file with other names. The keys are those of O(assignments), for example"
        " V({device: Serial number, group: Store}).",
        "The module ignores all other columns of the file. Requires O(src).",
    ),
    type="dict",
    texts_by_name=True,
)


def targets_of(params: Params) -> list[DeviceTarget]:
    """Return the devices of the options ``assignments`` or ``src``, which are yet to be found. Raise InvalidParameter
    if the file is invalid."""
    if params["assignments"] is not None:
        return [_target(f"assignments[{index}]", item) for index, item in enumerate(params["assignments"])]
    return _targets_in(Path(params["src"]), params["columns"])


def _target(option: str, item: t.Mapping[str, t.Any], error: EsperError | None = None) -> DeviceTarget:
    lists = {name: _texts(item.get(name)) for name in _TAG_LISTS}
    if error is None and lists["tags"] is not None and (lists["add_tags"] or lists["remove_tags"]):
        error = InvalidParameter("The option tags cannot be combined with add_tags or remove_tags.")
    desired = Desired(
        alias=_text(item.get("alias")),
        group=_text(item.get("group")),
        tags=lists["tags"],
        add_tags=lists["add_tags"] or (),
        remove_tags=lists["remove_tags"] or (),
    )
    return DeviceTarget({}, desired, option, _text(item.get("device")) or "", error)


def _text(value: t.Any) -> str | None:
    """Return a text without whitespace around it, None if it is empty."""
    return None if value is None else str(value).strip() or None


def _texts(values: t.Sequence[t.Any] | None) -> list[str] | None:
    """Return the texts of a list, None if it has empty texts only, such as that of an empty cell."""
    if values is None:
        return None
    texts = [str(value).strip() for value in values]
    return None if texts and not any(texts) else texts


# --- CSV files --------------------------------------------------------------------------------------------------------


def _targets_in(path: Path, columns: Row | None) -> list[DeviceTarget]:
    # A file of Excel starts with a byte order mark.
    text = read_text(str(path)).removeprefix("\ufeff")
    header = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    # With an invalid quote, a reader that is not strict takes the rest of the file as one cell.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    targets = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if names is None:
                names = _checked_header(path, [cell.strip() for cell in cells], columns)
                continue
            targets.append(_target_of(f"{path.name} line {reader.line_num}", names, cells))
    except csv.Error as error:
        raise InvalidParameter(f"The file '{path}' is not valid CSV: line {reader.line_num}: {error}.") from None
    if names is None:
        raise InvalidParameter(f"The file '{path}' is empty. Its first line must have the names of the columns.")
    return targets


def _checked_header(path: Path, header: list[str], columns: Row | None) -> list[str]:
    """Return the option of each column, "" for columns to ignore. Raise InvalidParameter if a column is missing,
    unknown or listed twice."""
    if columns is None:
        names = [name.lower() for name in header]
        unknown = [name for name in names if name not in _COLUMNS]
        if unknown:
            raise InvalidParameter(f"The file '{path}' has {_unknown(unknown)} Set columns to ignore other columns.")
    else:
        options = {str(name).strip(): str(option) for option, name in columns.items()}
        if invalid := [str(option) for option in columns if option not in _COLUMNS]:
            raise InvalidParameter(f"The option columns has {_unknown(invalid, 'keys')}")
        if missing := [name for name in options if name not in header]:
            near = _closest(missing[0], header)
            raise InvalidParameter(f"The file '{path}' has no column '{missing[0]}'. {near}")
        names = [options.get(name, "") for name in header]
    used = [name for name in names if name]
    if double := next((name for name in used if used.count(name) > 1), None):
        raise InvalidParameter(f"The file '{path}' has several columns for '{double}'. Keep one of them.")
    if "device" not in used:
        raise InvalidParameter(f"The file '{path}' has no column 'device'. Its first line must have the column names.")
    if len(used) == 1:
        raise InvalidParameter(f"The file '{path}' has no column but 'device'. Add {', '.join(_COLUMNS[1:])}.")
    return names


def _unknown(names: list[str], noun: str = "columns") -> str:
    quoted = ", ".join(f"'{name}'" for name in names)
    return f"unknown {noun} {quoted}. {_closest(names[0], _COLUMNS)}"


def _closest(name: str, valid: t.Sequence[str]) -> str:
    return did_you_mean(name, valid) or f"Valid names: {', '.join(valid)}."


def _target_of(option: str, names: list[str], cells: list[str]) -> DeviceTarget:
    error = None
    if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
        error = InvalidParameter(
            f"The line has {counted(len(cells), 'cell')}, but the first line has {len(names)}. Quote a cell that"
            " contains the separator, such as several tags."
        )
    item: Row = {name: cell for name, cell in zip(names, cells, strict=False) if name}
    lists = {name: item[name].split(",") for name in _TAG_LISTS if name in item}
    return _target(option, {**item, **lists}, error)
