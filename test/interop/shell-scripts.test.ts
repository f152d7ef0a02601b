/* The shell scripts of test/e2e run unchanged on the bundled cluster and on Apache's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endScripts, runScript, scriptNames } from '../e2e/run-script.js';
import { apache, startBundledCluster } from '../peers/index.js';
import { interop, type Target } from './support.js';

interop('shell scripts that use documented forms only', 'java', () => {
  afterAll(() => endScripts());

  describe.each([
    ['the bundled cluster', () => startBundledCluster()],
    ['Apache 5.3.3', () => apache.startCluster({ version: '5.3.3' })],
  ] as const)('%s', (_, start) => {
    let target: Target;

    beforeAll(async () => {
      target = await start();
    });
    afterAll(() => target?.stop());

    // At the same time: each has topics and groups of its own.
    it.concurrent.each(scriptNames)('%s.sh', { timeout: 400_000 }, async (name) => {
      expect(await runScript(name, target.namesrvAddr)).toEqual({ exitCode: 0, output: `${name}: well\n` });
    });
  });
});
