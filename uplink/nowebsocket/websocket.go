// Package websocket stands for the package of this name, which the MQTT client
// links in for brokers behind ws:// and wss://. meterd speaks MQTT over TCP and
// TLS alone; without it the program on the flash is 200 KB smaller, and a server
// and a client of another protocol are not there to be attacked. What is here is
// what others need to build; none of it works.
package websocket

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// BinaryMessage is a kind of message.
const BinaryMessage = 2

// ErrNone says that there are no websockets.
var ErrNone = errors.New("websocket: meterd is built without websockets: use tcp:// or ssl://")

// Conn is a connection that there never is.
type Conn struct{ net.Conn }

// WriteMessage gives ErrNone.
func (c *Conn) WriteMessage(int, []byte) error { return ErrNone }

// NextReader gives ErrNone.
func (c *Conn) NextReader() (int, io.Reader, error) { return 0, nil, ErrNone }

// UnderlyingConn gives nil.
func (c *Conn) UnderlyingConn() net.Conn { return nil }

// Dialer makes no connections.
type Dialer struct {
	Proxy             func(*http.Request) (*url.URL, error)
	HandshakeTimeout  time.Duration
	EnableCompression bool
	TLSClientConfig   *tls.Config
	Subprotocols      []string
	ReadBufferSize    int
	WriteBufferSize   int
}

// Dial gives ErrNone.
func (d *Dialer) Dial(string, http.Header) (*Conn, *http.Response, error) { return nil, nil, ErrNone }

// Upgrader takes no connections.
type Upgrader struct {
	Subprotocols []string
	CheckOrigin  func(*http.Request) bool
}

// Upgrade gives ErrNone.
func (u *Upgrader) Upgrade(http.ResponseWriter, *http.Request, http.Header) (*Conn, error) {
	return nil, ErrNone
}
