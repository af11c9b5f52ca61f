package uplink

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"time"
)

// watched is a connection that ends by itself when nothing comes for long, or
// when what is written finds no way out: the library's own ping may hang with
// the socket that it is to watch.
type watched struct {
	net.Conn
	silence atomic.Int64 // that is endured, as a time.Duration; 0: the library bounds its handshake itself
}

// stuckAfter is how long a write may take.
const stuckAfter = 10 * time.Second

// silenceEndured is how long nothing may come. A broker answers a ping at
// least, which goes out after a keepalive without anything else.
func silenceEndured(keepAlive time.Duration) time.Duration { return keepAlive * 5 / 2 }

// watch begins to count the silence.
func (w *watched) watch(silence time.Duration) {
	w.silence.Store(int64(silence))
	w.SetReadDeadline(time.Now().Add(silence))
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if silence := w.silence.Load(); silence > 0 && n > 0 {
		w.SetReadDeadline(time.Now().Add(time.Duration(silence)))
	}
	return n, err
}

func (w *watched) Write(b []byte) (int, error) {
	w.SetWriteDeadline(time.Now().Add(stuckAfter))
	return w.Conn.Write(b)
}

// open opens a connection to the broker, with TLS where its address asks for
// it, and gives the connection beneath that as well.
func (e Endpoint) open(at *url.URL) (conn net.Conn, beneath *watched, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	var conf *tls.Config
	if at.Scheme == "ssl" {
		if conf, err = e.tls(at.Hostname()); err != nil {
			return nil, nil, err
		}
	}
	dial := e.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: userTimeout}).DialContext
	}
	raw, err := dial(ctx, "tcp", at.Host)
	if err != nil {
		return nil, nil, err
	}
	w := &watched{Conn: raw}
	if conf == nil {
		return newBounded(w), w, nil
	}
	secure := tls.Client(w, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		raw.Close()
		if byThem(err) {
			err = fmt.Errorf("%w: %w", errNoTLS, err)
		}
		return nil, nil, err
	}
	return newBounded(secure), w, nil
}

// tls gives what a broker of that name is checked by.
func (e Endpoint) tls(host string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.TLS != nil {
		set, err := e.TLS()
		if err != nil {
			return nil, err
		}
		conf = set.Clone()
	}
	if conf.ServerName == "" {
		conf.ServerName = host
	}
	return conf, nil
}
