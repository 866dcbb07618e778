"""Reads botocore's service descriptions, once for all sessions and several times faster than botocore does."""

from __future__ import annotations

import gzip
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import msgspec
from botocore.loaders import JSONFileLoader, Loader


@cache
def loader() -> Loader:
    """Return the loader that all sessions share: it remembers what it has read."""
    return _Loader(file_loader=_FileLoader())


class _Loader(Loader):
    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - as botocore calls it
        """Return the services of which there is any description.

        botocore looks for ``type_name`` in each of their 400 folders, for each type that it reads.
        """
        return self._services

    @cached_property
    def _services(self) -> list[str]:
        folders = [Path(path) for path in self.search_paths]
        return sorted({entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()})


class _FileLoader(JSONFileLoader):
    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what a file holds, given without its suffix; None if there is no such file."""
        for suffix, opened in ((".json", open), (".json.gz", gzip.open)):
            path = Path(file_path + suffix)
            if path.is_file():
                with opened(path, "rb") as file:
                    return msgspec.json.decode(file.read())
        return None
