/* What commands say of consumers: lag in messages and time, rates, members that subscribe differently. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PushConsumer } from '../../../src/client/consumer/push-consumer.js';
import { Producer } from '../../../src/client/producer/producer.js';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { RemotingServer } from '../../../src/remoting/server.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { type CommandRun, runCommand } from './run-command.js';

const SOON = { heartbeatBrokerIntervalMs: 200, persistConsumerOffsetIntervalMs: 100 };

let sandbox: Sandbox;
const clients: { shutdown(): Promise<unknown> | unknown }[] = [];

function run(name: string, ...argv: string[]): Promise<CommandRun> {
  return runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr, XDG_STATE_HOME: sandbox.dir });
}

async function json<T>(name: string, ...argv: string[]): Promise<T> {
  const done = await run(name, ...argv, '--json');
  expect(done).toMatchObject({ stderr: '', exitCode: 0 });
  return JSON.parse(done.stdout) as T;
}

async function consumer(group: string, options: { topic: string; expression: string; instanceName: string }): Promise<PushConsumer> {
  const { topic, expression, instanceName } = options;
  const made = new PushConsumer({
    namesrvAddr: sandbox.namesrvAddr,
    clientIP: '127.0.0.1',
    consumerGroup: group,
    instanceName,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    ...SOON,
  });
  made.subscribe(topic, expression);
  made.onMessage(() => 'CONSUME_SUCCESS');
  clients.push(made);
  await made.start();
  return made;
}

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { longPollingEnable: false } });
  for (const topic of ['Read', 'Left']) {
    await run('updateTopic', '-c', 'DefaultCluster', '-t', topic, '-r', '1', '-w', '1');
  }
  await run('updateSubGroup', '-c', 'DefaultCluster', '-g', 'Idle');
  const producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'P' });
  clients.push(producer);
  await producer.start();
  for (let i = 0; i < 3; i++) {
    await producer.send({ topic: 'Left', body: Buffer.from('x') });
  }
  await run('resetOffsetByTime', '-g', 'Idle', '-t', 'Left', '-s', '0');
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.shutdown()));
  await sandbox.stop();
});

describe('consumerProgress -g', () => {
  interface Lag {
    queues: { diff: number; lagMs: number | null; consumeRate: number | null; clientId?: string | null; reasons: Record<string, string> }[];
    diffTotal: number;
    lagMs: number | null;
    consumeRate: number | null;
    timeToDrainMs: number | null;
    retryDiffTotal: number;
    deadLetterTotal: number | null;
    reasons: Record<string, string>;
  }

  it('says how old the backlog is, and why it knows no rates, in JSON', async () => {
    const first = await json<Lag>('consumerProgress', '-g', 'Idle', '-t', 'Left');
    expect(first).toMatchObject({ diffTotal: 3, consumeRate: null, timeToDrainMs: null, retryDiffTotal: 0, deadLetterTotal: 0 });
    expect(first.reasons).toMatchObject({ consumeRate: 'one reading only', timeToDrainMs: 'one reading only' });
    expect(first.lagMs).toBeGreaterThan(0);
    await until(async () => ((await json<Lag>('consumerProgress', '-g', 'Idle', '-t', 'Left')).lagMs ?? 0) > (first.lagMs ?? 0), 5000);
  });

  it('with two readings says the rates, and that a backlog nobody consumes does not shrink', async () => {
    const lag = await json<Lag>('consumerProgress', '-g', 'Idle', '-t', 'Left', '--rate', '20ms');
    expect(lag).toMatchObject({
      consumeRate: 0,
      produceRate: 0,
      timeToDrainMs: null,
      reasons: { timeToDrainMs: 'the backlog does not shrink' },
    });
    expect(lag.queues).toMatchObject([{ consumeRate: 0, produceRate: 0, diff: 3 }]);
  });

  it('shows a wide table with clients, and unknown values with their reason', async () => {
    const wide = await run('consumerProgress', '-g', 'Idle', '-t', 'Left', '--output', 'wide', '--rate', '20ms');
    expect(wide).toMatchObject({ stderr: '', exitCode: 0 });
    const [titles, row] = wide.stdout.split('\n');
    expect(titles).toMatch(/#LastTime +#Client +#Lag Time +#Consume Rate +#Produce Rate +#Time To Drain$/);
    expect(row).toMatch(
      /^Left +broker-a +0 +3 +0 +3 +0 +N\/A +none +[\d.]+\w+ +0\.0\/s +0\.0\/s +unknown \(the backlog does not shrink\)$/,
    );
    expect(wide.stdout).toMatch(/^Dead Letters: 0$/m);
  });

  it('names the client of each queue', async () => {
    await consumer('Reading', { topic: 'Read', expression: '*', instanceName: 'reader' });
    await until(async () => {
      const lag = await run('consumerProgress', '-g', 'Reading', '-t', 'Read', '-s', 'true', '--json');
      return lag.exitCode === 0 && JSON.parse(lag.stdout).queues[0]?.clientId === '127.0.0.1@reader';
    }, 10_000);
  });

  it('--watch shows it again and again with the rates since the round before', async () => {
    const watched = await run('consumerProgress', '-g', 'Idle', '-t', 'Left', '--output', 'wide', '--watch', '20ms', '--rounds', '3');
    expect(watched.stdout.match(/^# \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/gm)).toHaveLength(3);
    expect(watched.stdout.match(/unknown \(one reading only\)/g)?.length).toBeGreaterThan(0);
    expect(watched.stdout.trimEnd().split('\n').slice(-7)).toContain('Consume Rate: 0.0/s');
    expect(watched).toMatchObject({ stderr: '', exitCode: 0 });
  });

  it.each([
    ['--output', 'narrow'],
    ['--rounds', '2'],
  ])('%s %s is refused', async (...argv) => {
    expect(await run('consumerProgress', ...argv)).toMatchObject({ exitCode: 2 });
  });
});

describe('consumerProgress of a broker that', () => {
  let server: RemotingServer;
  let addr = '';
  const answer = (code: number, of: (fields: Record<string, string>) => [code: number, body: string | null]): void => {
    server.register(code, (connection, request) => {
      const [answered, body] = of({ ...request.extFields });
      connection.respond(request, answered, null, null, body === null ? null : Buffer.from(body));
    });
  };

  beforeEach(async () => {
    server = new RemotingServer({ bindAddress: '127.0.0.1', listenPort: 0 });
    answer(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, () => [0, '{"topicList":["%RETRY%Bad","%RETRY%Good"]}']);
    answer(RequestCode.GET_BROKER_CLUSTER_INFO, () => {
      const table = `{"broker-a":{"brokerAddrs":{0:"${addr}"},"brokerName":"broker-a","cluster":"C"}}`;
      return [0, `{"brokerAddrTable":${table},"clusterAddrTable":{"C":["broker-a"]}}`];
    });
    answer(RequestCode.GET_ROUTEINFO_BY_TOPIC, () => [ResponseCode.TOPIC_NOT_EXIST, null]);
    answer(RequestCode.GET_CONSUMER_CONNECTION_LIST, () => [ResponseCode.CONSUMER_NOT_ONLINE, null]);
    addr = `127.0.0.1:${(await server.listen()).listenPort}`;
  });

  afterEach(() => server.close());

  it('has no figures of a group: null in JSON, and the reason', async () => {
    answer(RequestCode.GET_CONSUME_STATS, ({ consumerGroup }) =>
      consumerGroup === 'Bad' ? [ResponseCode.SYSTEM_ERROR, null] : [0, '{"consumeTps":0.0,"offsetTable":{}}'],
    );
    const done = await run('consumerProgress', '-n', addr, '--json');
    expect(done.exitCode).toBe(6);
    expect(JSON.parse(done.stdout).groups).toMatchObject([
      { consumerGroup: 'Bad', consumeTps: null, diffTotal: null, reason: expect.stringContaining(addr) },
      { consumerGroup: 'Good', consumeTps: 0, diffTotal: 0 },
    ]);
  });

  it('is of 4.9, and whose client says nothing: null and reasons, unknown in the table', async () => {
    const row = '{"brokerName":"broker-a","queueId":0,"topic":"T"}:{"brokerOffset":9,"consumerOffset":1,"lastTimestamp":0}';
    answer(RequestCode.GET_CONSUME_STATS, () => [0, `{"consumeTps":0.0,"offsetTable":{${row}}}`]);
    const client = '{"clientAddr":"127.0.0.1:1","clientId":"10.0.0.1@mute","language":"JAVA","version":401}';
    answer(RequestCode.GET_CONSUMER_CONNECTION_LIST, () => [0, `{"connectionSet":[${client}],"subscriptionTable":{}}`]);
    answer(RequestCode.GET_CONSUMER_RUNNING_INFO, () => [ResponseCode.SYSTEM_ERROR, null]);
    answer(RequestCode.QUERY_CONSUME_TIME_SPAN, () => [ResponseCode.SYSTEM_ERROR, null]);
    const words = ['-g', 'Old', '-s', 'true', '-n', addr];
    const asJson = await run('consumerProgress', ...words, '--json');
    expect(asJson).toMatchObject({ stderr: '', exitCode: 0 });
    const reasons = { clientId: '10.0.0.1@mute did not answer', inflight: 'brokers before 5.0 do not say it' };
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      inflightTotal: null,
      lagMs: null,
      queues: [{ clientId: null, inflight: null, lagMs: null, reasons: { ...reasons, lagMs: expect.stringContaining(addr) } }],
    });
    const text = await run('consumerProgress', ...words);
    expect(text.stdout).toMatch(/^T +broker-a +0 +9 +1 +N\/A +8 +unknown +N\/A$/m);
    expect(text.stdout).toMatch(/^Consume Inflight Total: unknown \(brokers before 5\.0 do not say it\)$/m);
    const wide = await run('consumerProgress', ...words, '--output', 'wide', '--rate', '1ms');
    expect(wide.stdout).toMatch(/ unknown \(10\.0\.0\.1@mute did not answer\) /);
  });
});

describe('consumerStatus of members that subscribe differently', () => {
  beforeAll(async () => {
    await consumer('Torn', { topic: 'Read', expression: 'TagA', instanceName: 'one' });
    await consumer('Torn', { topic: 'Read', expression: 'TagB', instanceName: 'two' });
    await until(async () => (await json<{ clients: unknown[] }>('consumerStatus', '-g', 'Torn')).clients.length === 2, 10_000);
  });

  it('warns, and says who subscribes to what', async () => {
    const status = await run('consumerStatus', '-g', 'Torn', '--dir', sandbox.dir);
    expect(status).toMatchObject({ stderr: '', exitCode: 0 });
    const tail = status.stdout.split('\n').slice(3);
    expect(tail).toEqual([
      '',
      '',
      'WARN: Different subscription in the same group of consumer!!!',
      "topic Read: 'TagA' by 127.0.0.1@one; 'TagB' by 127.0.0.1@two",
      '',
    ]);
    expect(await json('consumerStatus', '-g', 'Torn')).toMatchObject({
      subscriptionDifferences: [
        {
          topic: 'Read',
          subscribers: [
            { expression: 'TagA', clientIds: ['127.0.0.1@one'] },
            { expression: 'TagB', clientIds: ['127.0.0.1@two'] },
          ],
        },
      ],
    });
  });

  it('-i prints what one client says, and names those online for another', async () => {
    const one = await run('consumerStatus', '-g', 'Torn', '-i', '127.0.0.1@one');
    expect(one.stdout).toMatch(/^#Consumer Properties#\n/);
    expect(one.stdout).toMatch(/^\d{3} Topic: Read {37}ClassFilter: false {4}SubExpression: TagA$/m);
    const nobody = await run('consumerStatus', '-g', 'Torn', '-i', 'nobody');
    expect(nobody).toMatchObject({ stdout: '', exitCode: 4, stderr: expect.stringContaining('127.0.0.1@one') });
  });

  it('a folder for the files that cannot be written is named', async () => {
    const refused = await run('consumerStatus', '-g', 'Torn', '--dir', '/dev/null');
    expect(refused).toMatchObject({ stdout: '', exitCode: 2, stderr: expect.stringContaining('/dev/null') });
  });
});

describe('startMonitoring', () => {
  it('prints what groups have not consumed and who subscribes differently, round after round', async () => {
    await run('updateTopic', '-c', 'DefaultCluster', '-t', '%RETRY%Idle', '-r', '1', '-w', '1');
    const watched = await run('startMonitoring', '--interval', '10ms', '--rounds', '2');
    expect(watched).toMatchObject({ stderr: '', exitCode: 0 });
    const undone =
      /\[MONITOR\] reportUndoneMsgs: UndoneMsgs \[consumerGroup=Idle, topic=Left, undoneMsgsTotal=3, undoneMsgsSingleMQ=3, undoneMsgsDelayTimeMills=\d+\]$/gm;
    expect(watched.stdout.match(undone)).toHaveLength(2);
    const differ = "ConsumerGroup: Torn, Subscription different, topic Read: 'TagA' by 127.0.0.1@one; 'TagB' by 127.0.0.1@two\n";
    expect(watched.stdout.split(differ)).toHaveLength(3);
    expect(watched.stdout.match(/ \[MONITOR\] (beginRound: \d+ groups|endRound)$/gm)).toHaveLength(4);
  });
});
