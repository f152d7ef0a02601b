/** A tool on a cluster: Apache's mqadmin or ours. */
export type Tool = (args: string[]) => Promise<{ stdout: string; stderr: string }>;

export interface Step {
  name: string;
  /** Words of the command line; `%msgId%` and `%offsetMsgId%` are those of the first message sent. */
  args: string[];
  /** Not run with Apache's tool, each of whose commands takes a second. */
  oursOnly?: boolean;
}

export interface Outcome {
  name: string;
  stdout: string[];
  /** The first line of what went wrong, without Java's class names; null when nothing did. */
  error: string | null;
}

/** The same commands for each tool and cluster; topics and groups carry `mark`, which is masked again. */
export function steps(mark: string, brokerAddr: string): Step[] {
  const topic = `Seq${mark}`;
  const group = `SeqGroup${mark}`;
  const step = (line: string): Step => ({ name: line.replaceAll(mark, '').replaceAll(brokerAddr, 'BROKER'), args: line.split(' ') });
  const ours = (line: string): Step => ({ ...step(line), oursOnly: true });
  return [
    step(`updateTopic -c DefaultCluster -t ${topic} -r 4 -w 4`),
    step(`updateTopic -b ${brokerAddr} -t ${topic}Two -r 2 -w 1 -p 4`),
    step(`topicRoute -t ${topic}`),
    ours(`topicClusterList -t ${topic}`),
    step(`brokerConsumeStats -b ${brokerAddr}`),
    ours(`updateKvConfig -s Seq -k ${topic} -v one`),
    ours(`deleteKvConfig -s Seq -k ${topic}`),
    ours(`updateOrderConf -m put -t ${topic} -v broker-a:4`),
    ours(`updateOrderConf -m get -t ${topic}`),
    ours(`updateOrderConf -m delete -t ${topic}`),
    ours(`updateOrderConf -m get -t ${topic}`),
    ours(`updateTopicPerm -b ${brokerAddr} -t ${topic}Two -p 6`),
    ours(`updateTopicPerm -c DefaultCluster -t ${topic} -p 6`),
    step(`topicRoute -t ${topic} -l`),
    step('topicRoute -t NoSuchTopic'),
    step(`sendMessage -t ${topic} -p hello -k key1 -c tagA -b broker-a -i 0`),
    step(`topicStatus -t ${topic}`),
    step('topicStatus -t NoSuchTopic'),
    step(`queryMsgByOffset -t ${topic} -b broker-a -i 0 -o 0`),
    step(`queryMsgByKey -t ${topic} -k key1`),
    step(`queryMsgByKey -t ${topic} -k nokey`),
    step(`queryMsgByUniqueKey -t ${topic} -i %msgId%`),
    step(`queryMsgById -t ${topic} -i %offsetMsgId%`),
    step(`consumeMessage -t ${topic} -b broker-a -i 0 -o 0 -c 2`),
    step(`printMsg -t ${topic} -s tagA`),
    ours(`printMsg -t ${topic} -d false -b 2020-01-01#00:00:00:000`),
    step(`printMsgByQueue -t ${topic} -a broker-a -i 0 -p true -d true -f true`),
    ours(`queryMsgByUniqueKey -t ${topic} -i %msgId% -a`),
    ours(`queryMsgByOffset -t ${topic} -b broker-a -i 0 -o 0 -f UTF-8`),
    ours(`cleanExpiredCQ -b ${brokerAddr}`),
    step('cleanUnusedTopic -c DefaultCluster'),
    step(`deleteExpiredCommitLog -b ${brokerAddr}`),
    step(`updateSubGroup -c DefaultCluster -g ${group}`),
    step(`updateSubGroup -b ${brokerAddr} -g ${group} -r 3 -m false`),
    step(`consumerProgress -g ${group}`),
    step(`consumerConnection -g ${group}`),
    step(`producerConnection -g NoSuchProducer -t ${topic}`),
    step(`resetOffsetByTime -g ${group} -t ${topic} -s -1`),
    step(`consumerProgress -g ${group}`),
    step(`getConsumerConfig -g ${group}`),
    step('getConsumerConfig -g LiveGroup'),
    step(`queryCq -t ${topic} -q 0 -i 0`),
    step(`skipAccumulatedMessage -g ${group} -t ${topic}`),
    step(`setConsumeMode -c DefaultCluster -t ${topic} -g ${group} -m POP -q 1`),
    step(`setConsumeMode -b ${brokerAddr} -t ${topic} -g ${group} -m PULL`),
    step('consumerProgress -g LiveGroup'),
    step('consumerConnection -g LiveGroup'),
    step('producerConnection -g LiveProducer -t LiveTopic'),
    step('clusterList'),
    step(`brokerStatus -b ${brokerAddr}`),
    step(`getBrokerConfig -b ${brokerAddr}`),
    step(`updateBrokerConfig -b ${brokerAddr} -k traceOn -v true`),
    step('statsAll -t LiveTopic'),
    step('topicList'),
    step('topicList -c'),
    step(`queryMsgById -t ${topic} -i %offsetMsgId% -s true`),
    step(`checkMsgSendRT -t ${topic} -a 3`),
    step('sendMsgStatus -b broker-a -c 2'),
    step(`deleteSubGroup -c DefaultCluster -g ${group}`),
    step(`deleteTopic -c DefaultCluster -t ${topic}`),
    step(`deleteTopic -c DefaultCluster -t ${topic}Two`),
    step(`topicRoute -t ${topic}`),
  ];
}

