#!/usr/bin/env bash
# A Cloud TPU VM or pod, from its creation to its deletion.
#
#   launch/tpu.sh COMMAND --name=N --zone=Z [--type=v5litepod-8] [--spot] [...] [-- FLAGS OF socratic_jax.main]
#
#   create   asks for the TPU and waits until it is there; what is there already is used
#   setup    copies the code to all workers and installs Python and the packages
#   copy     copies the code again, after a change: the commit that is checked out
#   run      starts `python -m socratic_jax.main FLAGS` on all workers, in tmux; its --workdir decides where it goes on
#   attach   shows what a worker's tmux shows        logs    follows the log of one worker, or of --worker=all
#   status   of the TPU and of the run               stop    lets the run save and end
#   delete   gives the TPU back
#
# Every setting is a flag (--zone=Z) or a variable (ZONE=Z). --dry_run prints the commands instead of running them.
# launch/README.md explains the settings and the exit codes.
# shellcheck disable=SC2153 # Flags set capitals: see parse_flags.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=cloud.sh
. "$LAUNCH/cloud.sh"

COMMANDS="create setup copy run attach logs status stop delete"
SETTINGS="name zone type project version service_account network subnetwork valid_until wait poll tries backoff"
SETTINGS+=" at_once workers worker tail env_file revision grace"
SWITCHES="spot internal_ip follow short dry_run"

: "${PROJECT:=}" "${SPOT:=0}" "${INTERNAL_IP:=0}" "${SHORT:=0}" "${FOLLOW:=1}"
: "${WAIT:=86400}"  # Seconds to wait for the TPU.
: "${POLL:=30}"     # Seconds between two looks at its state.
: "${TRIES:=3}"     # Of a request, and of a command on a worker.
: "${BACKOFF:=10}"  # Seconds before the second try; doubles.
: "${AT_ONCE:=32}"  # Connections at a time.
: "${GRACE:=300}"   # Seconds that `stop` leaves the run to save.
: "${TAIL:=50}"     # Lines of log before it is followed.
: "${REVISION:=HEAD}"

# ---- create, delete

create() {
  need TYPE
  VERSION=${VERSION:-$(version_of_type)}
  local state shown='' waited=0 attempt=0 assumed=ABSENT
  while :; do
    state=$(tpu_state "$assumed") || die "cannot ask for the state of $NAME"
    [[ $state == "$shown" ]] || say "$NAME: $state"
    shown=$state
    if [[ $state == READY ]]; then
      return
    elif [[ $state == ABSENT ]]; then
      attempt=$((attempt + 1))
      ((attempt <= TRIES)) ||
        die "$NAME was not to be had in $TRIES tries; try again later, or another --zone" "$TEMPORARY"
      ((attempt == 1)) || backoff $((attempt - 1))
      request
      assumed=ACTIVE
    elif is_lost "$state"; then
      remove
    else
      ((waited < WAIT)) || die "$NAME is still $state after $WAIT s; the request stays, create waits on" "$TEMPORARY"
      pause "$POLL"
      waited=$((waited + POLL))
    fi
  done
}

request() {
  local flags=(--node-id="$NAME" --accelerator-type="$TYPE" --runtime-version="$VERSION") message
  [[ $SPOT != 1 ]] || flags+=(--spot)
  [[ -z ${VALID_UNTIL:-} ]] || flags+=(--valid-until-duration="$VALID_UNTIL")
  [[ -z ${SERVICE_ACCOUNT:-} ]] || flags+=(--service-account="$SERVICE_ACCOUNT")
  [[ -z ${NETWORK:-} ]] || flags+=(--network="$NETWORK")
  [[ -z ${SUBNETWORK:-} ]] || flags+=(--subnetwork="$SUBNETWORK")
  [[ $INTERNAL_IP != 1 ]] || flags+=(--internal-ips)
  if run gcloud compute tpus queued-resources create "$NAME" "${WHERE[@]}" "${flags[@]}" 2>"$SCRATCH/error" >&2; then
    return
  fi
  message=$(<"$SCRATCH/error")
  printf '%s\n' "$message" >&2
  shopt -s nocasematch
  case $message in
    *ALREADY_EXISTS* | *'no more capacity'*) ;;
    *quota*)
      die "no quota for $TYPE in $ZONE (spot: $SPOT); ask for it under IAM & Admin > Quotas, or take another zone"
      ;;
    *permission* | *INVALID_ARGUMENT* | *NOT_FOUND* | *'active account'* | *reauthentication* | *'unrecognized arg'*)
      die "the request for $NAME was refused"
      ;;
    *) say "the request failed" ;;
  esac
  shopt -u nocasematch
}

