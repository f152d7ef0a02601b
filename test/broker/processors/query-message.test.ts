import { afterAll, beforeAll, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../../src/remoting/codes.js';
import type { RemotingCommand } from '../../../src/remoting/command.js';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { bodiesOf, messagesOf, RawClient } from '../kit.js';

const LONG_MAX = '9223372036854775807';

let sandbox: Sandbox;
let raw: RawClient;

beforeAll(async () => {
  sandbox = await startSandbox();
  raw = new RawClient(sandbox.brokerAddr);
});

afterAll(async () => {
  await raw?.close();
  await sandbox?.stop();
});

function query(topic: string, key: string, fields: Record<string, string> = {}): Promise<RemotingCommand> {
  const all = { topic, key, maxNum: '64', beginTimestamp: '0', endTimestamp: LONG_MAX, _UNIQUE_KEY_QUERY: 'false', ...fields };
  return raw.invoke(RequestCode.QUERY_MESSAGE, all);
}

async function store(
  topic: string,
  count: number,
  message: (i: number) => { body: string; properties: Record<string, string> },
): Promise<void> {
  for (let i = 0; i < count; i++) {
    expect((await raw.send({ topic, ...message(i) })).code).toBe(ResponseCode.SUCCESS);
  }
}

const bodies = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `m${from + i}`);

it('a query by key answers the newest messages up to maxNum, and never more than maxMsgsNumBatch, in the order of the log', async () => {
  await store('Keyed', 70, (i) => ({ body: `m${i}`, properties: { KEYS: `k${i} all` } }));
  expect(bodiesOf(await query('Keyed', 'all'))).toEqual(bodies(6, 70));
  expect(bodiesOf(await query('Keyed', 'all', { maxNum: '1000' }))).toEqual(bodies(6, 70));
  expect(bodiesOf(await query('Keyed', 'all', { maxNum: '3' }))).toEqual(bodies(67, 70));
  expect(bodiesOf(await query('Keyed', 'k5'))).toEqual(['m5']);
});

it('a query by unique id answers at most defaultQueryMaxNum messages, whatever was asked for', async () => {
  await store('Unique', 40, (i) => ({ body: `m${i}`, properties: { UNIQ_KEY: 'ID', KEYS: 'ID2' } }));
  expect(bodiesOf(await query('Unique', 'ID', { _UNIQUE_KEY_QUERY: 'true', maxNum: '64' }))).toEqual(bodies(8, 40));
  expect(bodiesOf(await query('Unique', 'ID', { maxNum: '64' }))).toHaveLength(40);
});

it('an answer that would be too large keeps the newest messages', async () => {
  const body = 'x'.repeat(3 * 1024 * 1024);
  await store('Large', 4, () => ({ body, properties: { KEYS: 'large' } }));
  const answer = await query('Large', 'large');
  expect(messagesOf(answer).map((message) => message.queueOffset)).toEqual([2, 3]);
});

it('a key or a time without messages is answered with 22 and where the index ends', async () => {
  const answer = await query('Keyed', 'nothing');
  expect(answer).toMatchObject({ code: ResponseCode.QUERY_NOT_FOUND, remark: 'can not find message, maybe time range not correct' });
  expect(Number(answer.extFields?.indexLastUpdateTimestamp)).toBeGreaterThan(0);
  expect(Number(answer.extFields?.indexLastUpdatePhyoffset)).toBeGreaterThan(0);
  expect((await query('Keyed', 'k5', { endTimestamp: '1000' })).code).toBe(ResponseCode.QUERY_NOT_FOUND);
  expect((await query('Keyed', 'k5', { beginTimestamp: LONG_MAX })).code).toBe(ResponseCode.QUERY_NOT_FOUND);
  expect((await query('NoSuchTopic', 'k5')).code).toBe(ResponseCode.QUERY_NOT_FOUND);
  expect((await query('Keyed', 'k5', { beginTimestamp: '-9223372036854775808' })).code).toBe(ResponseCode.SUCCESS);
});

it.each([
  ['topic', ''],
  ['key', ''],
  ['maxNum', 'many'],
  ['endTimestamp', '92233720368547758070'],
])('a query with %s=%s is refused', async (name, value) => {
  const answer = await query('Keyed', 'k5', { [name]: value });
  expect(answer.code).not.toBe(ResponseCode.SUCCESS);
  expect(answer.remark).toContain(name);
});
