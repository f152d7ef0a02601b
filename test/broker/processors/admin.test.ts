import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeOffsetMsgId } from '../../../src/common/message/message-id.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { bodiesOf, json, RawClient } from '../kit.js';

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

const updateTopic = (topic: string, fields: Record<string, string> = {}) =>
  client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC, {
    topic,
    defaultTopic: 'TBW102',
    readQueueNums: '2',
    writeQueueNums: '2',
    perm: '6',
    topicFilterType: 'SINGLE_TAG',
    topicSysFlag: '0',
    order: 'false',
    attributes: '',
    ...fields,
  });
const route = (topic: string) =>
  client.remoting.invoke(sandbox.namesrvAddr, { code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields: { topic } }, 3000);

describe('topics', () => {
  it('are created and changed, and the name server knows it when the answer is there', async () => {
    expect((await updateTopic('Made')).code).toBe(0);
    expect(json(await route('Made')).queueDatas[0]).toMatchObject({ readQueueNums: 2, perm: 6 });
    expect((await updateTopic('Made', { readQueueNums: '5', perm: '4' })).code).toBe(0);
    expect(json(await route('Made')).queueDatas[0]).toMatchObject({ readQueueNums: 5, perm: 4 });
  });

  it.each([
    ['a b', {}, 29],
    ['TBW102', {}, 29],
    ['DefaultCluster', {}, 29],
    ['x', { perm: '8' }, 29],
    ['x', { readQueueNums: '-1' }, 29],
    ['x', { readQueueNums: '9999999' }, 29],
    ['x', { attributes: '+message.type=MIXED' }, 29],
    ['x', { attributes: '+nope=1' }, 1],
    ['x', { attributes: 'message.type=FIFO' }, 1],
    ['x', { attributes: '-message.type' }, 1],
    ['x', { attributes: '+queue.type=TreeCQ' }, 1],
    ['x', { attributes: '+cleanup.policy=COMPACTION' }, 1],
  ])('%s with %j is refused with %i', async (topic, fields, code) => {
    const answer = await updateTopic(topic, fields as Record<string, string>);
    expect(answer.code).toBe(code);
    expect(answer.remark).not.toBe(null);
  });

  it('have attributes, of which some never change', async () => {
    expect((await updateTopic('Attr', { attributes: '+message.type=FIFO,+queue.type=SimpleCQ' })).code).toBe(0);
    expect(json(await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: 'Attr' })).attributes).toEqual({
      'message.type': 'FIFO',
      'queue.type': 'SimpleCQ',
    });
    expect((await updateTopic('Attr', { attributes: '+message.type=DELAY' })).code).toBe(0);
    for (const [change, remark] of [
      ['-queue.type', 'attempt to update an unchangeable attribute. key: queue.type'],
      ['+queue.type=SimpleCQ', 'attempt to update an unchangeable attribute. key: queue.type'],
      ['+cleanup.policy=DELETE', 'attempt to update an unchangeable attribute. key: cleanup.policy'],
      ['-reserve.time', 'attempt to delete a nonexistent key: reserve.time'],
      ['+nope=1', 'unsupported key: nope'],
      ['+message.type=Other', 'value is not in set: [UNSPECIFIED, NORMAL, FIFO, DELAY, TRANSACTION, MIXED]'],
      ['+reserve.time=-2', 'value is not in range(-1, 9223372036854775807)'],
      ['+reserve.time=soon', 'For input string: "soon"'],
      ['message.type=FIFO', 'add/alter attribute format is wrong: message.type'],
      ['message.type', 'delete attribute format is wrong: message.type'],
      ['+message.type=FIFO,+message.type=DELAY', 'key duplication: +message.type'],
      ['+message.type=FIFO,-message.type', 'alter duplication key. key: message.type'],
    ] as const) {
      const answer = await updateTopic('Attr', { attributes: change });
      expect([change, answer.code, answer.remark]).toEqual([change, ResponseCode.SYSTEM_ERROR, expect.stringContaining(remark)]);
    }
    expect((await updateTopic('Attr', { attributes: '+reserve.time=72' })).code).toBe(0);
    expect(json(await client.invoke(RequestCode.GET_TOPIC_CONFIG, { topic: 'Attr' })).attributes).toEqual({
      'message.type': 'DELAY',
      'queue.type': 'SimpleCQ',
      'reserve.time': '72',
    });
    expect((await updateTopic('NewAttr', { attributes: '-message.type' })).remark).toContain(
      'only add attribute is supported while creating topic. key: message.type',
    );
  });

  it('come in lists', async () => {
    const body = JSON.stringify({
      topicConfigList: ['L1', 'L2'].map((topicName) => ({ topicName, readQueueNums: 1, writeQueueNums: 1, perm: 6, attributes: {} })),
    });
    expect((await client.invoke(RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, {}, body)).code).toBe(0);
    expect((await route('L2')).code).toBe(0);
  });

  it('are deleted with their messages and offsets; an unknown one is no error, a system topic is', async () => {
    await client.send({ topic: 'Gone', body: 'x' });
    await client.pull({ topic: 'Gone', group: 'GG', sysFlag: 5, fields: { commitOffset: '1' } });
    expect((await client.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'Gone' })).code).toBe(0);
    expect((await client.invoke(RequestCode.GET_TOPIC_STATS_INFO, { topic: 'Gone' })).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect(json(await client.invoke(RequestCode.QUERY_TOPICS_BY_CONSUMER, { group: 'GG' })).topicList).toEqual([]);
    await client.send({ topic: 'Gone', body: 'y' });
    expect(bodiesOf(await client.pull({ topic: 'Gone', group: 'GG' }))).toEqual(['y']);
    expect((await client.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'NeverWas' })).code).toBe(0);
    expect((await client.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'TBW102' })).code).toBe(29);
    expect((await client.invoke(RequestCode.DELETE_TOPIC_IN_BROKER, {})).code).toBe(29);
  });
});

