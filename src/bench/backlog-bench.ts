import { randomBytes } from 'node:crypto';
import { Producer } from '../client/producer/producer.js';
import { MQError, TimeoutError, UsageError } from '../common/errors.js';
import { Arrivals, RunMessages, receiveMeasured } from './arrivals.js';
import { ConsumerGroup, clientOptions, type EndOptions, prepareGroups } from './both-ends.js';
import { round } from './environment.js';
import { fittingInFlight } from './in-flight.js';
import type { BacklogResult } from './kind-results.js';
import { type BenchHooks, reportProgress } from './progress.js';
import { Recorder } from './recorder.js';
import { RESULT_SCHEMA } from './result.js';
import { configOf, endOf, inFrame, runSends, type SendRunOutcome, waitUntil } from './run-frame.js';
import type { RunWatch } from './run-watch.js';
import { SEQUENCE_STAMP_BYTES } from './stamp.js';

export interface BacklogBenchOptions extends EndOptions {
  readonly group: string;
  readonly bodyBytes: number;
  /** Messages of the backlog. */
  readonly messages: number;
  /** Messages on their way at once while it is built. */
  readonly inFlight: number;
  readonly consumers: number;
  readonly concurrency: number;
  /** Messages per second that are sent before and during the drain; none without it. */
  readonly rate?: number;
  /** How long the producer is measured at the rate before anybody consumes. */
  readonly beforeMs: number;
  /** A drain that takes longer is given up. */
  readonly drainLimitMs: number;
}

/** Called as a run of several parts goes on. */
export interface BacklogHooks extends BenchHooks {
  readonly onPhase?: (phase: 'build' | 'before' | 'drain') => void;
}

/** A backlog of so many seconds of the rate is none: so much is always on its way. */
const ON_THE_WAY_SECONDS = 0.1;

/** @throws UsageError for a workload that makes no sense. */
export function checkBacklog({ bodyBytes, messages }: BacklogBenchOptions): void {
  if (bodyBytes < SEQUENCE_STAMP_BYTES) {
    throw new UsageError(`a message of ${bodyBytes} B has no room for a sequence number: at least ${SEQUENCE_STAMP_BYTES} B (-s)`);
  }
  if (messages < 1) {
    throw new UsageError('a backlog without messages: give -q or --backlog-mb');
  }
}

/** Builds a backlog, then drains it while producing at a rate, and measures both sides before and during the drain. */
export async function runBacklogBench(options: BacklogBenchOptions, hooks: BacklogHooks = {}): Promise<BacklogResult> {
  checkBacklog(options);
  await prepareGroups(options, [options.group]);
  const producer = new Producer({ ...clientOptions(options), producerGroup: options.group });
  await producer.start([options.topic]);
  try {
    const { outcome, environment } = await inFrame((watch) => new BacklogRun({ options, producer, hooks, watch }).run(), options);
    const { interrupted, failure, ...measured } = outcome;
    const result: BacklogResult = {
      schema: RESULT_SCHEMA,
      kind: 'backlog',
      config: configOf(options),
      environment,
      ...measured,
      ...endOf({ interrupted, ...(failure === undefined ? {} : { failure }) }),
    };
    if (result.receive !== undefined && !interrupted && result.drain?.isComplete === false) {
      throw notDrained(options, result);
    }
    return result;
  } finally {
    await producer.shutdown();
  }
}

function notDrained({ topic, drainLimitMs }: BacklogBenchOptions, result: BacklogResult): TimeoutError {
  const failure = `the backlog of topic ${topic} was not drained within ${drainLimitMs / 1000} s: ${result.receive?.count} messages were consumed`;
  return new TimeoutError(failure, {
    code: 'NOT_DRAINED',
    hint: 'give it longer with --drain-limit, more consumers with --consumers, or a lower --rate',
    context: { result: { ...result, partial: true, failure } },
  });
}

interface BacklogParts {
  readonly options: BacklogBenchOptions;
  readonly producer: Producer;
  readonly hooks: BacklogHooks;
  readonly watch: RunWatch;
}

type Outcome = Pick<BacklogResult, 'build' | 'before' | 'send' | 'receive' | 'drain' | 'delivery'> & {
  readonly interrupted: boolean;
  readonly failure?: string;
};

class BacklogRun {
  readonly #parts: BacklogParts;
  readonly #messages = new RunMessages();
  readonly #received = new Recorder();
  readonly #arrivals: Arrivals;
  /** When the first message was consumed, monotonic; 0 before. */
  #firstMs = 0;

  constructor(parts: BacklogParts) {
    this.#parts = parts;
    this.#received.direction = 'receive';
    this.#messages.beginWindow();
    this.#arrivals = new Arrivals(parts.options.topic, this.#messages, [this.#received]);
  }

