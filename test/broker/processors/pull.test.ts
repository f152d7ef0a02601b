import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { bodiesOf, RawClient } from '../kit.js';

const TOPIC = 'Pulls';
let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox();
  client = new RawClient(sandbox.brokerAddr);
  for (const [body, tag] of [
    ['a0', 'A'],
    ['b1', 'B'],
    ['c2', 'Aa'],
    ['n3', ''],
    ['d4', 'BB'],
  ] as const) {
    await client.send({ topic: TOPIC, body, properties: tag === '' ? {} : { TAGS: tag } });
  }
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

describe('offsets of a pull', () => {
  it.each([
    ['at 0', 0, 0, 'FOUND', 5, 5],
    ['at the end', 5, ResponseCode.PULL_NOT_FOUND, 'OFFSET_OVERFLOW_ONE', 5, 5],
    ['beyond the end', 9, ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_OVERFLOW_BADLY', 5, 5],
    ['below the start', -1, ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_TOO_SMALL', 0, 5],
  ])('%s', async (_name, offset, code, status, nextBeginOffset, maxOffset) => {
    expect(await client.pull({ topic: TOPIC, offset })).toMatchObject({
      code,
      remark: status,
      extFields: {
        nextBeginOffset: String(nextBeginOffset),
        minOffset: '0',
        maxOffset: String(maxOffset),
        suggestWhichBrokerId: '0',
        topicSysFlag: '0',
        groupSysFlag: '0',
      },
    });
  });

  it('of a queue without messages give 19 at 0 and 21 elsewhere', async () => {
    expect((await client.pull({ topic: TOPIC, queueId: 3, offset: 0 })).code).toBe(ResponseCode.PULL_NOT_FOUND);
    expect(await client.pull({ topic: TOPIC, queueId: 3, offset: 7 })).toMatchObject({
      code: ResponseCode.PULL_OFFSET_MOVED,
      extFields: { nextBeginOffset: '0' },
    });
  });

  it('stop at maxMsgNums', async () => {
    const answer = await client.pull({ topic: TOPIC, offset: 1, maxMsgNums: 2 });
    expect(bodiesOf(answer)).toEqual(['b1', 'c2']);
    expect(answer.extFields!.nextBeginOffset).toBe('3');
  });
});

describe('tags', () => {
  it('are matched by their hash: a colliding tag comes along, an untagged message does not', async () => {
    const answer = await client.pull({ topic: TOPIC, subscription: 'A||BB' });
    expect(bodiesOf(answer)).toEqual(['a0', 'c2', 'd4']);
    expect(answer.extFields!.nextBeginOffset).toBe('5');
  });

  it('that nothing has give 20 and go on behind what was looked at', async () => {
    expect(await client.pull({ topic: TOPIC, subscription: 'zzz' })).toMatchObject({
      code: ResponseCode.PULL_RETRY_IMMEDIATELY,
      remark: 'NO_MATCHED_MESSAGE',
      extFields: { nextBeginOffset: '5' },
    });
  });

  it('of separators only give 23', async () => {
    expect((await client.pull({ topic: TOPIC, subscription: '||' })).code).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
  });

  it('with SQL give 1 as long as there is no property filter', async () => {
    const answer = await client.pull({ topic: TOPIC, subscription: 'a > 1', fields: { expressionType: 'SQL92' } });
    expect(answer.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(answer.remark).toContain('SQL92');
  });
});

describe('the checks of a pull', () => {
  it('an unknown topic gives 17 with an empty header', async () => {
    expect(await client.pull({ topic: 'NoSuch' })).toMatchObject({ code: ResponseCode.TOPIC_NOT_EXIST, extFields: {} });
  });

  it.each([77, -1, 4])('queueId %i gives 29', async (queueId) => {
    const answer = await client.pull({ topic: TOPIC, queueId });
    expect(answer.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(answer.remark).toContain(`queueId[${queueId}] is illegal, topic:[Pulls] topicConfig.readQueueNums:[4]`);
  });

  it('a group that never sent a heartbeat gives 24', async () => {
    const answer = await client.pull({ topic: TOPIC, group: 'Silent', sysFlag: 0 });
    expect(answer).toMatchObject({ code: ResponseCode.SUBSCRIPTION_NOT_EXIST, extFields: {} });
  });

  it('a topic that cannot be read gives 16 and says so', async () => {
    await client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, {
      topic: 'WriteOnly',
      defaultTopic: 'TBW102',
      readQueueNums: '1',
      writeQueueNums: '1',
      perm: '2',
      topicFilterType: 'SINGLE_TAG',
      order: 'false',
    });
    expect(await client.pull({ topic: 'WriteOnly' })).toMatchObject({
      code: ResponseCode.NO_PERMISSION,
      extFields: { forbiddenType: '3' },
    });
  });

  it('a group that may not consume gives 16', async () => {
    await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, '{"groupName":"Off","consumeEnable":false}');
    expect(await client.pull({ topic: TOPIC, group: 'Off' })).toMatchObject({
      code: ResponseCode.NO_PERMISSION,
      extFields: { forbiddenType: '2' },
    });
  });

  it('a pull on the VIP port is not known there, a send is', async () => {
    const [host, port] = sandbox.brokerAddr.split(':');
    const vip = new RawClient(`${host}:${Number(port) - 2}`);
    expect((await vip.pull({ topic: TOPIC })).code).toBe(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
    expect((await vip.send({ topic: 'ByVip' })).code).toBe(0);
    await vip.close();
  });

  it('a lite pull is a pull', async () => {
    expect(bodiesOf(await client.pull({ topic: TOPIC, code: RequestCode.LITE_PULL_MESSAGE, sysFlag: 20, maxMsgNums: 1 }))).toEqual(['a0']);
  });
});

describe('a registered subscription', () => {
  it('filters pulls that carry none, and a newer one than registered gives 25', async () => {
    await client.heartbeat({ clientId: 'c@1', group: 'Reg', subscriptions: { [TOPIC]: 'A' }, subVersion: 100 });
    expect(bodiesOf(await client.pull({ topic: TOPIC, group: 'Reg', sysFlag: 0, fields: { subVersion: '100' } }))).toEqual(['a0']);
    expect((await client.pull({ topic: TOPIC, group: 'Reg', sysFlag: 0, fields: { subVersion: '101' } })).code).toBe(
      ResponseCode.SUBSCRIPTION_NOT_LATEST,
    );
    expect((await client.pull({ topic: 'TBW102', group: 'Reg', sysFlag: 0 })).code).toBe(ResponseCode.SUBSCRIPTION_NOT_EXIST);
  });

  it('compares versions as 64 bits', async () => {
    const go = 1795233666998123457n;
    await client.heartbeat({ clientId: 'c@1', group: 'Go', subscriptions: { [TOPIC]: '*' }, subVersion: go });
    const pull = (version: bigint) => client.pull({ topic: TOPIC, group: 'Go', sysFlag: 0, fields: { subVersion: String(version) } });
    expect((await pull(go)).code).toBe(0);
    expect((await pull(go + 1n)).code).toBe(ResponseCode.SUBSCRIPTION_NOT_LATEST);
  });

  it('a pull commits the offset it carries', async () => {
    await client.pull({ topic: TOPIC, group: 'Reg', sysFlag: 5, offset: 2, fields: { commitOffset: '2' } });
    const offset = await client.invoke(RequestCode.QUERY_CONSUMER_OFFSET, { consumerGroup: 'Reg', topic: TOPIC, queueId: '0' });
    expect(offset.extFields).toEqual({ offset: '2' });
  });
});

describe('a binary request', () => {
  it('gets the same answers', async () => {
    const { RemotingClient } = await import('../../../src/remoting/client.js');
    const remoting = new RemotingClient({ serializeType: 1 });
    const extFields = {
      consumerGroup: 'G',
      topic: TOPIC,
      queueId: '0',
      queueOffset: '0',
      maxMsgNums: '2',
      sysFlag: '4',
      commitOffset: '0',
      suspendTimeoutMillis: '0',
      subscription: '*',
      subVersion: '0',
    };
    const answer = await remoting.invoke(sandbox.brokerAddr, { code: RequestCode.PULL_MESSAGE, extFields }, 3000);
    expect(bodiesOf(answer)).toEqual(['a0', 'b1']);
    expect(answer).toMatchObject({ code: 0, remark: 'FOUND', serializeType: 1, extFields: { nextBeginOffset: '2' } });
    const fields = { a: 'PG', b: 'Binary', c: 'TBW102', d: '4', e: '0', f: '0', g: '1', h: '0', i: 'UNIQ_KEY\u0001x\u0002', j: '0' };
    const sent = await remoting.invoke(
      sandbox.brokerAddr,
      { code: RequestCode.SEND_MESSAGE_V2, extFields: fields, body: Buffer.from('x') },
      3000,
    );
    expect(sent).toMatchObject({ code: 0, serializeType: 1, extFields: { queueOffset: '0', transactionId: 'x' } });
    await remoting.close();
  });
});
