import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Random, seededRandom } from '../../src/common/clock.js';
import { PushConsumer } from '../../src/index.js';
import { dumpQueueFrom } from '../interop/store-reading.js';
import { createTopic, type Target } from '../interop/support.js';
import { type BundledBroker, startBundledBroker, startBundledNamesrv } from '../peers/index.js';
import { freePortBlock } from '../ports.js';
import type { KillScene, LoadKind } from './kill-kind.js';
import { Batches, NoWait, Oneway, Ordered, Plain } from './kill-kinds.js';
import { DELAY_LEVELS, Delayed, TIMER_PRECISION_MS, Timers } from './kill-later.js';
import { idOf, type Kill } from './kill-ledger.js';
import { Transactions } from './kill-transactions.js';

const QUEUES = 4;
/** Small files, so that every round crosses their ends. */
const BROKER_CONFIG = {
  mappedFileSizeCommitLog: 131_072,
  mappedFileSizeConsumeQueue: 4000,
  maxHashSlotNum: 500,
  maxIndexNum: 2000,
  messageDelayLevel: DELAY_LEVELS,
  timerPrecisionMs: TIMER_PRECISION_MS,
  transactionTimeOut: 500,
  transactionCheckInterval: 500,
  transactionCheckMax: 10_000,
};
/** Sends of each kind before a kill, and after the start that follows. */
const MIN_PROGRESS = 10;
const PROGRESS_MS = 20_000;
/** Longest time from an acknowledgement to the moment when the message can be read. */
const VISIBLE_MS = 10_000;
/** What is to come late has come when nothing of it was missing for so long. */
const WAIT_FOR_LATER_MS = 30_000;

/** Every kind of message that takes part; each brings its topic, its load and its truth. */
const KINDS: readonly (new (scene: KillScene) => LoadKind)[] = [Plain, NoWait, Oneway, Ordered, Batches, Delayed, Timers, Transactions];

export interface KillOptions {
  seed: number;
  rounds: number;
  retries: boolean;
  flushDiskType: 'SYNC_FLUSH' | 'ASYNC_FLUSH';
}

/** What one kind sent over all rounds. */
export interface KillOutcome {
  sent: number;
  acknowledged: number;
  /** Messages stored (or delivered) more than once, each explained. */
  duplicates: number;
}

/** kill -9 under mixed load, `rounds` times on one store; throws when a promise of the broker is broken. */
export async function killRounds(options: KillOptions): Promise<Record<string, KillOutcome>> {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-kill-'));
  const namesrv = await startBundledNamesrv(join(dir, 'namesrv'));
  const cluster = new KilledCluster(options, { dir, namesrvAddr: namesrv.address, port: await freePortBlock() });
  try {
    await cluster.begin();
    for (let round = 1; round <= options.rounds; round++) await cluster.round(round);
    await cluster.waitForLater();
    await cluster.consumeAll();
    return cluster.outcome();
  } finally {
    await cluster.closeKinds();
    await cluster.broker?.kill();
    await namesrv.process.kill();
    if (process.env.MQKIT_KEEP === undefined) rmSync(dir, { recursive: true, force: true });
  }
}

class KilledCluster {
  broker: BundledBroker | undefined;
  readonly #options: KillOptions;
  readonly #place: { dir: string; namesrvAddr: string; port: number };
  readonly #random: Random;
  readonly #kills: Kill[] = [];
  readonly #kinds: readonly LoadKind[];
  /** First offset of each queue that was not read back yet, by `topic/queueId`. */
  readonly #readTo = new Map<string, number>();

