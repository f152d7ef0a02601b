import type { TimerHandle } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import { throwLater } from '../callback.js';
import { type MessageQueue, queueKey } from '../message-queue.js';
import type { MQClient } from '../mq-client.js';

/** Told with all queues of a topic after some came or went. */
export type TopicQueuesListener = (topic: string, queues: readonly MessageQueue[]) => void;

const FIRST_CHECK_MS = 10_000;

interface Watched {
  readonly listener: TopicQueuesListener;
  /** The queues as last seen; null before the first look. */
  seen: string | null;
}

/** Compares the queues of topics from time to time. */
export class TopicWatch {
  readonly #client: MQClient;
  readonly #intervalMs: number;
  readonly #fetch: (topic: string) => Promise<readonly MessageQueue[]>;
  readonly #topics = new Map<string, Watched>();
  #timer: TimerHandle | undefined;

  constructor(client: MQClient, init: { intervalMs: number; fetch: (topic: string) => Promise<readonly MessageQueue[]> }) {
    this.#client = client;
    this.#intervalMs = init.intervalMs;
    this.#fetch = init.fetch;
  }

  /** @throws NotFoundError when the watch runs and the topic has no route. */
  async add(topic: string, listener: TopicQueuesListener, { isRunning }: { isRunning: boolean }): Promise<void> {
    if (topic === '') {
      throw new UsageError('Topic or listener is null');
    }
    const watched: Watched = { listener, seen: null };
    this.#topics.set(topic, watched);
    if (isRunning) {
      watched.seen = textOf(await this.#fetch(topic));
    }
  }

  async start(): Promise<void> {
    for (const [topic, watched] of this.#topics) {
      watched.seen = textOf(await this.#fetch(topic));
    }
    this.#schedule(Math.min(FIRST_CHECK_MS, this.#intervalMs));
  }

  stop(): void {
    if (this.#timer !== undefined) {
      this.#client.timers.clearTimeout(this.#timer);
    }
    this.#timer = undefined;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#client.timers.setTimeout(() => {
      void this.#check().finally(() => {
        if (this.#timer !== undefined) {
          this.#schedule(this.#intervalMs);
        }
      });
    }, delayMs);
  }

  async #check(): Promise<void> {
    for (const [topic, watched] of this.#topics) {
      try {
        const queues = await this.#fetch(topic);
        const now = textOf(queues);
        if (now !== watched.seen && this.#timer !== undefined) {
          watched.seen = now;
          tell(watched.listener, topic, queues);
        }
      } catch (error) {
        this.#client.logger.warn(`queues of topic ${topic} could not be compared: ${String(error)}`, { error });
      }
    }
  }
}

function textOf(queues: readonly MessageQueue[]): string {
  return queues.map(queueKey).join();
}

function tell(listener: TopicQueuesListener, topic: string, queues: readonly MessageQueue[]): void {
  try {
    listener(topic, queues);
  } catch (thrown) {
    throwLater(thrown);
  }
}
