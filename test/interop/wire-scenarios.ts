import type { RawConnection, RawResponse } from '../peers/index.js';

/** One request whose answers of both sides must agree. */
export interface Scenario {
  name: string;
  to: 'broker' | 'namesrv';
  code: number;
  ext?: Record<string, string>;
  body?: string | Buffer;
  /** Only the code has to agree: the remark is Java's exception, or ours says more. */
  codeOnly?: boolean;
  /** Where ours answers another code on purpose, and why. */
  deliberate?: { ours: number; theirs: number; because: string };
  /** Response fields whose value is chosen at random. */
  random?: string[];
}

export const DIFF_TOPIC = 'DiffOne';
/** Receives one message in a queue that the broker chooses. */
export const DIFF_RANDOM_TOPIC = 'DiffRandom';
export const DIFF_GROUP = 'DiffGroup';
/** subVersion of the group's subscription, as the heartbeat below registers it. */
export const SUB_VERSION = 1_700_000_000_000;

export const HEARTBEAT = JSON.stringify({
  clientID: '127.0.0.1@diff',
  producerDataSet: [{ groupName: 'DiffProducer' }],
  consumerDataSet: [
    {
      groupName: DIFF_GROUP,
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      unitMode: false,
      subscriptionDataSet: [
        {
          classFilterMode: false,
          topic: DIFF_TOPIC,
          subString: '*',
          tagsSet: [],
          codeSet: [],
          subVersion: SUB_VERSION,
          expressionType: 'TAG',
        },
      ],
    },
  ],
});

const SEND = {
  a: 'DiffProducer',
  b: DIFF_TOPIC,
  c: 'TBW102',
  d: '4',
  e: '0',
  f: '0',
  g: '1700000000000',
  h: '0',
  i: 'TAGS\u0001A\u0002UNIQ_KEY\u00017F0000010000000000000000000000AA\u0002',
  j: '0',
  k: 'false',
  m: 'false',
};
const PULL = {
  consumerGroup: DIFF_GROUP,
  topic: DIFF_TOPIC,
  queueId: '0',
  queueOffset: '0',
  maxMsgNums: '32',
  sysFlag: '0',
  commitOffset: '0',
  suspendTimeoutMillis: '0',
  subVersion: String(SUB_VERSION),
  expressionType: 'TAG',
};
const TOPIC = {
  topic: 'DiffMade',
  defaultTopic: 'TBW102',
  readQueueNums: '3',
  writeQueueNums: '2',
  perm: '6',
  topicFilterType: 'SINGLE_TAG',
  topicSysFlag: '0',
  order: 'false',
};
const BACK = {
  offset: '0',
  group: DIFF_GROUP,
  delayLevel: '3',
  originMsgId: '',
  originTopic: DIFF_TOPIC,
  unitMode: 'false',
  maxReconsumeTimes: '16',
};

/** The body of request 320: one message without properties. */
function batchBody(bodies: string[]): Buffer {
  return Buffer.concat(
    bodies.map((text) => {
      const body = Buffer.from(text);
      const out = Buffer.alloc(22 + body.length);
      out.writeInt32BE(out.length, 0);
      out.writeInt32BE(body.length, 16);
      body.copy(out, 20);
      return out;
    }),
  );
}

const subscriptionCheck = (expression: string, expressionType: string): string =>
  JSON.stringify({
    clientId: '127.0.0.1@diff',
    group: DIFF_GROUP,
    namespace: '',
    subscriptionData: {
      classFilterMode: false,
      topic: DIFF_TOPIC,
      subString: expression,
      tagsSet: [],
      codeSet: [],
      subVersion: SUB_VERSION,
      expressionType,
    },
  });

const without = <T extends Record<string, string>>(fields: T, key: keyof T): Record<string, string> => {
  const { [key]: _left, ...rest } = fields;
  return rest as Record<string, string>;
};

const broker = (name: string, code: number, ext: Record<string, string> = {}, body: string | Buffer = ''): Scenario => ({
  name,
  to: 'broker',
  code,
  ext,
  body,
});
const namesrv = (name: string, code: number, ext: Record<string, string> = {}, body = ''): Scenario => ({
  name,
  to: 'namesrv',
  code,
  ext,
  body,
});

const codeOnly = (scenario: Scenario): Scenario => ({ ...scenario, codeOnly: true });

