import { deflateSync } from 'node:zlib';
import { decodeFromCompressedBase64, initWebAssembly, WasmHistogram } from 'hdr-histogram-js';

/** Latencies in milliseconds; names and numbers as in the `mqbench/1` schema. Zero where nothing was recorded. */
export interface LatencyMs {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
}

/** Values above are recorded as this: one hour, far beyond any time-out. */
const HIGHEST_US = 3_600_000_000;
const SIGNIFICANT_DIGITS = 3;

/** First word of a compressed V2 histogram. */
const COMPRESSED_V2 = 0x1c849314;

/** A histogram's memory lies outside the JavaScript heap: it goes when nobody has the histogram any more. */
const abandoned = new FinalizationRegistry((histogram: WasmHistogram) => histogram.destroy());

/** Loads the compiled histogram; call it once before the first {@link LatencyHistogram}. */
export function loadHistograms(): Promise<void> {
  return initWebAssembly();
}

/**
 * Distribution of latencies with a resolution of 1 us and three significant digits; about 30 ns a record. All have the same range, so
 * that the encoded form depends on nothing but what was recorded: parts that are added up equal one that recorded everything.
 */
export class LatencyHistogram {
  readonly #histogram = WasmHistogram.build({
    bitBucketSize: 64,
    autoResize: false,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
  });
  /** The exact maximum where parts came from text, which holds only its bucket. */
  #maxUs: number | undefined;

  constructor() {
    abandoned.register(this, this.#histogram, this);
  }

  /**
   * Reads what {@link encode} wrote, here or in another HdrHistogram library.
   * @param maxMs the maximum, where it is known more exactly than by its bucket.
   */
  static decode(base64: string, maxMs?: number): LatencyHistogram {
    const decoded = new LatencyHistogram();
    const other = decodeFromCompressedBase64(base64, 64, true);
    decoded.#histogram.add(other as WasmHistogram);
    decoded.#maxUs = maxMs === undefined ? other.maxValue : Math.round(maxMs * 1000);
    other.destroy();
    return decoded;
  }

  /** Base64 of the compressed V2 encoding; values are microseconds. */
  encode(): string {
    const compressed = deflateSync(this.#histogram.encode());
    const header = Buffer.alloc(8);
    header.writeUInt32BE(COMPRESSED_V2, 0);
    header.writeUInt32BE(compressed.length, 4);
    return Buffer.concat([header, compressed]).toString('base64');
  }

  /** Records one latency in microseconds; a negative one (clocks of two machines) counts as 0. */
  record(latencyUs: number): void {
    this.#histogram.recordValue(latencyUs < 0 ? 0 : latencyUs > HIGHEST_US ? HIGHEST_US : Math.round(latencyUs));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** Adds everything another one recorded. */
  add(other: LatencyHistogram): void {
    if (this.#maxUs !== undefined || other.#maxUs !== undefined) {
      this.#maxUs = Math.max(this.#exactMaxUs, other.#exactMaxUs);
    }
    this.#histogram.add(other.#histogram);
  }

  reset(): void {
    this.#maxUs = undefined;
    this.#histogram.reset();
  }

  get #exactMaxUs(): number {
    return this.#maxUs ?? this.#histogram.maxValue;
  }

  /** Latency in ms that `percent` of the records do not exceed. */
  percentileMs(percent: number): number {
    // The upper end of a bucket may lie above the highest value recorded.
    return this.count === 0 ? 0 : toMs(Math.min(this.#histogram.getValueAtPercentile(percent), this.#exactMaxUs));
  }

  get maxMs(): number {
    return this.count === 0 ? 0 : toMs(this.#exactMaxUs);
  }

  get meanMs(): number {
    return this.count === 0 ? 0 : toMs(this.#histogram.mean);
  }

  summary(): LatencyMs {
    return {
      mean: this.meanMs,
      p50: this.percentileMs(50),
      p90: this.percentileMs(90),
      p99: this.percentileMs(99),
      p999: this.percentileMs(99.9),
      p9999: this.percentileMs(99.99),
      max: this.maxMs,
    };
  }

  /** Frees the memory outside the JavaScript heap now, which else happens when nobody has the histogram any more. */
  destroy(): void {
    abandoned.unregister(this);
    this.#histogram.destroy();
  }
}

function toMs(us: number): number {
  return Math.round(us) / 1000;
}
