import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MessageStore } from '../../../broker/store/index.js';
import { noopLogger } from '../../../src/common/logger.js';
import { RemotingClient } from '../../../src/remoting/client.js';
import { message, putAll, storeConfig } from '../../broker/store/store-kit.js';
import { launch, type SpawnedNode, spawnBroker, until } from '../../sandbox.js';

const FILE_BYTES = 1024 * 1024;

let dir: string;
let nodes: Pick<SpawnedNode, 'kill' | 'exited'>[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mqkit-'));
  nodes = [];
});
afterEach(async () => {
  for (const node of nodes) await node.kill();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

/** A killed store of four messages, put at different times, whose second one is damaged. Returns the commit log file and where that one is. */
async function damagedStore(): Promise<{ file: string; at: number }> {
  const config = storeConfig(join(dir, 'store'), { mappedFileSizeCommitLog: FILE_BYTES });
  const store = await MessageStore.open({ config, logger: noopLogger });
  for (const text of ['first', 'second', 'third', 'fourth']) {
    const before = performance.now();
    await putAll(store, [message('T', 0, text)]);
    await until(() => performance.now() > before + 3);
  }
  await store.shutdown();
  writeFileSync(join(dir, 'store', 'abort'), '');
  const file = join(dir, 'store', 'commitlog', '0'.repeat(20));
  const bytes = readFileSync(file);
  const at = bytes.readInt32BE(0);
  bytes.fill(0x55, at + 88, at + 92);
  writeFileSync(file, bytes);
  return { file, at };
}

it('a damaged store stops the start with the repair named, opens with --accept-damage, and without it from then on', async () => {
  const { file, at } = await damagedStore();
  const damaged = readFileSync(file);
  const settings = { mappedFileSizeCommitLog: FILE_BYTES };
  const refused = launch(
    'mqbroker',
    [`storePathRootDir=${join(dir, 'store')}`, 'bindAddress=127.0.0.1', `mappedFileSizeCommitLog=${FILE_BYTES}`],
    {
      dir,
    },
  );
  nodes.push(refused);
  expect(await refused.exited).toBe(1);
  expect(refused.output()).toContain(`the commit log is damaged at ${at}`);
  expect(refused.output()).toContain('mqbroker --accept-damage');
  expect(readFileSync(file).equals(damaged)).toBe(true);

  const repaired = await spawnBroker(dir, { args: ['--accept-damage'], settings });
  nodes.push(repaired);
  expect(repaired.output()).toContain(`behind the end of the commit log at ${at}`);
  const [name] = readdirSync(join(dir, 'store', 'recovered'));
  const kept = readFileSync(join(dir, 'store', 'recovered', name!));
  expect(kept.equals(damaged.subarray(at, at + kept.length))).toBe(true);
  expect(kept.includes('third')).toBe(true);
  expect(await maxOffset(repaired.address)).toBe(1);
  await repaired.stop();

  const again = await spawnBroker(dir, { settings });
  nodes.push(again);
  expect(await maxOffset(again.address)).toBe(1);
}, 180_000);

async function maxOffset(address: string): Promise<number> {
  const client = new RemotingClient();
  try {
    const { extFields } = await client.invoke(address, { code: 30, extFields: { topic: 'T', queueId: '0' } }, 5000);
    return Number(extFields?.offset);
  } finally {
    await client.close();
  }
}
