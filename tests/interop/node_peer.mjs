#!/usr/bin/env node
// An implementation from npm at the end of a pipe.   usage: node_peer.mjs werift | @roamhq/wrtc
import { createInterface } from 'node:readline';
import { createPeer } from './peer.mjs';

const loaded = await import(process.argv[2]);
const { RTCPeerConnection } = loaded.default?.RTCPeerConnection ? loaded.default : loaded;
const take = createPeer(RTCPeerConnection, (line) => process.stdout.write(JSON.stringify(line) + '\n'));
createInterface({ input: process.stdin })
  .on('line', (text) => take(JSON.parse(text)))
  .on('close', () => process.exit(0));
