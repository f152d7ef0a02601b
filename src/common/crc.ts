import { crc32 as zlibCrc32 } from 'node:zlib';
import { viewOf } from './int64.js';

/** Below this many bytes a loop over tables is faster than a call of zlib, which needs a view of the range first. */
const SHORT_BYTES = 320;

/** Sixteen tables of CRC-32 (reflected polynomial 0xEDB88320): table k at 256 × k is that of a byte with k bytes behind it. */
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) {
      value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0xedb88320;
    }
    tables[byte] = value;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!;
    tables[i] = (before >>> 8) ^ tables[before & 255]!;
  }
  return tables;
}

/** CRC-32 (zlib) with the sign bit cleared, as every CRC of the protocol and the store. */
export function crc31(bytes: Uint8Array): number {
  return zlibCrc32(bytes) & 0x7fffffff;
}

/** `crc31` of [start, end) of a buffer. */
export function crc31Range(buffer: Uint8Array, start: number, end: number): number {
  if (end - start > SHORT_BYTES) {
    return zlibCrc32(buffer.subarray(start, end)) & 0x7fffffff;
  }
  const tables = TABLES;
  const view = viewOf(buffer);
  let value = -1;
  let at = start;
  for (const blocksEnd = end - 15; at < blocksEnd; at += 16) {
    const a = value ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    value =
      tables[3840 + (a & 255)]! ^
      tables[3584 + ((a >>> 8) & 255)]! ^
      tables[3328 + ((a >>> 16) & 255)]! ^
      tables[3072 + (a >>> 24)]! ^
      tables[2816 + (b & 255)]! ^
      tables[2560 + ((b >>> 8) & 255)]! ^
      tables[2304 + ((b >>> 16) & 255)]! ^
      tables[2048 + (b >>> 24)]! ^
      tables[1792 + (c & 255)]! ^
      tables[1536 + ((c >>> 8) & 255)]! ^
      tables[1280 + ((c >>> 16) & 255)]! ^
      tables[1024 + (c >>> 24)]! ^
      tables[768 + (d & 255)]! ^
      tables[512 + ((d >>> 8) & 255)]! ^
      tables[256 + ((d >>> 16) & 255)]! ^
      tables[d >>> 24]!;
  }
  for (; at < end; at++) {
    value = (value >>> 8) ^ tables[(value ^ buffer[at]!) & 255]!;
  }
  return ~value & 0x7fffffff;
}
