import { readdirSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Command } from '@oclif/core';
import { commandSpec } from '../../../src/cli/command-spec.js';
import type { CommandIo } from '../../../src/cli/io.js';
import type { CommandSpec } from '../../../src/cli/options.js';
import type { MqCommand } from '../../../src/commands/base.js';
import { checkOutput } from './output-schemas.js';

const FOLDER = fileURLToPath(new URL('../../../src/commands/mqadmin', import.meta.url));

interface CommandConstructor extends Omit<typeof MqCommand, 'prototype'> {
  new (argv: string[], config: Command['config']): MqCommand;
  id: string;
}

/** Files of the commands by name; base classes and helpers begin with a small letter too, but lie in the folder itself. */
const files = new Map(
  readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((group) => readdirSync(join(FOLDER, group.name)).map((file) => [file.replace(/\.ts$/, ''), join(FOLDER, group.name, file)])),
);

/** Names of all commands of the cluster administration. */
export const commandNames: readonly string[] = [...files.keys()].sort();

/** Folder of the launcher in the build. */
const APP = fileURLToPath(new URL('../../../dist/apps/mqadmin', import.meta.url));

/** A file that is not there, so that the contexts of whoever runs the tests do not matter. */
const NO_CONTEXTS = join(devNull, 'contexts.json');

/** What a command printed and how it ended. */
export interface CommandRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

async function load(name: string): Promise<CommandConstructor> {
  const file = files.get(name);
  if (file === undefined) {
    throw new Error(`no command ${name}`);
  }
  const { default: loaded } = (await import(pathToFileURL(file).href)) as { default: CommandConstructor };
  return loaded;
}

/** What front and help know of a command. */
export async function specOf(name: string): Promise<CommandSpec> {
  return commandSpec(await load(name), { bin: 'mqadmin', id: name });
}

/** Runs a command in this process with an environment of its own; with an `answer` it may ask, as on a terminal. */
export async function runCommand(
  name: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  answer: string | null = null,
  onSignal?: CommandIo['onSignal'],
): Promise<CommandRun> {
  const Loaded = await load(name);
  Loaded.id = name;
  const [stdout, stderr] = [new Sink(), new Sink()];
  const command = new Loaded([...argv], { bin: 'mqadmin', root: APP } as Command['config']);
  const terminal = { colour: false, asks: answer !== null, animates: false };
  const stdin = Readable.from(answer === null ? [] : [`${answer}\n`]);
  const exitCode = await command.main({
    stdin,
    stdout,
    stderr,
    env: { MQKIT_CONTEXTS: NO_CONTEXTS, MQADMIN_AUDIT: 'off', ...env },
    terminal,
    ...(onSignal === undefined ? {} : { onSignal }),
  });
  checkOutput(name, argv, { stdout: stdout.text, exitCode });
  return { stdout: stdout.text, stderr: stderr.text, exitCode };
}

class Sink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}
