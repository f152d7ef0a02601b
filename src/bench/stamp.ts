/**
 * The stamp in front of a benchmark message's body, from which a consumer measures end to end.
 *
 * | bytes | field | |
 * | --- | --- | --- |
 * | 0-3 | magic | `mqb1` |
 * | 4-11 | sendTimeUs | IEEE double, big endian: wall clock, us since 1970 |
 */
export const STAMP_BYTES = 12;
const MAGIC = 0x6d716231;

/** Wall clock in microseconds; steady within a process. */
export function wallClockUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

/** Writes the stamp when the body has room for it. */
export function writeStamp(body: Buffer, sendTimeUs: number): void {
  if (body.length >= STAMP_BYTES) {
    body.writeUInt32BE(MAGIC, 0);
    body.writeDoubleBE(sendTimeUs, 4);
  }
}

/** Microseconds since 1970 of the send, or undefined when the body carries no stamp. */
export function readStamp(body: Buffer): number | undefined {
  return body.length >= STAMP_BYTES && body.readUInt32BE(0) === MAGIC ? body.readDoubleBE(4) : undefined;
}
