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
      cpSync(join(ROOT, path), join(installed, path), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'), 'junction');
  });

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
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const types = join(ROOT, 'node_modules', '@types');
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--typeRoots', types, '--types', 'node'];
    execFileSync(process.execPath, [tsc, ...options, 'use.ts'], { cwd: project, stdio: 'pipe' });
  }, 60_000);

  it('holds what it needs and nothing else', () => {
    for (const folder of ['src', 'broker', 'test', 'docs']) {
      expect(existsSync(join(installed, folder)), folder).toBe(false);
    }
    expect(existsSync(join(installed, 'LICENSE'))).toBe(true);
  });
});
