package uplinktest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// Platform is a simulated platform: what it listens to, and what it answers.
type Platform interface {
	Topics() []string
	Receive(topic string, payload []byte, now time.Time) []Out
}

// Attachment is a platform's connection to a broker, renewed when it breaks.
// Each connection is a client of its own: the library's way of connecting
// again races with its own reader, and completes tokens of messages that
// nobody has acknowledged.
type Attachment struct {
	platform                 Platform
	addr, username, password string

	end  context.CancelFunc
	done chan struct{} // closed when the loop has ended

	mu      sync.Mutex
	client  paho.Client   // that is connected and subscribed; nil: none is; guarded by mu
	changed chan struct{} // closed when client changes; guarded by mu
	err     error         // of the last attempt; guarded by mu
}

const (
	// reachWithin is how long the broker may take for anything.
	reachWithin = 10 * time.Second
	// attachPause is the wait before another attempt.
	attachPause = 10 * time.Millisecond
	// waitingRoom is how many messages may wait for the platform. It is more than
	// the ids of messages that MQTT has, so the library never waits for it.
	waitingRoom = 1 << 16
)

// Attach connects the platform to the broker at addr and serves until Close.
func Attach(p Platform, addr, username, password string) (*Attachment, error) {
	ctx, end := context.WithCancel(context.Background())
	a := &Attachment{platform: p, addr: addr, username: username, password: password, end: end, done: make(chan struct{}), changed: make(chan struct{})}
	go a.run(ctx)
	if _, err := a.current(); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// AttachEmbedded connects the platform to an embedded broker.
func AttachEmbedded(p Platform, addr, secret string) (*Attachment, error) {
	return Attach(p, addr, platformUser, secret)
}

// run connects again and again until the context ends.
func (a *Attachment) run(ctx context.Context) {
	defer close(a.done)
	for ctx.Err() == nil {
		err := a.session(ctx)
		a.set(nil, err)
		select {
		case <-ctx.Done():
		case <-time.After(attachPause):
		}
	}
}

func (a *Attachment) set(c paho.Client, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client == c && c == nil {
		a.err = err
		return
	}
	a.client, a.err = c, err
	close(a.changed)
	a.changed = make(chan struct{})
}

// session is one connection; it gives why it ended.
func (a *Attachment) session(ctx context.Context) error {
	lost := make(chan error, 1)
	came := make(chan paho.Message, waitingRoom)
	o := paho.NewClientOptions().AddBroker("tcp://" + a.addr).SetClientID("simulated-platform").
		SetUsername(a.username).SetPassword(a.password).SetProtocolVersion(4).SetCleanSession(true).
		SetAutoReconnect(false).SetConnectRetry(false).SetConnectTimeout(reachWithin)
	o.SetConnectionLostHandler(func(_ paho.Client, err error) { lost <- err })
	c := paho.NewClient(o)
	if err := within(ctx, c.Connect()); err != nil {
		c.Disconnect(0)
		return err
	}
	filters := map[string]byte{}
	for _, topic := range a.platform.Topics() {
		filters[topic] = 1
	}
	if err := within(ctx, c.SubscribeMultiple(filters, func(_ paho.Client, m paho.Message) { came <- m })); err != nil {
		c.Disconnect(0)
		return err
	}
	a.set(c, nil)
	for {
		select {
		case <-ctx.Done():
			c.Disconnect(100) // what is under way arrives
			return ctx.Err()
		case err := <-lost:
			c.Disconnect(0)
			return err
		case m := <-came:
			for _, out := range a.platform.Receive(m.Topic(), m.Payload(), time.Now()) {
				c.Publish(out.Topic, 1, false, out.Payload)
			}
		}
	}
}

// within waits for a token.
func within(ctx context.Context, t paho.Token) error {
	late := time.NewTimer(reachWithin)
	defer late.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return fmt.Errorf("no answer from the broker within %v", reachWithin)
	}
}

// current waits for the connection.
func (a *Attachment) current() (paho.Client, error) {
	late := time.NewTimer(reachWithin)
	defer late.Stop()
	for {
		a.mu.Lock()
		c, changed, err := a.client, a.changed, a.err
		a.mu.Unlock()
		if c != nil {
			return c, nil
		}
		select {
		case <-changed:
		case <-a.done:
			return nil, errors.New("the simulated platform is closed")
		case <-late.C:
			return nil, fmt.Errorf("the simulated platform does not reach the broker at %s: %w", a.addr, err)
		}
	}
}

// Publish sends a message as the platform, such as a command. It waits for the
// connection, and is not repeated when that breaks.
func (a *Attachment) Publish(o Out) error { return a.publish(o, false) }

// Retain sends a message that the broker keeps for who subscribes later.
func (a *Attachment) Retain(o Out) error { return a.publish(o, true) }

func (a *Attachment) publish(o Out, retained bool) error {
	c, err := a.current()
	if err != nil {
		return err
	}
	sent(o)
	if err := within(context.Background(), c.Publish(o.Topic, 1, retained, o.Payload)); err != nil {
		return fmt.Errorf("a message to %s: %w", o.Topic, err)
	}
	return nil
}

// Command sends a command to a gateway.
func (a *Attachment) Command(gateway string, payload []byte) error {
	return a.Publish(Out{Topic: "gateway_id/" + gateway + "/commands", Payload: payload})
}

// Close ends the connection, and waits for that.
func (a *Attachment) Close() {
	a.end()
	<-a.done
}
