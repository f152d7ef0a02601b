import { Producer } from '../../../src/index.js';
import { consume, createTopic, produce } from './load.js';
import { sleep } from './measure.js';
import { type BenchSettings, figure, inPairs, type Row, withBoth } from './rows.js';
import type { RunningSide } from './sides.js';

const BACKLOG_TOPIC = 'PeerSelected';
const BACKLOG_MESSAGES = 500_000;
const BATCH_MESSAGES = 50;
const BATCHES_IN_FLIGHT = 8;
const BODY_BYTES = 128;
const REGIONS = ['eu', 'us', 'ap', 'sa', 'af'];
/** One in five messages is of the region, and one in two of those is dear. */
const SELECTOR = "region = 'eu' AND price >= 50";
const PASSING = 1 / 10;

/** A backlog of orders with four properties each, so that a selector has some to pass over. */
async function sendOrders(side: RunningSide): Promise<void> {
  const producer = new Producer({ namesrvAddr: side.namesrvAddr, producerGroup: 'PG_orders' });
  await producer.start([BACKLOG_TOPIC]);
  const body = Buffer.alloc(BODY_BYTES, 'x');
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (sent < BACKLOG_MESSAGES) {
      const first = sent;
      sent += BATCH_MESSAGES;
      const messages = Array.from({ length: BATCH_MESSAGES }, (_, i) => {
        const order = first + i;
        const properties = new Map([
          ['orderId', `O-${order}`],
          ['customer', `C-${order % 997}`],
          ['region', REGIONS[order % REGIONS.length] as string],
          ['price', String(Math.floor(order / REGIONS.length) % 100)],
        ]);
        return { topic: BACKLOG_TOPIC, body, properties };
      });
      const { sendStatus } = await producer.sendBatch(messages);
      if (sendStatus !== 'SEND_OK') throw new Error(`a send of the backlog ended with ${sendStatus}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, lane));
  } finally {
    await producer.shutdown();
  }
}

/** Reading a backlog through a selector: 32 messages a pull, 8 queues, no listener. */
export const sql: Row = async (settings) => {
  const perCpu = figure({
    what: `raw pulls of a backlog with "${SELECTOR}", which passes 1 in 10: messages filtered per broker CPU second`,
    unit: 'msg/s',
    target: 1.5,
    ratioOf: 'ours : apache',
  });
  await withBoth(settings, { enablePropertyFilter: 'true' }, async (sides) => {
    const args = ['-t', BACKLOG_TOPIC, '--raw', '-f', 'SQL92', '-e', SELECTOR];
    for (const name of ['ours', 'apache'] as const) {
      await createTopic(sides[name], BACKLOG_TOPIC);
      await sendOrders(sides[name]);
      settings.say(`  ${name}: backlog of ${BACKLOG_MESSAGES} messages`);
      await consume(sides[name], settings.dir, [...args, '--duration', '10s']);
    }
    await inPairs(
      settings,
      async (name) => {
        const { result, brokerCpuSeconds } = await consume(sides[name], settings.dir, [...args, '--duration', `${settings.seconds}s`]);
        const filtered = result.receive.count / PASSING;
        perCpu[name].push(filtered / brokerCpuSeconds);
        settings.say(
          `  ${name}: ${Math.round(filtered / result.receive.seconds)} filtered/s, broker ${brokerCpuSeconds.toFixed(1)} CPU s, ` +
            `generator ${result.environment.generator.cpuPercent} %`,
        );
      },
      sides,
    );
  });
  return [perCpu];
};

const STREAM_TOPIC = 'PeerStream';
const STREAM_PER_SECOND = '5000';
const WARM_UP_SECONDS = 3;
/** The consumer has its queues by then. */
const REBALANCE_MS = 2000;

/** The way from the send to the listener, at a rate that both can serve; producer and consumer are processes of their own. */
export const e2e: Row = async (settings) => {
  const latency = figure({ what: 'end-to-end p99 (send to listener) at 5,000/s', unit: 'ms', target: 2, ratioOf: 'apache : ours' });
  await withBoth(settings, {}, async (sides) => {
    for (const name of ['ours', 'apache'] as const) await createTopic(sides[name], STREAM_TOPIC);
    await inPairs(
      settings,
      async (name) => {
        const { p50, p99, p999, max } = await streamLatency(sides[name], settings);
        latency[name].push(p99);
        settings.say(`  ${name}: p50 ${p50}, p99 ${p99}, p99.9 ${p999}, max ${max} ms`);
      },
      sides,
    );
  });
  return [latency];
};

async function streamLatency(
  side: RunningSide,
  { dir, seconds }: BenchSettings,
): Promise<{ p50: number; p99: number; p999: number; max: number }> {
  const consuming = consume(side, dir, ['-t', STREAM_TOPIC, '-p', 'true', '--warmup', `${WARM_UP_SECONDS}s`, '--duration', `${seconds}s`]);
  const producing = sleep(REBALANCE_MS).then(() =>
    produce(side, dir, ['-t', STREAM_TOPIC, '--rate', STREAM_PER_SECOND, '--duration', `${seconds + WARM_UP_SECONDS + 1}s`]),
  );
  const [{ result }] = await Promise.all([consuming, producing]);
  if (result.receive.endToEndMs === undefined) throw new Error('the consumer measured no end-to-end latency');
  return result.receive.endToEndMs;
}
