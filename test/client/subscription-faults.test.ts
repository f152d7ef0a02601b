/* What push consumers do when something is wrong with what they subscribe to: no queue stands still for good, and nothing is lost. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PushConsumer, type PushConsumerOptions } from '../../src/client/consumer/push-consumer.js';
import { Producer } from '../../src/client/producer/producer.js';
import type { SqlExpression } from '../../src/client/subscription.js';
import { BrokerError, UsageError } from '../../src/common/errors.js';
import { RequestCode } from '../../src/remoting/codes.js';
import { RawClient } from '../broker/kit.js';
import { runCommand } from '../commands/mqadmin/run-command.js';
import { type Sandbox, startSandbox, until } from '../sandbox.js';

/** Longest wait of a pull that was refused or held, and some more. */
const RECOVERY_MS = 60_000;

let sandbox: Sandbox;
let producer: Producer;
let raw: RawClient;
const consumers: PushConsumer[] = [];

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { autoCreateSubscriptionGroup: false, enablePropertyFilter: true } });
  producer = new Producer({ namesrvAddr: sandbox.namesrvAddr, producerGroup: 'PG_faults' });
  raw = new RawClient(sandbox.brokerAddr);
  await producer.start();
});
afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.shutdown()));
});
afterAll(async () => {
  await producer?.shutdown();
  await raw?.close();
  await sandbox?.stop();
});

async function mqadmin(name: string, ...argv: string[]): Promise<void> {
  const done = await runCommand(name, argv, { NAMESRV_ADDR: sandbox.namesrvAddr });
  expect(done).toMatchObject({ exitCode: 0 });
}

const createTopic = (topic: string) => mqadmin('updateTopic', '-c', 'DefaultCluster', '-t', topic, '-r', '1', '-w', '1');
const setGroup = (group: string, ...argv: string[]) => mqadmin('updateSubGroup', '-c', 'DefaultCluster', '-g', group, ...argv);

async function send(topic: string, prefix: string, count: number): Promise<string[]> {
  const bodies = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  for (const body of bodies) {
    await producer.send({ topic, body: Buffer.from(body) });
  }
  return bodies;
}

/** A member of a group, and the bodies it got. */
async function member(
  consumerGroup: string,
  subscriptions: Record<string, string | SqlExpression>,
  options: Partial<PushConsumerOptions> = {},
): Promise<{ consumer: PushConsumer; got: string[] }> {
  const { namesrvAddr } = sandbox;
  // A group that is new begins at the end of a queue, wherever that is when it asks.
  const consumeFromWhere = 'CONSUME_FROM_FIRST_OFFSET';
  const consumer = new PushConsumer({ namesrvAddr, consumerGroup, consumeFromWhere, pollNameServerIntervalMs: 500, ...options });
  const got: string[] = [];
  consumer.onMessage((messages) => {
    got.push(...messages.map(({ body }) => body.toString()));
    return 'CONSUME_SUCCESS';
  });
  for (const [topic, expression] of Object.entries(subscriptions)) {
    await consumer.subscribe(topic, expression);
  }
  consumers.push(consumer);
  await consumer.start();
  return { consumer, got };
}

it('a topic that is deleted and made again gives its consumer all of its new messages, be they fewer or more', async () => {
  const relive = async (topic: string, count: number): Promise<void> => {
    await createTopic(topic);
    await setGroup(`${topic}Group`);
    const { got } = await member(`${topic}Group`, { [topic]: '*' });
    const first = await send(topic, 'first', 6);
    await until(() => got.length === 6);
    expect(got).toEqual(first);
    await mqadmin('deleteTopic', '-c', 'DefaultCluster', '-t', topic, '--yes');
    await createTopic(topic);
    const second = await send(topic, 'second', count);
    await until(() => new Set(got).size === 6 + count, RECOVERY_MS);
    expect(got.slice(6).sort()).toEqual(second.sort());
  };
  await Promise.all([relive('RebornFew', 3), relive('RebornMany', 12)]);
});

describe('a consumer', () => {
  it('of a topic that nobody has made yet gets its messages when it is there', async () => {
    await setGroup('Early');
    const { got } = await member('Early', { NotYet: '*' });
    await createTopic('NotYet');
    const bodies = await send('NotYet', 'm', 3);
    await until(() => got.length === 3, RECOVERY_MS);
    expect(got.sort()).toEqual(bodies);
  });

  it('of a group that does not exist waits for it', async () => {
    await createTopic('Strangers');
    const bodies = await send('Strangers', 'm', 3);
    const { got } = await member('Stranger', { Strangers: '*' }, { heartbeatBrokerIntervalMs: 500 });
    expect(got).toEqual([]);
    await setGroup('Stranger');
    await until(() => got.length === 3, RECOVERY_MS);
    expect(got).toEqual(bodies);
  });

  it('whose group may not consume goes on when it may again', async () => {
    await createTopic('Paused');
    await setGroup('PausedGroup', '-s', 'false');
    const { got } = await member('PausedGroup', { Paused: '*' });
    const bodies = await send('Paused', 'm', 3);
    await setGroup('PausedGroup', '-s', 'true');
    await until(() => got.length === 3, RECOVERY_MS);
    expect(got).toEqual(bodies);
  });

  it('does not start with an expression that is none, and keeps what it has when a later one is none', async () => {
    await createTopic('Filtered');
    await createTopic('Other');
    await setGroup('FilteredGroup');
    const consumer = new PushConsumer({ namesrvAddr: sandbox.namesrvAddr, consumerGroup: 'FilteredGroup' });
    await expect(consumer.subscribe('Filtered', ' || ')).rejects.toThrow(UsageError);
    await expect(member('FilteredGroup', { Filtered: { sql: 'a >' } })).rejects.toThrow(BrokerError);
    consumers.length = 0;
    const { consumer: running, got } = await member('FilteredGroup', { Filtered: '*' }, { heartbeatBrokerIntervalMs: 20 });
    await expect(running.subscribe('Filtered', { sql: "a = 'b' AND" })).rejects.toThrow(BrokerError);
    await expect(running.subscribe('Other', { sql: 'a >' })).rejects.toThrow(BrokerError);
    // What was refused is not in the heartbeats that follow either.
    const lastBeatMs = () => [...sandbox.brokers[0]!.parts.consumers.group('FilteredGroup')!.channels.values()][0]!.lastBeatMs;
    const before = lastBeatMs();
    await until(() => lastBeatMs() > before);
    const bodies = await send('Filtered', 'm', 3);
    await until(() => got.length === 3);
    expect(got).toEqual(bodies);
    const answer = await raw.invoke(RequestCode.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: 'FilteredGroup' });
    const { subscriptionTable } = JSON.parse(String(answer.body)) as { subscriptionTable: Record<string, unknown> };
    expect(Object.keys(subscriptionTable).sort()).toEqual(['%RETRY%FilteredGroup', 'Filtered']);
  });
});

describe('two consumers with one client id', () => {
  it('lose nothing, neither together nor after one of them left', async () => {
    await createTopic('Twice');
    await setGroup('Twins');
    const options = { instanceName: 'same', clientIP: '127.0.0.1' };
    const [a, b] = [await member('Twins', { Twice: '*' }, options), await member('Twins', { Twice: '*' }, options)];
    const together = await send('Twice', 'together', 5);
    await until(() => together.every((body) => a.got.includes(body) || b.got.includes(body)));
    await a.consumer.shutdown();
    consumers.splice(consumers.indexOf(a.consumer), 1);
    const alone = await send('Twice', 'alone', 5);
    await until(() => alone.every((body) => b.got.includes(body)), RECOVERY_MS);
  });
});
