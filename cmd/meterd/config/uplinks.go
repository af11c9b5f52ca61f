package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/iotkit"
)

// Uplink is one platform.
type Uplink struct {
	Name, Kind string
	Skip       bool // this version does not speak to it
	// Make gives the platform.
	Make       func(Env) uplink.Platform
	Endpoint   uplink.Endpoint
	ClientID   string
	Username   string
	FromOldest bool
	Window     int
	Timeout    time.Duration

	Directory *uplink.Directory // who is who there
	streams   string            // of kind "onenet"
	prefix    string            // before each meter's default id
	iotkit    iotkit.Config     // of kind "iotkit"
}

func (c *Config) uplinks(root *table) {
	for _, t := range root.list("uplink", "[[uplink]]") {
		u := Uplink{Name: t.required("name")}
		if slices.ContainsFunc(c.Uplinks, func(o Uplink) bool { return o.Name == u.Name }) && u.Name != "" {
			t.problem("name", "its place in the ring goes by the name: give each uplink one of its own", "two uplinks have the name %q", u.Name)
		}
		if u.Name == meter.ByConsole {
			t.problem("name", "give it another name", "%s: the record of commands calls people %q", t.title, u.Name)
		}
		if len(u.Name) > store.MaxCursorName {
			t.problem("name", "", "%s: a name has %d bytes at most", t.title, store.MaxCursorName)
		}
		names := Kinds()
		if kind := t.required("kind"); slices.Contains(names, kind) {
			u.Kind = kind
		} else if kind != "" {
			t.oneOf("kind", names...)
		}
		c.common(t, &u)
		c.platform(t, &u)
		t.finish()
		c.Uplinks = append(c.Uplinks, u)
	}
	if n := len(c.Uplinks); n > store.MaxCursors {
		root.problem("uplink", "", "%d uplinks are more than the %d that the ring keeps a place for", n, store.MaxCursors)
	}
}

// common reads the keys that all kinds share.
func (c *Config) common(t *table, u *Uplink) {
	u.Endpoint.URL = t.required("broker")
	if u.Endpoint.URL != "" {
		if err := uplink.CheckURL(u.Endpoint.URL); err != nil {
			t.problem("broker", "", "%s: broker %v", t.title, err)
		}
	}
	u.ClientID = t.str("client_id", c.Gateway.ID)
	u.Username = t.str("username", "")
	u.Endpoint.KeepAlive = t.duration("keepalive", time.Minute, 30*time.Second, 20*time.Minute)
	u.FromOldest = t.oneOf("from", "oldest", "now") == "oldest"
	u.Window = int(t.integer("window", 16, 1, 256))
	u.Timeout = t.duration("timeout", 10*time.Second, time.Second, 10*time.Minute)
	c.tls(t, u)
}

// tls reads what secures the connection. A file that is not there yet is a
// warning: it may come with the next stick.
func (c *Config) tls(t *table, u *Uplink) {
	ca, cert, key := t.str("ca", ""), t.str("cert", ""), t.str("key", "")
	name, pin := t.str("server_name", ""), t.boolean("pin_chain", false)
	if !strings.HasPrefix(u.Endpoint.URL, "ssl://") {
		if ca+cert+key+name != "" || pin {
			t.problem("broker", "write ssl://host:port, or leave ca, cert, key, server_name and pin_chain out", "%s: TLS settings with a broker that is not ssl://", t.title)
		}
		return
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		roots := x509.NewCertPool()
		switch {
		case errors.Is(err, os.ErrNotExist):
			t.note("ca", true, "the uplink cannot connect until it is there", "%s: there is no file %s", t.title, ca)
			t.lacking()
		case err != nil:
			t.problem("ca", "", "%s: ca: %v", t.title, err)
		case !roots.AppendCertsFromPEM(pem):
			t.problem("ca", "", "%s: %s holds no certificate in PEM form", t.title, ca)
		}
		conf.RootCAs = roots
	}
	switch {
	case (cert == "") != (key == ""):
		t.problem("cert", "", "%s: cert and key belong together", t.title)
	case cert != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.note("cert", errors.Is(err, os.ErrNotExist), "", "%s: cert and key: %v", t.title, err)
			t.lacking()
		} else {
			conf.Certificates = []tls.Certificate{pair}
		}
	}
	if pin {
		if ca == "" {
			t.problem("pin_chain", "name the platform's root certificate in ca", "%s: pin_chain needs ca", t.title)
		}
		conf = uplink.PinChain(conf)
	}
	u.Endpoint.TLS = conf
}
