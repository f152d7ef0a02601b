import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BrokerNode } from '../../broker/broker.js';
import { parseFastjson } from '../../src/common/fastjson.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { brokerConfig, onFreePorts, until } from '../sandbox.js';
import { bodiesOf, json, RawClient } from './kit.js';

let dir: string;
let node: BrokerNode;
let client: RawClient;

async function start(settings: Record<string, string | number | boolean> = {}): Promise<void> {
  node = await onFreePorts((listenPort) =>
    BrokerNode.start(brokerConfig({ listenPort, brokerName: 'broker-a', storePathRootDir: dir, ...settings })),
  );
  client = new RawClient(node.address);
}

async function stop(): Promise<void> {
  await client.close();
  await node.shutdown();
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mqkit-broker-'));
  await start();
});
afterEach(async () => {
  await stop();
  await rm(dir, { recursive: true, force: true });
});

const offsetOf = async (group: string, queueId = 0) =>
  (await client.invoke(RequestCode.QUERY_CONSUMER_OFFSET, { consumerGroup: group, topic: 'T', queueId: String(queueId) })).extFields
    ?.offset;

describe('a restart', () => {
  it('keeps topics, groups, offsets and messages', async () => {
    await client.send({ topic: 'T', body: 'a' });
    await client.send({ topic: 'T', body: 'b' });
    await client.heartbeat({ clientId: 'c', group: 'G', subscriptions: { T: '*' } });
    await client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'G', topic: 'T', queueId: '0', commitOffset: '2' });
    // A lower offset is accepted.
    await client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'G', topic: 'T', queueId: '0', commitOffset: '1' });
    const version = json(await client.invoke(RequestCode.GET_ALL_TOPIC_CONFIG)).dataVersion;
    await stop();
    await start();
    expect(await offsetOf('G')).toBe('1');
    expect(bodiesOf(await client.pull({ topic: 'T' }))).toEqual(['a', 'b']);
    const topics = json(await client.invoke(RequestCode.GET_ALL_TOPIC_CONFIG));
    expect(topics.dataVersion).toEqual(version);
    expect(topics.topicConfigTable.T).toMatchObject({ readQueueNums: 4, writeQueueNums: 4, perm: 6 });
    expect(topics.topicConfigTable).toHaveProperty('%RETRY%G');
    expect(json(await client.invoke(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)).subscriptionGroupTable).toHaveProperty('G');
  });

  it('delivers what was delayed before it, once', async () => {
    await client.send({ topic: 'T', body: 'one', properties: { DELAY: '1' } });
    await client.send({ topic: 'T', body: 'two', properties: { DELAY: '3' } });
    expect(bodiesOf(await client.pull({ topic: 'T', sysFlag: 6, suspendMs: 9_000 }))).toEqual(['one']);
    await stop();
    await start();
    await until(async () => bodiesOf(await client.pull({ topic: 'T', offset: 1, sysFlag: 6, suspendMs: 9000 })).join() === 'two');
    const table = json(await client.invoke(RequestCode.GET_ALL_DELAY_OFFSET));
    expect(table.offsetTable).toEqual({ 1: 1, 3: 1 });
  });
});

