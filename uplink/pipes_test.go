package uplink_test

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"meterd/uplink/uplinktest"
)

// pipes is a broker whose connections are pipes in memory, so that it lives in
// a synctest bubble. It has one client, and the platform sits in it.
type pipes struct {
	platform uplinktest.Platform
	refuse   byte // CONNACK code; 0: it admits
	exactly  bool // what it sends has QoS 2, each twice, as after an answer that was lost
	mute     bool // takes connections and says nothing at all
	unacked  bool // it acknowledges no publish
	// lasts gives after how many packets, of both directions, a new connection
	// breaks; nil: it does not.
	lasts func() int
	// once tells after which publishes it closes; nil: after none.
	once func(topic string) bool

	mu       sync.Mutex
	swallow  bool // what comes is read, and goes nowhere
	stuck    bool // nothing is read any more
	connects int
	over     chan struct{} // closed when the test ends
}

func (b *pipes) partition(swallow, stuck bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.swallow, b.stuck = swallow, stuck
}

func (b *pipes) state() (swallow, stuck bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.swallow, b.stuck
}

func (b *pipes) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.connects
}

// reach is a connect.
func (b *pipes) reach(context.Context, string, string) (net.Conn, error) {
	b.mu.Lock()
	b.connects++
	b.swallow, b.stuck = false, false
	b.mu.Unlock()
	client, server := net.Pipe()
	s := &pipe{broker: b, conn: server, out: make(chan packets.ControlPacket, 4096), left: -1}
	if b.lasts != nil {
		s.left = b.lasts()
	}
	go s.read()
	go s.write()
	return client, nil
}

// pipe is one connection.
type pipe struct {
	broker *pipes
	conn   net.Conn
	out    chan packets.ControlPacket
	next   uint16

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
			<-p.broker.over // whatever is written meanwhile finds no way
			return
		}
		pk, err := packets.ReadPacket(p.conn)
		if err != nil || p.breaks() {
			return
		}
		if swallow, _ := p.broker.state(); swallow || p.broker.mute {
			continue
		}
		p.take(pk)
	}
}

func (p *pipe) take(pk packets.ControlPacket) {
	switch pk := pk.(type) {
	case *packets.ConnectPacket:
		ack := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
		ack.ReturnCode = p.broker.refuse
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
		if !p.broker.unacked {
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = pk.MessageID
			p.out <- ack
		}
		for _, o := range p.broker.platform.Receive(pk.TopicName, pk.Payload, time.Now()) {
			down := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
			p.next++
			down.Qos, down.MessageID, down.TopicName, down.Payload = 1, p.next, o.Topic, o.Payload
			if p.broker.exactly {
				down.Qos = 2
				again := *down
				again.Dup = true
				p.out <- &again
			}
			p.out <- down
		}
		if p.broker.once != nil && p.broker.once(pk.TopicName) {
			p.out <- nil
		}
	}
}

// randomly gives numbers of packets from a seed.
func randomly(seed uint64, most int) func() int {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func() int { return 1 + rng.IntN(most) }
}
