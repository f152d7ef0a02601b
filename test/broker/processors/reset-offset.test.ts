import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import {
  decodeConsumerStatusBody,
  decodeConsumeStats,
  decodeCorrectionOffsets,
  decodeResetOffsetBody,
  encodeConsumerStatusBody,
} from '../../../src/remoting/bodies/consume-stats.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { bodiesOf, json, RawClient } from '../kit.js';
import { pop } from '../pop/pop-kit.js';

let sandbox: Sandbox;
let client: RawClient;
const members: RawClient[] = [];

beforeAll(async () => {
  sandbox = await startSandbox();
  client = new RawClient(sandbox.brokerAddr);
});
afterEach(async () => {
  await Promise.all(members.splice(0).map((member) => member.close()));
  sandbox.brokers[0]!.parts.config.broker.useServerSideResetOffset = true;
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

/** A topic of four queues with three messages each, of which the group has consumed `consumed`. */
async function topicAndGroup(name: string, consumed: number): Promise<void> {
  for (let i = 0; i < 12; i++) await client.send({ topic: name, queueId: i % 4, body: `${i}` });
  await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, JSON.stringify({ groupName: `G${name}` }));
  for (let queueId = 0; queueId < 4; queueId++) await commit(name, queueId, consumed);
}

const commit = (name: string, queueId: number, offset: number) =>
  client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, {
    consumerGroup: `G${name}`,
    topic: name,
    queueId: String(queueId),
    commitOffset: String(offset),
  });
const committed = async (name: string, queueId: number, group = `G${name}`) =>
  Number(
    (await client.invoke(RequestCode.QUERY_CONSUMER_OFFSET, { consumerGroup: group, topic: name, queueId: String(queueId) })).extFields!
      .offset,
  );
const reset = (name: string, fields: Record<string, string> = {}, language?: string) =>
  client.remoting.invoke(
    sandbox.brokerAddr,
    {
      code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
      extFields: { topic: name, group: `G${name}`, timestamp: '-1', isForce: 'true', ...fields },
      ...(language === undefined ? {} : { language }),
    },
    5000,
  );
const offsetsOf = (command: { body: Uint8Array | null }) =>
  Object.fromEntries(decodeResetOffsetBody(command.body).map(([queue, offset]) => [queue.queueId, offset]));

/** A member of the group, with what the broker told it. */
async function joined(name: string, clientId: string): Promise<{ member: RawClient; told: RemotingCommand[] }> {
  const member = new RawClient(sandbox.brokerAddr);
  members.push(member);
  const told: RemotingCommand[] = [];
  member.remoting.registerProcessor(RequestCode.RESET_CONSUMER_CLIENT_OFFSET, (_addr, request) => {
    told.push(request);
    return null;
  });
  await member.heartbeat({ clientId, group: `G${name}`, subscriptions: { [name]: '*' } });
  return { member, told };
}

it('one queue goes to an offset or to a time, the others stay', async () => {
  await topicAndGroup('One', 1);
  expect(offsetsOf(await reset('One', { queueId: '2', offset: '3' }))).toEqual({ 2: 3 });
  expect(offsetsOf(await reset('One', { queueId: '3', timestamp: '0' }))).toEqual({ 3: 0 });
  expect(await Promise.all([0, 1, 2, 3].map((queueId) => committed('One', queueId)))).toEqual([1, 1, 3, 0]);
  // One beyond the end is allowed: where the message after the next one will be.
  expect(offsetsOf(await reset('One', { queueId: '0', offset: '4' }))).toEqual({ 0: 4 });
  for (const fields of [{ queueId: '1', offset: '5' }, { queueId: '1', offset: '-2' }, { queueId: '4' }]) {
    expect(await reset('One', fields)).toMatchObject({ code: ResponseCode.SYSTEM_ERROR, remark: expect.stringMatching(/range|illegal/) });
  }
  expect(await committed('One', 1)).toBe(1);
});

it('an offset without a queue is not meant for all of them: the time decides', async () => {
  await topicAndGroup('Time', 1);
  expect(offsetsOf(await reset('Time', { offset: '2' }))).toEqual({ 0: 3, 1: 3, 2: 3, 3: 3 });
  expect(offsetsOf(await reset('Time', { timestamp: '9223372036854775807' }))).toEqual({ 0: 3, 1: 3, 2: 3, 3: 3 });
});

it('commits are ignored until a pull of the queue took the reset and the next one goes on', async () => {
  await topicAndGroup('Ignored', 3);
  await reset('Ignored', { timestamp: '0' });
  expect(await commit('Ignored', 0, 3)).toMatchObject({ code: 0, remark: 'Offset has been previously reset' });
  const moved = await client.pull({ topic: 'Ignored', group: 'GIgnored', offset: 3, sysFlag: 5, fields: { commitOffset: '3' } });
  expect(moved).toMatchObject({ code: ResponseCode.PULL_OFFSET_MOVED, remark: 'OFFSET_RESET', extFields: { nextBeginOffset: '0' } });
  expect(await committed('Ignored', 0)).toBe(0);
  expect(bodiesOf(await client.pull({ topic: 'Ignored', group: 'GIgnored', maxMsgNums: 2 }))).toEqual(['0', '4']);
  await commit('Ignored', 0, 2);
  expect(await committed('Ignored', 0)).toBe(2);
  expect(await committed('Ignored', 1)).toBe(0);
});

