import { randomBytes } from 'node:crypto';
import { Producer } from '../client/producer/producer.js';
import type { Credentials } from '../client/types.js';
import type { CompressionTypeName } from '../common/compression.js';
import type { Message } from '../common/message/message.js';
import { SendLedger } from './delivery-ledger.js';
import type { BenchHooks } from './progress.js';
import { Recorder } from './recorder.js';
import { type ProducerResult, RESULT_SCHEMA } from './result.js';
import { configOf, endOf, inFrame, runSends } from './run-frame.js';
import type { SendLoadOptions } from './send-load.js';

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
  /** Whose sequence numbers the messages carry, where several producers make up one run. */
  readonly sequence?: { readonly runId: number; readonly producer: number };
}

/** Sends a load and measures it. What could not be sent at all is an error: the first one that came. */
export async function runProducerBench(options: ProducerBenchOptions, hooks: BenchHooks = {}): Promise<ProducerResult> {
  const producer = createProducer(options);
  await producer.start([]);
  try {
    await producer.fetchPublishMessageQueues(options.topic);
    const ledger = new SendLedger(options.sequence);
    const { outcome, environment } = await inFrame(
      (watch) =>
        runSends({
          load: { ...loadOf(options, producer), ledger },
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

function loadOf(options: ProducerBenchOptions, producer: Producer): Omit<SendLoadOptions, 'recorder'> {
  const prepare = prepareOf(options);
  return {
    target: producer,
    inFlight: options.inFlight,
    warmupMs: options.warmupMs,
    createMessage: () => createMessage(options),
    ...(prepare === undefined ? {} : { prepare }),
    ...(options.rate === undefined ? {} : { rate: options.rate }),
    ...(options.rateOffsetMs === undefined ? {} : { rateOffsetMs: options.rateOffsetMs }),
    ...(options.durationMs === undefined ? {} : { durationMs: options.durationMs }),
    ...(options.quantity === undefined ? {} : { quantity: options.quantity }),
  };
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
