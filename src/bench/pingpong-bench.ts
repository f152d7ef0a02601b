import { randomBytes } from 'node:crypto';
import type { SendHandler } from '../client/producer/pending-send.js';
import { Producer } from '../client/producer/producer.js';
import type { SendResult } from '../client/types.js';
import { type MQError, UsageError } from '../common/errors.js';
import type { Message } from '../common/message/message.js';
import { ConsumerGroup, clientOptions, type EndOptions, prepareGroups } from './both-ends.js';
import { errorName } from './error-name.js';
import type { PingpongResult } from './kind-results.js';
import type { BenchHooks } from './progress.js';
import { Recorder } from './recorder.js';
import { RESULT_SCHEMA } from './result.js';
import { configOf, endOf, inFrame, runSends } from './run-frame.js';
import type { SendTarget } from './send-load.js';

export interface PingpongBenchOptions extends EndOptions {
  readonly group: string;
  readonly bodyBytes: number;
  /** Bytes of a reply; the request's own body without it. */
  readonly replyBytes?: number;
  /** Requests that wait for their reply at once. */
  readonly inFlight: number;
  /** Consumers that answer. */
  readonly repliers: number;
  /** Requests that each of them answers at once. */
  readonly concurrency: number;
  /** A request without a reply after this time has failed, ms. */
  readonly requestTimeoutMs: number;
  readonly rate?: number;
  readonly warmupMs: number;
  readonly durationMs?: number;
  readonly quantity?: number;
}

/** Sends requests to consumers of the same process, which reply at once, and measures the round trips. */
export async function runPingpongBench(options: PingpongBenchOptions, hooks: BenchHooks = {}): Promise<PingpongResult> {
  const { topic, group, inFlight, warmupMs, rate, durationMs, quantity } = options;
  await prepareGroups(options, [group]);
  const requester = new Producer({ ...clientOptions(options), producerGroup: `${group}_requester` });
  const replier = new Producer({ ...clientOptions(options), producerGroup: `${group}_replier` });
  const replies = new Replies(replier, options.replyBytes);
  try {
    await requester.start([topic]);
    await replier.start();
    const { outcome, environment } = await inFrame(async (watch) => {
      const consumers = await ConsumerGroup.start(options, {
        consumerGroup: group,
        consumers: options.repliers,
        concurrency: options.concurrency,
        onMessage: (message) => replies.answer(message),
      });
      try {
        const run = await runSends({
          recorder: new Recorder(),
          hooks,
          stats: () => requester.stats(),
          onWindow: () => {
            replies.reset();
            watch.start();
          },
          load: {
            target: new RequestTarget(requester, options.requestTimeoutMs),
            ...{ inFlight, warmupMs },
            createMessage: () => ({ topic, body: randomBytes(options.bodyBytes) }),
            ...(rate === undefined ? {} : { rate }),
            ...(durationMs === undefined ? {} : { durationMs }),
            ...(quantity === undefined ? {} : { quantity }),
          },
        });
        watch.end();
        return run;
      } finally {
        await consumers.stop();
      }
    }, options);
    return {
      schema: RESULT_SCHEMA,
      kind: 'pingpong',
      config: configOf(options),
      environment,
      send: outcome.send,
      replies: replies.counts(),
      ...endOf(outcome),
    };
  } finally {
    await Promise.all([requester.shutdown(), replier.shutdown()]);
  }
}

/** Sends a message as a request; its reply is the success. */
class RequestTarget implements SendTarget {
  readonly #requester: Producer;
  readonly #timeoutMs: number;

  constructor(requester: Producer, timeoutMs: number) {
    this.#requester = requester;
    this.#timeoutMs = timeoutMs;
  }

  sendAsync(message: Message, handler: SendHandler, context: unknown): void {
    this.#requester.request(message, this.#timeoutMs).then(
      () => handler.onSuccess(REPLIED, context),
      (error: MQError) => handler.onException(error, context),
    );
  }
}

const REPLIED = { sendStatus: 'SEND_OK' } as SendResult;

/** The answering side. */
class Replies {
  readonly #producer: Producer;
  readonly #body: Buffer | undefined;
  readonly #errorsByCode = new Map<string, number>();
  #count = 0;

  constructor(producer: Producer, replyBytes: number | undefined) {
    this.#producer = producer;
    this.#body = replyBytes === undefined ? undefined : randomBytes(replyBytes);
  }

  reset(): void {
    this.#count = 0;
    this.#errorsByCode.clear();
  }

  async answer(message: Parameters<Producer['reply']>[0] & { readonly body: Buffer }): Promise<void> {
    try {
      await this.#producer.reply(message, this.#body ?? message.body);
      this.#count++;
    } catch (error) {
      // A requester that waits no longer counts the request as failed; a message that is no request is somebody else's.
      if (!(error instanceof UsageError)) {
        const code = errorName(error as MQError);
        this.#errorsByCode.set(code, (this.#errorsByCode.get(code) ?? 0) + 1);
      }
    }
  }

  counts(): PingpongResult['replies'] {
    const errorsByCode = Object.fromEntries(this.#errorsByCode);
    return { count: this.#count, errors: Object.values(errorsByCode).reduce((sum, count) => sum + count, 0), errorsByCode };
  }
}
