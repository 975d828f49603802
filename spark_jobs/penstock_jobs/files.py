"""File operations on checkpoints and table logs. Local paths; kept few, so that other file systems can follow."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def list_names(folder: str) -> list[str]:
    """Names in a folder, sorted; none when the folder does not exist."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths
    except FileNotFoundError:
        return []


def exists(path: str) -> bool:
    """Whether something lies at this path."""
    return Path(path).exists()


def read_text(path: str) -> str:
    """The whole file as UTF-8 text. Raises FileNotFoundError."""
    return Path(path).read_text(encoding="utf-8")


def size(path: str) -> int:
    """Bytes of a file. Raises FileNotFoundError."""
    return Path(path).stat().st_size


def modified_ms(path: str) -> int:
    """When the file was last written, in milliseconds since 1970. Raises FileNotFoundError."""
    return Path(path).stat().st_mtime_ns // 1_000_000


def touch(path: str) -> None:
    """Make an empty file there, or mark the one there as written now."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).touch()


def create_exclusive(path: str, text: str) -> bool:
    """Create the file with this text; False when it exists. Of any number of racers exactly one gets True."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return True


def write_text(path: str, text: str) -> None:
    """Write a file of UTF-8 text, with the folders above it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def move(path: str, target: str) -> None:
    """Give a file or a folder another place on the same disk; nothing may lie there."""
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(path).rename(target)


def free_bytes(folder: str) -> int:
    """Free bytes of the disk that a folder is on, or will be on."""
    place = Path(folder)
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def remove_folder(path: str) -> None:
    """Remove a folder and all in it if it is there."""
    shutil.rmtree(path, ignore_errors=True)


def remove(path: str) -> None:
    """Remove a file if it is there."""
    Path(path).unlink(missing_ok=True)
