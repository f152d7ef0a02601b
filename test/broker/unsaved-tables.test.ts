import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nodeDisk } from '../../broker/store/disk.js';
import type { Disk } from '../../broker/store/index.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';
import { json, RawClient } from './kit.js';

let isFull = false;
/** A disk on which config/*.json cannot be written while it is full. */
const disk: Disk = {
  ...nodeDisk,
  openSync: (path, options) => {
    if (isFull && options?.create === true && path.includes('.json')) {
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    }
    return nodeDisk.openSync(path, options);
  },
};
let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox({ disk, brokerConfig: { flushConsumerOffsetInterval: 100 } });
  client = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

const TOPIC_FIELDS = { readQueueNums: '2', writeQueueNums: '2', perm: '6', topicFilterType: 'SINGLE_TAG', order: 'false' };
const updateTopic = (topic: string) => client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, { topic, ...TOPIC_FIELDS });
const saved = (name: string) => {
  const path = join(sandbox.dir, 'broker-a', 'config', name);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

it('a change that a full disk does not keep is no success, also when it is repeated, until there is space', async () => {
  isFull = true;
  for (const code of [RequestCode.UPDATE_AND_CREATE_TOPIC, RequestCode.UPDATE_AND_CREATE_TOPIC]) {
    const answer = await client.invoke(code, { topic: 'NotKept', ...TOPIC_FIELDS });
    expect(answer.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(answer.remark).toMatch(/topic NotKept counts until the next restart only: .*topics\.json cannot be saved: ENOSPC/);
  }
  const group = JSON.stringify({ groupName: 'NotKeptGroup' });
  const answer = await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, group);
  expect(answer.code).toBe(ResponseCode.SYSTEM_ERROR);
  expect(answer.remark).toMatch(/group NotKeptGroup counts until the next restart only: .*subscriptionGroup\.json cannot be saved/);
  isFull = false;
  expect((await updateTopic('NotKept')).code).toBe(ResponseCode.SUCCESS);
  expect(saved('topics.json')).toContain('NotKept');
});

it('what a full disk did not keep is saved when there is space again, without a further change', async () => {
  isFull = true;
  expect((await updateTopic('KeptLater')).code).toBe(ResponseCode.SYSTEM_ERROR);
  const fields = { consumerGroup: 'NotKeptGroup', topic: 'KeptLater', queueId: '0', commitOffset: '0' };
  await client.send({ topic: 'KeptLater' });
  expect((await client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, fields)).code).toBe(ResponseCode.SUCCESS);
  sandbox.brokers[0]?.parts.offsets.flush();
  isFull = false;
  await until(() => saved('topics.json').includes('KeptLater'), 5000);
  await until(() => saved('consumerOffset.json').includes('KeptLater@NotKeptGroup'), 5000);
});

it('name servers take over brokerPermission when it changes', async () => {
  const perm = async () => {
    const request = { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic: 'NotKept' } };
    return json(await client.remoting.invoke(sandbox.namesrvAddr, request, 3000)).queueDatas[0].perm;
  };
  expect(await perm()).toBe(6);
  for (const wanted of [4, 6]) {
    const answer = await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, `brokerPermission=${wanted}\n`);
    expect(answer.code).toBe(ResponseCode.SUCCESS);
    await until(async () => (await perm()) === wanted, 5000);
  }
});
