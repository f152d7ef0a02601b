import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MQError } from '../common/errors.js';
import { endOnClosedPipe, exit, exitLikeCommand } from './exit.js';
import { normalizeArgv } from './front.js';
import { wantsApacheCompat } from './io.js';
import { reportError } from './report.js';
import { detectTerminal } from './terminal.js';
import { commandListText } from './usage.js';

interface Manifest {
  readonly version: string;
  readonly commands: Readonly<
    Record<string, { readonly id: string; readonly summary?: string; readonly hidden?: boolean; readonly aliases?: string[] }>
  >;
}

interface RootPackage {
  readonly name: string;
  readonly version: string;
  readonly oclif: { readonly bin: string; readonly commands?: { readonly strategy?: string } };
}

function readJson<V>(path: string): V {
  return JSON.parse(readFileSync(path, 'utf8')) as V;
}

/**
 * Runs the command line of one launcher; `root` is the launcher's generated oclif root, which holds `package.json` and
 * `oclif.manifest.json`. Ends the process.
 */
export async function launch(root: string, argv: readonly string[] = process.argv.slice(2)): Promise<never> {
  endOnClosedPipe();
  try {
    const pjson = readJson<RootPackage>(join(root, 'package.json'));
    const manifest = readJson<Manifest>(join(root, 'oclif.manifest.json'));
    const bin = pjson.oclif.bin;
    const single = pjson.oclif.commands?.strategy === 'single';
    const ids = Object.keys(manifest.commands);
    const aliases = Object.fromEntries(ids.map((id) => [id, manifest.commands[id]?.aliases ?? []]));
    const front = normalizeArgv(argv, { bin, ids, aliases, single });
    if (front.kind === 'list') {
      process.stdout.write(commandListText(bin, Object.values(manifest.commands)));
    } else if (front.kind === 'version') {
      process.stdout.write(`${bin} ${pjson.version} (${pjson.name}) node ${process.version}\n`);
    } else {
      const { run } = await import('@oclif/core');
      await run(front.kind === 'help' ? [front.id, '--help'] : [...front.argv], { root });
    }
  } catch (error) {
    if (wantsApacheCompat(process.env) && error instanceof MQError && error.code === 'UNKNOWN_COMMAND') {
      process.stdout.write(`${error.message}\n`);
      return exit(0);
    }
    const report = reportError(error, {
      json: argv.includes('--json'),
      debug: argv.includes('--debug'),
      colour: detectTerminal().colour,
    });
    process.stderr.write(`${report.text}\n`);
    return exit(report.exitCode);
  }
  return exitLikeCommand(Number(process.exitCode ?? 0));
}
