import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { type Random, seededRandom } from '../../../src/common/clock.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import { until } from '../../sandbox.js';
import { TransactionBroker } from '../transaction/kit.js';
import { ackRaw, changeInvisible, type Popped, poppedOf, popRaw } from './pop-kit.js';

const TOPIC = 'T';
const GROUP = 'PG';
const STEP_MS = 200;
/** What was popped and not acknowledged is there again so long after its time. */
const REVIVED_MS = 8_000;

/** What the consumer knows of a message. */
interface Sent {
  readonly body: string;
  deliveries: number;
  /** Its last receipt, while it may be used. */
  held: Popped | null;
  /** When it may come again. */
  visibleAtMs: number;
  /** Acknowledged before it was visible again: it must not come any more. */
  isDone: boolean;
}

/** A consumer with a memory and a broker that is stopped and killed at random. */
class PopModel {
  readonly #random: Random;
  readonly #sent = new Map<string, Sent>();
  readonly #log: string[] = [];
  readonly #settings: Record<string, string | number | boolean>;
  #broker: TransactionBroker;

  constructor(broker: TransactionBroker, settings: Record<string, string | number | boolean>, seed: number) {
    this.#broker = broker;
    this.#settings = settings;
    this.#random = seededRandom(seed);
  }

  async start(): Promise<void> {
    const group = JSON.stringify({ groupName: GROUP, retryMaxTimes: 1000 });
    await this.#client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, group);
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const dice = this.#random.nextInt(100);
      if (dice < 25) await this.#send();
      else if (dice < 50) await this.#pop(this.#random.nextInt(12) + 1, 1000 + this.#random.nextInt(15_000));
      else if (dice < 72) await this.#ackSome();
      else if (dice < 80) await this.#change();
      else if (dice < 93) await this.#pass(this.#random.nextInt(6_000));
      else await this.#restart();
    }
  }

  /** Acknowledges all that comes until nothing does. */
  async finish(): Promise<void> {
    for (let round = 0; [...this.#sent.values()].some(({ isDone }) => !isDone); round++) {
      expect(
        round,
        this.#context(`lost: ${[...this.#sent.values()].filter(({ isDone }) => !isDone).map(({ body }) => body)}`),
      ).toBeLessThan(40);
      while ((await this.#pop(32, 60_000)) > 0);
      await this.#ackAll();
      await this.#pass(5_000);
    }
    await this.#pass(60_000 + REVIVED_MS);
    expect(await this.#pop(32, 60_000), this.#context('something came again')).toBe(0);
  }

  get #client() {
    return this.#broker.producer.client;
  }

  #context(what: string): string {
    return [...this.#log, what].join('\n');
  }

  async #send(): Promise<void> {
    for (let left = this.#random.nextInt(5) + 1; left > 0; left--) {
      const body = `m${this.#sent.size}`;
      const answer = await this.#client.send({ topic: TOPIC, body, queueId: this.#random.nextInt(4) });
      expect(answer.code).toBe(0);
      this.#sent.set(body, { body, deliveries: 0, held: null, visibleAtMs: 0, isDone: false });
      this.#log.push(`send ${body}`);
    }
  }

  async #pop(maxMsgNums: number, invisibleMs: number): Promise<number> {
    const queueId = this.#sent.size > 0 && this.#random.nextInt(4) === 0 ? this.#random.nextInt(4) : -1;
    const answer = await popRaw(this.#client, { topic: TOPIC, group: GROUP, queueId, maxMsgNums, invisibleMs, fields: { bornTime: '0' } });
    const messages = poppedOf(answer, GROUP);
    const nowMs = this.#broker.time.nowMs();
    this.#log.push(
      `pop ${maxMsgNums} of ${queueId} for ${invisibleMs} at ${nowMs}: ${messages.map(({ body, receipt }) => `${body} (${receipt})`)}`,
    );
    for (const message of messages) {
      const sent = this.#sent.get(message.body)!;
      expect(sent.isDone, this.#context(`${message.body} was acknowledged`)).toBe(false);
      expect(nowMs, this.#context(`${message.body} is invisible`)).toBeGreaterThanOrEqual(sent.visibleAtMs);
      expect(message.reconsumeTimes, this.#context(`tries of ${message.body}`)).toBe(sent.deliveries);
      sent.deliveries++;
      sent.held = message;
      sent.visibleAtMs = visibleAt(message);
    }
    return messages.length;
  }

  async #ackSome(): Promise<void> {
    for (const sent of this.#held()) if (this.#random.nextInt(3) === 0) await this.#ack(sent);
  }

  async #ackAll(): Promise<void> {
    for (const sent of this.#held()) await this.#ack(sent);
  }

  async #ack(sent: Sent): Promise<void> {
    const isInTime = this.#broker.time.nowMs() < sent.visibleAtMs;
    const answer = await ackRaw(this.#client, sent.held!, GROUP);
    this.#log.push(`ack ${sent.body} ${isInTime ? 'in time' : 'late'}: ${answer.code}`);
    expect(answer.code, this.#context('')).toBe(0);
    if (isInTime) sent.isDone = true;
    // A late one may come again, or not: where it does not, it counts as done.
    else if (await this.#isGone(sent)) sent.isDone = true;
    if (this.#random.nextInt(4) > 0) sent.held = null;
  }

  /** Whether a message that was acknowledged late stays away: its copy would be in the retry topic soon. */
  async #isGone(sent: Sent): Promise<boolean> {
    await this.#pass(REVIVED_MS);
    const copies = await this.#broker.messages(`%RETRY%${GROUP}_${TOPIC}`, 1);
    return !copies.some((copy) => copy.body.toString() === sent.body && copy.reconsumeTimes === sent.deliveries);
  }

  async #change(): Promise<void> {
    const sent = this.#held()[0];
    if (sent === undefined || sent.isDone || this.#broker.time.nowMs() >= sent.visibleAtMs) return;
    sent.held = await changeInvisible(this.#client, sent.held!, 1000 + this.#random.nextInt(20_000), GROUP);
    sent.visibleAtMs = visibleAt(sent.held);
    this.#log.push(`change ${sent.body} to ${sent.visibleAtMs}: ${sent.held.receipt}`);
  }

  #held(): Sent[] {
    return [...this.#sent.values()].filter(({ held }) => held !== null);
  }

  async #pass(ms: number): Promise<void> {
    this.#log.push(`pass ${ms}`);
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.#broker.time.advance(Math.min(STEP_MS, left));
      await nextTurn();
      // A disk keeps its own time: the clock of the broker must not run away from it.
      await until(() => this.#broker.node.store.dispatchBehindBytes() === 0);
    }
  }

  async #restart(): Promise<void> {
    const isKill = this.#random.nextInt(3) > 0;
    const { time } = this.#broker;
    const dir = mkdtempSync(join(tmpdir(), 'mqkit-pop-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
    if (isKill) cpSync(this.#broker.dir, dir, { recursive: true });
    await this.#broker.stop();
    if (!isKill) cpSync(this.#broker.dir, dir, { recursive: true });
    this.#log.push(isKill ? 'kill' : 'clean restart');
    this.#broker = await TransactionBroker.start(this.#settings, { dir, time });
  }
}

function visibleAt({ receipt }: Popped): number {
  const [, popTime, invisibleTime] = receipt.split(' ');
  return Number(popTime) + Number(invisibleTime);
}

/** One run; a failure shows its steps, and the seed repeats them. */
export async function runPopModel(seed: number, steps: number): Promise<void> {
  const flushDiskType = seed % 2 === 0 ? 'ASYNC_FLUSH' : 'SYNC_FLUSH';
  const settings = { flushDiskType, mappedFileSizeCommitLog: 256 * 1024, mappedFileSizeTimerLog: 52_000, fileReservedTime: 1000 };
  const broker = await TransactionBroker.start(settings);
  const model = new PopModel(broker, settings, seed);
  await model.start();
  await model.run(steps);
  await model.finish();
}
