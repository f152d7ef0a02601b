import { Producer } from '../client/producer/producer.js';
import { freshSeed } from '../common/clock.js';
import { UsageError } from '../common/errors.js';
import { Arrivals, RunMessages, receiveMeasured } from './arrivals.js';
import { ConsumerGroup, clientOptions, type EndOptions, prepareGroups } from './both-ends.js';
import { addDeliveries } from './delivery-report.js';
import { round } from './environment.js';
import type { FanoutGroup, FanoutResult } from './kind-results.js';
import { Payload, type StampedPayload, smallestBody } from './payload/payload.js';
import { type BenchHooks, reportProgress } from './progress.js';
import { Recorder } from './recorder.js';
import { RESULT_SCHEMA } from './result.js';
import { configOf, endOf, inFrame, quietly, runSends, type SendRunOutcome } from './run-frame.js';
import type { RunWatch } from './run-watch.js';
import { SEQUENCE_STAMP_BYTES } from './stamp.js';

export interface FanoutBenchOptions extends EndOptions, StampedPayload {
  /** Groups are named so, with a number behind. */
  readonly group: string;
  readonly groups: number;
  /** Of each group. */
  readonly consumers: number;
  readonly inFlight: number;
  readonly concurrency: number;
  readonly rate?: number;
  readonly warmupMs: number;
  readonly durationMs?: number;
  readonly quantity?: number;
}

/** Clients of one process, at most: each has connections of its own. */
const MAX_CONSUMERS = 1000;

/** @throws UsageError for a workload that makes no sense. */
export function checkFanout(options: FanoutBenchOptions): void {
  const { groups, consumers } = options;
  const bodyBytes = smallestBody(options);
  if (groups * consumers > MAX_CONSUMERS) {
    throw new UsageError(`${groups} groups of ${consumers} consumers are more than the ${MAX_CONSUMERS} consumers that one process has`);
  }
  if (bodyBytes < SEQUENCE_STAMP_BYTES) {
    throw new UsageError(`a message of ${bodyBytes} B has no room for a sequence number: at least ${SEQUENCE_STAMP_BYTES} B (-s)`);
  }
}

/** Sends to one topic that several groups consume, and measures what each of them gets. */
export async function runFanoutBench(options: FanoutBenchOptions, hooks: BenchHooks = {}): Promise<FanoutResult> {
  checkFanout(options);
  const seed = options.seed ?? freshSeed();
  const payload = await Payload.open({ ...options, seed }, options.inFlight);
  const names = Array.from({ length: options.groups }, (_, i) => `${options.group}_${i}`);
  await prepareGroups(options, names);
  const producer = new Producer({ ...clientOptions(options), producerGroup: options.group });
  await producer.start([options.topic]);
  try {
    const { outcome, environment } = await inFrame((watch) => fanOut({ options, names, payload, producer, hooks, watch }), options);
    const { run, ...measured } = outcome;
    return {
      schema: RESULT_SCHEMA,
      kind: 'fanout',
      config: configOf(options),
      seed,
      environment,
      send: run.send,
      ...measured,
      ...endOf(run),
    };
  } finally {
    await producer.shutdown();
  }
}

interface FanoutParts {
  readonly options: FanoutBenchOptions;
  readonly names: readonly string[];
  readonly payload: Payload;
  readonly producer: Producer;
  readonly hooks: BenchHooks;
  readonly watch: RunWatch;
}

type Outcome = Pick<FanoutResult, 'receive' | 'groups' | 'fairness' | 'delivery'> & { readonly run: SendRunOutcome };

async function fanOut({ options, names, payload, producer, hooks, watch }: FanoutParts): Promise<Outcome> {
  const messages = new RunMessages();
  const all = new Recorder();
  all.direction = 'receive';
  const readers = names.map((name) => new Reader(name, options, messages, all));
  const started: ConsumerGroup[] = [];
  let endProgress = (): void => {};
  try {
    for (const reader of readers) {
      started.push(await reader.start(options));
    }
    endProgress = reportProgress(all, hooks);
    const run = await runSends({
      recorder: new Recorder(),
      hooks: quietly(hooks),
      stats: () => producer.stats(),
      onWindow: () => {
        messages.beginWindow();
        all.reset();
        for (const reader of readers) {
          reader.beginWindow();
        }
        watch.start();
      },
      load: { ...loadOf(options, producer, messages), ...payload.load },
    });
    watch.end();
    await Promise.all(readers.map((reader) => reader.arrivals.drain()));
    const groups = readers.map((reader) => reader.measured());
    const seconds = Math.max(...readers.map((reader) => reader.arrivals.seconds));
    const delivery = addDeliveries(readers.flatMap((reader) => reader.arrivals.judge() ?? []));
    return {
      run,
      receive: receiveMeasured(all, seconds),
      groups,
      fairness: {
        groups: jain(groups.map((group) => group.count)),
        consumers: jain(groups.flatMap((group) => group.consumers)),
      },
      ...(delivery === undefined ? {} : { delivery }),
    };
  } finally {
    endProgress();
    await Promise.all(started.map((group) => group.stop()));
  }
}

function loadOf(
  options: FanoutBenchOptions,
  producer: Producer,
  messages: RunMessages,
): Omit<Parameters<typeof runSends>[0]['load'], 'inFlight' | 'createMessage'> {
  const { warmupMs, rate, durationMs, quantity } = options;
  return {
    target: producer,
    ledger: messages.ledger,
    stampsPlan: true,
    warmupMs,
    ...(rate === undefined ? {} : { rate }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(quantity === undefined ? {} : { quantity }),
  };
}

/** One group and what it got. */
class Reader {
  readonly arrivals: Arrivals;
  readonly #name: string;
  readonly #recorder = new Recorder();
  readonly #byConsumer: number[];

  constructor(name: string, { topic, consumers }: FanoutBenchOptions, messages: RunMessages, all: Recorder) {
    this.#name = name;
    this.#byConsumer = new Array<number>(consumers).fill(0);
    this.arrivals = new Arrivals(topic, messages, [this.#recorder, all]);
  }

  start(options: FanoutBenchOptions): Promise<ConsumerGroup> {
    return ConsumerGroup.start(options, {
      consumerGroup: this.#name,
      consumers: options.consumers,
      concurrency: options.concurrency,
      onMessage: (message, consumer) => {
        if (this.arrivals.receive(message)) {
          this.#byConsumer[consumer]!++;
        }
      },
    });
  }

  beginWindow(): void {
    this.#recorder.reset();
    this.arrivals.beginWindow();
  }

  measured(): FanoutGroup {
    const { count, rate, seconds, endToEndMs } = receiveMeasured(this.#recorder, this.arrivals.seconds);
    return { consumerGroup: this.#name, count, seconds, rate, endToEndMs, consumers: [...this.#byConsumer] };
  }
}

/** Jain's index of fairness: 1 when all have the same, 1/n when one has everything. */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0);
  const squares = shares.reduce((total, share) => total + share * share, 0);
  return squares === 0 ? 1 : round((sum * sum) / (shares.length * squares), 4);
}
