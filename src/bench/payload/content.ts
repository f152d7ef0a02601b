/** Bytes as a seed gives them, four at a time; the same ones for the same seed on every machine. */
export function seededBytes(seed: number, length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  // An xorshift generator never leaves 0.
  let state = Math.imul(seed, 0x9e3779b1) ^ 0x85ebca6b || 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = Math.imul(state, 0x2545f491);
  }
  const bytes = Buffer.from(words.buffer, 0, length);
  return LITTLE_ENDIAN ? bytes : Buffer.from(bytes.buffer).swap32().subarray(0, length);
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Letters and digits, as Apache's benchmark sends: they neither compress to nothing nor break a reader that expects text. */
export function seededText(seed: number, length: number): Buffer {
  const text = seededBytes(seed, Math.ceil((length * 3) / 4)).toString('base64url');
  return Buffer.from(text.slice(0, length), 'latin1');
}

/** Random bytes up to a share of the length, zeros behind them: how far it compresses is known. */
export function mixedBytes(seed: number, length: number, randomRatio: number): Buffer {
  const bytes = Buffer.alloc(length);
  seededBytes(seed, Math.round(length * randomRatio)).copy(bytes);
  return bytes;
}
