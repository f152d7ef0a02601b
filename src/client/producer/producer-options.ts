import type { CompressionTypeName } from '../../common/compression.js';
import { UsageError } from '../../common/errors.js';
import { MAX_MESSAGE_BODY_BYTES } from '../../common/limits.js';
import type { MessageQueue } from '../message-queue.js';
import type { MQClient } from '../mq-client.js';
import { withNamespace } from '../namespace.js';
import type { ClientOptions } from '../types.js';
import { DEFAULT_CREATE_TOPIC_KEY } from './send-request.js';
import { RETRY_RESPONSE_CODES } from './send-response.js';

const MiB = 1024 * 1024;

/** Options of a producer. */
export interface ProducerOptions extends ClientOptions {
  producerGroup: string;
  /** Further attempts of `send` after the first. Default 2. */
  retryTimesWhenSendFailed?: number;
  /** Further attempts of `sendAsync` after the first. Default 2. */
  retryTimesWhenSendAsyncFailed?: number;
  /** Also a status other than SEND_OK makes `send` try another broker. Default false. */
  retryAnotherBrokerWhenNotStoreOK?: boolean;
  /** Broker codes after which `send` tries another broker. Default 1, 2, 14, 16, 17, 204, 205, 1500. */
  retryResponseCodes?: Iterable<number>;
  /** Budget of one send, all its attempts together, ms. Default 3000. */
  sendMsgTimeoutMs?: number;
  /**
   * Time-out of one attempt while further ones remain, ms, so that a broker that hangs does not use up the whole budget.
   * Default −1: an attempt may take all that is left.
   */
  sendMsgMaxTimeoutPerRequestMs?: number;
  /** Bodies of at least so many bytes are compressed. Default 4096. */
  compressMsgBodyOverHowmuch?: number;
  /** How: `ZLIB`, `LZ4` or `ZSTD`; consumers must know it, and clients before 5.0 know ZLIB alone. Default ZLIB. */
  compressType?: CompressionTypeName;
  /** Level of ZLIB (0 to 9) and ZSTD. Default 5. */
  compressLevel?: number;
  /** Largest body before compression, bytes. Default 4 MiB. */
  maxMessageSize?: number;
  /** Topic whose configuration a broker copies when it creates a topic. Default TBW102. */
  createTopicKey?: string;
  /** Queues a broker of a topic that a send creates, at most. Default 4. */
  defaultTopicQueueNums?: number;
  /**
   * Bounds what asynchronous sends have on their way: further ones wait for a permit, within their time-out. Default false: the caller
   * bounds it.
   */
  enableBackpressureForAsyncMode?: boolean;
  /** Messages on their way at most, with back-pressure; at least 10. Default 10000. */
  backPressureForAsyncSendNum?: number;
  /** Body bytes on their way at most, with back-pressure; at least 1 MiB. Default 100 MiB. */
  backPressureForAsyncSendSize?: number;
  /** Leaves brokers out for a while that were slow, refused, or could not be reached. Default false. */
  sendLatencyFaultEnable?: boolean;
  /** Looks every 3 s whether brokers that were left out answer again; only with sendLatencyFaultEnable. Default false. */
  startDetectorEnable?: boolean;
  /** Time-out of such a look, ms. Default 200. */
  detectTimeoutMs?: number;
  /** Least time between two looks at one broker, ms. Default 2000. */
  detectIntervalMs?: number;
  /** Collects single sends of one topic, tag and WAIT flag and sends them as batches. Default false. */
  autoBatch?: boolean;
  /** How long a message waits at most for others, ms, 1 to 30000. Default 10. */
  batchMaxDelayMs?: number;
  /** Size at which a batch leaves, bytes, at most 2 MiB. Default 32 KiB. */
  batchMaxBytes?: number;
  /** Bytes of all batches that wait; beyond, messages are sent alone. Default 32 MiB. */
  totalBatchMaxBytes?: number;
  /**
   * Gives each batch a unique id of its own, as Java 5.x clients do: for topics with queue.type=BatchCQ, whose brokers keep a batch as one
   * record (an inner batch) when it has one. On other topics Apache's 5.x brokers hand that id to every message of the batch. Default false.
   */
  innerBatch?: boolean;
  /**
   * Namespace of the first kind (deprecated in RocketMQ): topics and the group are `namespace%name` for brokers and plain for the
   * application. See `namespaceV2` for the second kind.
   */
  namespace?: string;
  /** Shares connections and routes with others; it is then not closed by this producer alone. */
  client?: MQClient;
}

