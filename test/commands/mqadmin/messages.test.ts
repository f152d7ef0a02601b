/* Commands that find, show, send and hand out messages: time bounds, long results, what groups did with a message, failures. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BrokerNode } from '../../../broker/broker.js';
import { PullConsumer } from '../../../src/client/consumer/pull-consumer.js';
import { PushConsumer } from '../../../src/client/consumer/push-consumer.js';
import { type Clock, systemClock } from '../../../src/common/clock.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RemotingServer } from '../../../src/remoting/server.js';
import { RawClient } from '../../broker/kit.js';
import { freePortBlock } from '../../ports.js';
import { brokerConfig, onFreePorts, type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

/** What the broker takes for now; a test moves it. */
let storeTimeMs = 1_700_000_000_000;
const clock: Clock = { ...systemClock, nowMs: () => storeTimeMs };

let sandbox: Sandbox;
let broker: BrokerNode;
let raw: RawClient;
let ids = 0;

beforeAll(async () => {
  sandbox = await startSandbox({ brokers: 0 });
  broker = await onFreePorts((listenPort) => {
    const place = { listenPort, namesrvAddr: sandbox.namesrvAddr, brokerName: 'broker-a', storePathRootDir: join(sandbox.dir, 'a') };
    return BrokerNode.start(brokerConfig(place), { clock });
  });
  raw = new RawClient(broker.address);
}, 120_000);

afterAll(async () => {
  await raw.close();
  await broker.shutdown();
  await sandbox.stop();
});

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
}

async function json<T>(name: string, ...argv: string[]): Promise<T> {
  const done = await run(name, ...argv, '--json');
  expect(done).toMatchObject({ exitCode: 0 });
  return JSON.parse(done.stdout) as T;
}

async function createTopic(topic: string, queues = 1): Promise<void> {
  const done = await run('updateTopic', '-c', 'DefaultCluster', '-t', topic, '-r', String(queues), '-w', String(queues));
  expect(done).toMatchObject({ exitCode: 0 });
}

/** Stores a message at a time and answers its ids. */
async function store(
  topic: string,
  message: { body: string; atMs?: number; keys?: string; tags?: string; queueId?: number },
): Promise<{ msgId: string; offsetMsgId: string }> {
  storeTimeMs = message.atMs ?? storeTimeMs;
  const msgId = `7F0000010001000100000000${String(++ids).padStart(8, '0')}`;
  const { body, keys, tags, queueId = 0 } = message;
  const properties = { UNIQ_KEY: msgId, ...(keys === undefined ? {} : { KEYS: keys }), ...(tags === undefined ? {} : { TAGS: tags }) };
  const answer = await raw.send({ topic, body, properties, queueId });
  expect(answer.code).toBe(ResponseCode.SUCCESS);
  return { msgId, offsetMsgId: answer.extFields?.msgId ?? '' };
}

function bodiesIn(text: string): string[] {
  return Array.from(text.matchAll(/ BODY: (.*)$/gm), (match) => match[1] ?? '');
}

interface Messages {
  messages: { body: string; msgId: string; queueOffset: number }[];
}

function bodiesOf({ messages }: Messages): string[] {
  return messages.map(({ body }) => Buffer.from(body, 'base64').toString());
}

