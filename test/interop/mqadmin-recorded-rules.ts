/*
 * What may differ between a recorded run of Apache's mqadmin and the same run on a cluster in the same state: the rules by which what varies
 * is masked, the runs of which only the form is compared, the runs that end differently here on purpose, and the few that are not compared.
 */

/** One rule: everything that fits the pattern is replaced, in the recorded text and in the new one. */
interface Mask {
  readonly why: string;
  readonly pattern: RegExp;
  readonly by: string | ((...parts: string[]) => string);
  /** Only in the output of these commands. */
  readonly of?: readonly string[];
}

const sortedList = (text: string, separator: string): string => text.split(separator).sort().join(separator);

const MASKS: readonly Mask[] = [
  { why: 'times', pattern: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d{3})?/g, by: 'TIME' },
  { why: 'times in ms, also as epochs of mappings and in names of files', pattern: /\b1[78]\d{11}\b/g, by: 'MS' },
  { why: 'ports of clients', pattern: /127\.0\.0\.1:(?!(?:49876|50911|52911)\b)\d{4,5}\b/g, by: 'HOST:PORT' },
  { why: 'addresses for replication, brokerIP2', of: ['haStatus'], pattern: /(^|\t)(?:\d+\.){3}\d+:\d+/gm, by: '$1HOST:PORT' },
  { why: 'how large what a client sends is', of: ['getBrokerEpoch'], pattern: /endOffset=\d+/g, by: 'endOffset=N' },
  { why: 'how often a slave fell behind', of: ['getSyncStateSet'], pattern: /(#SyncStateSetEpoch\t)\d+/g, by: '$1N' },
  { why: 'hashes of objects', of: ['getControllerConfig'], pattern: /@[0-9a-f]{6,8}$/gm, by: '@HASH' },
  { why: 'address of the machine in client ids that a client made itself', pattern: /clientId=[\d.]+@PID/g, by: 'clientId=HOST@PID' },
  { why: 'ids of messages without an id of the seed', pattern: /\b(?!7F00000100010000)[0-9A-F]{32}(?:[0-9A-F]{24})?\b/g, by: 'ID' },
  {
    why: 'offsets of the commit log, which trace and system messages move',
    pattern: /(CommitLog Offset: +|commitLogOffset=|physicOffset=|(?:m|M)asterCommitLogMaxOffset[\t ]+)\d+/g,
    by: '$1N',
  },
  {
    why: 'maps print in the order of hashes',
    pattern: /roperties([=:] *){([^}]*)}/g,
    by: (_, title, map) => `roperties${title}{${sortedList(map ?? '', ', ')}}`,
  },
  {
    why: 'brokers print in the order of hashes',
    pattern: /orderConf=\[([^\]]*)\]/g,
    by: (_, conf) => `orderConf=[${sortedList(conf ?? '', ';')}]`,
  },
  { why: 'rates', pattern: /TPS: \d+\.\d+(E-?\d+)?/g, by: 'TPS: N' },
  {
    why: 'messages per second of a group at that moment',
    of: ['consumerProgress'],
    pattern: /^(\S+ +\d+ +(?:OFFLINE|V\S+(?: +[A-Z]+ +[A-Z]+)?) +)\d+( +\d+) *$/gm,
    by: '$1N$2',
  },
  { why: 'how long something took', pattern: /\b\d+ms\b/g, by: 'Nms' },
  { why: 'how long something took', pattern: /(spentTimeMills=|Avg RT: )\d+(?:\.\d\d)?/g, by: '$1N' },
  {
    why: 'for groups that never connected, an exception of the Java tool stands in the place of the state of the group',
    pattern:
      /MessageTrack \[consumerGroup=(\w+), trackType=(?:UNKNOWN|NOT_ONLINE), exceptionDesc=(?:CODE:206[^\n]*?\] not online|[^\]\n]*(?:\n[^\n]*FAQ[^\n]*?\))?)\]?/g,
    by: 'MessageTrack [consumerGroup=$1, not online]\n',
  },
  { why: 'lines of tracks that have no end', pattern: /\](MessageTrack )/g, by: ']\n$1' },
  { why: 'the usage behind a success', pattern: /(?<=[^\s])\s*^usage: mqadmin update(Topic|SubGroup)List [\s\S]*/gm, by: '' },
  {
    why: 'trace producers tell brokers of themselves every 30 s',
    of: ['producer'],
    pattern: /^.*PID_CLIENT_INNER_TRACE_PRODUCER.*$/gm,
    by: '',
  },
  { why: 'groups that the Java tools left behind', pattern: /^(?:TOOLS_CONSUMER|__MONITOR_CONSUMER|%RETRY%TOOLS_CONSUMER)\b.*$/gm, by: '' },
  { why: 'topics of a cluster, of which there may be more', pattern: /(name server\[\S+\] OK, )\d+/g, by: '$1N' },
  { why: 'keys that only the recorded set-up gave', pattern: /^(?:mapedFileSizeCommitLog|authConfigPath) .*$/gm, by: '' },
  { why: 'folders of the set-up', pattern: /(^\w+ += +|commitLogDiskRatio_)(?:\/[^\s:]+|ns\.properties)/gm, by: '$1PATH' },
  {
    why: 'settings in which the set-ups differ',
    pattern:
      /^((?:brokerFastFailureEnable|osPageCacheBusyTimeOutMills|brokerIP2|diskMaxUsedSpaceRatio|fileReservedTime|haListenPort|listenPort|bindAddress|mappedFileSize|mappedFileSizeCommitLog|deleteWhen|brokerConfigPath|aclFile|namesrvAddr|rocketmqHome|traceTopicEnable|\w*ThreadPool\w*|\w*ThreadNums?) += +).*$/gm,
    by: '$1SET',
  },
  { why: 'a group that Apache’s broker knows of a topic once it stored its offset', pattern: /^.*\bDlqSrcTopic +GroupDlq\b.*$/gm, by: '' },
  {
    why: 'what a broker has to do at the moment',
    of: ['brokerStatus'],
    pattern: /^((?:\S+ {10})?\w+)(?:_\/\S+)? *: .*$/gm,
    by: '$1 = VALUE',
  },
  {
    why: 'numbers that count since the start or per minute, that say how full a disk is and how long a thing took',
    of: ['clusterList', 'clusterRT', 'statsAll', 'haStatus', 'consumerStatus'],
    pattern: / *(?<![\w.])\d+(?:[.,]\d+)*(?:E-?\d+)?(?:ms)?/g,
    by: ' N',
  },
  { why: 'hashes and classes of objects', of: ['consumerStatus'], pattern: /^(\w+ +: +)\S*(?:@|\$).*$/gm, by: '$1OBJECT' },
  { why: 'which run of the tool wrote the file', of: ['consumerStatus'], pattern: /\S+\/127\.0\.0\.1@/g, by: 'FILE/127.0.0.1@' },
  {
    why: 'which queue a sender takes',
    of: ['sendMessage'],
    pattern: /^broker-[ab] +\d +SEND_OK +.*$/gm,
    by: 'BROKER QUEUE SEND_OK ID',
  },
  {
    why: 'offsets of queues that got more or fewer of the messages sent in between',
    of: ['sendMsgStatus', 'queryMsgById'],
    pattern: /queueOffset=\d+/g,
    by: 'queueOffset=N',
  },
  { why: 'how many messages a queue has, of which some were sent without -b', pattern: /(M(?:AX|IN)_OFFSET=)\d+/g, by: '$1N' },
  {
    why: 'which queue a message that is sent again takes',
    of: ['queryMsgById'],
    pattern: /brokerName=broker-[ab], queueId=\d+(?=\], queueOffset)/g,
    by: 'QUEUE',
  },
  { why: 'how long a send took', of: ['checkMsgSendRT'], pattern: /true( +)\d+$/gm, by: 'true$1N' },
  { why: 'which broker is asked without -b', of: ['queryCq'], pattern: /tagsCode=\d+/g, by: 'tagsCode=N' },
];

