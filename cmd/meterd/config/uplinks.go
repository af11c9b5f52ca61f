package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/board"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/broker"
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
	Board      bool // the platform is told how the board itself fares
	Window     int
	Timeout    time.Duration
	Spread     time.Duration

	Directory *uplink.Directory // who is who there
	more      []uplink.Row      // beyond the kind's own rows
	streams   string            // of kind "onenet"
	prefix    string            // before each meter's default id
	iotkit    iotkit.Config     // of kind "iotkit"
	broker    broker.Config     // of kind "mqtt"
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
	c.brokers(t, u)
	u.ClientID = t.str("client_id", c.Gateway.ID)
	u.Username = t.str("username", "")
	u.Endpoint.KeepAlive = t.duration("keepalive", time.Minute, 30*time.Second, 20*time.Minute)
	u.FromOldest = t.oneOf("from", "oldest", "now") == "oldest"
	u.Board = t.boolean("gateway_state", false)
	u.Window = int(t.integer("window", 16, 1, 256))
	u.Timeout = t.duration("timeout", 10*time.Second, time.Second, 10*time.Minute)
	u.Spread = t.duration("spread", 0, 0, 5*time.Minute)
	c.tls(t, u)
}

// mostBrokers bounds the brokers of one uplink.
const mostBrokers = 16

// brokers reads the address of the broker, or of several that are the same
// platform. All are reached alike.
func (c *Config) brokers(t *table, u *Uplink) {
	all := t.requiredTexts("broker")
	if len(all) == 0 {
		return
	}
	for i, s := range all {
		for scheme, taken := range map[string]string{"mqtt://": "tcp://", "mqtts://": "ssl://"} {
			if rest, ok := strings.CutPrefix(s, scheme); ok {
				all[i] = taken + rest
				t.note("broker", true, "write "+taken, "%s: broker %q begins with %s, and is taken as %s", t.title, s, scheme, all[i])
			}
		}
	}
	u.Endpoint.URL, u.Endpoint.More = all[0], all[1:]
	for i, s := range all {
		if strings.HasPrefix(s, "tcp://") && strings.HasSuffix(s, ":8883") {
			t.note("broker", true, `write ssl:// where the broker wants TLS`, "%s: broker %q is reached without TLS, at the port of TLS", t.title, s)
		}
		if err := uplink.CheckURL(s); err != nil {
			t.brokerProblem(s, err)
		}
		if slices.Contains(all[:i], s) {
			t.problem("broker", "", "%s: broker %q is in the list twice", t.title, s)
		}
		if strings.HasPrefix(s, "ssl://") != strings.HasPrefix(all[0], "ssl://") {
			t.problem("broker", "write ssl:// before each, or tcp:// before each", "%s: broker %q is reached otherwise than %q", t.title, s, all[0])
		}
	}
	if len(all) > mostBrokers {
		t.problem("broker", "", "%s: %d brokers are more than %d", t.title, len(all), mostBrokers)
	}
}

// brokerProblem tells why a broker's address is none.
func (t *table) brokerProblem(s string, err error) {
	scheme, host, schemed := strings.Cut(narrow(s), "://")
	known := schemed && (scheme == "tcp" || scheme == "ssl")
	switch {
	case strings.Contains(s, "@"): // a password may stand before it
		t.problem("broker", "", "%s: broker %v", t.title, err)
	case strings.TrimSpace(s) != s && uplink.CheckURL(strings.TrimSpace(s)) == nil:
		t.problem("broker", fmt.Sprintf("do you mean %q?", strings.TrimSpace(s)), "%s: %s ends or begins with a blank", t.title, "broker")
	case narrow(s) != s && uplink.CheckURL(narrow(s)) == nil:
		t.problem("broker", fmt.Sprintf("do you mean %q?", narrow(s)), "%s: a wide sign of a Chinese keyboard: %s", t.title, firstWide(s))
	case !schemed && uplink.CheckURL("tcp://"+s) == nil:
		t.problem("broker", fmt.Sprintf("do you mean %q?", "tcp://"+s), "%s: broker %q begins with neither tcp:// nor ssl://", t.title, s)
	case !known:
		t.problem("broker", "write ssl://host:port or tcp://host:port", "%s: broker %q begins with neither tcp:// nor ssl://", t.title, s)
	case wrongPort(host) != "":
		t.problem("broker", "as: 1883, or 8883 with TLS", "%s: broker %q lacks host or port: %s is not one of 1 to 65535", t.title, s, wrongPort(host))
	case !strings.Contains(host, ":"):
		port := map[string]string{"tcp": ":1883", "ssl": ":8883"}[scheme]
		t.problem("broker", fmt.Sprintf("do you mean %q?", strings.TrimRight(s, "/")+port), "%s: broker %q lacks host or port: want %s://host:port", t.title, s, scheme)
	default:
		t.problem("broker", "write ssl://host:port or tcp://host:port", "%s: broker %q lacks host or port: want %s://host:port", t.title, s, scheme)
	}
}

