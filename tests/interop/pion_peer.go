// pion at the end of a pipe; peer.mjs and dpc_peer.c say what the lines mean. Built with Debian's packages:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build pion_peer.go
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc"
)

const (
	bufferedMax  = 1 << 18
	floodMessage = 16384
	floodLow     = 65536
	tagSize      = 8 // so many digits at the start of a tagged message are its number
	characters   = "ü€😀"
	probe        = 20 * time.Millisecond
)

type fields map[string]interface{}

var sayLock sync.Mutex

func say(line fields) {
	text, _ := json.Marshal(line)
	sayLock.Lock()
	defer sayLock.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

func fail(format string, arguments ...interface{}) {
	say(fields{"error": fmt.Sprintf(format, arguments...)})
}

func mix(x uint32) uint32 {
	x = (x ^ x>>16) * 0x7feb352d
	x = (x ^ x>>15) * 0x846ca68b
	return x ^ x>>16
}

// What a channel sends and expects back.
type job struct {
	Label                    string
	Count, Max               int
	Tagged, Partial, Ordered bool

	sync.Mutex
	sent, back, next, bytes int
	seen                    map[int]bool
	done                    bool
}

// Message `index`, and whether it is binary.
func (j *job) make(index int) ([]byte, bool) {
	least, binary := 1, index%2 == 1
	if j.Tagged {
		least += tagSize
	}
	size := least + int(mix(uint32(index)+7777)%(1<<(mix(uint32(index))%19)))
	if index == 0 || index >= j.Count {
		size = least
	} else if index == 1 || size > j.Max {
		size = j.Max
	}
	if j.Max == 0 {
		size = 0
	}
	var data []byte
	if j.Tagged {
		data = append(data, fmt.Sprintf("%0*d", tagSize, index)...)
	}
	if size >= len(data)+len(characters) {
		data = append(data, characters...)
	}
	for len(data) < size {
		value := mix(uint32(index*31 + len(data)))
		if binary {
			data = append(data, byte(value))
		} else {
			data = append(data, 'a'+byte(value%26))
		}
	}
	return data, binary
}

// What is wrong with what came back, or "".
func (j *job) check(message webrtc.DataChannelMessage) string {
	number := j.next
	if j.Tagged {
		number = -1
		if len(message.Data) > tagSize {
			if n, err := strconv.Atoi(string(message.Data[:tagSize])); err == nil {
				number = n
			}
		}
	}
	if number < 0 || number >= j.sent {
		return "a message came back that was not sent"
	}
	if j.Tagged && j.seen[number] {
		return "a message came back twice"
	}
	if j.Ordered && number < j.next {
		return "a message came back out of order"
	}
	if data, binary := j.make(number); binary == message.IsString || !bytes.Equal(data, message.Data) {
		return "a message came back as another"
	}
	j.seen[number] = true
	j.next = number + 1
	if number < j.Count {
		j.back++
		j.bytes += len(message.Data)
	}
	return ""
}

type channel struct {
	*webrtc.DataChannel
	job  *job
	sunk int
}

type peer struct {
	sync.Mutex
	pc       *webrtc.PeerConnection
	offers   bool
	channels map[string]*channel
}

func (c *channel) put(data []byte, binary bool) error {
	if binary {
		return c.Send(data)
	}
	return c.SendText(string(data))
}

func (p *peer) use(dc *webrtc.DataChannel, remote bool) {
	c := &channel{DataChannel: dc}
	p.Lock()
	p.channels[dc.Label()] = c
	p.Unlock()
	dc.OnOpen(func() {
		say(fields{"open": dc.Label(), "remote": remote, "id": dc.ID(), "ordered": dc.Ordered(), "protocol": dc.Protocol(),
			"maxRetransmits": dc.MaxRetransmits(), "maxPacketLifeTime": dc.MaxPacketLifeTime()})
	})
	dc.OnMessage(func(message webrtc.DataChannelMessage) { p.received(c, message) })
	dc.OnClose(func() {
		p.Lock()
		if p.channels[dc.Label()] == c {
			delete(p.channels, dc.Label())
		}
		p.Unlock()
		say(fields{"channel_closed": dc.Label()})
	})
}

func (p *peer) received(c *channel, message webrtc.DataChannelMessage) {
	p.Lock()
	j := c.job
	p.Unlock()
	if strings.HasPrefix(c.Label(), "sink") {
		c.sink(message)
	} else if j == nil {
		if err := c.put(message.Data, !message.IsString); err != nil {
			fail("echo: %v", err)
		}
	} else {
		j.receive(message)
	}
}

func (c *channel) sink(message webrtc.DataChannelMessage) {
	if message.IsString {
		say(fields{"sunk": c.Label(), "bytes": c.sunk})
	} else {
		c.sunk += len(message.Data)
	}
}

func (j *job) receive(message webrtc.DataChannelMessage) {
	j.Lock()
	defer j.Unlock()
	last := j.next
	if wrong := j.check(message); wrong != "" {
		fail("%s", wrong)
		return
	}
	if j.Tagged {
		last = j.next - 1
	}
	if j.done || (j.Partial && last < j.Count) || (!j.Partial && j.back < j.Count) {
		return
	}
	j.done = true
	say(fields{"echoed": j.Label, "sent": j.Count, "back": j.back, "bytes": j.bytes})
}

// One message of the job; false when there is nothing more to send.
func (c *channel) sendOne(j *job) bool {
	j.Lock()
	index := j.sent
	if j.done || (index >= j.Count && !j.Partial) {
		j.Unlock()
		return false
	}
	j.sent++
	j.Unlock()
	if err := c.put(j.make(index)); err != nil {
		fail("send: %v", err)
		return false
	}
	if index >= j.Count {
		time.Sleep(probe)
	}
	return true
}

func (c *channel) sendAll(j *job) {
	for c.sendOne(j) {
		for c.BufferedAmount() > bufferedMax {
			time.Sleep(time.Millisecond)
		}
	}
}

func (c *channel) flood(size int) {
	peak := uint64(0)
	var once sync.Once
	c.SetBufferedAmountLowThreshold(floodLow)
	for left := size; left > 0; left -= floodMessage {
		length := floodMessage
		if left < length {
			length = left
		}
		if err := c.Send(make([]byte, length)); err != nil {
			fail("flood: %v", err)
			return
		}
		if c.BufferedAmount() > peak {
			peak = c.BufferedAmount()
		}
		if left <= length {
			c.OnBufferedAmountLow(func() { once.Do(func() { say(fields{"low": c.Label(), "peak": peak}) }) })
		}
	}
	c.SendText("end")
}

func (p *peer) find(label string) *channel {
	p.Lock()
	defer p.Unlock()
	return p.channels[label]
}

// Loopback only: nothing leaves the machine.
func newPeer(offers, client bool) (*peer, error) {
	settings := webrtc.SettingEngine{}
	// It does not look at what the offer leaves it.
	if !client {
		settings.SetAnsweringDTLSRole(webrtc.DTLSRoleServer)
	}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	p := &peer{pc: pc, offers: offers, channels: map[string]*channel{}}
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { say(fields{"state": state.String()}) })
	pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate != nil {
			say(fields{"candidate": candidate.ToJSON().Candidate})
		}
	})
	pc.OnDataChannel(func(dc *webrtc.DataChannel) { p.use(dc, true) })
	return p, nil
}