describe('the files of config', () => {
  it('have the form of a Java broker: bare integer keys, tabs, a .bak of the content before', async () => {
    await client.send({ topic: 'T', body: 'a' });
    await client.pull({ topic: 'T', group: 'G', sysFlag: 5, fields: { commitOffset: '1' } });
    await stop();
    const offsets = readFileSync(join(dir, 'config', 'consumerOffset.json'), 'utf8');
    expect(offsets).toMatch(/"T@G":\{0:1/);
    expect(parseFastjson(offsets)).toMatchObject({ groupTopicMap: { G: ['T'] } });
    const topics = parseFastjson(readFileSync(join(dir, 'config', 'topics.json'), 'utf8'));
    expect(topics).toMatchObject({ topicConfigTable: { T: { topicName: 'T', perm: 6, attributes: {} } } });
    expect(parseFastjson(readFileSync(join(dir, 'config', 'topics.json.bak'), 'utf8'))).not.toHaveProperty('topicConfigTable.T');
    await start();
  });

  it('of 4.9 are read: no data version, quoted keys, fewer fields', async () => {
    await stop();
    writeFileSync(join(dir, 'config', 'consumerOffset.json'), '{"offsetTable":{"T@G":{0:7,"1":8}}}');
    writeFileSync(
      join(dir, 'config', 'topics.json'),
      '{"topicConfigTable":{"T":{"topicName":"T","perm":6,"readQueueNums":2,"writeQueueNums":2}}}',
    );
    writeFileSync(join(dir, 'config', 'subscriptionGroup.json'), '{"subscriptionGroupTable":{"G":{"groupName":"G","retryMaxTimes":3}}}');
    await start();
    expect(await offsetOf('G')).toBe('7');
    expect(await offsetOf('G', 1)).toBe('8');
    expect(json(await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: 'T' }))).toMatchObject({ readQueueNums: 2, attributes: {} });
    expect(json(await client.invoke(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'G' }))).toMatchObject({
      retryMaxTimes: 3,
      consumeEnable: true,
      retryQueueNums: 1,
    });
  });

  it('that is broken is read from its .bak', async () => {
    await client.send({ topic: 'T', body: 'a' });
    await client.send({ topic: 'U', body: 'a' });
    await stop();
    writeFileSync(join(dir, 'config', 'topics.json'), '{"dataVersion":{"coun');
    await start();
    expect((await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: 'T' })).code).toBe(0);
  });
});

describe('a fresh broker', () => {
  it('has the system topics and groups', async () => {
    const { topicConfigTable } = json(await client.invoke(RequestCode.GET_ALL_TOPIC_CONFIG));
    const shown = Object.fromEntries(
      Object.entries(topicConfigTable as Record<string, { writeQueueNums: number; perm: number }>).map(
        ([name, { writeQueueNums, perm }]) => [name, `${writeQueueNums}/${perm}`],
      ),
    );
    expect(shown).toEqual({
      SELF_TEST_TOPIC: '1/6',
      TBW102: '8/7',
      BenchmarkTest: '1024/6',
      DefaultCluster: '16/7',
      'broker-a': '1/7',
      OFFSET_MOVED_EVENT: '1/6',
      SCHEDULE_TOPIC_XXXX: '18/6',
      DefaultCluster_REPLY_TOPIC: '1/6',
      rmq_sys_REVIVE_LOG_DefaultCluster: '8/6',
      'rmq_sys_SYNC_BROKER_MEMBER_broker-a': '1/1',
      RMQ_SYS_TRANS_HALF_TOPIC: '1/6',
      RMQ_SYS_TRANS_OP_HALF_TOPIC: '1/6',
      rmq_sys_wheel_timer: '1/6',
    });
    const groups = json(await client.invoke(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)).subscriptionGroupTable;
    expect(Object.keys(groups).sort()).toEqual(
      [
        'CID_ONS-HTTP-PROXY',
        'CID_ONSAPI_OWNER',
        'CID_ONSAPI_PERMISSION',
        'CID_ONSAPI_PULL',
        'CID_RMQ_SYS_TRANS',
        'FILTERSRV_CONSUMER',
        'SELF_TEST_C_GROUP',
        'TOOLS_CONSUMER',
      ].sort(),
    );
  });

  it('without autoCreateTopicEnable creates no topic by a send', async () => {
    await stop();
    await rm(dir, { recursive: true, force: true });
    await start({ autoCreateTopicEnable: false });
    expect((await client.send({ topic: 'New' })).code).toBe(17);
  });
});

describe('the start of a new group', () => {
  it('is 0 where the first message is still there and in memory, else not found', async () => {
    expect((await client.invoke(RequestCode.QUERY_CONSUMER_OFFSET, { consumerGroup: 'New', topic: 'T', queueId: '0' })).code).toBe(22);
    for (let i = 0; i < 3; i++) await client.send({ topic: 'T', body: 'x' });
    expect(await offsetOf('New')).toBe('0');
    expect(
      await client.invoke(RequestCode.QUERY_CONSUMER_OFFSET, {
        consumerGroup: 'New',
        topic: 'T',
        queueId: '0',
        setZeroIfNotFound: 'false',
      }),
    ).toMatchObject({ code: 22, extFields: {} });
    expect((await client.invoke(RequestCode.QUERY_CONSUMER_OFFSET, { consumerGroup: 'New', topic: 'T', queueId: '1' })).code).toBe(22);
  });
});
