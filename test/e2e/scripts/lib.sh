# What the scripts share. NAMESRV_ADDR names the cluster; mqadmin is on the PATH. Topics and groups get names of their own run.
set -eu -o pipefail
WORK=$(mktemp -d)
# What a command left running may still write there.
trap 'rm -rf "$WORK" 2>/dev/null || { sleep 1; rm -rf "$WORK" 2>/dev/null; } || :' EXIT
CLUSTER=${CLUSTER:-DefaultCluster}
RUN=$$_$RANDOM

fail() {
  echo "FAILED: $*" >&2
  [ ! -s "$WORK/out" ] || sed 's/^/  out: /' "$WORK/out" >&2
  [ ! -s "$WORK/err" ] || sed 's/^/  err: /' "$WORK/err" >&2
  exit 1
}

# expect_exit CODE COMMAND...: runs it; what it prints is in $WORK/out and $WORK/err.
expect_exit() {
  local want=$1 got=0
  shift
  "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || got=$?
  [ "$got" -eq "$want" ] || fail "$* ended with $got, not with $want"
}

# eventually COMMAND...: again and again until it succeeds, for 90 s.
eventually() {
  local end=$((SECONDS + 90))
  until "$@" >"$WORK/out" 2>"$WORK/err" </dev/null; do
    [ "$SECONDS" -lt "$end" ] || fail "$* did not succeed within 90 s"
    sleep 0.2
  done
}

# has TEXT: the last command printed a line with it.
has() {
  grep -q -- "$1" "$WORK/out" || fail "there is no \"$1\""
}
