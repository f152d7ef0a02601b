import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePortBlock, holdUsualPorts } from '../ports.js';

const ROOT = resolve(import.meta.dirname, '../..');
const WINDOWS = process.platform === 'win32';

/** Shell blocks of the README, in order. */
const blocks = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');

/** One bash that runs block after block, as a user's would: variables and background jobs stay. */
class Shell {
  readonly #bash: ChildProcess;
  readonly #dir: string;
  #output = '';
  #count = 0;

  constructor(dir: string, env: NodeJS.ProcessEnv) {
    this.#dir = dir;
    this.#bash = spawn('bash', ['--noprofile', '--norc'], { cwd: dir, env, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#bash.stdout, this.#bash.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.#bash.stdin?.write('set -e -o pipefail\n');
  }

  /** Runs a block and answers what it printed; rejects when a command of it fails. */
  async run(block: string): Promise<string> {
    const file = join(this.#dir, `block-${++this.#count}.sh`);
    const mark = `block ${this.#count} is done`;
    const from = this.#output.length;
    writeFileSync(file, block);
    this.#bash.stdin?.write(`source ${file} </dev/null\necho "${mark}"\n`);
    await new Promise<void>((done, fail) => {
      const look = setInterval(() => {
        if (this.#output.includes(mark, from)) {
          clearInterval(look);
          done();
        } else if (this.#bash.exitCode !== null) {
          clearInterval(look);
          fail(new Error(`exit code ${this.#bash.exitCode} of:\n${block}\n${this.#output.slice(from)}`));
        }
      }, 20);
    });
    return this.#output.slice(from).replace(`${mark}\n`, '');
  }

  end(): void {
    this.#bash.stdin?.end();
  }
}

describe.skipIf(WINDOWS)('the README', () => {
  let shell: Shell;
  let dir: string;
  let namesrvPort: number;
  let brokerPort: number;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'mqkit-readme-'));
    namesrvPort = await freePortBlock();
    brokerPort = await freePortBlock();
    mkdirSync(join(dir, 'npm', 'lib'), { recursive: true });
    const env = { ...process.env };
    delete env.NAMESRV_ADDR;
    shell = new Shell(dir, {
      ...env,
      MQKIT_STATE_DIR: join(dir, 'state'),
      MQKIT_CONTEXTS: join(dir, 'contexts.json'),
      XDG_CACHE_HOME: join(dir, 'cache'),
      XDG_STATE_HOME: join(dir, 'state'),
      MQKIT_START_SECONDS: '3',
      npm_config_prefix: join(dir, 'npm'),
      npm_config_offline: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      PATH: `${join(dir, 'npm', 'bin')}:${process.env.PATH}`,
    });
  });

  afterAll(async () => {
    // Whatever a failed block left running.
    await shell.run('mqshutdown broker || true\nmqshutdown namesrv || true\n').catch(() => '');
    shell.end();
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  });

  /** The ports of this run, and a bundled cluster in place of the Apache one, which is not for tests with Node alone. */
  function adapt(block: string): string {
    return (
      block
        .replaceAll('namesrv.example.com', '127.0.0.1')
        .replaceAll('9876', String(namesrvPort))
        .replaceAll('10911', String(brokerPort))
        .replace(/^mqnamesrv /m, `mqnamesrv listenPort=${namesrvPort} `)
        .replace(/^mqbroker /m, `mqbroker listenPort=${brokerPort} `)
        .replace(/^mqadmin startCluster .*$/m, `$& --namesrvPort ${namesrvPort} --brokerPort ${brokerPort}`)
        // What is measured for seconds is measured just as well for one.
        .replaceAll('--duration 5s', '--duration 1s')
        .replace(/^npm ci && npm start$/m, `(cd ${ROOT} && npm start)`)
        .replace(/^npm (?=run|link)/gm, `npm --prefix ${ROOT} `)
        .replace(/^npm --prefix (\S+) link$/m, '(cd $1 && npm link)')
    );
  }

  const serves = `for i in $(seq 100); do mqadmin clusterList -n 127.0.0.1:NAMESRV | grep -q broker-a && break; sleep 0.1; done\n`;

  it('opens with the two commands', () => {
    expect(blocks.slice(0, 2)).toEqual(['npm ci && npm start\n', 'npm ci && npm test\n']);
  });

  for (const [index, block] of blocks.entries()) {
    const name = block.trim().split('\n')[0] ?? '';
    // This test is part of what the second block runs.
    it.skipIf(index === 1)(`block ${index + 1} works: ${name}`, { timeout: 600_000 }, async () => {
      const giveBack = block.includes('npm start') ? await holdUsualPorts() : undefined;
      if (block.includes('example.com')) {
        await shell.run(adapt('mqadmin startCluster --dir ./stand-in\n'));
      }
      const output = await shell.run(adapt(block) + (/&$/m.test(block) ? serves.replace('NAMESRV', String(namesrvPort)) : ''));
      if (block.includes('example.com')) {
        await shell.run(adapt('mqadmin stopCluster --dir ./stand-in\n'));
      }
      giveBack?.();
      check(block, output);
    });
  }
});

/** What a reader would look for. */
function check(block: string, output: string): void {
  if (block.includes('npm start')) {
    expect(output).toMatch(/end to end +at [\d,]+ msg\/s/);
    expect(output).toContain('mqnamesrv stopped');
  }
  if (block.includes('consumeMessage')) {
    expect(output).toContain('BODY: order 42 is paid');
  }
  if (block.includes('mqbench producer')) {
    // A broker on a machine that has no time for it turns sends away rather than let them wait; nothing else may fail.
    expect(output).toMatch(/sent +[\d,]+ messages in 1 s: [\d,]+ msg\/s, .*, (0 errors|(\d+) errors\n +\2 x SYSTEM_BUSY)/);
  }
  if (block.includes('mqshutdown')) {
    expect(output).toMatch(/stopped/);
  }
}
