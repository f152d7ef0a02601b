import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { SECTIONS } from '../../broker/config/sections.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Keys that the configuration itself reads, and names of fields that only look like a key. */
const READ_BY_THE_LOADER = new Set(['brokerConfigPath', 'configBlackList', 'configStorePath', 'haListenPort', 'brokerRole']);
const OTHER_THINGS = new Set([
  'sendThreadPoolQueueCapacity',
  'pullThreadPoolQueueCapacity',
  'litePullThreadPoolQueueCapacity',
  'ackThreadPoolQueueCapacity',
  'queryThreadPoolQueueCapacity',
  'endTransactionPoolQueueCapacity',
  'enableConsumeQueueExt',
]);

function sources(folder: string): string {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter(
      (file) =>
        file.endsWith('.ts') &&
        !file.endsWith('.bench.ts') &&
        !file.startsWith(join('broker', 'config')) &&
        !file.endsWith(join('store', 'types.ts')),
    );
  return files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
}

it('a configuration key is said to have an effect exactly when the nodes read it', () => {
  const code = sources('broker') + sources(join('src', 'commands', 'nodes'));
  const words = new Set(code.match(/\b\w+\b/g));
  const silent: string[] = [];
  const secret: string[] = [];
  for (const { table } of Object.values(SECTIONS)) {
    for (const [key, row] of Object.entries(table)) {
      const isRead = words.has(key) || READ_BY_THE_LOADER.has(key);
      if (row.use !== undefined && !isRead) silent.push(key);
      if (row.use === undefined && words.has(key) && !OTHER_THINGS.has(key)) secret.push(key);
    }
  }
  expect({ 'said to have an effect, but read nowhere': silent, 'read, but said to have no effect': secret }).toEqual({
    'said to have an effect, but read nowhere': [],
    'read, but said to have no effect': [],
  });
});
