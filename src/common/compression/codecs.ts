/*
 * LZ4 and ZSTD come from packages that are loaded when the first body asks for them: most clients never see one.
 */
import { createRequire } from 'node:module';
import { ProtocolError } from '../errors.js';
import { lz4FrameSize } from './lz4-frame.js';

interface Lz4 {
  compressFrameSync(data: Uint8Array): Buffer;
  decompressFrameSync(data: Uint8Array): Buffer;
}

interface ZstdWriter {
  init(): Promise<void>;
  compress(data: Uint8Array, level: number): Uint8Array;
}

interface ZstdReader {
  Decompress: new (onData: (chunk: Uint8Array) => void) => { push(chunk: Uint8Array, isLast: boolean): void };
}

const require = createRequire(import.meta.url);
let lz4: Lz4 | null = null;
let zstdWriter: ZstdWriter | null = null;
let zstdReader: ZstdReader | null = null;

/** A body that would become too large; its message is that of a body that cannot be inflated. */
class TooLargeError extends Error {}

function lz4Codec(): Lz4 {
  try {
    lz4 ??= require('lz4-napi') as Lz4;
    return lz4;
  } catch (cause) {
    throw new ProtocolError('the LZ4 codec (package lz4-napi) has no build for this platform', { code: 'COMPRESSION_UNSUPPORTED', cause });
  }
}

export function lz4Compress(body: Uint8Array): Buffer {
  return lz4Codec().compressFrameSync(body);
}

export function lz4Decompress(frame: Buffer, maxBytes: number): Buffer {
  const bytes = lz4FrameSize(frame, maxBytes);
  if (bytes < 0) {
    throw new Error('not an LZ4 frame, or a broken one');
  }
  if (bytes > maxBytes) {
    throw new TooLargeError(`more than ${maxBytes} bytes`);
  }
  return lz4Codec().decompressFrameSync(frame);
}

/** Makes ready what `zstdCompress` needs, which cannot wait for it. */
export async function loadZstdWriter(): Promise<void> {
  if (zstdWriter === null) {
    const loaded = require('@bokuweb/zstd-wasm') as ZstdWriter;
    await loaded.init();
    zstdWriter = loaded;
  }
}

export function zstdCompress(body: Uint8Array, level: number): Buffer {
  if (zstdWriter === null) {
    throw new ProtocolError('the ZSTD codec is not loaded: loadCompression comes first', { code: 'COMPRESSION_UNSUPPORTED' });
  }
  const bytes = zstdWriter.compress(body, level);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const ZSTD_MAGIC = 0xfd2fb528;
/** Bytes given to the reader at once: a block that inflates to much more than the limit must not be read to its end. */
const ZSTD_STEP_BYTES = 16 * 1024;

/**
 * Window that a frame asks a reader to keep, or the content it announces; both are allocated before a byte of it is read.
 * | magic 4 | descriptor 1: content size field (2 bits), single segment, …, dictionary (2 bits) | window 1 | dictionary id | content size |
 */
function zstdAnnounced(frame: Buffer): number {
  if (frame.length < 9 || frame.readUInt32LE(0) !== ZSTD_MAGIC) {
    throw new Error('not a ZSTD frame');
  }
  const descriptor = frame[4]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  let window = 0;
  if (!isSingleSegment) {
    const base = 2 ** (10 + (frame[5]! >> 3));
    window = base + (base / 8) * (frame[5]! & 7);
  }
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  if (at + sizeBytes > frame.length) {
    throw new Error('a broken ZSTD frame');
  }
  const content = sizeBytes === 0 ? 0 : sizeBytes === 8 ? Number(frame.readBigUInt64LE(at)) : frame.readUIntLE(at, sizeBytes);
  return Math.max(window, sizeBytes === 2 ? content + 256 : content);
}

export function zstdDecompress(frame: Buffer, maxBytes: number, maxWindowBytes: number): Buffer {
  if (zstdAnnounced(frame) > Math.max(maxBytes, maxWindowBytes)) {
    throw new TooLargeError(`more than ${maxBytes} bytes`);
  }
  zstdReader ??= require('fzstd') as ZstdReader;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = new zstdReader.Decompress((chunk) => {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new TooLargeError(`more than ${maxBytes} bytes`);
    }
    // The reader goes on in the same memory.
    chunks.push(Uint8Array.from(chunk));
  });
  for (let at = 0; at < frame.length; at += ZSTD_STEP_BYTES) {
    reader.push(frame.subarray(at, at + ZSTD_STEP_BYTES), at + ZSTD_STEP_BYTES >= frame.length);
  }
  return Buffer.concat(chunks, bytes);
}
