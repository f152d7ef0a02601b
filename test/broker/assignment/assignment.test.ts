import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assignForPop, assignForPull } from '../../../broker/assignment/index.js';
import { decodeQueryAssignmentResponseBody, encodeSetMessageRequestModeRequestBody } from '../../../src/remoting/bodies/index.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { json, RawClient } from '../kit.js';

const queuesOf = (count: number) => Array.from({ length: count }, (_, queueId) => ({ topic: 'T', brokerName: 'b', queueId }));
const ids = (queues: { queueId: number }[] | null) => queues?.map((queue) => queue.queueId) ?? null;

describe('assignment', () => {
  const clientIds = ['c0', 'c1', 'c2'];
  const queues = queuesOf(8);
  const input = (clientId: string, strategyName = 'AVG') => ({ strategyName, clientId, queues, clientIds });

  it('divides pulled queues as the clients do', () => {
    expect(clientIds.map((id) => ids(assignForPull(input(id))))).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ]);
    expect(clientIds.map((id) => ids(assignForPull(input(id, 'AVG_BY_CIRCLE'))))).toEqual([
      [0, 3, 6],
      [1, 4, 7],
      [2, 5],
    ]);
    expect(assignForPull(input('c0', 'CONSISTENT_HASH'))).toBeNull();
    expect(assignForPull(input('stranger'))).toEqual([]);
  });

  it('gives popped queues to all, to neighbours, or one to each', () => {
    expect(ids(assignForPop(input('c0'), 0))).toEqual([-1]);
    expect(ids(assignForPop(input('c0'), -1))).toEqual([-1]);
    expect(ids(assignForPop(input('c0'), 2))).toEqual([-1]);
    expect(ids(assignForPop(input('c2'), 1))).toEqual([6, 7, 0, 1, 2]);
    const many = { ...input('c2'), queues: queuesOf(2), clientIds: ['c0', 'c1', 'c2', 'c3'] };
    expect(ids(assignForPop(many, 1))).toEqual([0]);
    expect(assignForPop(input('c0', 'NO_SUCH'), 1)).toBeNull();
  });
});

describe('a cluster of two brokers', () => {
  let sandbox: Sandbox;
  let client: RawClient;
  const setMode = (topic: string, consumerGroup: string, popShareQueueNum = 0, mode: 'POP' | 'PULL' = 'POP') => {
    const body = encodeSetMessageRequestModeRequestBody({ topic, consumerGroup, mode, popShareQueueNum });
    return client.invoke(RequestCode.SET_MESSAGE_REQUEST_MODE, null, body);
  };
  const query = async (topic: string, fields: Record<string, string> = {}) => {
    const body = { clientId: 'c0', consumerGroup: 'CG', messageModel: 'CLUSTERING', strategyName: 'AVG', topic, ...fields };
    const answer = await client.invoke(RequestCode.QUERY_ASSIGNMENT, null, JSON.stringify(body));
    expect(answer.code).toBe(ResponseCode.SUCCESS);
    return decodeQueryAssignmentResponseBody(answer.body);
  };

  beforeAll(async () => {
    sandbox = await startSandbox({ brokers: 2 });
    client = new RawClient(sandbox.brokerAddr);
    await client.send({ topic: 'Assigned' });
    const other = new RawClient(sandbox.brokers[1]!.address);
    await other.send({ topic: 'Assigned' });
    await other.close();
    await client.heartbeat({ clientId: 'c0', group: 'CG', subscriptions: { Assigned: '*' } });
    await until(() => sandbox.brokers.every((broker) => !broker.parts.registration.isPending));
  });
  afterAll(async () => {
    await client.close();
    await sandbox.stop();
  });

  it('assigns the queues of all its brokers for pulling until a mode is set', async () => {
    const assigned = await query('Assigned');
    expect(assigned?.map(({ mode, messageQueue }) => `${mode} ${messageQueue.brokerName} ${messageQueue.queueId}`)).toEqual(
      ['broker-a', 'broker-b'].flatMap((name) => [0, 1, 2, 3].map((id) => `PULL ${name} ${id}`)),
    );
    expect(await query('Assigned', { messageModel: 'BROADCASTING', clientId: 'nobody' })).toHaveLength(8);
  });

  it('answers no assignment for what it cannot divide', async () => {
    expect(await query('NoSuchTopic')).toBeNull();
    expect(await query('Assigned', { consumerGroup: 'offline' })).toBeNull();
    expect(await query('Assigned', { strategyName: 'MACHINE_ROOM' })).toBeNull();
    expect(await query('Assigned', { clientId: 'stranger' })).toEqual([]);
  });

  it('assigns any queue of each broker for popping once the mode is set, and keeps the mode', async () => {
    expect((await setMode('Assigned', 'CG', 8)).code).toBe(ResponseCode.SUCCESS);
    expect(await query('Assigned')).toEqual([
      { messageQueue: { topic: 'Assigned', brokerName: 'broker-a', queueId: -1 }, mode: 'POP' },
      { messageQueue: { topic: 'Assigned', brokerName: 'broker-b', queueId: -1 }, mode: 'POP' },
    ]);
    const kept = {
      messageRequestModeMap: { Assigned: { CG: { consumerGroup: 'CG', mode: 'POP', popShareQueueNum: 8, topic: 'Assigned' } } },
    };
    expect(json(await client.invoke(RequestCode.GET_ALL_MESSAGE_REQUEST_MODE))).toEqual(kept);
    const file = join(sandbox.dir, 'broker-a', 'config', 'messageRequestMode.json');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(kept);
    await setMode('Assigned', 'CG', 0, 'PULL');
    expect((await query('Assigned'))?.[0]?.mode).toBe('PULL');
  });

  it('refuses a mode for retry topics and unknown topics', async () => {
    expect(await setMode('%RETRY%CG', 'CG')).toMatchObject({
      code: ResponseCode.NO_PERMISSION,
      remark: 'retry topic is not allowed to set mode',
    });
    expect(await setMode('NoSuchTopic', 'CG')).toMatchObject({
      code: ResponseCode.TOPIC_NOT_EXIST,
      remark: 'topic[NoSuchTopic] not exist',
    });
    const body = '{"topic":"Assigned","consumerGroup":"CG","mode":"PUSH"}';
    expect((await client.invoke(RequestCode.SET_MESSAGE_REQUEST_MODE, null, body)).code).toBe(ResponseCode.INVALID_PARAMETER);
  });
});