const SENDS: Scenario[] = [
  broker('send', 310, SEND, 'one'),
  broker(
    'send with the long header',
    10,
    {
      producerGroup: 'DiffProducer',
      topic: DIFF_TOPIC,
      defaultTopic: 'TBW102',
      defaultTopicQueueNums: '4',
      queueId: '0',
      sysFlag: '0',
      bornTimestamp: '1700000000000',
      flag: '0',
      properties: 'TAGS\u0001B\u0002',
      reconsumeTimes: '0',
      unitMode: 'false',
      batch: 'false',
    },
    'two',
  ),
  { ...broker('checklist 4: send with queueId -1', 310, { ...SEND, b: DIFF_RANDOM_TOPIC, e: '-1' }, 'three'), random: ['queueId'] },
  broker('checklist 4: send with queueId of the queue count', 310, { ...SEND, e: '4' }, 'x'),
  {
    ...broker('send without a body', 310, SEND),
    deliberate: { ours: 13, theirs: 1, because: 'a null body is an illegal message, not a fault' },
  },
  codeOnly(broker('send without a topic field', 310, without(SEND, 'b'), 'x')),
  codeOnly(broker('send with a queueId that is no number', 310, { ...SEND, e: 'x' }, 'x')),
  codeOnly(broker('send to a topic of 128 characters', 310, { ...SEND, b: 't'.repeat(128) }, 'x')),
  codeOnly(broker('send to a topic with a space', 310, { ...SEND, b: 'a b' }, 'x')),
  codeOnly(broker('send to an empty topic', 310, { ...SEND, b: '' }, 'x')),
  broker('send to the delay topic', 310, { ...SEND, b: 'SCHEDULE_TOPIC_XXXX' }, 'x'),
  broker('send to the self-test topic', 310, { ...SEND, b: 'SELF_TEST_TOPIC' }, 'x'),
  broker('send with a default topic that does not exist', 310, { ...SEND, b: 'DiffUnknown', c: 'NoSuchDefault' }, 'x'),
  broker('send to a retry topic of an unknown group', 310, { ...SEND, b: '%RETRY%NoSuchGroup' }, 'x'),
  codeOnly(broker('send with long properties', 310, { ...SEND, i: `p\u0001${'p'.repeat(32_768)}\u0002` }, 'x')),
  codeOnly(broker('send of 4 MiB and a byte', 310, { ...SEND, b: 'DiffGates' }, Buffer.alloc(4 * 1024 * 1024 + 1, 'x'))),
  codeOnly(broker('send with a delay level that is no number', 310, { ...SEND, b: 'DiffGates', i: 'DELAY\u0001soon\u0002' }, 'x')),
  codeOnly(broker('send with a delay level beyond an int', 310, { ...SEND, b: 'DiffGates', i: 'DELAY\u00012147483648\u0002' }, 'x')),
  broker('send with an empty delay level', 310, { ...SEND, b: 'DiffGates', i: `DELAY\u0001\u0002${SEND.i}` }, 'x'),
  broker('send with a negative delay level', 310, { ...SEND, b: 'DiffGates', i: `DELAY\u0001-3\u0002${SEND.i}` }, 'x'),
  broker('send with a compression that nobody knows', 310, { ...SEND, b: 'DiffGates', f: String(0x701) }, 'x'),
  broker('batch send', 320, { ...SEND, m: 'true', i: '' }, batchBody(['b1', 'b2'])),
  broker('batch send to a retry topic', 320, { ...SEND, m: 'true', i: '', b: `%RETRY%${DIFF_GROUP}` }, batchBody(['b1'])),
];

