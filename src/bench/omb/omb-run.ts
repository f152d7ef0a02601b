import type { MessageQueue } from '../../client/message-queue.js';
import type { Producer } from '../../client/producer/producer.js';
import type { ProducerStats } from '../../client/producer/send-stats.js';
import { seededRandom, systemRandom } from '../../common/clock.js';
import { TimeoutError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import { fittingInFlight } from '../in-flight.js';
import { type BenchHooks, reportProgress } from '../progress.js';
import { type BenchResult, RESULT_SCHEMA, type ReceiveMeasured, type SendMeasured } from '../result.js';
import { endOf, inFrame, waitUntil } from '../run-frame.js';
import type { RunWatch } from '../run-watch.js';
import { SuccessWatch } from '../success-watch.js';
import { OmbCounters } from './counters.js';
import type { Driver } from './driver.js';
import { OmbResult } from './omb-result.js';
import { payloadsOf } from './payload.js';
import { Phases, type PhasesOutcome } from './phases.js';
import { Publisher } from './publisher.js';
import { SEARCH_START_RATE } from './rate-search.js';
import { Consumers, cleanUp, createProducer, createTopics, type OmbCluster, type OmbSender, transactionSender } from './setup.js';
import type { Workload } from './workload.js';

const READY_LIMIT_MS = 60_000;
const DRAIN_LIMIT_MS = 10_000;
const KEY_COUNT = 10_000;
const DEFAULT_SAMPLE_MS = 10_000;

export interface OmbRunOptions {
  readonly workload: Workload;
  readonly driver: Driver;
  readonly cluster: OmbCluster;
  /** Payload files are looked for near it. */
  readonly workloadFile?: string;
  /** Length of a sample of the series; default 10 s, or the whole test when that is shorter. */
  readonly sampleMs?: number;
  /** Leaves the topics there. */
  readonly keepTopics?: boolean;
  /** Hears what is being done. */
  readonly note?: (text: string) => void;
}

/** Result of a workload, kind `workload`. */
export interface WorkloadResult extends BenchResult {
  readonly kind: 'workload';
  readonly send: SendMeasured;
  readonly receive: ReceiveMeasured;
  /** Present where the workload builds a backlog. */
  readonly backlog?: { readonly bytes: number; readonly buildSeconds: number; readonly drainSeconds?: number };
  /** The rates that a search went through, the last one last. */
  readonly searchedRates?: readonly number[];
}

export interface OmbOutcome {
  readonly result: WorkloadResult;
  /** Content of a result file of the OpenMessaging Benchmark. */
  readonly omb: Record<string, unknown>;
}

/** Runs a workload as the OpenMessaging Benchmark does: topics, consumers, producers, a probe, warm-up, test. */
export async function runOmbWorkload(options: OmbRunOptions, hooks: BenchHooks = {}): Promise<OmbOutcome> {
  const { workload, driver, cluster } = options;
  const random = seededRandom(workload.seed ?? 1);
  const payloads = payloadsOf(workload, options.workloadFile, random);
  const topics = await createTopics(cluster, workload, driver, systemRandom);
  options.note?.(`created ${topics.length} topics`);
  const run = new OmbRun(options, { topics, payloads, shuffle: (items) => shuffled(items, random) });
  try {
    const { outcome, environment } = await inFrame((watch) => run.run(watch, hooks), {
      namesrvAddr: cluster.namesrvAddr,
      topic: topics[0] as string,
      ...(cluster.credentials === undefined ? {} : { credentials: cluster.credentials }),
    });
    const result: WorkloadResult = {
      schema: RESULT_SCHEMA,
      kind: 'workload',
      config: { ...configOf(options), rate: outcome.rate },
      environment,
      seed: workload.seed ?? 1,
      ...outcome.measured,
    };
    return { result, omb: run.samples.toJson({ workload, driver, totals: run.counters.totals, mqbench: result }) };
  } finally {
    if (options.keepTopics !== true) {
      await cleanUp(cluster, topics, run.groups).catch((error: Error) => options.note?.(`topics are left: ${error.message}`));
    }
  }
}

type MeasuredPart = Omit<WorkloadResult, 'schema' | 'kind' | 'config' | 'environment'>;

interface Parts {
  readonly topics: readonly string[];
  readonly payloads: readonly Buffer[];
  readonly shuffle: <T>(items: T[]) => T[];
}

class OmbRun {
  readonly #options: OmbRunOptions;
  readonly #parts: Parts;
  readonly samples = new OmbResult();
  #counters: OmbCounters | undefined;
  /** Of its consumers. */
  groups: readonly string[] = [];

  constructor(options: OmbRunOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
  }

  get counters(): OmbCounters {
    this.#counters ??= new OmbCounters();
    return this.#counters;
  }

  async run(watch: RunWatch, hooks: BenchHooks): Promise<{ rate: number; measured: MeasuredPart }> {
    const { workload, driver, cluster } = this.#options;
    const { counters } = this;
    const consumers = new Consumers(cluster, { workload, topics: this.#parts.topics, random: systemRandom }, (messages) =>
      counters.take(messages),
    );
    this.groups = consumers.groups;
    const producer = createProducer(cluster, driver, systemRandom);
    const sender = workload.transaction === true ? transactionSender(cluster, driver, systemRandom) : senderOf(producer);
    const successes = new SuccessWatch(counters.send, Number.POSITIVE_INFINITY, () => {});
    const endProgress = [reportProgress(counters.send, hooks), reportProgress(counters.receive, {})];
    try {
      await consumers.start();
      await producer.start([]);
      await sender.start();
      this.#options.note?.(`created ${consumers.count} consumers and ${workload.topics * workload.producersPerTopic} producers`);
      await this.#probe(producer, consumers, hooks.signal);
      const publisher = await this.#publisher(producer, sender);
      let before = sender.stats();
      const onWindow = (): void => {
        before = sender.stats();
        watch.start();
      };
      const phases = new Phases({
        workload,
        counters,
        publisher,
        consumers,
        samples: this.samples,
        sampleMs: this.#sampleMs,
        onWindow,
      });
      const end = await phases.run(hooks.signal);
      const measured = this.#measured(end, before, sender.stats());
      const { lostMs } = successes;
      await publisher.stop(DRAIN_LIMIT_MS);
      if (counters.published === 0 && publisher.firstError !== null) throw publisher.firstError;
      const interrupted = hooks.signal?.aborted === true;
      const lost = `no send succeeded in the last ${(lostMs / 1000).toFixed(1)} s: ${publisher.firstError?.message}`;
      return {
        rate: publisher.rate,
        measured: { ...measured, ...endOf({ interrupted, ...(lostMs > 0 && !interrupted ? { failure: lost } : {}) }) },
      };
    } finally {
      successes.end();
      for (const endOne of endProgress) endOne();
      await sender.shutdown();
      await producer.shutdown();
      await consumers.shutdown();
    }
  }

  get #sampleMs(): number {
    const { sampleMs = DEFAULT_SAMPLE_MS, workload } = this.#options;
    return workload.testDurationMs > 0 ? Math.min(sampleMs, workload.testDurationMs) : sampleMs;
  }

  /** One message to each topic; every subscription must get it. */
  async #probe(producer: Producer, consumers: Consumers, signal: AbortSignal | undefined): Promise<void> {
    const { workload } = this.#options;
    for (const topic of this.#parts.topics) await producer.send({ topic, body: Buffer.alloc(workload.messageSize, 'p') });
    const expected = workload.filter === undefined && consumers.count > 0 ? workload.topics * workload.subscriptionsPerTopic : 0;
    const isReady = await waitUntil(() => this.counters.received >= expected || signal?.aborted === true, READY_LIMIT_MS);
    if (!isReady) {
      throw new TimeoutError(
        `only ${this.counters.received} of ${expected} probe messages were consumed within ${READY_LIMIT_MS / 1000} s`,
        {
          code: 'NOT_READY',
          hint: 'see whether the brokers answer: mqadmin clusterList',
        },
      );
    }
    this.counters.received = 0;
  }

  async #publisher(producer: Producer, sender: OmbSender): Promise<Publisher> {
    const { workload, driver } = this.#options;
    const { topics, payloads, shuffle } = this.#parts;
    const addresses = shuffle(
      topics.flatMap((topic) => Array.from({ length: workload.producersPerTopic }, (_, index) => ({ topic, index }))),
    );
    const queues = new Map<string, readonly MessageQueue[]>();
    for (const topic of topics) queues.set(topic, await producer.fetchPublishMessageQueues(topic));
    const wanted = driver.enableBackpressure ? driver.backpressureConcurrency : undefined;
    const keyOf = keysOf(workload);
    let queue: MessageQueue | undefined;
    const prepare = (message: Message, index: number): void => {
      const address = addresses[index % addresses.length] as (typeof addresses)[number];
      message.topic = address.topic;
      if (keyOf !== undefined) message.keys = keyOf(index);
      if (workload.tags !== undefined && workload.tags > 0) message.tags = `tag${index % workload.tags}`;
      if (workload.ordered === true) queue = queues.get(address.topic)?.[address.index % (queues.get(address.topic)?.length ?? 1)];
    };
    return new Publisher({
      target:
        workload.ordered === true
          ? { sendAsync: (message, handler, context) => producer.sendAsync(message, handler, context, queue) }
          : sender.target,
      sink: this.counters,
      rate: workload.producerRate > 0 ? workload.producerRate : SEARCH_START_RATE,
      inFlight: fittingInFlight(workload.messageSize, wanted),
      createMessage: (slot) => ({
        topic: topics[0] as string,
        body: Buffer.from(payloads[slot % payloads.length] as Buffer),
        ...(workload.delayLevel === undefined ? {} : { delayTimeLevel: workload.delayLevel }),
      }),
      prepare,
    });
  }

  #measured(end: PhasesOutcome, before: ProducerStats, after: ProducerStats): MeasuredPart {
    const { counters } = this;
    const { publishLatency } = counters.totals;
    return {
      send: {
        ...counters.send.measured(end.seconds),
        uncorrectedLatencyMs: publishLatency.summary(),
        uncorrectedHistogram: publishLatency.encode(),
        unsent: end.unsent,
        attempts: after.attempts - before.attempts,
        retries: after.retries - before.retries,
        failedAttemptsByCode: after.failedAttemptsByCode,
      },
      receive: { ...counters.receive.measured(end.seconds), ...counters.receive.endToEndMeasured() },
      ...(end.backlog === undefined ? {} : { backlog: end.backlog }),
      ...(end.searchedRates.length === 0 ? {} : { searchedRates: end.searchedRates }),
    };
  }
}

/** The producer that also probes; it is started and ended by whoever made it. */
function senderOf(producer: Producer): OmbSender {
  return { target: producer, start: async () => {}, stats: () => producer.stats(), shutdown: async () => {} };
}

function keysOf({ keyDistributor }: Workload): ((index: number) => string) | undefined {
  switch (keyDistributor) {
    case 'NO_KEY':
      return undefined;
    case 'KEY_ROUND_ROBIN':
      return (index) => `key-${index % KEY_COUNT}`;
    case 'RANDOM_NANO':
      return () => `key-${Math.floor(performance.now() * 1e6) % KEY_COUNT}`;
  }
}

function shuffled<T>(items: T[], random: { nextInt(bound: number): number }): T[] {
  for (let at = items.length - 1; at > 0; at--) {
    const other = random.nextInt(at + 1);
    [items[at], items[other]] = [items[other] as T, items[at] as T];
  }
  return items;
}

/** Keys are never part of a result. */
function configOf({ workload, driver, cluster }: OmbRunOptions): Record<string, unknown> {
  const { credentials: _, ...named } = driver;
  return { workload, driver: named, namesrvAddr: cluster.namesrvAddr, clusterName: cluster.clusterName };
}
