/*
 * The response to a send, from a template: what a broker writes most often. The general encoder (`encodeHeaderInto`) is the oracle
 * in the tests, and takes over where the template does not fit.
 */
import { viewOf } from '../common/int64.js';
import { MQ_VERSION } from '../common/mq-version.js';
import { LanguageCode } from './codes.js';
import { FLAG_RESPONSE, isOneway, OWN_LANGUAGE, type RemotingCommand, responseCommand, SERIALIZE_JSON } from './command.js';
import { encodeHeaderInto, FRAME_PREFIX_BYTES, type FrameTarget } from './frame.js';

/** True when the text is the same bytes in JSON, in latin1 and in UTF-8. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) {
      return false;
    }
  }
  return true;
}

const chars = String.fromCharCode;

function int16(value: number): string {
  return chars((value >>> 8) & 255, value & 255);
}

function int32(value: number): string {
  return chars(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** A key of a binary header, with the three upper bytes of its value's length; values here are shorter than 256. */
function binaryKey(key: string): string {
  return `${int16(key.length)}${key}\0\0\0`;
}

const JSON_TAIL = `,"serializeTypeCurrentRPC":"JSON","version":${MQ_VERSION}}`;
const JSON_OPAQUE = `"},"flag":${FLAG_RESPONSE},"language":"${OWN_LANGUAGE}","opaque":`;
const BINARY_HEAD = `${int16(0)}${chars(LanguageCode[OWN_LANGUAGE])}${int16(MQ_VERSION)}`;
/** flag, and a remark of length 0. */
const BINARY_FLAG = `${int32(FLAG_RESPONSE)}${int32(0)}`;
const KEY_QUEUE_ID = binaryKey('queueId');
const KEY_MSG_ID = binaryKey('msgId');
const KEY_TRANSACTION_ID = binaryKey('transactionId');
const KEY_QUEUE_OFFSET = binaryKey('queueOffset');

/** Longest value that goes through the template. */
const MAX_VALUE_LENGTH = 255;

/** Writes responses of code 0 to sends, for one region and trace setting. */
export class SendResponseEncoder {
  readonly #regionId: string;
  readonly #traceOn: string;
  readonly #fits: boolean;
  readonly #jsonBetween: string;
  readonly #binaryBetween: string;

  constructor(options: { regionId: string; traceOn: boolean }) {
    this.#regionId = options.regionId;
    this.#traceOn = String(options.traceOn);
    this.#fits = isPlain(options.regionId) && options.regionId.length <= MAX_VALUE_LENGTH;
    this.#jsonBetween = `","TRACE_ON":"${this.#traceOn}","MSG_REGION":"${options.regionId}","msgId":"`;
    this.#binaryBetween =
      `${binaryKey('TRACE_ON')}${chars(this.#traceOn.length)}${this.#traceOn}` +
      `${binaryKey('MSG_REGION')}${chars(options.regionId.length & 255)}${options.regionId}`;
  }

  /** The fields in the order of the template; the oracle encodes these. */
  extFields(msgId: string, queueId: number, queueOffset: number, transactionId: string | undefined): Record<string, string> {
    const fields: Record<string, string> = {
      queueId: String(queueId),
      TRACE_ON: this.#traceOn,
      MSG_REGION: this.#regionId,
      msgId,
    };
    if (transactionId !== undefined) {
      fields.transactionId = transactionId;
    }
    fields.queueOffset = String(queueOffset);
    return fields;
  }

  /** Queues the response on a connection; nothing for a one-way request. `msgId` is hexadecimal. */
  write(
    target: FrameTarget,
    request: RemotingCommand,
    msgId: string,
    queueId: number,
    queueOffset: number,
    transactionId: string | undefined,
  ): void {
    if (isOneway(request)) {
      return;
    }
    const fits = this.#fits && transactionId !== undefined && transactionId.length <= MAX_VALUE_LENGTH && isPlain(transactionId);
    if (!fits || msgId.length > MAX_VALUE_LENGTH) {
      encodeHeaderInto(target, responseCommand(request, 0, null, this.extFields(msgId, queueId, queueOffset, transactionId)), 0);
      return;
    }
    const text =
      request.serializeType === SERIALIZE_JSON
        ? `{"code":0,"extFields":{"queueId":"${queueId}${this.#jsonBetween}${msgId}","transactionId":"${transactionId}","queueOffset":"${queueOffset}${JSON_OPAQUE}${request.opaque}${JSON_TAIL}`
        : this.#binary(request.opaque, msgId, `${queueId}`, `${queueOffset}`, transactionId);
    const length = text.length;
    const { buffer, offset } = target.reserve(FRAME_PREFIX_BYTES + length);
    buffer.latin1Write(text, offset + FRAME_PREFIX_BYTES);
    const view = viewOf(buffer);
    view.setInt32(offset, 4 + length);
    view.setInt32(offset + 4, (request.serializeType << 24) | length);
  }

  #binary(opaque: number, msgId: string, queueId: string, queueOffset: string, transactionId: string): string {
    const ext = `${KEY_QUEUE_ID}${chars(queueId.length)}${queueId}${this.#binaryBetween}${KEY_MSG_ID}${chars(msgId.length)}${msgId}${KEY_TRANSACTION_ID}${chars(transactionId.length)}${transactionId}${KEY_QUEUE_OFFSET}${chars(queueOffset.length)}${queueOffset}`;
    return `${BINARY_HEAD}${int32(opaque)}${BINARY_FLAG}${int32(ext.length)}${ext}`;
  }
}
