import { randomBytes } from 'node:crypto';
import { Producer } from '../client/producer/producer.js';
import { TimeoutError, UsageError } from '../common/errors.js';
import { Arrivals, RunMessages } from './arrivals.js';
import { ConsumerGroup, clientOptions, type EndOptions, prepareGroups } from './both-ends.js';
import type { TimerResult } from './kind-results.js';
import { type BenchHooks, reportProgress } from './progress.js';
import { type IntervalSnapshot, Recorder } from './recorder.js';
import { type Measured, RESULT_SCHEMA, type SendMeasured } from './result.js';
import { configOf, endOf, inFrame, runSends, type SendRunOutcome, waitUntil } from './run-frame.js';
import type { RunWatch } from './run-watch.js';
import type { SendLoadOptions } from './send-load.js';
import { SEQUENCE_STAMP_BYTES } from './stamp.js';
import { Lateness } from './timer-lateness.js';
import { checkSchedule, plannedCount, TimerPlan, type TimerSchedule } from './timer-schedule.js';

export interface TimerBenchOptions extends EndOptions {
  readonly kind: 'timer' | 'delay';
  /** Which ends this run has. */
  readonly role: 'producer' | 'consumer' | 'both';
  readonly producerGroup: string;
  readonly consumerGroup: string;
  readonly bodyBytes: number;
  readonly inFlight: number;
  readonly concurrency: number;
  readonly schedule: TimerSchedule;
  readonly rate?: number;
  readonly warmupMs: number;
  readonly durationMs?: number;
  readonly quantity?: number;
  /** How long after the last due time messages are still waited for. */
  readonly settleMs: number;
  readonly seed: number;
}

/** What a run with two ends tells: `onInterval` of its sends, and this of what arrives. */
export interface TimerHooks extends BenchHooks {
  readonly onReceived?: (snapshot: IntervalSnapshot, lateness: Lateness) => void;
  /** Both ends are up: the first message goes out. */
  readonly onStart?: () => void;
}

/** @throws UsageError for a workload that makes no sense. */
export function checkTimer({ role, bodyBytes, schedule }: TimerBenchOptions): void {
  if (role === 'both' && bodyBytes < SEQUENCE_STAMP_BYTES) {
    throw new UsageError(`a message of ${bodyBytes} B has no room for a sequence number: at least ${SEQUENCE_STAMP_BYTES} B (-s, -ms)`);
  }
  checkSchedule(schedule);
}

/** Sends messages that are due later, consumes them, or both, and measures how late they come. */
export async function runTimerBench(options: TimerBenchOptions, hooks: TimerHooks = {}): Promise<TimerResult> {
  checkTimer(options);
  if (options.role === 'both') {
    await prepareGroups(options, [options.consumerGroup]);
  }
  const { outcome, environment } = await inFrame((watch) => new TimerRun(options, hooks, watch).run(), options);
  const { interrupted, failure, ...measured } = outcome;
  return {
    schema: RESULT_SCHEMA,
    kind: options.kind,
    config: configOf(options),
    environment,
    seed: options.seed,
    ...measured,
    ...endOf({ interrupted, ...(failure === undefined ? {} : { failure }) }),
  };
}

type Outcome = Pick<TimerResult, 'send' | 'receive' | 'deliveries' | 'delivery'> & { interrupted: boolean; failure?: string };

class TimerRun {
  readonly #options: TimerBenchOptions;
  readonly #hooks: TimerHooks;
  readonly #watch: RunWatch;
  readonly #messages = new RunMessages();
  readonly #received = new Recorder();
  readonly #lateness = new Lateness(this.#received);
  readonly #arrivals: Arrivals;

  constructor(options: TimerBenchOptions, hooks: TimerHooks, watch: RunWatch) {
    this.#options = options;
    this.#hooks = hooks;
    this.#watch = watch;
    this.#received.direction = 'receive';
    // Lateness is recorded here; arrivals tell which messages are this run's.
    this.#arrivals = new Arrivals(options.topic, this.#messages, []);
  }

