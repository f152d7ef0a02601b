/* Topics and groups that are called like what every JavaScript object inherits. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BrokerNode } from '../../broker/broker.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import { brokerConfig, onFreePorts } from '../sandbox.js';
import { json, RawClient } from './kit.js';

const NAMES = ['__proto__', 'constructor', 'toString'];

let dir: string;
let node: BrokerNode;
let client: RawClient;

async function start(): Promise<void> {
  node = await onFreePorts((listenPort) => BrokerNode.start(brokerConfig({ listenPort, brokerName: 'broker-a', storePathRootDir: dir })));
  client = new RawClient(node.address);
}

async function stop(): Promise<void> {
  await client.close();
  await node.shutdown();
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mqkit-names-'));
  await start();
});
afterEach(async () => {
  await stop();
  await rm(dir, { recursive: true, force: true });
});

async function table(code: number): Promise<Record<string, Record<string, unknown>>> {
  const answer = await client.invoke(code);
  expect(answer.code, String(answer.remark)).toBe(ResponseCode.SUCCESS);
  return json(answer);
}

it.each(NAMES)('a topic and groups named %s are kept over a restart like others', async (name) => {
  expect((await client.send({ topic: name })).code).toBe(ResponseCode.SUCCESS);
  for (const group of ['Other', name]) {
    const subscriptions = Object.fromEntries([[name, 'a > 1']]);
    await client.heartbeat({ clientId: group, group, producerGroup: group, subscriptions, expressionType: 'SQL92' });
    const commit = { consumerGroup: group, topic: name, queueId: '0', commitOffset: '1' };
    expect((await client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, commit)).code).toBe(ResponseCode.SUCCESS);
  }
  const forbid = { group: name, topic: name, readable: 'false' };
  expect((await client.invoke(RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN, forbid)).code).toBe(ResponseCode.SUCCESS);
  expect(Object.keys((await table(RequestCode.GET_ALL_PRODUCER_INFO)).data ?? {})).toContain(name);

  await stop();
  await start();

  expect(node.parts.topics.entry(name)).toBeDefined();
  expect(Object.keys((await table(RequestCode.GET_ALL_TOPIC_CONFIG)).topicConfigTable ?? {})).toContain(name);
  expect(Object.keys((await table(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)).subscriptionGroupTable ?? {})).toContain(name);
  const { groupTopicMap = {} } = await table(RequestCode.GET_ALL_CONSUMER_OFFSET);
  expect(Object.entries(groupTopicMap)).toEqual(
    expect.arrayContaining([
      ['Other', [name]],
      [name, [name]],
    ]),
  );
  expect(node.parts.offsets.query(name, name, 0)).toBe(1);
  expect(node.parts.groups.isReadForbidden(name, name)).toBe(true);
  expect(node.parts.filters.get(name, name)?.expression).toBe('a > 1');
});
