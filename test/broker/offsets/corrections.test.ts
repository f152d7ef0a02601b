import { afterAll, beforeAll, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { bodiesOf, json, RawClient } from '../kit.js';

let sandbox: Sandbox;
let admin: RawClient;
let member: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox();
  admin = new RawClient(sandbox.brokerAddr);
  member = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await Promise.all([admin.close(), member.close()]);
  await sandbox.stop();
});

const pull = (topic: string, offset: number, commit = offset, from = member) =>
  from.pull({ topic, group: `G${topic}`, offset, sysFlag: 5, fields: { commitOffset: String(commit) } });
const query = (topic: string, from = member) =>
  from.invoke(RequestCode.QUERY_CONSUMER_OFFSET, { consumerGroup: `G${topic}`, topic, queueId: '0' });
const commit = (topic: string, offset: number) =>
  member.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, { consumerGroup: `G${topic}`, topic, queueId: '0', commitOffset: String(offset) });
const send = async (topic: string, ...bodies: string[]): Promise<void> => {
  for (const body of bodies) expect((await admin.send({ topic, body })).code).toBe(0);
};
const remove = (topic: string) => admin.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, { topic });

/** A topic of which a member consumed four messages before it was deleted and made again with `bodies`. */
async function remade(topic: string, ...bodies: string[]): Promise<void> {
  await send(topic, 'a', 'b', 'c', 'd');
  await pull(topic, 4);
  await remove(topic);
  expect((await pull(topic, 4)).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  expect((await commit(topic, 4)).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  await send(topic, ...bodies);
}

it.each([
  ['has fewer messages', ['n0', 'n1']],
  ['has more messages', ['n0', 'n1', 'n2', 'n3', 'n4', 'n5']],
])(
  'a member that goes on at its old offset of a topic that was made again and %s begins at the start, and nothing is lost',
  async (what, bodies) => {
    const topic = what.replaceAll(' ', '_');
    await remade(topic, ...bodies);
    expect(await commit(topic, 4)).toMatchObject({ code: 0, remark: 'Offset has been previously reset' });
    expect(await pull(topic, 4)).toMatchObject({ code: ResponseCode.PULL_OFFSET_MOVED, extFields: { nextBeginOffset: '0' } });
    expect(bodiesOf(await pull(topic, 0))).toEqual(bodies);
    expect((await pull(topic, bodies.length)).code).toBe(ResponseCode.PULL_NOT_FOUND);
    expect((await query(topic)).extFields!.offset).toBe(String(bodies.length));
  },
);

it('a member that asks where to begin in the topic that was made again goes on from there without a correction', async () => {
  await remade('Asked', 'n0', 'n1', 'n2');
  expect((await query('Asked')).extFields!.offset).toBe('0');
  expect(bodiesOf(await pull('Asked', 1))).toEqual(['n1', 'n2']);
  await commit('Asked', 3);
  expect((await query('Asked')).extFields!.offset).toBe('3');
});

it('a tool that reads a topic that was made again is not corrected', async () => {
  await send('Tool', 'a', 'b');
  await admin.pull({ topic: 'Tool', group: 'TOOLS_CONSUMER', offset: 1 });
  await remove('Tool');
  await send('Tool', 'x', 'y');
  expect(bodiesOf(await admin.pull({ topic: 'Tool', group: 'TOOLS_CONSUMER', offset: 1 }))).toEqual(['y']);
});

it('a commit beyond the end, or behind what was committed, is taken; the pull behind it is corrected', async () => {
  await send('Beyond', 'a', 'b');
  await pull('Beyond', 2);
  expect((await commit('Beyond', 9)).code).toBe(0);
  expect((await query('Beyond')).extFields!.offset).toBe('9');
  expect(await pull('Beyond', 9)).toMatchObject({ code: ResponseCode.PULL_OFFSET_MOVED, extFields: { nextBeginOffset: '2' } });
  expect((await commit('Beyond', 1)).code).toBe(0);
  expect((await query('Beyond')).extFields!.offset).toBe('1');
});

it('offsets that are none are refused by name', async () => {
  const update = (fields: Record<string, string>) =>
    member.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'GBeyond', topic: 'Beyond', queueId: '0', ...fields });
  for (const fields of [{}, { commitOffset: '-1' }, { commitOffset: '1', queueId: '-1' }, { commitOffset: '1', queueId: '65536' }]) {
    expect((await update(fields)).code).toBe(ResponseCode.INVALID_PARAMETER);
  }
  expect(await update({ commitOffset: 'many' })).toMatchObject({ code: 1, remark: expect.stringContaining('commitOffset=many') });
});

it('what a proxy keeps for broadcasting members is no group', async () => {
  await send('Shadow', 'a');
  const { offsets } = sandbox.brokers[0]!.parts;
  offsets.commit('GShadow', 'Shadow', 0, 1);
  offsets.commit('GShadow@broadcast', 'Shadow', 0, 1);
  expect(json(await admin.invoke(RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, { topic: 'Shadow' }))).toEqual({ groupList: ['GShadow'] });
  const all = json(await admin.invoke(RequestCode.GET_ALL_CONSUMER_OFFSET));
  expect(Object.keys(all.offsetTable)).toContain('Shadow@GShadow@broadcast');
  expect(Object.keys(all.groupTopicMap)).not.toContain('GShadow@broadcast');
});
