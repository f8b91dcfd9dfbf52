"""One contender of a measure, in a process of its own, that runs a round whenever it is told to.

  python benchmarks/worker.py benchmarks.ours:generate '{"batch": 8, ...}' warm

The function is called with the arguments and returns another one, which runs a round and returns what it did
as a dict of numbers ("work" at least). With `warm` it is run once before the first measurement, to compile.
After every line on standard input it is run again, and a line of JSON on standard output says what it did, in
how many seconds, and the most memory that the process ever had. Needs nothing
but the standard library, so that every contender runs in an environment of its own.

A function that takes train steps does one more before it takes the time itself, as "own_seconds": after a
pause, in which others run, memory has to be got back from the kernel, and on a virtual machine from its host.
That takes up to half a step, and never happens while one trains.
"""

import importlib
import json
import os
import resource
import sys
import time


def main(name: str, arguments: str, warm: str = "") -> None:
    # Libraries print; the answers have a channel of their own.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    began = time.perf_counter()
    module, function = name.split(":")
    measured = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    if warm:
        measured()
    print(json.dumps({"ready": time.perf_counter() - began}), file=out, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        done = measured()
        done["seconds"] = time.perf_counter() - began
        done["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(done), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
