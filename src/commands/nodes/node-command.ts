import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import {
  type LoadedConfig,
  type LoadOptions,
  loadNodeConfig,
  type NodeKind,
  printConfig,
  printConfigSources,
} from '../../../broker/config/index.js';
import { createNodeLogger, type NodeLogger } from '../../../broker/logging.js';
import { defaultLogDir, stateDir } from '../../../broker/process/run-file.js';
import { type RunningNode, runNode } from '../../../broker/process/run-node.js';
import type { CommandContext } from '../base.js';
import type { NodeResult } from './node-options.js';

/** Answers `-p`, `-m` and `--print-config`; undefined when none was given. */
export function printedConfig(
  config: LoadedConfig,
  asked: { printConfigItem: boolean; printImportantConfig: boolean; printConfig: boolean },
): NodeResult | undefined {
  if (asked.printConfig) return { text: printConfigSources(config) };
  if (asked.printConfigItem) return { text: printConfig(config, 'all') };
  return asked.printImportantConfig ? { text: printConfig(config, 'important') } : undefined;
}

/** Loads the configuration for a command line. */
export function loadForCommand(kind: NodeKind, given: Pick<LoadOptions, 'file' | 'options'>, context: CommandContext): LoadedConfig {
  return loadNodeConfig({ kind, ...given, args: context.words, env: context.io.env });
}

/** Runs a node in the foreground until it is asked to stop. */
export async function serve(
  config: LoadedConfig,
  context: CommandContext,
  node: { logDir: string | undefined; start(logger: NodeLogger): Promise<RunningNode>; bootLine(node: RunningNode): string },
): Promise<NodeResult> {
  const { env, stdout } = context.io;
  const { kind } = config;
  const { listenPort } = config.server;
  const logger = openLog({ logDir: node.logDir, env, name: `${kind}-${listenPort}`, stdout });
  // A command ends when nobody reads its output any more; a node goes on, with its file.
  stdout.removeAllListeners('error').on('error', () => logger.muteStdout());
  try {
    for (const warning of config.warnings) logger.warn(warning.text);
    warnAboutNoEffect(config, logger);
    const stoppedBy = await runNode({
      kind,
      name: kind === 'broker' ? config.broker.brokerName : '',
      listenPort,
      dir: kind === 'broker' ? config.store.storePathRootDir : dirname(config.namesrv.kvConfigPath),
      state: stateDir(env),
      logger,
      start: () => node.start(logger),
      onStarted: (running) => {
        logger.info(node.bootLine(running));
        if (logger.file !== null) logger.info(`log file ${logger.file}`);
        warnAboutReach(config, logger);
      },
    });
    return { stoppedBy };
  } catch (error) {
    logger.muteStdout();
    logger.error(`ended by an error: ${(error as Error).message}`);
    throw error;
  } finally {
    logger.close();
  }
}

/** A folder that was asked for must be writable; without the usual one (a read-only home) the node logs to stdout alone. */
function openLog(log: { logDir: string | undefined; env: NodeJS.ProcessEnv; name: string; stdout: NodeJS.WritableStream }): NodeLogger {
  const { name, stdout } = log;
  try {
    return createNodeLogger({ dir: log.logDir ?? defaultLogDir(log.env), name, stdout });
  } catch (error) {
    if (log.logDir !== undefined) throw error;
    const logger = createNodeLogger({ name, stdout });
    logger.warn(`no log file: ${(error as Error).message}`);
    return logger;
  }
}

function warnAboutNoEffect(config: LoadedConfig, logger: NodeLogger): void {
  const keys = config.noEffectKeys();
  if (keys.length > 0) logger.info(`accepted without effect here: ${keys.join(', ')}`);
}

function warnAboutReach(config: LoadedConfig, logger: NodeLogger): void {
  const { bindAddress, listenPort } = config.server;
  if (!isReachableFromOutside(bindAddress)) return;
  logger.warn(
    `${bindAddress}:${listenPort} is reachable from other machines and takes every request without authentication; bindAddress=127.0.0.1 keeps it to this one`,
  );
}

/** Whether another machine can connect to what listens there. */
export function isReachableFromOutside(bindAddress: string, interfaces = networkInterfaces()): boolean {
  if (bindAddress === 'localhost' || bindAddress === '::1' || bindAddress.startsWith('127.')) return false;
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') return true;
  return Object.values(interfaces).some((addresses) => addresses?.some((address) => !address.internal));
}
