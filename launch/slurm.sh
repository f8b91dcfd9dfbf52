#!/usr/bin/env bash
# A run on a GPU cluster with Slurm, one process for each GPU.
#
#   sbatch [--nodes=2] [other options of sbatch] launch/slurm.sh --config=... --workdir=/shared/runs/x [FLAGS]
#
# Type it in the repository. The workdir has to be seen by all nodes. Two minutes before the time is up the program
# is told to save, exits with 42, and the job is put into the queue again; so it is when Slurm preempts it, and when a
# process was killed. The lines below are for nodes with eight GPUs; options on sbatch's command line go before them.
#
#   PYTHON=.venv/bin/python   the Python that has `pip install -e '.[cuda]'`
#   CONTAINER=image.sqsh      runs in a container instead; needs the pyxis plug-in, and PYTHON=python
#   MOUNTS=/shared,/scratch   directories that the container sees, beside the one that sbatch was typed in
#   MAX_RESTARTS=50           so often it is put into the queue again
#   ENV_FILE=keys             lines NAME=VALUE, such as API keys, that only you can read
#SBATCH --job-name=socratic
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=socratic-%j.log
set -euo pipefail

readonly PREEMPTED=42

: "${PYTHON:=.venv/bin/python}" "${MAX_RESTARTS:=50}" "${CONTAINER:=}" "${MOUNTS:=}" "${ENV_FILE:=}"

die() {
  printf 'error: %s\n' "$1" >&2
  exit "${2:-1}"
}

mounted() { # PATH MOUNTS: does it lie in one of them? Of a mount SOURCE:TARGET:FLAGS the container sees TARGET.
  local mount all
  IFS=, read -ra all <<<"$2"
  for mount in "${all[@]}"; do
    [[ $mount != *:* ]] || { mount=${mount#*:} && mount=${mount%%:*}; }
    [[ $1/ != "${mount%/}"/* ]] || return 0
  done
  return 1
}

[[ " $*" == *" --config="* && " $*" == *" --workdir="* ]] || die "missing: --config=... and --workdir=..." 2
[[ -n ${SLURM_JOB_ID:-} ]] || die "this is for sbatch, not for a shell" 2
cd "${SLURM_SUBMIT_DIR:-.}"

if [[ -n $ENV_FILE ]]; then
  [[ $(ls -ldL "$ENV_FILE") == -r[w-][x-]------* ]] || die "others may read $ENV_FILE; chmod 600 it" 2
  while IFS= read -r line || [[ -n $line ]]; do
    [[ ! $line =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || export "${line?}"
  done <"$ENV_FILE"
fi

flags=("$@")
[[ " $*" == *" --distributed"* ]] || flags+=(--distributed=auto)
# One process that ends lets the others hang: those get ten minutes to save.
step=(--wait=600 --kill-on-bad-exit=0)
if [[ -n $CONTAINER ]]; then
  mounts=$PWD${MOUNTS:+,$MOUNTS}
  for flag in "$@"; do
    [[ $flag != --workdir=/* ]] || mounted "${flag#*=}" "$mounts" ||
      die "${flag#*=} is lost with the container, which only sees $mounts; add its directory to MOUNTS" 2
  done
  step+=(--container-image="$CONTAINER" --container-mounts="$mounts" --container-workdir="$PWD")
fi

# Runs a command, passes TERM on to it, and returns its exit code. The signal ends `wait` early, so that is called
# until the command is gone.
watch() {
  local pid code=0
  "$@" &
  pid=$!
  # shellcheck disable=SC2064
  trap "kill -TERM $pid 2>/dev/null || true" TERM
  while kill -0 "$pid" 2>/dev/null; do wait "$pid" || true; done
  wait "$pid" || code=$?
  return "$code"
}

# In every process. srun returns the highest exit code of all: one that failed has to count more than others that saw
# it go and end with 42. When the first process is killed (137), JAX's runtime aborts the others (134). Neither is a
# failure of the program, and nobody else tells this script why a process is gone.
# shellcheck disable=SC2329
process() {
  local code=0
  watch "$@" || code=$?
  ((code == 0 || code == 42)) || echo "process ${SLURM_PROCID:-?}: exit code $code" >&2
  case $code in
    0 | 42) return "$code" ;;
    134 | 137) return 42 ;;
    *) return 100 ;;
  esac
}

code=0
watch srun "${step[@]}" bash -c "$(declare -f watch process); process \"\$@\"" process \
  "$PYTHON" -m socratic_jax.main "${flags[@]}" || code=$?

if ((code == PREEMPTED)); then
  # A job that was cancelled, or that Slurm puts back itself, is no longer running.
  state=$(squeue --noheader --format=%T --jobs="$SLURM_JOB_ID" 2>/dev/null || true)
  if [[ $state == RUNNING ]]; then
    ((${SLURM_RESTART_COUNT:-0} < MAX_RESTARTS)) ||
      die "started $MAX_RESTARTS times again; the same command goes on" "$code"
    echo "stopped; back into the queue"
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
  fi
fi
exit "$code"
