/* The shell scripts of this folder on a bundled cluster; test/interop runs all of them on Apache's as well. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../sandbox.js';
import { endScripts, runScript } from './run-script.js';

/** What most users do first; the others are for the clusters of test/interop. */
const SCRIPTS = ['topics', 'gate', 'contexts'];

describe.skipIf(process.platform === 'win32')('shell scripts that use documented forms only', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await startSandbox();
  });

  afterAll(async () => {
    endScripts();
    await sandbox.stop();
  });

  it.each(SCRIPTS)('%s.sh', { timeout: 300_000 }, async (name) => {
    expect(await runScript(name, sandbox.namesrvAddr)).toEqual({ exitCode: 0, output: `${name}: well\n` });
  });
});
