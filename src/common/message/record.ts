/*
 * The stored message record, which pulls and queries also carry. Mirrors MessageDecoder and MessageExtEncoder.
 *
 * | field                          | size       | position (IPv4 born host) |
 * | TOTALSIZE                      | 4          | 0                         |
 * | MAGICCODE                      | 4          | 4   v1 0xDAA320A7, v2 0xDAA320AB |
 * | BODYCRC                        | 4          | 8   CRC-32 & 0x7fffffff of the stored body; 0 when empty |
 * | QUEUEID                        | 4          | 12                        |
 * | FLAG                           | 4          | 16                        |
 * | QUEUEOFFSET                    | 8          | 20                        |
 * | PHYSICALOFFSET                 | 8          | 28                        |
 * | SYSFLAG                        | 4          | 36  bit 0x10: born host has 16 address bytes; bit 0x20: store host |
 * | BORNTIMESTAMP                  | 8          | 40                        |
 * | BORNHOST                       | 8 or 20    | 48                        |
 * | STORETIMESTAMP                 | 8          | 48 + born host            |
 * | STOREHOST                      | 8 or 20    |                           |
 * | RECONSUMETIMES                 | 4          |                           |
 * | PREPARED_TRANSACTION_OFFSET    | 8          |                           |
 * | BODYLEN, BODY                  | 4 + n      |                           |
 * | TOPICLEN, TOPIC                | 1 + n (v1, signed), 2 + n (v2) |       |
 * | PROPLEN, PROPERTIES            | 2 + n      |                           |
 */

import { crc31, crc31Range } from '../crc.js';
import { ProtocolError } from '../errors.js';
import type { HostAddress } from '../host.js';
import { getInt64, setInt64, viewOf } from '../int64.js';
import { MAX_PROPERTIES_BYTES } from '../limits.js';
import { MessageSysFlag } from '../sys-flag.js';

export const MESSAGE_MAGIC_CODE_V1 = 0xdaa320a7 | 0;
export const MESSAGE_MAGIC_CODE_V2 = 0xdaa320ab | 0;

export const TOTAL_SIZE_POS = 0;
export const MAGIC_CODE_POS = 4;
export const BODY_CRC_POS = 8;
export const QUEUE_ID_POS = 12;
export const FLAG_POS = 16;
export const QUEUE_OFFSET_POS = 20;
export const PHYSICAL_OFFSET_POS = 28;
export const SYS_FLAG_POS = 36;
export const BORN_TIMESTAMP_POS = 40;
export const BORN_HOST_POS = 48;
/** Bytes of a v1 record with IPv4 hosts without topic, body and properties. */
export const RECORD_OVERHEAD_BYTES = 91;

/** A record's fields; `body` is a view into the buffer it was decoded from. */
export interface MessageRecord {
  totalSize: number;
  magicVersion: 1 | 2;
  bodyCrc: number;
  queueId: number;
  flag: number;
  queueOffset: number;
  commitLogOffset: number;
  sysFlag: number;
  bornTimestamp: number;
  bornHost: HostAddress;
  storeTimestamp: number;
  storeHost: HostAddress;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  body: Buffer;
  topic: string;
  properties: string;
}

/** What `encodeRecord` needs; size and CRC are computed, the IPv6 bits of sysFlag are set from the hosts. */
export type RecordFields = Omit<MessageRecord, 'totalSize' | 'bodyCrc'> & { bodyCrc?: number };

function hostLength(sysFlag: number, bit: number): number {
  return (sysFlag & bit) !== 0 ? 20 : 8;
}

/** Position of STORETIMESTAMP in a record with this sysFlag. */
export function storeTimestampPos(sysFlag: number): number {
  return BORN_HOST_POS + hostLength(sysFlag, MessageSysFlag.BORNHOST_V6);
}

/** Position of RECONSUMETIMES. */
export function reconsumeTimesPos(sysFlag: number): number {
  return storeTimestampPos(sysFlag) + 8 + hostLength(sysFlag, MessageSysFlag.STOREHOST_V6);
}

/** Position of BODYLEN. */
export function bodyLengthPos(sysFlag: number): number {
  return reconsumeTimesPos(sysFlag) + 12;
}

/** The sysFlag with the IPv6 bits these hosts need. */
export function sysFlagForHosts(sysFlag: number, bornHost: HostAddress, storeHost: HostAddress): number {
  const bits =
    (bornHost.ip.length === 16 ? MessageSysFlag.BORNHOST_V6 : 0) | (storeHost.ip.length === 16 ? MessageSysFlag.STOREHOST_V6 : 0);
  return (sysFlag & ~(MessageSysFlag.BORNHOST_V6 | MessageSysFlag.STOREHOST_V6)) | bits;
}

/** Version 2 (a two-byte topic length) is for topics of more than 127 characters. */
export function recordVersionFor(topic: string): 1 | 2 {
  return topic.length > 127 ? 2 : 1;
}

