import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeOffsetMsgId } from '../../../src/common/message/message-id.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { bodiesOf, json, messagesOf, propertiesOf, propertiesText, RawClient } from '../kit.js';

let sandbox: Sandbox;
let client: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox();
  client = new RawClient(sandbox.brokerAddr);
});
afterAll(async () => {
  await client.close();
  await sandbox.stop();
});

describe('a send to an unknown topic', () => {
  it('creates it with 4 queues and perm 6, and the name server knows it when the answer is there', async () => {
    expect((await client.send({ topic: 'Fresh' })).code).toBe(ResponseCode.SUCCESS);
    const route = await client.remoting.invoke(
      sandbox.namesrvAddr,
      { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic: 'Fresh' } },
      3000,
    );
    expect(json(route).queueDatas).toEqual([{ brokerName: 'broker-a', perm: 6, readQueueNums: 4, topicSysFlag: 0, writeQueueNums: 4 }]);
  });

  it('creates no more queues than its default topic has', async () => {
    await client.send({ topic: 'Wide', fields: { d: '64' } });
    expect(json(await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: 'Wide' }))).toMatchObject({
      readQueueNums: 8,
      writeQueueNums: 8,
      perm: 6,
    });
  });

  it('inherits from any topic that may be inherited', async () => {
    expect((await client.send({ topic: 'FromCluster', fields: { c: 'DefaultCluster', d: '2' } })).code).toBe(ResponseCode.SUCCESS);
  });

  it.each([['NoSuchDefault'], ['BenchmarkTest']])('is refused with 17 when the default topic is %s', async (defaultTopic) => {
    const answer = await client.send({ topic: 'Orphan', fields: { c: defaultTopic } });
    expect(answer.code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect(answer.remark).toContain('topic[Orphan] not exist');
    expect(answer.extFields).toEqual({ MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' });
  });

  it('creates a retry topic with one queue in any case', async () => {
    expect((await client.send({ topic: '%RETRY%someGroup', fields: { c: 'NoSuchDefault' } })).code).toBe(ResponseCode.SUCCESS);
    expect(json(await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: '%RETRY%someGroup' }))).toMatchObject({
      readQueueNums: 1,
      perm: 6,
    });
  });
});