  constructor(options: KillOptions, place: { dir: string; namesrvAddr: string; port: number }) {
    this.#options = options;
    this.#place = place;
    this.#random = seededRandom(options.seed);
    const { namesrvAddr } = place;
    const scene = { namesrvAddr, random: this.#random, kills: this.#kills, retries: options.retries };
    this.#kinds = KINDS.map((Kind) => new Kind(scene));
  }

  async begin(): Promise<void> {
    this.broker = await this.#start();
    for (const { topic } of this.#kinds) await createTopic(this.#target(), topic, QUEUES);
  }

  /** Load, kill, perhaps more kills while it starts, start, more load; then everything must be there. */
  async round(round: number): Promise<void> {
    const until = { stopped: false };
    const load = Promise.all(this.#kinds.map((kind) => kind.load(round, until)));
    await this.#progress();
    await delay(this.#random.nextInt(400));
    await this.#kill(this.broker!);
    for (let more = this.#random.nextInt(3); more > 0; more--) {
      const starting = await this.#start({ wait: false });
      await delay(this.#random.nextInt(500));
      await this.#kill(starting);
    }
    this.broker = await this.#start();
    await this.#progress();
    until.stopped = true;
    await load;
    await this.#check(`round ${round}`);
  }

  /** Waits until every kind has sent something, however busy the machine is. */
  async #progress(): Promise<void> {
    const wanted = this.#kinds.map((kind) => kind.progress + MIN_PROGRESS);
    const isEnough = (): boolean => this.#kinds.every((kind, index) => kind.progress >= wanted[index]!);
    for (let waitedMs = 0; !isEnough() && waitedMs < PROGRESS_MS; waitedMs += 5) await delay(5);
  }

  /** Waits until what was delayed has come. */
  async waitForLater(): Promise<void> {
    for (let waitedMs = 0; this.#kinds.some((kind) => kind.isWaiting) && waitedMs < WAIT_FOR_LATER_MS; waitedMs += 200) {
      await delay(200);
      await this.#readBack();
    }
    await this.#check('the end');
    const waiting = this.#kinds.filter((kind) => kind.isWaiting).map(({ name }) => name);
    expect(waiting, `seed ${this.#options.seed}: kinds of which acknowledged messages never came`).toEqual([]);
  }

  /** A new group receives every stored message. */
  async consumeAll(): Promise<void> {
    const received = new Set<string>();
    const wanted = this.#kinds.flatMap(({ ledger }) => [...ledger.storedIds]);
    const consumer = new PushConsumer({
      namesrvAddr: this.#place.namesrvAddr,
      consumerGroup: 'KillReaders',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    for (const { topic } of this.#kinds) consumer.subscribe(topic, '*');
    consumer.onMessage((messages) => {
      for (const message of messages) received.add(idOf(message.body));
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    for (let waitedMs = 0; received.size < wanted.length && waitedMs < 60_000; waitedMs += 20) await delay(20);
    await consumer.shutdown();
    expect(wanted.filter((id) => !received.has(id))).toEqual([]);
  }

  outcome(): Record<string, KillOutcome> {
    return Object.fromEntries(
      this.#kinds.map(({ name, ledger }) => {
        const { sentCount, acknowledged, duplicates } = ledger;
        return [name, { sent: sentCount, acknowledged, duplicates }];
      }),
    );
  }

  async closeKinds(): Promise<void> {
    await Promise.all(this.#kinds.map((kind) => kind.close()));
  }

  async #kill(broker: BundledBroker): Promise<void> {
    await broker.kill();
    this.#kills.push({ wallMs: Date.now() });
  }

  #start(options: { wait?: boolean } = {}): Promise<BundledBroker> {
    const { dir, namesrvAddr, port } = this.#place;
    const config = { ...BROKER_CONFIG, flushDiskType: this.#options.flushDiskType };
    return startBundledBroker({ namesrvAddr, dir: join(dir, 'broker'), port, config, ...options });
  }

  async #check(when: string): Promise<void> {
    let problems = await this.#problems();
    // What the kernel has is acknowledged with WAIT=false; it can be read when the device has it.
    for (let waitedMs = 0; problems.length > 0 && waitedMs < VISIBLE_MS; waitedMs += 200) {
      await delay(200);
      problems = await this.#problems();
    }
    expect(problems.slice(0, 20), `seed ${this.#options.seed}, ${when}: ${problems.length} problems`).toEqual([]);
  }

  async #problems(): Promise<string[]> {
    await this.#readBack();
    return this.#kinds.flatMap((kind) => kind.problems());
  }

  async #readBack(): Promise<void> {
    const problems: string[] = [];
    for (const kind of this.#kinds) {
      for (let queueId = 0; queueId < QUEUES; queueId++) problems.push(...(await this.#readQueue(kind, queueId)));
    }
    expect(problems.slice(0, 20), `seed ${this.#options.seed}: ${problems.length} problems`).toEqual([]);
  }

  async #readQueue(kind: LoadKind, queueId: number): Promise<string[]> {
    const queue = `${kind.topic}/${queueId}`;
    const from = this.#readTo.get(queue) ?? 0;
    const dump = await dumpQueueFrom(this.#target(), { topic: kind.topic, queueId, from });
    if (dump.maxOffset < from) return [`${queue} ends at ${dump.maxOffset}, and had messages up to ${from}`];
    this.#readTo.set(queue, dump.maxOffset);
    // The last pull may return more than was there when the reading began.
    const records = dump.records.filter(({ queueOffset }) => queueOffset < dump.maxOffset);
    return records.map((record) => kind.find(record)).filter((problem) => problem !== null);
  }

  #target(): Target {
    const none = (): Promise<void> => Promise.reject(new Error('not of this test'));
    const { namesrvAddr } = this.#place;
    return { namesrvAddr, clusterName: 'DefaultCluster', brokerName: 'broker-a', broker: this.broker!, restartBroker: none, stop: none };
  }
}