  async run(): Promise<Outcome> {
    const { role, topic, producerGroup } = this.#options;
    if (role === 'consumer') {
      return this.#consume();
    }
    const producer = new Producer({ ...clientOptions(this.#options), producerGroup, compressMsgBodyOverHowmuch: Number.MAX_SAFE_INTEGER });
    await producer.start(role === 'both' ? [topic] : []);
    try {
      if (role === 'producer') {
        await producer.fetchPublishMessageQueues(topic);
        this.#hooks.onStart?.();
        const { send, ...end } = await this.#send(producer, new TimerPlan(this.#options.schedule, this.#options.seed));
        return { send, ...end };
      }
      return await this.#both(producer);
    } finally {
      await producer.shutdown();
    }
  }

  async #both(producer: Producer): Promise<Outcome> {
    const { settleMs, schedule, seed } = this.#options;
    const { signal } = this.#hooks;
    const plan = new TimerPlan(schedule, seed);
    const group = await this.#startGroup((message) => {
      if (this.#arrivals.receive(message)) {
        this.#lateness.receive(message);
      }
    });
    this.#hooks.onStart?.();
    const endProgress = this.#reportReceived();
    try {
      const { send, ...end } = await this.#send(producer, plan);
      const limitMs = Math.max(0, plan.lastDueMs - Date.now()) + settleMs;
      await waitUntil(() => signal?.aborted === true || this.#arrivals.isComplete, limitMs);
      const delivery = this.#arrivals.judge();
      return {
        send,
        receive: this.#received.measured(this.#arrivals.seconds),
        deliveries: this.#lateness.deliveries(),
        // Ended early, what is not due yet is not lost.
        ...(delivery === undefined || signal?.aborted === true ? {} : { delivery }),
        ...end,
        interrupted: end.interrupted || signal?.aborted === true,
      };
    } finally {
      endProgress();
      await group.stop();
    }
  }

  /** Messages of anybody that carry a due time. */
  async #consume(): Promise<Outcome> {
    const { durationMs, quantity, warmupMs, topic, consumerGroup } = this.#options;
    const { signal } = this.#hooks;
    let startMs = 0;
    let lastMs = 0;
    const group = await this.#startGroup((message) => {
      lastMs = performance.now();
      this.#lateness.receive(message);
    });
    this.#hooks.onStart?.();
    const endProgress = this.#reportReceived();
    try {
      await waitUntil(() => signal?.aborted === true, warmupMs);
      this.#received.reset();
      this.#watch.start();
      startMs = lastMs = performance.now();
      const isDone = (): boolean => signal?.aborted === true || (quantity !== undefined && this.#lateness.count >= quantity);
      const ended = await waitUntil(isDone, durationMs ?? Number.POSITIVE_INFINITY);
      const seconds = (quantity !== undefined && ended ? lastMs - startMs : performance.now() - startMs) / 1000;
      this.#watch.end();
      const receive: Measured = this.#received.measured(seconds);
      if (this.#lateness.count === 0 && signal?.aborted !== true) {
        throw new TimeoutError(`no message of topic ${topic} with a due time arrived for group ${consumerGroup}`, {
          code: 'NOTHING_RECEIVED',
          hint: `send some: mqbench timer --role producer -t ${topic}`,
        });
      }
      return { receive, deliveries: this.#lateness.deliveries(), interrupted: signal?.aborted === true };
    } finally {
      endProgress();
      await group.stop();
    }
  }

  #startGroup(onMessage: Parameters<typeof ConsumerGroup.start>[1]['onMessage']): Promise<ConsumerGroup> {
    const { consumerGroup, concurrency, role } = this.#options;
    return ConsumerGroup.start(this.#options, { consumerGroup, consumers: 1, concurrency, onMessage, isAlone: role === 'both' });
  }

  #reportReceived(): () => void {
    const { intervalMs, onPoint } = this.#hooks;
    return reportProgress(this.#received, {
      ...(intervalMs === undefined ? {} : { intervalMs }),
      ...(onPoint === undefined ? {} : { onPoint }),
      onInterval: (snapshot) => this.#hooks.onReceived?.(snapshot, this.#lateness),
    });
  }

  async #send(producer: Producer, plan: TimerPlan): Promise<SendRunOutcome & { send: SendMeasured }> {
    const outcome = await runSends({
      recorder: new Recorder(),
      hooks: this.#hooks,
      stats: () => producer.stats(),
      onWindow: () => {
        plan.begin(Date.now());
        this.#messages.beginWindow();
        this.#arrivals.beginWindow();
        this.#received.reset();
        this.#watch.start();
      },
      load: this.#load(producer, plan),
    });
    this.#watch.end();
    return outcome;
  }

  #load(producer: Producer, plan: TimerPlan): Omit<SendLoadOptions, 'recorder' | 'onWindow'> {
    const { topic, bodyBytes, inFlight, warmupMs, rate, durationMs, schedule } = this.#options;
    const quantity = plannedCount(schedule) ?? this.#options.quantity;
    return {
      target: producer,
      ledger: this.#messages.ledger,
      inFlight,
      warmupMs,
      createMessage: () => ({ topic, body: randomBytes(bodyBytes), properties: new Map<string, string>() }),
      prepare: (message, index) => plan.prepare(message, index, Date.now()),
      ...(rate === undefined ? {} : { rate }),
      ...(durationMs === undefined ? {} : { durationMs }),
      ...(quantity === undefined ? {} : { quantity }),
    };
  }
}
