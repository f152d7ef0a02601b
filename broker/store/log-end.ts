/*
 * The end of the commit log, as a start finds it: whether all is there that was on the device, and what becomes of the bytes behind it.
 */
import { StoreError } from '../../src/common/errors.js';
import { copyLeftover, findLeftover, noLeftover } from './damage.js';
import type { LogWalk, WalkEnd } from './log-walk.js';
import type { RecoveryOptions } from './recovery.js';

/**
 * Checks that nothing is missing at the end of the log: its last files, or all of them because another folder is named or nothing is mounted
 * there. Only our own checkpoint tells. With `acceptDamage` it is lowered to what is there.
 * @throws StoreError STORE_DAMAGED
 */
export function checkEnd({ checkpoint, files, acceptDamage, logger }: RecoveryOptions, { end, reason }: WalkEnd): void {
  const { logWhere } = checkpoint;
  if (end >= logWhere) {
    return;
  }
  const what = `the commit log in ${files.directory} ends at ${end} (${reason}), and it had been on the device up to ${logWhere}`;
  if (!acceptDamage) {
    throw new StoreError(what, {
      code: 'STORE_DAMAGED',
      hint: 'bring back its files, or the folder that storePathCommitLog named before; mqbroker --accept-damage and the options of before go on without them',
      context: { offset: end, reason, logWhere },
    });
  }
  logger.warn(`${what}: going on without the rest`);
  checkpoint.logWhere = end;
  checkpoint.save(true);
}

/**
 * Makes the end of a walk the end of the log: saves what lies behind it, then removes it.
 * @throws StoreError STORE_DAMAGED when flushed records would be lost, before anything is changed.
 */
export function cutLog(options: RecoveryOptions, walk: LogWalk, stopped: WalkEnd): void {
  const { end, reason } = stopped;
  const { files, logger, checkpoint } = options;
  // After an orderly stop nothing lies behind the end that it noted: as a rule a gigabyte of zeros, which need not be read.
  const isNoted = !options.isAfterKill && checkpoint.summary?.where === end;
  const leftover = isNoted ? noLeftover(end) : findLeftover(files, walk, end);
  // Messages of the checkpoint's own millisecond may have come after the flush it speaks of.
  const isFlushed = leftover.intactOffset >= 0 && leftover.intactStoreTimestamp < checkpoint.physicMsgTimestamp;
  if (isFlushed && !options.acceptDamage) {
    throw new StoreError(
      `the commit log is damaged at ${end} (${reason}), and intact messages that were on the device follow at ${leftover.intactOffset}`,
      {
        code: 'STORE_DAMAGED',
        hint: `copy the store folder, then repair it with mqbroker --accept-damage and the options of before: it cuts the log there and keeps what follows in ${options.config.storePathRootDir}/recovered`,
        context: { offset: end, reason, intactOffset: leftover.intactOffset },
      },
    );
  }
  checkEnd(options, stopped);
  if (leftover.lastByteEnd > end) {
    const bytes = leftover.lastByteEnd - end;
    const path = copyLeftover({
      files,
      disk: options.disk,
      root: options.config.storePathRootDir,
      from: end,
      to: leftover.lastByteEnd,
      nowMs: options.nowMs,
    });
    logger.warn(`cut ${bytes} bytes behind the end of the commit log at ${end} (${reason}); they are in ${path}`, {
      offset: end,
      bytes,
      reason,
      path,
    });
    files.zeroFrom(end);
    // What was cut may not come back with the next power cut, behind or between new records.
    files.fdatasyncSync(files.startOf(end));
  }
  files.deleteFrom(end + 1);
}
