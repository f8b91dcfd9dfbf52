"""Transcripts in colours, and log lines in the notebook. A cell of every notebook."""

# @title Helpers: transcripts in colours
import html
import logging
import sys

from IPython.display import HTML, display

from socratic_jax.transcripts.roles import Role

COLORS = {
    Role.PROBLEM: "#e4e4e4",
    Role.QUESTION: "#bcdcf5",
    Role.SOLUTION: "#bfe6cf",
    Role.ANSWER: "#f8cdb0",
    Role.GUIDANCE: "#e5cdf0",
    Role.DECISION: "#f5e6a2",
    Role.FORCED: "#f4f4f4",
}
BOX = "color:#000;border-radius:4px;padding:2px 6px"


def log_to_notebook() -> None:
    """Lets the package's log lines appear under the cells."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
    for noisy in ("absl", "jax", "orbax", "matplotlib", "traitlets"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def turn_line(role: Role, text: str, note: str = "") -> str:
    """A turn as a line of HTML: its role, its text, and a note behind it."""
    label = f"<span style='display:inline-block;width:5.5em'><b>{role.name.lower()}</b></span>"
    note = f" <i style='opacity:.7'>{html.escape(note)}</i>" if note else ""
    return (
        f"<div style='margin:2px 0'><span style='{BOX};background:{COLORS[role]}'>"
        f"{label}{html.escape(text)}</span>{note}</div>"
    )


def show_turns(turns, title: str = "", notes=()) -> None:
    """Shows the turns of a transcript, with a note for each of them if there are notes."""
    notes = list(notes) or [""] * len(turns)
    lines = [turn_line(turn.role, turn.text, note) for turn, note in zip(turns, notes, strict=True)]
    head = f"<div style='margin-top:8px'><b>{html.escape(title)}</b></div>" if title else ""
    display(HTML(head + "".join(lines)))


def token_boxes(texts, roles, strong) -> str:
    """Tokens as boxes: in the colour of their role where `strong`, from 0 to 1, is large, pale elsewhere."""
    boxes = []
    for text, role, s in zip(texts, roles, strong, strict=True):
        look = f"background:{COLORS[Role(role)]};opacity:{0.25 + 0.75 * float(s):.2f}"
        boxes.append(f"<b style='{look}'>{html.escape(text)}</b>")
    style = "color:#000;font:90% monospace;padding:1px 2px;margin:1px;display:inline-block"
    return f"<style>.tokens b{{{style}}}</style><div class='tokens'>{''.join(boxes)}</div>"


def token_texts(tokenizer, ids) -> list[str]:
    """What each token stands for; spaces are shown as dots."""
    texts = [
        tokenizer.hf.convert_ids_to_tokens(int(i))
        if int(i) in tokenizer.special_ids
        else tokenizer.decode([i])
        for i in ids
    ]
    return [text.replace(" ", "·") for text in texts]
