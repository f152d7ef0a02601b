import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { json, RawClient } from '../kit.js';

let sandbox: Sandbox;
const open: RawClient[] = [];

beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(async () => {
  await Promise.all(open.map((client) => client.close()));
  await sandbox.stop();
});

function newClient(): RawClient {
  const client = new RawClient(sandbox.brokerAddr);
  open.push(client);
  return client;
}

/** A member that counts how often it is told that its group changed. */
function newMember(): { client: RawClient; notices: () => number } {
  const client = newClient();
  let count = 0;
  client.remoting.registerProcessor(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, () => {
    count++;
    return null;
  });
  return { client, notices: () => count };
}

const members = async (client: RawClient, group: string): Promise<string[]> =>
  json(await client.invoke(RequestCode.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: group }))?.consumerIdList ?? [];

describe('a heartbeat', () => {
  it('creates the group and its retry topic, also for broadcasting, and says what the broker can', async () => {
    const client = newClient();
    const answer = await client.heartbeat({ clientId: 'c@1', group: 'HB', subscriptions: { T: '*' }, messageModel: 'Broadcasting' });
    expect(answer).toMatchObject({ code: 0, version: 479, extFields: { IS_SUPPORT_HEART_BEAT_V2: 'true', IS_SUB_CHANGE: 'true' } });
    expect(json(await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: '%RETRY%HB' }))).toMatchObject({
      readQueueNums: 1,
      writeQueueNums: 1,
      perm: 6,
    });
    expect(json(await client.invoke(RequestCode.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: 'HB' }))).toMatchObject({
      messageModel: 'BROADCASTING',
    });
  });

  it('of a producer makes it visible, and an unknown group gives 1', async () => {
    const client = newClient();
    await client.heartbeat({ clientId: 'p@1', producerGroup: 'PGroup' });
    const { connectionSet } = json(await client.invoke(RequestCode.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'PGroup' }));
    expect(connectionSet).toMatchObject([{ clientId: 'p@1', version: 479 }]);
    expect((await client.invoke(RequestCode.GET_PRODUCER_CONNECTION_LIST, { producerGroup: 'nobody' })).code).toBe(
      ResponseCode.SYSTEM_ERROR,
    );
  });

  it('of a group that may not be created is passed over silently', async () => {
    const strict = await startSandbox({ brokerConfig: { autoCreateSubscriptionGroup: false } });
    const client = new RawClient(strict.brokerAddr);
    expect((await client.heartbeat({ clientId: 'c', group: 'New', subscriptions: { T: '*' } })).code).toBe(0);
    expect((await client.invoke(RequestCode.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: 'New' })).code).toBe(ResponseCode.SYSTEM_ERROR);
    expect((await client.pull({ topic: 'TBW102', group: 'New' })).code).toBe(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
    await client.close();
    await strict.stop();
  });

  it('keeps unknown fields, text codes and nanosecond versions from hurting', async () => {
    const client = newClient();
    const body =
      '{"clientID":"go@1","consumerDataSet":[{"groupName":"GoGroup","consumeType":"CONSUME_PASSIVELY","messageModel":"Clustering","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","subscriptionDataSet":[{"classFilterMode":false,"topic":"T","subString":"A","tagsSet":["A"],"codeSet":["65"],"subVersion":1795233666998123457,"expressionType":"TAG","extra":{"a":1}}],"unitMode":false,"more":1}],"producerDataSet":[],"what":[1]}';
    expect((await client.invoke(RequestCode.HEART_BEAT, null, body)).code).toBe(0);
    const info = await client.invoke(RequestCode.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: 'GoGroup' });
    expect(info.body!.toString()).toContain('"subVersion":1795233666998123457');
    expect(json(info)).toMatchObject({ messageModel: 'CLUSTERING', subscriptionTable: { T: { codeSet: [65], tagsSet: ['A'] } } });
  });

  it('that is no JSON, or names no client, gives 1', async () => {
    const client = newClient();
    expect((await client.invoke(RequestCode.HEART_BEAT, null, '{"clientID":')).code).toBe(ResponseCode.SYSTEM_ERROR);
    expect((await client.invoke(RequestCode.HEART_BEAT, null, '{}')).code).toBe(ResponseCode.SYSTEM_ERROR);
  });
});

