/**
 * The stamp in front of a benchmark message's body, from which a consumer measures end to end and finds what was lost, came twice or in
 * another order.
 *
 * | bytes | field | |
 * | --- | --- | --- |
 * | 0-3 | magic | `mqb1`: the time alone; `mqb2`: everything |
 * | 4-11 | sendTimeUs | IEEE double, big endian: wall clock, us since 1970 |
 * | 12-15 | runId | of the run that sent it |
 * | 16-17 | producer | which of the run's producers |
 * | 18-19 | lane | 0, or the ordered key whose messages keep their order |
 * | 20-27 | sequence | int64 below 2^53: counts the messages of the lane from 0 |
 */
/** Bytes of a stamp that carries the time alone. */
const TIME_STAMP_BYTES = 12;
/** Bytes of a stamp with a sequence number; in a smaller body there is none. */
export const SEQUENCE_STAMP_BYTES = 28;
const MAGIC_TIME = 0x6d716231;
const MAGIC_SEQUENCE = 0x6d716232;
const TIME_AT = 4;
const RUN_AT = 12;
const PRODUCER_AT = 16;
const SEQUENCE_AT = 20;

/** Whose message it is, and which one. */
export interface SequenceStamp {
  runId: number;
  producer: number;
  lane: number;
  sequence: number;
}

/** Wall clock in microseconds; steady within a process. */
export function wallClockUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

/** Writes the time when the body has room for it. */
export function writeStamp(body: Buffer, sendTimeUs: number): void {
  if (body.length >= TIME_STAMP_BYTES) {
    writeUint32(body, 0, MAGIC_TIME);
    writeDouble(body, TIME_AT, sendTimeUs);
  }
}

/** Writes the whole stamp; the body must have room for it. */
export function writeSequenceStamp(body: Buffer, sendTimeUs: number, stamp: SequenceStamp): void {
  const { sequence } = stamp;
  writeUint32(body, 0, MAGIC_SEQUENCE);
  writeDouble(body, TIME_AT, sendTimeUs);
  writeUint32(body, RUN_AT, stamp.runId);
  writeUint32(body, PRODUCER_AT, (stamp.producer << 16) | stamp.lane);
  writeUint32(body, SEQUENCE_AT, Math.floor(sequence / TWO_32));
  writeUint32(body, SEQUENCE_AT + 4, sequence);
}

/** Microseconds since 1970 of the send, or undefined when the body carries no stamp. */
export function readStamp(body: Buffer): number | undefined {
  if (body.length < TIME_STAMP_BYTES) {
    return undefined;
  }
  const magic = readUint32(body, 0);
  return magic === MAGIC_TIME || magic === MAGIC_SEQUENCE ? readDouble(body, TIME_AT) : undefined;
}

/** Reads the sequence number and whose it is into `stamp`; false when the body carries none. */
export function readSequenceStamp(body: Buffer, stamp: SequenceStamp): boolean {
  if (body.length < SEQUENCE_STAMP_BYTES || readUint32(body, 0) !== MAGIC_SEQUENCE) {
    return false;
  }
  const sequence = readUint32(body, SEQUENCE_AT) * TWO_32 + readUint32(body, SEQUENCE_AT + 4);
  if (sequence > Number.MAX_SAFE_INTEGER) {
    return false;
  }
  stamp.runId = readUint32(body, RUN_AT);
  stamp.producer = readUint32(body, PRODUCER_AT) >>> 16;
  stamp.lane = readUint32(body, PRODUCER_AT) & 0xffff;
  stamp.sequence = sequence;
  return true;
}

/*
 * Byte by byte: a body is another buffer for each message, and a DataView of its own would take longer than all of this.
 */

const TWO_32 = 4294967296;
const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);
/** Where a double's upper half is in memory. */
const UPPER = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

function writeUint32(target: Buffer, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

function readUint32(source: Buffer, at: number): number {
  return ((source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!) >>> 0;
}

function writeDouble(target: Buffer, at: number, value: number): void {
  double[0] = value;
  writeUint32(target, at, doubleWords[UPPER]!);
  writeUint32(target, at + 4, doubleWords[1 - UPPER]!);
}

function readDouble(source: Buffer, at: number): number {
  doubleWords[UPPER] = readUint32(source, at);
  doubleWords[1 - UPPER] = readUint32(source, at + 4);
  return double[0]!;
}
