/*
 * Where a consume queue begins and ends, found by looking at a few units: stores have thousands of queues.
 */
import { isFiller, newUnitRun, type UnitQueue, unitOffset, unitSize } from './unit-queue.js';

const run = newUnitRun();

/**
 * Sets the first readable offset: units of records before the log's first file do not count, nor do fillers. Costs one comparison while
 * the log's first file is the same.
 */
export function correctMinOffset(queue: UnitQueue, commitLogMin: number): void {
  if (queue.minFoundFor === commitLogMin) {
    return;
  }
  let low = queue.firstUnit;
  let high = queue.endUnit;
  if (low < high && !isGone(queue, low, commitLogMin)) {
    high = low;
  }
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isGone(queue, middle, commitLogMin)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  queue.setMinUnit(low);
  queue.minFoundFor = commitLogMin;
}

function isGone(queue: UnitQueue, unit: number, commitLogMin: number): boolean {
  return queue.unit(unit, run) && (isFiller(run.view, run.position) || unitOffset(run.view, run.position) < commitLogMin);
}

/** What file systems allocate at once. */
const BLOCK_BYTES = 4096;
/** Blocks at the end of what a file occupies that may be the file system's own: its list of where the others are. */
const OWN_BLOCKS = 4;
/** Room for one unit of either kind. */
const probe = Buffer.alloc(64);
const probeView = new DataView(probe.buffer, probe.byteOffset, probe.length);

/** The end of a queue lies in [low, high]. */
interface EndRange {
  low: number;
  high: number;
}

/**
 * Takes the end of a queue from its files: behind the last unit that is there, found by halving, because units are written in order. Only a
 * power cut leaves holes before that place, and what a recovery after one needs does not come from here.
 */
export function adoptEnd(queue: UnitQueue): void {
  const { files, unitBytes } = queue;
  const isThere = (unit: number): boolean => files.read(unit * unitBytes, probe, 0, unitBytes) === unitBytes && queue.isUnit(probeView, 0);
  // The newest file may have been made and not been written.
  const start = files.starts.findLast((each) => isThere(each / unitBytes));
  if (start === undefined) {
    queue.adopt(files.minOffset / unitBytes, 0);
    return;
  }
  const whole = { low: start / unitBytes + 1, high: (start + files.fileSize) / unitBytes };
  let { low, high } = endInLastBlocks(queue, start, isThere) ?? whole;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isThere(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  isThere(low - 1);
  // Fillers stand before the first real unit only.
  queue.adopt(low, isFiller(probeView, 0) ? 0 : unitOffset(probeView, 0) + unitSize(probeView, 0));
}

/**
 * Where the end is in a file that occupies what was written and no more: in one of its last blocks, which are looked at from the front. A
 * read behind the end would have the kernel fill megabytes with the zeros of the hole there; with thousands of queues that takes seconds.
 * Null when the file is not like that.
 */
function endInLastBlocks(queue: UnitQueue, start: number, isThere: (unit: number) => boolean): EndRange | null {
  const { files, unitBytes } = queue;
  const occupied = Math.min(files.fileSize, Math.ceil(files.loadedNewestBytes / BLOCK_BYTES) * BLOCK_BYTES);
  if (start !== files.lastStart || occupied === 0) {
    return null;
  }
  /** The last unit that lies in the first `bytes` of the file. */
  const lastIn = (bytes: number): number => start / unitBytes + Math.floor(Math.min(bytes, files.fileSize) / unitBytes) - 1;
  let bytes = Math.max(0, Math.floor(occupied / BLOCK_BYTES) - OWN_BLOCKS) * BLOCK_BYTES;
  if (bytes > 0 && !isThere(lastIn(bytes))) {
    return null;
  }
  while (bytes < occupied && isThere(lastIn(bytes + BLOCK_BYTES))) {
    bytes += BLOCK_BYTES;
  }
  // The first unit is there: the caller has looked.
  const low = Math.max(start / unitBytes + 1, lastIn(bytes) + 1);
  if (bytes < occupied) {
    return { low, high: Math.max(low, lastIn(bytes + BLOCK_BYTES)) };
  }
  // All that it occupies is full. A file system that compresses has more in it than that.
  const isFull = low * unitBytes === start + files.fileSize;
  return isFull || !isThere(low) ? { low, high: low } : null;
}
