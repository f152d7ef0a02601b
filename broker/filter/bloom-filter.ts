/**
 * The bloom filter that tells by 112 bits beside a consume-queue unit which groups' selectors a message cannot match. Sizes and bit positions
 * mirror BloomFilter of Apache RocketMQ: murmur3_128 (seed 0) of the UTF-8 text, its low 64 bits taken as two hashes that are combined.
 */

/** Error rate in percent (maxErrorRateOfBloomFilter) and groups expected (expectConsumerNumUseFilter). */
export interface BloomFilterSize {
  readonly errorRatePercent: number;
  readonly expectedCount: number;
}

/** Bits that a text sets: one for each hash function, between 0 and `bloomBitCount`. */
export function bloomBits(text: string, size: BloomFilterSize): number[] {
  const bitCount = bloomBitCount(size);
  const hashCount = Math.ceil(Math.log(size.errorRatePercent / 100) / Math.log(0.5));
  const hash = murmur3(Buffer.from(text, 'utf8'));
  const first = Number(BigInt.asIntN(32, hash));
  const second = Number(BigInt.asIntN(32, hash >> 32n));
  return Array.from({ length: hashCount }, (_, index) => {
    const combined = (first + Math.imul(index + 1, second)) | 0;
    return (combined < 0 ? ~combined : combined) % bitCount;
  });
}

/** Length of the bit map, a multiple of 8. */
export function bloomBitCount({ errorRatePercent, expectedCount }: BloomFilterSize): number {
  const bits = Math.ceil((expectedCount * Math.log(100 / errorRatePercent)) / Math.log(2) / Math.log(2));
  return 8 * Math.ceil(bits / 8);
}

const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;

/** Low 64 bits of MurmurHash3_x64_128 with seed 0, as 64 bits without a sign. */
function murmur3(data: Buffer): bigint {
  const blocks = data.length >> 4;
  let h1 = 0n;
  let h2 = 0n;
  for (let block = 0; block < blocks; block++) {
    h1 = u64(rotate(h1 ^ mixFirst(data.readBigUInt64LE(16 * block)), 27n) + h2) * 5n + 0x52dce729n;
    h1 = u64(h1);
    h2 = u64(rotate(h2 ^ mixSecond(data.readBigUInt64LE(16 * block + 8)), 31n) + h1) * 5n + 0x38495ab5n;
    h2 = u64(h2);
  }
  const tail = Buffer.alloc(16);
  data.copy(tail, 0, 16 * blocks);
  h1 ^= mixFirst(tail.readBigUInt64LE(0)) ^ BigInt(data.length);
  h2 ^= mixSecond(tail.readBigUInt64LE(8)) ^ BigInt(data.length);
  h1 = u64(h1 + h2);
  h2 = u64(h2 + h1);
  return u64(avalanche(h1) + avalanche(h2));
}

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotate(value: bigint, bits: bigint): bigint {
  return u64((value << bits) | (value >> (64n - bits)));
}

function mixFirst(block: bigint): bigint {
  return u64(rotate(u64(block * C1), 31n) * C2);
}

function mixSecond(block: bigint): bigint {
  return u64(rotate(u64(block * C2), 33n) * C1);
}

function avalanche(hash: bigint): bigint {
  const first = u64((hash ^ (hash >> 33n)) * 0xff51afd7ed558ccdn);
  const second = u64((first ^ (first >> 33n)) * 0xc4ceb9fe1a85ec53n);
  return second ^ (second >> 33n);
}
