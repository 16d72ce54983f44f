// A peer of the interoperability tests in JavaScript, for pages and for Node.js; dpc_peer.c says what the lines mean.
// One more line begins each connection, as these peers make many: {"begin": {"offer": B, "client": B}}, where "client"
// is of DTLS, for those that must be told.

const BUFFERED_MAX = 1 << 18; // wait when more than this is queued
const BURST = 1 << 16; // at most so much in a turn of the event loop: some implementations count only between turns
const FLOOD_MESSAGE = 16384;
const FLOOD_LOW = 65536;
const TAG = 8; // so many digits at the start of a tagged message are its number
const CHARACTERS = 'ü€😀'; // two, three and four bytes a character
const PROBE_MS = 20;

const encoder = new TextEncoder();
const bytesOf = (data) => (typeof data === 'string' ? encoder.encode(data)
  : ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data));

function mix(x) {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

// Message `index` as bytes, and whether it is binary: what a channel sends follows from its `job`.
function makeMessage(job, index) {
  const least = job.tagged ? TAG + 1 : 1;
  let size = Math.min(least + (mix(index + 7777) % (1 << mix(index) % 19)), job.max);
  if (index === 0 || index >= job.count) size = least;
  else if (index === 1) size = job.max;
  if (job.max === 0) size = 0;
  const data = new Uint8Array(size), binary = index % 2 === 1, characters = encoder.encode(CHARACTERS);
  let at = 0;
  if (job.tagged) {
    data.set(encoder.encode(String(index).padStart(TAG, '0')));
    at = TAG;
  }
  if (size >= at + characters.length) {
    data.set(characters, at);
    at += characters.length;
  }
  for (; at < size; at++) {
    const value = mix(index * 31 + at);
    data[at] = binary ? value & 0xff : 97 + (value % 26);
  }
  return { data, binary };
}

// RTCPeerConnection is the implementation's; `say` takes the lines that are written.
export function createPeer(RTCPeerConnection, say) {
  let pc, offers, channels;

  function fail(text) {
    say({ error: text });
  }

  const find = (label) => {
    const entry = channels.get(label);
    if (!entry) fail(`no channel '${label}'`);
    return entry;
  };

  function sendOne(entry) {
    const { data, binary } = makeMessage(entry.job, entry.job.sent++);
    entry.channel.send(binary ? data : new TextDecoder().decode(data));
    return data.length;
  }

  function sendMore(entry) {
    const { job, channel } = entry;
    if (job.stopped || channel.readyState !== 'open') return;
    let burst = 0;
    while (job.sent < job.count && burst < BURST && channel.bufferedAmount <= BUFFERED_MAX) burst += 1 + sendOne(entry);
    if (job.sent < job.count) {
      setTimeout(() => sendMore(entry), burst > 0 ? 0 : 2);
    } else if (job.partial) {
      sendOne(entry);
      setTimeout(() => sendMore(entry), PROBE_MS);
    }
  }

  // What went back for a message: itself, or (see dpc_peer.c) a summary of one that was too large to go back.
  function isAnswer(job, sent, data) {
    const got = bytesOf(data);
    if (job.answerMax && sent.data.length > job.answerMax)
      return data === `${sent.data.length} bytes, sum ${sent.data.reduce((sum, byte) => sum + byte, 0)}`;
    return (typeof data !== 'string') === sent.binary && got.length === sent.data.length &&
      got.every((byte, i) => byte === sent.data[i]);
  }

  function checkEcho(entry, data) {
    const { job } = entry;
    const number = job.tagged ? Number(new TextDecoder().decode(bytesOf(data).subarray(0, TAG))) : job.next;
    if (!(number < job.sent)) return fail('a message came back that was not sent');
    if (job.tagged && job.seen.has(number)) return fail('a message came back twice');
    if (job.ordered && number < job.next) return fail('a message came back out of order');
    if (!isAnswer(job, makeMessage(job, number), data)) return fail('a message came back as another');
    job.seen.add(number);
    job.next = number + 1;
    if (number < job.count) {
      job.back++;
      job.bytes += bytesOf(data).length;
    }
    if (job.stopped || (job.partial ? number < job.count : job.back < job.count)) return;
    job.stopped = true;
    say({ echoed: entry.label, sent: job.count, back: job.back, bytes: job.bytes });
  }

  function received(entry, data) {
    if (!entry.label.startsWith('sink')) {
      if (entry.job) checkEcho(entry, data);
      else entry.channel.send(data);
    } else if (typeof data === 'string') {
      say({ sunk: entry.label, bytes: entry.sunk });
    } else {
      entry.sunk += bytesOf(data).length;
    }
  }

  function use(channel, remote) {
    const entry = { channel, label: channel.label, job: undefined, sunk: 0 };
    channels.set(channel.label, entry);
    channel.binaryType = 'arraybuffer';
    const opened = () => say({ open: channel.label, remote, id: channel.id, ordered: channel.ordered,
      maxRetransmits: channel.maxRetransmits ?? null, maxPacketLifeTime: channel.maxPacketLifeTime ?? null,
      protocol: channel.protocol });
    channel.onmessage = (event) => received(entry, event.data);
    channel.onclose = () => {
      if (channels.get(entry.label) === entry) channels.delete(entry.label);
      say({ channel_closed: entry.label });
    };
    if (channel.readyState === 'open') opened();
    else channel.onopen = opened;
  }

  function begin(options) {
    offers = options.offer;
    channels = new Map();
    const mine = pc = new RTCPeerConnection({ iceServers: [] });
    pc.onconnectionstatechange = () => pc === mine && say({ state: pc.connectionState });
    pc.onicecandidate = ({ candidate }) => {
      if (pc === mine && candidate?.candidate) say({ candidate: candidate.candidate });
    };
    pc.ondatachannel = ({ channel }) => use(channel, true);
    if (!offers) return undefined;
    use(pc.createDataChannel('first'), false);
    return pc.createOffer().then(describe);
  }

  async function describe(description) {
    await pc.setLocalDescription(description);
    say({ description: pc.localDescription?.sdp ?? description.sdp });
  }

  async function setDescription(sdp) {
    await pc.setRemoteDescription({ type: offers ? 'answer' : 'offer', sdp });
    if (!offers) await describe(await pc.createAnswer());
  }

  function flood({ label, bytes }) {
    const entry = find(label);
    entry.channel.bufferedAmountLowThreshold = FLOOD_LOW;
    let peak = 0, told = false;
    const low = (polled) => {
      if (!told) say({ low: label, peak, polled });
      told = true;
    };
    entry.channel.onbufferedamountlow = () => low(false);
    // For an implementation that never says so.
    const poll = setInterval(() => {
      if (entry.channel.bufferedAmount <= FLOOD_LOW) setTimeout(() => low(true), 1000);
      if (told || entry.channel.bufferedAmount <= FLOOD_LOW) clearInterval(poll);
    }, 20);
    for (let left = bytes; left > 0; left -= FLOOD_MESSAGE) {
      entry.channel.send(new Uint8Array(Math.min(left, FLOOD_MESSAGE)));
      peak = Math.max(peak, entry.channel.bufferedAmount);
    }
    entry.channel.send('end');
  }

  async function close() {
    const closing = pc;
    pc = undefined;
    await closing?.close();
    say({ closed: 'here' });
  }

  const commands = {
    begin,
    description: setDescription,
    candidate: (candidate) => pc.addIceCandidate({ candidate, sdpMid: '0', sdpMLineIndex: 0 }),
    open: ({ label, ...options }) => use(pc.createDataChannel(label, options), false),
    send: (job) => {
      const entry = find(job.label);
      entry.job = { ...job, tagged: job.tagged || job.partial, sent: 0, back: 0, next: 0, bytes: 0, seen: new Set() };
      sendMore(entry);
    },
    flood,
    close_channel: (label) => find(label).channel.close(),
    close,
  };

  // Lines are handled one after the other, as descriptions must come before candidates.
  let handled = Promise.resolve();
  return (line) => {
    handled = handled.then(() => {
      const key = Object.keys(line)[0];
      if (!commands[key]) throw new Error('a line that is none of the known');
      // What comes for a connection that is closed is too late.
      if (!pc && key !== 'begin') return undefined;
      return commands[key](line[key]);
    }).catch((error) => fail(`${Object.keys(line)[0]}: ${error?.stack ?? error}`));
  };
}
