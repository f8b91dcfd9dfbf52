"""The dialogue in a terminal."""

import re
from collections.abc import Sequence

from rich.console import Console

from socratic_jax.chat.session import ChatError, Session, Talk
from socratic_jax.transcripts.roles import Role

HELP = """\
  a problem          the students solve it; Ctrl-C stops them
  :edit N new text   asks this in the place of sub-question N, and goes on from there
  :help              this
  an empty line      leaves, as Ctrl-D does"""
STYLES = {Role.QUESTION: "cyan", Role.SOLUTION: "yellow", Role.ANSWER: "bold green", Role.GUIDANCE: "magenta"}
_EDIT = re.compile(r":edit\s+(\d+)\s+(.+)")


class Terminal:
    """Reads problems, and shows the turns as they are written.

    Args:
      session: whose cast is talked to.
      examples: problems of the kind that the students know.
      console: to print to.
    """

    def __init__(self, session: Session, examples: Sequence[str] = (), console: Console | None = None):
        self.session = session
        self.examples = examples
        self.console = console or Console(highlight=False)
        self.talk: Talk | None = None  # The last one, whose questions can be edited.
        # As wide as the longest name, with a place for the number of a question.
        self.indent = max(map(len, session.speakers.values())) + 5

    def run(self) -> None:
        """Obeys what is typed until the user leaves."""
        strategy = self.session.cast.strategy
        cast = " and ".join(part.name for part in strategy.cast)
        self.console.print(f"{strategy.name}: {cast}. Type a problem, or :help.", markup=False)
        for example in self.examples[:1]:
            self.console.print(f"For example: {printable(example)}", style="dim", markup=False)
        while True:
            try:
                # The prompt is input()'s own, so that line editing knows where the line begins.
                line = input("\nproblem> ").strip()
            except (EOFError, KeyboardInterrupt):
                self.console.print()
                return
            if not line:
                return
            try:
                self.obey(line)
            except ChatError as error:
                self.console.print(f"error: {error}", style="red", markup=False)

    def obey(self, line: str) -> None:
        """Does what a line says.

        Raises:
          ChatError: it cannot be done.
        """
        edit = _EDIT.fullmatch(line)
        if edit:
            self.edit(int(edit[1]), edit[2])
        elif line == ":help":
            self.console.print(HELP, markup=False)
        elif line.startswith(":edit"):
            raise ChatError("write it as :edit N new text")
        elif line.startswith(":"):
            raise ChatError(f"there is no {line.split()[0]}; see :help")
        else:
            self.solve(line)

    def solve(self, problem: str) -> None:
        """Shows the dialogue about a problem."""
        self._show(self.session.begin(problem))

    def edit(self, number: int, question: str) -> None:
        """Shows how the last dialogue goes on from another question."""
        if self.talk is None:
            raise ChatError("there is no dialogue yet; type a problem first")
        before, changed = self.talk.dialogue, self.session.change(self.talk, number, question)
        self._head(Role.QUESTION, number)
        self._text(question, Role.QUESTION)
        self._show(changed, number)
        if before and before.answer is not None:
            self._note(f"before the edit the answer was {printable(before.answer)}")

    def _show(self, talk: Talk, n_questions: int = 0) -> None:
        """Writes a dialogue of which so many questions are there already."""
        self.talk = talk
        try:
            for piece in talk.write():
                if not piece.text:
                    n_questions += piece.role == Role.QUESTION
                    self._head(piece.role, n_questions)
                self._text(piece.text, piece.role)
        except KeyboardInterrupt:
            self._note("stopped")
            return
        ending = self.session.ending(talk.dialogue)
        self.console.print()
        if ending:
            self._note(ending)

    def _head(self, role: Role, number: int) -> None:
        """Begins a turn: who speaks, and which question it is."""
        speaker = self.session.speakers[role]
        sign = {Role.QUESTION: f"{number}?", Role.ANSWER: "="}.get(role, "")
        head = f"{speaker} {sign:>3}".rjust(self.indent)
        self.console.print(f"\n{head} ", style=STYLES[role], end="", markup=False)

    def _text(self, text: str, role: Role) -> None:
        self.console.print(printable(text), style=STYLES[role], end="", markup=False, soft_wrap=True)

    def _note(self, text: str) -> None:
        self.console.print(f"{'':{self.indent}} ({text})", style="dim", markup=False, soft_wrap=True)


def printable(text: str) -> str:
    """The text without what could command the terminal: students write any byte."""
    return "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text
    )
