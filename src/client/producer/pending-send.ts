import type { MQError } from '../../common/errors.js';
import type { Message } from '../../common/message/message.js';
import type { RemotingCommand } from '../../remoting/command.js';
import type { MessageQueue } from '../message-queue.js';
import type { SendResult } from '../types.js';
import type { SendTemplate } from './send-template.js';

/** Gets the outcome of {@link Producer.sendAsync}: exactly one of the two is called, once a message. */
export interface SendHandler {
  onSuccess(result: SendResult, context: unknown): void;
  onException(error: MQError, context: unknown): void;
}

/** Gets the raw answer of one attempt. */
export interface AttemptSink {
  onAnswer(pending: PendingSend, response: RemotingCommand): void;
  onFailure(pending: PendingSend, error: MQError): void;
}

/** One message on its way; the only object a send allocates besides its result. */
export class PendingSend {
  readonly message: Message;
  readonly sink: AttemptSink;
  readonly handler: SendHandler | null;
  readonly context: unknown;
  /** Monotonic ms of the call. */
  readonly startMs: number;
  /** Budget of all attempts together, ms. */
  readonly timeoutMs: number;
  queue: MessageQueue;
  /** Where this attempt went. */
  addr = '';
  msgId = '';
  body: Buffer;
  sysFlag = 0;
  /** The messages of a batch; null for a single one. */
  messages: readonly Message[] | null = null;
  /** Encoded properties; made on first need by the plain path. */
  properties = '';
  /** Properties escaped for JSON when the template path is taken. */
  propertiesJson = '';
  bornTimestamp = '';
  template: SendTemplate | null = null;
  attempts = 0;
  /** Attempts there may be; the time-out of all but the last one may be capped. */
  maxAttempts = 1;
  /** Monotonic ms when this attempt left. */
  attemptStartMs = 0;
  /** Bytes held of the back-pressure's permits; −1 when none are held. */
  permitBytes = -1;
  /** The caller chose the queue: no other broker may be tried. */
  readonly fixedQueue: boolean;

  /**
   * Plain arguments: one is made for every message.
   * @param queue the caller's choice, or undefined when the topic's queues take turns.
   */
  constructor(
    message: Message,
    sink: AttemptSink,
    handler: SendHandler | null,
    context: unknown,
    queue: MessageQueue | undefined,
    startMs: number,
    timeoutMs: number,
  ) {
    this.message = message;
    this.sink = sink;
    this.handler = handler;
    this.context = context;
    this.startMs = startMs;
    this.timeoutMs = timeoutMs;
    this.queue = queue ?? NO_QUEUE;
    this.fixedQueue = queue !== undefined;
    this.body = message.body;
  }
}

/** Stands for the queue of a send before one is chosen. */
export const NO_QUEUE: MessageQueue = Object.freeze({ topic: '', brokerName: '', queueId: -1 });
