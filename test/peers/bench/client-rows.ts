import { LocalTransactionState, Producer, type SendResult, TransactionProducer } from '../../../src/index.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import { compareRevisions } from '../../bench/revisions.js';
import { rawRequest } from '../wire.js';
import { cpuSeconds, sleep } from './measure.js';
import { figure, inPairs, type Row, withBoth } from './rows.js';
import type { RunningSide } from './sides.js';

const TOPIC = 'PeerBench';
/** As `createTopic` makes it. */
const QUEUES = 8;
const BATCH_MESSAGES = 32;
const BODY_BYTES = 128;
/** Batches on their way at once. */
const BATCHES_IN_FLIGHT = 16;
const WARM_UP_SECONDS = 5;

interface ClientLoad {
  readonly perSecond: number;
  readonly brokerCpuSeconds: number;
}

/** Keeps `inFlight` calls of `send` under way for so many seconds; each counts `messages`. Whatever is not stored ends the run. */
async function runLoad(
  side: RunningSide,
  options: { seconds: number; inFlight: number; messages: number; send: () => Promise<SendResult> },
): Promise<ClientLoad> {
  const { seconds, inFlight, messages, send } = options;
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const before = cpuSeconds(side.brokerPid);
  let count = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const { sendStatus } = await send();
      if (sendStatus !== 'SEND_OK') throw new Error(`a send of the benchmark ended with ${sendStatus}`);
      count += messages;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { perSecond: (count / (performance.now() - startMs)) * 1000, brokerCpuSeconds: cpuSeconds(side.brokerPid) - before };
}

async function batchLoad(side: RunningSide, seconds: number): Promise<ClientLoad> {
  const producer = new Producer({ namesrvAddr: side.namesrvAddr, producerGroup: 'PG_batch' });
  await producer.start([TOPIC]);
  const body = Buffer.alloc(BODY_BYTES, 'x');
  const messages = Array.from({ length: BATCH_MESSAGES }, () => ({ topic: TOPIC, body }));
  try {
    return await runLoad(side, {
      seconds,
      inFlight: BATCHES_IN_FLIGHT,
      messages: BATCH_MESSAGES,
      send: () => producer.sendBatch(messages),
    });
  } finally {
    await producer.shutdown();
  }
}

/** Batches of 32 messages of 128 bytes, by our client in this process on both sides. */
export const batch: Row = async (settings) => {
  const what = `messages in batches of ${BATCH_MESSAGES} x ${BODY_BYTES} B, ${BATCHES_IN_FLIGHT} batches in flight`;
  const rate = figure({ what, unit: 'msg/s', target: 2, ratioOf: 'ours : apache' });
  await withBoth(settings, {}, async (sides) => {
    for (const name of ['ours', 'apache'] as const) await batchLoad(sides[name], Math.min(WARM_UP_SECONDS, settings.seconds));
    await inPairs(
      settings,
      async (name) => {
        const { perSecond, brokerCpuSeconds } = await batchLoad(sides[name], settings.seconds);
        rate[name].push(perSecond);
        settings.say(`  ${name}: ${Math.round(perSecond)} msg/s, broker ${brokerCpuSeconds.toFixed(1)} CPU s`);
      },
      sides,
    );
  });
  return [rate];
};

/** Commits that have not come after so long are left out: the broker lost their END_TRANSACTION and will ask, much later. */
const COMMIT_WAIT_MS = 30_000;
const TRANSACTIONS_IN_FLIGHT = 64;
const PAUSE_AFTER_REFUSAL_MS = 50;

