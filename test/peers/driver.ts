import { setTimeout as delay } from 'node:timers/promises';
import type { PeerProcess } from './process.js';

const CALL_TIMEOUT_MS = 90_000;
/** Java's own 3 s are too short for a machine that starts other JVMs at the same time. */
const SEND_TIMEOUT_MS = 30_000;

/** A message as a driver reports it. Go and ali-ons leave out what their client does not tell. */
export interface DrivenMessage {
  topic: string;
  msgId: string;
  offsetMsgId?: string | null;
  brokerName?: string;
  queueId: number;
  queueOffset: number;
  commitLogOffset: number;
  storeSize: number;
  tags?: string | null;
  keys?: string | null;
  flag: number;
  sysFlag: number;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  bornTimestamp: number;
  storeTimestamp: number;
  bornHost: string;
  storeHost: string;
  properties: Record<string, string>;
  bodyBase64: string | null;
}

/** One message that a push consumer's listener received. */
export interface Delivery {
  consumer: string;
  /** Wall clock of the driver at delivery. */
  at: number;
  /** The listener answered RECONSUME_LATER, or threw. */
  failed: boolean;
  /** Messages in the same listener call. */
  batch: number;
  /** Wall clock at the end of an ordered call. */
  until?: number;
  message: DrivenMessage;
  body: string;
}

export interface DrivenSendResult {
  sendStatus: string;
  msgId: string;
  offsetMsgId: string | null;
  queueId: number;
  brokerName: string;
  queueOffset: number;
}

export interface DrivenQueue {
  topic: string;
  brokerName: string;
  queueId: number;
}

export interface DrivenPullResult {
  pullStatus: string;
  nextBeginOffset: number;
  minOffset: number;
  maxOffset: number;
  messages: DrivenMessage[];
}

/** The message to send: `body` as text, `bodyBase64`, or `bodyBytes` for a filling of that length. */
export interface MessageInit {
  topic: string;
  body?: string;
  bodyBase64?: string;
  bodyBytes?: number;
  tags?: string;
  keys?: string;
  flag?: number;
  delayTimeLevel?: number;
  waitStoreMsgOK?: boolean;
  /** The client's unique id, which the client else makes (Java). */
  uniqKey?: string;
  properties?: Record<string, string>;
}

export interface ProducerInit {
  name: string;
  namesrvAddr: string;
  group: string;
  retryTimesWhenSendFailed?: number;
  sendMsgTimeout?: number;
  compressMsgBodyOverHowmuch?: number;
  vipChannelEnabled?: boolean;
  /** Write a message trace (Java). */
  trace?: boolean;
}

export interface PushInit {
  name: string;
  namesrvAddr: string;
  group: string;
  /** topic → tag expression, or `sql:` and a selector */
  subscriptions: Record<string, string>;
  consumeFromWhere?: string;
  /** For CONSUME_FROM_TIMESTAMP, `yyyyMMddHHmmss` (Java). */
  consumeTimestamp?: string;
  maxReconsumeTimes?: number;
  consumeMessageBatchMaxSize?: number;
  consumeThread?: number;
  /** Write a message trace (Java). */
  trace?: boolean;
  /** Makes it a broadcasting consumer that keeps its offsets there (Java). */
  localOffsetStoreDir?: string;
  /** An ordered listener (Java): `holdMs` is how long each call takes, `failing` the body that fails. */
  orderly?: boolean;
  behaviour?: { holdMs?: number; failing?: string; failTimes?: number; throwing?: boolean; delayLevel?: number; ackIndex?: number };
}

/** What a driver answered instead of a result: the client library's own error. */
export class DriverError extends Error {
  readonly type: string;
  /** RocketMQ's response code, where the library tells it. */
  readonly code: number | undefined;

  constructor(error: { type: string; message: string; code?: number; cause?: { message: string; code?: number } }) {
    super(error.message ?? error.cause?.message ?? error.type);
    this.type = error.type;
    this.code = error.code ?? error.cause?.code;
  }
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A foreign client in a process of its own, scripted by JSON lines. */
export class ClientDriver {
  readonly deliveries: Delivery[] = [];
  #pending = new Map<number, Pending>();
  #nextId = 1;
  #process: PeerProcess | undefined;
  #started: Promise<void>;
  #markStarted: () => void = () => undefined;

