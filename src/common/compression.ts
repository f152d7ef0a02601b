import { deflateSync, inflateSync } from 'node:zlib';
import { ProtocolError } from './errors.js';
import { MAX_INFLATED_BODY_BYTES } from './limits.js';
import { compressionBits, MessageSysFlag } from './sys-flag.js';

/** Compression types of message bodies; the ids are those of the sysFlag bits shifted right by 8. */
export const CompressionType = { LZ4: 1, ZSTD: 2, ZLIB: 3 } as const;
export type CompressionTypeName = keyof typeof CompressionType;

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

function unsupported(type: string | null): ProtocolError {
  return new ProtocolError(`compression type ${type ?? 'unknown'} has no codec here; ZLIB has`, { code: 'COMPRESSION_UNSUPPORTED' });
}

/** Compresses a message body; level 5 is what Java clients use. */
export function compressBody(body: Uint8Array, type: CompressionTypeName = 'ZLIB', level = 5): Buffer {
  if (type !== 'ZLIB') {
    throw unsupported(type);
  }
  return deflateSync(body, { level });
}

/**
 * Inflates a body by the bits of its sysFlag; a body without bit 0x1 is returned as it is.
 * @throws ProtocolError when the bytes are broken, become larger than `maxBytes`, or the type has no codec.
 */
export function decompressBody(body: Buffer, sysFlag: number, maxBytes: number = MAX_INFLATED_BODY_BYTES): Buffer {
  if ((sysFlag & MessageSysFlag.COMPRESSED) === 0) {
    return body;
  }
  const type = compressionTypeOf(sysFlag);
  if (type !== 'ZLIB') {
    throw unsupported(type);
  }
  return inflateBytes(body, maxBytes);
}

/** Inflates a zlib stream up to a size. */
export function inflateBytes(bytes: Uint8Array, maxBytes: number = MAX_INFLATED_BODY_BYTES): Buffer {
  try {
    return inflateSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new ProtocolError(`a body of ${bytes.length} bytes cannot be inflated to at most ${maxBytes} bytes`, {
      code: 'BODY_MALFORMED',
      cause,
    });
  }
}
