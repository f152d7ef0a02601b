import { deflateSync, inflateSync } from 'node:zlib';
import { loadZstdWriter, lz4Compress, lz4Decompress, zstdCompress, zstdDecompress } from './compression/codecs.js';
import { ProtocolError, UsageError } from './errors.js';
import { MAX_INFLATED_BODY_BYTES } from './limits.js';
import { compressionBits, MessageSysFlag } from './sys-flag.js';

/** Compression types of message bodies; the ids are those of the sysFlag bits shifted right by 8. */
export const CompressionType = { LZ4: 1, ZSTD: 2, ZLIB: 3 } as const;
export type CompressionTypeName = keyof typeof CompressionType;

/** The type of a name in any case, as options and tools give it. Throws UsageError for any other. */
export function parseCompressionType(text: string): CompressionTypeName {
  const name = text.trim().toUpperCase();
  if (!Object.hasOwn(CompressionType, name)) {
    throw new UsageError(`${text} is not a compression type`, { hint: `one of ${Object.keys(CompressionType).join(', ')}` });
  }
  return name as CompressionTypeName;
}

/** sysFlag bits of a body compressed with the type, bit 0x1 included. */
export function compressionSysFlag(type: CompressionTypeName): number {
  return MessageSysFlag.COMPRESSED | (CompressionType[type] << 8);
}

/** Type that a sysFlag with bit 0x1 names; no type bits mean ZLIB (old clients). */
export function compressionTypeOf(sysFlag: number): CompressionTypeName | null {
  switch (compressionBits(sysFlag)) {
    case 0:
    case MessageSysFlag.COMPRESSION_ZLIB:
      return 'ZLIB';
    case MessageSysFlag.COMPRESSION_LZ4:
      return 'LZ4';
    case MessageSysFlag.COMPRESSION_ZSTD:
      return 'ZSTD';
    default:
      return null;
  }
}

/** Loads what compressing with the type needs; without it `compressBody` throws for ZSTD. Nothing is needed to inflate. */
export async function loadCompression(type: CompressionTypeName): Promise<void> {
  if (type === 'ZSTD') {
    await loadZstdWriter();
  }
}

/** Compresses a message body; level 5 is what Java clients use. LZ4 has no levels. */
export function compressBody(body: Uint8Array, type: CompressionTypeName = 'ZLIB', level = 5): Buffer {
  switch (type) {
    case 'LZ4':
      return lz4Compress(body);
    case 'ZSTD':
      return zstdCompress(body, level);
    default:
      return deflateSync(body, { level });
  }
}

/**
 * Inflates a body by the bits of its sysFlag; a body without bit 0x1 is returned as it is.
 * @throws ProtocolError when the bytes are broken, become larger than `maxBytes`, or nobody knows the type.
 */
export function decompressBody(body: Buffer, sysFlag: number, maxBytes: number = MAX_INFLATED_BODY_BYTES): Buffer {
  if ((sysFlag & MessageSysFlag.COMPRESSED) === 0) {
    return body;
  }
  const type = compressionTypeOf(sysFlag);
  switch (type) {
    case 'ZLIB':
      return inflateBytes(body, maxBytes);
    case 'LZ4':
      return inflate(body, maxBytes, () => lz4Decompress(body, maxBytes));
    case 'ZSTD':
      // A reader keeps one window beside the content; 8 MiB is what readers of ZSTD must support.
      return inflate(body, maxBytes, () => zstdDecompress(body, maxBytes, MAX_ZSTD_WINDOW_BYTES));
    default:
      throw new ProtocolError(
        `compression type ${compressionBits(sysFlag) >> 8} (sysFlag ${sysFlag}) is none of 0 and 3 ZLIB, 1 LZ4, 2 ZSTD`,
        {
          code: 'COMPRESSION_UNSUPPORTED',
          hint: 'the body can be read with a client that knows the type',
        },
      );
  }
}

const MAX_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024;

/** Inflates a zlib stream up to a size. */
export function inflateBytes(bytes: Uint8Array, maxBytes: number = MAX_INFLATED_BODY_BYTES): Buffer {
  return inflate(bytes, maxBytes, () => inflateSync(bytes, { maxOutputLength: maxBytes }));
}

function inflate(bytes: Uint8Array, maxBytes: number, run: () => Buffer): Buffer {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof ProtocolError) {
      throw cause;
    }
    throw new ProtocolError(`a body of ${bytes.length} bytes cannot be inflated to at most ${maxBytes} bytes`, {
      code: 'BODY_MALFORMED',
      cause,
    });
  }
}