describe('numbers', () => {
  it('of a topic, a group and the broker are those of the messages sent and pulled', async () => {
    const sends = 40;
    for (let i = 0; i < sends; i++) await client.send({ topic: 'Counted', queueId: i % 4, body: `m${i}` });
    for (let queueId = 0; queueId < 4; queueId++) await client.pull({ topic: 'Counted', group: 'Counter', queueId, maxMsgNums: 32 });
    await client.pull({ topic: 'Counted', group: 'Counter', queueId: 0, offset: 4, sysFlag: 5, fields: { commitOffset: '4' } });
    const view = async (statsName: string, statsKey: string) =>
      json(await client.invoke(RequestCode.VIEW_BROKER_STATS_DATA, { statsName, statsKey }));
    const put = await view('TOPIC_PUT_NUMS', 'Counted');
    expect(put.statsMinute).toMatchObject({ sum: sends, avgpt: 1 });
    expect(put.statsHour.sum).toBe(sends);
    expect(put.statsDay.sum).toBe(sends);
    expect((await view('GROUP_GET_NUMS', 'Counted@Counter')).statsMinute.sum).toBe(sends + 6);
    expect((await client.invoke(RequestCode.VIEW_BROKER_STATS_DATA, { statsName: 'TOPIC_PUT_NUMS', statsKey: 'Nope' })).code).toBe(
      ResponseCode.SYSTEM_ERROR,
    );

    const stats = await client.invoke(RequestCode.GET_TOPIC_STATS_INFO, { topic: 'Counted' });
    expect(stats.body!.toString()).toMatch(
      /^\{"offsetTable":\{\{"brokerName":"broker-a","queueId":0,"topic":"Counted"\}:\{"lastUpdateTimestamp":\d{13},"maxOffset":10,"minOffset":0\}/,
    );
    const consume = await client.invoke(RequestCode.GET_CONSUME_STATS, { consumerGroup: 'Counter' });
    expect(consume.body!.toString()).toContain('"queueId":0,"topic":"Counted"}:{"brokerOffset":10,"consumerOffset":4,"lastTimestamp":');
    expect(consume.body!.toString()).toMatch(/"pullOffset":10/);
    expect(consume.body!.toString()).toMatch(/"consumeTps":\d+\.\d+/);
    expect(json(await client.invoke(RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, { topic: 'Counted' }))).toEqual({ groupList: ['Counter'] });
  });

  it('of the runtime have all keys, both spellings of the transfer rate among them', async () => {
    const { table } = json(await client.invoke(RequestCode.GET_BROKER_RUNTIME_INFO));
    for (const key of [
      'bootTimestamp',
      'runtime',
      'brokerVersion',
      'brokerVersionDesc',
      'brokerActive',
      'putTps',
      'getFoundTps',
      'getMissTps',
      'getTotalTps',
      'getTransferredTps',
      'getTransferedTps',
      'putMessageTimesTotal',
      'putMessageFailedTimes',
      'putMessageSizeTotal',
      'putMessageAverageSize',
      'putMessageEntireTimeMax',
      'getMessageEntireTimeMax',
      'putMessageDistributeTime',
      'putLatency99',
      'putLatency999',
      'dispatchMaxBuffer',
      'dispatchBehindBytes',
      'pageCacheLockTimeMills',
      'commitLogDiskRatio',
      'consumeQueueDiskRatio',
      'commitLogMinOffset',
      'commitLogMaxOffset',
      'commitLogDirCapacity',
      'remainHowManyDataToFlush',
      'remainTransientStoreBufferNumbs',
      'msgPutTotalYesterdayMorning',
      'msgPutTotalTodayMorning',
      'msgPutTotalTodayNow',
      'msgGetTotalYesterdayMorning',
      'msgGetTotalTodayMorning',
      'msgGetTotalTodayNow',
      'earliestMessageTimeStamp',
      'startAcceptSendRequestTimeStamp',
      'timerReadBehind',
      'timerOffsetBehind',
      'timerCongestNum',
      'timerEnqueueTps',
      'timerDequeueTps',
      'sendThreadPoolQueueSize',
      'sendThreadPoolQueueCapacity',
      'sendThreadPoolQueueHeadWaitTimeMills',
      'pullThreadPoolQueueSize',
      'litePullThreadPoolQueueSize',
      'queryThreadPoolQueueSize',
      'ackThreadPoolQueueSize',
      'EndTransactionQueueSize',
      'EndTransactionThreadPoolQueueCapacity',
    ]) {
      expect(table, key).toHaveProperty(key);
      expect(typeof table[key], key).toBe('string');
    }
    expect(table.brokerVersionDesc).toBe('V5_3_3');
    expect(Number(table.msgPutTotalTodayNow)).toBeGreaterThanOrEqual(40);
    expect(table.runtime).toMatch(/^\[ 0 days, 0 hours, 0 minutes, \d+ seconds \]$/);
    expect(table.putMessageDistributeTime).toMatch(/^\[<=0ms\]:\d+ \[0~10ms\]:\d+ /);
  });
});

describe('messages', () => {
  it('are found by key, by unique key and by their id', async () => {
    const sent = await client.send({ topic: 'Find', body: 'needle', properties: { KEYS: 'k1 k2', UNIQ_KEY: 'UNIQ0001' } });
    await client.send({ topic: 'Find', body: 'hay', properties: { KEYS: 'k3' } });
    const query = (key: string, unique = false) =>
      client.invoke(RequestCode.QUERY_MESSAGE, {
        topic: 'Find',
        key,
        maxNum: '32',
        beginTimestamp: '0',
        endTimestamp: '9223372036854775807',
        _UNIQUE_KEY_QUERY: String(unique),
      });
    await until(async () => (await query('k2')).code === 0);
    expect(bodiesOf(await query('k2'))).toEqual(['needle']);
    expect(bodiesOf(await query('UNIQ0001', true))).toEqual(['needle']);
    expect(await query('k9')).toMatchObject({
      code: ResponseCode.QUERY_NOT_FOUND,
      extFields: { indexLastUpdateTimestamp: expect.any(String) },
    });
    const { commitLogOffset } = decodeOffsetMsgId(sent.extFields!.msgId!);
    expect(bodiesOf(await client.invoke(RequestCode.VIEW_MESSAGE_BY_ID, { offset: String(commitLogOffset) }))).toEqual(['needle']);
    expect(await client.invoke(RequestCode.VIEW_MESSAGE_BY_ID, { offset: '99999999999' })).toMatchObject({
      code: 1,
      remark: 'can not find message by the offset, 99999999999',
    });
  });

  it('have offsets by time', async () => {
    const sent = await client.send({ topic: 'Timed', body: 'x' });
    expect(sent.code).toBe(0);
    const search = async (timestamp: string, extra = {}) =>
      (await client.invoke(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, { topic: 'Timed', queueId: '0', timestamp, ...extra })).extFields
        ?.offset;
    expect(await search('0')).toBe('0');
    expect(await search(String(Date.now() + 100_000))).toBe('1');
    expect(
      (await client.invoke(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, { topic: 'NoSuch', queueId: '0', timestamp: '0' })).extFields,
    ).toEqual({ offset: '0' });
    const earliest = await client.invoke(RequestCode.GET_EARLIEST_MSG_STORETIME, { topic: 'Timed', queueId: '0' });
    expect(Math.abs(Number(earliest.extFields!.timestamp) - Date.now())).toBeLessThan(60_000);
    expect((await client.invoke(RequestCode.GET_EARLIEST_MSG_STORETIME, { topic: 'NoSuch', queueId: '0' })).extFields).toEqual({
      timestamp: '-1',
    });
  });
});

describe('groups and offsets', () => {
  it('are created, listed and deleted; 4.9 and 5.x spell the offsets flag differently', async () => {
    for (const flag of ['cleanOffset', 'removeOffset']) {
      await client.invoke(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, null, '{"groupName":"Del","retryMaxTimes":5,"unknown":1}');
      expect(json(await client.invoke(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, { group: 'Del' })).retryMaxTimes).toBe(5);
      await client.pull({ topic: 'TBW102', group: 'Del', sysFlag: 5, fields: { commitOffset: '3' } });
      expect((await client.invoke(RequestCode.DELETE_SUBSCRIPTIONGROUP, { groupName: 'Del', [flag]: 'true' })).code).toBe(0);
      expect(json(await client.invoke(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)).subscriptionGroupTable).not.toHaveProperty('Del');
      expect(json(await client.invoke(RequestCode.QUERY_TOPICS_BY_CONSUMER, { group: 'Del' })).topicList).toEqual([]);
    }
  });

  it('of unknown groups and topics are not committed', async () => {
    const commit = (group: string, topic: string) =>
      client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, { consumerGroup: group, topic, queueId: '0', commitOffset: '1' });
    expect(await commit('Nobody', 'TBW102')).toMatchObject({ code: 26, remark: 'Group Nobody not exist!', extFields: {} });
    expect((await commit('TOOLS_CONSUMER', 'NoSuch')).code).toBe(17);
  });

  it('are reset by time for groups that are offline; bad targets give their codes', async () => {
    for (let i = 0; i < 3; i++) await client.send({ topic: 'Reset', body: 'x' });
    await client.pull({ topic: 'Reset', group: 'Away', sysFlag: 5, offset: 3, fields: { commitOffset: '3' } });
    const reset = (fields: Record<string, string>) =>
      client.invoke(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, {
        topic: 'Reset',
        group: 'Away',
        timestamp: '0',
        isForce: 'true',
        ...fields,
      });
    expect((await reset({})).code).toBe(0);
    const offset = async () =>
      (await client.invoke(RequestCode.QUERY_CONSUMER_OFFSET, { consumerGroup: 'Away', topic: 'Reset', queueId: '0' })).extFields!.offset;
    expect(await offset()).toBe('0');
    expect(
      (await client.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, { consumerGroup: 'Away', topic: 'Reset', queueId: '0', commitOffset: '3' }))
        .code,
    ).toBe(0);
    expect(await offset()).toBe('0');
    expect((await client.pull({ topic: 'Reset', group: 'Away', offset: 3 })).extFields!.nextBeginOffset).toBe('0');
    expect((await reset({ timestamp: '-1' })).body!.toString()).toContain('"queueId":0,"topic":"Reset"}:3');
    expect((await reset({ group: 'gX' })).code).toBe(26);
    expect((await reset({ topic: 'NoSuch' })).code).toBe(17);
    expect((await reset({ queueId: '0', offset: '9' })).code).toBe(1);
  });
});

