/**
 * A process that fills a store through its interface, for the scale test: `scale-store.ts <folder> <topics> <queues> <messages>`.
 *
 * Prints a line of JSON for each percent, and stops the store in order at the end. With `forever` instead of a count it goes on, about as fast
 * as a broker takes messages, until it is killed. Run by `scale.long.test.ts`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadNodeConfig } from '../../../broker/config/index.js';
import { MessageStore, type PutMessage, type PutSink, type StoreConfig } from '../../../broker/store/index.js';
import { noopLogger } from '../../../src/common/logger.js';

const PER_TURN = 64;
const TURNS_PER_BREATH = 16;
/** Messages a second that a broker takes; a store alone takes many more. */
const BROKER_RATE = 150_000;
const HOST = { ip: Buffer.from([127, 0, 0, 1]), port: 10911 };
const BODY = Buffer.alloc(64, 97);

/** One line of what the process prints. */
export interface ScaleReport {
  messages: number;
  perSecond: number;
  rssAnonMiB: number;
  openFiles: number;
  end: boolean;
}

export function scaleConfig(root: string): StoreConfig {
  return loadNodeConfig({ kind: 'broker', args: [`storePathRootDir=${root}`, 'cleanFileForciblyEnable=false'], env: {} }).store;
}

export function topicName(topic: number): string {
  return `Scale${String(topic).padStart(4, '0')}`;
}

/** topics.json, so that a broker knows the topics. */
function writeTopics(root: string, topics: number, queues: number): void {
  const topicConfigTable: Record<string, unknown> = {};
  for (let i = 0; i < topics; i++) {
    const name = topicName(i);
    topicConfigTable[name] = { topicName: name, readQueueNums: queues, writeQueueNums: queues, perm: 6, topicFilterType: 'SINGLE_TAG' };
  }
  mkdirSync(join(root, 'config'), { recursive: true });
  writeFileSync(join(root, 'config', 'topics.json'), JSON.stringify({ dataVersion: { counter: 1, timestamp: 0 }, topicConfigTable }));
}

function rssAnonMiB(): number {
  return Math.round(Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024);
}

class Filler implements PutSink {
  refused = 0;
  readonly #names: readonly string[];
  readonly #queues: number;
  readonly #spare: PutMessage[] = [];

  constructor(topics: number, queues: number) {
    this.#names = Array.from({ length: topics }, (_, i) => topicName(i));
    this.#queues = queues;
  }

  onPut(message: PutMessage, status: string): void {
    if (status !== 'PUT_OK') this.refused++;
    this.#spare.push(message);
  }

  /** Messages go to all queues in turn. */
  message(serial: number): PutMessage {
    const message = this.#spare.pop() ?? newMessage();
    const place = serial % (this.#names.length * this.#queues);
    message.topic = this.#names[place % this.#names.length]!;
    message.queueId = Math.floor(place / this.#names.length);
    message.properties = `UNIQ_KEY\u00017F0000010000${serial.toString(16).toUpperCase().padStart(20, '0')}\u0002`;
    return message;
  }
}

function newMessage(): PutMessage {
  return {
    topic: '',
    queueId: 0,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: HOST,
    storeHost: HOST,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: BODY,
    properties: '',
    tagsCode: 0,
    waitStoreMsgOK: true,
    queueOffset: 0,
    commitLogOffset: 0,
    storeTimestamp: 0,
    context: null,
  };
}

async function main([root = '', topicsText = '', queuesText = '', countText = '']: readonly string[]): Promise<void> {
  const topics = Number(topicsText);
  const queues = Number(queuesText);
  const count = countText === 'forever' ? Number.MAX_SAFE_INTEGER : Number(countText);
  writeTopics(root, topics, queues);
  const store = await MessageStore.open({ config: scaleConfig(root), logger: noopLogger });
  const filler = new Filler(topics, queues);
  const every = countText === 'forever' ? 1_000_000 : Math.ceil(count / 100);
  const beganMs = performance.now();
  let lastMs = beganMs;
  const report = (messages: number, end: boolean): void => {
    const nowMs = performance.now();
    const perSecond = Math.round(every / ((nowMs - lastMs) / 1000));
    lastMs = nowMs;
    const line: ScaleReport = { messages, perSecond, rssAnonMiB: rssAnonMiB(), openFiles: readdirSync('/proc/self/fd').length, end };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
  for (let serial = 0, reported = 0; serial < count; ) {
    for (let turn = 0; turn < TURNS_PER_BREATH && serial < count; turn++) {
      for (let i = 0; i < PER_TURN && serial < count; i++) {
        store.put(filler.message(serial++), filler);
      }
      store.flushTurn();
    }
    if (filler.refused > 0) throw new Error(`${filler.refused} messages were refused: ${store.unavailableReason}`);
    const aheadMs = countText === 'forever' ? (serial / BROKER_RATE) * 1000 - (performance.now() - beganMs) : 0;
    await new Promise((resolve) => (aheadMs > 1 ? setTimeout(resolve, aheadMs) : setImmediate(resolve)));
    if (serial >= reported + every) {
      reported = serial;
      report(serial, false);
    }
  }
  report(count, false);
  const stopMs = performance.now();
  await store.shutdown();
  process.stderr.write(`stopped in ${Math.round(performance.now() - stopMs)} ms\n`);
  report(count, true);
}

if (process.argv[1]?.endsWith('scale-store.ts') === true) {
  await main(process.argv.slice(2));
}
