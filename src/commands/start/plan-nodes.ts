import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../common/errors.js';
import { parseProperties } from '../../common/properties-file.js';
import { freePorts, portsFree } from './ports.js';

type NodeKind = 'namesrv' | 'broker';

/** The usual first port, the distance to that of the next node, and the ports beside it: of a broker the fast one and that of HA. */
const PORTS = {
  namesrv: { what: 'name server', usual: 9876, step: 1, neighbours: [0] },
  broker: { what: 'broker', usual: 10_911, step: 10, neighbours: [0, -2, 1] },
} as const;

export interface PlanNodesOptions {
  /** Folder of configuration, store and logs. */
  readonly dir: string;
  readonly clusterName?: string | undefined;
  readonly brokerName?: string | undefined;
  /** Ports that the first nodes must have; without them the default ones are taken, or free ones when those are in use. */
  readonly namesrvPort?: number | undefined;
  readonly brokerPort?: number | undefined;
  readonly bindAddress?: string | undefined;
  /** How many name servers; 1 without it. */
  readonly namesrvs?: number;
  /** How many brokers, all of them masters; 1 without it. Those after the first are named `broker-b` and so on. */
  readonly brokers?: number;
  /** Nodes of an earlier start: those that run stay as they are, the ports of the others are tried first. */
  readonly former?: readonly FormerNode[];
  /** Hears of ports that were taken. */
  note?(text: string): void;
}

export interface FormerNode {
  readonly kind: NodeKind;
  readonly name: string;
  readonly listenPort: number;
  /** Null when it does not run. */
  readonly pid: number | null;
  /** It must have its port again: others know it by that. */
  readonly keepsPort?: boolean;
}

export interface PlannedNode {
  readonly kind: NodeKind;
  /** brokerName; of a name server its folder. */
  readonly name: string;
  readonly listenPort: number;
  readonly address: string;
  /** Of a node that runs already. */
  readonly pid: number | null;
}

/** Names and addresses that a start with these options takes. */
export interface NodesPlan {
  readonly clusterName: string;
  readonly bindAddress: string;
  /** All name servers. */
  readonly namesrvAddr: string;
  readonly namesrvs: readonly [PlannedNode, ...PlannedNode[]];
  readonly brokers: readonly [PlannedNode, ...PlannedNode[]];
}

/**
 * Chooses names and ports, and starts nothing.
 * @throws ConfigError for a wanted port that is taken.
 */
export async function planNodes(options: PlanNodesOptions): Promise<NodesPlan> {
  const { bindAddress, clusterName, brokerName } = namesOf(options);
  const host = bindAddress === '0.0.0.0' || bindAddress === '::' ? '127.0.0.1' : bindAddress;
  const taken = new Set<number>();
  const planned = async (kind: NodeKind, count: number, nameOf: (index: number) => string): Promise<[PlannedNode, ...PlannedNode[]]> => {
    const nodes: PlannedNode[] = [];
    for (let index = 0; index < count; index++) {
      const name = nameOf(index);
      const former = options.former?.find((node) => node.kind === kind && node.name === name);
      const pid = former?.pid ?? null;
      const listenPort =
        former !== undefined && pid !== null ? former.listenPort : await choosePort(options, { kind, index, former, taken });
      for (const distance of PORTS[kind].neighbours) taken.add(listenPort + distance);
      nodes.push({ kind, name, listenPort, address: `${host}:${listenPort}`, pid });
    }
    return nodes as [PlannedNode, ...PlannedNode[]];
  };
  const namesrvs = await planned('namesrv', options.namesrvs ?? 1, (index) => (index === 0 ? 'namesrv' : `namesrv-${letter(index)}`));
  const brokers = await planned('broker', options.brokers ?? 1, (index) =>
    index === 0 ? brokerName : `${brokerName.replace(/-a$/, '')}-${letter(index)}`,
  );
  return { clusterName, bindAddress, namesrvAddr: namesrvs.map((node) => node.address).join(';'), namesrvs, brokers };
}

/** How nodes after the first are told apart: `b`, `c` and so on. */
export function letter(index: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + index);
}

async function choosePort(
  options: PlanNodesOptions,
  node: { kind: NodeKind; index: number; former: FormerNode | undefined; taken: ReadonlySet<number> },
): Promise<number> {
  const { kind, index, former, taken } = node;
  const { what, usual, step, neighbours } = PORTS[kind];
  const wanted = kind === 'namesrv' ? options.namesrvPort : options.brokerPort;
  const isWanted = wanted !== undefined && index === 0;
  const isMust = isWanted || former?.keepsPort === true;
  const first = isWanted ? wanted : (former?.listenPort ?? (wanted ?? usual) + index * step);
  const isOurs = neighbours.every((distance) => !taken.has(first + distance));
  if (isOurs && (await portsFree(first, neighbours))) return first;
  if (isMust) {
    const ports = neighbours.map((distance) => first + distance).sort((left, right) => left - right);
    throw new ConfigError(`the ${what} cannot listen on ${first}: one of the ports ${ports.join(', ')} is taken`, { code: 'PORT_TAKEN' });
  }
  let chosen: number;
  do {
    chosen = await freePorts(neighbours, (bound) => randomInt(bound));
  } while (neighbours.some((distance) => taken.has(chosen + distance)));
  options.note?.(`port ${first} is taken: the ${what} listens on ${chosen}`);
  return chosen;
}

export function brokerConf(dir: string): string {
  return join(dir, 'conf', 'broker.conf');
}

/** Names that were asked for, else those of an earlier start in the folder, else the usual ones. */
function namesOf(options: PlanNodesOptions): { bindAddress: string; clusterName: string; brokerName: string } {
  const file = brokerConf(options.dir);
  const kept = existsSync(file) ? parseProperties(readFileSync(file)).entries : new Map<string, { value: string }>();
  return {
    bindAddress: options.bindAddress ?? kept.get('bindAddress')?.value ?? '127.0.0.1',
    clusterName: options.clusterName ?? kept.get('brokerClusterName')?.value ?? 'DefaultCluster',
    brokerName: options.brokerName ?? kept.get('brokerName')?.value ?? 'broker-a',
  };
}
