#!/usr/bin/env bash
# A group that was left behind: its lag, a reset that is tried first, and the way back.
. "$(dirname "$0")/lib.sh"
TOPIC=E2eOffsets_$RUN
GROUP=E2eGroup_$RUN

lag() {
  mqadmin consumerProgress -g "$GROUP" --json | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).diffTotal'
}

lag_is() {
  [ "$(lag)" = "$1" ]
}

expect_exit 0 mqadmin updateTopic -c "$CLUSTER" -t "$TOPIC" -r 1 -w 1
expect_exit 0 mqadmin updateSubGroup -c "$CLUSTER" -g "$GROUP"
eventually mqadmin topicRoute -t "$TOPIC"
printf 'one\ntwo\nthree\n' | mqadmin produce -t "$TOPIC" 2>/dev/null || fail "produce failed"
expect_exit 0 mqadmin resetOffsetByTime -g "$GROUP" -t "$TOPIC" -s 0
eventually lag_is 3
expect_exit 0 mqadmin skipAccumulatedMessage -g "$GROUP" -t "$TOPIC" --dry-run
has "^Total: 1 queue, 0 messages are delivered again, 3 are skipped$"
expect_exit 0 mqadmin skipAccumulatedMessage -g "$GROUP" -t "$TOPIC" --undo-file "$WORK/undo.json"
eventually lag_is 0
expect_exit 0 mqadmin undoOffsets -f "$WORK/undo.json"
eventually lag_is 3
expect_exit 0 mqadmin deleteSubGroup -c "$CLUSTER" -g "$GROUP"
expect_exit 0 mqadmin deleteTopic -c "$CLUSTER" -t "$TOPIC"
echo "offsets: well"
