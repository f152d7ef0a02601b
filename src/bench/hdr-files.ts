import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { extname } from 'node:path';
import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import type { RecordedPoint } from './recorder.js';
import type { BenchResult } from './result.js';

const TICKS_PER_HALF_DISTANCE = 5;
const US_PER_MS = 1000;

/**
 * An interval log in the format of HdrHistogram, version 1.3: a line for each second as it ends, times in seconds from the start, the
 * maximum in milliseconds, histograms in microseconds. A run that sends and receives has the lines of one of them tagged.
 */
export class HdrLog {
  readonly #file: number;
  readonly #untagged: string;
  #startMs: number | undefined;
  /** Why lines are missing: the disk is full, say. The run goes on. */
  #failure: unknown;

  /** @param untagged the direction whose lines have no tag */
  constructor(path: string, untagged: string) {
    this.#file = openSync(path, 'w');
    this.#untagged = untagged;
    this.#write('#[mqbench: latencies in microseconds]');
    this.#write('#[Histogram log format version 1.3]');
  }

  add({ point, latencies, direction, startedAtMs }: RecordedPoint): void {
    this.#line(startedAtMs + point.atSeconds * 1000, point.seconds, {
      direction,
      maxMs: latencies.maxMs,
      histogram: latencies.encode(),
    });
  }

  get failure(): unknown {
    return this.#failure;
  }

  /** Closes the file; of several workloads, one after the other, it has all lines. A run whose seconds were never told is one line for each of its directions. */
  end(result: BenchResult | undefined): void {
    const hasSeconds = this.#startMs !== undefined;
    for (const [direction, measured] of measuredRuns(result).flatMap(({ send, receive }) => Object.entries({ send, receive }))) {
      const { histogram, latencyMs, seconds = 0, windowStartedAtMs = Date.now() } = measured ?? {};
      if (!hasSeconds && histogram !== undefined) {
        this.#line(windowStartedAtMs, seconds, { direction, maxMs: latencyMs?.max ?? 0, histogram });
      }
    }
    closeSync(this.#file);
  }

  #line(startMs: number, seconds: number, { direction, maxMs, histogram }: { direction: string; maxMs: number; histogram: string }): void {
    if (this.#startMs === undefined) {
      this.#startMs = startMs;
      const start = (startMs / 1000).toFixed(3);
      this.#write(`#[BaseTime: ${start} (seconds since epoch)]`);
      this.#write(`#[StartTime: ${start} (seconds since epoch), ${new Date(startMs).toISOString()}]`);
      this.#write('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"');
    }
    const tag = direction === this.#untagged ? '' : `Tag=${direction},`;
    const at = Math.max(0, startMs - this.#startMs) / 1000;
    this.#write(`${tag}${at.toFixed(3)},${seconds.toFixed(3)},${maxMs.toFixed(3)},${histogram}`);
  }

  #write(line: string): void {
    try {
      writeSync(this.#file, `${line}\n`);
    } catch (error) {
      this.#failure ??= error;
    }
  }
}

/**
 * Writes the percentile distributions of a result in milliseconds, as HdrHistogram's tools print and plot them: what the run is about into
 * the file named, each other one beside it (`x.hgrm`, `x.uncorrected.hgrm`). Of several runs each has its number (`x.2.hgrm`,
 * `x.2.uncorrected.hgrm`), but the first.
 */
export function writeDistributions(path: string, result: BenchResult): void {
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  for (const [index, run] of measuredRuns(result).entries()) {
    const number = index === 0 ? '' : `.${index + 1}`;
    distributionsOf(run).forEach(({ name, histogram }, i) => {
      writeFileSync(`${stem}${number}${i === 0 ? '' : `.${name}`}${extension}`, percentileText(histogram));
    });
  }
}

/** The result, or the runs that it is made of where it has no figures of its own. */
function measuredRuns(result: BenchResult | undefined): readonly BenchResult[] {
  const { send, receive, runs = [] } = result ?? {};
  return result !== undefined && (send !== undefined || receive !== undefined) ? [result] : runs;
}

function percentileText(histogram: string): string {
  return decodeFromCompressedBase64(histogram, 64, false).outputPercentileDistribution(TICKS_PER_HALF_DISTANCE, US_PER_MS);
}

function distributionsOf({ send, receive }: BenchResult): { readonly name: string; readonly histogram: string }[] {
  const all = [
    { name: 'send', histogram: send?.histogram },
    { name: 'uncorrected', histogram: send?.uncorrectedHistogram },
    { name: 'receive', histogram: receive?.histogram },
    { name: 'endToEnd', histogram: receive?.endToEndHistogram },
  ];
  return all.filter((one): one is { name: string; histogram: string } => one.histogram !== undefined);
}
