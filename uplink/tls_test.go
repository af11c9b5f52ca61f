package uplink

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// authority makes certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	pair := a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue signs a certificate for an hour; the first one signs itself.
func (a *authority) issue(c *x509.Certificate) tls.Certificate {
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	return a.issueFor(c)
}

// issueFor signs a certificate for the time that it names.
func (a *authority) issueFor(c *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// as gives a configuration to an endpoint; nil: none.
func as(c *tls.Config) func() (*tls.Config, error) {
	if c == nil {
		return nil
	}
	return func() (*tls.Config, error) { return c, nil }
}

// listenTLS is a broker that admits whoever gets through TLS.
func listenTLS(t *testing.T, c *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := packets.ReadPacket(conn); err == nil {
					packets.NewControlPacket(packets.Connack).Write(conn)
					io.Copy(io.Discard, conn)
				}
			}()
		}
	}()
	return "ssl://" + l.Addr().String()
}

// TestBrokerIsChecked: what a broker's certificate must show, and what it need
// not where the chain is pinned.
func TestBrokerIsChecked(t *testing.T) {
	root, other := newAuthority(t, "root"), newAuthority(t, "other")
	server := func(c *x509.Certificate) *tls.Config {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		return &tls.Config{Certificates: []tls.Certificate{root.issue(c)}}
	}
	local := server(&x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	named := server(&x509.Certificate{DNSNames: []string{"broker.example"}})
	nameless := server(&x509.Certificate{Subject: pkix.Name{CommonName: "OneNET MQTTS"}})
	old := local.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	asks := local.Clone()
	asks.ClientAuth, asks.ClientCAs = tls.RequireAndVerifyClientCert, root.pool()
	asks.MaxVersion = tls.VersionTLS12 // with 1.3 a client learns of its refusal later
	client := root.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "board"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	stranger := other.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "board"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})

	config := func(change func(*tls.Config)) *tls.Config {
		c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: root.pool()}
		if change != nil {
			change(c)
		}
		return c
	}
	foreign := func(c *tls.Config) { c.RootCAs = other.pool() }
	for name, c := range map[string]struct {
		server *tls.Config
		conf   *tls.Config
		want   bool
	}{
		"the CA's certificate for this address":      {local, config(nil), true},
		"another CA's":                               {local, config(foreign), false},
		"no CA at all: those of the system":          {local, nil, false},
		"for another name":                           {named, config(nil), false},
		"for another name, which is server_name":     {named, config(func(c *tls.Config) { c.ServerName = "broker.example" }), true},
		"for this address, but server_name is other": {local, config(func(c *tls.Config) { c.ServerName = "broker.example" }), false},
		"without a name":                             {nameless, config(nil), false},
		"without a name, the chain is pinned":        {nameless, PinChain(config(nil)), true},
		"without a name, another chain is pinned":    {nameless, PinChain(config(foreign)), false},
		"for another name, the chain is pinned":      {named, PinChain(config(nil)), true},
		"TLS 1.1":                                    {old, config(nil), false},
		"TLS 1.1, the chain is pinned":               {old, PinChain(config(nil)), false},
		"wants a certificate and gets it":            {asks, config(func(c *tls.Config) { c.Certificates = []tls.Certificate{client} }), true},
		"wants a certificate and gets none":          {asks, config(nil), false},
		"wants a certificate and gets a stranger's":  {asks, config(func(c *tls.Config) { c.Certificates = []tls.Certificate{stranger} }), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := dial(t.Context(), Endpoint{URL: listenTLS(t, c.server), TLS: as(c.conf)}, Login{ClientID: "c"}, 4)
			if err == nil {
				got.close()
			}
			if (err == nil) != c.want {
				t.Errorf("connected %v, want %v: %v", err == nil, c.want, err)
			}
		})
	}
}
