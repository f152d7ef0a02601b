import { randomBytes } from 'node:crypto';
import type { NodeKind } from '../config/index.js';
import type { NodeLogger } from '../logging.js';
import { startTimeOf } from './process-identity.js';
import { makeRunDir, type RunFile, removeRunFile, writeRunFile } from './run-file.js';
import { channelPath, openStopChannel } from './stop-channel.js';

/** What a node shows of itself once it serves. */
export interface RunningNode {
  readonly address: string;
  shutdown(): Promise<void>;
}

export interface RunNodeOptions {
  readonly kind: NodeKind;
  readonly name: string;
  readonly listenPort: number;
  readonly dir: string;
  readonly state: string;
  readonly logger: NodeLogger;
  start(): Promise<RunningNode>;
  onStarted(node: RunningNode): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs a node until somebody asks it to stop: a signal, or `mqshutdown` by the stop channel. A second signal ends the process at once.
 * Answers what asked. A stop that is asked for during the start waits for the start.
 */
export async function runNode(options: RunNodeOptions): Promise<string> {
  const { logger, state, kind } = options;
  const stop = stopRequest(logger);
  const monitor = (error: Error): void =>
    logger.error('the node ends because of an error nobody handled', { error: error.stack ?? String(error) });
  process.on('uncaughtExceptionMonitor', monitor);
  try {
    const node = await options.start();
    const token = randomBytes(16).toString('hex');
    const channel = await openChannel(options, token, stop.request);
    const run: RunFile = {
      kind,
      pid: process.pid,
      startTime: await startTimeOf(process.pid),
      name: options.name,
      address: node.address,
      listenPort: options.listenPort,
      dir: options.dir,
      logFile: logger.file,
      channel: channel?.path ?? null,
      token,
    };
    const isNoted = noteRunFile(() => writeRunFile(state, run), logger);
    options.onStarted(node);
    const reason = await stop.requested;
    logger.info(`stopping: ${reason}`);
    try {
      await node.shutdown();
    } finally {
      channel?.close();
      if (isNoted) removeRunFile(state, run);
    }
    logger.info('stopped');
    return reason;
  } finally {
    stop.dispose();
    process.off('uncaughtExceptionMonitor', monitor);
  }
}

async function openChannel(
  options: RunNodeOptions,
  token: string,
  request: (reason: string) => void,
): Promise<{ path: string; close(): void } | null> {
  const path = channelPath(options.state, process.pid);
  if (path === null) return null;
  try {
    makeRunDir(options.state);
    return { path, ...(await openStopChannel(path, token, () => request('asked by mqshutdown'))) };
  } catch (error) {
    options.logger.warn('mqshutdown can only signal this node, not ask it', { channel: path, error: (error as Error).message });
    return null;
  }
}

/** A node serves without a run file too; only mqshutdown does not find it then. */
function noteRunFile(write: () => void, logger: NodeLogger): boolean {
  try {
    write();
    return true;
  } catch (error) {
    logger.warn('mqshutdown will not find this node: its run file cannot be written', { error: (error as Error).message });
    return false;
  }
}

function stopRequest(logger: NodeLogger): { requested: Promise<string>; request(reason: string): void; dispose(): void } {
  let request: (reason: string) => void = () => {};
  const requested = new Promise<string>((resolve) => {
    request = resolve;
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    // From now on the default holds: the next signal ends the process.
    dispose();
    request(signal);
  };
  // Node undoes what nohup sets, so a node whose output is no terminal keeps running by itself when the terminal goes.
  const onHangup = (): void => {
    if (process.stdout.isTTY) onSignal('SIGHUP');
    else logger.info('SIGHUP is ignored: the output is no terminal');
  };
  const dispose = (): void => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('SIGHUP', onHangup);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('SIGHUP', onHangup);
  return { requested, request: (reason) => request(reason), dispose };
}
