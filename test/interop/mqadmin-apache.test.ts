import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apache, type ClientDriver, javaClient, runLauncher } from '../peers/index.js';
import { type Outcome, runSequence, steps } from './mqadmin-sequence.js';
import { createGroup, interop, startTarget, type Target, untilCommitted } from './support.js';

const STEPS = steps('', 'BROKER').map(({ name, oursOnly }, index) => ({ name, index, oursOnly }));
const NAMES = STEPS.map(({ name, index }) => [name, index] as const);
const NAMES_OF_BOTH = STEPS.filter(({ oursOnly }) => !oursOnly).map(({ name, index }) => [name, index] as const);

interop("Apache's mqadmin 5.3.3 and ours, on Apache's cluster and on the bundled one", 'java', () => {
  const outcomes: Record<string, Outcome[]> = {};
  const cleanups: (() => unknown)[] = [];

  beforeAll(async () => {
    for (const [name, start] of [
      ['bundled', () => startTarget()],
      ['apache', () => apache.startCluster({ version: '5.3.3' })],
    ] as const) {
      const target: Target = await start();
      cleanups.push(() => target.stop());
      const java = await javaClient('5.3.3');
      cleanups.push(() => java.close());
      await makeLive(java, target);
      const { namesrvAddr } = target;
      const brokerAddr = target.broker.address;
      const ours = (args: string[]) => runLauncher('mqadmin', args, { namesrvAddr });
      const theirs = (args: string[]) => java.mqadmin(namesrvAddr, args);
      outcomes[`${name}/mqkit`] = await runSequence(ours, { mark: 'OT', brokerAddr, isOurs: true });
      outcomes[`${name}/java`] = await runSequence(theirs, { mark: 'JT', brokerAddr, isOurs: false });
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    }
  }, 1_200_000);
  afterAll(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  /** A producer and a consumer that the commands about connections and progress can see. */
  const makeLive = async (java: ClientDriver, target: Target): Promise<void> => {
    const { namesrvAddr } = target;
    await createGroup(target, 'LiveGroup');
    await java.startProducer({ name: 'live-p', namesrvAddr, group: 'LiveProducer' });
    await java.sendMany('live-p', { topic: 'LiveTopic', body: '%d' }, { count: 4 });
    const init = { name: 'live-c', namesrvAddr, group: 'LiveGroup', subscriptions: { LiveTopic: '*' } };
    await java.startPush({ ...init, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
    await java.receive('live-c', 4);
    await untilCommitted(java, namesrvAddr, { name: 'live-c', group: 'LiveGroup' });
  };

  describe("Apache's tool sees the same on the bundled cluster as on Apache's", () => {
    it.each(NAMES_OF_BOTH)('%s', (name, index) => {
      const [ours, theirs] = [outcomes['bundled/java']?.[index], outcomes['apache/java']?.[index]];
      if (name.startsWith('getBrokerConfig')) expect(configKeys(ours)).toEqual(expect.arrayContaining(configKeys(theirs)));
      else expect(ours).toEqual(theirs);
    });
  });

  describe("our tool prints on Apache's cluster what Apache's tool prints", () => {
    it.each(NAMES_OF_BOTH)('%s', (name, index) => {
      const [ours, theirs] = [outcomes['apache/mqkit']?.[index], outcomes['apache/java']?.[index]];
      // Apache's tool looks for the group's retry topic and fails without one; ours knows the group by its offsets.
      if (theirs?.error === 'CODE 17' && name.startsWith('consumerProgress')) return;
      if (name.startsWith('getBrokerConfig')) return expect(configKeys(ours)).toEqual(configKeys(theirs));
      expect(outputOf(ours)).toEqual(outputOf(theirs));
    });
  });

  describe('our tool prints the same on both clusters', () => {
    it.each(NAMES)('%s', (name, index) => {
      const [ours, theirs] = [outcomes['bundled/mqkit']?.[index], outcomes['apache/mqkit']?.[index]];
      if (name.startsWith('getBrokerConfig')) expect(configKeys(ours)).toEqual(expect.arrayContaining(configKeys(theirs)));
      else expect(ours).toEqual(theirs);
    });
  });
});

/** Keys of getBrokerConfig, without two that are getters and no settings. Ours lists more: Apache leaves out what is not set. */
function configKeys(outcome: Outcome | undefined): string[] {
  const keys = outcome?.stdout.filter((line) => line.includes(' = ') || line.endsWith(' =')).map((line) => line.split(' =')[0] ?? '') ?? [];
  expect(keys.length).toBeGreaterThan(100);
  return keys.filter((key) => key !== 'isBrokerContainer' && key !== 'isInBrokerContainer');
}

/** The wording of errors is ours; that there is one is not. */
function outputOf(outcome: Outcome | undefined): { stdout: string[]; failed: boolean } | undefined {
  return outcome && { stdout: outcome.stdout, failed: outcome.error !== null };
}
