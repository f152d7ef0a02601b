import { PushConsumer } from '../client/consumer/push-consumer.js';
import { MQClient } from '../client/mq-client.js';
import type { ClientOptions, ConsumeFromWhere, Credentials } from '../client/types.js';
import { seededRandom } from '../common/clock.js';
import { type MQError, TimeoutError } from '../common/errors.js';
import type { DeliveryState } from './delivery-check.js';
import type { SentSequences } from './delivery-ledger.js';
import type { DeliveryReport } from './delivery-report.js';
import { DeliveryWatch } from './delivery-watch.js';
import { type Expected, ExpectedFile } from './expected-file.js';
import { type BenchHooks, reportProgress } from './progress.js';
import { RawPull } from './raw-pull.js';
import { ReceiveMeter } from './receive-meter.js';
import { Recorder } from './recorder.js';
import { type ConsumerResult, RESULT_SCHEMA, type ReceiveMeasured } from './result.js';
import { configOf, endOf, inFrame, LOST_LIMIT_MS, lossOf, waitUntil } from './run-frame.js';
import type { RunWatch } from './run-watch.js';
import { SuccessWatch } from './success-watch.js';

export interface ConsumerBenchOptions {
  readonly namesrvAddr: string;
  /** The client writes a message trace; it is part of what is measured. */
  readonly msgTraceEnable?: boolean;
  readonly topic: string;
  readonly consumerGroup: string;
  /** Listener calls at the same time. */
  readonly concurrency: number;
  readonly warmupMs: number;
  readonly durationMs?: number;
  readonly quantity?: number;
  /** Without a duration, a run in which nothing arrives for so long is over; default 30 s. */
  readonly idleLimitMs?: number;
  readonly filter?: { readonly type: 'TAG' | 'SQL92'; readonly expression: string };
  /** Share of messages that the listener gives back, 0 to 1. */
  readonly failRate?: number;
  readonly seed?: number;
  readonly consumeFromWhere?: ConsumeFromWhere;
  /** Pulls the topic's backlog over and over without a listener. */
  readonly raw?: boolean;
  readonly pullBatchSize?: number;
  readonly credentials?: Credentials;
  /** The JSON result of the producers, read when the window is over: everything they sent must arrive. */
  readonly expectFile?: string;
}

const DEFAULT_PULL_BATCH_SIZE = 32;
const DEFAULT_SEED = 1;
/** Without a message for so long before the end it is asked whether the brokers are still there. */
const QUIET_MS = 1000;

/**
 * Consumes and measures.
 * @throws TimeoutError when nothing arrived; and when the quantity was not reached because messages stopped coming: the result so far is
 * its `context.result` then.
 */
export async function runConsumerBench(options: ConsumerBenchOptions, hooks: BenchHooks = {}): Promise<ConsumerResult> {
  const expectedFile = await ExpectedFile.open(options.expectFile);
  const { outcome: run, environment } = await inFrame(
    (watch) => (options.raw === true ? pullBacklog(options, hooks, watch) : listen(options, hooks, { watch, expectedFile })),
    hooks.isPart === true ? undefined : options,
  );
  if (run.receive.count === 0 && run.receive.errors === 0 && hooks.signal?.aborted !== true && hooks.isPart !== true) {
    throw nothingReceived(options);
  }
  const result: ConsumerResult = {
    schema: RESULT_SCHEMA,
    kind: 'consumer',
    config: configOf(options),
    environment,
    receive: run.receive,
    ...run.delivered,
    ...endOf(run),
    ...((options.failRate ?? 0) > 0 ? { seed: options.seed ?? DEFAULT_SEED } : {}),
  };
  if (run.ranDry) {
    throw ranDry(options, result);
  }
  if (run.expectFault !== undefined) {
    run.expectFault.context.result = result;
    throw run.expectFault;
  }
  return result;
}

/** The failure of a run to which no message came. */
export function nothingReceived({ topic, consumerGroup }: ConsumerBenchOptions): TimeoutError {
  return new TimeoutError(`no message of topic ${topic} arrived for group ${consumerGroup}`, {
    code: 'NOTHING_RECEIVED',
    hint: `send some at the same time: mqbench producer -t ${topic}; or read what is there: --from first with a new group`,
  });
}

/** The failure of a run to which no message came any more before its quantity was reached. */
export function ranDry({ topic, quantity, idleLimitMs = IDLE_LIMIT_MS }: ConsumerBenchOptions, result: ConsumerResult): TimeoutError {
  const wanted = quantity === undefined ? '' : ` of ${quantity}`;
  const failure = `only ${result.receive.count}${wanted} messages of topic ${topic} arrived, then none for ${idleLimitMs} ms`;
  return new TimeoutError(failure, {
    code: 'RAN_DRY',
    hint: `send more at the same time: mqbench producer -t ${topic}; or give the run an end with --duration`,
    context: { result: { ...result, partial: true, failure } },
  });
}