// tls reads what secures the connection. What is wrong with a file turns this
// uplink off, and no more: meters are read all the same, and the file is read
// again at each connect. One that is not there yet is a warning: it may come
// with the next stick.
func (c *Config) tls(t *table, u *Uplink) {
	ca, cert, key := t.str("ca", ""), t.str("cert", ""), t.str("key", "")
	name, pin := t.str("server_name", ""), t.boolean("pin_chain", false)
	if !strings.HasPrefix(u.Endpoint.URL, "ssl://") {
		if ca+cert+key+name != "" || pin {
			t.problem("broker", "write ssl://host:port, or leave ca, cert, key, server_name and pin_chain out", "%s: TLS settings with a broker that is not ssl://", t.title)
		}
		return
	}
	if (cert == "") != (key == "") {
		t.problem("cert", "", "%s: cert and key belong together", t.title)
		return
	}
	if pin && ca == "" {
		t.problem("pin_chain", "name the platform's root certificate in ca", "%s: pin_chain needs ca", t.title)
	}
	for _, path := range []string{ca, cert, key} {
		if path != "" {
			c.named = append(c.named, path)
		}
	}
	u.Endpoint.TLS = func() (*tls.Config, error) { return loadTLS(readPEM, ca, cert, key, name, pin) }
	conf, err := loadTLS(func(path string) ([]byte, error) {
		if b, ok := c.beside(path); ok {
			return b, nil
		}
		return readPEM(path)
	}, ca, cert, key, name, pin)
	if file, ok := errors.AsType[*uplink.FileError](err); ok {
		t.note(file.Key, errors.Is(err, fs.ErrNotExist), "the uplink cannot connect until it is right", "%s: %v", t.title, err)
		t.confined()
		t.lacking()
		return
	}
	if err == nil && len(conf.Certificates) > 0 && conf.Certificates[0].Leaf != nil {
		if end := conf.Certificates[0].Leaf.NotAfter; time.Now().After(end) {
			t.problem("cert", "bring a certificate that is valid still", "%s: cert: %s has expired on %s", t.title, cert, end.UTC().Format(time.DateOnly))
			t.confined()
		}
	}
}

// mostPEM is more than any file of certificates has.
const mostPEM = 1 << 20

func readPEM(path string) ([]byte, error) { return board.ReadFile(path, mostPEM) }

// loadTLS gives what a broker is checked by, and what it may check. Its errors
// are FileErrors.
func loadTLS(read func(path string) ([]byte, error), ca, cert, key, name string, pin bool) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if ca != "" {
		pem, err := read(ca)
		conf.RootCAs = x509.NewCertPool()
		if err == nil && !conf.RootCAs.AppendCertsFromPEM(pem) {
			err = errors.New("it holds no certificate in PEM form")
		}
		if err != nil {
			return nil, &uplink.FileError{Key: "ca", Path: ca, Err: withoutPath(err)}
		}
	}
	if cert != "" {
		certPEM, err := read(cert)
		var keyPEM []byte
		if err == nil {
			keyPEM, err = read(key)
		}
		var pair tls.Certificate
		if err == nil {
			pair, err = tls.X509KeyPair(certPEM, keyPEM)
		}
		if err != nil {
			file := cert
			if at, ok := errors.AsType[*fs.PathError](err); ok {
				file = at.Path
			}
			return nil, &uplink.FileError{Key: "cert", Path: file, Err: withoutPath(err)}
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	if pin {
		conf = uplink.PinChain(conf)
	}
	return conf, nil
}

// withoutPath gives what is wrong with a file whose path is told beside it.
func withoutPath(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// wrongPort gives the port of host:port where it is a number of no port.
func wrongPort(host string) string {
	_, port, err := net.SplitHostPort(host)
	if n, bad := strconv.Atoi(port); err == nil && bad == nil && (n < 1 || n > 65535) {
		return port
	}
	return ""
}
