// Package fetch brings files over HTTP: one request at a time, and a file in
// pieces that goes on where it broke off. It follows no redirect, keeps no
// cookie and no connection: the standard library's client would be a tenth of
// the program.
package fetch

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	dialTime = 30 * time.Second
	// silence is how long a server may say nothing.
	silence = time.Minute
)

// Do sends a request and gives the answer, whose body is to be closed. The
// server may be silent for a minute at most. TLS is for https, nil for what the
// system trusts.
func Do(ctx context.Context, r *http.Request, conf *tls.Config) (*http.Response, error) {
	port := r.URL.Port()
	switch {
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return nil, fmt.Errorf("fetch: %q is neither http nor https", r.URL.Scheme)
	case r.URL.Hostname() == "":
		return nil, errors.New("fetch: the address names no host")
	case port == "":
		port = map[string]string{"http": "80", "https": "443"}[r.URL.Scheme]
	}
	d := net.Dialer{Timeout: dialTime}
	raw, err := d.DialContext(ctx, "tcp", net.JoinHostPort(r.URL.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	c := &conn{Conn: raw}
	c.stop = context.AfterFunc(ctx, func() { raw.Close() })
	var w net.Conn = c
	if r.URL.Scheme == "https" {
		own := &tls.Config{}
		if conf != nil {
			own = &tls.Config{RootCAs: conf.RootCAs, InsecureSkipVerify: conf.InsecureSkipVerify, MinVersion: conf.MinVersion, Time: conf.Time}
		}
		own.ServerName = r.URL.Hostname()
		w = tls.Client(c, own)
	}
	r.Close = true // one answer a connection
	resp, err := exchange(w, r)
	if err != nil {
		c.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("fetch: %w", err)
	}
	resp.Body = &body{resp.Body, c}
	return resp, nil
}

func exchange(w net.Conn, r *http.Request) (*http.Response, error) {
	if err := r.Write(w); err != nil {
		return nil, err
	}
	in := &io.LimitedReader{R: w, N: mostHead} // the library holds all of a head in memory
	resp, err := http.ReadResponse(bufio.NewReader(in), r)
	in.N = mostAnswer
	return resp, err
}

// mostHead bounds the head of an answer in bytes.
const mostHead = 64 << 10

// mostAnswer bounds an answer in bytes, whatever it says of itself.
const mostAnswer = 1 << 30

// conn is a connection that ends when it is silent for long.
type conn struct {
	net.Conn
	stop func() bool
}

func (c *conn) Read(b []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(silence))
	return c.Conn.Read(b)
}

func (c *conn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(silence))
	return c.Conn.Write(b)
}

func (c *conn) Close() error {
	c.stop()
	return c.Conn.Close()
}

// body closes its connection.
type body struct {
	io.ReadCloser
	c *conn
}

func (b *body) Close() error { return errors.Join(b.ReadCloser.Close(), b.c.Close()) }