describe('members of a group', () => {
  it('are all told when one joins, leaves, or its connection closes', async () => {
    const first = newMember();
    const second = newMember();
    await first.client.heartbeat({ clientId: 'm1', group: 'Team', subscriptions: { T: '*' } });
    await until(() => first.notices() === 1);
    await second.client.heartbeat({ clientId: 'm2', group: 'Team', subscriptions: { T: '*' } });
    await until(() => first.notices() === 2 && second.notices() === 1);
    expect((await members(first.client, 'Team')).sort()).toEqual(['m1', 'm2']);
    // Nothing changed: nobody is told.
    await second.client.heartbeat({ clientId: 'm2', group: 'Team', subscriptions: { T: '*' }, subVersion: 9 });
    expect(first.notices()).toBe(2);
    await second.client.invoke(RequestCode.UNREGISTER_CLIENT, { clientID: 'm2', consumerGroup: 'Team' });
    await until(() => first.notices() === 3);
    await second.client.heartbeat({ clientId: 'm2', group: 'Team', subscriptions: { T: '*' } });
    await until(() => first.notices() === 4);
    await second.client.close();
    await until(() => first.notices() === 5);
    expect(await members(first.client, 'Team')).toEqual(['m1']);
  });

  it('are told of a heartbeat behind its answer', async () => {
    const events: string[] = [];
    const client = newClient();
    client.remoting.registerProcessor(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, () => {
      events.push('notice');
      return null;
    });
    const handler = { onResponse: () => events.push('answer'), onError: () => events.push('error') };
    const body = Buffer.from(
      '{"clientID":"o1","consumerDataSet":[{"groupName":"Order","messageModel":"CLUSTERING","subscriptionDataSet":[]}]}',
    );
    client.remoting.send(client.addr, { code: RequestCode.HEART_BEAT, extFields: {}, body }, 5_000, handler, null);
    await until(() => events.length === 2);
    expect(events).toEqual(['answer', 'notice']);
  });

  it('that broadcast are not told', async () => {
    const { client, notices } = newMember();
    await client.heartbeat({ clientId: 'b1', group: 'Cast', subscriptions: { T: '*' }, messageModel: 'BROADCASTING' });
    await client.invoke(RequestCode.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: 'Cast' });
    expect(notices()).toBe(0);
  });

  it('with different topics flip the table with every beat; with different tags the higher version stays', async () => {
    const client = newClient();
    const table = async () =>
      json(await client.invoke(RequestCode.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: 'Flip' })).subscriptionTable;
    await client.heartbeat({ clientId: 'f1', group: 'Flip', subscriptions: { T7A: '*' } });
    await client.heartbeat({ clientId: 'f2', group: 'Flip', subscriptions: { T7B: '*' } });
    expect(Object.keys(await table())).toEqual(['T7B']);
    await client.heartbeat({ clientId: 'f1', group: 'Flip', subscriptions: { T: 'A' }, subVersion: 5 });
    await client.heartbeat({ clientId: 'f2', group: 'Flip', subscriptions: { T: 'B' }, subVersion: 4 });
    expect((await table()).T.subString).toBe('A');
    await client.heartbeat({ clientId: 'f2', group: 'Flip', subscriptions: { T: 'B' }, subVersion: 6 });
    expect((await table()).T.subString).toBe('B');
  });

  it('that nobody is gives 1 for the list and 206 for the connections', async () => {
    const client = newClient();
    expect(await client.invoke(RequestCode.GET_CONSUMER_LIST_BY_GROUP, { consumerGroup: 'None' })).toMatchObject({
      code: 1,
      remark: 'no consumer for this group, None',
    });
    expect((await client.invoke(RequestCode.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: 'None' })).code).toBe(
      ResponseCode.CONSUMER_NOT_ONLINE,
    );
  });
});

describe('requests that are passed on to a consumer', () => {
  it('come back as it answers them; a client that is not there gives 1', async () => {
    const client = newClient();
    client.remoting.registerProcessor(RequestCode.GET_CONSUMER_RUNNING_INFO, (_addr, request) => ({
      code: 0,
      remark: `for ${request.extFields?.clientId}`,
      body: Buffer.from('{"properties":{}}'),
    }));
    await client.heartbeat({ clientId: 'run@1', group: 'Running', subscriptions: { T: '*' } });
    const asker = newClient();
    const ask = (clientId: string) =>
      asker.invoke(RequestCode.GET_CONSUMER_RUNNING_INFO, { consumerGroup: 'Running', clientId, jstackEnable: 'false' });
    const answer = await ask('run@1');
    expect(answer).toMatchObject({ code: 0, remark: 'for run@1' });
    expect(answer.body!.toString()).toBe('{"properties":{}}');
    expect(await ask('other')).toMatchObject({ code: 1, remark: 'The Consumer <Running> <other> not online' });
  });

  it('46 refuses SQL and lets tags pass', async () => {
    const client = newClient();
    const check = (expressionType: string) =>
      client.invoke(
        RequestCode.CHECK_CLIENT_CONFIG,
        null,
        JSON.stringify({ clientId: 'c', group: 'g', subscriptionData: { topic: 'T', subString: 'a > 1', expressionType } }),
      );
    expect((await check('TAG')).code).toBe(0);
    const answer = await check('SQL92');
    expect(answer.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(answer.remark).toContain('SQL92');
  });
});
