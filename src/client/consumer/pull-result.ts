import { responseError } from '../../remoting/client.js';
import { ResponseCode } from '../../remoting/codes.js';
import type { RemotingCommand } from '../../remoting/command.js';
import { numberField, optionalNumberField } from '../response-fields.js';
import { PullStatus } from '../types.js';
import { countMessages, type PulledMessage, readPulledMessages } from './pulled-message.js';

const EMPTY = Buffer.alloc(0);

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
  readonly #brokerName: string;
  readonly #tagsSet: readonly string[];
  readonly #fromOffset: number;
  #messages: PulledMessage[] | undefined;

  constructor(fields: {
    pullStatus: PullStatus;
    nextBeginOffset: number;
    minOffset: number;
    maxOffset: number;
    suggestWhichBrokerId: number;
    body: Buffer;
    brokerName: string;
    tagsSet: readonly string[];
    fromOffset: number;
  }) {
    this.pullStatus = fields.pullStatus;
    this.nextBeginOffset = fields.nextBeginOffset;
    this.minOffset = fields.minOffset;
    this.maxOffset = fields.maxOffset;
    this.suggestWhichBrokerId = fields.suggestWhichBrokerId;
    this.body = fields.body;
    this.#brokerName = fields.brokerName;
    this.#tagsSet = fields.tagsSet;
    this.#fromOffset = fields.fromOffset;
  }

  /** Messages in the answer, counted without decoding them; some may have tags that only share a hash with a wanted one. */
  get messageCount(): number {
    return this.#messages?.length ?? countMessages(this.body);
  }

  /** The messages, those with other tags left out: brokers compare hashes of tags only. */
  get messages(): PulledMessage[] {
    if (this.#messages === undefined) {
      const all = readPulledMessages(this.body, this.#brokerName, this.#fromOffset);
      const tags = this.#tagsSet;
      this.#messages = tags.length === 0 ? all : all.filter((message) => message.tags !== undefined && tags.includes(message.tags));
    }
    return this.#messages;
  }
}

/** What a pull asked for; needed to read its answer. */
export interface PullContext {
  brokerName: string;
  /** Tags to compare; empty: all. */
  tagsSet: readonly string[];
  queueOffset: number;
  addr: string;
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
    brokerName: context.brokerName,
    tagsSet: context.tagsSet,
    fromOffset: context.queueOffset,
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
