// pion for bench/peers/peers.py; dpc_peer.c says what the lines mean. Built with Debian's packages:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build pion_peer.go
package main

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"sync"
	"time"

	"github.com/pion/webrtc"
	"golang.org/x/sys/unix"
)

const bufferedMax = 1 << 20

type fields map[string]interface{}

var sayLock sync.Mutex

func say(line fields) {
	text, _ := json.Marshal(line)
	sayLock.Lock()
	defer sayLock.Unlock()
	os.Stdout.Write(append(text, '\n'))
}

func check(err error) {
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

// Microseconds of the monotonic clock that all peers use.
func now() int64 {
	var t unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_MONOTONIC, &t))
	return t.Nano() / 1000
}

type signal struct {
	Description *webrtc.SessionDescription `json:"description,omitempty"`
	Candidate   *webrtc.ICECandidateInit   `json:"candidate,omitempty"`
}

type peer struct {
	sync.Mutex
	offers     bool
	pc         *webrtc.PeerConnection
	channel    *webrtc.DataChannel
	echo       bool
	message    []byte
	begun      int64
	pingSent   int64
	bytes      int
	messages   int
	roundTrips []int64
	// Candidates of the other side that came before its description.
	early []webrtc.ICECandidateInit
}

func (p *peer) ping() {
	p.pingSent = now()
	check(p.channel.Send(p.message))
}

func (p *peer) received(message webrtc.DataChannelMessage) {
	p.Lock()
	defer p.Unlock()
	p.messages++
	p.bytes += len(message.Data)
	if p.offers {
		p.roundTrips = append(p.roundTrips, now()-p.pingSent)
		p.ping()
	} else if p.echo {
		check(p.channel.Send(message.Data))
	}
}

func fill(channel *webrtc.DataChannel, message []byte) {
	low := make(chan struct{}, 1)
	channel.SetBufferedAmountLowThreshold(bufferedMax / 2)
	channel.OnBufferedAmountLow(func() {
		select {
		case low <- struct{}{}:
		default:
		}
	})
	for channel.ReadyState() == webrtc.DataChannelStateOpen {
		if channel.BufferedAmount()+uint64(len(message)) > bufferedMax {
			select {
			case <-low:
			case <-time.After(time.Millisecond):
			}
		} else if err := channel.Send(message); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			return
		}
	}
}

func (p *peer) use(channel *webrtc.DataChannel) {
	p.channel = channel
	p.echo = channel.Label() == "echo"
	channel.OnMessage(p.received)
	channel.OnOpen(func() {
		p.Lock()
		defer p.Unlock()
		say(fields{"open": now(), "begun": p.begun})
		if !p.offers || len(p.message) == 0 {
			return
		}
		if p.echo {
			p.ping()
		} else {
			go fill(channel, p.message)
		}
	})
}

func (p *peer) create() {
	p.begun = now()
	// Loopback only: no server is asked, nothing leaves the machine.
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	check(err)
	p.pc = pc
	pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate != nil {
			init := candidate.ToJSON()
			say(fields{"signal": signal{Candidate: &init}})
		}
	})
	pc.OnDataChannel(func(channel *webrtc.DataChannel) {
		p.Lock()
		defer p.Unlock()
		p.use(channel)
	})
}

func (p *peer) describe(description webrtc.SessionDescription, err error) {
	check(err)
	say(fields{"signal": signal{Description: &description}})
	check(p.pc.SetLocalDescription(description))
}

func (p *peer) takeSignal(s signal) {
	if s.Candidate != nil {
		if p.pc == nil || p.pc.RemoteDescription() == nil {
			p.early = append(p.early, *s.Candidate)
		} else {
			check(p.pc.AddICECandidate(*s.Candidate))
		}
		return
	}
	if p.pc == nil {
		p.create()
	}
	check(p.pc.SetRemoteDescription(*s.Description))
	for _, candidate := range p.early {
		check(p.pc.AddICECandidate(candidate))
	}
	p.early = nil
	if !p.offers {
		p.describe(p.pc.CreateAnswer(nil))
	}
}

func (p *peer) connect(label string, size int) {
	p.create()
	p.message = make([]byte, size)
	channel, err := p.pc.CreateDataChannel(label, nil)
	check(err)
	p.use(channel)
	p.describe(p.pc.CreateOffer(nil))
}

func (p *peer) count() {
	say(fields{"counted": fields{"at": now(), "bytes": p.bytes, "messages": p.messages, "round_trips": p.roundTrips}})
	p.roundTrips = []int64{}
}

func main() {
	p := &peer{offers: os.Args[1] == "offer", roundTrips: []int64{}}
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		var line struct {
			Signal  *signal
			Connect string
			Size    int
			Count   bool
			Close   bool
		}
		check(json.Unmarshal(input.Bytes(), &line))
		p.Lock()
		if line.Signal != nil {
			p.takeSignal(*line.Signal)
		} else if line.Connect != "" {
			p.connect(line.Connect, line.Size)
		} else if line.Count {
			p.count()
		} else if line.Close {
			pc := p.pc
			p.pc = nil
			p.Unlock()
			if pc != nil {
				pc.Close()
			}
			say(fields{"closed": true})
			p.Lock()
		}
		p.Unlock()
	}
}
