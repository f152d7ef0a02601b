#!/usr/bin/env bash
# A cluster that is what a file says, and messages that move from topic to topic through a pipe.
. "$(dirname "$0")/lib.sh"
FROM=E2eFrom_$RUN
TO=E2eTo_$RUN

expect_exit 0 mqadmin updateTopic -c "$CLUSTER" -t "$FROM" -r 1 -w 1
eventually mqadmin topicRoute -t "$FROM"
cat >"$WORK/to.yaml" <<YAML
definitions: 1
cluster: $CLUSTER
topics:
  $TO:
    readQueueNums: 1
    writeQueueNums: 1
YAML
expect_exit 7 mqadmin diff -f "$WORK/to.yaml"
expect_exit 2 mqadmin apply -f "$WORK/to.yaml"
expect_exit 0 mqadmin apply -f "$WORK/to.yaml" --yes
# A second run has nothing to do.
expect_exit 0 mqadmin apply -f "$WORK/to.yaml" --dry-run --output name
! grep -q "$TO" "$WORK/out" || fail "the topic would be made again"
expect_exit 0 mqadmin export -c "$CLUSTER" --kind topics
has "^  $TO:$"
eventually mqadmin topicRoute -t "$TO"
printf 'one\ntwo\n' | mqadmin produce -t "$FROM" --tags shell 2>/dev/null
holds() {
  [ "$(mqadmin tail -t "$1" --format '%g %s\n')" = "$(printf 'shell one\nshell two')" ]
}
eventually holds "$FROM"
mqadmin tail -t "$FROM" --output json | mqadmin produce -t "$TO" --input json 2>/dev/null
eventually holds "$TO"
for TOPIC in "$FROM" "$TO"; do
  expect_exit 0 mqadmin deleteTopic -c "$CLUSTER" -t "$TOPIC"
done
echo "declared: well"
