import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Random, seededRandom } from '../../src/common/clock.js';
import { Producer, PushConsumer } from '../../src/index.js';
import { dumpQueueFrom } from '../interop/store-reading.js';
import { createTopic, type Target } from '../interop/support.js';
import { type BundledBroker, freePortBlock, startBundledBroker, startBundledNamesrv } from '../peers/index.js';
import { idOf, Ledger, SEND_TIMEOUT_MS } from './kill-ledger.js';

const TOPIC = 'KillTopic';
const QUEUES = 4;
const PRODUCERS = 4;
const IN_FLIGHT = 8;
/** Keeps a round short on a fast machine. */
const MAX_SENDS_PER_PRODUCER = 1500;
const SMALL_FILES = { mappedFileSizeCommitLog: 131_072, mappedFileSizeConsumeQueue: 4000, maxHashSlotNum: 500, maxIndexNum: 2000 };

export interface KillOptions {
  seed: number;
  rounds: number;
  retries: boolean;
  flushDiskType: 'SYNC_FLUSH' | 'ASYNC_FLUSH';
}

/** kill -9 under load, `rounds` times on one store; throws when a promise of the broker is broken. */
export async function killRounds(options: KillOptions): Promise<{ sent: number; acknowledged: number; duplicates: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-kill-'));
  const namesrv = await startBundledNamesrv(join(dir, 'namesrv'));
  const cluster = new KilledCluster(options, { dir, namesrvAddr: namesrv.address, port: await freePortBlock() });
  try {
    await cluster.begin();
    for (let round = 1; round <= options.rounds; round++) await cluster.round(round);
    await cluster.consumeAll();
    return { sent: cluster.ledger.sentCount, acknowledged: cluster.ledger.acknowledged, duplicates: cluster.ledger.duplicates };
  } finally {
    await cluster.broker?.kill();
    await namesrv.process.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

class KilledCluster {
  readonly ledger = new Ledger();
  broker: BundledBroker | undefined;
  readonly #options: KillOptions;
  readonly #place: { dir: string; namesrvAddr: string; port: number };
  readonly #random: Random;
  /** First offset of each queue that was not read back yet. */
  readonly #readTo = new Array<number>(QUEUES).fill(0);

  constructor(options: KillOptions, place: { dir: string; namesrvAddr: string; port: number }) {
    this.#options = options;
    this.#place = place;
    this.#random = seededRandom(options.seed);
  }

  async begin(): Promise<void> {
    this.broker = await this.#start();
    await createTopic(this.#target(), TOPIC, QUEUES);
  }

  /** Load, kill, perhaps more kills while it starts, start, more load; then everything must be there. */
  async round(round: number): Promise<void> {
    const producers = Array.from({ length: PRODUCERS }, (_, index) => this.#producer(round, index));
    const until = { stopped: false };
    const load = Promise.all(producers.map((producer, index) => this.#load(producer, `${round}.${index}`, until)));
    await delay(150 + this.#random.nextInt(500));
    await this.#kill(this.broker!);
    for (let more = this.#random.nextInt(3); more > 0; more--) {
      const starting = await this.#start({ wait: false });
      await delay(this.#random.nextInt(500));
      await this.#kill(starting);
    }
    this.broker = await this.#start();
    await delay(100 + this.#random.nextInt(200));
    until.stopped = true;
    await load;
    await Promise.all(producers.map((producer) => producer.shutdown()));
    await this.#readBack();
    const problems = this.#options.retries ? this.ledger.problemsWithRetries() : this.ledger.problemsWithoutRetries();
    expect(problems, `seed ${this.#options.seed}, round ${round}`).toEqual([]);
  }

  /** A new group receives every stored message. */
  async consumeAll(): Promise<void> {
    const received = new Set<string>();
    const wanted = this.ledger.storedIds;
    const consumer = new PushConsumer({
      namesrvAddr: this.#place.namesrvAddr,
      consumerGroup: 'KillReaders',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    consumer.subscribe(TOPIC, '*');
    consumer.onMessage((messages) => {
      for (const message of messages) received.add(idOf(message.body));
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    for (let waitedMs = 0; received.size < wanted.size && waitedMs < 30_000; waitedMs += 20) await delay(20);
    await consumer.shutdown();
    expect([...wanted].filter((id) => !received.has(id))).toEqual([]);
  }

  #producer(round: number, index: number): Producer {
    const retry = this.#options.retries ? 10_000 : 0;
    return new Producer({
      namesrvAddr: this.#place.namesrvAddr,
      producerGroup: `KillProducer${round}x${index}`,
      instanceName: `kill-${process.pid}-${round}-${index}`,
      retryTimesWhenSendFailed: retry,
      sendMsgTimeoutMs: SEND_TIMEOUT_MS,
    });
  }

  async #load(producer: Producer, name: string, until: { stopped: boolean }): Promise<void> {
    await producer.start();
    let next = 0;
    const lane = async (): Promise<void> => {
      while (!until.stopped && next < MAX_SENDS_PER_PRODUCER) {
        const id = `${name}.${next++}`;
        const body = Buffer.concat([Buffer.from(`${id}:`), this.#filling()]);
        const sent = this.ledger.begin(id, body);
        try {
          const result = await producer.send({ topic: TOPIC, body, tags: name, keys: id });
          if (result.sendStatus === 'SEND_OK') sent.result = result;
        } catch {
          // Nobody knows whether it was stored; the broker may be gone for a while.
          await delay(25);
        }
        sent.endedAt = performance.now();
        await nextTurn();
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  }

  /** Mostly small, sometimes beyond the size from which bodies are compressed. */
  #filling(): Buffer {
    const bytes = Buffer.alloc(this.#random.nextInt(20) === 0 ? 5000 + this.#random.nextInt(3000) : this.#random.nextInt(1200));
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + bytes.length) & 0xff;
    return bytes;
  }

  async #kill(broker: BundledBroker): Promise<void> {
    const from = performance.now();
    await broker.kill();
    this.ledger.kills.push({ from, to: performance.now() });
  }

  #start(options: { wait?: boolean } = {}): Promise<BundledBroker> {
    const { dir, namesrvAddr, port } = this.#place;
    const config = { ...SMALL_FILES, flushDiskType: this.#options.flushDiskType };
    return startBundledBroker({ namesrvAddr, dir: join(dir, 'broker'), port, config, ...options });
  }

  async #readBack(): Promise<void> {
    const problems: string[] = [];
    for (let queueId = 0; queueId < QUEUES; queueId++) {
      const dump = await dumpQueueFrom(this.#target(), { topic: TOPIC, queueId, from: this.#readTo[queueId] ?? 0 });
      this.#readTo[queueId] = dump.maxOffset;
      for (const record of dump.records) {
        const problem = this.ledger.find(record);
        if (problem !== null) problems.push(problem);
      }
    }
    expect(problems, `seed ${this.#options.seed}`).toEqual([]);
  }

  #target(): Target {
    const none = (): Promise<void> => Promise.reject(new Error('not of this test'));
    const { namesrvAddr } = this.#place;
    return { namesrvAddr, clusterName: 'DefaultCluster', brokerName: 'broker-a', broker: this.broker!, restartBroker: none, stop: none };
  }
}
