/*
 * Time from start to ready after kill -9: `npx tsx broker/store/recovery.bench.ts [folder] [messages]`. A child process fills a store and
 * kills itself; the store is opened twice, the second time after an orderly stop.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noopLogger } from '../../src/common/logger.js';
import { MessageStore } from './index.js';
import { benchConfig, benchMessage } from './put.bench.js';

const [folder = tmpdir(), countText = '5000000', childRoot] = process.argv.slice(2);

async function fillAndDie(root: string, count: number): Promise<void> {
  const store = await MessageStore.open({ config: benchConfig(root, 'ASYNC_FLUSH'), logger: noopLogger });
  const sink = { onPut() {} };
  for (let i = 0; i < count; i += 64) {
    for (let k = 0; k < 64; k++) {
      store.put(benchMessage(i + k), sink);
    }
    store.flushTurn();
    if (i % 6400 === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  process.kill(process.pid, 'SIGKILL');
}

async function timeOpen(name: string, root: string): Promise<void> {
  const start = performance.now();
  const store = await MessageStore.open({ config: benchConfig(root, 'ASYNC_FLUSH'), logger: noopLogger });
  const { walkedRecords, walkedFrom, end } = store.recovery;
  console.log(
    `${name}: ready in ${(performance.now() - start).toFixed(0)} ms; walked ${walkedRecords} records, ${end - walkedFrom} of ${end} bytes`,
  );
  await store.shutdown();
}

if (childRoot !== undefined) {
  await fillAndDie(childRoot, Number(countText));
} else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = mkdtempSync(join(folder, 'mqkit-bench-'));
  const filled = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), folder, countText, root], {
    stdio: 'inherit',
  });
  console.log(`filled with ${countText} messages and killed (${filled.signal})`);
  await timeOpen('after kill -9', root);
  await timeOpen('after an orderly stop', root);
  rmSync(root, { recursive: true, force: true });
}
