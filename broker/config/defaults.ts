import { availableParallelism, homedir, hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';

/** What a default may depend on; tests pass their own. */
export interface Machine {
  readonly cores: number;
  readonly hostName: string;
  /** First IPv4 address that is not loopback; 127.0.0.1 on a machine without one. */
  readonly firstAddress: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A default that is computed at start, and how the documentation writes it. */
export interface DynamicDefault<T> {
  readonly documentedAs: string;
  compute(machine: Machine): T;
}

export function isDynamic<T>(value: T | DynamicDefault<T>): value is DynamicDefault<T> {
  return typeof value === 'object' && value !== null && 'documentedAs' in value;
}

/** Facts of the machine this process runs on. */
export function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    hostName: hostname() || 'DEFAULT_BROKER',
    firstAddress: firstAddress(),
    home: homedir(),
    env: process.env,
  };
}

function firstAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) {
      if (address.family === 'IPv4' && !address.internal) return address.address;
    }
  }
  return '127.0.0.1';
}

export const HOST_NAME: DynamicDefault<string> = { documentedAs: 'host name', compute: (machine) => machine.hostName };
export const FIRST_ADDRESS: DynamicDefault<string> = {
  documentedAs: 'first address that is not loopback',
  compute: (machine) => machine.firstAddress,
};
export const ROCKETMQ_HOME: DynamicDefault<string> = {
  documentedAs: '$ROCKETMQ_HOME',
  compute: (machine) => machine.env.ROCKETMQ_HOME ?? '',
};

/** A path below the user's home directory. */
export function inHome(path: string): DynamicDefault<string> {
  return { documentedAs: `$HOME/${path}`, compute: (machine) => join(machine.home, path) };
}

/** A number that follows from the count of processor cores. */
export function byCores(documentedAs: string, formula: (cores: number) => number): DynamicDefault<number> {
  return { documentedAs, compute: (machine) => formula(machine.cores) };
}
