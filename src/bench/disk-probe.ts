import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BLOCK_BYTES = 4096;
const MOST_WRITES = 15;
/** A slow disk is known after one write. */
const ENOUGH_MS = 50;

let known: number | undefined;

/** Milliseconds that a write of 4 KiB and its fdatasync take in the folder for temporary files; undefined where nothing can be written. */
export function fsyncProbeMs(): number | undefined {
  known ??= probe();
  return known;
}

function probe(): number | undefined {
  let dir: string | undefined;
  try {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-fsync-'));
    const file = openSync(join(dir, 'probe'), 'w');
    try {
      return median(measure(file));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  } finally {
    if (dir !== undefined) {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

function measure(file: number): number[] {
  const block = Buffer.alloc(BLOCK_BYTES, 'm');
  const times: number[] = [];
  const startMs = performance.now();
  let beforeMs = startMs;
  while (times.length < MOST_WRITES && beforeMs - startMs < ENOUGH_MS) {
    writeSync(file, block);
    fdatasyncSync(file);
    const nowMs = performance.now();
    times.push(nowMs - beforeMs);
    beforeMs = nowMs;
  }
  return times;
}

function median(times: number[]): number | undefined {
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}
