import type { Message, Producer } from '../../src/index.js';
import { type Place, SendKind } from './kill-kind.js';

/** Wanted delays of the levels in the broker's configuration. */
export const DELAY_LEVELS = '1s 2s';
export const TIMER_PRECISION_MS = 200;
/** A message that is due for so long and still not there counts as lost. */
const LATE_MS = 20_000;

/** Messages that are delivered when their time has come: at least once, never early, again only because of a kill. */
abstract class Later extends SendKind {
  protected readonly lanes = 3;
  /** How much before its time a message may come. */
  protected abstract readonly earlyMs: number;
  readonly #delays = new Map<string, number>();

  protected override async sendOne(producer: Producer, { id }: Place): Promise<void> {
    const body = this.bodyOf(id, 600);
    const { message, delayMs } = this.delayed({ topic: this.topic, body });
    this.#delays.set(id, delayMs);
    await this.track(producer, { id, body }, () => producer.send(message));
  }

  /** The message with what asks for a delay. */
  protected abstract delayed(message: Message): { message: Message; delayMs: number };

  override get isWaiting(): boolean {
    return this.ledger.acknowledgedSends().some(({ id }) => this.ledger.found(id).length === 0);
  }

  override problems(): string[] {
    const problems: string[] = [];
    const nowMs = Date.now();
    for (const sent of this.ledger.sends()) {
      const dueMs = sent.bornMs + (this.#delays.get(sent.id) ?? 0);
      const copies = this.ledger.found(sent.id);
      if (copies.length === 0 && sent.result !== null && nowMs > dueMs + LATE_MS) {
        problems.push(`${sent.id} was acknowledged, was due ${nowMs - dueMs} ms ago, and is not there`);
      }
      for (const { storeTimestamp } of copies) {
        if (storeTimestamp < dueMs - this.earlyMs) problems.push(`${sent.id} came ${dueMs - storeTimestamp} ms before its time`);
      }
      problems.push(...this.ledger.unexplainedCopies(sent, this.scene));
    }
    return problems;
  }
}

/** Delay levels 1 and 2. */
export class Delayed extends Later {
  readonly name = 'Delayed';
  protected readonly earlyMs = 0;

  protected override delayed(message: Message): { message: Message; delayMs: number } {
    const delayTimeLevel = 1 + this.scene.random.nextInt(2);
    return { message: { ...message, delayTimeLevel }, delayMs: delayTimeLevel * 1000 };
  }
}

/** Times on the timer wheel: a message may come as much as one step of the wheel before its time. */
export class Timers extends Later {
  readonly name = 'Timers';
  protected readonly earlyMs = TIMER_PRECISION_MS;

  protected override delayed(message: Message): { message: Message; delayMs: number } {
    const delayTimeMs = 300 + this.scene.random.nextInt(2500);
    return { message: { ...message, delayTimeMs }, delayMs: delayTimeMs };
  }
}
