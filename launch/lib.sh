# shellcheck shell=bash
# What the launch scripts share: flags, messages, dry runs, pauses. It is sourced, never run. Bash 4.4 or newer.

# shellcheck disable=SC2034
LAUNCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Exit codes: 1 is a failure that trying again does not mend, 2 a mistake on the command line, and
# shellcheck disable=SC2034
readonly TEMPORARY=75 # the TPU is gone, preempted, or cannot be had now: create it again, or try later.

# Where a dry run prints, also from inside $(...), and from inside of the scripts that a script calls.
if [[ -z ${SOCRATIC_OUTPUT:-} ]]; then
  exec 3>&1
  export SOCRATIC_OUTPUT=3
fi

say() { printf '[%(%H:%M:%S)T] %s\n' -1 "$*" >&2; }

die() { # MESSAGE [CODE]
  printf 'error: %s\n' "$1" >&2
  exit "${2:-1}"
}

dry() { [[ ${DRY_RUN:-0} == 1 ]]; }

prefix() { # TEXT: before every line, as soon as it comes.
  local line
  while IFS= read -r line || [[ -n $line ]]; do printf '%s%s\n' "$1" "$line"; done
}

quote() { # WORDS...: one line that a shell reads back as the same words.
  local word line=
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=@%+,-]+$ ]] || word=${word@Q}
    line+=" $word"
  done
  printf '%s' "${line# }"
}

# Every command that does something outside of this machine's temporary files goes through `run`,
# so what a dry run prints is what is run.
run() {
  if dry; then printf '%s\n' "$(quote "$@")" >&3; else "$@" 3>&-; fi
}

ask() { # ANSWER COMMAND...: prints what the command answers; in a dry run, ANSWER.
  run "${@:2}" || return
  ! dry || printf '%s\n' "$1"
}

pause() { # SECONDS. SLEEP is the command that sleeps; tests put another one there.
  dry || "${SLEEP:-sleep}" "$1"
}

backoff() { # ATTEMPT: waits BACKOFF seconds after the first, twice as long after each next, at most ten minutes.
  local seconds=$((BACKOFF << ($1 < 16 ? $1 - 1 : 15)))
  pause $((seconds < 600 ? seconds : 600))
}

# parse_flags "SETTINGS" "SWITCHES" ARGUMENTS...
# --zone=Z and --zone Z set ZONE, --spot sets SPOT to 1 and --nospot to 0. Words without dashes go to the array
# WORDS, everything after -- to the array PROGRAM.
parse_flags() {
  local settings=" $1 " switches=" $2 " name value
  shift 2
  # shellcheck disable=SC2034
  WORDS=() PROGRAM=()
  while (($#)); do
    case $1 in
      --)
        # shellcheck disable=SC2034
        PROGRAM=("${@:2}")
        return
        ;;
      --*)
        name=${1%%=*} && name=${name#--}
        if [[ $settings == *" $name "* ]]; then
          if [[ $1 == *=* ]]; then
            value=${1#*=}
          else
            (($# > 1)) || die "--$name wants a value" 2
            value=$2 && shift
          fi
        elif [[ $switches == *" $name "* && $1 != *=* ]]; then
          value=1
        elif [[ $name == no* && $switches == *" ${name#no} "* && $1 != *=* ]]; then
          name=${name#no} value=0
        else
          die "unknown flag $1; valid: $(flag_names "$settings $switches")" 2
        fi
        printf -v "${name^^}" '%s' "$value"
        ;;
      *) WORDS+=("$1") ;;
    esac
    shift
  done
}

flag_names() {
  local names
  read -ra names <<<"$1"
  printf '%s' "${names[*]/#/--}"
}

need() { # SETTINGS...: names those that are missing.
  local name missing=
  for name in "$@"; do
    [[ -n ${!name:-} ]] || missing+=", --${name,,} (or $name in the environment)"
  done
  [[ -z $missing ]] || die "missing: ${missing#, }" 2
}

need_number() { # SETTINGS...
  local name
  for name in "$@"; do
    [[ ${!name} =~ ^[0-9]+$ ]] || die "--${name,,} wants a whole number, not '${!name}'" 2
  done
}

need_gcloud() { # A shell's "command not found" must not be taken for a TPU that is not there.
  dry || command -v gcloud >/dev/null ||
    die "gcloud is not installed: https://cloud.google.com/sdk/docs/install, or --dry_run to see the commands"
}

background() { # COMMAND...: in a process group of its own, so that clean_up gets its children too.
  set -m
  "$@" </dev/null &
  set +m
}

SCRATCH=
scratch() { # Makes $SCRATCH, a directory that is removed at the end.
  [[ -n $SCRATCH ]] || SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/socratic.XXXXXX")
}

clean_up() {
  local job
  for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done
  [[ -z $SCRATCH ]] || rm -rf "$SCRATCH"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
