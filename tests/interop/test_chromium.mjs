#!/usr/bin/env node
// Our peer and a page in Chromium on loopback, as offerer and answerer, either side sending, either side closing.
//   usage: test_chromium.mjs DPC_PEER [CASE]
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const CHROMIUM = '/usr/bin/chromium';
const TIMEOUT_MS = 120000; // a guard, not a measure

// who offers, who sends, who closes, messages, largest
const CASES = {
  'dpc-offers-and-sends': ['dpc', 'dpc', 'dpc', 1000, 262144],
  'dpc-offers-page-sends': ['dpc', 'page', 'page', 1000, 262144],
  'page-offers-and-sends': ['page', 'page', 'dpc', 1000, 262144],
  'page-offers-dpc-sends': ['page', 'dpc', 'page', 1000, 262144],
};

function skip(reason) {
  console.log(`SKIP: ${reason}`);
  process.exit(77);
}

// Runs in the page: a peer with the same signalling lines as dpc_peer.c.
function pagePeer({ offers, sends, closes, count, sizeMax }) {
  const pc = new RTCPeerConnection();
  let channel, verified = 0, sent = 0, bytes = 0;

  function mix(x) {
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
    return (x ^ (x >>> 16)) >>> 0;
  }

  function message(index) {
    const size = index === 0 ? 1 : index === 1 ? sizeMax
      : Math.min(1 + (mix(index + 7777) % (1 << mix(index) % 19)), sizeMax);
    const data = new Uint8Array(size);
    for (let i = 0; i < size; i++) data[i] = mix(index * 31 + i) & 0xff;
    return index % 2 ? data : String.fromCharCode(...data.map((b) => 97 + (b % 26)).subarray(0, 60000))
      .padEnd(size, 'x');
  }

  function same(a, b) {
    if (typeof a === 'string' || typeof b === 'string') return a === b;
    const x = new Uint8Array(a), y = new Uint8Array(b);
    return x.length === y.length && x.every((v, i) => v === y[i]);
  }

  function sendMore() {
    while (sent < count && channel.bufferedAmount < 1 << 20) channel.send(message(sent++));
  }

  function finish() {
    channel.close();
    setTimeout(() => { pc.close(); window.emit({ closed: 'page', verified }); }, 200);
  }

  function use(c) {
    channel = c;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = 1 << 19;
    channel.onbufferedamountlow = () => sends && sendMore();
    channel.onclose = () => window.emit({ channel_closed: true });
    channel.onopen = () => { window.emit({ open: channel.label }); if (sends) sendMore(); };
    channel.onmessage = ({ data }) => {
      if (!sends) return channel.send(data);
      if (!same(data, message(verified))) return window.emit({ error: `message ${verified} came back as another` });
      bytes += data.length ?? data.byteLength;
      if (++verified === count) {
        window.emit({ verified, bytes });
        if (closes) finish();
      }
    };
  }

  pc.onconnectionstatechange = () => window.emit({ state: pc.connectionState });
  pc.onicecandidate = ({ candidate }) => window.emit({ candidate: candidate?.candidate ?? '' });
  pc.ondatachannel = (event) => use(event.channel);
  window.take = async (line) => {
    if (line.close) return finish();
    if (line.description) {
      await pc.setRemoteDescription({ type: offers ? 'answer' : 'offer', sdp: line.description });
      if (!offers) await describe(await pc.createAnswer());
    } else if (line.candidate !== undefined) {
      await pc.addIceCandidate({ candidate: line.candidate, sdpMid: '0' });
    }
  };

  async function describe(description) {
    await pc.setLocalDescription(description);
    window.emit({ description: description.sdp });
  }

  if (offers) {
    use(pc.createDataChannel('test'));
    pc.createOffer().then(describe);
  }
}

async function run(browser, url, dpcPeer, name) {
  const [offers, sends, closes, count, sizeMax] = CASES[name];
  const page = await browser.newPage();
  await page.goto(url);
  const args = [offers === 'dpc' ? '--offer' : '--answer', '--size-max', String(sizeMax)];
  if (sends === 'dpc') args.push('--send', String(count));
  if (sends === 'dpc' && closes === 'dpc') args.push('--close');
  const dpc = spawn(dpcPeer, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const seen = { dpc: [], page: [] };
  const tell = (line) => dpc.exitCode === null && dpc.stdin.write(JSON.stringify(line) + '\n');
  dpc.stdin.on('error', () => {});
  let takeQueue = Promise.resolve(), pageDone;
  const pageEnd = new Promise((resolve) => { pageDone = resolve; });

  function verifiedBy(side) {
    if (side !== sends || closes === sends) return;
    if (closes === 'page') page.evaluate(() => window.take({ close: true }));
    else tell({ close: true });
  }

  await page.exposeFunction('emit', (line) => {
    if ('description' in line || 'candidate' in line) return tell(line);
    seen.page.push(line);
    if (line.verified && !line.closed) verifiedBy('page');
    if (line.closed || line.error || line.channel_closed) pageDone();
  });
  createInterface({ input: dpc.stdout }).on('line', (text) => {
    const line = JSON.parse(text);
    if ('description' in line || 'candidate' in line) {
      takeQueue = takeQueue.then(() => page.evaluate((l) => window.take(l), line)).catch((e) => seen.page.push({ error: String(e) }));
      return;
    }
    seen.dpc.push(line);
    if (line.verified && !line.closed) verifiedBy('dpc');
  });
  const dpcEnd = new Promise((resolve) => dpc.on('exit', resolve));
  await page.evaluate(pagePeer, { offers: offers === 'page', sends: sends === 'page', closes: closes === 'page', count, sizeMax });
  let timer;
  const guard = new Promise((resolve) => { timer = setTimeout(() => resolve('no end'), TIMEOUT_MS); });
  const code = await Promise.race([Promise.all([dpcEnd, pageEnd]).then(([c]) => c), guard]);
  clearTimeout(timer);
  dpc.kill();
  await page.close();
  const verified = seen[sends].find((line) => line.verified);
  const good = code === 0 && verified?.verified === count && !seen.page.some((line) => line.error);
  console.log(`${good ? 'ok' : 'FAILED'} ${name}: ${JSON.stringify(verified ?? code)}`);
  if (!good) console.log(JSON.stringify(seen, null, 1));
  return good;
}

async function main() {
  if (!existsSync(CHROMIUM)) skip('chromium is not installed');
  let playwright;
  try {
    playwright = await import('playwright-core');
  } catch {
    skip("playwright-core is not installed: run 'npm ci' in tests/interop");
  }
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>peer</title>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await playwright.chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--allow-loopback-in-peer-connection'],
  });
  const names = process.argv.length > 3 ? process.argv.slice(3) : Object.keys(CASES);
  let good = true;
  for (const name of names) {
    good = await run(browser, `http://127.0.0.1:${server.address().port}/`, process.argv[2], name) && good;
  }
  await browser.close();
  server.close();
  process.exit(good ? 0 : 1);
}

main();
