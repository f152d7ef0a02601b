import type { Clock } from '../../common/clock.js';
import { type MQError, NotFoundError, PartialError, UsageError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import type { MessageQueue } from '../message-queue.js';
import { Producer } from '../producer/producer.js';
import { validateMessage } from '../producer/validate.js';
import type { AdminClient } from './admin-client.js';
import { Pace } from './pace.js';
import { QueueSender } from './queue-sender.js';
import type { QueueChoice } from './read-messages.js';
import { MAX_MESSAGE_SIZE, sendTargets } from './send-message.js';

/** Producer group of what `mqadmin produce` and `mqadmin copy` send; not the one of single messages, which is no group of clients. */
export const STREAM_PRODUCER_GROUP = 'MQKIT_STREAM_PRODUCER';

/** A message and where it came from, for the error that names it: `line 17`. */
export interface ProduceItem {
  readonly origin: string;
  readonly message: Message | UsageError;
}

export interface ProduceRequest {
  readonly topic: string;
  /** Only to this queue, or to those with this id on any broker. */
  readonly queue?: QueueChoice | undefined;
  /** Messages that wait or are on their way, at most. Default 4096. */
  readonly inFlight?: number | undefined;
  /** Messages a second, at most. */
  readonly rate?: number | undefined;
  /** Leaves out what is no message, and counts it, instead of stopping there. */
  readonly skipInvalid?: boolean | undefined;
  /** Stops taking messages; those on their way are waited for. */
  readonly signal?: AbortSignal | undefined;
  /** Is told after each message how many were stored. */
  readonly onProgress?: ((sent: number) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export interface ProduceResult {
  readonly topic: string;
  readonly sent: number;
  readonly failed: number;
  /** Left out, because they were no messages. */
  readonly invalid: number;
  readonly bodyBytes: number;
  readonly elapsedMs: number;
}

const DEFAULT_IN_FLIGHT = 4096;

/**
 * Sends messages as they come, many at a time; the order in each queue is that of the source. Stops with the first that is no message or is not
 * taken by a broker, once the outcome of those before it is known.
 * @throws UsageError for what is no message, PartialError when some messages were stored and one was not, that one's error when none was; each
 * has the {@link ProduceResult} in `context.result`.
 */
export async function produceMessages(
  admin: AdminClient,
  source: AsyncIterable<ProduceItem>,
  request: ProduceRequest,
): Promise<ProduceResult> {
  return withProducer(admin, request.topic, async (producer, queues) => {
    const run = new ProduceRun(request, { producer, queues: chosenQueues(request, queues) });
    return run.all(source);
  });
}

/** Reads the whole source and sends nothing: how many messages it has, and whether there is where they would go. */
export async function checkMessages(
  admin: AdminClient,
  source: AsyncIterable<ProduceItem>,
  request: ProduceRequest,
): Promise<ProduceResult & { readonly dryRun: true }> {
  const { queues } = await sendTargets(admin, { message: { topic: request.topic, body: Buffer.alloc(0) } });
  chosenQueues(request, queues);
  let [sent, invalid, bodyBytes] = [0, 0, 0];
  const result = (): ProduceResult & { readonly dryRun: true } => ({
    topic: request.topic,
    dryRun: true,
    sent,
    failed: 0,
    invalid,
    bodyBytes,
    elapsedMs: 0,
  });
  for await (const { origin, message } of source) {
    const error = message instanceof UsageError ? message : validateMessage(message, MAX_MESSAGE_SIZE);
    if (error === null && !(message instanceof UsageError)) {
      sent++;
      bodyBytes += message.body.length;
    } else if (request.skipInvalid === true) {
      invalid++;
    } else {
      throw new UsageError(`${origin}: ${error?.message}`, { code: error?.code ?? 'BAD_LINE', context: { origin, result: result() } });
    }
  }
  return result();
}

/** Does something with a producer that is started, and the queues of the topic that can be written. */
export async function withProducer<R>(
  admin: AdminClient,
  topic: string,
  work: (producer: Producer, queues: readonly MessageQueue[]) => Promise<R>,
): Promise<R> {
  const producer = new Producer({
    ...admin.sendOptions(),
    producerGroup: STREAM_PRODUCER_GROUP,
    sendMsgTimeoutMs: admin.timeoutMs,
    mqClientApiTimeoutMs: admin.timeoutMs,
  });
  await producer.start();
  try {
    return await work(producer, await producer.fetchPublishMessageQueues(topic));
  } finally {
    await producer.shutdown();
  }
}

function chosenQueues({ topic, queue: choice }: ProduceRequest, queues: readonly MessageQueue[]): readonly MessageQueue[] {
  const chosen = queues.filter(
    ({ brokerName, queueId }) => (choice?.brokerName ?? brokerName) === brokerName && (choice?.queueId ?? queueId) === queueId,
  );
  if (chosen.length === 0) {
    const name = [choice?.brokerName, choice?.queueId].filter((part) => part !== undefined).join(':');
    throw new NotFoundError(`topic ${topic} has no queue ${name} that can be written`, {
      code: 'NO_WRITEABLE_QUEUE',
      hint: `look at its queues: mqadmin topicRoute -l -t ${topic}`,
    });
  }
  return chosen;
}

class ProduceRun {
  readonly #request: ProduceRequest;
  readonly #pace: Pace;
  readonly #sender: QueueSender<ProduceItem>;
  #sent = 0;
  #failed = 0;
  #invalid = 0;
  #bodyBytes = 0;
  #failure: { readonly origin: string; readonly error: MQError } | null = null;
  /** Ends the waiting for the next message. */
  #stop: () => void = () => undefined;

  constructor(request: ProduceRequest, target: { producer: Producer; queues: readonly MessageQueue[] }) {
    this.#request = request;
    this.#pace = new Pace(request);
    this.#sender = new QueueSender({
      ...target,
      inFlight: request.inFlight ?? DEFAULT_IN_FLIGHT,
      onStored: () => {
        this.#sent++;
        request.onProgress?.(this.#sent);
      },
      onFailed: ({ origin }, error) => {
        this.#failed++;
        this.#failure ??= { origin, error };
        this.#stop();
      },
    });
  }

  async all(source: AsyncIterable<ProduceItem>): Promise<ProduceResult> {
    const bad = await this.#take(source);
    await this.#sender.idle();
    if (this.#failure !== null) {
      throw this.#sendError(this.#failure);
    }
    if (bad !== null) {
      throw this.#badItemError(bad.origin, bad.error);
    }
    return this.#result();
  }

  /** Gives messages to the sender until the first that is none; answers that one. */
  async #take(source: AsyncIterable<ProduceItem>): Promise<{ origin: string; error: UsageError } | null> {
    const { signal, skipInvalid } = this.#request;
    for await (const item of this.#untilStopped(source)) {
      const { message } = item;
      const error = message instanceof UsageError ? message : validateMessage(message, MAX_MESSAGE_SIZE);
      if (error !== null || message instanceof UsageError) {
        this.#invalid++;
        if (skipInvalid === true) {
          continue;
        }
        return { origin: item.origin, error: error as UsageError };
      }
      await this.#pace.next();
      await this.#sender.ready();
      if (signal?.aborted === true || this.#failure !== null) {
        return null;
      }
      this.#bodyBytes += message.body.length;
      this.#sender.send(message, item);
    }
    return null;
  }

  /** A source that has nothing at the moment is not waited for when a message was not stored. */
  #untilStopped(source: AsyncIterable<ProduceItem>): AsyncIterable<ProduceItem> {
    const items = source[Symbol.asyncIterator]();
    const end = { done: true as const, value: undefined };
    const next = (): Promise<IteratorResult<ProduceItem>> =>
      new Promise((resolve, reject) => {
        this.#stop = () => resolve(end);
        if (this.#failure === null) {
          items.next().then(resolve, reject);
        } else {
          resolve(end);
        }
      });
    const finish = async (): Promise<typeof end> => {
      // Waits for what was asked for last, which may never come.
      items.return?.().catch(() => undefined);
      return end;
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: finish }) };
  }

  #result(): ProduceResult {
    return {
      topic: this.#request.topic,
      sent: this.#sent,
      failed: this.#failed,
      invalid: this.#invalid,
      bodyBytes: this.#bodyBytes,
      elapsedMs: this.#pace.elapsedMs,
    };
  }

  #badItemError(origin: string, error: UsageError): UsageError {
    return new UsageError(`${origin}: ${error.message}; ${this.#sent} messages were stored before it`, {
      code: error.code,
      hint: 'mend it, or leave such lines out with --skip-invalid',
      context: { origin, result: this.#result() },
      cause: error,
    });
  }

  #sendError({ origin, error }: { origin: string; error: MQError }): MQError {
    const result = this.#result();
    if (this.#sent === 0) {
      return error;
    }
    return new PartialError(`${this.#sent} messages were stored, ${this.#failed} were not; the first is ${origin}: ${error.message}`, {
      code: 'NOT_ALL_SENT',
      hint: 'those that were not stored, and all that come behind the last that was, have to be sent again',
      context: { origin, sent: this.#sent, failed: this.#failed, result },
      cause: error,
    });
  }
}