describe('bounds of the store time', () => {
  const T0 = 1_700_000_100_000;

  beforeAll(async () => {
    await createTopic('Timed');
    for (const [i, seconds] of [0, 1, 2, 2, 5].entries()) {
      await store('Timed', { body: `m${i}`, atMs: T0 + seconds * 1000, keys: 'all', tags: i === 2 ? 'Odd' : 'Even' });
    }
  });

  it('printMsg prints from the begin on and stops before the end', async () => {
    const done = await run('printMsg', '-t', 'Timed', '-b', String(T0 + 1000), '-e', String(T0 + 5000));
    expect(done).toMatchObject({ stderr: '', exitCode: 0 });
    expect(done.stdout).toMatch(/^minOffset=1, maxOffset=4, MessageQueue \[topic=Timed, brokerName=broker-a, queueId=0\]\n/);
    expect(bodiesIn(done.stdout)).toEqual(['m1', 'm2', 'm3']);
  });

  it('printMsgByQueue prints the same, and counts only what it read', async () => {
    const words = ['-t', 'Timed', '-a', 'broker-a', '-i', '0', '-b', String(T0 + 1000), '-e', String(T0 + 5000)];
    const done = await run('printMsgByQueue', ...words, '-p', 'true', '-d', 'true', '-f', 'true');
    expect(bodiesIn(done.stdout)).toEqual(['m1', 'm2', 'm3']);
    expect(done.stdout.split('\n').slice(-3)).toEqual([
      'Tag: Even                           Count: 2',
      'Tag: Odd                            Count: 1',
      '',
    ]);
    const result = await json<Messages & { tags: unknown }>('printMsgByQueue', ...words, '-p', 'true', '-f', 'true');
    expect(bodiesOf(result)).toEqual(['m1', 'm2', 'm3']);
    expect(result).toMatchObject({
      minOffset: 1,
      maxOffset: 4,
      messageCount: 3,
      tags: [
        { tag: 'Even', count: 2 },
        { tag: 'Odd', count: 1 },
      ],
    });
  });

  it('consumeMessage takes both ends in', async () => {
    const done = await run('consumeMessage', '-t', 'Timed', '-s', String(T0 + 1000), '-e', String(T0 + 2000));
    expect(bodiesIn(done.stdout)).toEqual(['m1', 'm2', 'm3']);
    const none = await run('consumeMessage', '-t', 'Timed', '-s', '2020-01-01#00:00:00:000', '-e', '2020-01-02#00:00:00:000');
    expect(none).toMatchObject({ stdout: '', exitCode: 0 });
  });

  it('queryMsgByKey takes both ends in', async () => {
    const at = (begin: number, end: number): string[] => ['-t', 'Timed', '-k', 'all', '-b', String(T0 + begin), '-e', String(T0 + end)];
    expect(bodiesOf(await json<Messages>('queryMsgByKey', ...at(1000, 2000)))).toEqual(['m1', 'm2', 'm3']);
    expect(await run('queryMsgByKey', ...at(3000, 4000))).toMatchObject({ stdout: '', exitCode: 4 });
    expect(await run('queryMsgByKey', ...at(4000, 3000))).toMatchObject({ stdout: '', exitCode: 4 });
  });

  it('a begin behind the end is refused', async () => {
    expect(await run('printMsg', '-t', 'Timed', '-b', '2000', '-e', '1000')).toMatchObject({ stdout: '', exitCode: 2 });
    const words = ['-t', 'Timed', '-a', 'broker-a', '-i', '0', '-p', 'true'];
    expect(await run('printMsgByQueue', ...words, '-b', 'yesterday')).toMatchObject({ exitCode: 2 });
  });

  it('a tag expression shows only messages of these tags', async () => {
    expect(bodiesIn((await run('printMsg', '-t', 'Timed', '-s', 'Odd || None')).stdout)).toEqual(['m2']);
    const nothing = await run('printMsg', '-t', 'Timed', '-s', 'None');
    expect(nothing.stdout).toContain('no matched msg. status=NO_MATCHED_MSG, offset=5\n');
    expect(await run('printMsg', '-t', 'Timed', '-s', '||')).toMatchObject({ exitCode: 2 });
  });

  it('without -p and -f printMsgByQueue reads nothing and says what would', async () => {
    const done = await run('printMsgByQueue', '-t', 'Timed', '-a', 'broker-a', '-i', '0');
    expect(done).toMatchObject({ stdout: '', exitCode: 0 });
    expect(done.stderr).toMatch(/^note: the queue holds offsets 0 to 5; -p true [^\n]+\n$/);
  });

  it('a queue, a broker or a charset that does not exist is an error', async () => {
    expect(await run('printMsgByQueue', '-t', 'Timed', '-a', 'broker-a', '-i', '1')).toMatchObject({ exitCode: 4 });
    const broker = await run('printMsgByQueue', '-t', 'Timed', '-a', '127.0.0.1:10911', '-i', '0');
    expect(broker).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('brokers of the topic: broker-a') });
    expect(await run('printMsg', '-t', 'Timed', '-c', 'NOPE-8')).toMatchObject({ stdout: '', exitCode: 2 });
    expect(await run('printMsg', '-t', 'NoSuchTopic')).toMatchObject({ stdout: '', exitCode: 4 });
  });

  it('a light queue is looked for where its parent topic is', async () => {
    const done = await run('printMsg', '-t', '%LMQ%light', '-l', 'Timed');
    expect(done.stdout).toMatch(/^minOffset=0, maxOffset=0, MessageQueue \[topic=%LMQ%light, brokerName=broker-a, queueId=0\]\n-{56}\n$/);
    expect(await run('printMsg', '-t', '%LMQ%light')).toMatchObject({ stdout: '', exitCode: 4 });
  });

  it('bodies are shown in the charset asked for', async () => {
    await createTopic('Latin');
    const answer = await raw.invoke(
      RequestCode.SEND_MESSAGE_V2,
      { a: 'PG', b: 'Latin', c: 'TBW102', d: '4', e: '0', f: '0', g: '1', h: '0', i: '', j: '0', k: 'false', m: 'false' },
      Buffer.from([0xe4, 0xf6]),
    );
    expect(answer.code).toBe(ResponseCode.SUCCESS);
    expect(bodiesIn((await run('printMsg', '-t', 'Latin', '-c', 'ISO-8859-1')).stdout)).toEqual(['äö']);
    expect(bodiesIn((await run('printMsg', '-t', 'Latin', '-d', 'false')).stdout)).toEqual(['NOT PRINT BODY']);
  });
});