/** Runs on a cluster with a controller. */
export const CONTROLLER_RUNS: ReadonlySet<number> = new Set([
  ...[360, 361, 362, 363, 364, 365, 366, 367, 368, 369, 370, 371, 372, 373, 374, 375, 377, 378, 379, 380, 381, 382, 383, 384, 385, 386],
  ...[387, 388, 389, 390, 391, 392],
]);

/** Of these the ones that fail here, and how. */
export const CONTROLLER_EXIT_CODES: Readonly<Record<number, number>> = { 363: 5, 366: 2, 369: 2, 370: 1, 371: 1, 373: 2, 374: 1, 390: 1 };

/** Runs that say nothing of the cluster, or of another one. */
export const NOT_COMPARED: readonly { readonly why: string; readonly seqs: readonly number[] }[] = [
  {
    why: 'the command line alone: test/cli/help-errors.test.ts compares every one',
    seqs: [
      ...[146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162, 163, 165, 166, 167, 168],
      ...[179, 180, 181, 200, 201, 202, 437, 439, 440, 442],
    ],
  },
  { why: '4.9 commands, which Apache’s 5.3 tool lacks: test/interop/mqadmin-static-acl.test.ts', seqs: [203, 204] },
  {
    why: 'made by the tool of 4.9.7, whose titles and options are others',
    seqs: [409, 422, 423, 424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 435],
  },
  { why: 'the address of the name server was in a Java system property', seqs: [198] },
  { why: 'the cluster CtlCluster: mqadmin-controller.long.test.ts', seqs: [...CONTROLLER_RUNS] },
  { why: 'figures per minute that the seed reached only later, or without the cluster CtlCluster', seqs: [39, 393, 394, 401, 396] },
  { why: 'which of two messages got into the dead-letter queue first is chance', seqs: [80, 399] },
];

