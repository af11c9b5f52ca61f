package station

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// aCertificate makes one with its key.
func aCertificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// TestAStickBringsCertificates: they are taken with the configuration, renewed
// without another one, and go back with it.
func TestAStickBringsCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ran, text := newStickStation(t, "")
		dir := filepath.Join(filepath.Dir(st.Files.Path), "certs")
		text += fmt.Sprintf("[[uplink]]\nname = \"cloud\"\nkind = \"tuya\"\nbroker = \"ssl://mqtt.example:8883\"\nusername = \"vendor01\"\nca = %q\ncert = %q\nkey = %q\n[uplink.tuya]\nproduct_id = \"pid01\"\n",
			filepath.Join(dir, "ca.pem"), filepath.Join(dir, "own.crt"), filepath.Join(dir, "own.key"))
		holds := func(name string) string {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if errors.Is(err, os.ErrNotExist) {
				return ""
			}
			if info, _ := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != 0o600 {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
			return string(b)
		}
		ca, _ := aCertificate(t, "ca")
		one, oneKey := aCertificate(t, "one")
		two, twoKey := aCertificate(t, "two")
		s := &plainStick{dir: t.TempDir()}
		bring := func(proves bool, want ...string) {
			t.Helper()
			all, _ := filepath.Glob(filepath.Join(s.dir, "meterd-report-*"))
			for _, old := range all {
				os.Remove(old)
			}
			pull := plug(t, st, s, true)
			wants(t, s.report(t), want...)
			prove(t, st, proves)
			time.Sleep(2 * time.Second)
			if last := map[bool]string{true: "result: TAKEN OVER\r\n", false: "result: TAKEN BACK\r\n"}[proves]; strings.Contains(strings.Join(want, ""), "ON TRIAL") {
				wants(t, s.report(t), last)
			}
			pull()
		}

		s.put(t, stickConfig, text)
		bring(true, "REFUSED", "there is no file "+filepath.Join(dir, "ca.pem"), "a stick may bring it beside meterd.toml")
		s.put(t, "ca.pem", ca)
		s.put(t, "own.crt", one)
		s.put(t, "own.key", twoKey)
		bring(true, "REFUSED", "private key does not match")
		if _, err := os.Stat(dir); err == nil {
			t.Error("what was refused is written")
		}
		s.put(t, "own.key", oneKey)
		bring(false, "ON TRIAL", "with it: ca.pem, own.crt, own.key")
		if got := holds("ca.pem") + holds("own.crt") + holds("own.key"); got != "" {
			t.Errorf("taken back, and this stays: %s", got)
		}
		bring(true, "ON TRIAL", "with it: ca.pem, own.crt, own.key")
		if holds("ca.pem") != ca || holds("own.crt") != one || holds("own.key") != oneKey {
			t.Error("the files are not those of the stick")
		}
		if _, err := st.onDuty().config.Uplinks[0].Endpoint.TLS(); err != nil {
			t.Error(err)
		}
		bring(true, "NOTHING TO DO")
		before := len(ran())
		s.put(t, "own.crt", two)
		s.put(t, "own.key", twoKey)
		bring(false, "ON TRIAL", "with it: own.crt, own.key")
		if holds("own.crt") != one || holds("own.key") != oneKey || len(ran()) != before+2 {
			t.Errorf("a renewal that was taken back leaves its files, and %v ran", ran())
		}
		bring(true, "ON TRIAL", "with it: own.crt, own.key")
		if holds("ca.pem") != ca || holds("own.crt") != two || holds("own.key") != twoKey {
			t.Error("the files are not those of the renewal")
		}
	})
}

// TestCertificatesAreSignedToo where signatures are asked for.
func TestCertificatesAreSignedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		usb, sign := signing(t)
		st, _, text := newStickStation(t, usb)
		path := filepath.Join(filepath.Dir(st.Files.Path), "ca.pem")
		text += usb + fmt.Sprintf("[[uplink]]\nname = \"cloud\"\nkind = \"tuya\"\nbroker = \"ssl://mqtt.example:8883\"\nusername = \"vendor01\"\nca = %q\n[uplink.tuya]\nproduct_id = \"pid01\"\n", path)
		ca, _ := aCertificate(t, "ca")
		forged, _ := aCertificate(t, "forged")
		const dated = "gateway:* date:2026-11-20T12:00:00Z"
		covers := fmt.Sprintf("%s sha256:ca.pem=%x", dated, sha256.Sum256([]byte(ca)))
		for _, c := range []struct{ file, comment, language, want string }{
			{ca, dated, "en", "ca.pem comes with it, and the signature does not cover it"},
			{ca, dated, "zh", "随附的 ca.pem 未包含在签名中"},
			{ca, "timestamp:1633700835", "en", "ca.pem comes with it, and the signature does not cover it"},
			{forged, covers, "en", "ca.pem is not the file that was signed"},
			{"", covers, "en", "ca.pem is not the file that was signed"},
			{ca, covers, "en", "TAKEN OVER"},
		} {
			s := &plainStick{dir: t.TempDir()}
			st.onDuty().config.Gateway.Language = c.language
			s.put(t, stickConfig, text)
			s.put(t, stickSignature, sign(text, c.comment))
			if c.file != "" {
				s.put(t, "ca.pem", c.file)
			}
			pull := plug(t, st, s, true)
			wants(t, s.report(t), c.want)
			b, _ := os.ReadFile(path)
			if taken := c.want == "TAKEN OVER"; taken != (string(b) == ca) || !taken && len(b) > 0 {
				t.Errorf("%s: written is %q", c.want, b)
			}
			pull()
		}
	})
}
