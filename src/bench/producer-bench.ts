import { Producer } from '../client/producer/producer.js';
import type { Credentials } from '../client/types.js';
import { freshSeed } from '../common/clock.js';
import type { CompressionTypeName } from '../common/compression.js';
import { SendLedger } from './delivery-ledger.js';
import { Payload, type PayloadOptions } from './payload/payload.js';
import type { BenchHooks } from './progress.js';
import { Recorder } from './recorder.js';
import { type ProducerResult, RESULT_SCHEMA } from './result.js';
import { configOf, endOf, inFrame, runSends } from './run-frame.js';
import type { PlanTurn, SendLoadOptions } from './send-load.js';

export interface ProducerBenchOptions extends Omit<PayloadOptions, 'seed'> {
  readonly namesrvAddr: string;
  /** The client writes a message trace; it is part of what is measured. */
  readonly msgTraceEnable?: boolean;
  readonly producerGroup: string;
  readonly inFlight: number;
  readonly warmupMs: number;
  readonly durationMs?: number;
  readonly quantity?: number;
  /** Messages per second, planned evenly; without it as fast as answers come. */
  readonly rate?: number;
  /** Which messages of the plan of `rate` are this run's, where several make up the load. */
  readonly turn?: PlanTurn;
  /** Of all random choices; a new one when absent. */
  readonly seed?: number;
  readonly compress?: { readonly type: CompressionTypeName; readonly level: number; readonly overBytes: number };
  readonly credentials?: Credentials;
  /** Whose sequence numbers the messages carry, where several producers make up one run. */
  readonly sequence?: { readonly runId: number; readonly producer: number };
}

/** Sends a load and measures it. What could not be sent at all is an error: the first one that came. */
export async function runProducerBench(options: ProducerBenchOptions, hooks: BenchHooks = {}): Promise<ProducerResult> {
  const seed = options.seed ?? freshSeed();
  const payload = await Payload.open({ ...options, seed }, options.inFlight);
  const producer = createProducer(options);
  await producer.start([]);
  try {
    const target = payload.target(producer, await producer.fetchPublishMessageQueues(options.topic));
    const ledger = new SendLedger(options.sequence);
    const { outcome, environment } = await inFrame(
      (watch) =>
        runSends({
          load: { ...loadOf(options, payload), target, ledger },
          recorder: new Recorder(),
          stats: () => producer.stats(),
          hooks,
          onWindow: () => watch.start(),
        }),
      hooks.isPart === true ? undefined : options,
    );
    return {
      schema: RESULT_SCHEMA,
      kind: 'producer',
      config: configOf(options),
      seed,
      environment,
      send: outcome.send,
      sequences: ledger.sent(),
      ...endOf(outcome),
    };
  } finally {
    await producer.shutdown();
  }
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

function loadOf(options: ProducerBenchOptions, payload: Payload): Omit<SendLoadOptions, 'recorder' | 'target'> {
  return {
    ...payload.load,
    warmupMs: options.warmupMs,
    ...(options.rate === undefined ? {} : { rate: options.rate }),
    ...(options.turn === undefined ? {} : { turn: options.turn }),
    ...(options.durationMs === undefined ? {} : { durationMs: options.durationMs }),
    ...(options.quantity === undefined ? {} : { quantity: options.quantity }),
  };
}
