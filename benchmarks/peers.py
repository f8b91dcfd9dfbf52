"""What a user would run without this project: Hugging Face on PyTorch, and CTranslate2.

Each function prepares a contender and returns a function that runs a round; see worker.py. This module runs
in an environment of its own and imports nothing of the project.

Every loop is written as its library's documentation shows it, with what makes it faster on a CPU: no dropout
where ours has none, fused AdamW, scaled-dot-product attention, `inference_mode`.
"""

import contextlib
import json
import time
from pathlib import Path

import numpy as np
import torch

torch.manual_seed(0)


def _model(inputs: str, name: str):
    from transformers import GPT2LMHeadModel

    return GPT2LMHeadModel.from_pretrained(Path(inputs) / name)


def _read(inputs: str, name: str):
    return json.loads((Path(inputs) / f"{name}.json").read_text())


def gemm(n: int):
    """The peak of f32 matrix products: n x n times n x n."""
    a, b = torch.randn(n, n), torch.randn(n, n)

    def measured():
        for _ in range(4):
            a @ b
        return {"work": 4 * 2 * n**3}

    return measured


def memory(n: int):
    """How fast n f32 numbers are read, to be added up."""
    a = torch.ones(n)

    def measured():
        for _ in range(4):
            a.sum()
        return {"work": 4 * 4 * n}

    return measured


def _update(model, optimizer, batch) -> float:
    loss = model(**batch, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss)


def train(inputs: str, student: str, batch: int, context: int, steps: int):
    """Steps of AdamW on full rows of random tokens, of which every one is learnt."""
    model = _model(inputs, student).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.1, fused=True)
    tokens = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (batch, context)))

    def step():
        return _update(model, optimizer, {"input_ids": tokens, "labels": tokens})

    def measured():
        step()  # See worker.py.
        began = time.perf_counter()
        losses = [step() for _ in range(steps)]
        return {
            "work": steps * batch * context, "loss": losses[-1], "own_seconds": time.perf_counter() - began,
        }  # fmt: skip

    return measured


def trainer(inputs: str, student: str, examples: str, batch: int, steps: int):
    """Hugging Face's Trainer, with batches that are padded to their longest and grouped by length."""
    from torch.utils.data import Dataset
    from transformers import Trainer, TrainerCallback, TrainingArguments

    model = _model(inputs, student)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    rows = _read(inputs, examples)
    useful = []  # Of each batch; the loader makes one more than is used.

    class Rows(Dataset):
        def __len__(self):
            return len(rows)

        def __getitem__(self, i):
            return {
                "input_ids": rows[i]["tokens"],
                "learnt": rows[i]["learnt"],
                "length": len(rows[i]["tokens"]),
            }

    def collate(items):
        longest = max(item["length"] for item in items)
        pad = lambda x, fill: x + [fill] * (longest - len(x))  # noqa: E731
        useful.append(sum(item["length"] for item in items))
        labels = [[t if w else -100 for t, w in zip(i["input_ids"], i["learnt"], strict=True)] for i in items]
        return {
            "input_ids": torch.tensor([pad(item["input_ids"], 0) for item in items]),
            "attention_mask": torch.tensor([pad([1] * item["length"], 0) for item in items]),
            "labels": torch.tensor([pad(label, -100) for label in labels]),
        }

    class Timed(TrainerCallback):
        """Steps alone: the Trainer's own set-up is not counted, nor the first step; see worker.py."""

        def on_step_end(self, arguments, state, *args, **kwargs):
            if state.global_step == 1:
                self.began = time.perf_counter()

        def on_train_end(self, *args, **kwargs):
            self.seconds = time.perf_counter() - self.began

    def measured():
        useful.clear()
        timed = Timed()
        options = TrainingArguments(
            output_dir=str(Path(inputs) / "trainer"), per_device_train_batch_size=batch, max_steps=1 + steps,
            learning_rate=1e-4, weight_decay=0.1, max_grad_norm=1.0, optim="adamw_torch_fused",
            train_sampling_strategy="group_by_length", length_column_name="length",
            remove_unused_columns=False, save_strategy="no", logging_strategy="no", report_to=[],
            use_cpu=True, disable_tqdm=True,
            dataloader_pin_memory=False,
        )  # fmt: skip
        with contextlib.redirect_stdout(None):
            Trainer(model, options, train_dataset=Rows(), data_collator=collate, callbacks=[timed]).train()
        return {"work": sum(useful[1 : 1 + steps]), "own_seconds": timed.seconds}

    return measured


