/* A part of the broker that throws where nobody expects it keeps no other part from its work. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BrokerNode } from '../../broker/broker.js';
import type { BrokerParts } from '../../broker/parts.js';
import { noopLogger } from '../../src/common/logger.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { brokerConfig, onFreePorts, until } from '../sandbox.js';
import { RawClient } from './kit.js';

const DEFECT = new TypeError('a defect');
const fails = (): never => {
  throw DEFECT;
};

let dir: string;
const errors: string[] = [];

const start = (flushConsumerOffsetInterval: number): Promise<BrokerNode> => {
  const logger = { ...noopLogger, error: (text: string) => void errors.push(text) };
  return onFreePorts((listenPort) =>
    BrokerNode.start(brokerConfig({ listenPort, brokerName: 'broker-a', storePathRootDir: dir, flushConsumerOffsetInterval }), { logger }),
  );
};

async function commit(node: BrokerNode, offset: number): Promise<void> {
  const client = new RawClient(node.address);
  try {
    await client.send({ topic: 'T' });
    await client.heartbeat({ clientId: 'c', group: 'G', subscriptions: { T: '*' } });
    const fields = { consumerGroup: 'G', topic: 'T', queueId: '0', commitOffset: String(offset) };
    expect((await client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, fields)).code).toBe(ResponseCode.SUCCESS);
  } finally {
    await client.close();
  }
}

const saved = (name: string): string => {
  const path = join(dir, 'config', name);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

beforeEach(async () => {
  errors.length = 0;
  dir = await mkdtemp(join(tmpdir(), 'mqkit-failing-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true, force: true });
});

const STEPS: [string, (parts: BrokerParts) => void][] = [
  ['unregistering', ({ registration }) => vi.spyOn(registration, 'stop').mockRejectedValue(DEFECT)],
  ['stopping the delay levels', ({ delay }) => vi.spyOn(delay, 'stop').mockRejectedValue(DEFECT)],
  ['ending held pulls', ({ holds }) => vi.spyOn(holds, 'stop').mockImplementation(fails)],
  ['saving transactions', ({ transactions }) => vi.spyOn(transactions, 'flush').mockImplementation(fails)],
];

it.each(STEPS)('a stop in which %s fails saves the tables, closes the store and says so', async (what, breakPart) => {
  const node = await start(600_000);
  await commit(node, 1);
  breakPart(node.parts);
  await expect(node.shutdown()).rejects.toBe(DEFECT);
  expect(errors).toEqual([`stopping goes on although this failed: ${what}`]);
  expect(existsSync(join(dir, 'abort'))).toBe(false);
  expect(saved('consumerOffset.json')).toContain('T@G');
  vi.restoreAllMocks();
  const again = await start(600_000);
  expect(again.parts.offsets.query('G', 'T', 0)).toBe(1);
  await again.shutdown();
});

it('a table that cannot be made into text keeps no other from being saved, now and later, and the log says it once', async () => {
  const node = await start(100);
  try {
    const filters = vi.spyOn(node.parts.filters, 'flush');
    const broken = vi.spyOn(node.parts.offsets, 'toTable').mockImplementation(fails);
    await commit(node, 1);
    await until(() => broken.mock.calls.length > 1 && filters.mock.calls.length > 1);
    expect(errors).toEqual(['consumer offsets cannot be saved: a defect; trying again']);
    broken.mockRestore();
    await until(() => saved('consumerOffset.json').includes('T@G'));
  } finally {
    await node.shutdown();
  }
});
