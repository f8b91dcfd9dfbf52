"""StrategyQA for TensorFlow Datasets; see problems/strategyqa.py for what the data are.

The authors publish the questions twice: as an archive
(https://storage.googleapis.com/ai2i/strategyqa/data/strategyqa_dataset.zip) whose training file has all
2,290 answered questions, and in the repository of their code, cut into train.json and dev.json. The
repository is taken, at a fixed commit: the split is in the files, and their checksums were computed from
the files themselves, which those of the archive could not be.
"""

import numpy as np
import tensorflow_datasets as tfds

from socratic_jax.problems.tfds_builders.json_rows_builder import JsonRowsBuilder, Source

_COMMIT = "1ba1e97452e189569357876f2854b01357ffbe37"
_FOLDER = f"https://raw.githubusercontent.com/eladsegal/strategyqa/{_COMMIT}/data/strategyqa"


class Strategyqa(JsonRowsBuilder, skip_registration=True):
    """The two files as two splits, without the evidence paragraphs; the loader cuts off validation."""

    SOURCES = {  # noqa: RUF012
        "train": Source(
            url=f"{_FOLDER}/train.json",
            name="train.json",
            size=3_857_762,
            sha256="0f72560b8a6fad3db847d2f1a7524fb087297843bb45a8d3245ffd68cbe0de12",
        ),
        "dev": Source(
            url=f"{_FOLDER}/dev.json",
            name="dev.json",
            size=424_195,
            sha256="0d94842ffb022db8fd5ecd2168b785d5cf67f6faf64f665476bad544a3eb9dde",
        ),
    }
    FEATURES = {  # noqa: RUF012
        "qid": tfds.features.Text(),
        "question": tfds.features.Text(),
        "answer": np.bool_,
        "facts": tfds.features.Sequence(tfds.features.Text()),
        "decomposition": tfds.features.Sequence(tfds.features.Text()),
        "term": tfds.features.Text(),
        "description": tfds.features.Text(),
    }
    DESCRIPTION = "Yes/no questions with implicit reasoning steps, their decompositions and their facts."
    HOMEPAGE = "https://allenai.org/data/strategyqa"
    CITATION = """@article{geva-etal-2021-aristotle,
  title = {Did {A}ristotle Use a Laptop? A Question Answering Benchmark with
           Implicit Reasoning Strategies},
  author = {Geva, Mor and Khashabi, Daniel and Segal, Elad and Khot, Tushar and Roth, Dan and
            Berant, Jonathan},
  journal = {Transactions of the Association for Computational Linguistics}, year = {2021},
  eprint = {2101.02235}}"""
