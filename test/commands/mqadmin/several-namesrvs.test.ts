import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../sandbox.js';
import { runCommand } from './run-command.js';

describe('a list of name servers of which one is down', () => {
  let sandbox: Sandbox;
  let list = '';

  beforeAll(async () => {
    sandbox = await startSandbox();
    list = `127.0.0.1:1;${sandbox.namesrvAddr}`;
  });

  afterAll(() => sandbox.stop());

  it('answers every time: the next one is asked', async () => {
    for (let i = 0; i < 8; i++) {
      expect(await runCommand('topicList', ['-n', list])).toMatchObject({ stderr: '', exitCode: 0 });
    }
  });

  it('is a partial success for what goes to every name server', async () => {
    await runCommand('updateTopic', ['-n', sandbox.namesrvAddr, '-c', 'DefaultCluster', '-t', 'Gone']);
    const run = await runCommand('deleteTopic', ['-n', list, '-c', 'DefaultCluster', '-t', 'Gone']);
    expect(run.exitCode).toBe(6);
    expect(run.stdout).toBe('delete topic [Gone] from cluster [DefaultCluster] success.\n');
    expect(run.stderr).toMatch(/^deleteTopic Gone: done on .*; failed on 127\.0\.0\.1:1 .*\n$/);
    expect((await runCommand('topicRoute', ['-n', sandbox.namesrvAddr, '-t', 'Gone'])).exitCode).toBe(4);
  });

  it('clusterList -i prints again and again until its time is over', async () => {
    const run = await runCommand('clusterList', ['-n', sandbox.namesrvAddr, '-i', '1', '--timeout', '6s']);
    expect(run.stdout.split('\n').filter((line) => line.startsWith('#Cluster Name')).length).toBeGreaterThanOrEqual(2);
    expect(run).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('6000 ms') });
  });
});
