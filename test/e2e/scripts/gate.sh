#!/usr/bin/env bash
# What a pipeline asks before a deployment: exit codes tell one kind of failure from another, and JSON says the rest.
. "$(dirname "$0")/lib.sh"

# Every broker has a name, an address and a version.
mqadmin clusterList --json | node -e '
  const { brokers } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  if (brokers.length === 0 || !brokers.every((b) => b.brokerName && /:\d+$/.test(b.brokerAddr))) process.exit(1);
' || fail "clusterList --json has no brokers"
mqadmin clusterList --output name | grep -q . || fail "clusterList --output name is empty"
expect_exit 0 mqadmin check cluster -c "$CLUSTER"
expect_exit 3 mqadmin check topic -t "NoSuchTopic_$RUN"
expect_exit 3 mqadmin check cluster -n 127.0.0.1:1
expect_exit 4 mqadmin topicStatus -t "NoSuchTopic_$RUN"
expect_exit 3 mqadmin topicList -n 127.0.0.1:1
expect_exit 2 mqadmin topicStatus
expect_exit 2 mqadmin topicStatsu
grep -q "did you mean topicStatus" "$WORK/err" || fail "no command is suggested"
expect_exit 4 mqadmin clusterList -c "NoSuchCluster" --json
node -e '
  const { error } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
  if (error.exitCode !== 4 || error.code !== "CLUSTER_NOT_EXIST") process.exit(1);
' "$WORK/err" || fail "the error is no line of JSON"
echo "gate: well"
