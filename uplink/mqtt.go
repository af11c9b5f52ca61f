package uplink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/sys/unix"
)

// Endpoint is where a broker is and how it is reached.
type Endpoint struct {
	URL  string   // tcp://host:port or ssl://host:port
	More []string // further brokers of the same platform, asked in turn; nil: there is one
	// TLS gives what ssl:// is checked by, at each connect: its files may come,
	// or be renewed. nil: the system's roots.
	TLS       func() (*tls.Config, error)
	KeepAlive time.Duration // zero: 60 s
	// Dial connects to a host and port; nil: over the network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// conn is one connection. It is never reconnected: paho completes tokens at
// a reconnect although nothing was acknowledged, so the supervisor makes a
// new client each time, with a clean session and a store in memory.
type conn struct {
	client  mqtt.Client
	in      chan Inbound
	out     chan Message
	replies chan *Message // to commands: these shall not take the reports' room
	dropped atomic.Int64  // inbound messages that found no room
	lost    chan error
	done    chan struct{}
	beneath atomic.Pointer[watched] // the socket
	joined  []string                // topics that were subscribed to later; owned by the loop
	taken   chan string             // ids of messages that the broker has acknowledged, where that counts
	will    *Message

	released chan struct{} // an answer is not kept any more

	mu   sync.Mutex
	kept []*Message // answers that the broker has not acknowledged; guarded by mu
}

// Platforms ban who subscribes to more than 15 topics in 5 s.
const (
	topicsAtOnce = 12
	topicsPause  = 6 * time.Second
)

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

const (
	connectTimeout   = 20 * time.Second
	subscribeTimeout = 10 * time.Second
	// inboundRoom is how many messages may wait for the delivery loop.
	inboundRoom = 1024
	repliesRoom = 64
	// leaveTimeout keeps the end of the daemon short.
	leaveTimeout = time.Second
)

// dial connects and subscribes. explain says why, where that fails.
func dial(ctx context.Context, e Endpoint, l Login, room int) (*conn, error) {
	c := &conn{
		in:      make(chan Inbound, inboundRoom),
		out:     make(chan Message, room),
		replies: make(chan *Message, repliesRoom),
		lost:    make(chan error, 1),
		done:    make(chan struct{}),
		taken:   make(chan string),
		will:    l.Will,

		released: make(chan struct{}, 1),
	}
	c.client = mqtt.NewClient(c.options(e, l))
	if err := c.connect(ctx); err != nil {
		c.close()
		return nil, err
	}
	c.beneath.Load().watch(silenceEndured(e.keepAlive()))
	for i, topic := range l.Topics {
		if i > 0 && i%topicsAtOnce == 0 {
			if err := rest(ctx, topicsPause); err != nil {
				c.close()
				return nil, err
			}
		}
		if err := c.subscribe(ctx, topic); err != nil {
			c.close()
			return nil, err
		}
	}
	go c.send()
	return c, nil
}

func (e Endpoint) keepAlive() time.Duration {
	if e.KeepAlive == 0 {
		return time.Minute
	}
	return e.KeepAlive
}

// connect waits for the broker's answer.
func (c *conn) connect(ctx context.Context) error {
	err := wait(ctx, c.client.Connect(), connectTimeout)
	if err == nil || ctx.Err() != nil || c.beneath.Load() == nil { // nothing was opened
		return err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, errSlow) {
		return fmt.Errorf("%w: %w", errNoConnack, err)
	}
	if byThem(err) {
		return fmt.Errorf("%w: %w", errClosed, err)
	}
	return err
}

func (c *conn) options(e Endpoint, l Login) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions()
	if l.Will != nil {
		o.SetBinaryWill(l.Will.Topic, l.Will.Payload, 1, l.Will.Retain)
	}
	return o.
		AddBroker(e.URL).
		SetClientID(l.ClientID).SetUsername(l.Username).SetPassword(l.Password).
		SetProtocolVersion(4).SetCleanSession(true).
		SetAutoReconnect(false).SetConnectRetry(false).
		SetOrderMatters(true).SetResumeSubs(false).
		SetKeepAlive(e.keepAlive()).SetPingTimeout(15 * time.Second).
		SetConnectTimeout(connectTimeout).SetWriteTimeout(stuckAfter).
		SetStore(mqtt.NewOrderedMemoryStore()).
		SetCustomOpenConnectionFn(func(at *url.URL, _ mqtt.ClientOptions) (net.Conn, error) {
			conn, beneath, err := e.open(at)
			c.beneath.Store(beneath)
			return conn, err
		}).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { c.enqueue(Inbound{m.Topic(), m.Payload(), m.Retained()}) }).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) {
			select {
			case c.lost <- err:
			default:
			}
		})
}

// userTimeout makes the kernel give a connection up whose packets are no
// longer acknowledged. Without it a silent link lasts a quarter of an hour.
func userTimeout(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(45*time.Second/time.Millisecond))
	})
	if err != nil {
		return err
	}
	return failed
}

// enqueue never blocks: paho's reader itself runs it, one message after the
// other, for commands to one meter must keep the order in which they came.
// What finds no room is dropped and counted; an answer that is lost so is
// asked for again, a command is not repeated by anyone but its sender.
func (c *conn) enqueue(m Inbound) {
	select {
	case c.in <- m:
	default:
		c.dropped.Add(1)
	}
}