remove() { # Deletes the request and its node, and waits until they are gone.
  local attempt waited
  for ((attempt = 1; ; attempt++)); do
    ! run gcloud compute tpus queued-resources delete "$NAME" "${WHERE[@]}" --force --quiet \
      2>"$SCRATCH/error" >&2 || break
    ! says_absent || break
    cat "$SCRATCH/error" >&2
    ((attempt < TRIES)) || die "cannot delete $NAME; it may still cost money"
    backoff "$attempt"
  done
  for ((waited = 0; waited <= 1800; waited += POLL > 0 ? POLL : 1)); do
    [[ $(request_state ABSENT) != ABSENT ]] || return 0
    pause "$POLL"
  done
  die "$NAME is still there half an hour after its deletion; it may still cost money"
}

delete() {
  local state
  state=$(request_state ACTIVE) || die "cannot ask for the state of $NAME"
  if [[ $state == ABSENT ]]; then
    say "$NAME is not there"
  else
    remove
    say "$NAME is deleted"
  fi
}

# ---- setup, copy

setup() {
  find_workers
  # The first connection makes an ssh key and tells the TPU: not from many sides at once. A new machine may
  # refuse it for a minute.
  on_workers "connecting to worker 0" hello 0 || { show_failures "connecting" && exit 1; }
  copy_code
  everywhere "installing" install
}

copy() {
  find_workers
  copy_code
}

copy_code() {
  local commit
  commit=$(git -C "$LAUNCH" rev-parse --verify --quiet "$REVISION^{commit}") ||
    die "$REVISION is no commit of this repository"
  [[ -z $(git -C "$LAUNCH" status --porcelain) || $commit != $(git -C "$LAUNCH" rev-parse HEAD) ]] ||
    say "warning: changes that are not committed are not copied"
  ARCHIVE=${XDG_CACHE_HOME:-$HOME/.cache}/socratic_jax/$NAME.tar.gz
  dry || mkdir -p "$(dirname "$ARCHIVE")"
  # What git tracks: no data, no runs, no keys.
  run git -C "$(dirname "$LAUNCH")" archive --format=tar.gz --output="$ARCHIVE" "$commit"
  everywhere "copying" deliver
  show_outputs "${ALL[@]}"
}

hello() { on_worker "$1" true; }

deliver() {
  # worker.sh comes out of the archive, and unpacks the rest.
  local unpack="mkdir -p socratic"
  unpack+=" && tar -xzf socratic_code.tar.gz -C socratic --strip-components=1 launch/worker.sh"
  unpack+=" && bash socratic/worker.sh unpack"
  to_worker "$1" "$ARCHIVE" socratic_code.tar.gz && on_worker "$1" "$unpack"
}

install() { on_worker "$1" "$(remote install tpu 3.11)"; }

# ---- run, stop