/** Options of one send. */
export interface SendOptions {
  /** Exactly this queue; then there is one attempt. */
  queue?: MessageQueue;
  /** Instead of sendMsgTimeoutMs. */
  timeoutMs?: number;
}

/** The options with their defaults. */
export interface ProducerSettings
  extends Required<Omit<ProducerOptions, keyof ClientOptions | 'client' | 'retryResponseCodes' | 'producerGroup'>> {
  /** As brokers know it. */
  readonly producerGroup: string;
  readonly retryResponseCodes: ReadonlySet<number>;
}

/**
 * Fills in the defaults.
 * @throws UsageError for a value that makes no sense.
 */
export function producerSettings(options: ProducerOptions): ProducerSettings {
  const settings: ProducerSettings = {
    producerGroup: withNamespace(options.namespace ?? '', options.producerGroup),
    retryTimesWhenSendFailed: options.retryTimesWhenSendFailed ?? 2,
    retryTimesWhenSendAsyncFailed: options.retryTimesWhenSendAsyncFailed ?? 2,
    retryAnotherBrokerWhenNotStoreOK: options.retryAnotherBrokerWhenNotStoreOK ?? false,
    retryResponseCodes: options.retryResponseCodes === undefined ? RETRY_RESPONSE_CODES : new Set(options.retryResponseCodes),
    sendMsgTimeoutMs: options.sendMsgTimeoutMs ?? 3_000,
    sendMsgMaxTimeoutPerRequestMs: options.sendMsgMaxTimeoutPerRequestMs ?? -1,
    compressMsgBodyOverHowmuch: options.compressMsgBodyOverHowmuch ?? 4096,
    compressType: options.compressType ?? 'ZLIB',
    compressLevel: options.compressLevel ?? 5,
    maxMessageSize: options.maxMessageSize ?? MAX_MESSAGE_BODY_BYTES,
    createTopicKey: options.createTopicKey ?? DEFAULT_CREATE_TOPIC_KEY,
    defaultTopicQueueNums: options.defaultTopicQueueNums ?? 4,
    enableBackpressureForAsyncMode: options.enableBackpressureForAsyncMode ?? false,
    backPressureForAsyncSendNum: options.backPressureForAsyncSendNum ?? 10_000,
    backPressureForAsyncSendSize: options.backPressureForAsyncSendSize ?? 100 * MiB,
    sendLatencyFaultEnable: options.sendLatencyFaultEnable ?? false,
    startDetectorEnable: options.startDetectorEnable ?? false,
    detectTimeoutMs: options.detectTimeoutMs ?? 200,
    detectIntervalMs: options.detectIntervalMs ?? 2_000,
    autoBatch: options.autoBatch ?? false,
    batchMaxDelayMs: options.batchMaxDelayMs ?? 10,
    batchMaxBytes: options.batchMaxBytes ?? 32 * 1024,
    totalBatchMaxBytes: options.totalBatchMaxBytes ?? 32 * MiB,
    innerBatch: options.innerBatch ?? false,
    namespace: options.namespace ?? '',
  };
  requireRange('batchMaxDelayMs', settings.batchMaxDelayMs, [1, 30_000]);
  requireRange('batchMaxBytes', settings.batchMaxBytes, [1, 2 * MiB]);
  requireRange('totalBatchMaxBytes', settings.totalBatchMaxBytes, [1, Number.MAX_SAFE_INTEGER]);
  return settings;
}

function requireRange(name: string, value: number, [least, most]: readonly [number, number]): void {
  if (!(value >= least && value <= most)) {
    throw new UsageError(`${name} is ${value}, it must be from ${least} to ${most}`);
  }
}
