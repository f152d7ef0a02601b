/* The settings of consumer groups: kept as they were given, and obeyed. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrokerNode } from '../../../broker/broker.js';
import { parseFastjson } from '../../../src/common/fastjson.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { brokerConfig, onFreePorts, until } from '../../sandbox.js';
import { bodiesOf, json, messagesOf, RawClient } from '../kit.js';

let dir: string;
let node: BrokerNode;
let client: RawClient;

async function start(): Promise<void> {
  node = await onFreePorts((listenPort) =>
    BrokerNode.start(brokerConfig({ listenPort, brokerName: 'broker-a', storePathRootDir: dir, messageDelayLevel: '1s 1s 1s 1s' })),
  );
  client = new RawClient(node.address);
}

async function stop(): Promise<void> {
  await client.close();
  await node.shutdown();
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mqkit-groups-'));
  await start();
});
afterAll(async () => {
  await stop();
  await rm(dir, { recursive: true, force: true });
});

const set = (groupName: string, settings: Record<string, unknown> = {}) =>
  client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, JSON.stringify({ groupName, ...settings }));
const get = async (group: string) => json(await client.invoke(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, { group }));
/** A pull by the subscription of the group's heartbeat. */
const pullOf = (group: string, topic: string, fields: Record<string, string> = {}) => client.pull({ group, topic, sysFlag: 0, fields });

describe('the settings of a group', () => {
  const ALL = {
    consumeEnable: false,
    consumeFromMinEnable: false,
    consumeBroadcastEnable: false,
    consumeMessageOrderly: true,
    retryQueueNums: 3,
    retryMaxTimes: 5,
    groupRetryPolicy: { type: 'EXPONENTIAL', exponentialRetryPolicy: { initial: 5000, max: 7_200_000, multiplier: 2 } },
    brokerId: 2,
    whichBrokerWhenConsumeSlowly: 3,
    notifyConsumerIdsChangedEnable: false,
    groupSysFlag: 6,
    consumeTimeoutMinute: 30,
    subscriptionDataSet: [{ topic: 'T', expressionType: 'TAG', expression: 'A||B', version: 7 }],
    attributes: {},
  };

  it('are answered and kept as they were given, and outlast a restart', async () => {
    expect(await set('Whole', ALL)).toMatchObject({ code: 0 });
    expect(await get('Whole')).toEqual({ groupName: 'Whole', ...ALL });
    await stop();
    const file = parseFastjson(readFileSync(join(dir, 'config', 'subscriptionGroup.json'), 'utf8'));
    expect(file).toMatchObject({ subscriptionGroupTable: { Whole: { groupName: 'Whole', ...ALL } } });
    await start();
    const table = json(await client.invoke(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)).subscriptionGroupTable;
    expect(table.Whole).toEqual({ groupName: 'Whole', ...ALL });
  });

  it("have Apache's defaults where they are left out, and are replaced, not merged", async () => {
    await set('Replaced', ALL);
    await set('Replaced', { retryMaxTimes: 4 });
    expect(await get('Replaced')).toEqual({
      groupName: 'Replaced',
      consumeEnable: true,
      consumeFromMinEnable: true,
      consumeBroadcastEnable: true,
      consumeMessageOrderly: false,
      retryQueueNums: 1,
      retryMaxTimes: 4,
      groupRetryPolicy: { type: 'CUSTOMIZED' },
      brokerId: 0,
      whichBrokerWhenConsumeSlowly: 1,
      notifyConsumerIdsChangedEnable: true,
      groupSysFlag: 0,
      consumeTimeoutMinute: 15,
      attributes: {},
    });
  });

  it('have no attributes that a request could set', async () => {
    const remarkOf = async (attributes: Record<string, string>, group = 'Attributed') => (await set(group, { attributes })).remark;
    expect(await remarkOf({ '+k': 'v' })).toContain('unsupported key: k');
    expect(await remarkOf({ '+constructor': 'v' })).toContain('unsupported key: constructor');
    expect(await remarkOf({ '-k': '' })).toContain('only add attribute is supported while creating topic. key: k');
    expect(await remarkOf({ '-k': '' }, 'Whole')).toContain('attempt to delete a nonexistent key: k');
    expect(await remarkOf({ '+a+b': '' })).toContain('kv string format wrong.');
    const table = json(await client.invoke(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)).subscriptionGroupTable;
    expect(table).not.toHaveProperty('Attributed');
  });
});

