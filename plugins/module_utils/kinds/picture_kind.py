# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of a kind of pictures, from its data."""

from __future__ import annotations

import typing as t

from ..model.field import Field
from ..model.kind import Guard, Related, Routes, Upload
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Support, Value, state_option, writable
from .downloads import dest_option
from .file_checksum import checksum_option
from .linked_file import file_name, without_query
from .picture import PictureKind
from .picture_exporter import PictureExporter
from .picture_lookup import PictureLookup
from .picture_planner import PicturePlanner
from .picture_reader import PictureReader
from .upload import SEARCH_PATH


def picture_kind(
    *,
    name: str,
    title: str,
    doc: tuple[str, ...],
    routes: Routes,
    link_key: str,
    fields: tuple[Field, ...],
    scope: tuple[str, ...] = (),
    has_file_name: bool = True,
    has_dest: bool = False,
    info_summary: str = "",
    guards: tuple[Guard, ...] = (),
    related: tuple[Related, ...] = (),
    options: tuple[Option, ...] = (),
    info_options: tuple[Option, ...] = (),
    seealso: tuple[str, ...] = (),
    **attributes: t.Any,
) -> PictureKind:
    """Return a kind of pictures, with a module and an _info module.

    ``doc`` is the purpose of the pictures. ``fields`` are their properties, without the ID, the name and the link.
    ``options``, ``info_options`` and ``seealso`` are added to those of the modules. With ``has_dest``, the _info module
    downloads pictures. ``info_summary`` replaces its short description. Other arguments are those of PictureKind.
    """
    plural = f"{name}s"
    titles = f"{title}s"
    all_fields = (
        Field(
            "id",
            f"ID of the {title}. Null in check mode if the task uploads the {title}.",
            writable=False,
            sample="9c1f7c0a-3f0e-4d4b-8b3e-2f1a6d5c4b3a",
        ),
        *((_name_field(title, link_key),) if has_file_name else ()),
        *fields,
        Field(
            "image_url",
            f"Link to the {title}, without the query that grants access.",
            api=link_key,
            normalize=without_query,
            writable=False,
            sample="https://storage.example.com/pictures/summer.png",
        ),
        Field("created_on", "Time of the upload.", writable=False, sample="2026-03-01T09:30:00Z"),
    )
    names = tuple(field.name for field in all_fields if field.writable and field.name in scope)
    selectors = ("name", "src") if has_file_name else names
    return PictureKind(
        name=name,
        title=title,
        plural=plural,
        routes=routes,
        fields=all_fields,
        link_key=link_key,
        scope=scope,
        has_file_name=has_file_name,
        label=(lambda row: file_name(row.get(link_key)) or str(row.get("id") or title)) if has_file_name else None,
        guards=guards,
        related=related,
        uploads=(Upload(option="src", key=link_key, name_option="name" if has_file_name else ""),),
        lookup=PictureLookup,
        planner=PicturePlanner,
        reader=PictureReader,
        exporter=PictureExporter,
        module=ModuleSpec(
            short_description=f"Manage Esper {titles}",
            description=(f"Uploads, replaces and deletes {titles}.", *doc),
            options=(
                state_option(title),
                Option(
                    "src",
                    (
                        f"Path of the {title} to upload, on the controller.",
                        *SEARCH_PATH,
                        f"If omitted, the {title} must exist unless O(state=absent).",
                        *_absent(title, has_file_name),
                    ),
                    type="path",
                ),
                *((_name_option(title),) if has_file_name else ()),
                Option(
                    "id",
                    (
                        f"ID of the {title}. The {title} must exist unless O(state=absent).",
                        f"With O(src), the {title} to replace if its bytes differ. The replacement has another ID. If"
                        " the task runs again, the module finds the replacement by its bytes.",
                    ),
                    identifier=True,
                ),
                checksum_option(title, "It must be a SHA-256 checksum. Ignored if O(compare_content=false)."),
                *writable(all_fields),
                Option(
                    "compare_content",
                    (
                        f"If V(true), the module downloads {titles} and compares their bytes with those of O(src).",
                        f"If V(false), a {title} {'with the name' if has_file_name else 'of the device model'} is never"
                        " replaced. Use this if Esper changes the bytes of pictures.",
                    ),
                    type="bool",
                    default=True,
                ),
                *options,
                *((_force_option(title),) if any(guard.option == "force" for guard in guards) else ()),
            ),
            rules={
                "required_one_of": [("id", *selectors)],
                **({"mutually_exclusive": [("id", "name")]} if has_file_name else {}),
            },
            sources=("src",),
            seealso=(f"{name}_info", *seealso),
        ),
        info_module=ModuleSpec(
            short_description=info_summary
            or f"{'List and download' if has_dest else 'Get information about'} Esper {titles}",
            description=(
                f"Returns one {title} by ID, or all {titles} that match the other options.",
                f"If no {title} matches, the list is empty.",
                *(("A download follows at most three redirects, and none from HTTPS to HTTP.",) if has_dest else ()),
            ),
            options=(
                Option("id", f"ID of a {title}.", identifier=True),
                *((Option("name", f"File name of the {titles}, case-sensitive.", identifier=True),) * has_file_name),
                *info_options,
                *{each.option.name: each.option for each in related}.values(),
                *((dest_option(titles, title, _DOWNLOADED),) if has_dest else ()),
            ),
            rules={
                "mutually_exclusive": [
                    ("id", each) for each in (*(("name",) * has_file_name), *(option.name for option in info_options))
                ]
            },
            returns=(_files(titles),) if has_dest else (),
            check_mode=Support("full", "Reads only, and predicts whether O(dest) changes.") if has_dest else READS_ONLY,
            diff_mode=NO_DIFF,
            platform="Where the module runs. It uses the API over HTTPS and writes only to O(dest)."
            if has_dest
            else "",
            seealso=(name,),
        ),
        **attributes,
    )


_DOWNLOADED = "Files with the same bytes are not written again. A replaced file keeps its mode."


def _absent(title: str, has_file_name: bool) -> tuple[str, ...]:
    """Return the sentence about the file of a picture to delete."""
    if not has_file_name:
        return ()
    return (
        f"If O(state=absent), the {title} with the name of the file is deleted. The file need not exist. If several"
        " have the name, its bytes select one. If none has the name, the picture with its bytes is deleted.",
    )


def _name_field(title: str, link_key: str) -> Field:
    return Field(
        "name",
        (
            f"File name of the {title}, from the end of its link.",
            "If it ends in an underscore and seven random letters and digits before the extension, which Esper can add,"
            " these are removed.",
        ),
        api=link_key,
        normalize=file_name,
        writable=False,
        sample="summer.png",
    )


def _name_option(title: str) -> Option:
    return Option(
        "name",
        (
            f"File name of the {title}, case-sensitive. Defaults to the name of the file in O(src).",
            "Slashes, backslashes, double quotes and control characters are not allowed.",
        ),
        identifier=True,
    )


def _force_option(title: str) -> Option:
    return Option(
        "force",
        f"If V(true), the {title} is replaced or deleted even if it is in use. If V(false), the task fails instead, and"
        " the error names the users.",
        type="bool",
        default=False,
    )


def _files(titles: str) -> Value:
    return Value(
        "files",
        f"Paths of the {titles} in O(dest), in the same order, including those that were not written again.",
        type="list",
        elements="str",
        returned="if O(dest) is set",
        sample=["/srv/signage/summer.png"],
    )
