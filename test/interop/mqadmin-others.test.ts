/*
 * Commands for what only Apache's clusters have (users and rules, cold data), and those that export: our tool against Apache's own, on
 * Apache's cluster.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apache, javaClient, runLauncher } from '../peers/index.js';
import { type Outcome, runAll, type Tool } from './mqadmin-tools.js';
import { interop, startTarget, type Target } from './support.js';

const AUTH = 'org.apache.rocketmq.auth';
const PROVIDERS = {
  authenticationMetadataProvider: `${AUTH}.authentication.provider.LocalAuthenticationMetadataProvider`,
  authorizationMetadataProvider: `${AUTH}.authorization.provider.LocalAuthorizationMetadataProvider`,
};

/** What a cluster of one machine answers as Apache's does; `%addr` is the broker, `%dir` a folder, `%mark` differs from tool to tool. */
const PLAIN = [
  'haStatus -b %addr',
  'haStatus -c DefaultCluster',
  'getBrokerEpoch -b broker-a',
  'resetMasterFlushOffset -b %addr -o 0',
  'addBroker -c %addr -b /no/such.conf',
  'removeBroker -c %addr -b DefaultCluster:broker-z:0',
  'exportPopRecord -b %addr',
  'exportPopRecord -c DefaultCluster',
  'rocksDBConfigToJson -n %namesrv -c DefaultCluster',
  'exportMetadata -c DefaultCluster -f %dir',
  'exportMetadata -b %addr -t -f %dir',
  'exportMetadata -b %addr -g -f %dir',
  'exportConfigs -c DefaultCluster -f %dir',
  'exportMetrics -c DefaultCluster -f %dir',
];

const APACHE_ONLY = [
  'checkRocksdbCqWriteProgress -n %namesrv -c DefaultCluster -t PlainTopic',
  'setCommitLogReadAheadMode -b %addr -m 0',
  'updateColdDataFlowCtrGroupConfig -b %addr -g Cold%mark -v 1048576',
  'getColdDataFlowCtrInfo -b %addr',
  'removeColdDataFlowCtrGroupConfig -c DefaultCluster -g Cold%mark',
  'getColdDataFlowCtrInfo -c DefaultCluster',
  'createUser -b %addr -u alice%mark -p alice123 -t Super',
  'createUser -c DefaultCluster -u bob%mark -p bob123',
  'createUser -c DefaultCluster -u bob%mark -p bob123',
  'listUser -b %addr -f %mark',
  'listUser -c DefaultCluster -f %mark',
  'getUser -b %addr -u bob%mark',
  'updateUser -b %addr -u bob%mark -s disable',
  'updateUser -b %addr -u bob%mark -t Super',
  'getUser -c DefaultCluster -u bob%mark',
  'updateUser -b %addr -u nobody%mark -p x',
  'createAcl -b %addr -s User:bob%mark -r Topic:PlainTopic,Group:G* -a Pub,Sub -i 192.168.1.1 -d Allow',
  'createAcl -b %addr -s User:nobody%mark -r Topic:PlainTopic -a Pub -d Allow',
  'listAcl -b %addr -s %mark',
  'updateAcl -c DefaultCluster -s User:bob%mark -r Topic:PlainTopic -a Sub -d Deny',
  'getAcl -b %addr -s User:bob%mark',
  'getAcl -b %addr -s User:nobody%mark',
  'listAcl -c DefaultCluster -s %mark -r Group',
  'deleteAcl -b %addr -s User:bob%mark -r Topic:PlainTopic',
  'getAcl -c DefaultCluster -s User:bob%mark',
  'deleteAcl -b %addr -s User:bob%mark',
  'deleteUser -c DefaultCluster -u bob%mark',
  'deleteUser -b %addr -u alice%mark',
  'listUser -b %addr -f %mark',
];

interop("commands for what Apache's clusters have, and exports", 'java', () => {
  const cleanups: (() => unknown)[] = [];
  const outcomes: Record<string, Outcome[]> = {};

  beforeAll(async () => {
    const java = await javaClient('5.3.3');
    cleanups.push(() => java.close());
    for (const [name, start, steps] of [
      ['bundled', () => startTarget(), PLAIN],
      ['apache', () => apache.startCluster({ version: '5.3.3', brokerConfig: PROVIDERS }), [...PLAIN, ...APACHE_ONLY]],
    ] as const) {
      const target: Target = await start();
      cleanups.push(() => target.stop());
      const { namesrvAddr } = target;
      await seed(namesrvAddr);
      const theirs: Tool = (args) => java.mqadmin(namesrvAddr, args);
      outcomes[`${name}/java`] = await runAll(theirs, steps, { target, mark: 'JT' });
      const ours: Tool = (args) => runLauncher('mqadmin', args, { namesrvAddr });
      outcomes[`${name}/mqkit`] = await runAll(ours, steps, { target, mark: 'OT' });
    }
  }, 900_000);
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const seed = async (namesrvAddr: string): Promise<void> => {
    await runLauncher('mqadmin', ['updateTopic', '-c', 'DefaultCluster', '-t', 'PlainTopic', '-r', '4', '-w', '3'], { namesrvAddr });
    await runLauncher('mqadmin', ['updateSubGroup', '-c', 'DefaultCluster', '-g', 'PlainGroup'], { namesrvAddr });
  };

  describe("ours prints and writes on Apache's cluster what Apache's tool does", () => {
    it.each([...PLAIN, ...APACHE_ONLY].map((step, i) => [step, i] as const))('%s', (_, i) => {
      expect(outcomes['apache/mqkit']?.[i]).toEqual(outcomes['apache/java']?.[i]);
    });
  });

  describe("Apache's tool sees the same on the bundled cluster as on Apache's", () => {
    it.each(PLAIN.map((step, i) => [step, i] as const))('%s', (_, i) => {
      expect(outcomes['bundled/java']?.[i]).toEqual(outcomes['apache/java']?.[i]);
    });
  });

  describe('our tool prints and writes the same on both clusters', () => {
    it.each(PLAIN.map((step, i) => [step, i] as const))('%s', (_, i) => {
      expect(outcomes['bundled/mqkit']?.[i]).toEqual(outcomes['apache/mqkit']?.[i]);
    });
  });
});
