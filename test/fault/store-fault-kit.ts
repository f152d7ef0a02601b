import { MessageStore, type MessageStoreOptions, type PutMessage, type PutStatus, type StoreConfig } from '../../broker/store/index.js';
import { noopLogger } from '../../src/common/logger.js';
import { decodeRecord } from '../../src/common/message/record.js';
import { message, storeConfig } from '../broker/store/store-kit.js';
import type { FaultDisk } from './store-fault-disk.js';
import { ManualTime } from './store-life-time.js';

export const ROOT = '/store';

export const SMALL_FILES: Partial<StoreConfig> = {
  mappedFileSizeCommitLog: 16_384,
  mappedFileSizeConsumeQueue: 200,
  maxHashSlotNum: 50,
  maxIndexNum: 100,
};

/** A store on a disk in memory, with a clock that only `tick` moves; puts go to queue 0 of topic T. */
export async function openOn(disk: FaultDisk, changes: Partial<StoreConfig> = {}, options: Partial<MessageStoreOptions> = {}) {
  const time = new ManualTime(1_700_000_000_000);
  const store = await MessageStore.open({
    config: storeConfig(ROOT, { ...SMALL_FILES, ...changes }),
    logger: noopLogger,
    disk,
    clock: time,
    timers: time,
    ...options,
  });
  const answers: [string, PutStatus][] = [];
  const sink = { onPut: (put: PutMessage, status: PutStatus) => void answers.push([put.body.toString('latin1', 0, 2), status]) };
  return {
    store,
    answers,
    time,
    sink,
    put: (...bodies: (string | Buffer)[]) => {
      answers.length = 0;
      for (const body of bodies) {
        store.put(message('T', 0, body), sink);
      }
      store.flushTurn();
    },
    tick: (elapsedMs: number) => time.tick(elapsedMs),
    bodies: () =>
      Array.from({ length: store.maxOffset('T', 0) }, (_, i) =>
        decodeRecord(store.getMessage('T', 0, i, 1).buffers[0]!, 0).body.toString('latin1', 0, 2),
      ),
  };
}

/** Stops the store, however long its disk takes. */
export async function stop(store: MessageStore, disk: FaultDisk): Promise<void> {
  let isStopped = false;
  const stopping = store.shutdown().finally(() => {
    isStopped = true;
  });
  while (!isStopped) {
    disk.completeSyncs();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await stopping;
}

/** Path of a commit log file. */
export function logPath(start = 0): string {
  return `${ROOT}/commitlog/${String(start).padStart(20, '0')}`;
}
