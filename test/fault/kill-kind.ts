import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { Random } from '../../src/common/clock.js';
import type { MessageRecord } from '../../src/common/message/record.js';
import { Producer, type ProducerOptions, type ProducerStats } from '../../src/index.js';
import { type Acknowledgement, type Kill, Ledger, SEND_TIMEOUT_MS, type Sent } from './kill-ledger.js';

/** What every kind of load shares. */
export interface KillScene {
  readonly namesrvAddr: string;
  readonly random: Random;
  readonly kills: readonly Kill[];
  /** Producers try again after a failure. */
  readonly retries: boolean;
}

/** Set when the load of a round is to end. */
export interface Until {
  stopped: boolean;
}

/** Which message of the load it is. */
export interface Place {
  readonly id: string;
  readonly lane: number;
}

/** Attempts after the first one, where there are retries: more than fit into the time of a send. */
const RETRIES = 10_000;
/** Sends of a kind in a round after which it takes its time: there is something under way at every moment, and not too much to read back. */
const FULL_SPEED_SENDS = 1000;
const SLOW_PAUSE_MS = 20;

/** The part of a producer that tells of its attempts. */
interface Counting {
  stats(): ProducerStats;
}

/** Attempts that ended without an answer: broken connections and time-outs, not the codes of brokers. */
function unansweredOf(producer: Counting): number {
  let count = 0;
  for (const [code, times] of Object.entries(producer.stats().failedAttemptsByCode)) if (!/^\d+$/.test(code)) count += times;
  return count;
}

/** One kind of message in the load of a kill test, on a topic of its own, with what must be true of it afterwards. */
export abstract class LoadKind {
  abstract readonly name: string;
  /** Messages that are on their way at once. */
  protected abstract readonly lanes: number;
  protected readonly scene: KillScene;
  readonly ledger: Ledger;
  /** Sends that ended well so far. */
  progress = 0;

  constructor(scene: KillScene) {
    this.scene = scene;
    this.ledger = new Ledger(scene.kills);
  }

  get topic(): string {
    return `Kill${this.name}`;
  }

  /** Sends until it is stopped; every send has ended when this resolves. */
  abstract load(round: number, until: Until): Promise<void>;

  /** Ends what lives longer than a round. */
  async close(): Promise<void> {}

  protected async runLanes(round: number, until: Until, sendOne: (place: Place) => Promise<void>): Promise<void> {
    let next = 0;
    const lane = async (_: unknown, index: number): Promise<void> => {
      while (!until.stopped) {
        await sendOne({ id: `${this.name}.${round}.${index}.${next++}`, lane: index });
        await (next < FULL_SPEED_SENDS ? nextTurn() : delay(SLOW_PAUSE_MS));
      }
    };
    await Promise.all(Array.from({ length: this.lanes }, lane));
  }

  /** Notes a record of the kind's topic; complains about what cannot be. */
  find(record: MessageRecord): string | null {
    return this.ledger.find(record);
  }

  /** What is wrong, once the broker is up again and everything of the round was read back. */
  problems(): string[] {
    return this.scene.retries ? this.ledger.problemsWithRetries() : this.ledger.problemsWithoutRetries();
  }

  /** Whether messages that must still appear may appear later; asked at the end of all rounds. */
  get isWaiting(): boolean {
    return false;
  }

  protected producerOptions(round: number): ProducerOptions {
    return {
      namesrvAddr: this.scene.namesrvAddr,
      producerGroup: `Kill${this.name}Producer`,
      instanceName: `kill-${process.pid}-${this.name}-${round}`,
      retryTimesWhenSendFailed: this.scene.retries ? RETRIES : 0,
      sendMsgTimeoutMs: SEND_TIMEOUT_MS,
    };
  }

  /** Begins a send in the ledger, waits for its end, and notes an acknowledgement. */
  protected async track(
    producer: Counting,
    { id, body }: { id: string; body: Buffer },
    send: () => Promise<Acknowledgement | null>,
  ): Promise<void> {
    await this.trackAll(producer, [this.ledger.begin(id, body)], send);
  }

  /** Like `track`, of messages that share one request. */
  protected async trackAll(producer: Counting, sent: readonly Sent[], send: () => Promise<Acknowledgement | null>): Promise<void> {
    const before = unansweredOf(producer);
    let result: Acknowledgement | null = null;
    try {
      result = await send();
      this.progress++;
    } catch {
      // Nobody knows whether it was stored; the broker may be gone for a while.
      await delay(25);
    }
    const unanswered = unansweredOf(producer) - before;
    for (const each of sent) {
      each.unanswered = unanswered;
      if (result?.sendStatus === 'SEND_OK') each.result = result;
    }
  }

  /** A body that begins with its id: mostly small, sometimes beyond the size from which bodies are compressed. */
  protected bodyOf(id: string, maxBytes = 8000): Buffer {
    const { random } = this.scene;
    const bytes =
      random.nextInt(20) === 0 && maxBytes > 5000 ? 5000 + random.nextInt(maxBytes - 5000) : random.nextInt(Math.min(1200, maxBytes));
    const filling = Buffer.alloc(bytes);
    for (let i = 0; i < bytes; i++) filling[i] = (i * 31 + bytes) & 0xff;
    return Buffer.concat([Buffer.from(`${id}:`), filling]);
  }
}

/** A kind that sends with a fresh producer each round. */
export abstract class SendKind extends LoadKind {
  override async load(round: number, until: Until): Promise<void> {
    const producer = new Producer(this.producerOptions(round));
    await producer.start();
    await this.runLanes(round, until, (place) => this.sendOne(producer, place));
    await producer.shutdown();
  }

  /** Sends one message (or one batch) and notes what became of it. */
  protected abstract sendOne(producer: Producer, place: Place): Promise<void>;
}