/** Sends half messages and commits each as soon as it is stored; the time ends when all of them lie in their topic. */
async function transactionLoad(
  side: RunningSide,
  seconds: number,
): Promise<ClientLoad & { sent: number; refused: number; committed: number }> {
  const producer = new TransactionProducer({
    namesrvAddr: side.namesrvAddr,
    producerGroup: 'PG_transaction',
    listener: {
      executeLocalTransaction: () => LocalTransactionState.COMMIT_MESSAGE,
      checkLocalTransaction: () => LocalTransactionState.COMMIT_MESSAGE,
    },
  });
  await producer.start([TOPIC]);
  const cpuBefore = cpuSeconds(side.brokerPid);
  const storedBefore = await storedIn(side, TOPIC);
  const startMs = performance.now();
  const { sent, refused } = await sendTransactions(producer, startMs + seconds * 1000);
  let committed = 0;
  for (const endMs = performance.now() + COMMIT_WAIT_MS; committed < sent && performance.now() < endMs; await sleep(5)) {
    committed = (await storedIn(side, TOPIC)) - storedBefore;
  }
  const elapsedMs = performance.now() - startMs;
  await producer.shutdown();
  return { sent, refused, committed, perSecond: (committed / elapsedMs) * 1000, brokerCpuSeconds: cpuSeconds(side.brokerPid) - cpuBefore };
}

/** Keeps transactions in flight until the time; resolves when all are answered. */
function sendTransactions(producer: TransactionProducer, endMs: number): Promise<{ sent: number; refused: number }> {
  const message = { topic: TOPIC, body: Buffer.alloc(BODY_BYTES, 'x') };
  return new Promise((resolve) => {
    let sent = 0;
    let refused = 0;
    let open = TRANSACTIONS_IN_FLIGHT;
    const handler = {
      onSuccess: () => {
        sent++;
        next();
      },
      // A broker that is behind says so; the half message was not stored.
      onException: () => {
        refused++;
        setTimeout(next, PAUSE_AFTER_REFUSAL_MS);
      },
    };
    const next = (): void => {
      if (performance.now() < endMs) producer.sendInTransactionAsync(message, null, handler, null);
      else if (--open === 0) resolve({ sent, refused });
    };
    for (let i = 0; i < TRANSACTIONS_IN_FLIGHT; i++) next();
  });
}

/** Messages in all queues of a topic. */
async function storedIn(side: RunningSide, topic: string): Promise<number> {
  let count = 0;
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    const { extFields } = await rawRequest(side.brokerAddr, RequestCode.GET_MAX_OFFSET, { topic, queueId: String(queueId) });
    count += Number(extFields?.offset ?? 0);
  }
  return count;
}

/** Half messages that are committed at once, by our client in this process on both sides. */
export const transaction: Row = async (settings) => {
  const what = `transactions, ${BODY_BYTES} B, ${TRANSACTIONS_IN_FLIGHT} in flight, each committed`;
  const rate = figure({ what, unit: 'commits/s', target: 1.5, ratioOf: 'ours : apache' });
  await withBoth(settings, {}, async (sides) => {
    for (const name of ['ours', 'apache'] as const) await transactionLoad(sides[name], Math.min(WARM_UP_SECONDS, settings.seconds));
    await inPairs(
      settings,
      async (name) => {
        const { perSecond, brokerCpuSeconds, sent, refused, committed } = await transactionLoad(sides[name], settings.seconds);
        rate[name].push(perSecond);
        const turnedAway = refused > 0 ? `, ${refused} refused` : '';
        const missing = committed < sent ? `, ${sent - committed} of ${sent} commits did not come` : '';
        settings.say(`  ${name}: ${Math.round(perSecond)} commits/s, broker ${brokerCpuSeconds.toFixed(1)} CPU s${turnedAway}${missing}`);
      },
      sides,
    );
  });
  return [rate];
};

/** Plain sends of this revision against a base revision: `now` may take a tenth longer, no more. */
export const gate: Row = async (settings) => {
  const rate = figure({
    what: `sends, 128 B, 64 in flight, against ${settings.base}`,
    unit: 'msg/s',
    target: 1 / 1.1,
    ratioOf: 'ours : apache',
    sides: { ours: 'now', apache: 'base' },
  });
  const runs = await compareRevisions({ ...settings, say: settings.say });
  rate.ours.push(...runs.now.map((run) => run.rate));
  rate.apache.push(...runs.base.map((run) => run.rate));
  return [rate];
};
