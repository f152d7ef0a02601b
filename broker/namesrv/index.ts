export { NamesrvNode } from './namesrv-node.js';
