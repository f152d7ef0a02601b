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
/** Room for one unit of either kind. */
const probe = Buffer.alloc(64);
const probeView = new DataView(probe.buffer, probe.byteOffset, probe.length);

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
  let low = start / unitBytes + 1;
  let high = (start + files.fileSize) / unitBytes;
  // In a sparse file the end is in the last block there is.
  const guess = start / unitBytes + Math.ceil(files.loadedNewestBytes / unitBytes);
  if (guess > low && guess < high && !isThere(guess)) {
    high = guess;
    const block = guess - Math.ceil(BLOCK_BYTES / unitBytes);
    low = block > low && isThere(block) ? block + 1 : low;
  }
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