const PULLS: Scenario[] = [
  broker('pull', 11, PULL),
  broker('checklist 24: pull of an unknown group', 11, { ...PULL, consumerGroup: 'NoSuchGroup' }),
  broker('checklist 24: pull of a bad queue', 11, { ...PULL, queueId: '4' }),
  broker('pull of queue -1', 11, { ...PULL, queueId: '-1' }),
  broker('checklist 24: pull of an unknown topic', 11, { ...PULL, topic: 'NoSuchTopic' }),
  broker('checklist 24: pull with a newer subVersion', 11, { ...PULL, subVersion: String(SUB_VERSION + 1) }),
  broker('pull with an older subVersion', 11, { ...PULL, subVersion: '1' }),
  broker('pull of a topic that the group does not subscribe', 11, { ...PULL, topic: 'TBW102' }),
  broker('checklist 23: pull beyond the end', 11, { ...PULL, queueOffset: '999' }),
  broker('checklist 23: pull below the start', 11, { ...PULL, queueOffset: '-5' }),
  broker('checklist 23: pull of an empty queue at 0', 11, { ...PULL, queueId: '3' }),
  broker('checklist 23: pull of an empty queue beyond 0', 11, { ...PULL, queueId: '3', queueOffset: '7' }),
  broker('pull with a tag that is not there', 11, { ...PULL, sysFlag: '4', subscription: 'NoSuchTag' }),
  broker('pull with a tag of the header', 11, { ...PULL, sysFlag: '4', subscription: 'A' }),
  broker('pull of at most one message', 11, { ...PULL, maxMsgNums: '1' }),
  broker('pull with SQL where that is off', 11, { ...PULL, sysFlag: '4', subscription: 'a > 5', expressionType: 'SQL92' }),
  codeOnly(broker('pull without a group field', 11, without(PULL, 'consumerGroup'))),
];

const OFFSETS: Scenario[] = [
  broker('query offset of a new group', 14, { consumerGroup: 'DiffNew', topic: DIFF_TOPIC, queueId: '0' }),
  broker('query offset of an empty queue', 14, { consumerGroup: 'DiffNew', topic: DIFF_TOPIC, queueId: '3' }),
  broker('query offset of an unknown topic', 14, { consumerGroup: 'DiffNew', topic: 'NoSuchTopic', queueId: '0' }),
  broker('query offset without zero', 14, { consumerGroup: 'DiffNew', topic: DIFF_TOPIC, queueId: '0', setZeroIfNotFound: 'false' }),
  broker('update offset', 15, { consumerGroup: DIFF_GROUP, topic: DIFF_TOPIC, queueId: '0', commitOffset: '2' }),
  broker('query offset after the update', 14, { consumerGroup: DIFF_GROUP, topic: DIFF_TOPIC, queueId: '0' }),
  broker('update offset of an unknown group', 15, { consumerGroup: 'a b', topic: DIFF_TOPIC, queueId: '0', commitOffset: '2' }),
  broker('update offset of an unknown topic', 15, { consumerGroup: DIFF_GROUP, topic: 'NoSuchTopic', queueId: '0', commitOffset: '2' }),
  broker('update offset without a queue', 15, { consumerGroup: DIFF_GROUP, topic: DIFF_TOPIC, commitOffset: '2' }),
  broker('max offset', 30, { topic: DIFF_TOPIC, queueId: '0' }),
  broker('max offset of an unknown topic', 30, { topic: 'NoSuchTopic', queueId: '0' }),
  broker('min offset', 31, { topic: DIFF_TOPIC, queueId: '0' }),
  broker('min offset of an unknown topic', 31, { topic: 'NoSuchTopic', queueId: '0' }),
  broker('earliest store time of an unknown topic', 32, { topic: 'NoSuchTopic', queueId: '0' }),
  broker('search offset', 29, { topic: DIFF_TOPIC, queueId: '0', timestamp: '0' }),
  broker('search offset in the future', 29, { topic: DIFF_TOPIC, queueId: '0', timestamp: '9999999999999' }),
  broker('search offset of an unknown topic', 29, { topic: 'NoSuchTopic', queueId: '0', timestamp: '0' }),
];

const LOOKUPS: Scenario[] = [
  broker('view a message that is not there', 33, { offset: '99999999' }),
  codeOnly(broker('view a message in the middle of a record', 33, { offset: '7' })),
  broker('query by a key that is not there', 12, {
    topic: DIFF_TOPIC,
    key: 'nokey',
    maxNum: '32',
    beginTimestamp: '0',
    endTimestamp: '9223372036854775807',
  }),
  broker('send back without a group', 36, { ...BACK, group: 'a b' }),
  broker('send back of an offset that is not there', 36, { ...BACK, offset: '99999999' }),
];