describe('the checks of a send', () => {
  it.each([
    ['a topic of 128 characters', 'x'.repeat(128), ResponseCode.INVALID_PARAMETER],
    ['a topic with a blank', 'bad topic', ResponseCode.INVALID_PARAMETER],
    ['a blank topic', '', ResponseCode.INVALID_PARAMETER],
    ['the delay topic', 'SCHEDULE_TOPIC_XXXX', ResponseCode.NO_PERMISSION],
    ['the half topic', 'RMQ_SYS_TRANS_HALF_TOPIC', ResponseCode.NO_PERMISSION],
    ['SELF_TEST_TOPIC', 'SELF_TEST_TOPIC', ResponseCode.NO_PERMISSION],
  ])('%s gives its code', async (_name, topic, code) => {
    expect((await client.send({ topic })).code).toBe(code);
  });

  it('queueId −1 is a random queue, told in the answer; a queueId beyond the topic gives 29', async () => {
    const queues = new Set<string>();
    for (let i = 0; i < 40; i++) queues.add((await client.send({ topic: 'Queues', queueId: -1 })).extFields!.queueId!);
    expect([...queues].sort()).toEqual(['0', '1', '2', '3']);
    const answer = await client.send({ topic: 'Queues', queueId: 4 });
    expect(answer.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(answer.remark).toContain('request queueId[4] is illegal, TopicConfig [topicName=Queues, readQueueNums=4');
  });

  it('a queueId between the write and the read queues is taken', async () => {
    await client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, {
      topic: 'Shrunk',
      defaultTopic: 'TBW102',
      readQueueNums: '4',
      writeQueueNums: '2',
      perm: '6',
      topicFilterType: 'SINGLE_TAG',
      order: 'false',
    });
    expect((await client.send({ topic: 'Shrunk', queueId: 3 })).code).toBe(ResponseCode.SUCCESS);
    expect((await client.send({ topic: 'Shrunk', queueId: 4 })).code).toBe(ResponseCode.INVALID_PARAMETER);
  });

  it('a read-only topic takes sends: routes keep producers away', async () => {
    await client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, {
      topic: 'ReadOnly',
      defaultTopic: 'TBW102',
      readQueueNums: '1',
      writeQueueNums: '1',
      perm: '4',
      topicFilterType: 'SINGLE_TAG',
      order: 'false',
    });
    expect((await client.send({ topic: 'ReadOnly' })).code).toBe(ResponseCode.SUCCESS);
  });

  it.each(['e', 'g', 'f', 'h'])('a missing field %s is named in an error 1', async (field) => {
    const answer = await client.send({ topic: 'Fresh', fields: { [field]: '' } });
    expect(answer.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(answer.remark).toContain(`the field ${field}`);
  });

  it('a body of more than maxMessageSize, properties over 32767 bytes, and no body give 13', async () => {
    expect((await client.send({ topic: 'Fresh', body: 'x'.repeat(4 * 1024 * 1024 + 1) })).code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect((await client.send({ topic: 'Fresh', body: 'x'.repeat(4 * 1024 * 1024) })).code).toBe(ResponseCode.SUCCESS);
    expect((await client.send({ topic: 'Fresh', properties: { p: 'x'.repeat(32767) } })).code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect((await client.send({ topic: 'Fresh', body: '' })).code).toBe(ResponseCode.MESSAGE_ILLEGAL);
  });

  it.each([
    ['prepared messages', {}, { f: '4' }, ResponseCode.MESSAGE_ILLEGAL, 'half message'],
    ['multi-dispatch', { INNER_MULTI_DISPATCH: '%LMQ%a' }, {}, ResponseCode.MESSAGE_ILLEGAL, 'INNER_MULTI_DISPATCH'],
    ['inner batches', { INNER_NUM: '2' }, {}, ResponseCode.MESSAGE_ILLEGAL, 'INNER_NUM'],
  ])('%s are refused by name and nothing is stored', async (_name, properties, fields, code, text) => {
    const before = await client.invoke(RequestCode.GET_MAX_OFFSET, { topic: 'Refusing', queueId: '0' });
    const answer = await client.send({ topic: 'Refusing', properties: properties as Record<string, string>, fields });
    expect(answer.code).toBe(code);
    expect(answer.remark).toContain(text);
    expect((await client.invoke(RequestCode.GET_MAX_OFFSET, { topic: 'Refusing', queueId: '0' })).extFields).toEqual(before.extFields);
  });

  it('unknown header fields are ignored', async () => {
    expect((await client.send({ topic: 'Fresh', fields: { n: 'broker-a', ns: 'x', nsd: 'true', lo: 'false', whatever: '1' } })).code).toBe(
      0,
    );
  });

  it('a one-way send is stored and not answered', async () => {
    const before = Number((await client.invoke(RequestCode.GET_MAX_OFFSET, { topic: 'Queues', queueId: '1' })).extFields!.offset);
    const fields = { a: 'PG', b: 'Queues', c: 'TBW102', d: '4', e: '1', f: '0', g: '1', h: '0', i: '', j: '0' };
    await client.remoting.invokeOneway(sandbox.brokerAddr, {
      code: RequestCode.SEND_MESSAGE_V2,
      extFields: fields,
      body: Buffer.from('x'),
    });
    const offset = async () =>
      Number((await client.invoke(RequestCode.GET_MAX_OFFSET, { topic: 'Queues', queueId: '1' })).extFields!.offset);
    await until(async () => (await offset()) === before + 1);
  });

  it('a request code that nobody has gives 3', async () => {
    expect(await client.invoke(9999)).toMatchObject({
      code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
      remark: ' request type 9999 not supported',
    });
  });
});

describe('a stored message', () => {
  it('carries what was sent, and the marks of the broker', async () => {
    const sent = await client.send({
      topic: 'Marks',
      body: 'héllo',
      properties: { TAGS: 'A', KEYS: 'k1 k2', UNIQ_KEY: 'ID1', WAIT: 'true', user: 'ü' },
      fields: { h: '7', j: '2' },
    });
    expect(sent).toMatchObject({
      code: 0,
      remark: null,
      extFields: { queueId: '0', queueOffset: '0', transactionId: 'ID1', MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' },
    });
    const [message] = messagesOf(await client.pull({ topic: 'Marks' }));
    expect(message).toMatchObject({ topic: 'Marks', flag: 7, reconsumeTimes: 2, queueOffset: 0, bornTimestamp: 1700000000000 });
    expect(message!.body.toString()).toBe('héllo');
    expect(propertiesOf(message!)).toEqual({
      TAGS: 'A',
      KEYS: 'k1 k2',
      UNIQ_KEY: 'ID1',
      WAIT: 'true',
      user: 'ü',
      MSG_REGION: 'DefaultRegion',
      TRACE_ON: 'true',
      CLUSTER: 'DefaultCluster',
    });
    const { host, commitLogOffset } = decodeOffsetMsgId(sent.extFields!.msgId!);
    expect(`${[...host.ip].join('.')}:${host.port}`).toBe(sandbox.brokerAddr);
    expect(commitLogOffset).toBe(message!.commitLogOffset);
    expect(message!.storeHost).toEqual(host);
  });

  it('gets a unique key when it has none, and properties without a last separator are closed', async () => {
    const sent = await client.send({ topic: 'Keyless', properties: 'TAGS\u0001A' });
    const [message] = messagesOf(await client.pull({ topic: 'Keyless' }));
    expect(propertiesOf(message!)).toMatchObject({ TAGS: 'A', UNIQ_KEY: sent.extFields!.transactionId, CLUSTER: 'DefaultCluster' });
  });

  it('loses the marks that its sender made up', async () => {
    await client.send({
      topic: 'Forged',
      properties: { CLUSTER: 'Other', MSG_REGION: 'r', TRACE_ON: 'false', POP_CK: '1 2 3', UNIQ_KEY: 'a' },
    });
    const [message] = messagesOf(await client.pull({ topic: 'Forged' }));
    expect(propertiesOf(message!)).toEqual({ UNIQ_KEY: 'a', MSG_REGION: 'DefaultRegion', TRACE_ON: 'true', CLUSTER: 'DefaultCluster' });
  });

  it('is answered rightly when its unique key needs escapes', async () => {
    const sent = await client.send({ topic: 'Odd', properties: { UNIQ_KEY: 'q"\\ü' } });
    expect(sent.extFields!.transactionId).toBe('q"\\ü');
  });

  it('may come with the long header of old clients', async () => {
    const fields = {
      producerGroup: 'PG',
      topic: 'V1',
      defaultTopic: 'TBW102',
      defaultTopicQueueNums: '4',
      queueId: '1',
      sysFlag: '0',
      bornTimestamp: '5',
      flag: '3',
      properties: 'TAGS\u0001A',
      reconsumeTimes: '0',
      unitMode: 'false',
    };
    expect((await client.invoke(RequestCode.SEND_MESSAGE, fields, 'v1 body')).extFields).toMatchObject({ queueId: '1', queueOffset: '0' });
    expect(bodiesOf(await client.pull({ topic: 'V1', queueId: 1 }))).toEqual(['v1 body']);
  });
});

describe('a batch', () => {
  const batch = (...messages: { body: string; properties: string }[]): Buffer =>
    Buffer.concat(
      messages.map(({ body, properties }) => {
        const text = Buffer.from(properties);
        const bytes = Buffer.alloc(22 + body.length + text.length);
        bytes.writeInt32BE(bytes.length, 0);
        bytes.writeInt32BE(body.length, 16);
        bytes.write(body, 20);
        bytes.writeInt16BE(text.length, 20 + body.length);
        text.copy(bytes, 22 + body.length);
        return bytes;
      }),
    );

  it('becomes one record for each message, with consecutive offsets and joined ids', async () => {
    const body = batch(
      { body: 'b0', properties: propertiesText({ UNIQ_KEY: 'u0', TAGS: 'A' }) },
      { body: 'b1', properties: 'UNIQ_KEY\u0001u1' },
      { body: 'b2', properties: propertiesText({ UNIQ_KEY: 'u2' }) },
    );
    const fields = {
      a: 'PG',
      b: 'Batch',
      c: 'TBW102',
      d: '4',
      e: '0',
      f: '0',
      g: '1',
      h: '0',
      i: propertiesText({ UNIQ_KEY: 'outer', WAIT: 'true' }),
      j: '0',
      m: 'true',
    };
    const sent = await client.invoke(RequestCode.SEND_BATCH_MESSAGE, fields, body);
    expect(sent).toMatchObject({ code: 0, extFields: { queueOffset: '0', transactionId: 'outer' } });
    const messages = messagesOf(await client.pull({ topic: 'Batch' }));
    expect(messages.map((message) => [message.queueOffset, message.body.toString(), propertiesOf(message).UNIQ_KEY])).toEqual([
      [0, 'b0', 'u0'],
      [1, 'b1', 'u1'],
      [2, 'b2', 'u2'],
    ]);
    const offsets = sent.extFields!.msgId!.split(',').map((id) => decodeOffsetMsgId(id).commitLogOffset);
    expect(offsets).toEqual(messages.map((message) => message.commitLogOffset));
    expect(propertiesOf(messages[1]!)).toMatchObject({ WAIT: 'true', CLUSTER: 'DefaultCluster' });
    expect(bodiesOf(await client.pull({ topic: 'Batch', subscription: 'A' }))).toEqual(['b0']);
  });

  it('without an outer unique key has no transactionId in its answer, and to a retry topic gives 13', async () => {
    const body = batch({ body: 'x', properties: '' });
    const fields = { a: 'PG', b: 'Batch', c: 'TBW102', d: '4', e: '1', f: '0', g: '1', h: '0', i: 'WAIT\u0001true', j: '0', m: 'true' };
    expect((await client.invoke(RequestCode.SEND_BATCH_MESSAGE, fields, body)).extFields).not.toHaveProperty('transactionId');
    const toRetry = await client.invoke(RequestCode.SEND_BATCH_MESSAGE, { ...fields, b: '%RETRY%someGroup', e: '0' }, body);
    expect(toRetry.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
  });

  it('that is torn gives 13 and stores nothing', async () => {
    const fields = { a: 'PG', b: 'Batch', c: 'TBW102', d: '4', e: '2', f: '0', g: '1', h: '0', i: '', j: '0', m: 'true' };
    const torn = batch({ body: 'abc', properties: '' }, { body: 'def', properties: '' }).subarray(0, 40);
    expect((await client.invoke(RequestCode.SEND_BATCH_MESSAGE, fields, torn)).code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect((await client.invoke(RequestCode.GET_MAX_OFFSET, { topic: 'Batch', queueId: '2' })).extFields).toEqual({ offset: '0' });
  });
});
