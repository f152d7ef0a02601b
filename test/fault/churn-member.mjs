/*
 * One member process of the churn test: a concurrent and an ordered consumer, each in its group. What their listeners do goes line by
 * line into a file, which outlives a kill -9; times are of the host's monotonic clock, so that lines of all members compare. SIGTERM leaves.
 *
 *   b <mode> <queueId> <us> <offset,…>         an ordered call begins
 *   c <mode> <queueId> <us> <us> <offset,…>    a call is over, and its result not yet told
 *   o <mode> <us> <queueId,…>                  the member owns these queues now
 *   w <us> <text>                              a warning of the client
 */
import { openSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { PushConsumer } from '../../dist/index.js';

const { namesrvAddr, logFile, instanceName, modes, lockIntervalMs, lockMaxLiveMs } = JSON.parse(process.argv[2]);
const log = openSync(logFile, 'a');
const nowUs = () => Number(process.hrtime.bigint() / 1000n);
const write = (...words) => writeSync(log, `${words.join(' ')}\n`);

const consumers = Object.entries(modes).map(([mode, { topic, group }]) => {
  const consumer = new PushConsumer({
    ...{ namesrvAddr, consumerGroup: group, instanceName: `${instanceName}-${mode}`, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' },
    logger: { debug() {}, info() {}, warn: (text) => write('w', nowUs(), text), error: (text) => write('w', nowUs(), text) },
    ...{
      consumeMessageBatchMaxSize: 8,
      persistConsumerOffsetIntervalMs: 1000,
      mqClientApiTimeoutMs: 20_000,
      lockIntervalMs,
      lockMaxLiveMs,
    },
  });
  const isOrdered = mode === 'ordered';
  const listener = async (messages, { messageQueue: { queueId } }) => {
    const offsets = messages.map((message) => message.queueOffset).join();
    const beginUs = nowUs();
    if (isOrdered) write('b', mode, queueId, beginUs, offsets);
    if (Math.random() < 0.3) await delay(Math.random() * 8);
    write('c', mode, queueId, beginUs, nowUs(), offsets);
    return isOrdered ? 'SUCCESS' : 'CONSUME_SUCCESS';
  };
  if (isOrdered) consumer.onMessageOrderly(listener);
  else consumer.onMessage(listener);
  consumer.onQueuesChanged = (changed, queues) => {
    if (changed === topic) write('o', mode, nowUs(), queues.map(({ queueId }) => queueId).join());
  };
  return { consumer, topic };
});

async function join() {
  for (const { consumer, topic } of consumers) {
    await consumer.subscribe(topic);
    await consumer.start();
  }
}

const joined = join();
process.once('SIGTERM', async () => {
  await joined;
  await Promise.all(consumers.map(({ consumer }) => consumer.shutdown()));
  process.exit(0);
});
await joined;
