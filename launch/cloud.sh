# shellcheck shell=bash disable=SC2153
# Asking Google Cloud for the state of a TPU, and doing something on all of its workers. Sourced by tpu.sh, which
# checks the settings first: NAME, ZONE, TRIES, BACKOFF, AT_ONCE, and the flags WHERE and SSH of every command.

# From worker.sh: trying again is of no use.
readonly REFUSED=65

# ---- What the cloud says.

says_absent() { grep -q -e NOT_FOUND -e 'was not found' "$SCRATCH/error"; }

query() { # ASSUMED gcloud ...: its answer, or ABSENT. Tried again, because `create` may wait for hours.
  local attempt answer
  for ((attempt = 1; ; attempt++)); do
    if answer=$(ask "$@" 2>"$SCRATCH/error"); then
      printf '%s' "${answer:-UNKNOWN}"
      return
    fi
    if says_absent; then
      printf 'ABSENT'
      return
    fi
    ((attempt < TRIES)) || break
    backoff "$attempt"
  done
  cat "$SCRATCH/error" >&2
  return 1
}

request_state() { # ASSUMED
  query "$1" gcloud compute tpus queued-resources describe "$NAME" "${WHERE[@]}" --format='value(state.state)'
}

node_state() { # "STATE WORKERS"
  query "READY $(workers_of_type)" gcloud compute tpus tpu-vm describe "$NAME" "${WHERE[@]}" \
    --format='value(state,networkEndpoints.len())'
}

tpu_state() { # ASSUMED: the request's state or, once that is ACTIVE, the node's.
  local state
  state=$(request_state "$1") || return
  if [[ $state == ACTIVE ]]; then
    state=$(node_state) || return
    state=${state%%[[:space:]]*}
    [[ $state != ABSENT ]] || state=GONE
  fi
  printf '%s' "$state"
}

# A TPU in one of these states does not come back: it has to be deleted and asked for again.
is_lost() { [[ $1 =~ ^(FAILED|SUSPENDED|PREEMPTED|TERMINATED|STOPPED|HIDDEN|GONE)$ ]]; }

workers_of_type() { # Machines of an accelerator type; 0 if it is not known. Only a dry run has to rely on it.
  local size=${TYPE:-}
  size=${size##*-}
  if [[ -n ${WORKERS:-} ]]; then
    printf '%s' "$WORKERS"
  elif [[ ! $size =~ ^[0-9]+$ ]]; then
    printf 0
  elif [[ $TYPE == v5litepod-* || $TYPE == v6e-* ]]; then # Counts chips: up to 8 in one machine, else 4 in each.
    printf '%s' $((size <= 8 ? 1 : size / 4))
  else # Counts cores: 8 in a machine.
    printf '%s' $((size <= 8 ? 1 : size / 8))
  fi
}

version_of_type() {
  case $TYPE in
    v2-* | v3-* | v4-*) echo tpu-ubuntu2204-base ;;
    v5litepod-*) echo v2-alpha-tpuv5-lite ;;
    v5p-*) echo v2-alpha-tpuv5 ;;
    v6e-*) echo v2-alpha-tpuv6e ;;
    *) die "no runtime version is known for type $TYPE; give --version" 2 ;;
  esac
}

# ---- All workers at once.

find_workers() { # [NODE_STATE]: sets ALL to the numbers of the workers.
  local answer=${1:-} state count
  [[ -n $answer ]] || answer=$(node_state) || die "cannot ask for the state of $NAME"
  read -r state count <<<"$answer"
  [[ $state == READY ]] || die "$NAME is $state; launch/tpu.sh create makes it anew" "$TEMPORARY"
  count=${WORKERS:-${count:-0}}
  ((count > 0)) || die "cannot tell how many workers $NAME has; give --type or --workers" 2
  mapfile -t ALL < <(seq 0 $((count - 1)))
}

on_worker() { # WORKER COMMAND [GCLOUD FLAGS...]
  run gcloud compute tpus tpu-vm ssh "$NAME" "${WHERE[@]}" "${SSH[@]}" --worker="$1" --command="$2" "${@:3}"
}

to_worker() { # WORKER FILE NAME
  run gcloud compute tpus tpu-vm scp "$2" "$NAME:$3" "${WHERE[@]}" "${SSH[@]}" --worker="$1"
}

remote() { quote bash socratic/code/launch/worker.sh "$@"; }

# on_workers WHAT FUNCTION WORKERS...: calls FUNCTION for all of them side by side, again for those that failed, and
# sets FAILED. Output is left in $SCRATCH/WORKER.out. One connection a worker: `--worker=all` would not tell who failed.
on_workers() {
  local what=$1 function=$2 attempt worker
  local todo=("${@:3}") again
  FAILED=()
  if dry; then
    for worker in "${todo[@]}"; do "$function" "$worker"; done
    return
  fi
  for ((attempt = 1; ; attempt++)); do
    for worker in "${todo[@]}"; do
      while (($(jobs -rp | wc -l) >= AT_ONCE)); do wait -n || true; done
      background one_worker "$function" "$worker"
    done
    wait
    again=()
    for worker in "${todo[@]}"; do
      case $(<"$SCRATCH/$worker.code") in
        0) ;;
        "$REFUSED" | 126 | 127) FAILED+=("$worker") ;;
        *) again+=("$worker") ;;
      esac
    done
    ((${#again[@]} > 0)) || break
    must_be_there "$what"
    if ((attempt >= TRIES)); then
      FAILED+=("${again[@]}")
      break
    fi
    say "$what: trying worker ${again[*]} again"
    backoff "$attempt"
    todo=("${again[@]}")
  done
  ((${#FAILED[@]} == 0))
}

one_worker() { # FUNCTION WORKER
  local code=0
  "$1" "$2" >"$SCRATCH/$2.out" 2>"$SCRATCH/$2.err" || code=$?
  echo "$code" >"$SCRATCH/$2.code"
}

must_be_there() { # WHAT
  local answer
  answer=$(node_state) || return 0
  [[ $answer == READY* ]] || die "$NAME became ${answer%%[[:space:]]*} while $1" "$TEMPORARY"
}

show_failures() { # WHAT: the last lines of every worker that failed.
  local worker
  for worker in "${FAILED[@]}"; do
    if [[ $(<"$SCRATCH/$worker.code") == 127 ]]; then
      echo "worker $worker: nothing is set up here; run setup first" >&2
    else
      tail -q -n 15 "$SCRATCH/$worker.out" "$SCRATCH/$worker.err" | prefix "worker $worker: " >&2
    fi
  done
  printf 'error: %s failed on worker %s\n' "$1" "${FAILED[*]}" >&2
}

show_outputs() {
  local worker
  ! dry || return 0
  for worker in "$@"; do prefix "worker $worker: " <"$SCRATCH/$worker.out"; done
}

everywhere() { # WHAT FUNCTION: on all workers, or the script ends.
  say "$1: ${#ALL[@]} worker(s)"
  on_workers "$1" "$2" "${ALL[@]}" || { show_failures "$1" && exit 1; }
}
