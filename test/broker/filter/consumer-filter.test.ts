import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { bodiesOf, RawClient } from '../kit.js';

const TOPIC = 'Sql';
const SUSPEND = 2;
const SUBSCRIPTION = 4;
let sandbox: Sandbox;
let client: RawClient;
let producer: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox({ brokerConfig: { enablePropertyFilter: 'true' } });
  client = new RawClient(sandbox.brokerAddr);
  producer = new RawClient(sandbox.brokerAddr);
  for (let i = 0; i < 20; i++)
    await producer.send({ topic: TOPIC, body: `${i}`, properties: { a: `${i}`, TAGS: i % 2 === 0 ? 'even' : 'odd' } });
});
afterAll(async () => {
  await client.close();
  await producer.close();
  await sandbox.stop();
});

const broker = () => sandbox.brokers[0]!;
const subscribe = (group: string, selector: string, subVersion = 1) =>
  client.heartbeat({ clientId: group, group, subscriptions: { [TOPIC]: selector }, expressionType: 'SQL92', subVersion });
const pull = (group: string, options: { offset?: number; sysFlag?: number; suspendMs?: number; subVersion?: number } = {}) =>
  client.pull({ topic: TOPIC, group, sysFlag: 0, ...options, fields: { subVersion: String(options.subVersion ?? 1) } });

describe('a group with an SQL92 subscription', () => {
  it('gets the messages its selector matches, and goes on behind the others', async () => {
    await subscribe('Few', "a > 15 AND TAGS = 'odd'");
    const answer = await pull('Few');
    expect(bodiesOf(answer)).toEqual(['17', '19']);
    expect(answer.extFields!.nextBeginOffset).toBe('20');
  });

  it('gets 20 when nothing matches', async () => {
    await subscribe('None', 'a > 100');
    expect(await pull('None')).toMatchObject({ code: ResponseCode.PULL_RETRY_IMMEDIATELY, extFields: { nextBeginOffset: '20' } });
  });

  it('waits on when messages come that it does not want, and gets the one that it does', async () => {
    await subscribe('Held', 'a >= 1000');
    const held = pull('Held', { offset: 20, sysFlag: SUSPEND, suspendMs: 15_000 });
    await until(() => broker().parts.holds.size === 1);
    for (let i = 0; i < 3; i++) await producer.send({ topic: TOPIC, body: 'no', properties: { a: '1' } });
    await until(() => broker().store.maxOffset(TOPIC, 0) === 23 && broker().parts.holds.size === 1);
    await producer.send({ topic: TOPIC, body: 'yes', properties: { a: '1000' } });
    const answer = await held;
    expect(bodiesOf(answer)).toEqual(['yes']);
    expect(answer.extFields!.nextBeginOffset).toBe('24');
  });

  it('gets 27 when its selector does not compile, and 28 when the broker has an older one', async () => {
    await subscribe('Bad', 'a >');
    expect((await pull('Bad')).code).toBe(ResponseCode.FILTER_DATA_NOT_EXIST);
    await subscribe('Bad', 'a > 18', 5);
    expect((await pull('Bad', { subVersion: 6 })).code).toBe(ResponseCode.SUBSCRIPTION_NOT_LATEST);
    expect(bodiesOf(await pull('Bad', { subVersion: 5 })).slice(0, 1)).toEqual(['19']);
    await subscribe('Bad', 'a > 19 AND', 7);
    expect((await pull('Bad', { subVersion: 7 })).code).toBe(ResponseCode.FILTER_DATA_NOT_EXIST);
  });

  it('gets from its retry topic what the selector on the original topic matches, with filterSupportRetry', async () => {
    const retry = '%RETRY%Again';
    const subscriptions = { [TOPIC]: 'a > 15', [retry]: 'RETRY_TOPIC IS NOT NULL' };
    await client.heartbeat({ clientId: 'again', group: 'Again', subscriptions, expressionType: 'SQL92' });
    for (const [body, properties] of Object.entries({
      few: { a: '3', RETRY_TOPIC: TOPIC },
      many: { a: '16', RETRY_TOPIC: TOPIC },
      other: { a: '3', RETRY_TOPIC: 'Other' },
    })) {
      expect((await producer.send({ topic: retry, body, properties })).code).toBe(0);
    }
    const pullRetries = () => client.pull({ topic: retry, group: 'Again', sysFlag: 0, fields: { subVersion: '1' } });
    expect(bodiesOf(await pullRetries())).toEqual(['few', 'many', 'other']);
    broker().parts.config.broker.filterSupportRetry = true;
    expect(bodiesOf(await pullRetries())).toEqual(['many', 'other']);
    broker().parts.config.broker.filterSupportRetry = false;
  });

  it('is checked before it starts', async () => {
    const check = (subString: string, expressionType = 'SQL92') =>
      client.invoke(
        RequestCode.CHECK_CLIENT_CONFIG,
        {},
        JSON.stringify({ clientId: 'c', group: 'G', subscriptionData: { topic: TOPIC, subString, expressionType } }),
      );
    expect((await check('a > 1')).code).toBe(ResponseCode.SUCCESS);
    expect(await check('a > ')).toMatchObject({
      code: ResponseCode.SUBSCRIPTION_PARSE_FAILED,
      remark: expect.stringContaining('a value or property is missing at column 5 of "a > "'),
    });
    expect((await check('x', 'XPATH')).code).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
  });

  it("is kept in consumerFilter.json in Apache's form, and dies with its last member", async () => {
    const short = new RawClient(sandbox.brokerAddr);
    await short.heartbeat({ clientId: 'x', group: 'Gone', subscriptions: { [TOPIC]: 'a > 3' }, expressionType: 'SQL92', subVersion: 9 });
    const { filters } = broker().parts;
    expect(filters.get(TOPIC, 'Gone')?.deadTime).toBe(0);
    await short.close();
    await until(() => filters.get(TOPIC, 'Gone')!.deadTime > 0);
    filters.flush();
    const file = join(broker().parts.config.store.storePathRootDir, 'config', 'consumerFilter.json');
    const { filterDataByTopic } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, { groupFilterData: object }>>;
    expect(filterDataByTopic?.[TOPIC]).toMatchObject({
      topic: TOPIC,
      groupFilterData: {
        Gone: {
          consumerGroup: 'Gone',
          expression: 'a > 3',
          expressionType: 'SQL92',
          clientVersion: 9,
          dead: true,
          bloomFilterData: { bitNum: 112 },
        },
        Few: { dead: false, deadTime: 0 },
      },
    });
    filters.load();
    expect(filters.get(TOPIC, 'Few')!.deadTime).toBeGreaterThan(0);
    await subscribe('Few', "a > 15 AND TAGS = 'odd'");
    expect(filters.get(TOPIC, 'Few')!.deadTime).toBe(0);
  });
});

describe('a pull that carries its selector', () => {
  const own = (subscription: string) =>
    client.pull({ topic: TOPIC, group: 'Own', sysFlag: SUBSCRIPTION, subscription, fields: { expressionType: 'SQL92' } });

  it('is filtered by it, without a heartbeat', async () => {
    expect(bodiesOf(await own('a < 2'))).toContain('1');
    expect(bodiesOf(await own('a < 2'))).not.toContain('2');
  });

  it("gets everything when it does not compile, as Apache's broker does", async () => {
    expect(bodiesOf(await own('a <'))).toHaveLength(24);
  });
});
