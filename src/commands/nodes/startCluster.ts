import { CHANGE_OPTIONS, type CommonOption, defineOptions } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { ConfigError } from '../../common/errors.js';
import { makeFolder } from '../../common/make-folder.js';
import { type CommandContext, MqCommand } from '../base.js';
import { CLUSTER_DIR_OPTION } from './node-texts.js';

const options = defineOptions({
  ...CHANGE_OPTIONS,
  ...CLUSTER_DIR_OPTION,
  clusterName: { short: 'c', own: true, text: 'Cluster name (DefaultCluster)' },
  brokerName: { short: 'b', own: true, text: 'Broker name (broker-a)' },
  namesrvPort: { kind: 'int', own: true, min: 3, max: 65_535, text: 'Port of the name server (9876, or a free one when that is taken)' },
  brokerPort: { kind: 'int', own: true, min: 3, max: 65_534, text: 'Port of the broker (10911, or a free one when that is taken)' },
  bindAddress: { own: true, text: 'Address to listen on and to advertise (127.0.0.1)' },
});

interface ClusterStarted {
  readonly clusterName: string;
  readonly namesrvAddr: string;
  readonly brokerName: string;
  readonly brokerAddr: string;
  readonly dir: string;
  /** Null when nothing was started. */
  readonly pids: { readonly namesrv: number; readonly broker: number } | null;
}

export default class StartClusterCommand extends MqCommand<typeof options, ClusterStarted> {
  static override summary = 'Start a name server and a broker of this machine in the background';
  static override description =
    'They bind and advertise 127.0.0.1 and keep everything in one folder; what is there from an earlier start is used again. stopCluster ends them.';
  static override examples = [
    'mqadmin startCluster',
    'mqadmin startCluster -d /data/cluster --namesrvPort 19876 --brokerPort 20911 --json',
  ];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug', 'timeout'];

  protected async execute(values: Parameters<MqCommand<typeof options>['execute']>[0], context: CommandContext): Promise<ClusterStarted> {
    const { env } = context.io;
    const { clusterDir, nodesBelow } = await import('./cluster-nodes.js');
    const dir = clusterDir(values.dir, env);
    const running = await nodesBelow(dir, env);
    if (running.length > 0) {
      throw new ConfigError(`a cluster is running in ${dir} already: ${running.map((node) => node.address).join(', ')}`, {
        code: 'CLUSTER_RUNNING',
        hint: 'mqadmin stopCluster ends it; -d names another folder',
      });
    }
    const { planNodes, startNodes } = await import('../start/start-nodes.js');
    const { clusterName, brokerName, namesrvPort, brokerPort, bindAddress } = values;
    const note = (text: string): void => context.out.note(text);
    const wanted = { dir, clusterName, brokerName, namesrvPort, brokerPort, bindAddress, detached: true, env, note };
    if (values.dryRun) return startedOf(dir, await planNodes(wanted), null);
    makeClusterFolder(dir);
    const nodes = await startNodes(wanted);
    return startedOf(dir, nodes, { namesrv: nodes.namesrv.pid, broker: nodes.broker.pid });
  }

  protected override render(started: ClusterStarted, out: Output): void {
    const pid = (of: 'namesrv' | 'broker'): string => (started.pids === null ? '' : `  (pid ${started.pids[of]})`);
    out.line(`name server  ${started.namesrvAddr}${pid('namesrv')}`);
    out.line(`broker       ${started.brokerAddr}  ${started.brokerName} of ${started.clusterName}${pid('broker')}`);
    out.line(`folder       ${started.dir}`);
    if (started.pids === null) out.note('nothing was started');
    else out.note(`next: mqadmin clusterList -n ${started.namesrvAddr}`);
  }
}

function makeClusterFolder(dir: string): void {
  try {
    makeFolder(dir);
  } catch (error) {
    throw new ConfigError(`folder ${dir} cannot be made: ${(error as Error).message}`, {
      code: 'CLUSTER_FOLDER',
      hint: '-d names another folder',
      cause: error,
    });
  }
}

function startedOf(
  dir: string,
  nodes: Pick<ClusterStarted, 'clusterName' | 'namesrvAddr' | 'brokerName' | 'brokerAddr'>,
  pids: ClusterStarted['pids'],
): ClusterStarted {
  const { clusterName, namesrvAddr, brokerName, brokerAddr } = nodes;
  return { clusterName, namesrvAddr, brokerName, brokerAddr, dir, pids };
}
