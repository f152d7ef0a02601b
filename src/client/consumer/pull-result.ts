import { ProtocolError } from '../../common/errors.js';
import { responseError } from '../../remoting/client.js';
import { ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import type { MessageQueue } from '../message-queue.js';
import { numberField, optionalNumberField } from '../response-fields.js';
import { PullStatus } from '../types.js';
import { countMessages, type PulledMessage, readPulledMessages } from './pulled-message.js';
import type { UnreadableMessages } from './unreadable-messages.js';

const EMPTY = Buffer.alloc(0);
const NONE: ProtocolError[] = [];

/** The answer to a pull. Messages are decoded when they are asked for. */
export class PullResult {
  readonly pullStatus: PullStatus;
  /** Where to pull next. */
  readonly nextBeginOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** 0: pull from the master next; else from that member. */
  readonly suggestWhichBrokerId: number;
  /** Records back to back, as they came; tags are not checked again. */
  readonly body: Buffer;
  readonly #context: PullContext;
  #messages: PulledMessage[] | undefined;
  #unreadable: ProtocolError[] = NONE;

  constructor(fields: {
    pullStatus: PullStatus;
    nextBeginOffset: number;
    minOffset: number;
    maxOffset: number;
    suggestWhichBrokerId: number;
    body: Buffer;
    context: PullContext;
  }) {
    this.pullStatus = fields.pullStatus;
    this.nextBeginOffset = fields.nextBeginOffset;
    this.minOffset = fields.minOffset;
    this.maxOffset = fields.maxOffset;
    this.suggestWhichBrokerId = fields.suggestWhichBrokerId;
    this.body = fields.body;
    this.#context = fields.context;
  }

  /**
   * Messages in the answer, counted without decoding them; some may have tags that only share a hash with a wanted one.
   * @throws ProtocolError when sizes do not fit; {@link messages} leaves out what cannot be read.
   */
  get messageCount(): number {
    return this.#messages?.length ?? countMessages(this.body);
  }

  /**
   * The messages, those with other tags left out: brokers compare hashes of tags only. A record that cannot be read is left out too, and what lies
   * behind one whose size is broken; see {@link unreadable}.
   */
  get messages(): PulledMessage[] {
    if (this.#messages === undefined) {
      this.#messages = this.#read();
      if (this.#unreadable.length > 0) {
        const { queue, queueOffset: from, unreadable } = this.#context;
        unreadable?.add(this.#unreadable, queue, { from, to: this.nextBeginOffset });
      }
    }
    return this.#messages;
  }

  /** What is wrong with the records that {@link messages} leaves out. */
  get unreadable(): readonly ProtocolError[] {
    void this.messages;
    return this.#unreadable;
  }

  #read(): PulledMessage[] {
    const { queue, queueOffset, tagsSet } = this.#context;
    const unreadable: ProtocolError[] = [];
    const all = readPulledMessages(this.body, queue.brokerName, queueOffset, unreadable);
    const messages = this.#isPlain(all)
      ? all
      : all.filter(
          (message) =>
            this.#isOfPage(message, unreadable) && (tagsSet.length === 0 || (message.tags !== undefined && tagsSet.includes(message.tags))),
        );
    this.#unreadable = unreadable;
    return messages;
  }

  /** Whether nothing is to be left out: the usual case costs a comparison a message. */
  #isPlain(all: readonly PulledMessage[]): boolean {
    const { nextBeginOffset } = this;
    for (let i = 0; i < all.length; i++) {
      if (all[i]!.queueOffset >= nextBeginOffset) {
        return false;
      }
    }
    return this.#context.tagsSet.length === 0;
  }

  /** A damaged offset behind the page would hide the messages up to it. Light queues show their messages with the offsets of another topic. */
  #isOfPage(message: PulledMessage, unreadable: ProtocolError[]): boolean {
    if (message.queueOffset < this.nextBeginOffset || message.storedTopic !== this.#context.queue.topic) {
      return true;
    }
    unreadable.push(
      new ProtocolError(
        `malformed message record: queueOffset is ${message.queueOffset} in a page that ends before ${this.nextBeginOffset}`,
        {
          code: 'RECORD_MALFORMED',
        },
      ),
    );
    return false;
  }
}

/** What a pull asked for; needed to read its answer. */
export interface PullContext {
  queue: MessageQueue;
  /** Tags to compare; empty: all. */
  tagsSet: readonly string[];
  queueOffset: number;
  addr: string;
  /** Told of messages that cannot be read. */
  unreadable?: UnreadableMessages | undefined;
}

/**
 * The result in a pull response.
 * @throws BrokerError and its like for codes other than 0, 19, 20 and 21; ProtocolError when offsets are missing.
 */
export function readPullResult(response: RemotingCommand, context: PullContext): PullResult {
  const pullStatus = pullStatusOf(response.code);
  if (pullStatus === undefined) {
    throw responseError(response, context.addr);
  }
  const { addr } = context;
  const ext = response.extFields;
  return new PullResult({
    pullStatus,
    nextBeginOffset: numberField(ext?.nextBeginOffset, 'nextBeginOffset', 'pull', addr),
    minOffset: optionalNumberField(ext?.minOffset, 'minOffset', 'pull', addr),
    maxOffset: optionalNumberField(ext?.maxOffset, 'maxOffset', 'pull', addr),
    suggestWhichBrokerId: optionalNumberField(ext?.suggestWhichBrokerId, 'suggestWhichBrokerId', 'pull', addr),
    body: pullStatus === PullStatus.FOUND ? (response.body ?? EMPTY) : EMPTY,
    context,
  });
}

function pullStatusOf(code: number): PullStatus | undefined {
  switch (code) {
    case ResponseCode.SUCCESS:
      return PullStatus.FOUND;
    case ResponseCode.PULL_NOT_FOUND:
      return PullStatus.NO_NEW_MSG;
    case ResponseCode.PULL_RETRY_IMMEDIATELY:
      return PullStatus.NO_MATCHED_MSG;
    case ResponseCode.PULL_OFFSET_MOVED:
      return PullStatus.OFFSET_ILLEGAL;
    default:
      return undefined;
  }
}
