import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { loadNodeConfig } from '../../../broker/config/index.js';
import { MessageStore, type MessageStoreOptions, type PutMessage, type PutStatus, type StoreConfig } from '../../../broker/store/index.js';
import { noopLogger } from '../../../src/common/logger.js';

const DEFAULTS: StoreConfig = loadNodeConfig({ kind: 'broker', args: [], env: {} }).store;

/** The defaults of MessageStoreConfig, and changes to them. */
export function storeConfig(root: string, changes: Partial<StoreConfig> = {}): StoreConfig {
  return { ...DEFAULTS, storePathRootDir: root, ...changes };
}

/** Small files, so that tests cross their ends. */
export const SMALL: Partial<StoreConfig> = {
  mappedFileSizeCommitLog: 65_536,
  mappedFileSizeConsumeQueue: 200,
  maxHashSlotNum: 50,
  maxIndexNum: 100,
};

/** A folder of its own, removed after the test. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-store-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Opens a store that the test closes at its end. */
export async function openStore(config: StoreConfig, options: Partial<MessageStoreOptions> = {}): Promise<MessageStore> {
  const store = await MessageStore.open({ config, logger: noopLogger, ...options });
  onTestFinished(() => store.shutdown());
  return store;
}

/** Unpacks a recorded store into a folder of its own and returns its root. */
export function unpackVector(archive: string): string {
  const dir = tempDir();
  const path = fileURLToPath(new URL(`./vectors/${archive}`, import.meta.url));
  execFileSync('tar', ['-xzf', path, '-C', dir]);
  return join(dir, 'store');
}

const HOST = { ip: Buffer.from([127, 0, 0, 1]), port: 10911 };

export function message(topic: string, queueId: number, body: Buffer | string, changes: Partial<PutMessage> = {}): PutMessage {
  return {
    topic,
    queueId,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: HOST,
    storeHost: HOST,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    properties: '',
    tagsCode: 0,
    waitStoreMsgOK: true,
    queueOffset: -1,
    commitLogOffset: -1,
    storeTimestamp: 0,
    context: null,
    ...changes,
  };
}

/** Puts messages in one turn and resolves with their statuses once all are answered. */
export function putAll(store: MessageStore, messages: readonly PutMessage[]): Promise<PutStatus[]> {
  return new Promise((resolve) => {
    const statuses = new Map<PutMessage, PutStatus>();
    const sink = {
      onPut(answered: PutMessage, status: PutStatus) {
        statuses.set(answered, status);
        if (statuses.size === messages.length) {
          resolve(messages.map((each) => statuses.get(each)!));
        }
      },
    };
    for (const each of messages) {
      store.put(each, sink);
    }
    store.flushTurn();
  });
}
