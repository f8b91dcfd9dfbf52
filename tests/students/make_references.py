"""Makes tests/data/gpt2_reference/: a tiny random GPT-2 and what PyTorch computes with it.

  pip install torch transformers && python tests/students/make_references.py

The tests compare against the stored values, so that they need no PyTorch. Weights are drawn much
wider than GPT-2's own, so that attention is far from uniform and an error anywhere shows in the logits.
"""

from pathlib import Path

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

OUT = Path(__file__).resolve().parents[1] / "data" / "gpt2_reference"
PROMPT, NEW = 12, 24  # tokens


def main() -> None:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=97, n_positions=48, n_embd=32, n_layer=3, n_head=4, bos_token_id=0, eos_token_id=None
    )
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "ln" in name and "weight" in name else 0.0, 0.25)
    model.save_pretrained(OUT)
    (OUT / "generation_config.json").unlink(missing_ok=True)
    tokens = torch.randint(0, config.vocab_size, (4, 40))
    with torch.no_grad():
        logits = model(tokens).logits.numpy()
        greedy = model.generate(
            tokens[:, :PROMPT], attention_mask=torch.ones_like(tokens[:, :PROMPT]), max_new_tokens=NEW,
            do_sample=False, pad_token_id=0,
        )  # fmt: skip
    np.savez_compressed(OUT / "reference.npz", tokens=tokens.numpy(), logits=logits, greedy=greedy.numpy())


if __name__ == "__main__":
    main()
