/*
 * Request headers of sends from a template. All sends of one producer to one queue differ in three values: bornTimestamp (`g`),
 * properties (`i`) and opaque. The template is cut from what the plain encoder writes for marker values, so that the two can never
 * say different things; the test compares them byte for byte.
 */

import { requestCommand, SERIALIZE_JSON } from '../../remoting/command.js';
import { encodeCommand } from '../../remoting/frame.js';
import type { MessageQueue } from '../message-queue.js';
import { isPlainJsonText } from './message-properties.js';
import { buildSendRequest, type SendDefaults } from './send-request.js';

const FRAME_PREFIX_BYTES = 8;
const MARK_OPAQUE = 1_234_567_890;
const MARK_TIMESTAMP = 1_234_567_890_123;
/** `@` is legal in neither topic nor group. */
const MARK_PROPERTIES = '@@properties@@';
const EMPTY = Buffer.alloc(0);

/** The JSON header of a plain send (no batch, flag 0) to one queue. */
export class SendTemplate {
  readonly queue: MessageQueue;
  /** Where the queue's broker takes sends. */
  readonly addr: string;
  readonly #beforeTimestamp: string;
  readonly #beforeProperties: string;
  readonly #beforeOpaque: string;
  readonly #end: string;

  private constructor(queue: MessageQueue, addr: string, pieces: readonly [string, string, string, string]) {
    this.queue = queue;
    this.addr = addr;
    [this.#beforeTimestamp, this.#beforeProperties, this.#beforeOpaque, this.#end] = pieces;
  }

  /**
   * @param options.extFields fields that every request of the client has
   * @param options.sysFlag of the messages
   * @returns null when the header would need more than ASCII; such sends take the plain path.
   */
  static create(
    defaults: SendDefaults,
    queue: MessageQueue,
    addr: string,
    options: { extFields?: Readonly<Record<string, string>> | null; sysFlag?: number } = {},
  ): SendTemplate | null {
    const { extFields = null, sysFlag = 0 } = options;
    const request = buildSendRequest(defaults, {
      message: { topic: queue.topic, body: EMPTY },
      queue,
      properties: MARK_PROPERTIES,
      body: EMPTY,
      sysFlag,
      bornTimestamp: MARK_TIMESTAMP,
      batch: false,
    });
    if (extFields !== null) {
      request.extFields = { ...request.extFields, ...extFields };
    }
    const frame = encodeCommand(requestCommand(request, MARK_OPAQUE, 0, SERIALIZE_JSON), SERIALIZE_JSON);
    const header = frame.utf8Slice(FRAME_PREFIX_BYTES, frame.length);
    const [beforeTimestamp, rest1] = cut(header, String(MARK_TIMESTAMP));
    const [beforeProperties, rest2] = cut(rest1, MARK_PROPERTIES);
    const [beforeOpaque, end] = cut(rest2, String(MARK_OPAQUE));
    if (end === null || header.length !== frame.length - FRAME_PREFIX_BYTES || !isPlainJsonText(queue.brokerName)) {
      return null;
    }
    return new SendTemplate(queue, addr, [beforeTimestamp, beforeProperties, beforeOpaque, end]);
  }

  /** The header, ASCII only. `propertiesJson` is the properties text escaped for JSON. */
  header(opaque: number, bornTimestamp: string, propertiesJson: string): string {
    return this.#beforeTimestamp + bornTimestamp + this.#beforeProperties + propertiesJson + this.#beforeOpaque + opaque + this.#end;
  }
}

/** Text before the mark, and text after it (null when the mark is missing). */
function cut(text: string | null, mark: string): [string, string | null] {
  const at = text === null ? -1 : text.indexOf(mark);
  return text === null || at < 0 ? ['', null] : [text.slice(0, at), text.slice(at + mark.length)];
}
