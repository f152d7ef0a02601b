/* Requests to the name server. */
import { defineHeader } from './definition.js';

export const GetRouteInfoRequestHeader = defineHeader('GetRouteInfoRequestHeader', {
  topic: 'string!',
  acceptStandardJsonOnly: 'bool',
  __ZONE_NAME: 'string',
  __ZONE_MODE: 'bool',
});
export const RegisterBrokerRequestHeader = defineHeader('RegisterBrokerRequestHeader', {
  brokerName: 'string!',
  brokerAddr: 'string!',
  clusterName: 'string!',
  haServerAddr: 'string!',
  brokerId: 'long!',
  heartbeatTimeoutMillis: 'long',
  enableActingMaster: 'bool',
  compressed: 'bool',
  bodyCrc32: 'int',
  __ZONE_NAME: 'string',
});
export const RegisterBrokerResponseHeader = defineHeader('RegisterBrokerResponseHeader', { haServerAddr: 'string', masterAddr: 'string' });
const BROKER = { brokerName: 'string!', brokerAddr: 'string!', clusterName: 'string!', brokerId: 'long!' } as const;
export const UnRegisterBrokerRequestHeader = defineHeader('UnRegisterBrokerRequestHeader', BROKER);
export const QueryDataVersionRequestHeader = defineHeader('QueryDataVersionRequestHeader', BROKER);
export const QueryDataVersionResponseHeader = defineHeader('QueryDataVersionResponseHeader', { changed: 'bool!' });
export const BrokerHeartbeatRequestHeader = defineHeader('BrokerHeartbeatRequestHeader', {
  clusterName: 'string!',
  brokerAddr: 'string!',
  brokerName: 'string!',
  brokerId: 'long',
  epoch: 'int',
  maxOffset: 'long',
  confirmOffset: 'long',
  heartbeatTimeoutMills: 'long',
  electionPriority: 'int',
});
export const GetBrokerMemberGroupRequestHeader = defineHeader('GetBrokerMemberGroupRequestHeader', {
  clusterName: 'string!',
  brokerName: 'string!',
});
export const RegisterTopicRequestHeader = defineHeader('RegisterTopicRequestHeader', { topic: 'string!' });
export const DeleteTopicFromNamesrvRequestHeader = defineHeader('DeleteTopicFromNamesrvRequestHeader', {
  topic: 'string!',
  clusterName: 'string',
});
export const GetTopicsByClusterRequestHeader = defineHeader('GetTopicsByClusterRequestHeader', { cluster: 'string!' });
export const WipeWritePermOfBrokerRequestHeader = defineHeader('WipeWritePermOfBrokerRequestHeader', { brokerName: 'string!' });
export const WipeWritePermOfBrokerResponseHeader = defineHeader('WipeWritePermOfBrokerResponseHeader', { wipeTopicCount: 'int!' });
export const AddWritePermOfBrokerRequestHeader = defineHeader('AddWritePermOfBrokerRequestHeader', { brokerName: 'string!' });
export const AddWritePermOfBrokerResponseHeader = defineHeader('AddWritePermOfBrokerResponseHeader', { addTopicCount: 'int!' });
export const PutKVConfigRequestHeader = defineHeader('PutKVConfigRequestHeader', {
  namespace: 'string!',
  key: 'string!',
  value: 'string!',
});
export const GetKVConfigRequestHeader = defineHeader('GetKVConfigRequestHeader', { namespace: 'string!', key: 'string!' });
export const GetKVConfigResponseHeader = defineHeader('GetKVConfigResponseHeader', { value: 'string' });
export const DeleteKVConfigRequestHeader = defineHeader('DeleteKVConfigRequestHeader', { namespace: 'string!', key: 'string!' });
export const GetKVListByNamespaceRequestHeader = defineHeader('GetKVListByNamespaceRequestHeader', { namespace: 'string!' });