describe('the configuration', () => {
  it('is shown as sorted properties, changed at once where it may be, and the black list is kept', async () => {
    const shown = await client.invoke(RequestCode.GET_BROKER_CONFIG);
    expect(JSON.parse(shown.extFields!.version!)).toMatchObject({ counter: 0 });
    expect(shown.body!.toString()).toContain('autoCreateTopicEnable=true');
    expect(
      (await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'regionId=Elsewhere\nautoCreateTopicEnable=false\nnoSuchKey=1\n')).code,
    ).toBe(0);
    const sent = await client.send({ topic: 'Counted' });
    expect(sent.extFields!.MSG_REGION).toBe('Elsewhere');
    expect((await client.send({ topic: 'NotNow' })).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'regionId=DefaultRegion\nautoCreateTopicEnable=true\n');
    expect((await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'brokerConfigPath=/tmp/x\n')).code).toBe(
      ResponseCode.NO_PERMISSION,
    );
    const bad = await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'maxMessageSize=many\n');
    expect(bad.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(bad.remark).toContain('maxMessageSize');
    const restart = await client.invoke(RequestCode.UPDATE_BROKER_CONFIG, null, 'listenPort=1234\n');
    expect(restart).toMatchObject({ code: 0, remark: expect.stringContaining('after restart: listenPort') });
  });
});
