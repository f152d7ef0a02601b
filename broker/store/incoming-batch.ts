import { viewOf } from '../../src/common/int64.js';
import { stringHashCode } from '../../src/common/java.js';
import { BatchLayout } from '../../src/common/message/batch.js';
import { findValueEnd, hasNameAt, VALUE_END } from '../../src/common/message/property-bytes.js';
import { hashPieces, positiveHash } from './index-keys.js';
import type { PutBatch } from './put-batch.js';

const TAGS = Buffer.from('TAGS');
const KEYS = Buffer.from('KEYS');
const UNIQ_KEY = Buffer.from('UNIQ_KEY');
/** First letters of the properties that decide more than a tag or a key: DELAY, TRAN_MSG, TIMER_…, TRACE_ON, INNER_…, MSG_REGION, CLUSTER, POP_CK. */
const RARE = new Uint8Array(256);
for (const letter of 'CDIMPT') {
  RARE[letter.charCodeAt(0)] = 1;
}

/**
 * A batch body taken apart, with what the send path asks of each message's properties, read from the bytes: texts of them would cost more
 * than the records. One object reads batch after batch; only the first `count` entries of its lists mean something.
 */
export class IncomingBatch extends BatchLayout {
  /** Hash of TAGS; 0 without a tag. */
  readonly tagsCodes: number[] = [];
  /** The message has properties beside TAGS whose names begin like those that decide how it is stored: their text must be looked at. */
  readonly isUnusual: boolean[] = [];
  /** Java's hash of UNIQ_KEY and 31 to the power of its length; 0 where there is none. */
  readonly #uniqHashes: number[] = [];
  readonly #uniqPowers: number[] = [];
  /** Where the value of KEYS lies; equal where there is none. */
  readonly #keysStarts: number[] = [];
  readonly #keysEnds: number[] = [];

  override read(body: Buffer): void {
    super.read(body);
    for (let i = 0; i < this.count; i++) {
      this.#scan(body, i);
    }
  }

  /** The last of duplicate names wins, as in a map. */
  #scan(body: Buffer, i: number): void {
    this.tagsCodes[i] = 0;
    this.isUnusual[i] = false;
    this.#uniqHashes[i] = this.#uniqPowers[i] = this.#keysStarts[i] = this.#keysEnds[i] = 0;
    const view = viewOf(body);
    let at = this.propertiesStarts[i]!;
    const end = at + this.propertiesBytes[i]!;
    while (at < end) {
      if (hasNameAt(body, at, end, UNIQ_KEY)) {
        at = this.#scanUniqKey(body, i, at + UNIQ_KEY.length + 1, end);
        continue;
      }
      const stop = findValueEnd(body, view, at, end);
      if (hasNameAt(body, at, stop, TAGS)) {
        this.tagsCodes[i] = stringHashCode(body.utf8Slice(at + TAGS.length + 1, stop));
      } else if (hasNameAt(body, at, stop, KEYS)) {
        this.#keysStarts[i] = at + KEYS.length + 1;
        this.#keysEnds[i] = stop;
      } else if (RARE[body[at]!] === 1) {
        this.isUnusual[i] = true;
      }
      at = stop + 1;
    }
  }

  /** Hashes the value at `start` on the way to its end; returns where the next property begins. */
  #scanUniqKey(body: Buffer, i: number, start: number, end: number): number {
    let hash = 0;
    let power = 1;
    let all = 0;
    let stop = start;
    for (; stop < end && body[stop] !== VALUE_END; stop++) {
      const byte = body[stop]!;
      hash = (Math.imul(31, hash) + byte) | 0;
      power = Math.imul(31, power);
      all |= byte;
    }
    if (all > 127) {
      const text = body.utf8Slice(start, stop);
      hash = stringHashCode(text);
      power = 1;
      for (let k = 0; k < text.length; k++) {
        power = Math.imul(31, power);
      }
    }
    this.#uniqHashes[i] = hash;
    this.#uniqPowers[i] = stop === start ? 0 : power;
    return stop + 1;
  }

  /** Adds the hashes under which message `i` of the body is indexed: UNIQ_KEY, then every piece of KEYS. `prefix` is that of its topic. */
  addKeyHashes(body: Buffer, i: number, prefix: number, to: PutBatch): void {
    const power = this.#uniqPowers[i]!;
    if (power !== 0) {
      // A power of 31 is never 0: 31 is odd.
      to.addKeyHash(positiveHash((Math.imul(prefix, power) + this.#uniqHashes[i]!) | 0));
    }
    const keysEnd = this.#keysEnds[i]!;
    if (keysEnd > this.#keysStarts[i]!) {
      const keys = body.utf8Slice(this.#keysStarts[i]!, keysEnd);
      hashPieces(prefix, keys, 0, keys.length, (hash) => to.addKeyHash(hash));
    }
  }
}