describe('keys of many messages', () => {
  const T0 = 1_700_000_200_000;

  it('are found beyond the page of one answer, the newest of a limit', async () => {
    await createTopic('Many');
    for (let i = 0; i < 200; i++) {
      await store('Many', { body: `m${i}`, atMs: T0 + Math.floor(i / 50) * 1000, keys: `k${i} often` });
    }
    const all = await json<Messages>('queryMsgByKey', '-t', 'Many', '-k', 'often', '-m', '500');
    expect(bodiesOf(all)).toEqual(Array.from({ length: 200 }, (_, i) => `m${i}`));
    const some = await json<Messages>('queryMsgByKey', '-t', 'Many', '-k', 'often', '-m', '130');
    expect(bodiesOf(some)).toEqual(Array.from({ length: 130 }, (_, i) => `m${i + 70}`));
    expect((await json<Messages>('queryMsgByKey', '-t', 'Many', '-k', 'often')).messages).toHaveLength(64);
    expect(bodiesOf(await json<Messages>('queryMsgByKey', '-t', 'Many', '-k', 'often', '-m', '1'))).toEqual(['m199']);
    expect(bodiesOf(await json<Messages>('queryMsgByKey', '-t', 'Many', '-k', 'k7'))).toEqual(['m7']);
  });

  it('are not all found when one second has more than an answer holds, which is said', async () => {
    await createTopic('Crowd');
    for (let i = 0; i < 110; i++) {
      await store('Crowd', { body: `m${i}`, atMs: T0 + 10_000 + (i < 10 ? 0 : 5000), keys: 'crowd' });
    }
    const done = await run('queryMsgByKey', '-t', 'Crowd', '-k', 'crowd', '-m', '500', '--json');
    expect(bodiesOf(JSON.parse(done.stdout) as Messages)).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...Array.from({ length: 64 }, (_, i) => i + 46)].map((i) => `m${i}`),
    );
    expect(done.stderr).toMatch(/^note: 127\.0\.0\.1:\d+ stored more messages with this key around [^\n]+; some of them are missing\n$/);
  });

  it('with the same hash are told apart by the messages', async () => {
    await createTopic('Hash');
    // Two words of one Java hash.
    await store('Hash', { body: 'meant', keys: 'Aa' });
    await store('Hash', { body: 'other', keys: 'BB' });
    expect(bodiesOf(await json<Messages>('queryMsgByKey', '-t', 'Hash', '-k', 'Aa', '-m', '1'))).toEqual(['meant']);
  });
});

