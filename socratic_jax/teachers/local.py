"""A teacher on our own devices.

It is handed the function that decodes, since decoding is a later room than this one; see
socratic_jax/local.py for what a trained cast or a Hugging Face directory does behind it.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from socratic_jax.teachers.teacher import Reply, Request


class LocalTeacher:
    """Answers requests in batches.

    Args:
      name: the kind and the model, with every option that changes replies.
      write: a batch of requests -> their replies, in their order.
      batch_size: requests in a batch.
    """

    batch = False

    def __init__(self, name: str, write: Callable[[Sequence[Request]], Sequence[Reply]], batch_size: int):
        self.name, self._write, self._batch_size = name, write, batch_size

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Reply]]:
        requests = iter(requests)
        while batch := list(itertools.islice(requests, self._batch_size)):
            yield from zip(batch, self._write(batch), strict=True)
