"""Ways of teaching, as a table: which turns a transcript has, and which student speaks which role.

Nothing else in the project asks for a strategy by name. A new way of teaching is a new row here:
training data, loss masks and the decoder follow from it.
"""

import dataclasses
from collections.abc import Mapping

from socratic_jax.transcripts.roles import Role

P, Q, S, A = Role.PROBLEM, Role.QUESTION, Role.SOLUTION, Role.ANSWER
G, D = Role.GUIDANCE, Role.DECISION

# Which roles may follow a role. ANSWER ends a transcript, so nothing follows it.
Grammar = Mapping[Role, tuple[Role, ...]]
DIRECT: Grammar = {P: (A,)}
CHAIN: Grammar = {P: (S, A), S: (S, A)}
DIALOGUE: Grammar = {P: (Q, A), Q: (S,), S: (Q, A)}
GUIDED: Grammar = {P: (G,), G: (Q, A), Q: (S,), S: (Q, A)}
# Any question of a dialogue may be missing: between it and a chain is a matter of degree.
SPARSE: Grammar = {P: (Q, S, A), Q: (S,), S: (Q, S, A)}


@dataclasses.dataclass(frozen=True)
class Part:
    """A part in the cast.

    Attributes:
      name: of the part: "solver", "questioner", "answerer".
      speaks: the roles whose tokens it learns and writes; DECISION is the choice of the next role.
      student: which weights play it; parts with one student share its weights.
      cue: whether the transcript opens with the part's own marker in place of the problem marker, so
        that weights that play several parts know which one they are playing.
    """

    name: str
    speaks: frozenset[Role]
    student: str
    cue: bool = False


@dataclasses.dataclass(frozen=True)
class Strategy:
    """A way of teaching.

    Attributes:
      name: its name.
      grammar: which roles may follow which when it is written.
      cast: the parts, which together speak every learnt role once.
      given: roles that are neither learnt nor written by anybody: they are put in from outside.
      taught_as: the strategy whose students play this cast: itself, unless it is evaluation only.
      explained_by: the kind of explanation that its transcripts are made of: "socratic" or "cot" by the
        roles that are taught, unless it is said; "" for none.
      lessons: the grammar of what is taught, where that is another one. Turns of roles that only the
        lessons have are dropped in the course of training, until none is left; see transcripts/course.py.
    """

    name: str
    grammar: Grammar
    cast: tuple[Part, ...]
    given: frozenset[Role] = frozenset({P})
    taught_as: str = ""
    explained_by: str = ""
    lessons: Grammar = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "lessons", self.lessons or self.grammar)
        spoken = [role for part in self.cast for role in part.speaks]
        wanted = (self.taught | {D}) - self.given
        if len(spoken) != len(set(spoken)) or not wanted <= set(spoken):
            raise ValueError(f"strategy {self.name!r}: every role needs exactly one speaker")
        object.__setattr__(self, "taught_as", self.taught_as or self.name)
        by_roles = "socratic" if Q in self.taught else "cot" if S in self.taught else ""
        object.__setattr__(self, "explained_by", self.explained_by or by_roles)

    @property
    def roles(self) -> frozenset[Role]:
        """The roles of the turns that are written, the problem's included."""
        return _roles(self.grammar)

    @property
    def taught(self) -> frozenset[Role]:
        """The roles of the turns of its lessons."""
        return _roles(self.lessons)

    @property
    def weaned(self) -> frozenset[Role]:
        """The roles that a student begins with and does without in the end."""
        return self.taught - self.roles

    @property
    def oracle(self) -> bool:
        """Whether it is given what no student can know when it is tested."""
        return self.given != {P}

    @property
    def students(self) -> tuple[str, ...]:
        """The names of the students in the cast, each once."""
        return tuple(dict.fromkeys(part.student for part in self.cast))


def _roles(grammar: Grammar) -> frozenset[Role]:
    return frozenset(grammar) | {role for after in grammar.values() for role in after}


def _solver(*speaks: Role) -> tuple[Part, ...]:
    return (Part("solver", frozenset(speaks), "solver"),)


def _pair(questioner: str = "questioner", answerer: str = "answerer", cue: bool = False):
    return (
        Part("questioner", frozenset({Q, D}), questioner, cue),
        Part("answerer", frozenset({S, A}), answerer, cue),
    )


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("answer_only", DIRECT, _solver(A, D)),
        Strategy("cot", CHAIN, _solver(S, A, D)),
        Strategy("socratic_unified", DIALOGUE, _solver(Q, S, A, D)),
        Strategy("socratic_iterative", DIALOGUE, _pair()),
        Strategy("socratic_shared", DIALOGUE, _pair("shared", "shared", cue=True)),
        # The question generator is told the way ahead, by a student that predicts it (Shridhar et al. 2023
        # condition it on the number of steps or on the equations).
        Strategy("socratic_guided", GUIDED, (Part("planner", frozenset({G}), "planner"), *_pair())),
        # Begins as socratic_unified and ends as cot. Deng et al. (2024, arXiv 2405.14838) drop steps in this
        # way; here it is the questions, so that the steps stay.
        Strategy("socratic_weaned", CHAIN, _solver(Q, S, A, D), lessons=SPARSE),
        # The steps are facts that help, as StrategyQA has them.
        Strategy("facts", CHAIN, _solver(S, A, D), explained_by="facts"),
        Strategy(
            "oracle_questions",
            DIALOGUE,
            _pair()[1:],
            given=frozenset({P, Q, D}),
            taught_as="socratic_iterative",
        ),
        Strategy("oracle_guidance", GUIDED, _pair(), given=frozenset({P, G}), taught_as="socratic_guided"),
    )
}


def strategy(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
      ValueError: there is none; the message lists the valid names.
    """
    if name not in STRATEGIES:
        raise ValueError(f"unknown strategy {name!r}; valid: {', '.join(STRATEGIES)}")
    return STRATEGIES[name]
