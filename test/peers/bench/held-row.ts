import { setTimeout as delay } from 'node:timers/promises';
import { buildPullSysFlag } from '../../../src/common/sys-flag.js';
import { Producer } from '../../../src/index.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RawConnection } from '../wire.js';
import { createTopic } from './load.js';
import { cpuSeconds, residentMiB } from './measure.js';
import { type Figure, figure, type Row } from './rows.js';
import { ours, type RunningSide } from './sides.js';

const CONNECTIONS = 1000;
/** As a consumer of a topic with eight queues and its retry topic would hold, roughly. */
const GROUPS = 100;
const PULLS_A_CONNECTION = 10;
const PULLS = CONNECTIONS * PULLS_A_CONNECTION;
/** What clients ask for by default. */
const SUSPEND_MS = 15_000;
/** Far more than a held pull takes. */
const ANSWER_TIMEOUT_MS = 10 * SUSPEND_MS;
const HELD_TOPIC = 'PeerHeld';
const WAKE_TOPIC = 'PeerWake';
/** As `createTopic` makes it. */
const QUEUES = 8;
const WAKES = 1000;
const WAKES_PER_SECOND = 200;
/** Limits of the three figures. */
const MAX_MIB = 100;
const MAX_CORE_PERCENT = 5;
const MAX_WAKE_MS = 2;

function pullFields(topic: string, consumerGroup: string, queueId: number, queueOffset: number): Record<string, string> {
  return {
    ...{ consumerGroup, topic, queueId: String(queueId), queueOffset: String(queueOffset), maxMsgNums: '32', commitOffset: '0' },
    sysFlag: String(buildPullSysFlag({ suspend: true, subscription: true })),
    ...{ suspendTimeoutMillis: String(SUSPEND_MS), subscription: '*', subVersion: '0', expressionType: 'TAG', maxMsgBytes: '2147483647' },
  };
}

/** Many clients' pulls, each made again when it was held to its end. */
class Waiters {
  readonly #brokerAddr: string;
  readonly #connections: RawConnection[] = [];
  #stopped = false;
  #failure: Error | null = null;

  constructor(brokerAddr: string) {
    this.#brokerAddr = brokerAddr;
  }

  /** Resolves when all pulls are on their way. */
  async start(): Promise<void> {
    for (let i = 0; i < CONNECTIONS; i++) {
      const connection = new RawConnection(this.#brokerAddr);
      this.#connections.push(connection);
      for (let pull = 0; pull < PULLS_A_CONNECTION; pull++) {
        this.#pullAgain(connection, pullFields(HELD_TOPIC, `G${i % GROUPS}`, pull % QUEUES, 0)).catch((error) => {
          if (!this.#stopped) this.#failure ??= error as Error;
        });
      }
      // In time as clients start, so that they do not all come again at once.
      if (i % 5 === 4) await delay(10);
    }
  }

