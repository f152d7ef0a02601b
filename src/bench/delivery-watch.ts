import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { MessageQueue } from '../client/message-queue.js';
import { UsageError } from '../common/errors.js';
import { DeliveryCheck } from './delivery-check.js';
import { confirmedCount, type SentSequences } from './delivery-ledger.js';
import { type DeliveryReport, judgeDelivery } from './delivery-report.js';

const LOOK_MS = 100;
/**
 * Nothing came for so long: nothing is on its way any more. Apache's broker may hold a pull although its message has just come, and looks again after
 * 5 s (PullRequestHoldService).
 */
const QUIET_MS = 7000;

/** What a watch needs to know of a consumer. */
export interface WatchedConsumer {
  readonly assignedQueues: readonly MessageQueue[];
}

export interface DeliveryWatchOptions {
  readonly topic: string;
  /** Queues that the topic has; undefined while that is not known. */
  readonly queueCount: () => number | undefined;
  /** Not every message of the topic is for this consumer, or it gives some back: gaps are no losses. */
  readonly partial: boolean;
}

/** Checks what a consumer gets, and whether it is the only one of its group. */
export class DeliveryWatch {
  readonly check = new DeliveryCheck();
  readonly #options: DeliveryWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #look: () => void = () => {};
  #hadAll = false;
  #sharedQueues = false;

  constructor(options: DeliveryWatchOptions) {
    this.#options = options;
  }

  start(consumer: WatchedConsumer): void {
    this.#look = () => {
      const owned = consumer.assignedQueues.filter((queue) => queue.topic === this.#options.topic).length;
      const all = owned > 0 && owned === this.#options.queueCount();
      this.#sharedQueues ||= this.#hadAll && !all;
      this.#hadAll ||= all;
    };
    this.#timer = setInterval(this.#look, LOOK_MS);
  }

  /** Resolves when all of `expected` has arrived, nothing of it comes any more, or the signal says so. */
  async drain(expected: SentSequences, signal: AbortSignal | undefined): Promise<void> {
    let seen = -1;
    for (let quietMs = 0; quietMs < QUIET_MS && !this.isComplete(expected) && signal?.aborted !== true; quietMs += LOOK_MS) {
      const received = this.check.receivedOf(expected.runId);
      quietMs = received === seen ? quietMs : 0;
      seen = received;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Whether everything that was confirmed has arrived. */
  isComplete(expected: SentSequences): boolean {
    // What was not confirmed may have arrived, too: only then it takes more than a number.
    const isEnough = this.check.receivedOf(expected.runId) >= confirmedCount(expected);
    return isEnough && judgeDelivery(this.check, { expected }).lost === 0;
  }

  /** Call it while the consumer still has its queues. */
  stop(): void {
    clearInterval(this.#timer);
    this.#look();
  }

  /** Judges what came; undefined when nothing carried a sequence number and nobody says what was sent. */
  judge(expected: SentSequences | undefined): DeliveryReport | undefined {
    if (expected === undefined && this.check.received === 0) {
      return undefined;
    }
    return judgeDelivery(this.check, { expected, gaps: this.#hadAll && !this.#sharedQueues && !this.#options.partial });
  }
}

/** Finds what is wrong with a file that is there already; a producer that still runs writes its file at its end. */
export async function checkExpected(file: string | undefined): Promise<void> {
  if (file !== undefined && existsSync(file)) {
    await readExpected(file);
  }
}

/**
 * What a producer's result says that it sent.
 * @throws UsageError when the file is no such result.
 */
export async function readExpected(file: string): Promise<SentSequences> {
  let sequences: Partial<SentSequences> | undefined;
  try {
    sequences = (JSON.parse(await readFile(file, 'utf8')) as { sequences?: Partial<SentSequences> } | null)?.sequences;
  } catch (error) {
    throw new UsageError(`--expect ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  if (typeof sequences?.runId !== 'number' || !Array.isArray(sequences.producers)) {
    throw new UsageError(`--expect ${file} does not say what was sent: it has no sequences`, {
      hint: 'give the file that mqbench producer --json FILE wrote',
    });
  }
  return sequences as SentSequences;
}
