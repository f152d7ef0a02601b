/*
 * The CRC of a whole record (`enabledAppendPropCRC`, `forceVerifyPropCRC`), kept as its last property:
 *
 * | __CRC32# 0x01 | CRC-32 & 0x7FFFFFFF of the record up to here, ten decimal digits, the least significant first | 0x02 |
 *
 * It is taken once queue offset, commit log offset and store time are final.
 */
import { crc31Range } from '../../src/common/crc.js';
import { ProtocolError } from '../../src/common/errors.js';
import { viewOf } from '../../src/common/int64.js';
import { MAX_PROPERTIES_BYTES } from '../../src/common/limits.js';
import { bodyLengthPos, MAGIC_CODE_POS, MESSAGE_MAGIC_CODE_V1, SYS_FLAG_POS, TOTAL_SIZE_POS } from '../../src/common/message/record.js';

const HEAD = Buffer.from('__CRC32#\u0001', 'latin1');
const DIGITS = 10;
const SEPARATOR = 2;
const ZERO = 48;

/** Bytes of the property. */
export const CRC_PROPERTY_BYTES = HEAD.length + DIGITS + 1;
/** Bytes that a record grows by at most: a missing 0x02 is added in front. */
export const CRC_ADDED_BYTES = CRC_PROPERTY_BYTES + 1;

/**
 * Adds the property to the record that was just encoded at [start, end) and returns the new end; the buffer has room for it.
 * @throws ProtocolError when the properties become too long.
 */
export function addPropertyCrc(buffer: Buffer, start: number, end: number): number {
  const view = viewOf(buffer);
  const version = view.getInt32(start + MAGIC_CODE_POS) === MESSAGE_MAGIC_CODE_V1 ? 1 : 2;
  const bodyLengthAt = start + bodyLengthPos(view.getInt32(start + SYS_FLAG_POS));
  const topicAt = bodyLengthAt + 4 + view.getInt32(bodyLengthAt);
  const topicBytes = version === 1 ? view.getInt8(topicAt) : view.getInt16(topicAt);
  const lengthAt = topicAt + version + topicBytes;
  let at = end;
  if (at > lengthAt + 2 && buffer[at - 1] !== SEPARATOR) {
    buffer[at++] = SEPARATOR;
  }
  at += CRC_PROPERTY_BYTES;
  const propertiesBytes = at - lengthAt - 2;
  if (propertiesBytes > MAX_PROPERTIES_BYTES) {
    throw new ProtocolError(`a record cannot hold ${propertiesBytes} bytes of properties`, { code: 'PROPERTIES_SIZE_EXCEEDED' });
  }
  view.setInt16(lengthAt, propertiesBytes);
  view.setInt32(start + TOTAL_SIZE_POS, at - start);
  writePropertyCrc(buffer, start, at);
  return at;
}

/** Fills the property at the end of the record [start, end), whose length already counts it. */
export function writePropertyCrc(buffer: Buffer, start: number, end: number): void {
  const at = end - CRC_PROPERTY_BYTES;
  buffer.set(HEAD, at);
  let value = crc31Range(buffer, start, at);
  for (let i = 0; i < DIGITS; i++) {
    buffer[at + HEAD.length + i] = ZERO + (value % 10);
    value = Math.floor(value / 10);
  }
  buffer[end - 1] = SEPARATOR;
}

/** Whether the record [start, end) has the property at its end. */
export function hasPropertyCrc(buffer: Buffer, end: number): boolean {
  const at = end - CRC_PROPERTY_BYTES;
  return buffer.compare(HEAD, 0, HEAD.length, at, at + HEAD.length) === 0;
}

/** Whether the property at the end of the record [start, end) fits the bytes before it. */
export function isPropertyCrcIntact(buffer: Buffer, start: number, end: number): boolean {
  const at = end - CRC_PROPERTY_BYTES;
  let expected = 0;
  for (let i = DIGITS - 1; i >= 0; i--) {
    expected = expected * 10 + (buffer[at + HEAD.length + i]! - ZERO);
  }
  return crc31Range(buffer, start, at) === expected;
}
