"""The vendors' formats: OpenAI's chat completions and Gemini's generateContent, over HTTP."""

import hashlib
import json
import re


def reply_text(prompt, seed):
    """What the server answers."""
    return f"The answer is {hashlib.blake2b(f'{prompt}/{seed}'.encode(), digest_size=8).hexdigest()}."


def solution_text(prompt, seed):
    """A right solution of the problem that a prompt ends with, "Ann has 7 pens and buys 4"."""
    a, b = map(int, re.findall(r"Ann has (\d+) pens and buys (\d+)", prompt)[-1])
    return f"1. Ann has {a} pens.\n2. With {b} more they are {a} + {b} = {a + b} pens.\nFinal answer: {a + b}"


def read_request(google, body):
    """(prompt, seed) of a request."""
    if google:
        return body["contents"][0]["parts"][0]["text"], body["generationConfig"].get("seed")
    return body["messages"][0]["content"], body.get("seed")


def completion(google, prompt, seed, fault, write=reply_text):
    """The reply to a request, in the vendor's format."""
    text = write(prompt, seed)
    n_in, n_out = len(prompt) // 4, 12
    if not google:
        message, finish = {"role": "assistant", "content": text}, "stop"
        if fault == "max-tokens":
            message["content"], finish = text[:9], "length"
        if fault == "blocked":
            message["content"], finish = None, "content_filter"
        if fault == "empty":
            message["content"] = ""
        usage = {"prompt_tokens": n_in, "completion_tokens": n_out, "total_tokens": n_in + n_out}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
    usage = {"promptTokenCount": n_in, "candidatesTokenCount": n_out, "totalTokenCount": n_in + n_out}
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
    if fault == "blocked":
        return {
            "promptFeedback": {"blockReason": "SAFETY"},
            "usageMetadata": usage | {"candidatesTokenCount": 0},
        }
    if fault == "max-tokens":
        candidate = {"finishReason": "MAX_TOKENS", "index": 0}
    if fault == "empty":
        candidate["content"]["parts"] = []
    if fault == "thinking":
        candidate["content"]["parts"].insert(0, {"text": "Let me see.", "thought": True})
        usage |= {"thoughtsTokenCount": 30, "totalTokenCount": n_in + n_out + 30}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m"}


def response(status, body, headers=None):
    """The bytes of an HTTP response; the type of the body says its format."""
    kind = "text/html" if isinstance(body, str) else "application/json"
    if not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def bad_key(google, sent):
    """How a vendor refuses a key. Both quote it: what a careless server does."""
    if google:
        reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        message = f"API key not valid: {sent}. Please pass a valid API key."
        error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": [reason]}
        return 400, {"error": error}
    return 401, {"error": {"message": f"Incorrect API key provided: {sent}", "code": "invalid_api_key"}}
