package uplinktest

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// Broker is an embedded MQTT broker that lets in whom its rules let in.
type Broker struct {
	server  *mochi.Server
	refused atomic.Int64
	closing sync.Once
}

// platformUser is the name under which the simulated platform connects to
// the embedded broker. Each broker makes its own password.
const platformUser = "platform"

// Rules are a platform's for the clients of its broker, the platform itself not
// among them. They are there before the first client is: one comes while the
// broker has hardly begun to listen.
type Rules struct {
	Allow        func(clientID, username, password string) bool // who may come in
	Subscribe    func(clientID, filter string) bool             // what is granted, and is told of it; nil: all is
	Unsubscribed func(clientID, filter string)                  // is told of what they leave; nil: nobody is
	Published    func(clientID, topic string, retained bool)    // is told what they publish, before the platform gets it; nil: nobody is
	Opens        func(*Broker)                                  // is told of the broker before it listens; nil: nobody is
}

// NewBroker listens on addr, "127.0.0.1:0" for any port. The platform's own
// password is secret.
func NewBroker(addr, secret string, r Rules) (*Broker, error) {
	b := &Broker{server: mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})}
	if err := b.server.AddHook(&authHook{broker: b, secret: secret, rules: r}, nil); err != nil {
		return nil, err
	}
	if r.Opens != nil {
		r.Opens(b)
	}
	if err := b.server.AddListener(&listener{addr: addr}); err != nil {
		return nil, err
	}
	if err := b.server.Serve(); err != nil {
		return nil, err
	}
	return b, nil
}

// Addr is where the broker listens.
func (b *Broker) Addr() string {
	l, _ := b.server.Listeners.Get("tcp")
	return l.Address()
}

// Refused tells how many connects had wrong credentials.
func (b *Broker) Refused() int { return int(b.refused.Load()) }

// Close ends all connections; a second time it does nothing.
func (b *Broker) Close() (err error) {
	b.closing.Do(func() { err = b.server.Close() })
	return err
}

// Drop ends the connection of a client, without a word.
func (b *Broker) Drop(clientID string) {
	if c, ok := b.server.Clients.Get(clientID); ok {
		c.Stop(packets.ErrServerShuttingDown)
	}
}

type authHook struct {
	mochi.HookBase
	broker *Broker
	secret string
	rules  Rules
}

func (*authHook) ID() string { return "auth" }

func (*authHook) Provides(b byte) bool {
	return bytes.Contains([]byte{mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnSubscribe, mochi.OnUnsubscribed, mochi.OnPacketRead, mochi.OnPacketEncode, mochi.OnPublish}, []byte{b})
}

// The server takes $sys for its own $SYS and lets nobody publish there, so
// inside it those topics have another name.
const (
	outside = "$sys/"
	inside  = "~sys/"
)

func rename(topic, from, to string) string {
	if rest, ok := strings.CutPrefix(topic, from); ok {
		return to + rest
	}
	return topic
}

// OnPacketRead renames what comes.
func (h *authHook) OnPacketRead(_ *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	pk.TopicName = rename(pk.TopicName, outside, inside)
	for i := range pk.Filters {
		pk.Filters[i].Filter = rename(pk.Filters[i].Filter, outside, inside)
	}
	return pk, nil
}

// OnPacketEncode renames what goes.
func (h *authHook) OnPacketEncode(_ *mochi.Client, pk packets.Packet) packets.Packet {
	pk.TopicName = rename(pk.TopicName, inside, outside)
	return pk
}

// OnSubscribe refuses a filter by making it one that no broker grants.
func (h *authHook) OnSubscribe(cl *mochi.Client, pk packets.Packet) packets.Packet {
	if h.rules.Subscribe == nil || string(cl.Properties.Username) == platformUser {
		return pk
	}
	for i := range pk.Filters {
		if !h.rules.Subscribe(cl.ID, rename(pk.Filters[i].Filter, inside, outside)) {
			pk.Filters[i].Filter = "refused/#/"
		}
	}
	return pk
}

// OnPublish tells who publishes what, and whether it is to be kept: who
// subscribes before that is not told.
func (h *authHook) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if h.rules.Published != nil && string(cl.Properties.Username) != platformUser {
		h.rules.Published(cl.ID, rename(pk.TopicName, inside, outside), pk.FixedHeader.Retain)
	}
	return pk, nil
}

// OnUnsubscribed tells who leaves what.
func (h *authHook) OnUnsubscribed(cl *mochi.Client, pk packets.Packet) {
	for _, f := range pk.Filters {
		if h.rules.Unsubscribed != nil && pk.FixedHeader.Type == packets.Unsubscribe {
			h.rules.Unsubscribed(cl.ID, rename(f.Filter, inside, outside))
		}
	}
}

func (h *authHook) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	user, password := string(pk.Connect.Username), string(pk.Connect.Password)
	if own := user == platformUser; own && password != h.secret || !own && !h.rules.Allow(cl.ID, user, password) {
		h.broker.refused.Add(1)
		return false
	}
	h.broker.awaitEnd(cl.ID)
	return true
}

// awaitEnd ends a client of this name and waits until it is forgotten: the
// server forgets by name, and would take its successor's subscriptions along.
func (b *Broker) awaitEnd(id string) {
	for range 5000 {
		old, ok := b.server.Clients.Get(id)
		if !ok {
			return
		}
		old.Stop(packets.ErrSessionTakenOver)
		time.Sleep(time.Millisecond)
	}
}

func (*authHook) OnACLCheck(*mochi.Client, string, bool) bool { return true }
