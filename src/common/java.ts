import { crc32 as zlibCrc32 } from 'node:zlib';

/** `String.hashCode` of Java: int32, over UTF-16 units. */
export function stringHashCode(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) {
    hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  }
  return hash;
}

/** CRC-32 (zlib) with the sign bit cleared, as every CRC of the protocol and the store. */
export function crc31(bytes: Uint8Array): number {
  return zlibCrc32(bytes) & 0x7fffffff;
}
