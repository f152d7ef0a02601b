import type { Random } from '../../common/clock.js';
import { UsageError } from '../../common/errors.js';

/** How numbers are chosen from 0 to a bound. */
export type Distribution =
  | { readonly kind: 'turn' }
  | { readonly kind: 'uniform' }
  /** The number n comes in proportion to 1 / (n + 1) ^ exponent. */
  | { readonly kind: 'zipf'; readonly exponent: number };

const DEFAULT_EXPONENT = 1;
const MAX_EXPONENT = 20;

/**
 * Reads `turn`, `uniform`, `zipf` or `zipf:1.2`.
 * @throws UsageError
 */
export function parseDistribution(text: string, label: string): Distribution {
  const [kind, exponentText, ...rest] = text.trim().toLowerCase().split(':');
  if ((kind === 'turn' || kind === 'uniform') && exponentText === undefined) {
    return { kind };
  }
  const exponent = exponentText === undefined ? DEFAULT_EXPONENT : Number(exponentText);
  if (kind === 'zipf' && rest.length === 0 && exponentText !== '' && exponent > 0 && exponent <= MAX_EXPONENT) {
    return { kind, exponent };
  }
  throw new UsageError(`${label} ${text}: expected turn, uniform, zipf or zipf:EXPONENT with an exponent up to ${MAX_EXPONENT}`);
}

/** Gives one number after the other. */
export interface Draw {
  next(): number;
}

/** Draws from 0 to `count` - 1. */
export function drawOf(distribution: Distribution, count: number, random: Random): Draw {
  switch (distribution.kind) {
    case 'turn':
      return turns(count);
    case 'uniform':
      return { next: () => random.nextInt(count) };
    default:
      return new WeightedDraw(zipfWeights(count, distribution.exponent), random);
  }
}

/** Weights of the numbers from 0 to `count` - 1. */
export function weightsOf(distribution: Distribution, count: number): Float64Array {
  return distribution.kind === 'zipf' ? zipfWeights(count, distribution.exponent) : new Float64Array(count).fill(1);
}

function turns(count: number): Draw {
  let last = -1;
  return {
    next: () => {
      last = last + 1 === count ? 0 : last + 1;
      return last;
    },
  };
}

function zipfWeights(count: number, exponent: number): Float64Array {
  return Float64Array.from({ length: count }, (_, rank) => (rank + 1) ** -exponent);
}

/** Draws indexes in proportion to weights, each in the same time: Walker's alias method. */
export class WeightedDraw implements Draw {
  readonly #random: Random;
  /** Share of a column that is its own index; the rest is its alias. */
  readonly #own: Float64Array;
  readonly #alias: Uint32Array;

  /** @param weights at least one, none negative, not all 0 */
  constructor(weights: Float64Array, random: Random) {
    const count = weights.length;
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / count;
    this.#random = random;
    this.#own = weights.map((weight) => weight / mean);
    this.#alias = Uint32Array.from({ length: count }, (_, index) => index);
    const small: number[] = [];
    const large: number[] = [];
    for (let index = 0; index < count; index++) {
      ((this.#own[index] as number) < 1 ? small : large).push(index);
    }
    for (let less = small.pop(); less !== undefined; less = small.pop()) {
      const more = large.at(-1);
      if (more === undefined) {
        // What is left over of rounding.
        this.#own[less] = 1;
        continue;
      }
      this.#alias[less] = more;
      const left = (this.#own[more] as number) + (this.#own[less] as number) - 1;
      this.#own[more] = left;
      if (left < 1) {
        large.pop();
        small.push(more);
      }
    }
  }

  next(): number {
    const point = this.#random.nextFloat() * this.#own.length;
    const column = Math.floor(point);
    return point - column < (this.#own[column] as number) ? column : (this.#alias[column] as number);
  }
}
