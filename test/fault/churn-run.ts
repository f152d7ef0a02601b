import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type Random, seededRandom } from '../../src/common/clock.js';
import { type MessageQueue, Producer } from '../../src/index.js';
import { rawRequest } from '../peers/wire.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';
import { type ChurnCounts, ChurnLedger, MemberLife, type Mode } from './churn-ledger.js';

const MEMBER = fileURLToPath(new URL('churn-member.mjs', import.meta.url));
const MEMBERS = 8;
const QUEUES = 16;
const BODY = Buffer.alloc(100, 'churn');
const TICK_MS = 10;
/** More sends under way wait: a busy machine makes the rate lower. */
const MAX_IN_FLIGHT = 5_000;
/** Queue locks live shorter than they usually do, so that many expire in the time of the test. */
const LOCKS = { lockIntervalMs: 1000, lockMaxLiveMs: 2000 };
const BROKER_LOCK_LIVE_MS = 2 * LOCKS.lockMaxLiveMs;
const MODES = {
  concurrent: { topic: 'ChurnConcurrent', group: 'CG_churn_concurrent' },
  ordered: { topic: 'ChurnOrdered', group: 'CG_churn_ordered' },
} as const satisfies Record<Mode, { topic: string; group: string }>;

export interface ChurnOptions {
  seed: number;
  /** How long messages are sent and members come and go. */
  seconds: number;
  /** To each of the two groups. */
  messagesPerSecond: number;
}

export interface ChurnOutcome {
  sent: number;
  joins: number;
  leaves: number;
  kills: number;
  concurrent: ChurnCounts;
  ordered: ChurnCounts;
  /** Ordered calls that a busy machine held for longer than their lock lives. */
  stalled: number;
  expiredLocks: number;
}

/** Members of two groups join, leave and are killed under load; throws when the protocol's promises are broken. */
export async function churn(options: ChurnOptions): Promise<ChurnOutcome> {
  const sandbox = await startSandbox();
  const run = new Churn(options, sandbox);
  try {
    await run.begin();
    await run.load();
    await run.drain();
    return run.outcome();
  } finally {
    await run.close();
    await sandbox.stop();
  }
}

interface Member {
  readonly life: MemberLife;
  readonly process: ChildProcess;
  readonly exited: Promise<void>;
}

class Churn {
  readonly #options: ChurnOptions;
  readonly #sandbox: Sandbox;
  readonly #random: Random;
  readonly #ledger = new ChurnLedger();
  readonly #locks: LockWatch;
  readonly #producer: Producer;
  /** A slot whose member is leaving is taken until that has left. */
  readonly #slots = new Array<Member | 'leaving' | null>(MEMBERS).fill(null);
  readonly #leaving: Promise<void>[] = [];
  /** Those that run. */
  readonly #processes = new Set<ChildProcess>();
  readonly #problems: string[] = [];
  readonly #sendErrors: unknown[] = [];
  #inFlight = 0;
  #isClosed = false;
  #sent = 0;
  #joins = 0;
  #leaves = 0;
  #kills = 0;

  constructor(options: ChurnOptions, sandbox: Sandbox) {
    this.#options = options;
    this.#sandbox = sandbox;
    this.#random = seededRandom(options.seed);
    this.#locks = new LockWatch(sandbox);
    this.#producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_churn', sendMsgTimeoutMs: 15_000 });
  }

