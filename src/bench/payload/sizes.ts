import type { Random } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';
import { type Draw, WeightedDraw } from './distribution.js';

/** Sizes from one to another, both included, and how often they come. */
export interface SizeRange {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const PART = /^(\d+)([kKmM]?)(?:-(\d+)([kKmM]?))?(?::(\d+(?:\.\d+)?))?$/;
const UNIT: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 * 1024 };

/**
 * Reads `100-2000` (any size between comes as often as another), or several with weights: `128:70,1k-4k:30`.
 * @throws UsageError
 */
export function parseSizes(text: string, label: string): SizeRange[] {
  return text.split(',').map((part) => {
    const match = PART.exec(part.trim());
    const from = bytesOf(match?.[1], match?.[2]);
    const to = match?.[3] === undefined ? from : bytesOf(match[3], match[4]);
    const weight = Number(match?.[5] ?? 1);
    if (match === null || !(from >= 1 && from <= to && to <= MAX_BODY_BYTES) || !(weight > 0)) {
      throw new UsageError(`${label} ${text}: expected sizes from 1 to ${MAX_BODY_BYTES}, eg: 100-2000, or 128:70,1k-4k:30`);
    }
    return { from, to, weight };
  });
}

function bytesOf(digits: string | undefined, unit: string | undefined): number {
  return Number(digits) * (UNIT[(unit ?? '').toLowerCase()] ?? Number.NaN);
}

/** Bytes of the largest body that can come; those of files are not known before they are read. */
export function largestBody({ bodyBytes, sizes }: { readonly bodyBytes: number; readonly sizes?: readonly SizeRange[] }): number {
  return sizes === undefined ? bodyBytes : Math.max(...sizes.map((range) => range.to));
}

/** Draws sizes. */
export function drawSize(ranges: readonly SizeRange[], random: Random): Draw {
  const [only] = ranges;
  if (ranges.length === 1 && only !== undefined) {
    return { next: () => only.from + random.nextInt(only.to - only.from + 1) };
  }
  const which = new WeightedDraw(
    Float64Array.from(ranges, (range) => range.weight),
    random,
  );
  return {
    next: () => {
      const range = ranges[which.next()] as SizeRange;
      return range.from + random.nextInt(range.to - range.from + 1);
    },
  };
}
