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
import { getInt64, setInt64, viewOf } from '../common/int64.js';

/** Bytes of a stamp that carries the time alone. */
const TIME_STAMP_BYTES = 12;
/** Bytes of a stamp with a sequence number; in a smaller body there is none. */
export const SEQUENCE_STAMP_BYTES = 28;
const MAGIC_TIME = 0x6d716231;
const MAGIC_SEQUENCE = 0x6d716232;
const TIME_AT = 4;
const RUN_AT = 12;
const PRODUCER_AT = 16;
const LANE_AT = 18;
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
    const view = viewOf(body);
    view.setInt32(0, MAGIC_TIME);
    view.setFloat64(TIME_AT, sendTimeUs);
  }
}

/** Writes the whole stamp; the body must have room for it. */
export function writeSequenceStamp(body: Buffer, sendTimeUs: number, stamp: SequenceStamp): void {
  const view = viewOf(body);
  view.setInt32(0, MAGIC_SEQUENCE);
  view.setFloat64(TIME_AT, sendTimeUs);
  view.setUint32(RUN_AT, stamp.runId);
  view.setUint16(PRODUCER_AT, stamp.producer);
  view.setUint16(LANE_AT, stamp.lane);
  setInt64(view, SEQUENCE_AT, stamp.sequence);
}

/** Microseconds since 1970 of the send, or undefined when the body carries no stamp. */
export function readStamp(body: Buffer): number | undefined {
  if (body.length < TIME_STAMP_BYTES) {
    return undefined;
  }
  const view = viewOf(body);
  const magic = view.getInt32(0);
  return magic === MAGIC_TIME || magic === MAGIC_SEQUENCE ? view.getFloat64(TIME_AT) : undefined;
}

/** Reads the sequence number and whose it is into `stamp`; false when the body carries none. */
export function readSequenceStamp(body: Buffer, stamp: SequenceStamp): boolean {
  if (body.length < SEQUENCE_STAMP_BYTES) {
    return false;
  }
  const view = viewOf(body);
  const sequence = getInt64(view, SEQUENCE_AT);
  if (view.getInt32(0) !== MAGIC_SEQUENCE || !(sequence >= 0 && sequence <= Number.MAX_SAFE_INTEGER)) {
    return false;
  }
  stamp.runId = view.getUint32(RUN_AT);
  stamp.producer = view.getUint16(PRODUCER_AT);
  stamp.lane = view.getUint16(LANE_AT);
  stamp.sequence = sequence;
  return true;
}
