#!/usr/bin/env bash
# Runs a program on a TPU to its end: creates the TPU, creates it again when it was preempted, starts again what was
# preempted (exit code 42) or lost its first worker (134), and stops at a real failure. The workdir decides where a run
# goes on, so this script remembers nothing: kill it and start it again whenever you like.
#
#   launch/babysit.sh --name=N --zone=Z --type=T [--spot] [--delete] [...] -- --config=... --workdir=gs://...
#
# It takes the flags of launch/tpu.sh, and
#   --max_restarts=50   starts after the first      --settle=60   seconds before a failure is believed: a pod that
#   --delete            deletes the TPU at the end                loses a worker fails first and is preempted after
# shellcheck disable=SC2153 # Flags set capitals: see parse_flags.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SETTINGS="name zone type project version service_account network subnetwork valid_until wait poll tries backoff"
SETTINGS+=" at_once workers env_file revision grace max_restarts settle"
SWITCHES="spot internal_ip delete dry_run"

: "${POLL:=60}" "${BACKOFF:=10}" "${MAX_RESTARTS:=50}" "${SETTLE:=60}" "${GRACE:=300}" "${DELETE:=0}"

readonly PATIENCE=5 # Looks at a TPU that does not answer, before it is replaced.

tpu() { "$LAUNCH/tpu.sh" "$1" "${@:2}" -- "${PROGRAM[@]}"; }

check() { # The flags of the program and the file of keys.
  local message code=0
  message=$(DRY_RUN=1 tpu run 2>&1 3>/dev/null) || code=$?
  ((code == 0)) || { printf '%s\n' "$message" | grep '^error' >&2 && exit "$code"; }
}

look() { # Sets STATE, to a word of `tpu.sh status --short` or to `unknown`.
  local code=0
  STATE=$(ASSUME=ABSENT tpu status --short) || code=$?
  case $code in
    0) ;;
    "$TEMPORARY") STATE=gone ;; # Lost while it was asked.
    *) STATE=unknown ;;
  esac
}

take() { # STEPS...: 0 if all were taken, 1 if it makes sense to look again. Else the script ends.
  local step code
  for step in "$@"; do
    code=0
    tpu "$step" || code=$?
    case $code in
      0) ;;
      "$TEMPORARY") return 1 ;;
      2) exit 2 ;;
      *)
        [[ $step != create && $step != delete ]] || die "$step failed"
        mishaps=$((mishaps + 1))
        ((mishaps < 3)) || die "$step failed three times; $NAME is left as it is, and costs money"
        return 1
        ;;
    esac
  done
  mishaps=0
}

give_up() { # WHY WORKER
  tpu stop || true
  say "the last lines of worker $2:"
  tpu logs --worker="$2" --nofollow --tail=30 >&2 || true
  die "$1; $NAME is left as it is, and costs money: launch/tpu.sh delete --name=$NAME --zone=$ZONE"
}

finish() {
  local delete="launch/tpu.sh delete --name=$NAME --zone=$ZONE"
  say "finished"
  if [[ $DELETE == 1 ]]; then
    tpu delete || die "the run is finished, but $NAME could not be deleted and still costs money: $delete"
  else
    say "$NAME still costs money: $delete"
  fi
}

babysit() {
  local starts=0 in_a_row=0 mishaps=0 silent=0 looks=0 ended=0 first=1 unsettled=0 suspect='' shown='' steps code worker
  while :; do
    look
    [[ $STATE == "$shown" ]] || say "$NAME: $STATE"
    shown=$STATE
    [[ $STATE == unreachable* || $STATE == unknown ]] || silent=0
    [[ $STATE == failed* ]] || suspect=
    [[ $STATE == ending ]] || ended=0
    steps=()
    # Who starts this script wants the run to go on, however it ended before.
    if ((first)) && [[ $STATE =~ ^(failed|stopped|lost|preempted) ]]; then
      say "the last run did not finish; starting it again"
      STATE=ended
    fi
    first=0
    case $STATE in
      running)
        looks=$((looks + 1))
        ((looks < 10)) || in_a_row=0 # It ran for a while.
        ;;
      ending)
        # Some still save, or wait for those that are gone.
        ended=$((ended + POLL))
        ((ended <= GRACE)) || steps=(stop run)
        ;;
      finished)
        finish
        exit
        ;;
      other) die "another run is going on on $NAME" ;;
      stopped)
        ((unsettled)) || die "the run was stopped by hand; start this again to go on"
        steps=(stop setup run) # By a step of ours, of which not all workers took the next.
        ;;
      gone | waiting) steps=(create setup run) ;;
      idle) steps=(setup run) ;;
      ended) steps=(stop setup run) ;;
      preempted) steps=(run) ;;
      lost*) steps=(stop run) ;;
      failed*)
        if [[ $suspect == "$STATE" ]]; then
          read -r _ code worker <<<"$STATE"
          give_up "the program failed on worker $worker with exit code $code" "$worker"
        fi
        suspect=$STATE
        pause "$SETTLE"
        continue
        ;;
      *)
        silent=$((silent + 1))
        if ((silent > PATIENCE)); then
          [[ $STATE != unknown ]] || die "cannot ask for the state of $NAME; start this again to go on"
          steps=(delete create setup run)
        fi
        ;;
    esac
    if ((${#steps[@]} == 0)); then
      pause "$POLL"
      continue
    fi
    if ((starts > MAX_RESTARTS)); then
      code=1
      [[ $STATE != gone && $STATE != waiting ]] || code=$TEMPORARY
      die "started $starts times, which is more than --max_restarts allows" "$code"
    fi
    ((in_a_row == 0)) || backoff "$in_a_row"
    starts=$((starts + 1)) in_a_row=$((in_a_row + 1)) looks=0 silent=0
    unsettled=1
    if take "${steps[@]}"; then unsettled=0 shown=''; fi
    if dry; then
      ASSUME=ACTIVE tpu status --short >/dev/null
      say "and so on, until all workers exit with 0"
      return
    fi
  done
}

parse_flags "$SETTINGS" "$SWITCHES" "$@"
((${#WORDS[@]} == 0)) || die "what is '${WORDS[0]}'? flags of the program stand after --" 2
need NAME ZONE TYPE
need_number POLL BACKOFF MAX_RESTARTS SETTLE GRACE
need_gcloud
# The same code after every restart, also when other work goes on in this directory.
: "${REVISION:=$(git -C "$LAUNCH" rev-parse HEAD)}"
for setting in $SETTINGS $SWITCHES; do declare -x "${setting^^}"; done
check # Before anything costs money.
babysit