func (p *peer) describe(description webrtc.SessionDescription, err error) error {
	if err != nil {
		return err
	}
	say(fields{"description": description.SDP})
	return p.pc.SetLocalDescription(description)
}

func (p *peer) setDescription(sdp string) error {
	kind := webrtc.SDPTypeOffer
	if p.offers {
		kind = webrtc.SDPTypeAnswer
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sdp}); err != nil || p.offers {
		return err
	}
	return p.describe(p.pc.CreateAnswer(nil))
}

func (p *peer) open(value json.RawMessage) error {
	var options struct {
		Label             string
		Ordered           *bool
		MaxRetransmits    *uint16
		MaxPacketLifeTime *uint16
		Protocol          *string
	}
	if err := json.Unmarshal(value, &options); err != nil {
		return err
	}
	dc, err := p.pc.CreateDataChannel(options.Label, &webrtc.DataChannelInit{Ordered: options.Ordered,
		MaxRetransmits: options.MaxRetransmits, MaxPacketLifeTime: options.MaxPacketLifeTime, Protocol: options.Protocol})
	if err == nil {
		p.use(dc, false)
	}
	return err
}

func (p *peer) send(value json.RawMessage) error {
	j := &job{seen: map[int]bool{}}
	if err := json.Unmarshal(value, j); err != nil {
		return err
	}
	j.Tagged = j.Tagged || j.Partial
	c := p.find(j.Label)
	if c == nil {
		return fmt.Errorf("no channel '%s'", j.Label)
	}
	p.Lock()
	c.job = j
	p.Unlock()
	go c.sendAll(j)
	return nil
}

func (p *peer) begin() error {
	if !p.offers {
		return nil
	}
	dc, err := p.pc.CreateDataChannel("first", nil)
	if err != nil {
		return err
	}
	p.use(dc, false)
	return p.describe(p.pc.CreateOffer(nil))
}

func (p *peer) handle(key string, value json.RawMessage) error {
	var text string
	json.Unmarshal(value, &text)
	switch key {
	case "description":
		return p.setDescription(text)
	case "candidate":
		return p.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: text})
	case "open":
		return p.open(value)
	case "send":
		return p.send(value)
	case "flood":
		var options struct {
			Label string
			Bytes int
		}
		if err := json.Unmarshal(value, &options); err != nil {
			return err
		}
		go p.find(options.Label).flood(options.Bytes)
		return nil
	case "close_channel":
		return p.find(text).Close()
	case "close":
		err := p.pc.Close()
		say(fields{"closed": "here"})
		return err
	}
	return fmt.Errorf("a line that is none of the known")
}

func main() {
	var p *peer
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		var line map[string]json.RawMessage
		if err := json.Unmarshal(input.Bytes(), &line); err != nil {
			fail("%v", err)
			continue
		}
		for key, value := range line {
			var err error
			if key == "begin" {
				var options struct{ Offer, Client bool }
				json.Unmarshal(value, &options)
				if p, err = newPeer(options.Offer, options.Client); err == nil {
					err = p.begin()
				}
			} else {
				err = p.handle(key, value)
			}
			if err != nil {
				fail("%s: %v", key, err)
			}
		}
	}
}
