"""The one idea of the project: reasoning is a transcript, a list of turns that each have a role.

Training masks and the decoder are both driven by roles: a student learns, and later writes, the
tokens whose role it speaks, and only those.
"""

import dataclasses
import enum


class Role(enum.IntEnum):
    """Whose words a token is.

    The first five are what a turn can be. The last two are what a marker token can be: the choice
    of the next turn's role where the strategy leaves one ("ask again, or answer?"), and a marker
    that carries no choice and that therefore nobody has to learn.
    """

    PROBLEM = 0
    QUESTION = 1
    SOLUTION = 2
    ANSWER = 3
    GUIDANCE = 4
    DECISION = 5
    FORCED = 6


# The roles that a turn can have, each with a marker token of its own that opens it.
TURN_ROLES = (Role.PROBLEM, Role.QUESTION, Role.SOLUTION, Role.ANSWER, Role.GUIDANCE)


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a transcript."""

    role: Role
    text: str