func (c *conn) subscribe(ctx context.Context, topic string) error {
	t := c.client.Subscribe(topic, 1, nil)
	if err := wait(ctx, t, subscribeTimeout); err != nil {
		return fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	// A refused subscription (SUBACK 80H and above) is no error to paho.
	if granted := t.(*mqtt.SubscribeToken).Result()[topic]; granted >= 0x80 {
		return fmt.Errorf("subscribe to %s: refused by the broker (%02X)", topic, granted)
	}
	return nil
}

// unsubscribe leaves topics that were subscribed to later. It does not wait.
func (c *conn) unsubscribe(topics []string) {
	topics = slices.DeleteFunc(slices.Clone(topics), func(t string) bool { return !slices.Contains(c.joined, t) })
	if len(topics) == 0 {
		return
	}
	c.joined = slices.DeleteFunc(c.joined, func(t string) bool { return slices.Contains(topics, t) })
	go c.client.Unsubscribe(topics...) // on a stuck socket the library may wait
}

// leave unsubscribes from what was subscribed to in the name of a meter: to
// some platforms it is online as long as that lasts, whatever becomes of the
// connection.
func (c *conn) leave() {
	if len(c.joined) == 0 {
		return
	}
	left := make(chan struct{})
	go func() { // on a stuck socket the library takes longer than we may
		defer close(left)
		c.client.Unsubscribe(c.joined...).WaitTimeout(leaveTimeout)
	}()
	select {
	case <-left:
	case <-time.After(leaveTimeout):
	}
}

// send hands messages to paho, which may block while the socket does. That a
// message was handed over is no evidence of anything, nor is that the broker
// has acknowledged it, unless the platform says that this is all there is.
func (c *conn) send() {
	for {
		var m Message
		var reply *Message
		select {
		case <-c.done:
			return
		case m = <-c.out:
		case reply = <-c.replies:
			m = *reply
		}
		t := c.client.Publish(m.Topic, 1, m.Retain, m.Payload)
		if m.again {
			go c.release(t, reply)
		}
		if m.Puback && m.ID != "" {
			go c.await(t, m.ID)
		}
	}
}

// await waits for the broker's PUBACK, and tells of it. The library ends its
// token with an error when the connection ends before; it ends by then itself.
func (c *conn) await(t mqtt.Token, id string) {
	select {
	case <-t.Done():
	case <-c.done:
		return
	}
	if t.Error() != nil {
		return
	}
	select {
	case c.taken <- id:
	case <-c.done:
	}
}

// release waits for the broker's PUBACK of an answer, which is kept until then.
func (c *conn) release(t mqtt.Token, reply *Message) {
	select {
	case <-t.Done():
	case <-c.done:
		return
	}
	if t.Error() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = slices.DeleteFunc(c.kept, func(m *Message) bool { return m == reply })
	select {
	case c.released <- struct{}{}:
	default:
	}
}

// settle waits until the broker has acknowledged all answers, or the context
// ends.
func (c *conn) settle(ctx context.Context) {
	for len(c.left()) > 0 && ctx.Err() == nil {
		select {
		case <-c.released:
		case <-ctx.Done():
		}
	}
}

// left gives the answers that the broker has not acknowledged, the oldest first.
func (c *conn) left() (all []Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.kept {
		all = append(all, *m)
	}
	return all
}

// hasRoom reports whether another reply finds room.
func (c *conn) hasRoom() bool { return len(c.replies) < cap(c.replies) }

// farewell tells what the broker would tell if the connection broke: one that
// is ended properly leaves no will.
func (c *conn) farewell() {
	if c.will == nil || !c.client.IsConnectionOpen() {
		return
	}
	told := make(chan struct{})
	go func() { // on a stuck socket the library takes longer than we may
		defer close(told)
		c.client.Publish(c.will.Topic, 1, c.will.Retain, c.will.Payload).WaitTimeout(leaveTimeout)
	}()
	select {
	case <-told:
	case <-time.After(leaveTimeout):
	}
}

// reply queues the answer to a command; false if there is no room.
func (c *conn) reply(m Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case c.replies <- &m:
		if m.again {
			c.kept = append(c.kept, &m)
		}
		return true
	default:
		return false
	}
}

// publish queues a message; false if there is no room.
func (c *conn) publish(m Message) bool {
	select {
	case c.out <- m:
		return true
	default:
		return false
	}
}

// close ends the connection. What was not sent yet gets a moment.
func (c *conn) close() {
	c.farewell()
	close(c.done)
	c.client.Disconnect(250)
}

var errSlow = errors.New("no answer from the broker")

func wait(ctx context.Context, t mqtt.Token, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return fmt.Errorf("%w within %v", errSlow, d)
	}
}

// CheckURL reports what is wrong with a broker's address.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no address: want tcp://host:port or ssl://host:port", s)
	case u.Scheme != "tcp" && u.Scheme != "ssl":
		return fmt.Errorf("%q begins with neither tcp:// nor ssl://", s)
	case u.User != nil:
		return fmt.Errorf("%q holds a user name; write it as username", u.Redacted())
	case u.Hostname() == "" || !isPort(u.Port()):
		return fmt.Errorf("%q lacks host or port: want %s://host:port", s, u.Scheme)
	}
	return nil
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// PinChain gives a configuration that accepts a broker whose certificate
// leads to the roots of c, whatever name it carries: for platforms whose
// certificate has no name that Go accepts. Nothing else is let go.
func PinChain(c *tls.Config) *tls.Config {
	pinned := c.Clone()
	pinned.InsecureSkipVerify = true // VerifyConnection below does all but the name
	pinned.VerifyConnection = func(s tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, cert := range s.PeerCertificates[1:] {
			between.AddCert(cert)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: c.RootCAs, Intermediates: between})
		return err
	}
	return pinned
}
