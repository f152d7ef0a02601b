import { randomBytes } from 'node:crypto';
import os from 'node:os';
import { Producer } from '../client/producer/producer.js';
import type { ProducerStats } from '../client/producer/send-stats.js';
import type { Credentials } from '../client/types.js';
import type { CompressionTypeName } from '../common/compression.js';
import type { Message } from '../common/message/message.js';
import { describeEnvironment, GeneratorWatch } from './environment.js';
import { loadHistograms } from './latency-histogram.js';
import type { BenchHooks } from './progress.js';
import { reportProgress } from './progress.js';
import { Recorder } from './recorder.js';
import { type ProducerResult, RESULT_SCHEMA, type SendMeasured } from './result.js';
import { SendLoad } from './send-load.js';

export interface ProducerBenchOptions {
  readonly namesrvAddr: string;
  /** The client writes a message trace; it is part of what is measured. */
  readonly msgTraceEnable?: boolean;
  readonly topic: string;
  readonly producerGroup: string;
  readonly bodyBytes: number;
  readonly inFlight: number;
  readonly warmupMs: number;
  readonly durationMs?: number;
  readonly quantity?: number;
  /** Messages per second, planned evenly; without it as fast as answers come. */
  readonly rate?: number;
  /** The plan begins so long after the others that make up the load. */
  readonly rateOffsetMs?: number;
  /** Each message gets a key. */
  readonly keys?: boolean;
  /** Messages get one of so many tags in turn. */
  readonly tagCount?: number;
  readonly delayTimeLevel?: number;
  readonly compress?: { readonly type: CompressionTypeName; readonly level: number; readonly overBytes: number };
  readonly credentials?: Credentials;
}

/** Sends a load and measures it. What could not be sent at all is an error: the first one that came. */
export async function runProducerBench(options: ProducerBenchOptions, hooks: BenchHooks = {}): Promise<ProducerResult> {
  await loadHistograms();
  const startedAt = new Date();
  const loadAverage = os.loadavg()[0] ?? 0;
  const producer = createProducer(options);
  await producer.start([]);
  try {
    await producer.fetchPublishMessageQueues(options.topic);
    const recorder = new Recorder();
    const watch = new GeneratorWatch();
    let before = producer.stats();
    const onWindow = (): void => {
      before = producer.stats();
      watch.start();
    };
    const load = createLoad({ options, producer, recorder, onWindow });
    await hooks.ready?.();
    const stop = (): void => load.stop();
    hooks.signal?.addEventListener('abort', stop, { once: true });
    const endProgress = reportProgress(recorder, hooks);
    const running = load.run();
    if (hooks.signal?.aborted === true) {
      stop();
    }
    const outcome = await running;
    endProgress();
    hooks.signal?.removeEventListener('abort', stop);
    const generator = watch.stop();
    if (recorder.count === 0 && outcome.firstError !== null) {
      throw outcome.firstError;
    }
    return {
      schema: RESULT_SCHEMA,
      kind: 'producer',
      config: configOf(options),
      environment: describeEnvironment(startedAt, loadAverage, generator),
      send: {
        ...recorder.measured(outcome.seconds),
        ...recorder.uncorrectedMeasured(),
        unsent: outcome.unsent,
        ...attemptsSince(before, producer.stats()),
      },
      ...(outcome.interrupted ? { interrupted: true } : {}),
    };
  } finally {
    await producer.shutdown();
  }
}

/** What the producer's counters say of the window. */
export function attemptsSince(
  before: ProducerStats,
  after: ProducerStats,
): Pick<SendMeasured, 'attempts' | 'retries' | 'failedAttemptsByCode'> {
  const failed = Object.entries(after.failedAttemptsByCode)
    .map(([code, count]) => [code, count - (before.failedAttemptsByCode[code] ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return {
    attempts: after.attempts - before.attempts,
    retries: after.retries - before.retries,
    failedAttemptsByCode: Object.fromEntries(failed),
  };
}

function createProducer(options: ProducerBenchOptions): Producer {
  return new Producer({
    namesrvAddr: options.namesrvAddr,
    producerGroup: options.producerGroup,
    enableMsgTrace: options.msgTraceEnable ?? false,
    compressMsgBodyOverHowmuch: options.compress?.overBytes ?? Number.MAX_SAFE_INTEGER,
    ...(options.compress === undefined ? {} : { compressType: options.compress.type, compressLevel: options.compress.level }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
  });
}

interface LoadParts {
  readonly options: ProducerBenchOptions;
  readonly producer: Producer;
  readonly recorder: Recorder;
  readonly onWindow: () => void;
}

function createLoad({ options, producer, recorder, onWindow }: LoadParts): SendLoad {
  const prepare = prepareOf(options);
  return new SendLoad({
    target: producer,
    recorder,
    onWindow,
    inFlight: options.inFlight,
    warmupMs: options.warmupMs,
    createMessage: () => createMessage(options),
    ...(prepare === undefined ? {} : { prepare }),
    ...(options.rate === undefined ? {} : { rate: options.rate }),
    ...(options.rateOffsetMs === undefined ? {} : { rateOffsetMs: options.rateOffsetMs }),
    ...(options.durationMs === undefined ? {} : { durationMs: options.durationMs }),
    ...(options.quantity === undefined ? {} : { quantity: options.quantity }),
  });
}

/** Letters and digits, as Apache's benchmark sends; they neither compress to nothing nor break a reader that expects text. */
function createMessage(options: ProducerBenchOptions): Message {
  const body = Buffer.from(randomBytes(options.bodyBytes).toString('base64url').slice(0, options.bodyBytes), 'latin1');
  return { topic: options.topic, body, ...(options.delayTimeLevel === undefined ? {} : { delayTimeLevel: options.delayTimeLevel }) };
}

function prepareOf(options: ProducerBenchOptions): ((message: Message, index: number) => void) | undefined {
  const tagCount = options.tagCount ?? 0;
  if (options.keys !== true && tagCount === 0) {
    return undefined;
  }
  const tags = Array.from({ length: tagCount }, (_, i) => `tag${i}`);
  const keyPrefix = randomBytes(4).toString('hex');
  return (message, index) => {
    if (options.keys === true) {
      message.keys = `${keyPrefix}-${index}`;
    }
    if (tagCount > 0) {
      message.tags = tags[index % tagCount] ?? '';
    }
  };
}

/** The options as the result carries them; keys are never part of it. */
function configOf(options: ProducerBenchOptions): Record<string, unknown> {
  const { credentials: _, warmupMs, durationMs, ...rest } = options;
  return {
    ...rest,
    warmupSeconds: warmupMs / 1000,
    ...(durationMs === undefined ? {} : { durationSeconds: durationMs / 1000 }),
  };
}
