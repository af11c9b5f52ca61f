package uplink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// listen is a server that does this with each connection, and then closes it.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// heard reads the connect and answers with these bytes.
func heard(answer []byte) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := packets.ReadPacket(c); err == nil {
			c.Write(answer)
			io.Copy(io.Discard, c) // until the other end closes
		}
	}
}

// TestEveryCauseHasItsNextStep makes a connect fail in each way there is, and
// holds it to its first words, which a screen of 80 columns shows, and to what
// is to be done, in both languages.
func TestEveryCauseHasItsNextStep(t *testing.T) {
	root, other := newAuthority(t, "root"), newAuthority(t, "Somebody's CA")
	local := func(of *authority, from, to time.Duration) *tls.Config {
		c := &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"broker.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
		c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to)
		return &tls.Config{Certificates: []tls.Certificate{of.issueFor(c)}}
	}
	good := local(root, -time.Hour, time.Hour)
	asks := good.Clone()
	asks.ClientAuth, asks.ClientCAs = tls.RequireAndVerifyClientCert, root.pool()
	ours := func(change func(*tls.Config)) func() (*tls.Config, error) {
		c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: root.pool()}
		if change != nil {
			change(c)
		}
		return as(c)
	}
	named := good.Clone()
	named.Certificates = []tls.Certificate{root.issueFor(&x509.Certificate{Subject: pkix.Name{CommonName: "x"}, DNSNames: []string{"mqtt.cloud.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)})}
	fails := func(err error) Endpoint {
		return Endpoint{URL: "tcp://broker.example:1883", Dial: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	garbage := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	connack := func(code byte) []byte { return []byte{0x20, 2, 0, code} }
	for _, c := range []struct {
		name        string
		at          Endpoint
		doubted     bool
		words, hint string // how they begin, and what they hold
		credentials bool
	}{
		{"an unknown CA", Endpoint{URL: listenTLS(t, local(other, -time.Hour, time.Hour)), TLS: ours(nil)}, false, `unknown CA: nobody whom we trust signed the broker's certificate (by "Somebody's CA")`, "into ca", false},
		{"a wrong name", Endpoint{URL: listenTLS(t, named), TLS: ours(nil)}, false, "wrong name: the broker's certificate is for mqtt.cloud.example, not for 127.0.0.1", "server_name", false},
		{"expired", Endpoint{URL: listenTLS(t, local(root, -3*time.Hour, -2*time.Hour)), TLS: ours(nil)}, false, "expired: the broker's certificate is for ", "renew", false},
		{"expired, by a doubted clock", Endpoint{URL: listenTLS(t, local(root, -3*time.Hour, -2*time.Hour)), TLS: ours(nil)}, true, "expired: the broker's certificate", "clock first", false},
		{"not yet valid", Endpoint{URL: listenTLS(t, local(root, 2*time.Hour, 3*time.Hour)), TLS: ours(nil)}, false, "not yet valid: the broker's certificate", "clock first", false},
		{"it wants a certificate of ours", Endpoint{URL: listenTLS(t, asks), TLS: ours(nil)}, false, "refused by the broker's TLS: ", "cert and key", false},
		{"a file that is not there", Endpoint{URL: "ssl://127.0.0.1:1", TLS: func() (*tls.Config, error) {
			_, err := os.ReadFile(garbage + ".none")
			return nil, &FileError{"ca", garbage + ".none", err}
		}}, false, "there is no file " + garbage + ".none, which ca names", "stick", false},
		{"a file with something else in it", Endpoint{URL: "ssl://127.0.0.1:1", TLS: func() (*tls.Config, error) {
			return nil, &FileError{"ca", garbage, errors.New("no certificate in PEM form")}
		}}, false, "ca: " + garbage + ": no certificate in PEM form", "replace the file", false},
		{"ssl where tcp is spoken", Endpoint{URL: "ssl://" + listen(t, func(c net.Conn) { c.Write([]byte("hello, this is no TLS at all")); io.Copy(io.Discard, c) }), TLS: ours(nil)}, false, "no TLS: ", "tcp://", false},
		{"ssl where tcp is spoken, and it closes", Endpoint{URL: "ssl://" + listen(t, func(c net.Conn) { c.Read(make([]byte, 1)) }), TLS: ours(nil)}, false, "no TLS: the other end closes as soon as it begins", "tcp://", false},
		{"ssl where tcp is spoken, and it closes when all was read", Endpoint{URL: "ssl://" + listen(t, func(c net.Conn) { c.Read(make([]byte, 1<<12)) }), TLS: ours(nil)}, false, "no TLS: the other end closes as soon as it begins", "tcp://", false},
		{"tcp where ssl is spoken, and it closes", Endpoint{URL: "tcp" + strings.TrimPrefix(listenTLS(t, good), "ssl")}, false, "closed by the other end before it answered", "ssl://", false},
		{"tcp where ssl is spoken", Endpoint{URL: "tcp://" + listen(t, heard([]byte{0x15, 3, 1, 0, 2, 2, 70}))}, false, "the broker speaks TLS at this port", "ssl://", false},
		{"a web server", Endpoint{URL: "tcp://" + listen(t, heard([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")))}, false, "what answers at this port is no MQTT broker", "1883", false},
		{"nobody there", Endpoint{URL: "tcp://127.0.0.1:1"}, false, "nobody listens there: ", "port", false},
		{"no such name", fails(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "broker.example", IsNotFound: true}}), false, "no address for broker.example: no such host", "resolv.conf", false},
		{"no network", fails(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}), false, "no way there: ", "SIM", false},
		{"no host", fails(&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}), false, "no way there: ", "SIM", false},
		{"nothing comes back", fails(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}), false, "no answer from there: ", "firewall", false},
		{"it closes without a word", Endpoint{URL: "tcp://" + listen(t, func(c net.Conn) { packets.ReadPacket(c) })}, false, "closed by the other end before it answered", "client_id", false},
		{"version", Endpoint{URL: "tcp://" + listen(t, heard(connack(1)))}, false, "refused by the broker: protocol version", "3.1.1", false},
		{"client id", Endpoint{URL: "tcp://" + listen(t, heard(connack(2)))}, false, "refused by the broker: client id or keepalive", "client_id", true},
		{"unavailable", Endpoint{URL: "tcp://" + listen(t, heard(connack(3)))}, false, "refused by the broker: server unavailable", "trouble", false},
		{"password", Endpoint{URL: "tcp://" + listen(t, heard(connack(4)))}, false, "refused by the broker: bad user name or password", "user name", true},
		{"not authorised", Endpoint{URL: "tcp://" + listen(t, heard(connack(5)))}, false, "refused by the broker: not authorised", "enabled", true},
		{"a subscription", Endpoint{URL: "tcp://" + listen(t, func(c net.Conn) {
			packets.ReadPacket(c)
			c.Write(connack(0))
			if p, err := packets.ReadPacket(c); err == nil {
				c.Write([]byte{0x90, 3, 0, byte(p.Details().MessageID), 0x80})
				io.Copy(io.Discard, c)
			}
		})}, false, "no subscription: subscribe to t: refused by the broker (80)", "may subscribe", false},
		{"a packet of 256 MiB", Endpoint{URL: "tcp://" + listen(t, heard([]byte{0x20, 0xFF, 0xFF, 0xFF, 0x7F}))}, false, "too much: the broker sends a packet of 268435455 bytes", "platform", false},
		{"a length without an end", Endpoint{URL: "tcp://" + listen(t, heard([]byte{0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}))}, false, "what answers at this port is no MQTT broker", "1883", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn, err := dial(t.Context(), c.at, Login{ClientID: "c", Username: "u", Topics: []string{"t"}}, 4)
			if err == nil {
				err = <-conn.lost // TLS 1.3 tells a client later that it is refused
				conn.close()
			}
			got, ok := errors.AsType[*cause](explain(err, time.Now(), !c.doubted))
			if !ok || !strings.HasPrefix(got.Words, c.words) || !strings.Contains(got.Hint.EN, c.hint) || got.Hint.ZH == "" || got.Credentials != c.credentials {
				t.Errorf("got %+v of %v\nwant %q, %q", got, err, c.words, c.hint)
			}
			if got != nil && got.Hint == anyNetwork {
				t.Error("it tells no more than that there is no connection")
			}
		})
	}
}

// TestWhatIsTooMuchNeverReachesTheLibrary sends packets of all sizes through
// the bound, in pieces of any length: what fits comes out as it went in.
func TestWhatIsTooMuchNeverReachesTheLibrary(t *testing.T) {
	for _, size := range []int{0, 1, 127, 128, 16383, 16384, mostPacket, mostPacket + 1, 2097151, 2097152, 268435455} {
		ours, theirs := net.Pipe()
		head := []byte{0x20}
		for n := size; ; n >>= 7 {
			if n < 0x80 {
				head = append(head, byte(n))
				break
			}
			head = append(head, byte(n)|0x80)
		}
		go func() {
			defer theirs.Close()
			theirs.Write(head)
			if size <= mostPacket {
				theirs.Write(make([]byte, size))
				theirs.Write([]byte{0xD0, 0}) // another one
			}
		}()
		got, err := io.ReadAll(newBounded(ours))
		ours.Close()
		if size <= mostPacket {
			if err != nil || len(got) != len(head)+size+2 {
				t.Errorf("%d bytes: %d came, %v", size, len(got), err)
			}
			continue
		}
		if tooMuch, ok := errors.AsType[*packetError](err); !ok || tooMuch.size != size || len(got) > 0 {
			t.Errorf("%d bytes: %d came, %v", size, len(got), err)
		}
	}
}
