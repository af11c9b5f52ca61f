package uplinktest

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Pipes is a broker whose connections are pipes in memory, so that it lives in
// a synctest bubble. It has one client, and the platform sits in it. What is set
// does not change while it is reached.
type Pipes struct {
	Platform Platform
	Refuse   byte // CONNACK code; 0: it admits
	Exactly  bool // what it sends has QoS 2, each twice, as after an answer that was lost
	Mute     bool // takes connections and says nothing at all
	Unacked  bool // it acknowledges no publish
	// Lasts gives after how many packets, of both directions, a new connection
	// breaks; nil: it does not.
	Lasts func() int
	// Once tells after which publishes it closes; nil: after none.
	Once func(topic string) bool
	// Over is made in the bubble, and closed when the test ends.
	Over chan struct{}

	mu       sync.Mutex
	last     *pipe // the connection that there is
	swallow  bool  // what comes is read, and goes nowhere
	stuck    bool  // nothing is read any more
	connects int
}

// Partition has what comes swallowed, or not even read, on the connection that
// there is.
func (b *Pipes) Partition(swallow, stuck bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.swallow, b.stuck = swallow, stuck
}

func (b *Pipes) state() (swallow, stuck bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.swallow, b.stuck
}

// Connects counts the connections so far.
func (b *Pipes) Connects() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.connects
}

// Reach is a connect.
func (b *Pipes) Reach(context.Context, string, string) (net.Conn, error) {
	b.mu.Lock()
	b.connects++
	b.swallow, b.stuck = false, false
	b.mu.Unlock()
	client, server := net.Pipe()
	s := &pipe{broker: b, conn: server, out: make(chan packets.ControlPacket, 4096), left: -1}
	if b.Lasts != nil {
		s.left = b.Lasts()
	}
	b.mu.Lock()
	b.last = s
	b.mu.Unlock()
	go s.read()
	go s.write()
	return client, nil
}

// Send sends a message as the platform, on the connection that there is.
func (b *Pipes) Send(o Out) {
	b.mu.Lock()
	p := b.last
	b.mu.Unlock()
	p.send(o)
}

// pipe is one connection.
type pipe struct {
	broker *Pipes
	conn   net.Conn
	out    chan packets.ControlPacket
	next   atomic.Uint32 // id of the last message

	mu   sync.Mutex
	left int // packets until it breaks; below 0: it does not
}

// breaks counts a packet, and reports whether the connection breaks with it.
func (p *pipe) breaks() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left > 0 {
		p.left--
	}
	return p.left == 0
}

func (p *pipe) write() {
	defer p.conn.Close()
	for pk := range p.out {
		if swallow, stuck := p.broker.state(); swallow || stuck {
			continue
		}
		if pk == nil || p.breaks() || pk.Write(p.conn) != nil {
			p.conn.Close()
			for range p.out { // the reader ends with it
			}
			return
		}
	}
}

// read ends with the connection, which is closed by either side.
func (p *pipe) read() {
	defer p.conn.Close()
	defer close(p.out)
	for {
		if _, stuck := p.broker.state(); stuck {
			<-p.broker.Over // whatever is written meanwhile finds no way
			return
		}
		pk, err := packets.ReadPacket(p.conn)
		if err != nil || p.breaks() {
			return
		}
		if swallow, _ := p.broker.state(); swallow || p.broker.Mute {
			continue
		}
		p.take(pk)
	}
}

func (p *pipe) take(pk packets.ControlPacket) {
	switch pk := pk.(type) {
	case *packets.ConnectPacket:
		ack := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
		ack.ReturnCode = p.broker.Refuse
		p.out <- ack
	case *packets.SubscribePacket:
		ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
		ack.MessageID = pk.MessageID
		ack.ReturnCodes = make([]byte, len(pk.Topics))
		p.out <- ack
	case *packets.PubrecPacket:
		rel := packets.NewControlPacket(packets.Pubrel).(*packets.PubrelPacket)
		rel.MessageID = pk.MessageID
		p.out <- rel
	case *packets.PingreqPacket:
		p.out <- packets.NewControlPacket(packets.Pingresp)
	case *packets.PublishPacket:
		if !p.broker.Unacked {
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = pk.MessageID
			p.out <- ack
		}
		for _, o := range p.broker.Platform.Receive(pk.TopicName, pk.Payload, time.Now()) {
			p.send(o)
		}
		if p.broker.Once != nil && p.broker.Once(pk.TopicName) {
			p.out <- nil
		}
	}
}

func (p *pipe) send(o Out) {
	down := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	down.Qos, down.MessageID, down.TopicName, down.Payload = 1, uint16(p.next.Add(1)), o.Topic, o.Payload
	if p.broker.Exactly {
		down.Qos = 2
		again := *down
		again.Dup = true
		p.out <- &again
	}
	p.out <- down
}

// Randomly gives numbers of packets from a seed.
func Randomly(seed uint64, most int) func() int {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func() int { return 1 + rng.IntN(most) }
}
