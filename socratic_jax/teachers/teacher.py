"""What a teacher is: something that answers requests, whoever or whatever does it behind.

A large model behind an API, a model on our own devices and the human steps of a data set all look
the same from here, so that the journal, the selection and the accounting exist once.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Protocol

# How a reply can end:
#   stop     the model finished.
#   length   cut off at max_tokens; `text` is what there is of it.
#   blocked  the vendor refused the prompt or the text for its content.
#   error    the vendor refused the request for good: asking again would give the same.
#   gave_up  no answer came in all the tries that the limits allow. This one is not a reply: it says
#            nothing about the request, is never written to a journal, and the next run asks again.
FINISHES = ("stop", "length", "blocked", "error", "gave_up")


class TeacherError(RuntimeError):
    """The teacher cannot go on at all (a bad key, no such model); one line that says what to do."""


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A prompt and how to sample the reply.

    Attributes:
      prompt: the whole text, few-shot examples included.
      temperature: 0 is greedy.
      top_p: nucleus; 1 is all.
      max_tokens: the longest reply, in the teacher's own tokens.
      sample: index among the samples of one prompt; it also seeds the vendor's sampling.
      tag: whatever the caller wants back with the reply, such as the problem's id. The teacher never
        sees it, and it is not part of the key.
    """

    prompt: str
    temperature: float
    top_p: float
    max_tokens: int
    sample: int
    tag: str = dataclasses.field(default="", compare=False)

    def key(self, teacher: str) -> str:
        """Hash of everything that determines the reply: 32 hexadecimal digits.

        Args:
          teacher: the teacher's name, which holds the model and every option that changes its replies.
        """
        # Lists and plain numbers have one JSON text; the journal of a year ago has to match it.
        what = [teacher, self.prompt, float(self.temperature), float(self.top_p)]
        what += [int(self.max_tokens), int(self.sample)]
        return hashlib.blake2b(json.dumps(what).encode("ascii"), digest_size=16).hexdigest()

    def seed(self, teacher: str) -> int:
        """A seed for the vendor's sampling, below 2**31: another one for every sample."""
        return int(self.key(teacher)[:8], 16) >> 1


@dataclasses.dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the vendor counted, and charges for."""

    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
      text: of the reply; None where there is none.
      finish: one of FINISHES.
      usage: what it cost, in tokens.
      error: one line that says what went wrong; None after "stop".
    """

    text: str | None
    finish: str
    usage: Usage = Usage()
    error: str | None = None

    def __post_init__(self):
        if self.finish not in FINISHES:
            raise ValueError(f"unknown finish {self.finish!r}; valid: {', '.join(FINISHES)}")

    @property
    def final(self) -> bool:
        """Whether it is worth keeping: everything but "gave_up"."""
        return self.finish != "gave_up"


class Teacher(Protocol):
    """Answers requests.

    Attributes:
      name: the kind and the model, "gemini:gemini-2.5-flash", with every option that changes replies.
      batch: whether the vendor's price for batch jobs applies.
    """

    name: str
    batch: bool

    def complete(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Reply]]:
        """Answers every request exactly once, in the order in which the replies arrive.

        Requests are pulled when there is room for them and replies are handed over as they come, so
        memory does not grow with their number. A request that fails gives a reply that says so and
        does not stop the rest.

        Raises:
          TeacherError: no further request could be answered. Replies that were under way have been
            handed over before.
        """
        ...
