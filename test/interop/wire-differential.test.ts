import { afterAll, beforeAll, expect, it } from 'vitest';
import { apache, RawConnection } from '../peers/index.js';
import { createGroup, createTopic, interop, startTarget, type Target } from './support.js';
import { ask, type Comparable, DIFF_GROUP, DIFF_TOPIC, SCENARIOS } from './wire-scenarios.js';

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
      expect(answers.ours[index]).toEqual(answers.theirs[index]);
    },
  );
});

/** Asks everything in order, on one connection to each node. */
async function collect(target: Target): Promise<(Comparable | { failed: string })[]> {
  await createTopic(target, DIFF_TOPIC);
  await createGroup(target, DIFF_GROUP);
  const connections = { broker: new RawConnection(target.broker.address), namesrv: new RawConnection(target.namesrvAddr) };
  const out: (Comparable | { failed: string })[] = [];
  for (const scenario of SCENARIOS) out.push(await ask(connections[scenario.to], scenario));
  connections.broker.close();
  connections.namesrv.close();
  return out;
}
