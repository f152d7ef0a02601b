import { type CommonOption, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { NotFoundError } from '../../common/errors.js';
import { type CommandContext, MqCommand } from '../base.js';
import { CLUSTER_DIR_OPTION } from './node-texts.js';

const options = defineOptions({ ...CLUSTER_DIR_OPTION });

interface NodeStatus {
  readonly kind: 'broker' | 'namesrv';
  readonly name: string;
  readonly address: string;
  readonly pid: number;
  /** Whether it answered a request just now. */
  readonly isAnswering: boolean;
  readonly logFile: string | null;
}

interface ClusterStatus {
  readonly dir: string;
  readonly nodes: NodeStatus[];
}

const ANSWER_TIMEOUT_MS = 2000;

export default class ClusterStatusCommand extends MqCommand<typeof options, ClusterStatus> {
  static override summary = 'Show the name server and the broker that startCluster started, and whether they answer';
  static override description = 'Ends with 4 when nothing runs there.';
  static override examples = ['mqadmin clusterStatus', 'mqadmin clusterStatus -d /data/cluster --json'];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug', 'timeout'];

  protected async execute(values: Parameters<MqCommand<typeof options>['execute']>[0], context: CommandContext): Promise<ClusterStatus> {
    const { clusterDir, nodesBelow } = await import('./cluster-nodes.js');
    const dir = clusterDir(values.dir, context.io.env);
    const running = await nodesBelow(dir, context.io.env);
    if (running.length === 0) {
      throw new NotFoundError(`no cluster of this user is running in ${dir}`, {
        code: 'NODE_NOT_RUNNING',
        hint: 'mqadmin startCluster starts one',
      });
    }
    const { RemotingClient } = await import('../../remoting/client.js');
    const { RequestCode } = await import('../../remoting/codes.js');
    const client = new RemotingClient({ connectTimeoutMs: ANSWER_TIMEOUT_MS });
    const codes = { broker: RequestCode.GET_BROKER_RUNTIME_INFO, namesrv: RequestCode.GET_BROKER_CLUSTER_INFO };
    try {
      const nodes = running.map(async ({ kind, name, address, pid, logFile }): Promise<NodeStatus> => {
        const isAnswering = await client.invoke(address, { code: codes[kind] }, ANSWER_TIMEOUT_MS).then(
          () => true,
          () => false,
        );
        return { kind, name, address, pid, isAnswering, logFile };
      });
      return { dir, nodes: await Promise.all(nodes) };
    } finally {
      await client.close();
    }
  }

  protected override render(status: ClusterStatus, out: Output): void {
    for (const node of status.nodes) {
      const what = node.kind === 'broker' ? `broker ${node.name}` : 'name server';
      out.line(
        `${what.padEnd(20)} ${node.address.padEnd(21)} pid ${String(node.pid).padEnd(8)} ${node.isAnswering ? 'answers' : 'does not answer'}`,
      );
    }
    out.line(`folder ${status.dir}`);
  }
}
