import { Readable, Writable } from 'node:stream';
import type { Command } from '@oclif/core';
import type { MqCommand } from '../../../src/commands/base.js';

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

/** Runs a command of mqbench in this process, without a terminal. */
export async function runBench(name: string, argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<BenchRun> {
  const { default: Loaded } = (await import(`../../../src/commands/mqbench/${name}.ts`)) as { default: CommandConstructor };
  Loaded.id = name;
  const [stdout, stderr] = [new Sink(), new Sink()];
  const command = new Loaded([...argv], { bin: 'mqbench' } as Command['config']);
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