interface Delivered {
  readonly delivery?: DeliveryReport;
  readonly deliveryState?: DeliveryState;
}

interface Run {
  readonly receive: ReceiveMeasured;
  readonly interrupted: boolean;
  /** Ended without reaching its quantity, because nothing came any more. */
  readonly ranDry: boolean;
  /** Why nothing came any more. */
  readonly failure?: string;
  /** What the sequence numbers say. */
  readonly delivered?: Delivered;
  /** Why nobody could say what was sent. */
  readonly expectFault?: MQError;
}

/** Without a duration, a run in which nothing arrives for so long is over. */
export const IDLE_LIMIT_MS = 30_000;

async function listen(
  options: ConsumerBenchOptions,
  hooks: BenchHooks,
  { watch, expectedFile }: { readonly watch: RunWatch; readonly expectedFile: ExpectedFile | undefined },
): Promise<Run> {
  await hooks.ready?.();
  const recorder = new Recorder();
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const meter = new ReceiveMeter({ ...windowOf(options), recorder, onWindow: () => watch.start(), onEnd: end });
  const client = new MQClient(clientOptions(options));
  const delivery = new DeliveryWatch({
    topic: options.topic,
    queueCount: () => client.routes.get(options.topic)?.subscribeQueues.length,
    partial: options.filter !== undefined || (options.failRate ?? 0) > 0,
  });
  const consumer = createConsumer(options, { client, meter, delivery });
  // Whoever ends several parts learns a little late that they have the quantity together.
  const stop = (): void => (hooks.isPart === true && options.quantity !== undefined ? meter.stopAtLast() : meter.stop());
  hooks.signal?.addEventListener('abort', stop, { once: true });
  let ranDry = false;
  const { durationMs, warmupMs } = options;
  const idleLimitMs = hooks.isPart === true ? Number.POSITIVE_INFINITY : (options.idleLimitMs ?? IDLE_LIMIT_MS);
  const idle = watchIdle(recorder, durationMs === undefined ? idleLimitMs : warmupMs + durationMs, () => {
    ranDry = durationMs === undefined;
    if (ranDry) {
      meter.stopAtLast();
    } else {
      stop();
    }
  });
  const endProgress = reportProgress(recorder, hooks);
  if (hooks.signal?.aborted === true) {
    stop();
  }
  let expected: Expected = {};
  try {
    await consumer.start();
    delivery.start(consumer);
    await ended;
    watch.end();
    clearInterval(idle);
    expected = await drained(delivery, expectedFile, hooks);
  } finally {
    delivery.stop();
    clearInterval(idle);
    endProgress();
    hooks.signal?.removeEventListener('abort', stop);
    await consumer.shutdown();
  }
  // Who is not waited for to the end has lost nothing.
  const interrupted = meter.wasStopped || (expected.isCut === true && hooks.isPart !== true);
  const failure = interrupted ? undefined : await failureOf(meter.quietMs, watch);
  return {
    receive: meter.measured(),
    interrupted,
    ranDry,
    delivered: deliveredOf(hooks, delivery, expected.sequences),
    ...(expected.fault === undefined || hooks.isPart === true ? {} : { expectFault: expected.fault }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** What was sent, when all of it has arrived or nothing comes any more. */
async function drained(delivery: DeliveryWatch, file: ExpectedFile | undefined, { isPart, signal }: BenchHooks): Promise<Expected> {
  const expected = (await file?.read({ signal, ...(isPart === true ? {} : { check: delivery.check }) })) ?? {};
  if (expected.sequences !== undefined) {
    await delivery.drain(expected.sequences, signal);
  }
  return file !== undefined && signal?.aborted === true ? { ...expected, isCut: true } : expected;
}

/** A broker may be gone when nothing came any more before the end; that it has nothing is no failure. */
async function failureOf(quietMs: number, watch: RunWatch): Promise<string | undefined> {
  const lost = quietMs < QUIET_MS ? [] : await watch.lostBrokers();
  return lost.length === 0
    ? undefined
    : `no message came in the last ${(quietMs / 1000).toFixed(1)} s: no connection to ${lost.join(', ')} any more`;
}

/** The judgement, or what it takes for one over several consumers. */
function deliveredOf(hooks: BenchHooks, delivery: DeliveryWatch, expected: SentSequences | undefined): Delivered {
  if (hooks.isPart === true) {
    return { deliveryState: delivery.check.state() };
  }
  const report = delivery.judge(expected);
  return report === undefined ? {} : { delivery: report };
}

function clientOptions(options: ConsumerBenchOptions): ClientOptions {
  return { namesrvAddr: options.namesrvAddr, ...(options.credentials === undefined ? {} : { credentials: options.credentials }) };
}

function windowOf(options: ConsumerBenchOptions): { warmupMs: number; durationMs?: number; quantity?: number } {
  return {
    warmupMs: options.warmupMs,
    ...(options.durationMs === undefined ? {} : { durationMs: options.durationMs }),
    ...(options.quantity === undefined ? {} : { quantity: options.quantity }),
  };
}

/** Calls `stop` when nothing was counted for so long. */
function watchIdle(recorder: Recorder, limitMs: number, stop: () => void): NodeJS.Timeout {
  let seen = 0;
  let seenMs = performance.now();
  return setInterval(() => {
    const nowMs = performance.now();
    const outcomes = recorder.count + recorder.errors;
    if (outcomes !== seen) {
      seen = outcomes;
      seenMs = nowMs;
    } else if (nowMs - seenMs > limitMs) {
      stop();
    }
  }, 250);
}

interface ConsumerParts {
  readonly client: MQClient;
  readonly meter: ReceiveMeter;
  readonly delivery: DeliveryWatch;
}

function createConsumer(options: ConsumerBenchOptions, { client, meter, delivery }: ConsumerParts): PushConsumer {
  const consumer = new PushConsumer({
    ...clientOptions(options),
    client,
    consumerGroup: options.consumerGroup,
    enableMsgTrace: options.msgTraceEnable ?? false,
    consumeThreadMax: options.concurrency,
    ...(options.consumeFromWhere === undefined ? {} : { consumeFromWhere: options.consumeFromWhere }),
    ...(options.pullBatchSize === undefined ? {} : { pullBatchSize: options.pullBatchSize }),
  });
  const random = seededRandom(options.seed ?? DEFAULT_SEED);
  const failRate = options.failRate ?? 0;
  const { filter } = options;
  const { check } = delivery;
  consumer.subscribe(options.topic, filter === undefined ? '*' : filter.type === 'SQL92' ? { sql: filter.expression } : filter.expression);
  consumer.onMessage((messages) => {
    const failed = failRate > 0 && random.nextFloat() < failRate;
    meter.receive(messages, failed);
    if (!failed) {
      for (const message of messages) {
        check.receive(message);
      }
    }
    return failed ? 'RECONSUME_LATER' : 'CONSUME_SUCCESS';
  });
  return consumer;
}

/** The workload `--raw`: one pull on its way for each queue, over the whole backlog, until the duration is over. */
async function pullBacklog(options: ConsumerBenchOptions, hooks: BenchHooks, watch: RunWatch): Promise<Run> {
  const recorder = new Recorder();
  recorder.direction = 'receive';
  const client = new MQClient(clientOptions(options));
  const { topic, consumerGroup, filter } = options;
  const pullBatchSize = options.pullBatchSize ?? DEFAULT_PULL_BATCH_SIZE;
  const raw = await RawPull.open({ client, topic, consumerGroup, pullBatchSize, recorder, ...(filter === undefined ? {} : { filter }) });
  let lostMs = 0;
  const limitMs = options.durationMs === undefined ? (options.idleLimitMs ?? LOST_LIMIT_MS) : Number.POSITIVE_INFINITY;
  const successes = new SuccessWatch(recorder, limitMs, () => {
    lostMs = successes.lostMs;
  });
  const endProgress = reportProgress(recorder, hooks);
  try {
    await hooks.ready?.();
    raw.start();
    const isOver = (): boolean => hooks.signal?.aborted === true || lostMs > 0;
    await waitUntil(isOver, options.warmupMs);
    recorder.reset();
    watch.start();
    const startMs = performance.now();
    await waitUntil(
      () => isOver() || (options.quantity !== undefined && recorder.count >= options.quantity),
      options.durationMs ?? Number.POSITIVE_INFINITY,
    );
    const seconds = (performance.now() - startMs) / 1000;
    lostMs = Math.max(lostMs, successes.lostMs);
    recorder.closeWindow();
    watch.end();
    const interrupted = hooks.signal?.aborted === true;
    const failure = interrupted ? undefined : lossOf('pull', lostMs, raw.lastError);
    return { receive: recorder.measured(seconds), interrupted, ranDry: false, ...(failure === undefined ? {} : { failure }) };
  } finally {
    successes.end();
    endProgress();
    await raw.stop();
  }
}