program_flags() { # Sets FLAGS, from what stands after --.
  local word
  FLAGS=("${PROGRAM[@]}")
  for word in "${PROGRAM[@]}"; do
    [[ $word != --distributed* ]] || return 0
  done
  ((${#FLAGS[@]} == 0)) || FLAGS+=(--distributed=auto)
}

check_program() { # Sets WORKDIR.
  local word config=
  WORKDIR=
  for word in "${PROGRAM[@]}"; do
    [[ $word != --config=* ]] || config=$word
    [[ $word != --workdir=* ]] || WORKDIR=${word#*=}
  done
  [[ -n $config && -n $WORKDIR ]] || die "missing after --: --config=... and --workdir=..." 2
  [[ $WORKDIR == *://* || $WORKDIR == /* || $WORKDIR == '~'* ]] ||
    die "--workdir=$WORKDIR would lie in the code, which copy replaces; use gs://bucket/path, or an absolute path" 2
}

check_env_file() {
  local line number=0
  [[ -n ${ENV_FILE:-} ]] || return 0
  [[ -r $ENV_FILE ]] || die "cannot read $ENV_FILE" 2
  # scp keeps the mode.
  [[ $(ls -ldL "$ENV_FILE") == -r[w-][x-]------* ]] || die "others may read $ENV_FILE; chmod 600 it" 2
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    [[ $line =~ ^[[:space:]]*(#.*)?$ || $line =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] ||
      die "$ENV_FILE:$number: not NAME=VALUE" 2 # Not the line: it may be a key.
  done <"$ENV_FILE"
}

run_program() {
  local worker with=noenv
  check_program
  check_env_file
  find_workers
  if [[ $WORKDIR != *://* ]]; then
    ((${#ALL[@]} == 1)) || die "${#ALL[@]} workers need one workdir that all of them see: gs://bucket/path" 2
    say "warning: $WORKDIR is on the TPU's own disk and is lost with it"
  fi
  look
  for worker in "${ALL[@]}"; do
    [[ ${STATE[worker]} != running ]] || die "a run is going on on worker $worker; see it with logs, end it with stop"
    [[ ${STATE[worker]} != unreachable ]] || die "worker $worker cannot be reached"
  done
  if [[ -n ${ENV_FILE:-} ]]; then
    with="env"
    everywhere "copying $ENV_FILE" deliver_env
  fi
  START=$(remote start "$with" "${FLAGS[@]}")
  say "starting: ${#ALL[@]} worker(s)"
  if ! on_workers "starting" start "${ALL[@]}"; then
    show_failures "starting"
    # The others would wait for the missing one.
    GRACE=5 on_workers "stopping" stop_worker "${ALL[@]}" || true
    exit 1
  fi
}

deliver_env() { to_worker "$1" "$ENV_FILE" socratic_env; }

start() { on_worker "$1" "$START"; }

stop() {
  local answer
  answer=$(node_state) || die "cannot ask for the state of $NAME"
  if [[ $answer != READY* ]]; then
    say "$NAME is ${answer%%[[:space:]]*}: nothing runs"
    return
  fi
  find_workers "$answer"
  everywhere "stopping" stop_worker
  show_outputs "${ALL[@]}"
}

stop_worker() { on_worker "$1" "$(remote stop "$GRACE")"; }

# ---- attach, logs, status

attach() {
  [[ ${WORKER:=0} =~ ^[0-9]+$ ]] || die "--worker wants a number, not '$WORKER'" 2
  on_worker "$WORKER" "tmux -L socratic attach -t =socratic" --ssh-flag=-t
}

logs() {
  local worker jobs=()
  FAILED=()
  if [[ ${WORKER:=0} != all ]]; then
    [[ $WORKER =~ ^[0-9]+$ ]] || die "--worker wants a number or all, not '$WORKER'" 2
    on_worker "$WORKER" "$(remote logs "$TAIL" "$FOLLOW")"
    return
  fi
  find_workers
  for worker in "${ALL[@]}"; do
    if dry; then
      log_of "$worker"
    else
      background log_of "$worker"
      jobs[worker]=$!
    fi
  done
  # `wait` alone would not tell how they ended.
  for worker in "${!jobs[@]}"; do wait "${jobs[worker]}" || FAILED+=("$worker"); done
  ((${#FAILED[@]} == 0)) || die "logs failed on worker ${FAILED[*]}"
}

log_of() { # WORKER: its lines, with its number before each.
  if dry; then
    on_worker "$1" "$(remote logs "$TAIL" "$FOLLOW")"
  else
    on_worker "$1" "$(remote logs "$TAIL" "$FOLLOW")" | prefix "[$1] "
  fi
}

look() { # Sets STATE, CODE, SAME and LAST of every worker.
  local worker answer
  STATE=() CODE=() SAME=() LAST=()
  on_workers "asking" ask_worker "${ALL[@]}" || true
  for worker in "${ALL[@]}"; do
    STATE[worker]=unreachable CODE[worker]=- SAME[worker]=other LAST[worker]=
    if dry || [[ $(<"$SCRATCH/$worker.code") == 127 ]]; then
      STATE[worker]=idle
    elif answer=$(grep '^@status ' "$SCRATCH/$worker.out"); then
      read -r _ "STATE[worker]" "CODE[worker]" "SAME[worker]" "LAST[worker]" <<<"$answer"
    fi
  done
}

ask_worker() { on_worker "$1" "$(remote status "${FLAGS[@]}")"; }

status() {
  local request answer state worker
  request=$(request_state "${ASSUME:-ACTIVE}") || die "cannot ask for the state of $NAME"
  answer=$(node_state) || die "cannot ask for the state of $NAME"
  state=${answer%%[[:space:]]*}
  if [[ $SHORT == 1 ]]; then
    short_status "$request" "$answer"
    return
  fi
  dry || printf '%-16s %s\n' request "$request" node "$state"
  [[ $state == READY ]] || return 0
  find_workers "$answer"
  look
  dry || for worker in "${ALL[@]}"; do
    printf '%-16s %-12s %-5s %s\n' "worker $worker" "${STATE[worker]}" "${CODE[worker]}" "${LAST[worker]}"
  done
}

# One line for scripts: gone | waiting | idle | running | other | finished | ending | preempted | stopped |
# lost WORKER | unreachable WORKER | failed CODE WORKER. `preempted` means that the run says so (exit code 42) or that
# JAX's runtime aborted it since the first worker is gone (134), on all workers; `ending`, on some. A TPU that was
# preempted is `gone`.
short_status() { # REQUEST NODE_STATE
  local worker state=$1 lost='' failed='' unreachable='' running='' other='' stopped='' preempted='' finished=0
  [[ $state != ACTIVE ]] || state=${2%%[[:space:]]*}
  if [[ $state == ABSENT ]] || is_lost "$state"; then
    echo gone
    return
  elif [[ $state != READY ]]; then
    echo waiting
    return
  fi
  find_workers "$2"
  look
  for worker in "${ALL[@]}"; do
    case ${STATE[worker]} in
      running) [[ ${SAME[worker]} == other ]] && other=$worker || running=$worker ;;
      unreachable) unreachable=$worker ;;
      idle) ;;
      *)
        [[ ${SAME[worker]} == same ]] || continue # A run of before.
        case ${STATE[worker]}/${CODE[worker]} in
          stopped/*) stopped=$worker ;;
          lost/*) lost=$worker ;;
          exited/0) finished=$((finished + 1)) ;;
          exited/42 | exited/134) preempted=$worker ;;
          *) failed="${CODE[worker]} $worker" ;;
        esac
        ;;
    esac
  done
  # A worker that was lost explains why others failed, a failure why others still hang.
  if [[ -n $other ]]; then
    echo other
  elif [[ -n $unreachable ]]; then
    echo "unreachable $unreachable"
  elif [[ -n $stopped ]]; then
    [[ -n $running ]] && echo running || echo stopped
  elif [[ -n $lost ]]; then
    echo "lost $lost"
  elif [[ -n $failed ]]; then
    echo "failed $failed"
  elif [[ -n $running && -n $preempted ]]; then
    echo ending
  elif [[ -n $running ]]; then
    echo running
  elif [[ -n $preempted ]]; then
    echo preempted
  elif ((finished == ${#ALL[@]})); then
    echo finished
  else
    echo idle
  fi
}

# ----

main() {
  local command
  parse_flags "$SETTINGS" "$SWITCHES" "$@"
  command=${WORDS[0]:-}
  [[ " $COMMANDS " == *" ${command:-none} "* ]] || die "unknown command '$command'; valid: $COMMANDS" 2
  ((${#WORDS[@]} == 1)) || die "what is '${WORDS[1]}'? flags of the program stand after --" 2
  need NAME ZONE
  [[ $NAME =~ ^[a-z]([a-z0-9-]*[a-z0-9])?$ ]] || die "--name wants small letters, digits and dashes, not '$NAME'" 2
  need_number WAIT POLL TRIES BACKOFF AT_ONCE GRACE TAIL
  ((AT_ONCE > 0)) || die "--at_once=0 would wait for ever; it wants a number of connections" 2
  [[ -z ${WORKERS:-} ]] || need_number WORKERS
  need_gcloud
  scratch
  WHERE=(--zone="$ZONE")
  [[ -z $PROJECT ]] || WHERE+=(--project="$PROJECT")
  SSH=(--quiet)
  [[ $INTERNAL_IP != 1 ]] || SSH+=(--internal-ip)
  program_flags
  case $command in
    create) create ;;
    setup) setup ;;
    copy) copy ;;
    run) run_program ;;
    attach) attach ;;
    logs) logs ;;
    status) status ;;
    stop) stop ;;
    delete) delete ;;
  esac
}

main "$@"