  async begin(): Promise<void> {
    for (const { topic } of Object.values(MODES)) {
      const queues = { readQueueNums: String(QUEUES), writeQueueNums: String(QUEUES) };
      const fields = {
        topic,
        defaultTopic: 'TBW102',
        ...queues,
        perm: '6',
        topicFilterType: 'SINGLE_TAG',
        topicSysFlag: '0',
        order: 'false',
      };
      expect(await rawRequest(this.#sandbox.brokerAddr, 17, fields)).toMatchObject({ code: 0 });
    }
    await this.#producer.start();
    for (let slot = 0; slot < MEMBERS; slot++) this.#join(slot);
  }

  /** Sends at the rate while members come and go. */
  async load(): Promise<void> {
    const endMs = performance.now() + this.#options.seconds * 1000;
    const events = this.#events(endMs);
    const startMs = performance.now();
    let round = 0;
    for (let nowMs = startMs; nowMs < endMs; nowMs = performance.now()) {
      const due = ((nowMs - startMs) / 1000) * this.#options.messagesPerSecond;
      for (; round < due && this.#inFlight < MAX_IN_FLIGHT; round++) {
        for (const { topic } of Object.values(MODES)) this.#send({ topic, brokerName: 'broker-a', queueId: round % QUEUES });
      }
      await delay(TICK_MS);
    }
    await until(() => this.#inFlight === 0, 60_000);
    expect(this.#sendErrors).toEqual([]);
    await events;
  }

  /** Waits until everything is consumed, lets all leave, and reads what they did to the end. */
  async drain(): Promise<void> {
    for (let slot = 0; slot < 2; slot++) if (this.#slots[slot] === null) this.#join(slot);
    // What a killed member consumed and did not commit comes again, in order only when its lock has expired.
    const isDone = (): boolean => {
      this.#ledger.read();
      return (Object.keys(MODES) as Mode[]).every((mode) => {
        const ends = this.#ends(mode);
        return this.#ledger.consumedCount(mode) === ends.reduce((a, b) => a + b) && this.#uncommitted(mode, ends).length === 0;
      });
    };
    await until(isDone, 60_000).catch(() => undefined);
    for (let slot = 0; slot < MEMBERS; slot++) this.#leave(slot);
    await Promise.all(this.#leaving);
    this.#ledger.read();
    this.#ledger.endKilled();
  }

  outcome(): ChurnOutcome {
    const order = this.#ledger.orderProblems(BROKER_LOCK_LIVE_MS * 1000 - LOCKS.lockMaxLiveMs * 1000);
    const problems = [...this.#problems, ...order.problems, ...this.#locks.problems];
    for (const clientId of this.#locks.owners) {
      if (!this.#ledger.wasKilled(clientId)) problems.push(`${clientId} has left, and its locks stay`);
    }
    const counts = {} as Record<Mode, ChurnCounts>;
    for (const mode of Object.keys(MODES) as Mode[]) {
      const ends = this.#ends(mode);
      problems.push(...this.#ledger.missing(mode, ends).map((name) => `${name} was never consumed`));
      const duplicates = this.#ledger.duplicates(mode, (instanceName, queueId) => this.#locks.hasExpired(instanceName, queueId));
      problems.push(...duplicates.unexplained);
      counts[mode] = duplicates.counts;
      problems.push(...this.#uncommitted(mode, ends));
    }
    if (problems.length > 0) problems.splice(20, problems.length, ...this.#ledger.warnings.slice(-20));
    expect(problems, `seed ${this.#options.seed}: problems, and warnings of the clients`).toEqual([]);
    const events = { joins: this.#joins, leaves: this.#leaves, kills: this.#kills };
    return { sent: this.#sent, ...events, ...counts, stalled: order.stalled, expiredLocks: this.#locks.expiredCount };
  }

  /** How many messages each queue has: what was sent, and what a send that timed out stored besides. */
  #ends(mode: Mode): number[] {
    const { store } = this.#sandbox.brokers[0]!;
    return Array.from({ length: QUEUES }, (_, queueId) => store.maxOffset(MODES[mode].topic, queueId));
  }

  #uncommitted(mode: Mode, ends: readonly number[]): string[] {
    const { topic, group } = MODES[mode];
    const { offsets } = this.#sandbox.brokers[0]!.parts;
    return ends
      .map((end, queueId) => ({ end, queueId, committed: Math.max(0, offsets.query(group, topic, queueId)) }))
      .filter(({ end, committed }) => committed !== end)
      .map(({ end, queueId, committed }) => `${mode}/${queueId}: ${committed} is committed of ${end}`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const process of this.#processes) process.kill('SIGKILL');
    await Promise.all(this.#leaving);
    await this.#producer.shutdown();
  }

  #send(queue: MessageQueue): void {
    this.#sent++;
    this.#inFlight++;
    this.#producer
      .send({ topic: queue.topic, body: BODY }, { queue })
      .catch((error: unknown) => this.#sendErrors.push(error))
      .finally(() => this.#inFlight--);
  }

  async #events(endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      await delay(200 + this.#random.nextInt(1200));
      if (this.#isClosed) return;
      const slot = this.#random.nextInt(MEMBERS);
      const [isKill, member] = [this.#random.nextInt(2) === 1, this.#slots[slot]];
      const alive = this.#slots.filter((one) => one !== null && one !== 'leaving').length;
      if (member === null) this.#join(slot);
      else if (member !== 'leaving' && alive > 2) isKill ? await this.#kill(slot) : this.#leave(slot);
    }
  }

  #join(slot: number): void {
    const instanceName = `member${++this.#joins}`;
    const life = new MemberLife(instanceName, join(this.#sandbox.dir, `${instanceName}.log`));
    this.#ledger.add(life);
    const init = { namesrvAddr: this.#sandbox.namesrvAddr, logFile: life.logFile, instanceName, modes: MODES, ...LOCKS };
    const process_ = spawn(process.execPath, [MEMBER, JSON.stringify(init)], { stdio: ['ignore', 'inherit', 'inherit'] });
    this.#processes.add(process_);
    const exited = new Promise<void>((resolve) => process_.once('exit', () => resolve())).then(() => void this.#processes.delete(process_));
    this.#slots[slot] = { life, process: process_, exited };
  }

  /** Takes a member out of its slot by a signal. */
  async #end(slot: number, signal: NodeJS.Signals): Promise<void> {
    const member = this.#slots[slot];
    if (member === null || member === undefined || member === 'leaving') return;
    this.#slots[slot] = 'leaving';
    member.process.kill(signal);
    await member.exited;
    member.life.hasEnded = true;
    const { exitCode } = member.process;
    if (exitCode !== null && exitCode !== 0) this.#problems.push(`${member.life.instanceName} ended with ${exitCode}`);
    // One that had not begun to listen to the signal ends as if killed.
    if (member.process.signalCode !== null) member.life.killedUs = Number(process.hrtime.bigint() / 1000n);
    this.#slots[slot] = null;
  }

  #kill(slot: number): Promise<void> {
    this.#kills++;
    return this.#end(slot, 'SIGKILL');
  }

  #leave(slot: number): void {
    this.#leaves++;
    this.#leaving.push(this.#end(slot, 'SIGTERM'));
  }
}

/** Sees every grant of a queue lock: another member may get a queue only when it was given back, or its lock has not been renewed for its time. */
class LockWatch {
  readonly problems: string[] = [];
  /** Locks that another member got because they had expired: client id and queue. */
  readonly #expired: { clientId: string; queueId: number }[] = [];
  readonly #owners = new Map<number, { clientId: string; renewedMs: number }>();

  constructor(sandbox: Sandbox) {
    const { locks } = sandbox.brokers[0]!.parts;
    locks.maxLiveMs = BROKER_LOCK_LIVE_MS;
    const lock = locks.lock.bind(locks);
    const unlock = locks.unlock.bind(locks);
    locks.lock = (group, clientId, queues) => {
      const granted = lock(group, clientId, queues);
      for (const { topic, queueId } of granted) if (topic === MODES.ordered.topic) this.#granted(clientId, queueId);
      return granted;
    };
    locks.unlock = (group, clientId, queues) => {
      unlock(group, clientId, queues);
      for (const { topic, queueId } of queues) {
        if (topic === MODES.ordered.topic && this.#owners.get(queueId)?.clientId === clientId) this.#owners.delete(queueId);
      }
    };
  }

  get expiredCount(): number {
    return this.#expired.length;
  }

  hasExpired(instanceName: string, queueId: number): boolean {
    return this.#expired.some((lock) => lock.queueId === queueId && lock.clientId.includes(`@${instanceName}-`));
  }

  /** Clients that have locks. */
  get owners(): Set<string> {
    return new Set([...this.#owners.values()].map(({ clientId }) => clientId));
  }

  #granted(clientId: string, queueId: number): void {
    const before = this.#owners.get(queueId);
    const nowMs = performance.now();
    if (before !== undefined && before.clientId !== clientId) {
      this.#expired.push({ clientId: before.clientId, queueId });
      // The broker's clock counts whole milliseconds.
      const liveMs = nowMs - before.renewedMs;
      if (liveMs < BROKER_LOCK_LIVE_MS - 2) this.problems.push(`${clientId} got queue ${queueId} of ${before.clientId} after ${liveMs} ms`);
    }
    this.#owners.set(queueId, { clientId, renewedMs: nowMs });
  }
}