const MEMBERS: Scenario[] = [
  broker('heartbeat', 34, {}, HEARTBEAT),
  codeOnly(broker('heartbeat without a body', 34)),
  broker('members of an unknown group', 38, { consumerGroup: 'NoSuchGroup' }),
  broker('members of the group', 38, { consumerGroup: DIFF_GROUP }),
  broker('check of a tag subscription', 46, {}, subscriptionCheck('*', 'TAG')),
  broker('check of a SQL subscription where that is off', 46, {}, subscriptionCheck('a > 5', 'SQL92')),
  broker('consumer connection', 203, { consumerGroup: DIFF_GROUP }),
  broker('consumer connection of an unknown group', 203, { consumerGroup: 'NoSuchGroup' }),
  broker('producer connection', 204, { producerGroup: 'DiffProducer' }),
  broker('producer connection of an unknown group', 204, { producerGroup: 'NoSuchGroup' }),
  broker('running info of an unknown client', 307, { consumerGroup: DIFF_GROUP, clientId: 'nobody', jstackEnable: 'false' }),
  broker('unregister', 35, { clientID: '127.0.0.1@nobody', consumerGroup: DIFF_GROUP }),
];

const ADMIN: Scenario[] = [
  broker('a code that nobody knows', 99_999),
  broker('create a topic', 17, TOPIC),
  codeOnly(broker('create a topic with a bad name', 17, { ...TOPIC, topic: 'a b' })),
  broker('create a system topic', 17, { ...TOPIC, topic: 'SELF_TEST_TOPIC' }),
  {
    ...broker('create a topic without a name', 17, without(TOPIC, 'topic')),
    deliberate: { ours: 29, theirs: 1, because: 'a missing name is an invalid parameter' },
  },
  broker('config of a topic', 351, { topic: 'DiffMade' }),
  broker('config of an unknown topic', 351, { topic: 'NoSuchTopic' }),
  broker('delete a topic', 215, { topic: 'DiffMade' }),
  broker('delete a topic that is not there', 215, { topic: 'DiffMade' }),
  broker('delete a system topic', 215, { topic: 'SELF_TEST_TOPIC' }),
  broker('create a group', 200, {}, JSON.stringify({ groupName: 'DiffGroupMade', retryMaxTimes: 3 })),
  broker('delete a group', 207, { groupName: 'DiffGroupMade' }),
  broker('all groups', 201),
  broker('statistics of a topic', 202, { topic: DIFF_TOPIC }),
  broker('statistics of an unknown topic', 202, { topic: 'NoSuchTopic' }),
  broker('consume statistics', 208, { consumerGroup: DIFF_GROUP }),
  broker('consume statistics of a topic', 208, { consumerGroup: DIFF_GROUP, topic: DIFF_TOPIC }),
  broker('consume statistics of an unknown group', 208, { consumerGroup: 'NoSuchGroup' }),
  broker('reset of an unknown group', 222, { topic: DIFF_TOPIC, group: 'NoSuchGroup', timestamp: '0', isForce: 'true' }),
  broker('reset of an unknown topic', 222, { topic: 'NoSuchTopic', group: DIFF_GROUP, timestamp: '0', isForce: 'true' }),
  broker('reset', 222, { topic: DIFF_TOPIC, group: DIFF_GROUP, timestamp: '0', isForce: 'true' }),
  broker('consumers of a topic', 300, { topic: DIFF_TOPIC }),
  broker('broker statistics that are not there', 315, { statsName: 'TOPIC_PUT_NUMS', statsKey: 'NoSuchTopic' }),
  broker('broker statistics of an unknown name', 315, { statsName: 'NO_SUCH_STATS', statsKey: 'x' }),
  broker('update the configuration', 25, {}, 'traceOn=true\n'),
  { ...broker('update the configuration with nothing', 25), deliberate: { ours: 1, theirs: 0, because: 'nothing was updated' } },
  broker('runtime information', 28),
];

