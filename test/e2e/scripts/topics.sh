#!/usr/bin/env bash
# A topic from its creation to its end: created, written, read, found again, closed for writes, deleted.
. "$(dirname "$0")/lib.sh"
TOPIC=E2eOrders_$RUN

expect_exit 0 mqadmin updateTopic -c "$CLUSTER" -t "$TOPIC" -r 2 -w 2
has "^create topic to .* success\.$"
eventually mqadmin topicRoute -t "$TOPIC"
expect_exit 0 mqadmin sendMessage --topic "$TOPIC" --body "order 1 is paid" -k "order-1" -c paid
has "SEND_OK"
ID=$(awk '/SEND_OK/ { print $4 }' "$WORK/out")
eventually mqadmin queryMsgByKey -t "$TOPIC" -k order-1
has "$ID"
expect_exit 0 mqadmin printMsg -t "$TOPIC" -d true
has "order 1 is paid"
[ "$(mqadmin topicStatus -t "$TOPIC" --json | node -p 'JSON.parse(require("fs").readFileSync(0, "utf8")).queues.reduce((sum, q) => sum + q.maxOffset - q.minOffset, 0)')" = 1 ] ||
  fail "topicStatus does not count one message"
expect_exit 0 mqadmin updateTopicPerm -c "$CLUSTER" -t "$TOPIC" -p 4
eventually sh -c "mqadmin topicRoute -t '$TOPIC' -l | grep -q ' 4 '"
expect_exit 0 mqadmin deleteTopic -c "$CLUSTER" -t "$TOPIC"
has "^delete topic \[$TOPIC\] from cluster \[$CLUSTER\] success\.$"
expect_exit 4 mqadmin topicRoute -t "$TOPIC"
echo "topics: well"