/** What Apache's tool fails at with exit code 0, and often in silence: one line on stderr here, and the exit code of its class. */
export const EXIT_CODES: Readonly<Record<number, readonly number[]>> = {
  1: [18, 58, 67, 186, 189, 340, 342],
  2: [
    ...[
      51, 57, 94, 95, 96, 97, 98, 110, 135, 140, 141, 142, 143, 144, 184, 185, 187, 188, 194, 205, 206, 208, 211, 226, 227, 231, 244, 247,
      257,
    ],
    ...[262, 265, 271, 273, 311, 324, 325, 343, 344, 441],
  ],
  3: [183, 193, 209, 210, 323, 327, 330],
  4: [
    ...[
      34, 37, 44, 48, 65, 70, 72, 75, 79, 83, 104, 109, 113, 117, 119, 123, 124, 126, 178, 182, 190, 191, 207, 218, 219, 237, 242, 245, 248,
    ],
    ...[260, 283, 284, 287, 288, 297, 299, 300, 314, 329, 332, 337, 352, 353, 398, 403, 404, 405],
  ],
  5: [222, 256, 282, 293],
  6: [268, 278],
};

/** Printed before the failure, as there. */
export const PRINTED_FIRST: ReadonlySet<number> = new Set([299]);

/** Ends never; it is ended with --timeout, and each kind of line counts once. */
export const ENDLESS: ReadonlySet<number> = new Set([45, 341, 345, 346]);

/** What ours answers, and Apache's does not. */
export const ANSWERED: readonly { readonly why: string; readonly seqs: readonly number[] }[] = [
  { why: 'a group that never connected has offsets, but no retry topic to find its brokers by', seqs: [100, 212, 217, 225] },
  { why: 'another name server of the list answers', seqs: [197, 358] },
  { why: '-b without -t and -g writes both tables', seqs: [134] },
  { why: 'users and rules of one broker are changed though the other refuses, or has none', seqs: [312] },
];

/** Of these only the lines with titles are the same. */
export const TITLES_ONLY: readonly { readonly why: string; readonly seqs: readonly number[] }[] = [
  { why: 'messages without -b go where the sender wants, and how many a queue has is chance', seqs: [349, 350, 351, 355, 357] },
  { why: '226 made no user of an unknown type', seqs: [228, 296] },
  { why: 'which of the brokers is asked', seqs: [233, 258] },
  { why: '268 made the rule on the broker that has the user', seqs: [285, 286, 302] },
  { why: 'a broker that registers in between has its permission back', seqs: [277] },
  { why: '-d means what it says', seqs: [138, 139] },
  { why: 'Apache’s prints the first message of each queue though it is not of the time asked for', seqs: [407] },
];

/** Maps of lists in the order of hashes: the same queues in parts of the same size. */
export const SHARES: ReadonlySet<number> = new Set([35]);

/** The text without what varies, its lines in order of the alphabet: Java's order is that of hashes. */
export function masked(command: string, text: string): string[] {
  let result = text.replaceAll('\r\n', '\n');
  for (const { pattern, by, of } of MASKS) {
    if (of === undefined || of.some((name) => name.toLowerCase() === command.toLowerCase())) {
      result = result.replace(pattern, by as string);
    }
  }
  const lines = result.split('\n').map((line) => line.trimEnd().replace(/ {2,}/g, '  '));
  return lines.filter((line) => line !== '').sort();
}