describe('what groups did with a message', () => {
  let ids: { msgId: string; offsetMsgId: string };

  beforeAll(async () => {
    await createTopic('Tracked');
    ids = await store('Tracked', { body: 'x', tags: 'TagA', keys: 'tracked' });
    const subscribe = (group: string, expression: string, kind: { messageModel?: string; consumeType?: string } = {}) =>
      raw.heartbeat({ clientId: `c-${group}`, group, subscriptions: { Tracked: expression }, ...kind });
    const commit = (consumerGroup: string, commitOffset: number) =>
      raw.invoke(RequestCode.UPDATE_CONSUMER_OFFSET, { consumerGroup, topic: 'Tracked', queueId: '0', commitOffset: String(commitOffset) });
    for (const group of ['Behind', 'Broadcasts', 'Done', 'Filters', 'Gone', 'Pops', 'Pulls']) {
      expect(await run('updateSubGroup', '-c', 'DefaultCluster', '-g', group)).toMatchObject({ exitCode: 0 });
    }
    await subscribe('Done', 'TagA || TagB');
    await subscribe('Filters', 'TagB');
    await subscribe('Behind', '*');
    await subscribe('Pulls', '*', { consumeType: 'CONSUME_ACTIVELY' });
    await subscribe('Pops', '*', { consumeType: 'CONSUME_POP' });
    await subscribe('Broadcasts', '*', { messageModel: 'BROADCASTING' });
    for (const group of ['Done', 'Filters', 'Gone', 'Pops']) {
      await commit(group, 1);
    }
    await commit('Behind', 0);
  });

  const types: Record<string, string> = {
    Behind: 'NOT_CONSUME_YET',
    Broadcasts: 'CONSUME_BROADCASTING',
    Done: 'CONSUMED',
    Filters: 'CONSUMED_BUT_FILTERED',
    Gone: 'NOT_ONLINE',
    Pops: 'UNKNOWN',
    Pulls: 'PULL',
  };

  it.each([
    ['queryMsgById', () => ['-i', ids.offsetMsgId]],
    ['queryMsgById', () => ['-i', ids.msgId]],
    ['queryMsgByUniqueKey', () => ['-i', ids.msgId]],
    ['queryMsgByOffset', () => ['-b', 'broker-a', '-i', '0', '-o', '0']],
  ] as const)('is in the result of %s', async (name, words) => {
    const done = await run(name, '-t', 'Tracked', ...words());
    expect(done).toMatchObject({ stderr: '', exitCode: 0 });
    const shown = Array.from(done.stdout.matchAll(/^MessageTrack \[consumerGroup=(\w+), trackType=(\w+), exceptionDesc=(.*)\]$/gm));
    expect(Object.fromEntries(shown.map(([, group, type]) => [group, type]))).toEqual(types);
    const reasons = Object.fromEntries(shown.map(([, group, , reason]) => [group, reason]));
    expect(reasons).toMatchObject({ Done: 'null', Gone: 'CODE:206 DESC:the consumer group[Gone] not online' });
  });

  it('is nothing where nobody consumes', async () => {
    await createTopic('Lonely');
    await store('Lonely', { body: 'x' });
    const done = await run('queryMsgByOffset', '-t', 'Lonely', '-b', 'broker-a', '-i', '0', '-o', '0');
    expect(done.stdout.endsWith('WARN: No Consumer\n')).toBe(true);
  });
});

