/*
 * How large the body in an LZ4 frame is, found without inflating it, so that a small body cannot become all our memory.
 *
 * | magic 0x184D2204 | FLG 1 | BD 1 | content size 8 if FLG bit 3 | dictionary id 4 if FLG bit 0 | header checksum 1 |
 * | block size 4, bit 31: stored as it is | block | block checksum 4 if FLG bit 4 | …
 * | 0: end 4 | content checksum 4 if FLG bit 2 |
 *
 * A block is a row of sequences: token (literals << 4 | match − 4; 15 goes on in bytes of 255) | literals | offset 2 | match.
 * Numbers are little-endian.
 */
const MAGIC = 0x184d2204;
const STORED = 0x80000000;
const MIN_MATCH = 4;

/** Bytes of the inflated frame; Infinity as soon as they are more than `maxBytes`; −1 when it is not a frame. */
export function lz4FrameSize(frame: Buffer, maxBytes: number): number {
  if (frame.length < 11 || frame.readUInt32LE(0) !== MAGIC) {
    return -1;
  }
  const flags = frame[4]!;
  const blockChecksumBytes = (flags & 0x10) !== 0 ? 4 : 0;
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  let total = 0;
  for (;;) {
    if (at + 4 > frame.length) {
      return -1;
    }
    const size = frame.readUInt32LE(at);
    at += 4;
    if (size === 0) {
      return total;
    }
    const bytes = size >= STORED ? size - STORED : size;
    if (at + bytes > frame.length) {
      return -1;
    }
    const inflated = size >= STORED ? bytes : blockSize(frame, at, at + bytes, maxBytes - total);
    if (inflated < 0) {
      return -1;
    }
    total += inflated;
    if (total > maxBytes) {
      return Number.POSITIVE_INFINITY;
    }
    at += bytes + blockChecksumBytes;
  }
}

function blockSize(block: Buffer, start: number, end: number, maxBytes: number): number {
  let total = 0;
  let at = start;
  while (at < end && total <= maxBytes) {
    const token = block[at++]!;
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255 && at < end) {
        more = block[at++]!;
        literals += more;
      }
    }
    at += literals;
    total += literals;
    if (at >= end) {
      return at === end ? total : -1;
    }
    at += 2;
    let match = token & 15;
    if (match === 15) {
      let more = 255;
      while (more === 255 && at < end) {
        more = block[at++]!;
        match += more;
      }
    }
    total += match + MIN_MATCH;
  }
  return total > maxBytes ? total : at === end ? total : -1;
}
