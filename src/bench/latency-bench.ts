import type { PulledMessage } from '../client/consumer/pulled-message.js';
import type { SendHandler } from '../client/producer/pending-send.js';
import { Producer } from '../client/producer/producer.js';
import { freshSeed } from '../common/clock.js';
import { UsageError } from '../common/errors.js';
import type { Message } from '../common/message/message.js';
import { Arrivals, RunMessages, receiveMeasured } from './arrivals.js';
import { ConsumerGroup, clientOptions, type EndOptions, prepareGroups } from './both-ends.js';
import type { LatencyResult, LatencyStages } from './kind-results.js';
import { LatencyHistogram } from './latency-histogram.js';
import { Payload, type StampedPayload, smallestBody } from './payload/payload.js';
import { type BenchHooks, reportProgress } from './progress.js';
import { Recorder } from './recorder.js';
import { RESULT_SCHEMA } from './result.js';
import { configOf, endOf, inFrame, quietly, runSends } from './run-frame.js';
import type { SendTarget } from './send-load.js';
import { readStamp, SEQUENCE_STAMP_BYTES, wallClockUs } from './stamp.js';

export interface LatencyBenchOptions extends EndOptions, StampedPayload {
  readonly group: string;
  /** Messages on their way to the broker at once, at most. */
  readonly inFlight: number;
  readonly concurrency: number;
  readonly rate: number;
  readonly warmupMs: number;
  readonly durationMs?: number;
  readonly quantity?: number;
}

/** Behind the stamp, which says when a message was planned: when it was sent. */
const SENT_AT = SEQUENCE_STAMP_BYTES;
const SMALLEST_BYTES = SENT_AT + 8;

/** @throws UsageError for messages without room for two times. */
export function checkLatency(options: Pick<LatencyBenchOptions, 'bodyBytes' | 'sizes'>): void {
  const bodyBytes = smallestBody(options);
  if (bodyBytes < SMALLEST_BYTES) {
    throw new UsageError(`a message of ${bodyBytes} B has no room for the times that are measured: at least ${SMALLEST_BYTES} B (-s)`);
  }
}

/** Sends at a rate and consumes in the same process, so that one clock measures the whole way of every message. */
export async function runLatencyBench(options: LatencyBenchOptions, hooks: BenchHooks = {}): Promise<LatencyResult> {
  checkLatency(options);
  const { topic, inFlight, warmupMs, rate, durationMs, quantity, seed = freshSeed() } = options;
  const payload = await Payload.open({ ...options, seed }, inFlight);
  await prepareGroups(options, [options.group]);
  const producer = new Producer({ ...clientOptions(options), producerGroup: options.group });
  await producer.start([topic]);
  try {
    const { outcome, environment } = await inFrame(async (watch) => {
      const messages = new RunMessages();
      const received = new Recorder();
      received.direction = 'receive';
      const arrivals = new Arrivals(topic, messages, [received]);
      const stages = new Stages();
      const group = await ConsumerGroup.start(options, {
        consumerGroup: options.group,
        consumers: 1,
        concurrency: options.concurrency,
        onMessage: (message) => {
          if (arrivals.receive(message)) {
            stages.record(message);
          }
        },
      });
      const endProgress = reportProgress(received, hooks);
      try {
        const run = await runSends({
          recorder: new Recorder(),
          hooks: quietly(hooks),
          stats: () => producer.stats(),
          onWindow: () => {
            messages.beginWindow();
            arrivals.beginWindow();
            received.reset();
            watch.start();
          },
          load: {
            target: new TimingTarget(producer),
            ledger: messages.ledger,
            stampsPlan: true,
            ...payload.load,
            ...{ warmupMs, rate },
            ...(durationMs === undefined ? {} : { durationMs }),
            ...(quantity === undefined ? {} : { quantity }),
          },
        });
        watch.end();
        await arrivals.drain();
        return { ...run, receive: receiveMeasured(received, arrivals.seconds), stages: stages.summary(), delivery: arrivals.judge() };
      } finally {
        endProgress();
        await group.stop();
      }
    }, options);
    const { send, receive, stages, delivery } = outcome;
    return {
      schema: RESULT_SCHEMA,
      kind: 'latency',
      config: configOf(options),
      seed,
      environment,
      ...{ send, receive, stages },
      ...(delivery === undefined ? {} : { delivery }),
      ...endOf(outcome),
    };
  } finally {
    await producer.shutdown();
  }
}

/** Notes in each message when it was really sent. */
class TimingTarget implements SendTarget {
  readonly #producer: Producer;

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  sendAsync(message: Message, handler: SendHandler, context: unknown): void {
    message.body.writeDoubleBE(wallClockUs(), SENT_AT);
    this.#producer.sendAsync(message, handler, context);
  }
}

/** The parts of the way of each message. */
class Stages {
  readonly #plannedToSent = new LatencyHistogram();
  readonly #sentToStored = new LatencyHistogram();
  readonly #storedToListener = new LatencyHistogram();

  record(message: PulledMessage): void {
    const { body, storeTimestamp } = message;
    const [nowUs, sentUs, storedUs] = [wallClockUs(), body.readDoubleBE(SENT_AT), storeTimestamp * 1000];
    this.#plannedToSent.record(sentUs - (readStamp(body) ?? sentUs));
    this.#sentToStored.record(storedUs - sentUs);
    this.#storedToListener.record(nowUs - storedUs);
  }

  summary(): LatencyStages {
    return {
      plannedToSentMs: this.#plannedToSent.summary(),
      sentToStoredMs: this.#sentToStored.summary(),
      storedToListenerMs: this.#storedToListener.summary(),
    };
  }
}
