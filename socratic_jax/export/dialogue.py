"""Lets the students in this directory solve a problem, with transformers and PyTorch alone.

  python dialogue.py "Ann has 3 pens and buys 4. How many pens has she?"

A dialogue is one sequence of tokens: turns, each opened by a marker such as <|question|> and closed by
<|end|>. Every student reads all of it; strategy.json says which of them writes which kind of turn, and which
kinds may follow which. Decoding is greedy; README.md says how the accuracies in it were decoded.
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class Speaker:
    """A student that reads the dialogue as it grows, each token once."""

    def __init__(self, model, opening):
        self.model, self.opening, self.cache, self.n_read = model, opening, None, 0

    def logits(self, tokens):
        """Of the token after `tokens`, which begin with all those of the call before."""
        unread = list(tokens[self.n_read :])
        if self.n_read == 0:
            unread[0] = self.opening
        out = self.model(torch.tensor([unread]), past_key_values=self.cache, use_cache=True)
        self.cache, self.n_read = out.past_key_values, len(tokens)
        return out.logits[0, -1]


class Cast:
    """The students of a directory and how they take turns."""

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        self.strategy = json.loads((directory / "strategy.json").read_text())
        names = {part["student"] for part in self.strategy["parts"]}
        self.models = {name: AutoModelForCausalLM.from_pretrained(directory / name).eval() for name in names}
        self.tokenizer = AutoTokenizer.from_pretrained(directory / min(names))
        self.end = self.id("<|end|>")
        special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.added_tokens_decoder)
        self.text = torch.tensor([i for i in range(len(self.tokenizer)) if i not in special] + [self.end])

    def id(self, token):
        return self.tokenizer.convert_tokens_to_ids(token)

    @torch.no_grad()
    def solve(self, problem):
        """The turns as (kind, text), the problem first. The last one is cut off if it is no answer."""
        s = self.strategy
        speakers = {}
        for part in s["parts"]:
            speaker = Speaker(self.models[part["student"]], self.id(part["opening"]))
            speakers |= dict.fromkeys(part["speaks"], speaker)
        ids = self.tokenizer(problem, add_special_tokens=False, split_special_tokens=True).input_ids
        tokens = [self.id("<|problem|>"), *ids, self.end]
        turns, kind, steps = [("problem", problem)], "problem", 0
        while kind != "answer" and len(tokens) < s["capacity"]:
            options = s["grammar"][kind]
            if steps >= s["max_steps"] and "answer" in options:
                options = ["answer"]
            markers = [self.id(f"<|{option}|>") for option in options]
            choice = 0
            if len(options) > 1:
                choice = int(speakers["decision"].logits(tokens)[markers].argmax())
            kind, start = options[choice], len(tokens) + 1
            tokens.append(markers[choice])
            steps += kind == "solution"
            while tokens[-1] != self.end and len(tokens) < s["capacity"]:
                tokens.append(int(self.text[speakers[kind].logits(tokens)[self.text].argmax()]))
            written = [token for token in tokens[start:] if token != self.end]
            turns.append((kind, self.tokenizer.decode(written).strip()))
        return turns


if __name__ == "__main__":
    for kind, text in Cast(pathlib.Path(__file__).parent).solve(" ".join(sys.argv[1:])):
        print(f"{kind:>9}: {text}")
