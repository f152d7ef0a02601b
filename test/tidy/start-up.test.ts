import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './sources.js';

const BUDGET_MS = 150;
/** What starting Node alone takes on the machine the budget was set on. */
const USUAL_BARE_MS = 60;

interface Output {
  /** Files of dist that are loaded with this one. */
  readonly imports: readonly string[];
  /** Sources and packages in it. */
  readonly inputs: readonly string[];
}

/** What the build put into each file of dist. */
function contents(): Readonly<Record<string, Output>> {
  return JSON.parse(readFileSync(join(ROOT, 'node_modules', '.cache', 'mqkit', 'contents.json'), 'utf8')) as Record<string, Output>;
}

/** Every source that is loaded before a command does anything. */
function loadedBy(files: readonly string[]): Set<string> {
  const all = contents();
  const inputs = new Set<string>();
  const seen = new Set<string>();
  const queue = [...files];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (!seen.has(file)) {
      seen.add(file);
      const output = all[file];
      expect(output, file).toBeDefined();
      for (const input of output?.inputs ?? []) {
        inputs.add(input);
      }
      queue.push(...(output?.imports ?? []));
    }
  }
  return inputs;
}

function matching(inputs: ReadonlySet<string>, pattern: RegExp): string[] {
  return [...inputs].filter((input) => pattern.test(input));
}

describe('start-up', () => {
  it('a launcher loads nothing but the front', () => {
    const inputs = loadedBy(['launch.js']);
    expect(matching(inputs, /^broker\/|^src\/(client|remoting|bench)\//)).toEqual([]);
    expect(
      matching(
        inputs,
        /node_modules\/(?!@oclif|ansis|clean-stack|debug|get-package-type|indent-string|semver|string-width|supports-color|widest-line|wrap-ansi|has-flag|ms|escape-string-regexp|ansi-|strip-ansi|color-|emoji-regex|is-)/,
      ),
    ).toEqual([]);
  });

  it('the declaration of a command loads neither broker nor client', () => {
    const commands = Object.keys(contents()).filter((file) => /^apps\/(mqadmin|mqbench)\/commands\//.test(file));
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      const inputs = loadedBy([command]);
      expect(matching(inputs, /^broker\/|node_modules\/(ora|pino|hdr-histogram-js|yaml)\//), command).toEqual([]);
      // Forms of what is said may be loaded; the connections and what asks over them may not.
      expect(
        matching(inputs, /^src\/remoting\/(?!codes|bodies)|^src\/client\/(\w+-client|admin\/(admin-client|admin-pull))/),
        command,
      ).toEqual([]);
    }
  });

  it(`help takes at most ${BUDGET_MS} ms of CPU`, () => {
    const bin = join(ROOT, 'bin', 'mqadmin.js');
    const runs = Array.from({ length: 5 }, () => ({ bare: cpuMsOf(['-e', '0']), help: cpuMsOf([bin, 'help', 'topicList']) }));
    // The best of several pairs: what the machine does beside this only adds. On a slow machine the budget grows with Node's own share.
    const shares = runs.map(({ bare, help }) => help / Math.max(BUDGET_MS, (BUDGET_MS / USUAL_BARE_MS) * bare));
    expect(Math.min(...shares)).toBeLessThan(1);
  }, 120_000);
});

/** CPU time of a whole Node process. */
function cpuMsOf(args: readonly string[]): number {
  const { stderr, status } = spawnSync(process.execPath, ['--require', join(import.meta.dirname, 'print-cpu.cjs'), ...args], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return Number(/CPU ([\d.]+)/.exec(stderr)?.[1]);
}