it('a member that asked for its offset since the reset pulls on from there; one that did not is corrected, also at the very offset', async () => {
  await topicAndGroup('Knows', 3);
  const { member } = await joined('Knows', 'c1');
  const pull = (who: RawClient) => who.pull({ topic: 'Knows', group: 'GKnows', offset: 1 });
  await reset('Knows', { queueId: '0', offset: '1' });
  expect(await committed('Knows', 0)).toBe(1);
  expect(await pull(member)).toMatchObject({ code: ResponseCode.PULL_OFFSET_MOVED, remark: 'OFFSET_RESET' });
  expect(bodiesOf(await pull(member))).toEqual(['4', '8']);
  await reset('Knows', { queueId: '0', offset: '1' });
  expect(await committed('Knows', 0)).toBe(1);
  expect(bodiesOf(await pull(client))).toEqual(['4', '8']);
  await commit('Knows', 0, 2);
  expect(await committed('Knows', 0)).toBe(2);
});

it('a member that was corrected, and pauses before it goes on, does not undo the reset by committing where it was; others may commit', async () => {
  await topicAndGroup('Pause', 3);
  const { member } = await joined('Pause', 'c1');
  const commits = (offset: number, who = member) =>
    who.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'GPause', topic: 'Pause', queueId: '0', commitOffset: String(offset) });
  const corrected = async () => {
    await reset('Pause', { queueId: '0', offset: '1' });
    expect((await member.pull({ topic: 'Pause', group: 'GPause', offset: 3 })).code).toBe(ResponseCode.PULL_OFFSET_MOVED);
    expect(await commits(3)).toMatchObject({ code: 0, remark: 'Offset has been previously reset' });
    expect(await committed('Pause', 0)).toBe(1);
  };
  await corrected();
  expect(await commits(1)).toMatchObject({ code: 0, remark: null });
  await commits(2);
  expect(await committed('Pause', 0)).toBe(2);

  await corrected();
  expect(bodiesOf(await member.pull({ topic: 'Pause', group: 'GPause', offset: 1, sysFlag: 5, fields: { commitOffset: '1' } }))).toEqual([
    '4',
    '8',
  ]);
  await commits(3);
  expect(await committed('Pause', 0)).toBe(3);

  await corrected();
  await commits(2, client);
  expect(await committed('Pause', 0)).toBe(2);
});

it('after a reset nothing is in flight', async () => {
  await topicAndGroup('Flight', 1);
  await client.pull({ topic: 'Flight', group: 'GFlight', offset: 1 });
  const first = async () => {
    const stats = await client.invoke(RequestCode.GET_CONSUME_STATS, { consumerGroup: 'GFlight', topic: 'Flight' });
    return decodeConsumeStats(stats.body).offsetTable[0]![1];
  };
  expect(await first()).toMatchObject({ consumerOffset: 1, pullOffset: 3 });
  await reset('Flight', { timestamp: '0' });
  expect(await first()).toMatchObject({ consumerOffset: 0, pullOffset: 0 });
});

it('pulls and pops that are held go on at the new offset at once', async () => {
  await topicAndGroup('Held', 3);
  await client.heartbeat({ clientId: 'held', group: 'GHeld', subscriptions: { Held: '*' } });
  const pulled = client.pull({ topic: 'Held', group: 'GHeld', offset: 3, sysFlag: 2, suspendMs: 30_000, fields: { subVersion: '0' } });
  await until(() => sandbox.brokers[0]!.parts.holds.size === 1);
  await reset('Held', { queueId: '0', offset: '1' });
  expect(await pulled).toMatchObject({ code: ResponseCode.PULL_OFFSET_MOVED, extFields: { nextBeginOffset: '1' } });

  await topicAndGroup('HeldPop', 3);
  for (const queueId of [0, -1]) {
    const popped = pop(client, { topic: 'HeldPop', group: 'GHeldPop', queueId, pollMs: 30_000 });
    await until(() => sandbox.brokers[0]!.parts.popHolds.size === 1);
    await reset('HeldPop', { queueId: '0', offset: '1' });
    expect((await popped).map(({ body }) => body)).toEqual(['4', '8']);
  }
});

