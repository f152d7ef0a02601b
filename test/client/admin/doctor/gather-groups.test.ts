import { expect, it } from 'vitest';
import type { AdminClient } from '../../../../src/client/admin/admin-client.js';
import { gatherGroups, groupsWithRetries } from '../../../../src/client/admin/doctor/gather-groups.js';
import { systemClock } from '../../../../src/common/clock.js';
import { encodeConsumerConnection } from '../../../../src/remoting/bodies/subscription.js';
import { RequestCode, ResponseCode } from '../../../../src/remoting/codes.js';
import type { RequestInit } from '../../../../src/remoting/command.js';
import { broker, connection, groupTable, row } from './made-up.js';

/** Brokers of which one knows a member of group G, and the brokers that were asked. */
function adminOf(knowing: string): { admin: AdminClient; asked: string[] } {
  const asked: string[] = [];
  const ask = async (addr: string, { code }: RequestInit): Promise<unknown> => {
    expect(code).toBe(RequestCode.GET_CONSUMER_CONNECTION_LIST);
    asked.push(addr);
    return addr === knowing
      ? { code: ResponseCode.SUCCESS, body: encodeConsumerConnection(connection(['x'])) }
      : { code: ResponseCode.CONSUMER_NOT_ONLINE, body: null };
  };
  return { admin: { ask } as unknown as AdminClient, asked };
}

const REQUEST = { groups: ['G'], isNamed: false, maxClients: 0, lagWarning: 1_000_000, intervalMs: 1, clock: systemClock };
const settings = { groups: groupTable({ groupName: 'G' }) };

it('brokers that a group consumed from are asked for its members before those that only have its settings', async () => {
  const masters = Array.from({ length: 12 }, (_, i) => {
    const brokerName = `b${i}`;
    const progress = { value: { atMs: 0, rows: i < 11 ? [] : [row({ brokerName })] } };
    return broker(brokerName, { ...settings, progress, brokerAddr: `h${i}:1` });
  });
  const { admin, asked } = adminOf('h11:1');
  const { groups } = await gatherGroups(admin, { ...REQUEST, masters });
  expect(groups[0]?.connections.value).toHaveLength(1);
  expect(asked).toEqual(['h11:1']);
});

it('topics of POP retries are no groups of their own', () => {
  const topics = ['T', 'T_1', '%RETRY%G', '%RETRY%G_T', '%RETRY%G_T_1', '%RETRY%G+T', '%RETRY%Other+T', '%RETRY%G_gone', '%RETRY%a_T'];
  expect([...groupsWithRetries(new Set(topics), new Set(['G', 'a', 'a_T']))]).toEqual(['G', 'Other', 'G_gone', 'a_T']);
});

it.each([
  ['behind are looked for on all of them', 1, 10],
  ['not behind are looked for on a few', 0, 8],
])('members of a group that is %s', async (_, behind, count) => {
  const masters = Array.from({ length: 10 }, (_unused, i) => {
    const brokerName = `b${i}`;
    const progress = { value: { atMs: 0, rows: [row({ brokerName, brokerOffset: behind, consumerOffset: 0 })] } };
    return broker(brokerName, { ...settings, progress, brokerAddr: `h${i}:1` });
  });
  const { admin, asked } = adminOf('h9:1');
  const { groups } = await gatherGroups(admin, { ...REQUEST, masters });
  expect(asked).toHaveLength(count);
  expect(groups[0]?.connections.value).toHaveLength(behind);
});
