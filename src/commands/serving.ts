/* What commands that serve until they are stopped have in common. */
import { UsageError } from '../common/errors.js';
import { formatHostPort, splitHostPort } from '../common/host.js';

const DEFAULT_HOST = '127.0.0.1';

/** Where to listen: a port alone means this machine only. */
export function listenAddress(text: string): { host: string; port: number } {
  const address = splitHostPort(/^\d+$/.test(text) ? formatHostPort(DEFAULT_HOST, Number(text)) : text);
  if (address.host === '*') {
    throw new UsageError(`--listen ${text}: write 0.0.0.0 for all addresses of this machine`);
  }
  return address;
}

/** Resolves with the first Ctrl-C or SIGTERM, or when the command's time is over. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      process.off('SIGINT', end).off('SIGTERM', end);
      resolve();
    };
    process.on('SIGINT', end).on('SIGTERM', end);
    signal.addEventListener('abort', end, { once: true });
  });
}
