#!/usr/bin/env bash
# Clusters under names, a read-only mark that holds, completion, and a file that says who changed what.
. "$(dirname "$0")/lib.sh"
ADDR=$NAMESRV_ADDR
unset NAMESRV_ADDR
export MQKIT_CONTEXTS=$WORK/contexts.json XDG_CACHE_HOME=$WORK/cache MQADMIN_AUDIT=$WORK/audit.jsonl

expect_exit 2 mqadmin topicList
expect_exit 0 mqadmin context add safe -n "$ADDR" --read-only
expect_exit 0 mqadmin context add work -n "$ADDR"
expect_exit 0 mqadmin context use safe
expect_exit 5 mqadmin updateTopic -c "$CLUSTER" -t "E2eSafe_$RUN"
expect_exit 0 mqadmin updateKvConfig --context work -s E2E -k "$RUN" -v 1
expect_exit 0 mqadmin deleteKvConfig --context work -s E2E -k "$RUN"
expect_exit 0 mqadmin audit --json
node -e '
  const { entries } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
  const told = entries.map(({ context, command, outcome }) => [context, command, outcome].join(" "));
  if (told.join(", ") !== "work updateKvConfig done, work deleteKvConfig done") process.exit(1);
' "$WORK/out" || fail "the audit file says something else"

# As bash asks when a word is completed. A cluster that is slow to answer is asked in the background, for the next time.
eval "$(mqadmin completion bash)"
COMP_LINE="mqadmin clusterList -c ${CLUSTER%????}"
COMP_POINT=${#COMP_LINE}
completed() {
  COMPREPLY=()
  _mqadmin_complete
  [ "${COMPREPLY[*]}" = "$CLUSTER" ] || { sleep 1 && return 1; }
}
eventually completed
echo "contexts: well"