  async run(): Promise<Outcome> {
    const { options, hooks } = this.#parts;
    hooks.onPhase?.('build');
    const build = await this.#send(hooks, { inFlight: options.inFlight, quantity: options.messages });
    const end = { interrupted: build.interrupted, ...(build.failure === undefined ? {} : { failure: build.failure }) };
    if (build.interrupted || build.failure !== undefined) {
      return { build: build.send, ...end };
    }
    const before = await this.#before();
    const measured = { build: build.send, ...(before === undefined ? {} : { before: before.send }) };
    if (before !== undefined && (before.interrupted || before.failure !== undefined)) {
      return { ...measured, ...(before.failure === undefined ? {} : { failure: before.failure }), interrupted: before.interrupted };
    }
    try {
      return { ...measured, ...(await this.#drain(build.send.count + (before?.send.count ?? 0))) };
    } catch (error) {
      if (!(error instanceof MQError)) {
        throw error;
      }
      // A broker that is gone takes nothing away of what was measured before.
      return { ...measured, interrupted: false, failure: error.message };
    }
  }

  async #before(): Promise<SendRunOutcome | undefined> {
    const { options, hooks } = this.#parts;
    if (options.rate === undefined) {
      return undefined;
    }
    hooks.onPhase?.('before');
    return this.#send(hooks, { inFlight: fittingInFlight(options.bodyBytes), rate: options.rate, durationMs: options.beforeMs });
  }

  /** Lets the group consume until it has everything that was sent until then. */
  async #drain(backlogMessages: number): Promise<Omit<Outcome, 'build' | 'before'>> {
    const { options, hooks } = this.#parts;
    const { bodyBytes, drainLimitMs } = options;
    hooks.onPhase?.('drain');
    const group = await this.#startGroup();
    const ended = new AbortController();
    const endProgress = reportProgress(this.#received, hooks);
    const sending = this.#sendDuring(ended.signal);
    try {
      group.resume();
      const isAborted = (): boolean => hooks.signal?.aborted === true;
      await waitUntil(() => isAborted() || this.#isDrained(), drainLimitMs);
      const isComplete = this.#isDrained();
      const seconds = this.#firstMs === 0 ? 0 : (performance.now() - this.#firstMs) / 1000;
      const { count } = this.#received;
      ended.abort();
      const sent = await sending;
      this.#parts.watch.end();
      await (isComplete ? this.#arrivals.drain() : undefined);
      const delivery = isComplete ? this.#arrivals.judge() : undefined;
      return {
        ...(sent === undefined ? {} : { send: sent.send }),
        receive: receiveMeasured(this.#received, this.#arrivals.seconds),
        drain: {
          backlogMessages,
          backlogBytes: backlogMessages * bodyBytes,
          seconds: round(seconds, 3),
          rate: seconds === 0 ? 0 : round(count / seconds, 1),
          isComplete,
        },
        ...(delivery === undefined ? {} : { delivery }),
        interrupted: isAborted(),
        ...(sent?.failure === undefined ? {} : { failure: sent.failure }),
      };
    } finally {
      ended.abort();
      endProgress();
      await sending?.catch(() => undefined);
      await group.stop();
    }
  }

  /** The window begins with the first message of the run, so that waking the consumers is no part of it. */
  #startGroup(): Promise<ConsumerGroup> {
    const { options, watch } = this.#parts;
    const { group: consumerGroup, consumers, concurrency } = options;
    return ConsumerGroup.start(options, {
      ...{ consumerGroup, consumers, concurrency },
      // Several would consume while they still divide the queues: what changes its owner then comes twice.
      isSuspended: consumers > 1,
      onMessage: (message) => {
        if (this.#firstMs === 0 && this.#messages.isOfWindow(message)) {
          this.#firstMs = performance.now();
          this.#received.reset();
          this.#arrivals.beginWindow();
          watch.start();
        }
        this.#arrivals.receive(message);
      },
    });
  }

  /** No more waits than what is on its way at the rate. */
  #isDrained(): boolean {
    const { options, producer } = this.#parts;
    const onTheWay = Math.ceil((options.rate ?? 0) * ON_THE_WAY_SECONDS);
    return this.#arrivals.received >= producer.stats().succeeded - onTheWay;
  }

  #sendDuring(signal: AbortSignal): Promise<SendRunOutcome> | undefined {
    const { options, hooks } = this.#parts;
    if (options.rate === undefined) {
      return undefined;
    }
    const signals = hooks.signal === undefined ? signal : AbortSignal.any([hooks.signal, signal]);
    return this.#send(
      { signal: signals },
      { inFlight: fittingInFlight(options.bodyBytes), rate: options.rate, durationMs: options.drainLimitMs },
    );
  }

  #send(hooks: BenchHooks, load: { inFlight: number; rate?: number; durationMs?: number; quantity?: number }): Promise<SendRunOutcome> {
    const { options, producer } = this.#parts;
    const { topic, bodyBytes } = options;
    return runSends({
      recorder: new Recorder(),
      hooks,
      stats: () => producer.stats(),
      load: {
        target: producer,
        ledger: this.#messages.ledger,
        stampsPlan: true,
        warmupMs: 0,
        createMessage: () => ({ topic, body: randomBytes(bodyBytes) }),
        ...load,
      },
    });
  }
}
