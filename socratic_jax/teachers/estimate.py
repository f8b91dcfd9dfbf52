"""Tokens without the vendor's tokenizer, for limits and for prices before there is a bill."""

# English prose with numbers has 3.5 to 4.5 characters a token with the vendors' tokenizers.
CHARACTERS_PER_TOKEN = 4
# The frame that a chat format puts around a message.
PER_MESSAGE = 8


def tokens(text: str) -> int:
    """About how many tokens a message of that text is; expect it to be off by 20 %."""
    return -(-len(text) // CHARACTERS_PER_TOKEN) + PER_MESSAGE
