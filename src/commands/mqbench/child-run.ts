import { type ChildProcess, spawn } from 'node:child_process';
import { type NamedResult, parseResult } from '../../bench/judge/result-file.js';
import { ConfigError, ConnectError, MQError, UsageError } from '../../common/errors.js';

/** A command whose result is read from its stdout. */
export interface ChildCommand {
  /** How messages call it: `--run`. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
}

/** A result with its histograms and series is far below this. */
const MAX_OUTPUT_CHARS = 256 * 1024 * 1024;
/** A run that was told to quit at once is killed after so long. */
const GRACE_MS = 3000;
const ERROR_TAIL_CHARS = 4000;
const ASSERTION_EXIT = 99;

/** The child of a line: a command of this tool, or any other program, never by way of a shell. */
export function childCommand(name: string, words: readonly string[], isOwn: (word: string) => boolean): ChildCommand {
  const [first, ...rest] = words[0] === 'mqbench' ? words.slice(1) : words;
  if (first === undefined) {
    throw new UsageError(`${name} names no command`, { hint: `eg: ${name} 'producer -t BenchmarkTest --duration 10s'` });
  }
  const own = isOwn(first);
  if (!own && words[0] === 'mqbench') {
    throw new UsageError(`${name}: mqbench has no command ${first}`);
  }
  if (!own) {
    return { name, file: first, args: rest };
  }
  const json = rest.some((word) => word === '--json' || word.startsWith('--json=')) ? [] : ['--json'];
  return { name, file: process.execPath, args: [process.argv[1] ?? '', first, ...rest, ...json] };
}

/**
 * Runs it to its end and reads its result; a failed assertion of its own is no failure. A Ctrl-C reaches it by way of the signals alone, the
 * first of which asks it to end and the second to end at once: the terminal's own would come twice.
 */
export async function runChild(
  { name, file, args }: ChildCommand,
  { signal, quit }: { signal: AbortSignal; quit: AbortSignal },
): Promise<NamedResult> {
  signal.throwIfAborted();
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true, detached: true });
  const stop = (): void => void child.kill('SIGTERM');
  // With what it has started itself, should it not end.
  const end = (): void => killGroup(child.pid);
  let lastResort: NodeJS.Timeout | undefined;
  const stopAtOnce = (): void => {
    stop();
    lastResort = setTimeout(end, GRACE_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  quit.addEventListener('abort', stopAtOnce, { once: true });
  process.once('exit', end);
  try {
    const { code, killedBy, stdout, stderr } = await ended(child, name, file);
    if (signal.aborted) {
      throw new ConnectError(`${name} was ended`);
    }
    if (code !== 0 && code !== ASSERTION_EXIT) {
      const ending = killedBy === null ? `exit code ${code}` : `signal ${killedBy}`;
      throw failureOf(code, `${name} failed with ${ending}: ${lastLine(stderr) || lastLine(stdout) || 'it said nothing'}`);
    }
    if (stdout.trim() === '') {
      throw new ConfigError(`${name} printed no result`, { hint: 'it has to print the JSON of one on stdout: mqbench … --json' });
    }
    return { name, result: parseResult(stdout, name) };
  } finally {
    clearTimeout(lastResort);
    signal.removeEventListener('abort', stop);
    quit.removeEventListener('abort', stopAtOnce);
    process.removeListener('exit', end);
  }
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) {
      process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
    }
  } catch {
    // It has ended.
  }
}

interface Ended {
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ended(child: ChildProcess, name: string, file: string): Promise<Ended> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (stdout.length > MAX_OUTPUT_CHARS) {
      child.kill('SIGKILL');
    }
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-ERROR_TAIL_CHARS);
  });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new UsageError(`${name}: ${file} cannot be run: ${error.message}`, { cause: error })));
    child.once('close', (code, killedBy) => resolve({ code, killedBy, stdout, stderr }));
  });
}

/** With the class of the child's own error, as far as its exit code tells it. */
function failureOf(code: number | null, message: string): MQError {
  const category = ({ 2: 'usage', 3: 'connect', 4: 'notFound', 5: 'denied', 6: 'partial' } as const)[code ?? 0] ?? 'broker';
  return new MQError(category, message, { defaultCode: 'RUN_FAILED' });
}

/** The last line, and of an error in JSON its message. */
function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1) ?? '';
  try {
    const { error } = JSON.parse(line) as { error?: { message?: unknown } };
    return typeof error?.message === 'string' ? error.message : line;
  } catch {
    return line;
  }
}
