export { type NamesrvDeps, NamesrvNode } from './namesrv-node.js';