const NAMESRV: Scenario[] = [
  namesrv('a code that nobody knows', 99_999),
  namesrv('route of an unknown topic', 105, { topic: 'NoSuchTopic' }),
  namesrv('route in the old form', 105, { topic: DIFF_TOPIC }),
  namesrv('route in the standard form', 105, { topic: DIFF_TOPIC, acceptStandardJsonOnly: 'true' }),
  namesrv('route without a topic', 105),
  namesrv('cluster information', 106),
  namesrv('value of an unknown key', 101, { namespace: 'N', key: 'k' }),
  namesrv('put a value', 100, { namespace: 'N', key: 'k', value: 'v' }),
  namesrv('the value', 101, { namespace: 'N', key: 'k' }),
  namesrv('list of a namespace', 219, { namespace: 'N' }),
  namesrv('list of an unknown namespace', 219, { namespace: 'M' }),
  namesrv('delete a value', 102, { namespace: 'N', key: 'k' }),
  namesrv('write permission of an unknown broker', 205, { brokerName: 'nobody' }),
  namesrv('take write permission away', 205, { brokerName: 'broker-a' }),
  namesrv('give write permission back', 327, { brokerName: 'broker-a' }),
  namesrv('all topics', 206),
  namesrv('topics of a cluster', 224, { cluster: 'DefaultCluster' }),
  namesrv('topics of an unknown cluster', 224, { cluster: 'nobody' }),
  namesrv('delete a topic that is not there', 216, { topic: 'NoSuchTopic' }),
  namesrv('update the configuration', 318, {}, 'orderMessageEnable=false\n'),
  namesrv('update the configuration with nothing', 318),
  namesrv('read the configuration', 319),
  namesrv('register without a body', 103, {
    brokerName: 'x',
    brokerAddr: '127.0.0.1:1',
    clusterName: 'c',
    brokerId: '0',
    haServerAddr: '127.0.0.1:2',
    compressed: 'false',
    bodyCrc32: '1',
  }),
];

export const SCENARIOS: Scenario[] = [...MEMBERS, ...SENDS, ...PULLS, ...OFFSETS, ...LOOKUPS, ...ADMIN, ...NAMESRV];

/** What must agree of an answer: addresses, times and counters differ from run to run and are masked. */
export interface Comparable {
  code: number;
  remark: string;
  extFields: Record<string, string>;
  body: unknown;
}

export async function ask(connection: RawConnection, scenario: Scenario): Promise<Comparable | { failed: string }> {
  try {
    return comparable(await connection.request(scenario.code, scenario.ext, scenario.body, { timeoutMs: 8000 }), scenario);
  } catch (error) {
    return { failed: String(error) };
  }
}

function comparable(response: RawResponse, scenario: Scenario): Comparable {
  const extFields = Object.fromEntries(
    Object.entries(response.extFields ?? {}).map(([key, value]) => [key, scenario.random?.includes(key) ? '…' : masked(key, value)]),
  );
  return { code: response.code, remark: maskedText(response.remark ?? ''), extFields, body: bodyShape(response.body) };
}

const VARYING = new Set(['msgId', 'transactionId', 'version', 'indexLastUpdateTimestamp', 'indexLastUpdatePhyoffset', 'timestamp']);

function masked(key: string, value: string): string {
  return VARYING.has(key) ? '…' : maskedText(value);
}

function maskedText(text: string): string {
  return (
    text
      .replaceAll(/127\.0\.0\.1:\d+/g, 'host')
      .replaceAll(/\d{13}/g, 'time')
      .replaceAll(/\r/g, '')
      .replaceAll(/, (java|org)\..*/gs, '')
      .replaceAll(/[ \t]+\n/g, '\n')
      // What Java leaves in an answer whose processor set no remark.
      .replace(/^not set any response code$/, '')
      .trim()
  );
}

/** JSON bodies become their shape; records and other bytes their length. */
function bodyShape(body: Buffer): unknown {
  const text = body.toString('utf8');
  if (!/^[{[]/.test(text)) return body.length === 0 ? null : { bytes: true };
  try {
    // Bare number keys, as fastjson writes them.
    return shape(JSON.parse(text.replaceAll(/([{,])(\d+):/g, '$1"$2":')));
  } catch {
    // Keys that are objects: the order of the map's entries is free.
    const entries = maskedText(text)
      .replaceAll('time', '0')
      .replaceAll(/\d+/g, '0')
      .split(/(?<=\}),(?=\{)|\{(?=\{)|\}(?=\})/);
    return { notStandardJson: [...new Set(entries)].sort() };
  }
}

function shape(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((item) => JSON.stringify(shape(item))))].sort();
  if (value === null || typeof value !== 'object') return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key.startsWith('commitLogDiskRatio_') ? 'commitLogDiskRatio_path' : key, shape(item)]),
  );
}
