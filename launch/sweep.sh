#!/usr/bin/env bash
# Sizes x strategies x seeds: one run, and one workdir under --workdir, for each. Runs that have a results.csv are
# skipped, the others go on where they were: type the same command again after anything.
#
#   launch/sweep.sh --name=N --zone=Z --type=T --workdir=gs://bucket/sweep \
#       --sizes=gpt2,gpt2-medium --strategies=cot,socratic_iterative [--seeds=0,1] [--parallel] [...] [-- FLAGS]
#
# It takes the flags of launch/babysit.sh, and
#   --config=configs/gsm8k.py   takes the size as its argument
#   --parallel                  each run on a TPU of its own: N-1, N-2, ...
#   --tpus=4                    at most so many of them
#   --delete                    deletes the TPUs at the end
# FLAGS are added to every run. Runs on one TPU come one after the other; a run that fails does not stop the others,
# one that gets no TPU does: the next would not get one either.
# shellcheck disable=SC2153 # Flags set capitals: see parse_flags.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PASSED="name zone type project version service_account network subnetwork valid_until wait poll tries backoff"
PASSED+=" at_once workers env_file revision grace max_restarts settle"
SETTINGS="$PASSED workdir config sizes strategies seeds tpus"
SWITCHES="spot internal_ip delete parallel dry_run"

: "${CONFIG:=configs/gsm8k.py}" "${SEEDS:=0}" "${PARALLEL:=0}" "${DELETE:=0}" "${TPUS:=1000}"

is_done() { # WORKDIR
  local message
  if [[ $1 != *://* ]]; then
    [[ -e $1/results.csv ]]
  elif message=$(ask "" gcloud storage ls "$1/results.csv" 2>&1); then
    if dry; then return 1; fi
  elif [[ $message == *'matched no objects'* || $message == *'was not found'* || $message == *404* ]]; then
    return 1
  else
    die "cannot look into $1: $message"
  fi
}

babysit() { # TPU RUN
  local size strategy seed
  read -r size strategy seed <<<"$2"
  NAME=$1 DELETE=0 "$LAUNCH/babysit.sh" -- --config="$CONFIG:$size" --workdir="$WORKDIR/$(name_of "$2")" \
    --config.strategies="(\"$strategy\",)" --config.seed="$seed" "${PROGRAM[@]}"
}

name_of() { # RUN
  local size strategy seed
  read -r size strategy seed <<<"$1"
  printf '%s-%s-seed%s' "$size" "$strategy" "$seed"
}

lane() { # TPU RUNS...: one after the other; leaves each one's exit code in $SCRATCH/RUN.
  local tpu=$1 run code
  for run in "${@:2}"; do
    say "$tpu: $(name_of "$run")"
    code=0
    babysit "$tpu" "$run" || code=$?
    echo "$code" >"$SCRATCH/$(name_of "$run")"
    ((code != TEMPORARY)) || break
  done
  if [[ $DELETE == 1 ]]; then
    NAME=$tpu "$LAUNCH/tpu.sh" delete || say "$tpu: could not be deleted, and costs money"
  fi
}

lane_with_prefix() { # TPU RUNS...
  lane "$@" 2>&1 3>&1 | prefix "[$1] "
}

sweep() {
  local size strategy seed run tpu lanes i j code failed=0
  local todo=() mine
  for size in ${SIZES//,/ }; do
    for strategy in ${STRATEGIES//,/ }; do
      for seed in ${SEEDS//,/ }; do
        run="$size $strategy $seed"
        if is_done "$WORKDIR/$(name_of "$run")"; then
          say "$(name_of "$run"): done before"
        else
          todo+=("$run")
        fi
      done
    done
  done
  ((${#todo[@]} > 0)) || { say "nothing is left to do" && return; }
  say "${#todo[@]} run(s) to do"
  if [[ $PARALLEL != 1 ]]; then
    lane "$NAME" "${todo[@]}"
  else
    lanes=$((TPUS < ${#todo[@]} ? TPUS : ${#todo[@]}))
    for ((i = 0; i < lanes; i++)); do
      mine=()
      for ((j = i; j < ${#todo[@]}; j += lanes)); do mine+=("${todo[j]}"); done
      tpu=$NAME-$((i + 1))
      if dry; then lane "$tpu" "${mine[@]}"; else background lane_with_prefix "$tpu" "${mine[@]}"; fi
    done
    wait
  fi
  dry || for run in "${todo[@]}"; do
    code=$(cat "$SCRATCH/$(name_of "$run")" 2>/dev/null || echo "not started")
    if [[ $code == 0 ]]; then code=finished; else failed=$((failed + 1)); fi
    printf '%-50s %s\n' "$(name_of "$run")" "$code"
  done
  ((failed == 0)) || die "$failed run(s) did not finish; the same command does them again"
}

parse_flags "$SETTINGS" "$SWITCHES" "$@"
((${#WORDS[@]} == 0)) || die "what is '${WORDS[0]}'? flags of the program stand after --" 2
need NAME ZONE TYPE WORKDIR SIZES STRATEGIES
need_number TPUS
need_gcloud
WORKDIR=${WORKDIR%/}
: "${REVISION:=$(git -C "$LAUNCH" rev-parse HEAD)}"
for setting in $PASSED spot internal_ip dry_run; do declare -x "${setting^^}"; done
scratch
sweep