  constructor() {
    this.#started = new Promise((resolve) => {
      this.#markStarted = resolve;
    });
  }

  /** Starts the process; `spawn` must pass the given line handler on. */
  async open(spawn: (onLine: (line: string) => void) => Promise<PeerProcess>): Promise<this> {
    const process = await spawn((line) => this.#onLine(line));
    this.#process = process;
    void process.exited.then(() => {
      const error = new Error(`${process.name} ended:\n${process.output.slice(-4000)}`);
      for (const pending of this.#pending.values()) pending.reject(error);
      this.#pending.clear();
    });
    await Promise.race([
      this.#started,
      process.exited.then(() => Promise.reject(new Error(`${process.name} did not start:\n${process.output.slice(-4000)}`))),
    ]);
    return this;
  }

  /** One request, and its answer. */
  async call<T>(op: string, args: object = {}): Promise<T> {
    const process = this.#process;
    if (!process?.running) throw new Error('the driver does not run');
    const id = this.#nextId++;
    const timer = setTimeout(() => {
      this.#pending.get(id)?.reject(new Error(`${process.name} did not answer ${op} within ${CALL_TIMEOUT_MS} ms`));
      this.#pending.delete(id);
    }, CALL_TIMEOUT_MS);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#pending.set(id, { resolve: (value) => resolve(value as T), reject });
        process.child.stdin?.write(`${JSON.stringify({ id, op, ...args })}\n`);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  startProducer(init: ProducerInit): Promise<void> {
    return this.call('producer.start', { sendMsgTimeout: SEND_TIMEOUT_MS, ...init });
  }

  send(
    name: string,
    message: MessageInit,
    options: { mode?: 'sync' | 'async' | 'oneway'; queue?: DrivenQueue } = {},
  ): Promise<DrivenSendResult> {
    return this.call('producer.send', { name, message, ...options });
  }

  sendMany(
    name: string,
    message: MessageInit,
    options: { count: number; first?: number; queue?: DrivenQueue },
  ): Promise<DrivenSendResult[]> {
    return this.call('producer.sendMany', { name, message, ...options });
  }

  sendBatch(name: string, messages: MessageInit[]): Promise<DrivenSendResult> {
    return this.call('producer.sendBatch', { name, messages });
  }

  publishQueues(name: string, topic: string): Promise<DrivenQueue[]> {
    return this.call('producer.queues', { name, topic });
  }

  stopProducer(name: string): Promise<void> {
    return this.call('producer.stop', { name });
  }

  startPush(init: PushInit): Promise<void> {
    return this.call('push.start', init);
  }

  /** Queues that the consumer owns now, without those of its retry topic. */
  async ownedQueues(name: string): Promise<DrivenQueue[]> {
    const queues = await this.call<DrivenQueue[]>('push.owned', { name });
    return queues.filter((queue) => !queue.topic.startsWith('%RETRY%'));
  }

  stopPush(name: string): Promise<void> {
    return this.call('push.stop', { name });
  }

  startPull(init: { name: string; namesrvAddr: string; group: string }): Promise<void> {
    return this.call('pull.start', init);
  }

  pull(name: string, queue: DrivenQueue, options: { offset: number; expression?: string; maxNums?: number }): Promise<DrivenPullResult> {
    return this.call('pull.pull', { name, queue, ...options });
  }

  offset(
    name: string,
    queue: DrivenQueue,
    what: 'min' | 'max' | 'earliest' | 'fetch' | { search: number } | { update: number },
  ): Promise<number> {
    const args =
      typeof what === 'string'
        ? { what }
        : 'search' in what
          ? { what: 'search', timestamp: what.search }
          : { what: 'update', offset: what.update };
    return this.call('pull.offset', { name, queue, ...args });
  }

  stopPull(name: string): Promise<void> {
    return this.call('pull.stop', { name });
  }

  /** Runs Apache's mqadmin inside the driver's JVM. Of a line that its parser does not take only the fault is told; -h would end the JVM. */
  mqadmin(namesrvAddr: string, args: string[]): Promise<{ stdout: string; stderr: string }> {
    return this.call('mqadmin', { namesrvAddr, args });
  }

  /** Deliveries to one consumer so far. */
  received(consumer: string): Delivery[] {
    return this.deliveries.filter((delivery) => delivery.consumer === consumer);
  }

  /**
   * Waits until the consumer has received `count` messages (also repeated ones) and returns them. On a busy machine a Java client may leave
   * out the heartbeat with its new subVersion, because its regular one is under way; every broker then answers its pulls with 25 until the
   * next heartbeat, 30 s later (apache/rocketmq#3434; seen against Apache's brokers too).
   */
  async receive(consumer: string, count: number, timeoutMs = 60_000): Promise<Delivery[]> {
    const deadline = performance.now() + timeoutMs;
    while (this.received(consumer).length < count) {
      if (performance.now() > deadline) {
        const got = this.received(consumer).map((delivery) => delivery.body.slice(0, 40));
        throw new Error(`${consumer} received ${got.length} of ${count} messages in ${timeoutMs} ms: ${got.join(', ')}`);
      }
      await delay(20);
    }
    return this.received(consumer);
  }

  /** Freezes the process (its connections stay open and silent), or lets it go on. */
  freeze(isFrozen: boolean): void {
    this.#process?.child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Ends the process without stopping its clients: their connections just close. */
  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.#process?.child.stdin?.end();
    await this.#process?.stop(5_000);
  }

  #onLine(line: string): void {
    if (!line.startsWith('{')) return;
    const parsed = JSON.parse(line) as {
      id?: number;
      event?: string;
      result?: unknown;
      error?: ConstructorParameters<typeof DriverError>[0];
    };
    if (parsed.event === 'ready') {
      this.#markStarted();
      return;
    }
    if (parsed.event === 'message') {
      const delivery = parsed as unknown as Delivery;
      delivery.body = Buffer.from(delivery.message.bodyBase64 ?? '', 'base64').toString('utf8');
      this.deliveries.push(delivery);
      return;
    }
    const pending = this.#pending.get(parsed.id ?? -1);
    if (!pending) return;
    this.#pending.delete(parsed.id ?? -1);
    if (parsed.error) pending.reject(new DriverError(parsed.error));
    else pending.resolve(parsed.result);
  }
}