/** Length of a record with these parts; `sysFlag` must already carry the IPv6 bits. */
export function recordLength(parts: {
  topicBytes: number;
  bodyBytes: number;
  propertiesBytes: number;
  sysFlag: number;
  version: 1 | 2;
}): number {
  return bodyLengthPos(parts.sysFlag) + 4 + parts.bodyBytes + parts.version + parts.topicBytes + 2 + parts.propertiesBytes;
}

function putHost(target: Buffer, view: DataView, position: number, host: HostAddress): number {
  const ip = host.ip;
  for (let i = 0; i < ip.length; i++) {
    target[position + i] = ip[i]!;
  }
  view.setInt32(position + ip.length, host.port);
  return position + ip.length + 4;
}

/**
 * Writes a record at `position` and returns its end. The caller has made room (`recordLength`); body and properties are
 * within the limits.
 */
export function encodeRecord(target: Buffer, position: number, fields: RecordFields): number {
  const view = viewOf(target);
  const body = fields.body;
  const bodyBytes = body.length;
  const sysFlag = sysFlagForHosts(fields.sysFlag, fields.bornHost, fields.storeHost);
  view.setInt32(position + MAGIC_CODE_POS, fields.magicVersion === 1 ? MESSAGE_MAGIC_CODE_V1 : MESSAGE_MAGIC_CODE_V2);
  view.setInt32(position + BODY_CRC_POS, fields.bodyCrc ?? (bodyBytes === 0 ? 0 : crc31Range(body, 0, bodyBytes)));
  view.setInt32(position + QUEUE_ID_POS, fields.queueId);
  view.setInt32(position + FLAG_POS, fields.flag);
  setInt64(view, position + QUEUE_OFFSET_POS, fields.queueOffset);
  setInt64(view, position + PHYSICAL_OFFSET_POS, fields.commitLogOffset);
  view.setInt32(position + SYS_FLAG_POS, sysFlag);
  setInt64(view, position + BORN_TIMESTAMP_POS, fields.bornTimestamp);
  let at = putHost(target, view, position + BORN_HOST_POS, fields.bornHost);
  setInt64(view, at, fields.storeTimestamp);
  at = putHost(target, view, at + 8, fields.storeHost);
  view.setInt32(at, fields.reconsumeTimes);
  setInt64(view, at + 4, fields.preparedTransactionOffset);
  view.setInt32(at + 12, bodyBytes);
  at += 16;
  target.set(body, at);
  at += bodyBytes;
  const topicBytes = target.utf8Write(fields.topic, at + fields.magicVersion);
  if (fields.magicVersion === 1) {
    target[at] = topicBytes;
  } else {
    view.setInt16(at, topicBytes);
  }
  at += fields.magicVersion + topicBytes;
  const propertiesBytes = target.utf8Write(fields.properties, at + 2);
  if (propertiesBytes > MAX_PROPERTIES_BYTES || (fields.magicVersion === 1 && topicBytes > 127)) {
    throw new ProtocolError(`a record cannot hold ${propertiesBytes} bytes of properties and a topic of ${topicBytes} bytes`, {
      code: 'RECORD_MALFORMED',
    });
  }
  view.setInt16(at, propertiesBytes);
  at += 2 + propertiesBytes;
  view.setInt32(position + TOTAL_SIZE_POS, at - position);
  return at;
}

/** A whole record in a buffer of its own. */
export function encodeRecordBuffer(fields: RecordFields): Buffer {
  const buffer = Buffer.allocUnsafe(
    recordLength({
      topicBytes: Buffer.byteLength(fields.topic),
      bodyBytes: fields.body.length,
      propertiesBytes: Buffer.byteLength(fields.properties),
      sysFlag: sysFlagForHosts(fields.sysFlag, fields.bornHost, fields.storeHost),
      version: fields.magicVersion,
    }),
  );
  encodeRecord(buffer, 0, fields);
  return buffer;
}

function malformed(position: number, what: string): ProtocolError {
  return new ProtocolError(`malformed message record at byte ${position}: ${what}`, { code: 'RECORD_MALFORMED', context: { position } });
}

function getOffset(view: DataView, at: number, position: number, name: string): number {
  const value = getInt64(view, at);
  if (!Number.isSafeInteger(value)) {
    throw malformed(position, `${name} is beyond 2^53`);
  }
  return value;
}

/** Options of decoding; `checkCrc` compares the body with BODYCRC (a CRC of 0 is not checked, as in Java). */
export interface DecodeRecordOptions {
  checkCrc?: boolean;
}

/**
 * Decodes the record at `position`.
 * @throws ProtocolError when magic, sizes or (with `checkCrc`) the CRC do not fit.
 */