describe('a message for one client', () => {
  let ids: { msgId: string; offsetMsgId: string };
  let consumer: PushConsumer;
  let pulls: PullConsumer;
  const received: string[] = [];

  beforeAll(async () => {
    await createTopic('Direct');
    ids = await store('Direct', { body: 'again' });
    const common = { namesrvAddr: sandbox.namesrvAddr, clientIP: '127.0.0.1', heartbeatBrokerIntervalMs: 300 };
    for (const group of ['DirectGroup', 'DirectPulls']) {
      await run('updateSubGroup', '-c', 'DefaultCluster', '-g', group);
    }
    consumer = new PushConsumer({ ...common, consumerGroup: 'DirectGroup', instanceName: 'direct' });
    consumer.subscribe('Direct', '*');
    consumer.onMessage((messages) => {
      received.push(...messages.map((message) => `${message.body}`));
      return 'CONSUME_SUCCESS';
    });
    await consumer.start();
    pulls = new PullConsumer({ ...common, consumerGroup: 'DirectPulls', instanceName: 'pulls' });
    await pulls.start();
    await pulls.pull({ topic: 'Direct', brokerName: 'broker-a', queueId: 0 }, '*', 0, 1);
    const isOnline = async (group: string): Promise<boolean> =>
      (await run('consumerConnection', '-g', group, '-b', broker.address)).exitCode === 0;
    await until(async () => (await isOnline('DirectGroup')) && (await isOnline('DirectPulls')), 10_000);
  }, 120_000);

  afterAll(() => Promise.all([consumer.shutdown(), pulls.shutdown()]));

  const toClient = ['-g', 'DirectGroup', '-d', '127.0.0.1@direct'];

  it.each(['queryMsgById', 'queryMsgByUniqueKey'])('is given to it by %s, and the result shown', async (name) => {
    const before = received.length;
    const done = await run(name, '-t', 'Direct', '-i', ids.msgId, ...toClient);
    expect(done.stdout).toMatch(
      /^ConsumeMessageDirectlyResult \[order=false, autoCommit=true, consumeResult=CR_SUCCESS, remark=\w+, spentTimeMills=\d+\]\n$/,
    );
    expect(done).toMatchObject({ stderr: '', exitCode: 0 });
    expect(received.slice(before)).toEqual(['again']);
  });

  it.each(['queryMsgById', 'queryMsgByUniqueKey'])('is only spoken of by %s --dry-run', async (name) => {
    const before = received.length;
    const done = await run(name, '-t', 'Direct', '-i', ids.msgId, ...toClient, '--dry-run');
    expect(done.stdout).toBe(`dry run: would have client 127.0.0.1@direct of group DirectGroup consume message ${ids.msgId}\n`);
    expect(received).toHaveLength(before);
  });

  it('cannot be given to a client that pulls, to nobody, or without both names', async () => {
    const pulling = await run('queryMsgById', '-t', 'Direct', '-i', ids.msgId, '-g', 'DirectPulls', '-d', '127.0.0.1@pulls');
    expect(pulling).toMatchObject({ stdout: '', exitCode: 2, stderr: expect.stringContaining('it has no listener') });
    const nobody = await run('queryMsgById', '-t', 'Direct', '-i', ids.msgId, '-g', 'DirectGroup', '-d', 'nobody');
    expect(nobody).toMatchObject({ stdout: '', exitCode: 1, stderr: expect.stringContaining('<nobody> not online') });
    expect(await run('queryMsgById', '-t', 'Direct', '-i', ids.msgId, '-g', 'DirectGroup')).toMatchObject({ exitCode: 2 });
    expect(await run('queryMsgByUniqueKey', '-t', 'Direct', '-i', ids.msgId, '-d', 'x')).toMatchObject({ exitCode: 2 });
  });

  it('is sent again with the same client id, and both copies are shown', async () => {
    const plan = await run('queryMsgById', '-t', 'Direct', '-i', ids.offsetMsgId, '-s', 'true', '--dry-run');
    expect(plan.stdout).toBe(`dry run: would send message ${ids.offsetMsgId} again to topic Direct\n`);
    const done = await run('queryMsgById', '-t', 'Direct', '-i', ids.offsetMsgId, '-s', 'true', '-u', 'unit');
    expect(done.stdout).toMatch(
      new RegExp(
        `^prepare resend msg. originalMsgId=${ids.offsetMsgId}SendResult \\[sendStatus=SEND_OK, msgId=${ids.msgId}, .*queueOffset=1, `,
      ),
    );
    await until(async () => {
      const copies = await json<{ messages: { message: { msgId: string } }[] }>(
        'queryMsgByUniqueKey',
        '-t',
        'Direct',
        '-i',
        ids.msgId,
        '-a',
      );
      return copies.messages.filter(({ message }) => message.msgId === ids.msgId).length === 2;
    });
    const one = await run('queryMsgByUniqueKey', '-t', 'Direct', '-i', ids.msgId);
    expect(one.stdout.match(/^Topic:/gm)).toHaveLength(1);
  });
});

