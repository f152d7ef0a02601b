import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BrokerNode } from '../../broker/broker.js';
import { type Disk, nodeDisk } from '../../broker/store/index.js';
import { noopLogger } from '../../src/common/logger.js';
import { ResponseCode } from '../../src/remoting/codes.js';
import { brokerConfig, onFreePorts, until } from '../sandbox.js';
import { bodiesOf, RawClient } from './kit.js';

let dir: string;
let isFull: boolean;
let node: BrokerNode | undefined;
let client: RawClient;
const errors: string[] = [];

function noSpace(call: string, path: string): Error {
  return Object.assign(new Error(`ENOSPC: no space left on device, ${call} '${path}'`), { code: 'ENOSPC', syscall: call });
}

/** The real disk, on which nothing new finds room while `isFull`. */
const disk: Disk = {
  ...nodeDisk,
  openSync: (path, options) => {
    if (isFull && options?.create === true && !existsSync(path)) throw noSpace('open', path);
    return nodeDisk.openSync(path, options);
  },
  writeSync: (fd, buffer, offset, length, position) => {
    if (isFull) throw noSpace('write', String(fd));
    return nodeDisk.writeSync(fd, buffer, offset, length, position);
  },
};

async function start(): Promise<void> {
  const logger = { ...noopLogger, error: (text: string) => void errors.push(text) };
  node = await onFreePorts((listenPort) =>
    BrokerNode.start(brokerConfig({ listenPort, brokerName: 'broker-a', storePathRootDir: dir, cleanFileForciblyEnable: false }), {
      disk,
      logger,
    }),
  );
  client = new RawClient(node.address);
}

async function stop(): Promise<void> {
  await client.close();
  await node?.shutdown();
  node = undefined;
}

beforeEach(async () => {
  isFull = false;
  errors.length = 0;
  dir = await mkdtemp(join(tmpdir(), 'mqkit-full-'));
});
afterEach(async () => {
  isFull = false;
  await stop();
  await rm(dir, { recursive: true, force: true });
});

it('a broker on a full disk starts, serves its messages, refuses sends with code 14 and the reason, and takes them when there is room', async () => {
  await start();
  await client.send({ topic: 'T', body: 'before' });
  await stop();
  isFull = true;
  await start();
  expect(bodiesOf(await client.pull({ topic: 'T' }))).toEqual(['before']);
  const refused = await client.send({ topic: 'T', body: 'refused' });
  expect([refused.code, refused.remark]).toEqual([
    ResponseCode.SERVICE_NOT_AVAILABLE,
    "service not available now: the broker's disk is full [no room for the file abort]",
  ]);
  expect(errors.filter((line) => line.includes('sends are refused'))).toHaveLength(1);
  isFull = false;
  await until(async () => (await client.send({ topic: 'T', body: 'after' })).code === 0, 10_000);
  expect(bodiesOf(await client.pull({ topic: 'T' }))).toEqual(['before', 'after']);
}, 120_000);

it('a disk that fills up under a running broker loses nothing that was acknowledged', async () => {
  await start();
  await client.send({ topic: 'T', body: 'kept' });
  isFull = true;
  const refused = await client.send({ topic: 'T', body: 'refused' });
  expect([refused.code, refused.remark]).toEqual([
    ResponseCode.SERVICE_NOT_AVAILABLE,
    expect.stringMatching(/^service not available now: .* cannot be written \(ENOSPC\)$/),
  ]);
  expect(bodiesOf(await client.pull({ topic: 'T' }))).toEqual(['kept']);
  isFull = false;
  await until(async () => (await client.send({ topic: 'T', body: 'after' })).code === 0, 10_000);
  await stop();
  await start();
  expect(bodiesOf(await client.pull({ topic: 'T' }))).toEqual(['kept', 'after']);
}, 120_000);
