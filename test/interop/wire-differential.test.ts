import { afterAll, beforeAll, expect, it } from 'vitest';
import { apache, RawConnection } from '../peers/index.js';
import { createGroup, createTopic, interop, startTarget, type Target, targetVersion, until } from './support.js';
import { ask, type Comparable, DIFF_GROUP, DIFF_RANDOM_TOPIC, DIFF_TOPIC, SCENARIOS } from './wire-scenarios.js';

const PULL_MESSAGE = 11;
const GET_MAX_OFFSET = 30;
/** Messages that the scenarios send there before they pull. */
const SENT_TO_QUEUE_0 = '4';

interop('the bundled nodes answer as Apache 5.3.3 does', 'java', () => {
  const answers: Record<'ours' | 'theirs', (Comparable | { failed: string })[]> = { ours: [], theirs: [] };
  const targets: Target[] = [];

  beforeAll(async () => {
    const ours = await startTarget();
    targets.push(ours);
    const theirs = await apache.startCluster({ version: '5.3.3' });
    targets.push(theirs);
    answers.ours = await collect(ours);
    answers.theirs = await collect(theirs);
  });
  afterAll(() => Promise.all(targets.map((target) => target.stop())));

  it.each(SCENARIOS.map((scenario, index) => [`${scenario.to} ${scenario.code}: ${scenario.name}`, index] as const))(
    '%s',
    (_name, index) => {
      const scenario = SCENARIOS[index]!;
      const ours = answers.ours[index]!;
      const theirs = answers.theirs[index]!;
      if (scenario.deliberate && !targetVersion()) {
        expect([ours, theirs]).toMatchObject([{ code: scenario.deliberate.ours }, { code: scenario.deliberate.theirs }]);
      } else if (scenario.codeOnly) {
        expect(ours).toMatchObject({ code: (theirs as Comparable).code });
      } else if (scenario.code === 28) {
        // 4.x tools read rates that 5.x no longer sends; ours sends both.
        expect(ours).toMatchObject(theirs);
      } else expect(ours).toEqual(theirs);
    },
  );
});

/** Asks everything in order, on one connection to each node. */
async function collect(target: Target): Promise<(Comparable | { failed: string })[]> {
  await createTopic(target, DIFF_TOPIC);
  await createTopic(target, DIFF_RANDOM_TOPIC);
  await createGroup(target, DIFF_GROUP);
  const connections = { broker: new RawConnection(target.broker.address), namesrv: new RawConnection(target.namesrvAddr) };
  const out: (Comparable | { failed: string })[] = [];
  // A broker of Apache's has no figures in its first second, and puts messages into their queues a moment after it said that they are stored.
  await until(async () => (await connections.broker.request(28)).code === 0);
  const isDispatched = async (): Promise<boolean> =>
    (await connections.broker.request(GET_MAX_OFFSET, { topic: DIFF_TOPIC, queueId: '0' })).extFields?.offset === SENT_TO_QUEUE_0;
  const firstPull = SCENARIOS.findIndex(({ code }) => code === PULL_MESSAGE);
  for (const [i, scenario] of SCENARIOS.entries()) {
    if (i === firstPull) await until(isDispatched);
    out.push(await ask(connections[scenario.to], scenario));
  }
  connections.broker.close();
  connections.namesrv.close();
  return out;
}
