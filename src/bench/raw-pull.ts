import { PullConsumer } from '../client/consumer/pull-consumer.js';
import type { MessageQueue } from '../client/message-queue.js';
import type { MQClient } from '../client/mq-client.js';
import { type MQError, NotFoundError } from '../common/errors.js';
import { bodyLengthPos, RECORD_OVERHEAD_BYTES, SYS_FLAG_POS, TOTAL_SIZE_POS } from '../common/message/record.js';
import { buildPullSysFlag } from '../common/sys-flag.js';
import { type ResponseHandler, responseError } from '../remoting/client.js';
import { RequestCode, ResponseCode } from '../remoting/codes.js';
import type { RemotingCommand } from '../remoting/command.js';
import { errorName } from './error-name.js';
import type { Recorder } from './recorder.js';

const PULL_TIMEOUT_MS = 10_000;
const MAX_BYTES = '2147483647';
const REST_AFTER_ERROR_MS = 100;

/** One queue that is read from its first message to its last, again and again; the context of each pull. */
interface Lane {
  readonly queue: MessageQueue;
  readonly addr: string;
  /** Messages that the broker deletes while it is read are no part of it any more. */
  firstOffset: number;
  readonly lastOffset: number;
  offset: number;
  startMs: number;
  readonly extFields: Record<string, string>;
}

export interface RawPullOptions {
  readonly client: MQClient;
  readonly topic: string;
  readonly consumerGroup: string;
  /** Messages a pull, at most. */
  readonly pullBatchSize: number;
  readonly recorder: Recorder;
  /** Carried by each pull; without one all messages come. */
  readonly filter?: { readonly type: 'TAG' | 'SQL92'; readonly expression: string };
}

/**
 * Reads a backlog with one pull on its way for each queue, and looks at nothing but how many messages came: what a broker can
 * deliver, without a listener's work. Latency is that of a pull. With a filter the messages that passed it are counted.
 */
export class RawPull implements ResponseHandler {
  readonly #options: RawPullOptions;
  readonly #lanes: Lane[] = [];
  #running = false;
  #inFlight = 0;
  #lastError: MQError | null = null;
  #finish: () => void = () => {};

  private constructor(options: RawPullOptions) {
    this.#options = options;
  }

  /** Finds the queues and the backlog in them. @throws NotFoundError when there is nothing to read. */
  static async open(options: RawPullOptions): Promise<RawPull> {
    const raw = new RawPull(options);
    const { client, topic } = options;
    const consumer = new PullConsumer({ ...client.options, client, consumerGroup: options.consumerGroup });
    try {
      await consumer.start();
      for (const queue of await consumer.fetchMessageQueues(topic)) {
        const [firstOffset, lastOffset] = [await consumer.minOffset(queue), await consumer.maxOffset(queue)];
        const addr = client.routes.masterAddr(queue.brokerName);
        if (lastOffset > firstOffset && addr !== undefined) {
          raw.#lanes.push({ queue, addr, firstOffset, lastOffset, offset: firstOffset, startMs: 0, extFields: raw.#fields(queue) });
        }
      }
      await client.heartbeat();
      if (raw.#lanes.length === 0) {
        throw new NotFoundError(`topic ${topic} holds no messages to pull; send some: mqbench producer -t ${topic} -q 1000000`);
      }
      return raw;
    } catch (error) {
      await consumer.shutdown();
      throw error;
    }
  }

  get lastError(): MQError | null {
    return this.#lastError;
  }

  /** Messages that one pass over all queues reads. */
  get backlog(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.lastOffset - lane.firstOffset, 0);
  }

  start(): void {
    this.#running = true;
    for (const lane of this.#lanes) {
      this.#pull(lane);
    }
  }

  /** Starts no more pulls; resolves when those on their way have ended. */
  async stop(): Promise<void> {
    this.#running = false;
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#finish = resolve;
      });
    }
    await this.#options.client.unregisterConsumer(this.#options.consumerGroup);
  }

  onResponse(response: RemotingCommand, context: unknown): void {
    const lane = context as Lane;
    const found = response.code === ResponseCode.SUCCESS;
    const next = Number(response.extFields?.nextBeginOffset);
    if (found || response.code === ResponseCode.PULL_NOT_FOUND || response.code === ResponseCode.PULL_RETRY_IMMEDIATELY) {
      const { recorder, filter } = this.#options;
      const { records, bodyBytes } = response.body === null ? NOTHING : sizesOf(response.body);
      const count = !found ? 0 : filter === undefined ? next - lane.offset : records;
      recorder.batch((performance.now() - lane.startMs) * 1000, count, bodyBytes);
      lane.offset = next > lane.offset && next < lane.lastOffset ? next : lane.firstOffset;
      this.#answered(lane);
    } else {
      if (response.code === ResponseCode.PULL_OFFSET_MOVED) {
        lane.firstOffset = next > lane.offset && next < lane.lastOffset ? next : lane.firstOffset;
        lane.offset = lane.firstOffset;
      }
      this.onError(responseError(response, lane.addr), context);
    }
  }

  onError(error: MQError, context: unknown): void {
    this.#lastError = error;
    this.#options.recorder.error(errorName(error));
    setTimeout(() => this.#answered(context as Lane), REST_AFTER_ERROR_MS);
  }

  #answered(lane: Lane): void {
    this.#inFlight--;
    if (this.#running) {
      this.#pull(lane);
    } else if (this.#inFlight === 0) {
      this.#finish();
    }
  }

  #pull(lane: Lane): void {
    this.#inFlight++;
    lane.startMs = performance.now();
    lane.extFields.queueOffset = String(lane.offset);
    const request = { code: RequestCode.PULL_MESSAGE, extFields: lane.extFields };
    this.#options.client.remoting.send(lane.addr, request, PULL_TIMEOUT_MS, this, lane);
  }

  #fields(queue: MessageQueue): Record<string, string> {
    return {
      consumerGroup: this.#options.consumerGroup,
      topic: queue.topic,
      queueId: String(queue.queueId),
      queueOffset: '0',
      maxMsgNums: String(this.#options.pullBatchSize),
      sysFlag: String(buildPullSysFlag({ subscription: true })),
      commitOffset: '0',
      suspendTimeoutMillis: '0',
      subscription: this.#options.filter?.expression ?? '*',
      subVersion: '0',
      expressionType: this.#options.filter?.type ?? 'TAG',
      maxMsgBytes: MAX_BYTES,
      bname: queue.brokerName,
    };
  }
}

const NOTHING = { records: 0, bodyBytes: 0 };

/** Records of a pulled answer and the bytes of their bodies; only lengths are read. */
function sizesOf(answer: Buffer): { records: number; bodyBytes: number } {
  let records = 0;
  let bodyBytes = 0;
  for (let position = 0; position + RECORD_OVERHEAD_BYTES <= answer.length; records++) {
    const totalSize = answer.readInt32BE(position + TOTAL_SIZE_POS);
    if (totalSize < RECORD_OVERHEAD_BYTES || position + totalSize > answer.length) break;
    bodyBytes += answer.readInt32BE(position + bodyLengthPos(answer.readInt32BE(position + SYS_FLAG_POS)));
    position += totalSize;
  }
  return { records, bodyBytes };
}
