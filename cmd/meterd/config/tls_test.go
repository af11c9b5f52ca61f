package config

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"meterd/uplink"
)

// TestFilesThatAConfigurationNamesAreBounded: what is no regular file of some
// size ends the reading at once, and names its key and its path.
func TestFilesThatAConfigurationNamesAreBounded(t *testing.T) {
	dir := t.TempDir()
	fifo, large := filepath.Join(dir, "fifo"), filepath.Join(dir, "large")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(large, bytes.Repeat([]byte("x"), mostPEM+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/dev/zero": "it is no regular file", fifo: "it is no regular file", dir: "it is no regular file", large: "it has more than 1048576 bytes",
		filepath.Join(dir, "none"): "no such file",
	} {
		for key, load := range map[string]func() error{
			"ca":   func() error { _, err := loadTLS(readPEM, path, "", "", "", false); return err },
			"cert": func() error { _, err := loadTLS(readPEM, "", path, path, "", false); return err },
		} {
			err := load()
			if file, ok := errors.AsType[*uplink.FileError](err); !ok || file.Key != key || file.Path != path || !strings.Contains(file.Err.Error(), want) {
				t.Errorf("%s = %s: %v, want %q", key, path, err, want)
			}
		}
	}
}

// TestAnExpiredCertificateIsToldBeforeTheBrokerRefusesIt, and nobody takes over
// a configuration with one; a board that has it goes on reading meters.
func TestAnExpiredCertificateIsToldBeforeTheBrokerRefusesIt(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for end, told := range map[time.Time]bool{time.Now().Add(-time.Hour): true, time.Now().Add(time.Hour): false} {
		c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.AddDate(-1, 0, 0), NotAfter: end}
		der, err := x509.CreateCertificate(rand.Reader, c, c, public, private)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "own.pem")
		both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
		if err := os.WriteFile(file, both, 0o600); err != nil {
			t.Fatal(err)
		}
		_, problems := Parse("m.toml", minimal+fmt.Sprintf("[[uplink]]\nname = \"own\"\nkind = \"mqtt\"\nbroker = \"ssl://host:8883\"\ncert = %q\nkey = %q\n", file, file))
		if told != (len(problems) == 1 && strings.Contains(problems[0].Text, "has expired on "+end.UTC().Format(time.DateOnly)) && Failed(problems) && !Unusable(problems)) || !told && len(problems) != 0 {
			t.Errorf("valid until %v: %v", end, problems)
		}
	}
}
