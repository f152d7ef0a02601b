import {
  encodeBrokerMemberGroup,
  encodeClusterInfo,
  encodeTopicList,
  encodeTopicRouteData,
  type TopicList,
  wantsStandardJson,
} from '../../src/remoting/bodies/index.js';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.js';
import type { RemotingCommand } from '../../src/remoting/command.js';
import {
  GetBrokerMemberGroupRequestHeader,
  GetRouteInfoRequestHeader,
  GetTopicsByClusterRequestHeader,
  readHeader,
} from '../../src/remoting/headers/index.js';
import type { Connection, RemotingServer } from '../../src/remoting/server.js';
import { ORDER_TOPIC_CONFIG } from './kv-config.js';
import type { NamesrvParts } from './parts.js';
import { clusterInfoOf, filterZone, routeOf, systemTopics, topicsOfCluster, unitTopics } from './route-view.js';

const FAQ = '\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';

/** Requests of clients and tools that ask where topics and brokers are. */
export function registerRouteProcessors(server: RemotingServer, parts: NamesrvParts): void {
  server.register(RequestCode.GET_ROUTEINFO_BY_TOPIC, (conn, request) => getRoute(parts, conn, request));
  server.register(RequestCode.GET_BROKER_CLUSTER_INFO, (conn, request) =>
    conn.respond(request, ResponseCode.SUCCESS, null, null, encodeClusterInfo(clusterInfoOf(parts.routes))),
  );
  server.register(RequestCode.GET_BROKER_MEMBER_GROUP, (conn, request) => getMemberGroup(parts, conn, request));
  server.register(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, (conn, request) => {
    answerTopics(conn, request, {
      isEnabled: parts.config.namesrv.enableAllTopicList,
      list: () => ({ topicList: [...parts.routes.topics.keys()] }),
    });
  });
  const lists: [code: number, list: (request: RemotingCommand) => TopicList][] = [
    [
      RequestCode.GET_TOPICS_BY_CLUSTER,
      (request) => ({ topicList: topicsOfCluster(parts.routes, readHeader(GetTopicsByClusterRequestHeader, request.extFields).cluster) }),
    ],
    [RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS, () => systemTopics(parts.routes)],
    [RequestCode.GET_UNIT_TOPIC_LIST, () => ({ topicList: unitTopics(parts.routes, 'unit') })],
    [RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST, () => ({ topicList: unitTopics(parts.routes, 'unitSub') })],
    [RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST, () => ({ topicList: unitTopics(parts.routes, 'unitSubUnunit') })],
  ];
  for (const [code, list] of lists) {
    server.register(code, (conn, request) => {
      answerTopics(conn, request, { isEnabled: parts.config.namesrv.enableTopicList, list: () => list(request) });
    });
  }
}

function getRoute(parts: NamesrvParts, conn: Connection, request: RemotingCommand): void {
  const { namesrv } = parts.config;
  if (namesrv.needWaitForService && parts.upForMs() < namesrv.waitSecondsForService * 1000) {
    conn.respond(request, ResponseCode.SYSTEM_ERROR, 'name server not ready');
    return;
  }
  // A request without a topic is answered like one for a topic that does not exist, as Apache's does.
  const topic = request.extFields?.topic ?? null;
  const route = topic === null ? undefined : routeOf(parts.routes, topic, { supportActingMaster: namesrv.supportActingMaster });
  if (topic === null || route === undefined) {
    conn.respond(request, ResponseCode.TOPIC_NOT_EXIST, `No topic route info in name server for the topic: ${topic}${FAQ}`);
    return;
  }
  if (namesrv.orderMessageEnable) {
    const order = parts.kv.get(ORDER_TOPIC_CONFIG, topic);
    if (order !== undefined) route.orderTopicConf = order;
  }
  const header = readHeader(GetRouteInfoRequestHeader, request.extFields);
  const isZoned = header.__ZONE_MODE === true && header.__ZONE_NAME !== undefined;
  if (isZoned) filterZone(route, header.__ZONE_NAME as string);
  const standardJson = !isZoned && wantsStandardJson(request.version, header.acceptStandardJsonOnly);
  conn.respond(request, ResponseCode.SUCCESS, null, null, encodeTopicRouteData(route, { standardJson }));
}

function getMemberGroup(parts: NamesrvParts, conn: Connection, request: RemotingCommand): void {
  const { clusterName: cluster, brokerName } = readHeader(GetBrokerMemberGroupRequestHeader, request.extFields);
  const group = parts.routes.groups.get(brokerName);
  const brokerAddrs = group !== undefined && group.cluster === cluster ? group.brokerAddrs : new Map<number, string>();
  conn.respond(request, ResponseCode.SUCCESS, null, null, encodeBrokerMemberGroup({ brokerAddrs, brokerName, cluster }));
}

function answerTopics(conn: Connection, request: RemotingCommand, answer: { isEnabled: boolean; list: () => TopicList }): void {
  if (answer.isEnabled) conn.respond(request, ResponseCode.SUCCESS, null, null, encodeTopicList(answer.list()));
  else conn.respond(request, ResponseCode.SYSTEM_ERROR, 'disable');
}
