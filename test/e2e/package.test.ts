import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** The package as it is published, in a project that depends on it. */
describe('the packed package', () => {
  let project: string;
  let installed: string;

  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'mqkit-pack-'));
    installed = join(project, 'node_modules', 'mqkit');
    mkdirSync(installed, { recursive: true });
    // What is listed is copied from a build that exists: packing for real would replace dist under the tests beside this one.
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const [pack] = JSON.parse(execFileSync(npm, ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' })) as [
      { files: { path: string }[] },
    ];
    for (const { path } of pack.files) {
      // A build of another test may have taken away a part that nothing needs any more.
      if (existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(installed, path), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'), 'junction');
  });

  function typeCheck(file: string): void {
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const types = join(ROOT, 'node_modules', '@types');
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--typeRoots', types, '--types', 'node'];
    execFileSync(process.execPath, [tsc, ...options, file], { cwd: project, stdio: 'pipe' });
  }

  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it.each(['mqadmin', 'mqbench', 'mqbroker', 'mqnamesrv', 'mqshutdown'])('%s starts', (bin) => {
    const text = execFileSync(process.execPath, [join(installed, 'bin', `${bin}.js`), '--version'], { encoding: 'utf8', cwd: project });
    expect(text).toContain(`${bin} ${version}`);
    const help = execFileSync(process.execPath, [join(installed, 'bin', `${bin}.js`), '-h'], { encoding: 'utf8', cwd: project });
    expect(help).toContain(bin);
  });

  it('can be imported, with types', () => {
    writeFileSync(join(project, 'use.mjs'), "import * as mqkit from 'mqkit'; console.log(Object.keys(mqkit).join(' '));\n");
    const names = execFileSync(process.execPath, ['use.mjs'], { encoding: 'utf8', cwd: project }).trim().split(' ');
    expect(names).toEqual(expect.arrayContaining(['Producer', 'PushConsumer', 'PullConsumer', 'MQError']));
    expect(existsSync(join(installed, 'dist', 'types', 'index.d.ts'))).toBe(true);
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      join(project, 'use.ts'),
      "import { Producer, type SendResult } from 'mqkit';\nexport const send = (producer: Producer): Promise<SendResult> => producer.send({ topic: 'T', body: Buffer.from('x') });\n",
    );
    typeCheck('use.ts');
  }, 180_000);

  it('measures for programs: mqkit/bench, with types and the schema of its results', () => {
    writeFileSync(
      join(project, 'bench.mjs'),
      [
        "import { runWorkload } from 'mqkit/bench';",
        "import schema from 'mqkit/bench/schema.json' with { type: 'json' };",
        "const fault = await runWorkload({ kind: 'producer', namesrvAddr: '127.0.0.1:1', topic: 'T', rate: 0 }).catch((error) => error);",
        'console.log(schema.properties.schema.const, fault.name);',
      ].join('\n'),
    );
    const told = execFileSync(process.execPath, ['--no-warnings', 'bench.mjs'], { encoding: 'utf8', cwd: project });
    expect(told.trim()).toBe('mqbench/1 UsageError');
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      join(project, 'bench.ts'),
      [
        "import { type ProducerResult, runWorkload } from 'mqkit/bench';",
        "const options = { namesrvAddr: 'a:1', topic: 'T', producerGroup: 'g', bodyBytes: 1, inFlight: 1, warmupMs: 0, quantity: 1 };",
        "export const p99 = async (): Promise<number> => (await runWorkload({ kind: 'producer', ...options })).send.latencyMs.p99;",
        "export const whole = (): Promise<ProducerResult> => runWorkload({ kind: 'producer', ...options });",
      ].join('\n'),
    );
    typeCheck('bench.ts');
  }, 180_000);

  it('holds what it needs and nothing else', () => {
    for (const folder of ['src', 'broker', 'test', 'docs']) {
      expect(existsSync(join(installed, folder)), folder).toBe(false);
    }
    expect(existsSync(join(installed, 'LICENSE'))).toBe(true);
  });
});
