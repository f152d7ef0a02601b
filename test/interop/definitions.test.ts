/* Definitions between Apache's clusters and the bundled one: what Apache's tool made on one is exported, applied to another, and is the same there. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type CommandRun, runCommand } from '../commands/mqadmin/run-command.js';
import { apache, javaClient, startBundledCluster } from '../peers/index.js';
import { interop } from './support.js';

const AUTH = 'org.apache.rocketmq.auth';
const PROVIDERS = {
  authenticationMetadataProvider: `${AUTH}.authentication.provider.LocalAuthenticationMetadataProvider`,
  authorizationMetadataProvider: `${AUTH}.authorization.provider.LocalAuthorizationMetadataProvider`,
};

/** What Apache's tool makes. */
const MADE = [
  'updateTopic -c DefaultCluster -t Orders -r 4 -w 4 -a +message.type=FIFO',
  'updateTopic -c DefaultCluster -t Audit -r 6 -w 5 -p 4',
  'updateTopic -c DefaultCluster -t Ordered -r 2 -w 2 -o true',
  'updateSubGroup -c DefaultCluster -g OrdersGroup -r 3 -o true',
  'updateSubGroup -c DefaultCluster -g PolicyGroup -p {"type":"EXPONENTIAL","exponentialRetryPolicy":{"initial":1000,"max":20000,"multiplier":2}}',
  'updateKvConfig -s shop -k region -v north',
  'createUser -c DefaultCluster -u alice -p alice123 -t Super',
  'createUser -c DefaultCluster -u bob -p bob123',
  'createAcl -c DefaultCluster -s User:bob -r Topic:Orders,Group:* -a Pub,Sub -i 192.168.1.1 -d Allow',
  'createAcl -c DefaultCluster -s User:bob -r Topic:Audit -a Sub -d Deny',
];