export function decodeRecord(buffer: Buffer, position: number, options?: DecodeRecordOptions): MessageRecord {
  const room = buffer.length - position;
  if (room < RECORD_OVERHEAD_BYTES) {
    throw malformed(position, `${room} bytes left, a record has at least ${RECORD_OVERHEAD_BYTES}`);
  }
  const view = viewOf(buffer);
  const totalSize = view.getInt32(position);
  const magic = view.getInt32(position + MAGIC_CODE_POS);
  if (!isMagicCode(magic)) {
    throw malformed(position, `magic code is ${(magic >>> 0).toString(16)}`);
  }
  if (totalSize < RECORD_OVERHEAD_BYTES || totalSize > room) {
    throw malformed(position, `total size is ${totalSize}, ${room} bytes are left`);
  }
  const end = position + totalSize;
  const magicVersion = magic === MESSAGE_MAGIC_CODE_V1 ? 1 : 2;
  const sysFlag = view.getInt32(position + SYS_FLAG_POS);
  const bornHostEnd = position + storeTimestampPos(sysFlag);
  const storeHostEnd = position + reconsumeTimesPos(sysFlag);
  const bodyStart = storeHostEnd + 16;
  const bodyBytes = bodyStart <= end ? view.getInt32(storeHostEnd + 12) : -1;
  const topicLengthAt = bodyStart + bodyBytes;
  if (bodyBytes < 0 || topicLengthAt + magicVersion + 2 > end) {
    throw malformed(position, `body length is ${bodyBytes} in a record of ${totalSize}`);
  }
  const topicBytes = magicVersion === 1 ? view.getInt8(topicLengthAt) : view.getInt16(topicLengthAt);
  const topicAt = topicLengthAt + magicVersion;
  const propertiesAt = topicAt + topicBytes + 2;
  if (topicBytes < 0 || propertiesAt > end) {
    throw malformed(position, `topic length is ${topicBytes}`);
  }
  const propertiesBytes = view.getInt16(propertiesAt - 2);
  if (propertiesBytes < 0 || propertiesAt + propertiesBytes > end) {
    throw malformed(position, `properties length is ${propertiesBytes}`);
  }
  const body = buffer.subarray(bodyStart, topicLengthAt);
  const bodyCrc = view.getInt32(position + BODY_CRC_POS);
  if (options?.checkCrc === true && bodyCrc !== 0 && crc31(body) !== bodyCrc) {
    throw malformed(position, `body CRC is ${crc31(body)}, the record says ${bodyCrc}`);
  }
  return {
    totalSize,
    magicVersion,
    bodyCrc,
    queueId: view.getInt32(position + QUEUE_ID_POS),
    flag: view.getInt32(position + FLAG_POS),
    queueOffset: getOffset(view, position + QUEUE_OFFSET_POS, position, 'queueOffset'),
    commitLogOffset: getOffset(view, position + PHYSICAL_OFFSET_POS, position, 'commitLogOffset'),
    sysFlag,
    // A client fills it freely and nobody computes with it: beyond 2^53 the nearest double will do.
    bornTimestamp: getInt64(view, position + BORN_TIMESTAMP_POS),
    bornHost: { ip: buffer.subarray(position + BORN_HOST_POS, bornHostEnd - 4), port: view.getInt32(bornHostEnd - 4) },
    storeTimestamp: getOffset(view, bornHostEnd, position, 'storeTimestamp'),
    storeHost: { ip: buffer.subarray(bornHostEnd + 8, storeHostEnd - 4), port: view.getInt32(storeHostEnd - 4) },
    reconsumeTimes: view.getInt32(storeHostEnd),
    preparedTransactionOffset: getOffset(view, storeHostEnd + 4, position, 'preparedTransactionOffset'),
    body,
    topic: buffer.utf8Slice(topicAt, topicAt + topicBytes),
    properties: buffer.utf8Slice(propertiesAt, propertiesAt + propertiesBytes),
  };
}

/**
 * Where to go on behind a record of a page that cannot be read: at the next one where its size leads to one, or to the end of the page; else at
 * the end of the page, because nothing says where the next one begins.
 */
export function behindUnreadable(body: Buffer, position: number): number {
  const room = body.length - position;
  const size = room >= RECORD_OVERHEAD_BYTES ? viewOf(body).getInt32(position) : room;
  if (size < RECORD_OVERHEAD_BYTES || size > room) {
    return body.length;
  }
  const next = position + size;
  return next + MAGIC_CODE_POS + 4 <= body.length && isMagicCode(viewOf(body).getInt32(next + MAGIC_CODE_POS)) ? next : body.length;
}

/** Whether a record may begin with it. */
export function isMagicCode(magic: number): boolean {
  return magic === MESSAGE_MAGIC_CODE_V1 || magic === MESSAGE_MAGIC_CODE_V2;
}

/** Decodes records that lie back to back, as in the body of a pull response. */
export function decodeRecords(body: Buffer, options?: DecodeRecordOptions): MessageRecord[] {
  const records: MessageRecord[] = [];
  let position = 0;
  while (position < body.length) {
    const record = decodeRecord(body, position, options);
    records.push(record);
    position += record.totalSize;
  }
  return records;
}
