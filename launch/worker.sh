#!/usr/bin/env bash
# What happens on one worker of a TPU. launch/tpu.sh brings this file there and calls it over ssh.
#
#   worker.sh unpack | install EXTRA PYTHON | start env|noenv FLAGS... | status FLAGS... | logs LINES FOLLOW |
#             stop SECONDS
#
# All it makes lies in ~/socratic: code/, venv/, and run/ with the log, the exit code and the flags of the run.
# Calling anything twice is safe: gcloud repeats a command whose connection broke.
set -euo pipefail

ROOT=$HOME/socratic
RUN=$ROOT/run
PYTHON=$ROOT/venv/bin/python
SELF=$ROOT/code/launch/worker.sh

# With this code launch/tpu.sh does not try again.
readonly REFUSED=65

refuse() {
  printf '%s\n' "$*" >&2
  exit "$REFUSED"
}

alive() { tmux -L socratic has-session -t =socratic 2>/dev/null; }

unpack() {
  ! alive || refuse "a run is going on here; stop it first"
  rm -rf "$ROOT/new"
  mkdir -p "$ROOT/new"
  tar -xzf "$HOME/socratic_code.tar.gz" -C "$ROOT/new"
  rm -rf "$ROOT/code"
  mv "$ROOT/new" "$ROOT/code"
  if [[ -f $ROOT/installed ]] && ! cmp -s "$ROOT/installed" "$ROOT/code/setup.py"; then
    echo "setup.py is not what was installed: run setup again"
  fi
}

# Python comes from uv. The TPU images have Python 3.10, and the python3.11 of Ubuntu 22.04 is a release candidate.
install() { # EXTRA PYTHON
  ! alive || refuse "a run is going on here; stop it first"
  export PATH=$HOME/.local/bin:$PATH
  command -v tmux >/dev/null || apt tmux
  if ! command -v uv >/dev/null; then
    python3 -m pip --version >/dev/null 2>&1 || apt python3-pip
    python3 -m pip install --user --quiet 'uv>=0.5'
  fi
  [[ -x $PYTHON ]] || uv venv --quiet --python "$2" "$ROOT/venv"
  # gcsfs is what opens gs:// paths.
  uv pip install --quiet --python "$PYTHON" --editable "$ROOT/code[$1]" gcsfs
  cp "$ROOT/code/setup.py" "$ROOT/installed"
}

apt() { # PACKAGE. A new machine is busy updating itself and holds the lock.
  sudo apt-get -o DPkg::Lock::Timeout=300 -qq update
  sudo apt-get -o DPkg::Lock::Timeout=300 -qq install -y "$1" >/dev/null
}

same() { # FLAGS...: is the last run one with these flags?
  [[ -f $RUN/flags ]] && printf '%s\0' "$@" | cmp -s - "$RUN/flags"
}

start() { # env|noenv FLAGS...
  local env=$1
  shift
  [[ -x $PYTHON ]] || refuse "Python is not installed here; run setup first"
  if alive; then
    same "$@" || refuse "another run is going on here; stop it first"
    return 0
  fi
  # The variables of a run are those that its own start brought.
  [[ $env == env ]] || rm -f "$HOME/socratic_env"
  mkdir -p "$RUN"
  rm -f "$RUN/exit_code" "$RUN/pid" "$RUN/stopped"
  printf '%s\0' "$@" >"$RUN/flags"
  # Its own tmux server, which outlives this connection.
  tmux -L socratic new-session -d -s socratic bash "$SELF" supervise
}

# Runs inside of tmux, where `attach` shows the log. The program does not write to the terminal, so it does not die
# with it.
supervise() {
  local flags pid code=0
  mapfile -d '' -t flags <"$RUN/flags"
  load_env
  cd "$ROOT/code"
  printf -- '--- %(%F %T)T: started\n' -1 >>"$RUN/log"
  # A process group of its own: Ctrl-C in tmux does not reach it, and KILL gets all of it.
  setsid "$PYTHON" -m socratic_jax.main "${flags[@]}" >>"$RUN/log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$RUN/pid"
  trap 'kill -TERM "$pid" 2>/dev/null || true' TERM HUP INT
  tail -n 50 -F --pid="$pid" "$RUN/log" &
  # A trapped signal ends `wait` early.
  while kill -0 "$pid" 2>/dev/null; do wait "$pid" || true; done
  wait "$pid" || code=$?
  printf -- '--- %(%F %T)T: exit code %s\n' -1 "$code" >>"$RUN/log"
  echo "$code" >"$RUN/exit_code.new"
  mv "$RUN/exit_code.new" "$RUN/exit_code"
}

load_env() { # Lines NAME=VALUE, taken as they are. The file is removed once it is read.
  local line value
  [[ -f $HOME/socratic_env ]] || return 0
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%$'\r'}
    [[ $line =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || continue
    value=${line#*=}
    if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
    export "${line%%=*}=$value"
  done <"$HOME/socratic_env"
  rm -f "$HOME/socratic_env"
}

# One line: @status STATE EXIT_CODE same|other LAST_LINE. STATE is idle, running, stopped (by `stop`), exited, or
# lost: the machine was started anew, or something killed the supervisor.
status() { # FLAGS...
  local state=idle code=- which=other last=-
  if [[ -f $RUN/flags ]]; then
    same "$@" && which=same
    [[ ! -f $RUN/exit_code ]] || code=$(<"$RUN/exit_code")
    if alive; then
      state=running
    elif [[ -f $RUN/stopped ]]; then
      state=stopped
    elif [[ -f $RUN/exit_code ]]; then
      state=exited
    else
      state=lost
    fi
    last=$(tail -n 20 "$RUN/log" 2>/dev/null | grep -v -e '^---' -e '^[[:space:]]*$' | tail -n 1) || true
    last=$(printf '%s' "$last" | tr -d '\000-\037' | cut -c 1-200)
  fi
  printf '@status %s %s %s %s\n' "$state" "$code" "$which" "$last"
}

logs() { # LINES FOLLOW
  [[ -f $RUN/log ]] || refuse "nothing has run here"
  if [[ $2 == 1 ]]; then exec tail -n "$1" -F "$RUN/log"; else tail -n "$1" "$RUN/log"; fi
}

# TERM goes to the program, not to tmux: it saves, together with the other workers, and exits with 42.
stop() { # SECONDS
  local pid i
  alive || { echo "nothing runs" && return; }
  touch "$RUN/stopped"
  pid=$(cat "$RUN/pid" 2>/dev/null || true)
  if [[ -n $pid ]]; then
    kill -TERM "$pid" 2>/dev/null || true
    for ((i = 0; i < 10 * $1; i++)); do
      alive || break
      sleep 0.1
    done
    if alive; then
      echo "not stopped after $1 s: killed"
      kill -KILL -- "-$pid" 2>/dev/null || true
      for ((i = 0; i < 100; i++)); do
        alive || break
        sleep 0.1
      done
    fi
  fi
  ! alive || tmux -L socratic kill-session -t =socratic
  echo "stopped, exit code $(cat "$RUN/exit_code" 2>/dev/null || echo unknown)"
}

main() {
  local command=${1:-}
  shift || true
  case $command in
    unpack) unpack ;;
    install) install "$@" ;;
    start) start "$@" ;;
    supervise) supervise ;;
    status) status "$@" ;;
    logs) logs "$@" ;;
    stop) stop "$@" ;;
    *) refuse "unknown command '$command'; valid: unpack install start status logs stop" ;;
  esac
}

# `unpack` replaces this file: bash must have read all of it by then.
main "$@"
exit
