"""Text to token ids and back, with a marker token for every role.

GPT-2 has no spare special tokens, but its embedding table is padded from 50,257 rows to a multiple
of 128 anyway: the markers live in the padding. They are ordinary added special tokens of a Hugging
Face tokenizer, so a saved tokenizer loads in transformers with its markers.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence

from etils import epath

from socratic_jax.transcripts.roles import TURN_ROLES, Role

VOCAB_MULTIPLE = 128  # TPU lanes; also divides evenly over any sensible tensor axis.
END_OF_TEXT = "<|endoftext|>"
MARKERS = tuple(f"<|{role.name.lower()}|>" for role in TURN_ROLES)
END = "<|end|>"
# Cues open a transcript for weights that play several parts; see strategies.Part.cue.
CUES = {"questioner": "<|questioner|>", "answerer": "<|answerer|>"}
SPECIALS = (*MARKERS, END, *CUES.values())


class Tokenizer:
    """A Hugging Face fast tokenizer plus the role markers.

    Attributes:
      hf: the `transformers.PreTrainedTokenizerFast`.
      end: id of the token that ends a turn.
      pad: id that fills up rows; never learnt, never attended to.
      size: number of ids in use; ids from here to `padded_size` name nothing.
      padded_size: rows of the embedding table.
    """

    def __init__(self, hf):
        hf.add_special_tokens({"additional_special_tokens": list(SPECIALS)})
        self.hf = hf
        self.end = hf.convert_tokens_to_ids(END)
        self.pad = hf.convert_tokens_to_ids(END_OF_TEXT)
        self.size = len(hf)
        self.padded_size = -(-self.size // VOCAB_MULTIPLE) * VOCAB_MULTIPLE
        self._markers = {
            role: hf.convert_tokens_to_ids(m) for role, m in zip(TURN_ROLES, MARKERS, strict=True)
        }
        self._cues = {part: hf.convert_tokens_to_ids(cue) for part, cue in CUES.items()}
        self._special_ids = frozenset(hf.convert_tokens_to_ids([*SPECIALS, END_OF_TEXT]))
        self._known: dict[str, list[int]] = {}
        # A problem that happens to contain the text "<|end|>" must not end its own turn.
        hf.backend_tokenizer.encode_special_tokens = True

    def marker(self, role: Role) -> int:
        """Id of the token that opens a turn of that role."""
        return self._markers[role]

    def cue(self, part: str) -> int:
        """Id of the token that opens a transcript for that part."""
        return self._cues[part]

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids that are not text: the markers, the end of a turn and the end of text."""
        return self._special_ids

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without any special token."""
        # Every student of a run reads the same texts, and short ones occur often.
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        encodings = self.hf.backend_tokenizer.encode_batch(new, add_special_tokens=False)
        self._known |= {text: encoding.ids for text, encoding in zip(new, encodings, strict=True)}
        return [self._known[text].copy() for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of those ids; ids that are not text are left out."""
        text_ids = [i for i in map(int, ids) if i < self.size and i not in self._special_ids]
        return self.hf.backend_tokenizer.decode(text_ids, skip_special_tokens=False)

    def save(self, directory: epath.PathLike) -> None:
        """Writes the tokenizer as a Hugging Face directory, tokenizer.json last: if it is there, all is."""
        directory = epath.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as local:  # The library only knows the file system.
            self.hf.backend_tokenizer.encode_special_tokens = False
            self.hf.save_pretrained(local)
            self.hf.backend_tokenizer.encode_special_tokens = True
            for file in sorted(epath.Path(local).iterdir(), key=lambda file: file.name == "tokenizer.json"):
                temporary = directory / (file.name + ".tmp")
                temporary.write_bytes(file.read_bytes())
                temporary.replace(directory / file.name)


def load_tokenizer(name_or_path: epath.PathLike) -> Tokenizer:
    """A tokenizer from a Hugging Face directory or hub id, markers added where they are missing.

    Raises:
      ValueError: there is none, or it is not a byte-level tokenizer with an end-of-text token.
    """
    from transformers import AutoTokenizer, GPT2TokenizerFast

    path = str(name_or_path)
    if "://" in path:
        with tempfile.TemporaryDirectory() as local:
            for file in (f for f in epath.Path(path).iterdir() if not f.is_dir()):
                (epath.Path(local) / file.name).write_bytes(file.read_bytes())
            return load_tokenizer(local)
    try:
        # A directory with only vocab.json and merges.txt names no class; GPT-2's reads it.
        bare = os.path.isdir(path) and not os.path.exists(os.path.join(path, "tokenizer_config.json"))
        hf = (GPT2TokenizerFast if bare else AutoTokenizer).from_pretrained(path)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"no tokenizer at {path!r}: {reason}") from error
    if hf.convert_tokens_to_ids(END_OF_TEXT) in (None, hf.unk_token_id) and hf.unk_token != END_OF_TEXT:
        raise ValueError(f"tokenizer at {path!r} has no {END_OF_TEXT} token")
    # transformers can return a tokenizer without its vocabulary and say nothing.
    if len(hf) < 256:
        raise ValueError(f"tokenizer at {path!r} has only {len(hf)} tokens; its files are incomplete")
    return Tokenizer(hf)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Trains a byte-level BPE in which every digit is a token of its own.

    Split digits are what lets a small student learn column arithmetic instead of a table of
    numbers. The result depends on the texts only, not on their order's ties or on threads.

    Args:
      texts: what to train on: the training split, nothing else.
      vocab_size: tokens to end up with, the end of text included and the role markers not.
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if vocab_size < len(alphabet) + 1:
        raise ValueError(f"vocab_size is {vocab_size}; bytes alone need {len(alphabet) + 1}")
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return Tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END_OF_TEXT))
