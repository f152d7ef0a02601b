export * as apache from './apache.js';
export {
  type BundledBroker,
  type BundledCluster,
  runLauncher,
  spawnLauncher,
  startBundledBroker,
  startBundledCluster,
  startBundledNamesrv,
} from './bundled.js';
export { aliOnsClient, goClient, javaClient } from './clients.js';
export {
  ClientDriver,
  type Delivery,
  type DrivenMessage,
  type DrivenPullResult,
  type DrivenQueue,
  type DrivenSendResult,
  DriverError,
  type MessageInit,
  type PushInit,
} from './driver.js';
export { fetchAliOnsDriver, fetchApache, fetchGoDriver, fetchHdrReader, fetchJavaDriver } from './fetch.js';
export { APACHE_VERSIONS, type ApacheVersion, peersDir, repositoryRoot } from './paths.js';
export { PeerProcess } from './process.js';
export { type PeersAvailability, peersAvailable, peersRequired } from './toolchain.js';
export { RawConnection, type RawResponse, rawRequest, registered } from './wire.js';
