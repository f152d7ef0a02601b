import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { Command } from '@oclif/core';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { MqCommand } from '../../../src/commands/base.js';
import { ROOT } from '../../tidy/sources.js';

interface CommandConstructor extends Omit<typeof MqCommand, 'prototype'> {
  new (argv: string[], config: Command['config']): MqCommand;
  id: string;
}

/** What a command printed and how it ended. */
export interface BenchRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** The class of a command. */
export async function loadBench(name: string): Promise<CommandConstructor> {
  const { default: Loaded } = (await import(`../../../src/commands/mqbench/${name}.ts`)) as { default: CommandConstructor };
  Loaded.id = name;
  return Loaded;
}

/** Runs a command of mqbench in this process, without a terminal. */
export async function runBench(name: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<BenchRun> {
  const Loaded = await loadBench(name);
  const [stdout, stderr] = [new Sink(), new Sink()];
  const command = new Loaded([...argv], { bin: 'mqbench', findCommand: () => undefined } as unknown as Command['config']);
  const terminal = { colour: false, asks: false, animates: false };
  const exitCode = await command.main({ stdin: Readable.from([]), stdout, stderr, env, terminal });
  return { stdout: stdout.text, stderr: stderr.text, exitCode };
}

class Sink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

const schema = JSON.parse(readFileSync(join(ROOT, 'src/bench/mqbench-1.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(schema);

/** The result that a command printed with `--json`; throws unless the run went well and the result is as the schema says. */
export function resultOf<R>({ exitCode, stdout, stderr }: BenchRun): R {
  if (exitCode !== 0) {
    throw new Error(`exit code ${exitCode}: ${stderr}`);
  }
  const result = JSON.parse(stdout) as R;
  if (!validate(result)) {
    throw new Error(
      `not as the schema says: ${(validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`).join('; ')}`,
    );
  }
  return result;
}