it('without useServerSideResetOffset the members are told, and without force a group only goes back', async () => {
  await topicAndGroup('Told', 2);
  sandbox.brokers[0]!.parts.config.broker.useServerSideResetOffset = false;
  expect(await reset('Told')).toMatchObject({ code: ResponseCode.CONSUMER_NOT_ONLINE });
  const [first, second] = [await joined('Told', 'c1'), await joined('Told', 'c2')];
  expect(offsetsOf(await reset('Told', { isForce: 'false' }))).toEqual({ 0: 2, 1: 2, 2: 2, 3: 2 });
  expect(offsetsOf(await reset('Told', {}, 'CPP'))).toEqual({ 0: 3, 1: 3, 2: 3, 3: 3 });
  for (const { told } of [first, second]) {
    await until(() => told.length === 2);
    expect(told[0]!.extFields).toEqual({ topic: 'Told', group: 'GTold', timestamp: '-1', isForce: 'false', queueId: '-1' });
    expect(told.map(offsetsOf)).toEqual([
      { 0: 2, 1: 2, 2: 2, 3: 2 },
      { 0: 3, 1: 3, 2: 3, 3: 3 },
    ]);
    expect(told[0]!.body!.toString()).toMatch(/^\{"offsetTable":\{\{"brokerName":"broker-a","queueId":0,"topic":"Told"\}:2/);
    expect(told[1]!.body!.toString()).toMatch(/^\{"offsetTable":\[\{"brokerName":"broker-a","offset":3,"queueId":0,"topic":"Told"\}/);
  }
  // The members commit what they were told; the broker moves nothing itself.
  expect(await committed('Told', 0)).toBe(2);
  expect(await reset('Told', { group: 'Nobody' })).toMatchObject({ code: 1, remark: 'THe consumer group <Nobody> not exist' });
  expect((await reset('NoSuch', {})).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
});

it('clone takes over all offsets of a topic, or of all topics, in place of those that were there', async () => {
  await topicAndGroup('Clone', 2);
  await topicAndGroup('Clone2', 1);
  const clone = (fields: Record<string, string>) =>
    client.invoke(RequestCode.CLONE_GROUP_OFFSET, { srcGroup: 'GClone', destGroup: 'Copy', offline: 'true', ...fields });
  await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, '{"groupName":"Copy"}');
  await reset('Clone', { group: 'Copy', timestamp: '0' });
  expect((await clone({ topic: 'Clone' })).code).toBe(0);
  expect(await committed('Clone', 1, 'Copy')).toBe(2);
  expect((await client.pull({ topic: 'Clone', group: 'Copy', queueId: 1, offset: 0 })).extFields!.nextBeginOffset).toBe('2');
  expect((await clone({ srcGroup: 'GClone2' })).code).toBe(0);
  expect(json(await client.invoke(RequestCode.QUERY_TOPICS_BY_CONSUMER, { group: 'Copy' })).topicList.sort()).toEqual(['Clone', 'Clone2']);
});

it('the correction of a topic is the least offset of its groups; the largest long for a group that is behind what the queue still has', async () => {
  await topicAndGroup('Correct', 2);
  await client.invoke(RequestCode.CLONE_GROUP_OFFSET, { srcGroup: 'GCorrect', destGroup: 'Behind', topic: 'Correct', offline: 'true' });
  const correction = async (fields: Record<string, string>) => {
    const answer = await client.invoke(RequestCode.QUERY_CORRECTION_OFFSET, { topic: 'Correct', ...fields });
    return Object.fromEntries(decodeCorrectionOffsets(answer.body));
  };
  await commit('Correct', 0, 3);
  expect(await correction({ compareGroup: 'GCorrect' })).toEqual({ 0: 2, 1: 2, 2: 2, 3: 2 });
  const min = vi.spyOn(sandbox.brokers[0]!.store, 'minOffset').mockReturnValue(3);
  expect(await correction({ compareGroup: 'Behind' })).toEqual({ 0: 9_223_372_036_854_775_807n, 1: 2, 2: 2, 3: 2 });
  min.mockRestore();
  expect(await correction({ filterGroups: 'Behind', compareGroup: 'GCorrect' })).toEqual({ 0: 3, 1: 2, 2: 2, 3: 2 });
  expect(json(await client.invoke(RequestCode.QUERY_TOPICS_BY_CONSUMER, { group: 'Behind' })).topicList).toEqual([]);
});

it('the status of a group is what its members say, and names those that say nothing', async () => {
  await topicAndGroup('Status', 0);
  const status = (fields: Record<string, string> = {}) =>
    client.invoke(RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, { topic: 'Status', group: 'GStatus', ...fields });
  expect(await status()).toMatchObject({ code: 1, remark: 'No Any Consumer online in the consumer group: [GStatus]' });
  const { member } = await joined('Status', 'c1');
  await joined('Status', 'c2');
  const queue = { brokerName: 'broker-a', queueId: 2, topic: 'Status' };
  member.remoting.registerProcessor(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, (_addr, request) => {
    expect(request.extFields).toEqual({ topic: 'Status', group: 'GStatus' });
    return { code: ResponseCode.SUCCESS, body: encodeConsumerStatusBody({ messageQueueTable: [[queue, 7]], consumerTable: new Map() }) };
  });
  const all = await status();
  expect(all).toMatchObject({ code: 0, remark: expect.stringMatching(/^unknown for c2: /) });
  expect(decodeConsumerStatusBody(all.body)).toEqual({ messageQueueTable: [], consumerTable: new Map([['c1', [[queue, 7]]]]) });
  const one = await status({ clientAddr: 'c1' });
  expect([one.code, one.remark]).toEqual([0, null]);
  expect((await status({ group: 'NoSuch' })).code).toBe(1);
});
