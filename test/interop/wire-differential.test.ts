import { afterAll, beforeAll, expect, it } from 'vitest';
import { apache, RawConnection } from '../peers/index.js';
import { createGroup, createTopic, interop, startTarget, type Target, targetVersion } from './support.js';
import { ask, type Comparable, DIFF_GROUP, DIFF_RANDOM_TOPIC, DIFF_TOPIC, SCENARIOS } from './wire-scenarios.js';

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
  for (const scenario of SCENARIOS) out.push(await ask(connections[scenario.to], scenario));
  connections.broker.close();
  connections.namesrv.close();
  return out;
}
