// An implementation from npm for bench/peers/peers.py; dpc_peer.c says what the lines mean.
//
//     node node_peer.mjs MODULE offer|answer
import readline from "node:readline";

const [name, role] = process.argv.slice(2);
const loaded = await import(name);
const { RTCPeerConnection } = loaded.default?.RTCPeerConnection ? loaded.default : loaded;
// werift gets the slower the more is queued: with less it does better.
const BUFFERED_MAX = name === "werift" ? 1 << 16 : 1 << 20;
// wrtc says how much is buffered only from one turn of the event loop to the next.
const BURST = 1 << 16;

let pc, channel, begun, message, echo, pingSent;
let bytes = 0, messages = 0, roundTrips = [];

const now = () => Number(process.hrtime.bigint() / 1000n);
const say = (fields) => process.stdout.write(JSON.stringify(fields) + "\n");

function ping() {
	pingSent = now();
	channel.send(message);
}

// Polls, as wrtc does not say reliably when little is left.
function fill() {
	let sent = 0;
	for (; sent < BURST; sent += message.length) {
		const buffered = channel.bufferedAmount;
		if (channel.readyState !== "open" || (buffered > 0 && buffered + message.length > BUFFERED_MAX))
			break;
		channel.send(message);
	}
	if (channel.readyState === "open")
		sent > 0 ? setImmediate(fill) : setTimeout(fill, 1);
}

function received(data) {
	messages++;
	bytes += data.byteLength;
	if (role === "offer") {
		roundTrips.push(now() - pingSent);
		ping();
	} else if (echo) {
		channel.send(Buffer.from(data));
	}
}

function use(opened) {
	channel = opened;
	channel.binaryType = "arraybuffer";
	echo = channel.label === "echo";
	channel.onmessage = (event) => received(event.data);
	const open = () => {
		say({ open: now(), begun });
		if (role === "answer" || message.length === 0)
			return;
		if (echo)
			return ping();
		fill();
	};
	if (channel.readyState === "open")
		open();
	else
		channel.onopen = open;
}

function create() {
	begun = now();
	pc = new RTCPeerConnection({ iceServers: [] });
	pc.onicecandidate = ({ candidate }) => {
		if (candidate?.candidate)
			say({ signal: { candidate: { candidate: candidate.candidate, sdpMid: candidate.sdpMid,
				sdpMLineIndex: candidate.sdpMLineIndex } } });
	};
	pc.ondatachannel = (event) => use(event.channel);
}

async function describe(description) {
	say({ signal: { description: { type: description.type, sdp: description.sdp } } });
	await pc.setLocalDescription(description);
}

async function takeSignal({ description, candidate }) {
	if (description && !pc)
		create();
	if (description) {
		await pc.setRemoteDescription(description);
		if (role === "answer")
			await describe(await pc.createAnswer());
	} else if (pc) {
		await pc.addIceCandidate(candidate);
	}
}

async function handle(line) {
	if (line.signal) {
		await takeSignal(line.signal);
	} else if (line.connect) {
		create();
		message = Buffer.alloc(line.size);
		use(pc.createDataChannel(line.connect));
		await describe(await pc.createOffer());
	} else if (line.count) {
		say({ counted: { at: now(), bytes, messages, round_trips: roundTrips } });
		roundTrips = [];
	} else if (line.close) {
		const closing = pc;
		pc = undefined;
		await closing?.close();
		say({ closed: true });
	}
}

// One after the other, as descriptions must come before candidates.
let handled = Promise.resolve();
readline.createInterface({ input: process.stdin })
	.on("line", (line) => {
		handled = handled.then(() => handle(JSON.parse(line)));
	})
	.on("close", () => process.exit(0));
