import { type CommonOption, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { systemClock } from '../../common/clock.js';
import { NotFoundError, PartialError } from '../../common/errors.js';
import { type CommandContext, MqCommand } from '../base.js';
import type { NodeNow } from './cluster-state.js';
import { CLUSTER_DIR_OPTION } from './node-texts.js';

const options = defineOptions({ ...CLUSTER_DIR_OPTION });

interface NodeStatus {
  readonly kind: 'broker' | 'namesrv';
  readonly name: string;
  readonly address: string;
  /** Null when it does not run. */
  readonly pid: number | null;
  /** Whether it answered a request just now. */
  readonly isAnswering: boolean;
  /** Milliseconds since startCluster started it; null where it did not. */
  readonly upMs: number | null;
  readonly logFile: string | null;
}

interface ClusterStatus {
  readonly topology: string | null;
  readonly dir: string;
  readonly nodes: NodeStatus[];
}

const ANSWER_TIMEOUT_MS = 2000;

export default class ClusterStatusCommand extends MqCommand<typeof options, ClusterStatus> {
  static override summary = 'Show the name servers and brokers that startCluster started, and whether they answer';
  static override description = 'Ends with 4 when nothing runs there, with 6 when a node ended by itself or does not answer.';
  static override examples = ['mqadmin clusterStatus', 'mqadmin clusterStatus -d /data/cluster --json'];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug', 'timeout'];

  protected async execute(values: Parameters<MqCommand<typeof options>['execute']>[0], context: CommandContext): Promise<ClusterStatus> {
    const [{ clusterDir, nodesBelow }, { nodesNow, readState }] = await Promise.all([
      import('./cluster-nodes.js'),
      import('./cluster-state.js'),
    ]);
    const dir = clusterDir(values.dir, context.io.env);
    const state = readState(dir);
    const now = await nodesNow(dir, state, await nodesBelow(dir, context.io.env));
    const status: ClusterStatus = { topology: state?.topology ?? null, dir, nodes: await statusOf(now) };
    const isUp = now.some(({ run }) => run !== null);
    if (!isUp) {
      throw new NotFoundError(`no cluster of this user is running in ${dir}`, {
        code: 'NODE_NOT_RUNNING',
        hint: 'mqadmin startCluster starts one',
        context: state?.isStopped === false ? { result: status } : {},
      });
    }
    const bad = status.nodes.filter((node) => !node.isAnswering);
    if (bad.length > 0) {
      const names = bad.map(({ name, address, pid }) => `${name} (${address}) ${pid === null ? 'does not run' : 'does not answer'}`);
      throw new PartialError(`${names.join(', ')}`, { hint: 'mqadmin startCluster starts again what ended', context: { result: status } });
    }
    return status;
  }

  protected override render(status: ClusterStatus, out: Output): void {
    for (const node of status.nodes) {
      const what = node.kind === 'broker' ? `broker ${node.name}` : 'name server';
      const pid = node.pid === null ? '-' : String(node.pid);
      const state = node.pid === null ? 'does not run' : node.isAnswering ? 'answers' : 'does not answer';
      const up = node.upMs === null ? '' : `, up ${upText(node.upMs)}`;
      out.line(`${what.padEnd(20)} ${node.address.padEnd(21)} pid ${pid.padEnd(8)} ${state}${up}`);
    }
    out.line(`folder ${status.dir}`);
  }
}

async function statusOf(now: readonly NodeNow[]): Promise<NodeStatus[]> {
  const [{ RemotingClient }, { RequestCode }] = await Promise.all([import('../../remoting/client.js'), import('../../remoting/codes.js')]);
  const client = new RemotingClient({ connectTimeoutMs: ANSWER_TIMEOUT_MS });
  const codes = { broker: RequestCode.GET_BROKER_RUNTIME_INFO, namesrv: RequestCode.GET_BROKER_CLUSTER_INFO };
  try {
    const nodes = now.map(async ({ node, run, startedAt }): Promise<NodeStatus> => {
      const { kind, name, address } = node;
      const asked = run === null ? Promise.reject() : client.invoke(address, { code: codes[kind] }, ANSWER_TIMEOUT_MS);
      const isAnswering = await asked.then(
        () => true,
        () => false,
      );
      const upMs = startedAt === null ? null : Math.max(0, systemClock.nowMs() - Date.parse(startedAt));
      return { kind, name, address, pid: run?.pid ?? null, isAnswering, upMs, logFile: run?.logFile ?? null };
    });
    return await Promise.all(nodes);
  } finally {
    await client.close();
  }
}

/** `3 d 4 h`, `2 h 5 min`, `40 s`: the two largest units. */
function upText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return (first < 0 ? parts.slice(-1) : parts.slice(first, first + 2)).map(([count, unit]) => `${count} ${unit}`).join(' ');
}
