import { randomBytes } from 'node:crypto';
import type { SendHandler } from '../client/producer/pending-send.js';
import { Producer } from '../client/producer/producer.js';
import type { Credentials } from '../client/types.js';
import { UsageError } from '../common/errors.js';
import { MAX_BATCH_MESSAGES } from '../common/limits.js';
import type { Message } from '../common/message/message.js';
import { round } from './environment.js';
import type { BatchResult } from './kind-results.js';
import type { BenchHooks } from './progress.js';
import { Recorder } from './recorder.js';
import { RESULT_SCHEMA } from './result.js';
import { configOf, endOf, inFrame, runSends } from './run-frame.js';
import type { SendTarget } from './send-load.js';
import { wallClockUs, writeStamp } from './stamp.js';

export interface BatchBenchOptions {
  readonly namesrvAddr: string;
  readonly msgTraceEnable?: boolean;
  readonly topic: string;
  readonly producerGroup: string;
  /** Of each message. */
  readonly bodyBytes: number;
  readonly batchSize: number;
  /** Batches on their way at once. */
  readonly inFlight: number;
  readonly warmupMs: number;
  readonly durationMs?: number;
  /** Messages; the last batch is a whole one. */
  readonly quantity?: number;
  /** Messages per second; batches are planned evenly. */
  readonly rate?: number;
  readonly keys?: boolean;
  readonly tagCount?: number;
  /** Bytes of user properties of each message, at least. */
  readonly propertyBytes?: number;
  readonly credentials?: Credentials;
}

/** What a batch may have in one request; brokers refuse more. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** A message's fields and its unique id around the body, in a batch. */
const MESSAGE_OVERHEAD_BYTES = 70;

/** Sends batches and measures them: everything in `send` is in messages, but latencies and attempts are a batch's. */
export async function runBatchBench(options: BatchBenchOptions, hooks: BenchHooks = {}): Promise<BatchResult> {
  checkBatch(options);
  const { batchSize, topic, inFlight, warmupMs, durationMs, quantity, rate } = options;
  const producer = new Producer({
    namesrvAddr: options.namesrvAddr,
    producerGroup: options.producerGroup,
    enableMsgTrace: options.msgTraceEnable ?? false,
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
  });
  await producer.start([]);
  try {
    const { outcome, environment } = await inFrame(async (watch) => {
      await producer.fetchPublishMessageQueues(topic);
      const prepare = prepareOf(options);
      const recorder = new BatchRecorder(batchSize);
      const run = await runSends({
        recorder,
        hooks,
        stats: () => producer.stats(),
        onWindow: () => watch.start(),
        load: {
          target: new BatchTarget(producer),
          inFlight,
          warmupMs,
          createMessage: () => createBatch(options),
          ...(prepare === undefined ? {} : { prepare }),
          ...(rate === undefined ? {} : { rate: rate / batchSize }),
          ...(durationMs === undefined ? {} : { durationMs }),
          ...(quantity === undefined ? {} : { quantity: Math.ceil(quantity / batchSize) }),
        },
      });
      return { ...run, batches: recorder.batches, failed: recorder.failedBatches };
    }, options);
    const { send, batches, failed } = outcome;
    return {
      schema: RESULT_SCHEMA,
      kind: 'batch',
      config: configOf(options),
      environment,
      send: { ...send, unsent: send.unsent * batchSize },
      batches: { batchSize, count: batches, errors: failed, rate: send.seconds > 0 ? round(batches / send.seconds, 1) : 0 },
      ...endOf(outcome),
    };
  } finally {
    await producer.shutdown();
  }
}

/** @throws UsageError for a batch that no broker takes. */
export function checkBatch({ batchSize, bodyBytes, propertyBytes = 0 }: BatchBenchOptions): void {
  if (batchSize > MAX_BATCH_MESSAGES) {
    throw new UsageError(`a batch of ${batchSize} messages: brokers take ${MAX_BATCH_MESSAGES} at most`);
  }
  const bytes = batchSize * (bodyBytes + propertyBytes + MESSAGE_OVERHEAD_BYTES);
  if (bytes > MAX_REQUEST_BYTES) {
    throw new UsageError(
      `a batch of ${batchSize} messages of ${bodyBytes} B takes ${bytes} B with their properties, more than the ${MAX_REQUEST_BYTES} B of one request`,
      { hint: 'make the batch or the messages smaller: -b, -s, -p' },
    );
  }
}

/** Counts messages where its load counts batches. */
class BatchRecorder extends Recorder {
  readonly #batchSize: number;

  constructor(batchSize: number) {
    super();
    this.#batchSize = batchSize;
  }

  get batches(): number {
    return this.count / this.#batchSize;
  }

  get failedBatches(): number {
    return this.errors / this.#batchSize;
  }

  override success(latencyUs: number, bodyBytes: number): void {
    this.batch(latencyUs, this.#batchSize, bodyBytes);
  }

  override error(code: string): void {
    for (let i = 0; i < this.#batchSize; i++) {
      super.error(code);
    }
  }
}

/** A batch as a load sees it: one body, of which each message has its part. */
interface BatchMessage extends Message {
  readonly messages: readonly Message[];
}

/** Sends the messages of a {@link BatchMessage} as one request. */
class BatchTarget implements SendTarget {
  readonly #producer: Producer;

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  sendAsync(message: Message, handler: SendHandler, context: unknown): void {
    const { messages } = message as BatchMessage;
    // The load stamped the first one.
    const nowUs = wallClockUs();
    for (let i = 1; i < messages.length; i++) {
      writeStamp(messages[i]!.body, nowUs);
    }
    this.#producer.sendBatchAsync(messages, handler, context);
  }
}

function createBatch(options: BatchBenchOptions): BatchMessage {
  const { topic, bodyBytes, batchSize, propertyBytes = 0 } = options;
  const body = Buffer.from(
    randomBytes(bodyBytes * batchSize)
      .toString('base64url')
      .slice(0, bodyBytes * batchSize),
    'latin1',
  );
  const properties = propertyBytes === 0 ? undefined : propertiesOf(propertyBytes);
  const messages = Array.from({ length: batchSize }, (_, i): Message => {
    const part = body.subarray(i * bodyBytes, (i + 1) * bodyBytes);
    return { topic, body: part, ...(properties === undefined ? {} : { properties }) };
  });
  return { topic, body, messages };
}

/** Properties whose names and values have so many bytes together, or a few more. */
function propertiesOf(bytes: number): Map<string, string> {
  const properties = new Map<string, string>();
  for (let i = 0, size = 0; size < bytes; i++) {
    const [name, value] = [`prop${i}`, `hello${i}`];
    properties.set(name, value);
    size += name.length + value.length;
  }
  return properties;
}

function prepareOf({ keys, tagCount = 0 }: BatchBenchOptions): ((message: Message, index: number) => void) | undefined {
  if (keys !== true && tagCount === 0) {
    return undefined;
  }
  const tags = Array.from({ length: tagCount }, (_, i) => `tag${i}`);
  const keyPrefix = randomBytes(4).toString('hex');
  // Of all messages, those of the warm-up too: each has a key of its own.
  let count = 0;
  return (message) => {
    for (const single of (message as BatchMessage).messages) {
      if (keys === true) {
        single.keys = `${keyPrefix}-${count}`;
      }
      if (tagCount > 0) {
        single.tags = tags[count % tagCount] ?? '';
      }
      count++;
    }
  };
}