describe('the broker obeys', () => {
  it('consumeEnable: pulls get 16 until it is true again', async () => {
    await client.send({ topic: 'Held', body: 'm' });
    await set('Off', { consumeEnable: false });
    expect(await client.pull({ group: 'Off', topic: 'Held' })).toMatchObject({ code: ResponseCode.NO_PERMISSION });
    await set('Off');
    expect(bodiesOf(await client.pull({ group: 'Off', topic: 'Held' }))).toEqual(['m']);
  });

  it('consumeBroadcastEnable: only members that broadcast get 16', async () => {
    await client.send({ topic: 'Cast', body: 'm' });
    await set('NoCast', { consumeBroadcastEnable: false });
    const member = { clientId: 'c', group: 'NoCast', subscriptions: { Cast: '*' } };
    await client.heartbeat({ ...member, messageModel: 'BROADCASTING' });
    expect(await pullOf('NoCast', 'Cast')).toMatchObject({ code: ResponseCode.NO_PERMISSION, extFields: { forbiddenType: '4' } });
    await client.heartbeat({ ...member, messageModel: 'CLUSTERING' });
    expect(bodiesOf(await pullOf('NoCast', 'Cast'))).toEqual(['m']);
  });

  it('groupSysFlag: pulls tell it', async () => {
    await client.send({ topic: 'Flagged', body: 'm' });
    await set('Flag', { groupSysFlag: 6 });
    expect((await client.pull({ group: 'Flag', topic: 'Flagged' })).extFields).toMatchObject({ groupSysFlag: '6' });
    expect((await client.pull({ group: 'Flag', topic: 'Flagged', offset: 1 })).extFields).toMatchObject({ groupSysFlag: '6' });
  });

  it('brokerId and whichBrokerWhenConsumeSlowly, with slaveReadEnable and as far as the messages are in memory', async () => {
    await client.send({ topic: 'Where', body: 'm' });
    await set('Suggest', { brokerId: 4, whichBrokerWhenConsumeSlowly: 5 });
    const suggested = async (offset: number) => (await client.pull({ group: 'Suggest', topic: 'Where', offset })).extFields;
    expect(await suggested(0)).toMatchObject({ suggestWhichBrokerId: '0' });
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, {}, 'slaveReadEnable=true\n');
    expect(await suggested(0)).toMatchObject({ suggestWhichBrokerId: '4' });
    expect(await suggested(1)).toMatchObject({ suggestWhichBrokerId: '4' });
    await client.send({ topic: 'Where', body: 'later' });
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, {}, 'accessMessageInMemoryMaxRatio=0\n');
    expect(await suggested(0)).toMatchObject({ suggestWhichBrokerId: '5' });
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, {}, 'slaveReadEnable=false\naccessMessageInMemoryMaxRatio=40\n');
    expect(await suggested(0)).toMatchObject({ suggestWhichBrokerId: '0' });
  });

  it('notifyConsumerIdsChangedEnable: members are told of each other or not', async () => {
    const counts = new Map<string, number>();
    for (const [group, isTold] of [
      ['Told', true],
      ['Untold', false],
    ] as const) {
      await set(group, { notifyConsumerIdsChangedEnable: isTold });
      const members = ['a', 'b'].map((clientId) => ({ clientId, client: new RawClient(node.address) }));
      for (const member of members) {
        member.client.remoting.registerProcessor(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, () => {
          counts.set(group, (counts.get(group) ?? 0) + 1);
          return null;
        });
        await member.client.heartbeat({ clientId: member.clientId, group, subscriptions: { T: '*' } });
      }
      if (isTold) await until(() => (counts.get(group) ?? 0) >= 3);
      await Promise.all(members.map((member) => member.client.close()));
    }
    expect(counts.get('Untold')).toBeUndefined();
  });
});

describe('a message that a member gives back', () => {
  /** Stores a message and gives it back; answers the code. */
  async function giveBack(group: string, topic: string, fields: Record<string, string> = {}): Promise<number> {
    await client.send({ topic, body: 'back' });
    const [message] = messagesOf(await client.pull({ group, topic }));
    const header = { group, offset: String(message!.commitLogOffset), delayLevel: '1', originMsgId: '', originTopic: topic, ...fields };
    return (await client.invoke(RequestCode.CONSUMER_SEND_MSG_BACK, header)).code;
  }

  it('is dropped without retry queues, and no retry topic is made', async () => {
    await set('NoRetry', { retryQueueNums: 0 });
    await client.heartbeat({ clientId: 'c', group: 'NoRetry', subscriptions: { Dropped: '*' } });
    expect(await giveBack('NoRetry', 'Dropped')).toBe(ResponseCode.SUCCESS);
    expect((await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: '%RETRY%NoRetry' })).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });

  it('goes to the dead letters after retryMaxTimes, or after what the member says', async () => {
    await set('Few', { retryMaxTimes: 0 });
    expect(await giveBack('Few', 'FewTopic')).toBe(ResponseCode.SUCCESS);
    expect(bodiesOf(await client.pull({ group: 'Few', topic: '%DLQ%Few' }))).toEqual(['back']);
    expect(await giveBack('Few', 'FewTopic', { maxReconsumeTimes: '3' })).toBe(ResponseCode.SUCCESS);
    expect(bodiesOf(await client.pull({ group: 'Few', topic: '%DLQ%Few' }))).toEqual(['back']);
  });

  it('gets a queue that consumers read when the group has more retry queues than its topic', async () => {
    await client.heartbeat({ clientId: 'c', group: 'Grown', subscriptions: { GrownTopic: '*' } });
    await set('Grown', { retryQueueNums: 50 });
    for (let i = 0; i < 4; i++) expect(await giveBack('Grown', 'GrownTopic')).toBe(ResponseCode.SUCCESS);
    const retry = { group: 'Grown', topic: '%RETRY%Grown', sysFlag: 4 };
    await until(async () => messagesOf(await client.pull(retry)).length === 4, 10_000);
  });
});