def generate(inputs: str, student: str, batch: int, prompt: int, new: int):
    """Greedy continuation with Hugging Face's generate."""
    model = _model(inputs, student).eval()
    ids = torch.tensor(_read(inputs, "prompts"))[:batch, :prompt]

    def measured():
        with torch.inference_mode():
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, pad_token_id=0,
                min_new_tokens=new, max_new_tokens=new,
            )  # fmt: skip
        return {"work": batch * new, "tokens": out[:, prompt:].tolist()}

    return measured


def _with_names(inputs: str, student: str) -> str:
    """The student with a tokenizer that names every row of its padded table, as CTranslate2 wants it."""
    from transformers import AutoTokenizer

    model, tokenizer = _model(inputs, student), AutoTokenizer.from_pretrained(Path(inputs) / student)
    tokenizer.add_tokens([f"<|row{i}|>" for i in range(len(tokenizer), model.config.vocab_size)])
    directory = Path(inputs) / f"{student}-named"
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return str(directory)


def ctranslate2(inputs: str, student: str, batch: int, prompt: int, new: int, compute_type: str = "float32"):
    """Greedy continuation with CTranslate2."""
    import ctranslate2

    directory = Path(inputs) / f"{student}-ctranslate2-{compute_type}"
    if not directory.exists():
        ctranslate2.converters.TransformersConverter(_with_names(inputs, student)).convert(
            str(directory), quantization=compute_type
        )
    generator = ctranslate2.Generator(
        str(directory), device="cpu", compute_type=compute_type, intra_threads=torch.get_num_threads()
    )
    words = json.loads((directory / "vocabulary.json").read_text())
    index = {word: i for i, word in enumerate(words)}
    start = [[words[i] for i in row[:prompt]] for row in _read(inputs, "prompts")[:batch]]

    def measured():
        # With the prompt in the result it would be read token by token, at half the speed.
        results = generator.generate_batch(
            start, beam_size=1, min_length=new, max_length=new, max_batch_size=batch,
            include_prompt_in_result=False,
        )  # fmt: skip
        tokens = [[index[word] for word in result.sequences[0]] for result in results]
        return {"work": sum(map(len, tokens)), "tokens": tokens}

    return measured


class _Replay:
    """A logits processor that writes given tokens, whatever the logits: the work of a decoder, with the
    length that a real dialogue has. After the last one a row is ended."""

    def __init__(self, turns, start: int, end: int):
        self.turns, self.start, self.end = turns, start, end

    def __call__(self, ids, scores):
        k = ids.shape[1] - self.start
        for row, turn in enumerate(self.turns):
            scores[row, turn[k] if k < len(turn) else self.end] = 1e9
        return scores


def dialogues(inputs: str, student: str, problems: int, batch: int):
    """Questioner and answerer take turns; each reads the whole dialogue so far again at every turn.

    Dialogues of `batch` problems are in step with each other, turn by turn; those that end leave the batch.
    """
    questioner, answerer = _model(inputs, student).eval(), _model(inputs, student).eval()
    given = _read(inputs, f"dialogues-{student}")
    end, rows = given["end"], given["dialogues"][:problems]

    def turn(model, texts, turns):
        longest = max(map(len, texts))
        ids = torch.tensor([[end] * (longest - len(text)) + text for text in texts])
        mask = torch.tensor([[0] * (longest - len(text)) + [1] * len(text) for text in texts])
        model.generate(
            ids, attention_mask=mask, do_sample=False, eos_token_id=end, pad_token_id=end,
            max_new_tokens=max(map(len, turns)), logits_processor=[_Replay(turns, longest, end)],
        )  # fmt: skip
        return [text + turn for text, turn in zip(texts, turns, strict=True)]

    def measured():
        tokens = 0
        with torch.inference_mode():
            for first in range(0, problems, batch):
                group = rows[first : first + batch]
                texts = [row["prompt"] for row in group]
                left = [list(row["turns"]) for row in group]
                for model in (questioner, answerer) * 100:
                    active = [i for i, turns in enumerate(left) if turns]
                    if not active:
                        break
                    turns = [left[i].pop(0) for i in active]
                    for i, text in zip(active, turn(model, [texts[i] for i in active], turns), strict=True):
                        texts[i] = text
                    tokens += sum(map(len, turns))
        return {"work": problems, "tokens": tokens}

    return measured