describe('test messages', () => {
  it('sendMessage --dry-run says where the message would go, and sends nothing', async () => {
    await createTopic('Planned', 3);
    expect((await run('sendMessage', '-t', 'Planned', '-p', 'äh', '--dry-run')).stdout).toBe(
      'dry run: would send a message of 3 bytes to one of the 3 queues of topic Planned\n',
    );
    expect((await run('sendMessage', '-t', 'Planned', '-p', 'x', '-b', 'broker-a', '-i', '2', '--dry-run')).stdout).toBe(
      'dry run: would send a message of 1 bytes to MessageQueue [topic=Planned, brokerName=broker-a, queueId=2]\n',
    );
    expect(bodiesIn((await run('printMsg', '-t', 'Planned')).stdout)).toEqual([]);
  });

  it('sendMessage says that a broker without a queue does not count', async () => {
    const done = await run('sendMessage', '-t', 'Planned', '-p', 'x', '-b', 'nobody');
    expect(done).toMatchObject({ exitCode: 0 });
    expect(done.stderr).toMatch(/^note: -b counts only together with -i; [^\n]+\n$/);
  });

  it('of checkMsgSendRT go to the queues in turn', async () => {
    await createTopic('Probed', 2);
    expect((await run('checkMsgSendRT', '-t', 'Probed', '--dry-run')).stdout).toBe(
      'dry run: would send 100 messages of 128 bytes to the 2 queues of topic Probed\n',
    );
    const done = await run('checkMsgSendRT', '-t', 'Probed', '-a', '5', '-s', '33');
    expect(done).toMatchObject({ stderr: '', exitCode: 0 });
    const rows = done.stdout.trimEnd().split('\n');
    expect(rows[0]).toBe('#Broker Name                      #QID  #Send Result            #RT');
    expect(rows.slice(1, 6).map((row) => row.replace(/\d+$/, 'N'))).toEqual(
      [0, 1, 0, 1, 0].map((queueId) => `broker-a                          ${queueId}     true                    N`),
    );
    expect(rows[6]).toMatch(/^Avg RT: \d+\.\d\d$/);
    expect(bodiesIn((await run('printMsg', '-t', 'Probed')).stdout)).toEqual(Array.from({ length: 5 }, () => 'a'.repeat(33)));
    const result = await json<{ probes: unknown[]; avgRtMs: number | null }>('checkMsgSendRT', '-t', 'Probed', '-a', '1');
    expect(result).toMatchObject({ probes: [{ brokerName: 'broker-a', queueId: 0, isSent: true }], avgRtMs: null });
    expect(await run('checkMsgSendRT', '-t', 'Probed', '-s', String(5 * 1024 * 1024))).toMatchObject({ exitCode: 2 });
  });

  it('that one of two brokers does not take are counted, and the command fails', async () => {
    await createTopic('Halved', 1);
    const deadAddr = `127.0.0.1:${await freePortBlock()}`;
    const brokerData = (brokerName: string, addr: string): string =>
      `{"brokerAddrs":{0:"${addr}"},"brokerName":"${brokerName}","cluster":"C"}`;
    const queueData = (brokerName: string): string =>
      `{"brokerName":"${brokerName}","perm":6,"readQueueNums":1,"topicSysFlag":0,"writeQueueNums":1}`;
    const namesrv = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
    namesrv.register(RequestCode.GET_ROUTEINFO_BY_TOPIC, (connection, request) => {
      const route = `{"brokerDatas":[${brokerData('broker-a', broker.address)},${brokerData('broker-b', deadAddr)}],"filterServerTable":{},"queueDatas":[${queueData('broker-a')},${queueData('broker-b')}]}`;
      connection.respond(request, ResponseCode.SUCCESS, null, null, Buffer.from(route));
    });
    const { listenPort } = await namesrv.listen();
    try {
      const done = await run('checkMsgSendRT', '-t', 'Halved', '-a', '4', '-n', `127.0.0.1:${listenPort}`);
      expect(done.exitCode).toBe(6);
      expect(done.stderr).toMatch(/^checkMsgSendRT Halved: 2 of 4 messages were not sent, the first because [^\n]+\n$/);
      expect(done.stderr).toContain(deadAddr);
      expect(done.stdout.match(/^broker-b +0 {5}false/gm)).toHaveLength(2);
    } finally {
      await namesrv.close();
    }
  });

  it('of sendMsgStatus go to the topic of a broker, after one that is not shown', async () => {
    const stored = async (): Promise<number> => bodiesIn((await run('printMsg', '-t', 'broker-a')).stdout).length;
    const before = await stored();
    expect((await run('sendMsgStatus', '-b', 'broker-a', '--dry-run')).stdout).toBe(
      'dry run: would send 51 messages, all but the first of 132 bytes, to topic broker-a\n',
    );
    const done = await run('sendMsgStatus', '-b', 'broker-a', '-c', '3', '-s', '64');
    expect(done).toMatchObject({ stderr: '', exitCode: 0 });
    const row =
      /^rt=\d+ms, SendResult=SendResult \[sendStatus=SEND_OK, msgId=[0-9A-F]{32,56}, offsetMsgId=[0-9A-F]{32}, messageQueue=MessageQueue \[topic=broker-a, brokerName=broker-a, queueId=0\], queueOffset=\d+, recallHandle=null\]$/;
    const rows = done.stdout.trimEnd().split('\n');
    expect(rows).toHaveLength(3);
    for (const text of rows) {
      expect(text).toMatch(row);
    }
    expect(await stored()).toBe(before + 4);
  });

  it('of sendMsgStatus make no topic of a name that is no broker', async () => {
    const done = await run('sendMsgStatus', '-b', 'no-broker', '-c', '1');
    expect(done).toMatchObject({ stdout: '', exitCode: 4 });
    expect(done.stderr).toContain('brokers there: broker-a');
    expect(await run('topicRoute', '-t', 'no-broker')).toMatchObject({ exitCode: 4 });
  });
});

describe('allocateMQ', () => {
  it('divides the sorted queues among the sorted clients', async () => {
    await createTopic('Shared', 5);
    const done = await run('allocateMQ', '-t', 'Shared', '-i', '10.0.0.2, 10.0.0.1');
    const { result } = JSON.parse(done.stdout) as { result: Record<string, { queueId: number }[]> };
    expect(Object.fromEntries(Object.entries(result).map(([ip, queues]) => [ip, queues.map(({ queueId }) => queueId)]))).toEqual({
      '10.0.0.1': [0, 1, 2],
      '10.0.0.2': [3, 4],
    });
  });

  it('refuses an empty list and a client that is listed twice', async () => {
    expect(await run('allocateMQ', '-t', 'Shared', '-i', ' , ')).toMatchObject({ stdout: '', exitCode: 2 });
    expect(await run('allocateMQ', '-t', 'Shared', '-i', '10.0.0.1,10.0.0.1')).toMatchObject({ stdout: '', exitCode: 2 });
  });
});
