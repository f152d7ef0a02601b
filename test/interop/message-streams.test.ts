import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandRun, runCommand } from '../commands/mqadmin/run-command.js';
import { apache, startBundledCluster } from '../peers/index.js';
import { createTopic, interop, startAll, type Target, until } from './support.js';

interop('streams of messages between Apache 5.3.3 and the bundled nodes', 'java', () => {
  let bundled: Target;
  let original: Target;
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-streams-'));
    const brokerConfig = { enablePropertyFilter: 'true' };
    [bundled, original] = await startAll(startBundledCluster({ brokerConfig }), apache.startCluster({ version: '5.3.3', brokerConfig }));
  });
  afterAll(async () => {
    await Promise.all([bundled?.stop(), original?.stop()]);
    rmSync(dir, { recursive: true, force: true });
  });

  async function run(target: Target, name: string, argv: readonly string[], stdin: string | null = null): Promise<CommandRun> {
    const result = await runCommand(name, argv, { NAMESRV_ADDR: target.namesrvAddr, XDG_STATE_HOME: dir }, stdin);
    expect(result, result.stderr).toMatchObject({ exitCode: 0 });
    return result;
  }

  async function rows(target: Target, topic: string, format: string, ...argv: string[]): Promise<string[]> {
    const { stdout } = await run(target, 'tail', ['-t', topic, '--format', `${format}\\n`, ...argv]);
    return stdout.split('\n').slice(0, -1);
  }

  /** A broker of Apache's puts messages into their queues a moment after it said that they are stored. */
  function stored(target: Target, topic: string, count: number): Promise<void> {
    return until(async () => (await rows(target, topic, 'x')).length === count, 90_000);
  }

  const lines = Array.from({ length: 2000 }, (_, i) =>
    JSON.stringify({ body: `m${i}`, keys: `k${i % 5}`, tags: i % 2 === 0 ? 'even' : 'odd', flag: i % 3, properties: { n: String(i) } }),
  );
  const large = JSON.stringify({ bodyBase64: Buffer.alloc(20_000, 255).toString('base64'), keys: 'large' });

  it('lines are sent to Apache in the order of their keys, and read by tag, SQL, key, time and last', async () => {
    await createTopic(original, 'Lines', 4);
    const sent = await run(original, 'produce', ['-t', 'Lines', '--input', 'json', '--ordered'], [...lines, large].join('\n'));
    expect(sent.stderr).toContain('2001 sent, 0 failed');
    await stored(original, 'Lines', 2001);
    for (let key = 0; key < 5; key++) {
      const bodies = lines.map((_, i) => i).filter((i) => i % 5 === key);
      expect(await rows(original, 'Lines', '%s', '--key', `k${key}`)).toEqual(bodies.map((i) => `m${i}`));
    }
    expect((await rows(original, 'Lines', '%g', '--tags', 'odd')).filter((tag) => tag === 'odd').length).toBe(1000);
    expect((await rows(original, 'Lines', '%{n}', '--sql', 'n BETWEEN 10 AND 14')).sort()).toEqual(['10', '11', '12', '13', '14']);
    expect(await rows(original, 'Lines', '%S', '--key', 'large', '--last', '1', '--since', '1h')).toEqual(['20000']);
    const refused = await runCommand('tail', ['-t', 'Lines', '--sql', 'n >'], { NAMESRV_ADDR: original.namesrvAddr });
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
  });

  it('what tail prints of one cluster is sent to the other without loss', async () => {
    await createTopic(bundled, 'Again', 4);
    const json = (await run(original, 'tail', ['-t', 'Lines', '--output', 'json'])).stdout;
    await run(bundled, 'produce', ['-t', 'Again', '--input', 'json', '--ordered'], json);
    await stored(bundled, 'Again', 2001);
    const format = '%k %g %{n} %x';
    expect((await rows(bundled, 'Again', format)).sort()).toEqual((await rows(original, 'Lines', format)).sort());
  });

  it('delays are those of the cluster', async () => {
    await createTopic(original, 'Later', 1);
    await run(original, 'produce', ['-t', 'Later', '--delay', '1s'], 'timed');
    await run(original, 'produce', ['-t', 'Later', '--delay-level', '1'], 'levelled');
    await until(async () => (await rows(original, 'Later', '%s')).length === 2, 90_000);
    expect((await rows(original, 'Later', '%s')).sort()).toEqual(['levelled', 'timed']);
  });

  describe.each(['from Apache', 'to Apache'])('a copy %s', (way) => {
    it('has what its source has, and goes on where it ended', { timeout: 300_000 }, async () => {
      const [source, target] = way === 'from Apache' ? [original, bundled] : [bundled, original];
      const topic = way === 'from Apache' ? 'Lines' : 'Again';
      await createTopic(target, `Copy${topic}`, 4);
      const argv = ['-t', topic, '--to-topic', `Copy${topic}`, '--to-namesrv', target.namesrvAddr, '--offsets-file', join(dir, topic)];
      await run(source, 'copy', [...argv, '--max', '700']);
      await run(source, 'mirror', [...argv, '--max', '1000']);
      expect((await run(source, 'copy', argv)).stderr).toMatch(/^301 copied, 0 failed in/);
      await stored(target, `Copy${topic}`, 2001);
      expect((await run(source, 'copy', argv)).stderr).toMatch(/^0 copied, 0 failed in/);
      const format = '%k %g %{n} %i %x';
      const source1 = await rows(source, topic, `${topic}@%b:%q:%o ${format}`);
      expect((await rows(target, `Copy${topic}`, `%{COPY_ORIGIN} ${format}`)).sort()).toEqual(source1.sort());
      const offsets = async (at: Target, name: string): Promise<string[]> => (await rows(at, name, '%q %o %s', '--key', 'k3')).sort();
      expect(await offsets(target, `Copy${topic}`)).toEqual(await offsets(source, topic));
    });
  });
});