interop('definitions', 'java', () => {
  const cleanups: (() => unknown)[] = [];
  const dir = mkdtempSync(join(tmpdir(), 'mqkit-'));
  const file = join(dir, 'cluster.yaml');
  let of53 = '';
  let bundled = '';
  let of49 = '';

  beforeAll(async () => {
    cleanups.push(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
    const old = join(dir, 'old');
    mkdirSync(join(old, 'conf'), { recursive: true });
    writeFileSync(
      join(old, 'conf', 'plain_acl.yml'),
      'globalWhiteRemoteAddresses:\n- 127.0.0.1\naccounts:\n- accessKey: RocketMQ\n  secretKey: 12345678\n  admin: true\n',
    );
    // One after the other: five processes that start at once keep one another from starting in time.
    const cluster = await apache.startCluster({ version: '5.3.3', brokerConfig: PROVIDERS });
    cleanups.push(() => cluster.stop());
    const java = await javaClient('5.3.3');
    cleanups.push(() => java.close());
    const ours = await startBundledCluster();
    cleanups.push(() => ours.stop());
    const namesrv49 = await apache.startNamesrv({ version: '4.9.7' });
    cleanups.push(() => namesrv49.stop());
    const broker49 = await apache.startBroker({ version: '4.9.7', namesrvAddr: namesrv49.address, dir: old, config: { aclEnable: true } });
    cleanups.push(() => broker49.stop());
    [of53, bundled, of49] = [cluster.namesrvAddr, ours.namesrvAddr, namesrv49.address];
    for (const command of MADE) {
      const { stdout, stderr } = await java.mqadmin(of53, command.split(' '));
      expect(stdout + stderr, command).not.toMatch(/Exception|^usage:/m);
    }
  }, 900_000);
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  async function on(namesrvAddr: string, name: string, ...argv: string[]): Promise<CommandRun> {
    const run = await runCommand(name, ['-n', namesrvAddr, ...argv]);
    expect(run.exitCode, `${name}: ${run.stderr}${run.stdout}`).toBe(0);
    return run;
  }

  const COMMON = ['--kind', 'topics,groups,orderConf,kv', '--kvNamespace', 'shop'];

  it("of Apache's cluster make the bundled one the same, and back", async () => {
    await on(of53, 'export', ...COMMON, '-f', file);
    expect(parse(readFileSync(file, 'utf8'))).toMatchObject({
      topics: {
        Audit: { readQueueNums: 6, writeQueueNums: 5, perm: 4 },
        Ordered: { order: true },
        Orders: { attributes: { 'message.type': 'FIFO' } },
      },
      groups: { OrdersGroup: { retryMaxTimes: 3 }, PolicyGroup: { groupRetryPolicy: { type: 'EXPONENTIAL' } } },
      orderConf: { Ordered: 'broker-a:2' },
      kv: { shop: { region: 'north' } },
    });
    expect(Object.keys(parse(readFileSync(file, 'utf8')).topics).sort()).toEqual(['Audit', 'Ordered', 'Orders']);
    await on(bundled, 'apply', '-f', file, '--yes');
    await on(bundled, 'apply', '-f', file, '--yes');
    await on(bundled, 'diff', '-f', file);
    await on(bundled, 'diff', '--to-namesrv', of53, ...COMMON);
    await on(of53, 'diff', '--to-namesrv', bundled, ...COMMON);
    const text = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      text
        .replace('perm: 4', 'perm: 6')
        .replace('message.type: FIFO', 'message.type: DELAY')
        .replace('retryMaxTimes: 3', 'retryMaxTimes: 5'),
    );
    await on(bundled, 'apply', '-f', file, '--yes', '--prune');
    await on(bundled, 'export', ...COMMON, '-f', file);
    const changed = await on(of53, 'apply', '-f', file, '--yes', '--prune');
    expect(changed.stdout).toContain('    attributes: {"message.type":"FIFO"} -> {"message.type":"DELAY"}\n');
    await on(of53, 'diff', '--to-namesrv', bundled, ...COMMON);
  });

  it('of users and rules are changed, pruned and put back', async () => {
    const kinds = ['--kind', 'users,acls'];
    await on(of53, 'export', ...kinds, '--secrets', '-f', file);
    const text = readFileSync(file, 'utf8');
    const { users, acls } = parse(text);
    expect(users).toEqual({
      alice: { password: expect.any(String), userType: 'Super', userStatus: 'enable' },
      bob: expect.objectContaining({ userType: 'Normal' }),
    });
    expect(Object.keys(acls['User:bob']).sort()).toEqual(['Group:*', 'Topic:Audit', 'Topic:Orders']);
    writeFileSync(
      file,
      'definitions: 1\nusers: { alice: { userStatus: disable }, carol: { password: carol123 } }\nacls: { "User:carol": { "Topic:Orders": { actions: [Pub], decision: Allow } } }\n',
    );
    await on(of53, 'apply', '-f', file, '--yes', '--prune');
    await on(of53, 'diff', '-f', file);
    writeFileSync(file, text);
    await on(of53, 'apply', '-f', file, '--yes', '--prune');
    await on(of53, 'export', ...kinds, '--secrets', '-f', file);
    expect(parse(readFileSync(file, 'utf8'))).toEqual(parse(text));
  });

  it('of a cluster of 4.9 with accounts are changed and put back', async () => {
    await on(of53, 'export', '--kind', 'topics,groups,orderConf', '-f', file);
    const wanted = parse(readFileSync(file, 'utf8'));
    // What 4.9 does not know it cannot keep.
    for (const thing of [...Object.values(wanted.topics), ...Object.values(wanted.groups)] as Record<string, unknown>[]) {
      delete thing.attributes;
      delete thing.groupRetryPolicy;
      delete thing.consumeMessageOrderly;
    }
    writeFileSync(
      file,
      JSON.stringify({
        ...wanted,
        accounts: { Account1: { secretKey: 'secret-1', topicPerms: ['Orders=PUB|SUB'], defaultTopicPerm: 'DENY' } },
        globalWhiteAddrs: ['127.0.0.1', '10.10.*.*'],
      }),
    );
    await on(of49, 'apply', '-f', file, '--yes');
    await on(of49, 'apply', '-f', file, '--yes');
    await on(of49, 'diff', '-f', file, '--kind', 'topics,groups,orderConf,globalWhiteAddrs');
    const masked = await on(of49, 'export', '--kind', 'accounts,globalWhiteAddrs');
    expect(parse(masked.stdout)).toMatchObject({
      accounts: { Account1: { secretKey: '******', defaultTopicPerm: 'DENY' }, RocketMQ: { admin: true } },
      globalWhiteAddrs: ['127.0.0.1', '10.10.*.*'],
    });
  });
});
