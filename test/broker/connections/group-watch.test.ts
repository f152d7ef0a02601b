/* What the broker says of groups whose members do not fit together: in its log, and to mqadmin. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Logger, noopLogger } from '../../../src/common/logger.js';
import { RequestCode } from '../../../src/remoting/codes.js';
import { runCommand } from '../../commands/mqadmin/run-command.js';
import { type Sandbox, startSandbox, until } from '../../sandbox.js';
import { json, RawClient } from '../kit.js';

let sandbox: Sandbox;
let warnings: string[] = [];
const open: RawClient[] = [];
const logger: Logger = {
  ...noopLogger,
  warn: (message) => void warnings.push(message),
  info: (message) => void (message.includes('subscribe alike') && warnings.push(message)),
};

beforeAll(async () => {
  sandbox = await startSandbox({ logger });
});
beforeEach(() => {
  warnings = [];
});
afterAll(async () => {
  await Promise.all(open.map((client) => client.close()));
  await sandbox?.stop();
});

function newClient(): RawClient {
  const client = new RawClient(sandbox.brokerAddr);
  open.push(client);
  return client;
}

const about = (group: string): string[] => warnings.filter((message) => message.includes(group));
const member = (clientId: string, group: string, subscriptions: Record<string, string>) => ({ clientId, group, subscriptions });

describe('members that subscribe differently', () => {
  it('are named in the log once a change, and in the answer about the group', async () => {
    const [a, b] = [newClient(), newClient()];
    await a.heartbeat(member('a', 'Differ', { T: 'A', U: '*' }));
    await b.heartbeat(member('b', 'Differ', { T: 'B', U: '*' }));
    await a.heartbeat(member('a', 'Differ', { T: 'A', U: '*' }));
    await b.heartbeat(member('b', 'Differ', { T: 'B', U: '*' }));
    expect(about('Differ')).toEqual([
      "the members of group Differ subscribe differently, so that messages may be lost: topic T: 'A' by a; 'B' by b; " +
        'let all of them subscribe alike, or make groups of them',
    ]);
    const answer = json(await a.invoke(RequestCode.GET_CONSUMER_CONNECTION_LIST, { consumerGroup: 'Differ' }));
    expect(answer.subscriptionDifferences).toMatchObject([{ topic: 'T' }]);
    const args = ['-g', 'Differ', '-b', sandbox.brokerAddr];
    const shown = await runCommand('consumerConnection', args, { NAMESRV_ADDR: sandbox.namesrvAddr });
    expect(shown.stdout).toContain("\nWARN: Different subscription in the same group of consumer!!!\ntopic T: 'A' by a; 'B' by b\n");
    await b.heartbeat(member('b', 'Differ', { T: 'B' }));
    expect(about('Differ')).toHaveLength(2);
    expect(about('Differ')[1]).toContain("topic U: '*' by a; not subscribed by b");
    await b.close();
    await until(() => about('Differ').length === 3);
    expect(about('Differ')[2]).toBe('the members of group Differ subscribe alike again');
    const after = await runCommand('consumerConnection', args, { NAMESRV_ADDR: sandbox.namesrvAddr });
    expect(after.stdout).not.toContain('WARN');
  });

  it('are not those whose tags stand in another order', async () => {
    const [a, b] = [newClient(), newClient()];
    await a.heartbeat(member('a', 'Alike', { T: 'A || B', U: '*' }));
    await b.heartbeat(member('b', 'Alike', { U: '*', T: 'B||A' }));
    expect(about('Alike')).toEqual([]);
  });
});

describe('two clients of one id', () => {
  it('are named once both are known to live, and once only', async () => {
    const [a, b] = [newClient(), newClient()];
    const same = member('same@1', 'Twins', { T: '*' });
    await a.heartbeat(same);
    await b.heartbeat(same);
    await b.heartbeat(same);
    expect(about('Twins')).toEqual([]);
    await a.heartbeat(same);
    await a.heartbeat(same);
    expect(about('Twins')).toHaveLength(1);
    expect(about('Twins')[0]).toMatch(
      /^two clients of group Twins have the id same@1, 127\.0\.0\.1:\d+ and 127\.0\.0\.1:\d+: both consume/,
    );
  });
});