/** Runs all steps in order. */
export async function runSequence(tool: Tool, options: { mark: string; brokerAddr: string; isOurs: boolean }): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let msgId = '';
  for (const { name, args, oursOnly } of steps(options.mark, options.brokerAddr)) {
    if (oursOnly && !options.isOurs) {
      outcomes.push({ name, stdout: [], error: null });
      continue;
    }
    const { stdout, stderr } = await untilVisible(
      tool,
      args.map((word) => word.replace('%msgId%', msgId).replace('%offsetMsgId%', offsetMsgId(outcomes))),
    );
    if (args[0] === 'sendMessage' && !msgId) msgId = /[0-9A-F]{32}/.exec(stdout)?.[0] ?? '';
    const known = offsetMsgIdIn(stdout);
    outcomes.push({
      name,
      stdout: maskLines(stdout, options.mark),
      error: maskError(stderr, options.mark),
      ...(known ? { known } : {}),
    } as Outcome);
  }
  return outcomes.map(({ name, stdout, error }) => ({ name, stdout, error }));
}

/** The index follows the log a moment later, and so do a broker's averages. */
async function untilVisible(tool: Tool, args: string[]): Promise<{ stdout: string; stderr: string }> {
  const patient = args[0]?.startsWith('queryMsgBy') && !args.includes('nokey');
  let result = await tool(args);
  for (let attempt = 0; patient && attempt < 10 && !/hello|OffsetID|#Message|key1/.test(result.stdout); attempt++)
    result = await tool(args);
  return result;
}

function offsetMsgIdIn(stdout: string): string | null {
  return /OffsetID:\s+([0-9A-F]{32})/.exec(stdout)?.[1] ?? /msgId=([0-9A-F]{32})/.exec(stdout)?.[1] ?? null;
}

function offsetMsgId(outcomes: (Outcome & { known?: string })[]): string {
  return outcomes.map((outcome) => outcome.known).find(Boolean) ?? '';
}

const NUMBER_TABLES =
  /^(boot|bootTimestamp|runtime|put|get|msg|page|startAccept|commitLog|earliest|remain|dispatch|consumeQueue|timer|send|pull|ack|query|litePull|EndTrans|schedule)/;

/**
 * Not a matter of the cluster: the tools' own group, and what request 300 of Apache 5.3 answers by mistake (the topic's name as a
 * group). Ours also sends the rate name that 4.x tools read, and counts refused sends by reason.
 */
const VARYING_LINES =
  /%RETRY%TOOLS_CONSUMER|%RETRY%LiveGroup broker-a|LiveTopic LiveTopic|getTransferedTps|^commitLogDiskRatio_|^sendResponseTimes_/;

function maskLines(text: string, mark: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => maskText(line, mark).trimEnd())
    .filter((line) => line !== '' && !VARYING_LINES.test(line))
    .sort();
}

/** Addresses, ids, times, sizes and rates differ from run to run. */
function maskText(text: string, mark: string): string {
  const line = text.replaceAll(mark, '');
  if (NUMBER_TABLES.test(line)) return line.replace(/:.*$/, ': …').replaceAll(/\s+/g, ' ');
  return (
    line
      .replaceAll(mark, '')
      .replaceAll(/\/?(?:\d+\.){3}\d+:\d+/g, 'ADDR')
      .replaceAll(/[0-9A-Fa-f]{32}/g, 'ID')
      .replaceAll(/\d{4}-\d\d-\d\d[ #]\d\d:\d\d:\d\d[,:.]?\d*/g, 'TIME')
      .replaceAll(/\b\d{13}\b/g, 'TIME')
      .replaceAll(/(?:\/[\w.-]+){2,}/g, 'PATH')
      .replaceAll(/(?:\d+\.){3}\d+@[\w#]+/g, 'CLIENT')
      .replaceAll(/\d+\.\d+/g, 'N.N')
      .replace(/(?<=(?:[Cc]ommitLog ?Offset[:=] *|physicOffset=))\d+/, 'N')
      // What a broker has to do at the moment, in clusterList: its queues, how far the timer is, how long a write waits.
      .replaceAll(/\d+,\d+ms/g, 'N,Nms')
      .replace(/ \d+-\d+(\(N\.Nw[^)]*\)) +\d+ /, ' N-N$1 N ')
      // statsAll counts up as offsets are committed, one minute at a time.
      .replace(/^(LiveTopic +LiveGroup).*/, '$1 …')
      // How long a send took, and where it went.
      .replace(/^rt=\d+ms/, 'rt=N')
      .replace(/((?:true|false) +)\d+$/, '$1N')
      .replace(/(SendResult \[.*queueId=)\d+(\], queueOffset=)\d+/, '$1N$2N')
      .replace(/(?<=[Pp]roperties[:=] *\{)[^}]*(?=\})/, (list) => list.split(', ').sort().join(', '))
      .replaceAll(/\s+/g, ' ')
  );
}

function maskError(stderr: string, mark: string): string | null {
  const text = stderr.trim();
  if (text === '') return null;
  const isJava = text.includes('\tat ');
  // What Java logs on its way is no failure of the command.
  if (isJava && !/command(?: execute)? failed/.test(text)) return null;
  const code = /CODE: (\d+)/.exec(text)?.[1];
  return code ? `CODE ${code}` : maskText(text.split('\n')[0] ?? '', mark);
}
