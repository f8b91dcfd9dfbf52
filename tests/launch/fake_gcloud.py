"""A gcloud that asks nobody. It records what it is told, and answers from a little cloud in a directory.

Workers of its TPUs are directories: `ssh` runs its command there in a shell, with the directory as HOME,
and `scp` copies files there. Rules of a test can make any call fail, or have the TPU preempted.
"""

import fcntl
import json
import os
import re
import signal
import sys

# It is started a thousand times: few imports.
CLOUD = os.environ["FAKE_CLOUD"]
FLAG = re.compile(r"--([a-z-]+)(?:=(.*))?$", re.S)


def workers_of(accelerator: str) -> int:
    size = int(accelerator.rsplit("-", 1)[1])
    return max(1, size // 4) if accelerator.startswith(("v5lite", "v6e")) and size > 8 else max(1, size // 8)


class State:
    """What is in cloud.json, locked while it is open."""

    def __enter__(self):
        self.lock = open(f"{CLOUD}/lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        with open(f"{CLOUD}/cloud.json") as file:
            self.data = json.load(file)
        return self.data

    def __exit__(self, *error):
        with open(f"{CLOUD}/cloud.json", "w") as file:
            json.dump(self.data, file)
        self.lock.close()


def kill_programs(name: str) -> None:
    """As pulling the plug: nobody is told, no exit code is written."""
    import glob

    workers = f"{CLOUD}/workers/{name}/*"
    for file in [*glob.glob(f"{workers}/tmux/*.pid"), *glob.glob(f"{workers}/socratic/run/pid")]:
        try:
            with open(file) as text:
                os.killpg(int(text.read()), signal.SIGKILL)
        except (ProcessLookupError, ValueError):
            pass
        if file.endswith(".pid"):
            os.remove(file)


def fail(message: str, code: int = 1):
    sys.stderr.write(f"ERROR: (gcloud) {message}\n")
    sys.exit(code)


def rule_for(argv: list[str], data: dict) -> dict | None:
    line = " ".join(argv)
    for rule in data["rules"]:
        if not re.search(rule["match"], line, re.S):
            continue
        if rule.get("after", 0) > 0:
            rule["after"] -= 1
            continue
        if rule.get("times", 1) == 0:
            continue
        rule["times"] = rule.get("times", 1) - 1
        return rule
    return None


def describe(tpu: dict | None, what: str) -> str:
    if tpu is None or (what == "node" and tpu["node"] is None):
        fail("NOT_FOUND: Resource 'x' was not found")
    if what == "node":
        return f"{tpu['node']}\t{tpu['workers']}"
    states = tpu["states"]
    return states.pop(0) if len(states) > 1 else states[0]


def main(argv: list[str]) -> None:
    words = [word for word in argv if not word.startswith("--")]
    flags = {m[1]: m[2] for m in map(FLAG.match, argv) if m}
    with State() as data:
        with open(f"{CLOUD}/calls.jsonl", "a") as log:
            log.write(json.dumps(argv) + "\n")
        rule = rule_for(argv, data)
        if rule:
            for name in rule.get("preempt", ()):
                data["tpus"][name].update(states=["SUSPENDED"], node="PREEMPTED")
                kill_programs(name)
            for name in rule.get("lose", ()):
                kill_programs(name)
            sys.stdout.write(rule.get("stdout", ""))
            sys.stderr.write(rule.get("stderr", ""))
            if "code" in rule:
                sys.exit(rule["code"])
        tpus = data["tpus"]
        if words[:2] == ["storage", "ls"]:
            if words[2].removeprefix("gs://") not in data.get("objects", []):
                fail("One or more URLs matched no objects.")
            return
        action, rest = words[2:4], words[4:]
        name = rest[-1].split(":")[0] if action[1] == "scp" else rest[0]
        if action == ["queued-resources", "create"]:
            if name in tpus:
                fail("ALREADY_EXISTS: Resource 'x' already exists")
            states = data.get("next_states") or ["ACTIVE"]
            data["next_states"] = None
            tpus[name] = {
                "states": states,
                "node": "READY",
                "workers": workers_of(flags["accelerator-type"]),
            }
            return
        if action == ["queued-resources", "delete"]:
            if name not in tpus:
                fail("NOT_FOUND: Resource 'x' was not found")
            kill_programs(name)
            import shutil

            shutil.rmtree(f"{CLOUD}/workers/{name}", ignore_errors=True)
            del tpus[name]
            return
        if action[1] == "describe":
            print(describe(tpus.get(name), "node" if action[0] == "tpu-vm" else "request"))
            return
        tpu = tpus.get(name)
        if tpu is None or tpu["node"] != "READY":
            fail(f"the TPU is in state {tpu and tpu['node']}")
        worker = flags["worker"]
        if int(worker) >= tpu["workers"]:
            fail(f"worker index {worker} is larger than the valid worker indexes")
    home = f"{CLOUD}/workers/{name}/{worker}"
    os.makedirs(f"{home}/tmux", exist_ok=True)
    if action[1] == "scp":
        target = f"{home}/{rest[1].split(':', 1)[1]}"
        with open(rest[0], "rb") as source, open(target, "wb") as copy:
            copy.write(source.read())
        os.chmod(target, os.stat(rest[0]).st_mode)
        return
    environment = {
        "HOME": home,
        "PATH": f"{CLOUD}/worker-bin:/usr/bin:/bin",
        "TMUX_TMPDIR": f"{home}/tmux",
        "FAKE_CLOUD": CLOUD,
        "TPU": name,
        "WORKER": worker,
    }
    # What sshd does: the user's shell, with the command as one string.
    os.chdir(home)
    os.execve("/bin/bash", ["bash", "-c", flags["command"]], environment)


if __name__ == "__main__":
    main(sys.argv[1:])