  async #pullAgain(connection: RawConnection, fields: Record<string, string>): Promise<void> {
    while (!this.#stopped) {
      const { code, remark } = await connection.request(RequestCode.PULL_MESSAGE, fields, '', { timeoutMs: ANSWER_TIMEOUT_MS });
      if (code !== ResponseCode.PULL_NOT_FOUND) throw new Error(`a held pull was answered by ${code}: ${remark}`);
    }
  }

  /** @throws what went wrong meanwhile */
  stop(): void {
    this.#stopped = true;
    for (const connection of this.#connections) connection.close();
    if (this.#failure !== null) throw this.#failure;
  }
}

/** Milliseconds from a send to the answer of the pull that waits for it, sorted. */
async function wakeTimes(side: RunningSide): Promise<number[]> {
  const connection = new RawConnection(side.brokerAddr);
  const producer = new Producer({ namesrvAddr: side.namesrvAddr, producerGroup: 'PG_wake' });
  await producer.start([WAKE_TOPIC]);
  const brokerName = (await producer.fetchPublishMessageQueues(WAKE_TOPIC))[0]?.brokerName ?? '';
  const times: number[] = [];
  const offsets = new Array<number>(QUEUES).fill(0);
  const body = Buffer.alloc(128, 'x');
  try {
    for (let wake = 0; wake < WAKES; wake++) {
      const queueId = wake % QUEUES;
      const fields = pullFields(WAKE_TOPIC, 'G_wake', queueId, offsets[queueId] as number);
      const answer = connection.request(RequestCode.PULL_MESSAGE, fields, '', { timeoutMs: ANSWER_TIMEOUT_MS });
      await delay(1000 / WAKES_PER_SECOND);
      const sentMs = performance.now();
      const sent = producer.send({ topic: WAKE_TOPIC, body }, { queue: { topic: WAKE_TOPIC, brokerName, queueId } });
      const { code, extFields } = await answer;
      times.push(performance.now() - sentMs);
      await sent;
      if (code !== ResponseCode.SUCCESS) throw new Error(`a message woke a pull to ${code}`);
      offsets[queueId] = Number(extFields?.nextBeginOffset);
    }
  } finally {
    await producer.shutdown();
    connection.close();
  }
  return times.sort((a, b) => a - b);
}

function at(times: readonly number[], share: number): number {
  return times[Math.ceil(times.length * share) - 1] as number;
}

function text(times: readonly number[]): string {
  return `p50 ${at(times, 0.5).toFixed(2)}, p99 ${at(times, 0.99).toFixed(2)}, max ${at(times, 1).toFixed(2)} ms`;
}

/** Held pulls: what ten thousand of them cost the broker, and how soon a message wakes one among them. The limits stand where Apache stands elsewhere. */
export const held: Row = async (settings) => {
  const limit = (what: string, unit: string): Figure =>
    figure({ what, unit, target: 1, ratioOf: 'apache : ours', sides: { ours: 'held', apache: 'limit' } });
  const memory = limit(`${PULLS} held pulls of ${CONNECTIONS} clients, RssAnon of the broker above the idle one`, 'MiB');
  const cpu = limit('the same, CPU of the broker, each pull made again after 15 s', '% of a core');
  const wake = limit('the same, p99 from a send to the answer of the pull that it wakes, both sides warm', 'ms');
  for (let round = 0; round < settings.pairs; round++) {
    const side = await ours.start(settings.dir);
    try {
      await createTopic(side, HELD_TOPIC);
      await createTopic(side, WAKE_TOPIC);
      await delay(1000);
      const idleMiB = residentMiB(side.brokerPid).anon;
      const first = await wakeTimes(side);
      const waiters = new Waiters(side.brokerAddr);
      await waiters.start();
      const [beforeSeconds, beforeMs] = [cpuSeconds(side.brokerPid), performance.now()];
      // Two rounds of all pulls at least.
      await delay(Math.max(settings.seconds * 1000, 2 * SUSPEND_MS));
      const percent = ((cpuSeconds(side.brokerPid) - beforeSeconds) / (performance.now() - beforeMs)) * 100_000;
      const heldMiB = residentMiB(side.brokerPid).anon - idleMiB;
      const among = await wakeTimes(side);
      waiters.stop();
      memory.ours.push(heldMiB);
      cpu.ours.push(percent);
      wake.ours.push(at(among, 0.99));
      settings.say(
        `  ${heldMiB.toFixed(1)} MiB above ${idleMiB.toFixed(1)}, ${percent.toFixed(2)} % of a core; the first ${WAKES} woken in ${text(first)}; among the held in ${text(among)}`,
      );
    } finally {
      await side.stop();
    }
    memory.apache.push(MAX_MIB);
    cpu.apache.push(MAX_CORE_PERCENT);
    wake.apache.push(MAX_WAKE_MS);
  }
  return [memory, cpu, wake];
};
