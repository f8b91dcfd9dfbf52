"""SVAMP for TensorFlow Datasets; see problems/svamp.py for what the data are."""

import tensorflow_datasets as tfds

from socratic_jax.problems.tfds_builders.json_rows_builder import JsonRowsBuilder, Source

_COMMIT = "689d7ccac74b9983a2ac7cc3b264f441b99e7c53"


class Svamp(JsonRowsBuilder, skip_registration=True):
    """All 1,000 problems as one split, a test set to their authors; the loader cuts the others."""

    SOURCES = {  # noqa: RUF012
        "test": Source(
            url=f"https://raw.githubusercontent.com/arkilpatel/SVAMP/{_COMMIT}/SVAMP.json",
            name="SVAMP.json",
            size=339_970,
            sha256="5be77703a6d891ae476d7c082787ad361392aa02453b132516cdd5f4e7934e3e",
        )
    }
    FEATURES = {  # noqa: RUF012
        "ID": tfds.features.Text(),
        "Body": tfds.features.Text(),
        "Question": tfds.features.Text(),
        "Equation": tfds.features.Text(),
        # A number in the file, but TFDS would round it to 32 bits, and chal-71 has more digits.
        "Answer": tfds.features.Text(),
        "Type": tfds.features.Text(),
    }
    DESCRIPTION = "Simple variations on arithmetic word problems: 1,000 problems with their equations."
    HOMEPAGE = "https://github.com/arkilpatel/SVAMP"
    CITATION = """@inproceedings{patel-etal-2021-nlp,
  title = {Are {NLP} Models really able to Solve Simple Math Word Problems?},
  author = {Patel, Arkil and Bhattamishra, Satwik and Goyal, Navin},
  booktitle = {Proceedings of NAACL-HLT 2021}, year = {2021}, eprint = {2103.07191}}"""
