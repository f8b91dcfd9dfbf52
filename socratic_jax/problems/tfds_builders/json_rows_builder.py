"""What the TFDS builders share: a data set that is published as JSON lists, as it stands.

This module imports TensorFlow Datasets, so nothing imports it before data of TFDS are asked for. The
builders are not registered by name, so that a later TFDS that ships the same data sets is no clash.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from socratic_jax.problems import json_rows
from socratic_jax.problems.problem import ProblemError

POSITION = "position"  # of the row in its file, from 0: TFDS stores rows in an order of its own


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """Where a file comes from, and what proves that it is the right one."""

    url: str
    name: str
    size: int
    sha256: str


class JsonRowsBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A TFDS builder for JSON lists of objects.

    Attributes:
      SOURCES: split -> the file that it is.
      FEATURES: field -> TFDS feature; other fields of the rows are left out.
      local: the folder of the files, to be set before `download_and_prepare`; None downloads them.
    """

    VERSION = tfds.core.Version("1.0.0")
    SOURCES: ClassVar[dict[str, Source]]
    FEATURES: ClassVar[dict[str, Any]]
    DESCRIPTION: ClassVar[str]
    HOMEPAGE: ClassVar[str]
    CITATION: ClassVar[str]
    local: str | None = None

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        # In place of a checksums.tsv beside the module, which one folder of two builders would share.
        cls.url_infos = {
            source.url: tfds.download.checksums.UrlInfo(source.size, source.sha256, source.name)
            for source in cls.SOURCES.values()
        }

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            homepage=self.HOMEPAGE,
            citation=self.CITATION,
            features=tfds.features.FeaturesDict({POSITION: np.int64, **self.FEATURES}),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        if self.local is not None:
            paths = {split: f"{self.local}/{source.name}" for split, source in self.SOURCES.items()}
        else:
            paths = dl_manager.download({split: source.url for split, source in self.SOURCES.items()})
        return {split: self._generate_examples(path) for split, path in paths.items()}

    def _generate_examples(self, path: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        for position, (where, row) in enumerate(json_rows.read(path)):
            missing = [name for name in self.FEATURES if name not in row]
            if missing:
                raise ProblemError(f"{where}: field {missing[0]!r} is missing; get the file again")
            fields = {name: _encodable(row[name], feature) for name, feature in self.FEATURES.items()}
            yield position, {POSITION: position, **fields}


def _encodable(value: Any, feature: Any) -> Any:
    return str(value) if isinstance(feature, tfds.features.Text) else value
