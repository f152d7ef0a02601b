import type { HostAddress } from '../../src/common/host.js';
import { encodeOffsetMsgId } from '../../src/common/message/message-id.js';
import { MQ_VERSION } from '../../src/common/mq-version.js';
import { FLAG_ONEWAY, OWN_LANGUAGE, SERIALIZE_JSON } from '../../src/remoting/command.js';
import type { PutContext } from './put-message.js';

const PREFIX_BYTES = 8;

/** Whether a text may stand in a JSON string as it is, one byte a character. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c > 0x7e || c === 0x22 || c === 0x5c) return false;
  }
  return true;
}

/**
 * Answers of the send path. A success to a JSON request, which is nearly every answer, is one text made of fixed parts and written
 * straight into the connection's output; everything else goes through `respond`.
 */
export class SendResponder {
  readonly #storeHost: HostAddress;
  #head = '';
  #tail = '';
  #extFields: Record<string, string> = {};

  constructor(storeHost: HostAddress, marks: { regionId: string; traceOn: boolean }) {
    this.#storeHost = storeHost;
    this.configure(marks);
  }

  /** Sets what MSG_REGION and TRACE_ON say; both are on every answer, errors included. */
  configure(marks: { regionId: string; traceOn: boolean }): void {
    this.#extFields = { MSG_REGION: marks.regionId, TRACE_ON: String(marks.traceOn) };
    const region = JSON.stringify(marks.regionId);
    this.#head = `{"code":0,"extFields":{"MSG_REGION":${region},"TRACE_ON":"${marks.traceOn}","queueId":"`;
    this.#tail = `,"serializeTypeCurrentRPC":"JSON","version":${MQ_VERSION}}`;
  }

  /** The fields every answer to a send carries. */
  marks(): Record<string, string> {
    return { ...this.#extFields };
  }

  /** Answers a message that is stored: with code 0, or 10, 11, 12 when a flush or a replica was missed. */
  stored(put: PutContext, code: number, remark: string | null): void {
    const connection = put.connection!;
    const request = put.request!;
    if ((request.flag & FLAG_ONEWAY) !== 0 || connection.closed) return;
    if (code === 0 && request.serializeType === SERIALIZE_JSON && !put.batch && isPlain(put.uniqKey)) {
      const text =
        `${this.#head}${put.answerQueueId}","queueOffset":"${put.queueOffset}","msgId":"` +
        `${encodeOffsetMsgId(this.#storeHost, put.commitLogOffset)}","transactionId":"${put.uniqKey}"},"flag":1,"language":"${OWN_LANGUAGE}","opaque":` +
        request.opaque +
        this.#tail;
      const headerBytes = text.length;
      const { buffer, offset } = connection.reserve(PREFIX_BYTES + headerBytes);
      writePrefix(buffer, offset, headerBytes, 0);
      buffer.latin1Write(text, offset + PREFIX_BYTES);
      return;
    }
    connection.respond(request, code, remark, this.#storedFields(put));
  }

  #storedFields(put: PutContext): Record<string, string> {
    const fields = this.marks();
    fields.queueId = String(put.answerQueueId);
    fields.queueOffset = String(put.queueOffset);
    fields.msgId = put.batch
      ? put.batchOffsets.map((offset) => encodeOffsetMsgId(this.#storeHost, offset)).join(',')
      : encodeOffsetMsgId(this.#storeHost, put.commitLogOffset);
    if (put.uniqKey !== '') fields.transactionId = put.uniqKey;
    return fields;
  }
}

/** Writes length, serialize type JSON and header length of a frame. */
export function writePrefix(buffer: Buffer, at: number, headerBytes: number, bodyBytes: number): void {
  const length = 4 + headerBytes + bodyBytes;
  buffer[at] = length >>> 24;
  buffer[at + 1] = length >>> 16;
  buffer[at + 2] = length >>> 8;
  buffer[at + 3] = length;
  buffer[at + 4] = SERIALIZE_JSON;
  buffer[at + 5] = headerBytes >>> 16;
  buffer[at + 6] = headerBytes >>> 8;
  buffer[at + 7] = headerBytes;
}
